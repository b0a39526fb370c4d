//! Keys of the page below: which are live, which are off and why. And every command by name.

use ratatui::style::Style;

use super::{Context, Drawn, hint_row};
use crate::tui::strip::{Strip, columns};
use crate::tui::theme::Theme;
use crate::tui::widgets::chrome;
use crate::tui::widgets::field::TextField;
use crate::tui::widgets::frame::{Edges, Inner, boxed};
use crate::view::{Banner, Border, HelpView, Text};

/// The rule of the keys.
pub const RULE: &str = "Small letters change no system. Capitals open a plan. Only y acts.";

fn words(theme: Theme, words: &str) -> Strip {
    theme.strip(&Text::from(words))
}

fn first_row(theme: Theme, banner: Option<&Banner>, width: usize) -> Strip {
    match banner {
        Some(banner) => chrome::banner(theme, banner, width),
        None => Strip::of(" keyward", theme.strong()),
    }
}

/// Lays out the keys.
pub fn help(context: &Context<'_>, view: &HelpView) -> Drawn {
    let Context { theme, width, height, page, .. } = *context;
    let room = width.saturating_sub(4);
    let keep = |a: &str, b: &str| {
        page.filter.is_empty() || format!("{a} {b}").to_lowercase().contains(&page.filter.to_lowercase())
    };
    let live: Vec<_> = view.live.iter().filter(|(keys, about)| keep(keys, about)).collect();
    let off: Vec<_> = view.off.iter().filter(|(keys, why)| keep(keys, why)).collect();
    let pair = |(keys, about): &(String, String), at: usize, to: usize| {
        vec![(at, words(theme, keys).styled(theme.strong())), (to, words(theme, about))]
    };
    let mut inner: Vec<Inner> = Vec::new();
    if width >= 80 {
        for both in live.chunks(2) {
            let mut cells = pair(both[0], 0, 12);
            if let Some(right) = both.get(1) {
                cells.extend(pair(right, 37, 47));
            }
            inner.extend(columns(cells, room, 12).into_iter().map(Inner::Text));
        }
    } else {
        let lines = live.iter().flat_map(|item| columns(pair(item, 0, 11), room, 11));
        inner.extend(lines.map(Inner::Text));
    }
    if !off.is_empty() {
        inner.push(Inner::Section(Strip::of("Off now, and why", theme.strong()), Strip::new()));
        let lines = off.iter().flat_map(|item| columns(pair(item, 0, 12), room, 12));
        inner.extend(lines.map(Inner::Text));
    }
    inner.push(Inner::Section(Strip::of("The rule", theme.strong()), Strip::new()));
    inner.extend(Strip::of(RULE, Style::new()).wrap(room, 0).into_iter().map(Inner::Text));
    let bottom = hint_row(context, Strip::new(), |_| true);
    let box_height = height.saturating_sub(1 + bottom.len());
    let window = box_height.saturating_sub(2);
    let scroll = page.scroll.min(inner.len().saturating_sub(window));
    let mut edges =
        Edges { title: Strip::of("Keys here", theme.strong()), tag: words(theme, &view.tag), foot: Strip::new() };
    if inner.len() > window {
        let end = (scroll + window).min(inner.len());
        let more = if end < inner.len() { " ↓" } else { "" };
        edges.foot =
            Strip::of(&theme.words(&format!("lines {}–{end} of {}{more}", scroll + 1, inner.len())), Style::new());
    }
    let mut drawn = Drawn { scroll, total: inner.len(), visible: window, ..Drawn::default() };
    drawn.lines.push(first_row(theme, view.banner.as_ref(), width));
    drawn.lines.extend(boxed(theme, Border::Thin, &edges, &inner[scroll..], width, box_height));
    drawn.lines.extend(bottom);
    drawn
}

/// A command by name: keys, name, and why it is off.
pub struct PaletteItem {
    /// Its keys.
    pub keys: String,
    /// Its name.
    pub name: String,
    /// Why it is off, or empty.
    pub off: String,
}

/// Lays out the commands by name.
pub fn palette(context: &Context<'_>, items: &[PaletteItem], banner: Option<&Banner>) -> Drawn {
    let Context { theme, width, height, page, .. } = *context;
    let room = width.saturating_sub(4);
    let box_height = height.saturating_sub(2);
    let mut inner = Vec::new();
    let empty = TextField::default();
    let mut head = Strip::of(": ", theme.strong());
    head.append(page.typing.as_ref().unwrap_or(&empty).draw(theme, true, room.saturating_sub(2).min(40)));
    inner.push(Inner::Text(head));
    let window = box_height.saturating_sub(5).max(1);
    let selected = page.selected[0].min(items.len().saturating_sub(1));
    let from = (selected + 1).saturating_sub(window);
    for (i, item) in items.iter().enumerate().skip(from).take(window) {
        let mark = if i == selected { theme.strip(&Text::from(crate::view::Status::Here)) } else { Strip::new() };
        let dim = if item.off.is_empty() { Style::new() } else { theme.style(crate::view::Tone::Dim) };
        let cells = vec![
            (0, mark),
            (2, words(theme, &item.keys).styled(theme.strong())),
            (13, words(theme, &item.name)),
            (36, words(theme, &item.off).styled(dim)),
        ];
        // The reason of the one that is selected stands whole.
        if i == selected {
            inner.extend(columns(cells, room, 36.min(room / 2)).into_iter().map(Inner::Text));
        } else {
            let ellipsis = if theme.ascii { '.' } else { '…' };
            inner.extend(columns(cells, usize::MAX / 2, 0).into_iter().map(|l| Inner::Text(l.elide(room, ellipsis))));
        }
    }
    let edges = Edges {
        title: Strip::of("Commands", theme.strong()),
        tag: words(theme, &items.len().to_string()),
        foot: Strip::new(),
    };
    let mut drawn = Drawn { visible: window, ..Drawn::default() };
    drawn.lines.push(first_row(theme, banner, width));
    drawn.lines.extend(boxed(theme, Border::Thin, &edges, &inner, width, box_height));
    drawn.lines.push(Strip::of(" Enter runs it   ↓ ↑ choose   Esc back", Style::new()));
    if theme.ascii {
        drawn.lines.pop();
        drawn.lines.push(Strip::of(" Enter runs it   Down Up choose   Esc back", Style::new()));
    }
    drawn
}
