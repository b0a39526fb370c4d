//! From 110 columns: the steps and keys beside the act, the last samples and the deviations below it.

use ratatui::style::Style;

use super::{Context, Drawn};
use crate::tui::strip::Strip;
use crate::tui::theme::Theme;
use crate::tui::widgets::chrome;
use crate::tui::widgets::frame::{Edges, Inner, boxed};
use crate::tui::widgets::rows::{Layout, lay};
use crate::view::{Ask, Border, Panel, Progress, Row, RunView, Status, Text, Tone};

/// Columns of the left side.
const LEFT: usize = 40;

/// The first row: with the position and the time.
pub fn banner(theme: Theme, view: &RunView, width: usize) -> Strip {
    let mut right = theme.words(&view.progress.position);
    if !view.banner.now.is_empty() {
        right.push_str(&theme.words(&format!(" · {}", view.banner.now)));
    }
    chrome::split(theme, chrome::place(theme, &view.banner), Strip::of(&right, Style::new()), width)
}

/// All panels.
pub fn panels(
    context: &Context<'_>,
    view: &RunView,
    panel: &Panel,
    ask: Option<&Ask>,
    height: usize,
    start: usize,
    drawn: &mut Drawn,
) -> Vec<Strip> {
    let theme = context.theme;
    let right = context.width - LEFT;
    let left_layout = Layout { theme, width: LEFT - 4, labels: 7, stacked: false, chosen: None };
    let keys = lay(&view.side.keys, left_layout).trimmed().lines;
    let keys_height = if keys.is_empty() { 0 } else { (keys.len() + 3).min(height / 2) };
    let steps = steps(theme, &view.progress, LEFT - 4, height - keys_height);
    let mut left = plain_box(theme, "1 Steps", &Text::from("SOP"), &steps, LEFT, height - keys_height);
    if keys_height > 0 {
        left.extend(plain_box(theme, "2 Keys", &view.side.keys_tag, &keys, LEFT, keys_height));
    }

    let layout = Layout { theme, width: right - 4, labels: 11, stacked: false, chosen: None };
    let need = lay(&panel.body, Layout { labels: panel.label_width.unwrap_or(11), ..layout }).trimmed().lines.len() + 2;
    let need = need + ask.map_or(0, |ask| if ask.fields.is_empty() { 0 } else { ask.fields.len() + 1 });
    let samples = lay(&view.side.samples, layout).trimmed().lines;
    let deviations: Vec<Row> = view.side.deviations.iter().cloned().map(Row::Line).collect();
    let count = deviations.len();
    let deviations = lay(&deviations, layout).lines;
    // The act comes first: what stands beside it yields.
    let mut spare = height.saturating_sub(need);
    let mut take = |lines: usize, extra: usize| {
        let wanted = lines + extra;
        let given = if lines == 0 || spare < 4 { 0 } else { wanted.min(spare) };
        spare -= given;
        given
    };
    let deviations_height = take(deviations.len(), 4);
    let samples_height = take(samples.len(), 3);
    let act_height = height - samples_height - deviations_height;
    let mut lines = super::run::act(context, panel, ask, &panel.body, false, (right, act_height), start, drawn);
    if samples_height > 0 {
        // The newest are the last ones.
        let room = samples_height - 2;
        let from = samples.len().saturating_sub(room);
        lines.extend(plain_box(
            theme,
            "3 Last samples",
            &view.side.samples_tag,
            &samples[from..],
            right,
            samples_height,
        ));
    }
    if deviations_height > 0 {
        let tag = Text::from(count.to_string());
        lines.extend(plain_box(theme, "4 Deviations", &tag, &deviations, right, deviations_height));
    }
    left.into_iter().zip(lines).map(|(l, r)| l.then(r)).collect()
}

fn plain_box(theme: Theme, title: &str, tag: &Text, inner: &[Inner], width: usize, height: usize) -> Vec<Strip> {
    let mut edges = Edges { title: Strip::of(title, theme.strong()), tag: theme.strip(tag), foot: Strip::new() };
    let room = height.saturating_sub(2);
    if inner.len() > room {
        edges.foot = Strip::of(&format!("{} more: p", inner.len() - room), Style::new());
    }
    boxed(theme, Border::Thin, &edges, inner, width, height)
}

/// The steps as lines, with the one under way in sight.
pub fn steps(theme: Theme, progress: &Progress, width: usize, height: usize) -> Vec<Inner> {
    let mut lines = Vec::new();
    let mut here = 0;
    for (i, step) in progress.steps.iter().enumerate() {
        if progress.no_return == Some(i) {
            let words = " no way back below this line ";
            let mut line = Strip::of(&theme.words("═══"), theme.style(Tone::Red));
            line.push(words, theme.style(Tone::Red));
            while line.width() < width {
                line.push(&theme.words("═"), theme.style(Tone::Red));
            }
            lines.push(Inner::Text(line));
        }
        let mut line = Strip::new();
        line.push_char(theme.glyph(step.status), theme.style(step.status.tone()));
        line.push(" ", Style::new());
        line.push(&theme.words(&step.sop), Style::new());
        line.pad(6);
        let style = if step.status == Status::Here { theme.strong() } else { Style::new() };
        line.append(theme.strip(&Text::from(step.title.as_str())).styled(style));
        let tag = Strip::of(&theme.words(&step.tag), Style::new());
        let room = width.saturating_sub(if tag.is_empty() { 0 } else { tag.width() + 1 });
        let mut line = line.elide(room, if theme.ascii { '.' } else { '…' });
        line.pad(width.saturating_sub(tag.width()));
        line.append(tag);
        if matches!(step.status, Status::Here | Status::UnderWay | Status::InDoubt) {
            here = lines.len() + step.rows.len();
        }
        lines.push(Inner::Text(line));
        for (status, name) in &step.rows {
            let mut row = Strip::new();
            row.pad(6);
            row.push_char(theme.glyph(*status), theme.style(status.tone()));
            row.push(" ", Style::new());
            row.append(theme.strip(&Text::from(name.as_str())));
            lines.push(Inner::Text(row));
        }
    }
    let room = height.saturating_sub(2);
    let from = (here + 3).saturating_sub(room).min(lines.len().saturating_sub(room));
    lines.drain(..from);
    lines
}
