//! What stands around the panel: banner, row of steps, notices, footer.

use ratatui::style::{Modifier, Style};

use crate::tui::strip::Strip;
use crate::tui::theme::Theme;
use crate::view::{Banner, Footer, Mode, Progress, Status, Text, Tone};

fn ellipsis(theme: Theme) -> char {
    if theme.ascii { '.' } else { '…' }
}

/// REAL or DRILL, so that it can't be missed.
pub fn mode_style(theme: Theme, mode: Mode) -> Style {
    match mode {
        Mode::Real => theme.style(Tone::Red).add_modifier(Modifier::REVERSED),
        Mode::Drill => theme.style(Tone::Cyan).add_modifier(Modifier::REVERSED),
    }
}

/// The banner's left part.
pub fn place(theme: Theme, banner: &Banner) -> Strip {
    let mut strip = Strip::of(" ", Style::new());
    strip.append(Strip::of(banner.mode.word(), mode_style(theme, banner.mode)));
    let mut parts = vec![Text::from(format!("{} {}", banner.environment, banner.account).trim())];
    parts.extend(
        [&banner.user, &banner.title].into_iter().filter(|part| !part.is_empty()).map(|p| Text::from(p.as_str())),
    );
    for (i, part) in parts.iter().enumerate() {
        strip.push(&theme.words(if i == 0 { " " } else { " · " }), Style::new());
        strip.append(theme.strip(part));
    }
    strip
}

/// A row with a left and a right part; the left one yields.
pub fn split(theme: Theme, left: Strip, right: Strip, width: usize) -> Strip {
    let right = right.elide(width.saturating_sub(2), ellipsis(theme));
    let room = width.saturating_sub(if right.is_empty() { 1 } else { right.width() + 2 });
    let mut line = left.elide(room, ellipsis(theme));
    if !right.is_empty() {
        line.pad(width.saturating_sub(right.width() + 1));
        line.append(right);
    }
    line.pad(width);
    line
}

/// The first row.
pub fn banner(theme: Theme, banner: &Banner, width: usize) -> Strip {
    split(theme, place(theme, banner), theme.strip(&banner.right), width)
}

/// The row of steps, grouped by the SOP's numbers.
pub fn steps(theme: Theme, progress: &Progress, width: usize) -> Strip {
    let mut groups: Vec<(usize, Strip)> = Vec::new();
    let mut last = None;
    for (i, step) in progress.steps.iter().enumerate() {
        let past = progress.no_return.is_some_and(|n| i >= n);
        if last != Some((step.sop.as_str(), past)) {
            groups.push((i, Strip::of(&theme.words(&step.sop), Style::new())));
        }
        last = Some((&step.sop, past));
        if let Some((_, group)) = groups.last_mut() {
            group.push_char(theme.glyph(step.status), theme.style(step.status.tone()));
        }
    }
    let right = Strip::of(&theme.words(&progress.position), Style::new());
    let room = width.saturating_sub(right.width() + 3);
    // Finished groups at the left yield first.
    let mut from = 0;
    loop {
        let mut line = Strip::of(" ", Style::new());
        if from > 0 {
            line.push(&theme.words("… "), theme.style(Tone::Dim));
        }
        for (n, (i, group)) in groups.iter().enumerate().skip(from) {
            if n > from {
                line.push(" ", Style::new());
            }
            if progress.no_return == Some(*i) {
                line.push(&theme.words("║ "), theme.style(Tone::Red));
            }
            line.append(group.clone());
        }
        let here = progress.steps.iter().position(|s| s.status != Status::Pass).unwrap_or(0);
        let may_yield = groups.get(from + 1).is_some_and(|(i, _)| *i <= here);
        if line.width() <= room || !may_yield {
            return split(theme, line, right, width);
        }
        from += 1;
    }
}

/// A label and a value below the panel: one row each on a screen of 80 columns, never cut.
pub fn fact(theme: Theme, label: &str, value: &Text, width: usize) -> Vec<Strip> {
    let mut line = Strip::of(" ", Style::new());
    line.push(label, theme.strong());
    line.pad(12);
    let mut lines = Vec::new();
    for (i, part) in theme.strip(value).wrap(width.saturating_sub(13).max(8), 0).into_iter().enumerate() {
        let mut row = if i == 0 { std::mem::take(&mut line) } else { Strip::new() };
        row.pad(12);
        row.append(part);
        row.pad(width);
        lines.push(row);
    }
    lines
}

/// The last row.
pub fn footer(theme: Theme, footer: &Footer, width: usize) -> Strip {
    let mut line = Strip::of(" ", Style::new());
    line.append(theme.strip(&footer.left));
    split(theme, line, theme.strip(&footer.right), width)
}
