//! A transcript: deviations first. An open one is "in order so far", never "OK".

use ratatui::style::Style;

use super::{Context, Drawn, Hit, ListPanel, hint_row};
use crate::tui::strip::{Strip, columns};
use crate::tui::theme::Theme;
use crate::tui::widgets::chrome;
use crate::tui::widgets::frame::{Edges, Inner, boxed};
use crate::view::{Border, DeviationItem, EntryItem, Status, Text, TranscriptView};

fn words(theme: Theme, words: &str) -> Strip {
    theme.strip(&Text::from(words))
}

/// Lays it out.
pub fn draw(context: &Context<'_>, view: &TranscriptView) -> Drawn {
    let Context { theme, width, height, page, .. } = *context;
    let inner = width.saturating_sub(2);
    let selected = page.selected[0].min(view.entries.len().saturating_sub(1));
    let mut drawn = Drawn { lines: vec![chrome::banner(theme, &view.banner, width)], ..Drawn::default() };
    let bottom = bottom(context, view, selected);
    let room = height.saturating_sub(1 + bottom.len());

    let deviations: Vec<Inner> =
        view.deviations.iter().flat_map(|d| deviation(theme, d, inner)).map(Inner::Flush).collect();
    let most = if context.narrow() { 4 } else { room / 3 };
    let mut deviations_height = if deviations.is_empty() { 3 } else { (deviations.len() + 2).min(most.max(3)) };
    if room < 9 {
        deviations_height = 0;
    }
    if deviations_height > 0 {
        let mut edges = Edges {
            title: Strip::of("Deviations", theme.strong()),
            tag: Strip::of(&view.deviations.len().to_string(), Style::new()),
            foot: Strip::new(),
        };
        let hidden = deviations.len().saturating_sub(deviations_height - 2);
        if hidden > 0 {
            edges.foot = Strip::of(&format!("{hidden} more: d goes to each"), Style::new());
        }
        let none = [Inner::Flush(Strip::of(" none", Style::new()))];
        let lines: &[Inner] = if deviations.is_empty() { &none } else { &deviations };
        drawn.lines.extend(boxed(theme, Border::Thin, &edges, lines, width, deviations_height));
    }

    let list_height = room.saturating_sub(deviations_height);
    let mut list = ListPanel {
        title: "Entries".into(),
        tag: String::new(),
        head: None,
        items: view.entries.iter().enumerate().map(|(i, e)| entry(theme, e, i == selected, inner)).collect(),
        selected: Some(selected),
        spaced: false,
    };
    let start = drawn.lines.len();
    let (_, hits) = list.draw(theme, width, list_height);
    let first = hits.first().and_then(|(_, i)| view.entries.get(*i)).map_or(0, |e| e.n);
    let last = hits.last().and_then(|(_, i)| view.entries.get(*i)).map_or(0, |e| e.n);
    list.tag = format!("{first}–{last} of {} · {}", view.total, view.times);
    let (lines, hits) = list.draw(theme, width, list_height);
    drawn.hits.extend(hits.into_iter().map(|(line, item)| (start + line, Hit::Item(0, item))));
    drawn.lines.extend(lines);
    drawn.lines.extend(bottom);
    drawn.visible = list_height.saturating_sub(3);
    drawn
}

fn bottom(context: &Context<'_>, view: &TranscriptView, selected: usize) -> Vec<Strip> {
    let Context { theme, width, .. } = *context;
    let mut lines = Vec::new();
    if !context.narrow() {
        let row = |text: &str| Strip::of(" ", Style::new()).then(words(theme, text)).wrap(width, 1);
        match view.entries.get(selected).filter(|entry| !entry.check.is_empty()) {
            Some(entry) => {
                lines.extend(row(&format!(
                    "Check entry {} without keyward (Enter shows all of it, c copies it):",
                    entry.n
                )));
                let ellipsis = if theme.ascii { '.' } else { '…' };
                lines.push(Strip::of("   ", Style::new()).then(words(theme, &entry.check)).elide(width - 4, ellipsis));
            }
            None => {
                lines.extend(row("This entry has no signature of its own; the next signed one covers it."));
                lines.extend(row("s goes to it."));
            }
        }
        lines.extend(row("The time of a signature is claimed by its signer, not proven."));
        lines.extend(row(&format!(
            "Head {} …   all 64 digits: Enter. Compare them with a second person.",
            digits(&view.head)
        )));
    }
    lines.extend(hint_row(context, Strip::new(), |_| true));
    lines
}

/// The first eight digits, in two groups.
fn digits(head: &str) -> String {
    let first: String = head.chars().take(4).collect();
    let second: String = head.chars().skip(4).take(4).collect();
    format!("{first} {second}")
}

fn deviation(theme: Theme, item: &DeviationItem, width: usize) -> Vec<Strip> {
    let cells = vec![
        (1, theme.strip(&Text::from(Status::Deviation))),
        (3, words(theme, &item.n.to_string())),
        (6, words(theme, &item.kind)),
        (16, words(theme, &item.time)),
        (26, theme.strip(&item.text)),
    ];
    columns(cells, width.saturating_sub(1), 6)
}

fn entry(theme: Theme, entry: &EntryItem, selected: bool, width: usize) -> Vec<Strip> {
    let room = width.saturating_sub(1);
    let mark = if entry.signature.is_some() { theme.strip(&Text::from(Status::Signed)) } else { Strip::new() };
    let cells = vec![
        (0, mark),
        (2, words(theme, &entry.n.to_string())),
        (6, words(theme, &entry.time)),
        (20, words(theme, &entry.by)),
        (27, words(theme, &entry.kind)),
        (38, theme.strip(&entry.text)),
    ];
    let mut lines = columns(cells, room, 6);
    if let Some(signature) = entry.signature.as_ref().filter(|_| selected) {
        lines.extend(columns(vec![(6, theme.strip(signature))], room, 8));
    }
    lines
}
