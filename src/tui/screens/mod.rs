//! One file per screen. A screen lays a page out as lines of an exact size; it decides nothing and knows no keys but those
//! of the table.

pub mod help;
pub mod home;
pub mod inputs;
pub mod keys;
pub mod read;
pub mod run;
pub mod small;
pub mod status_line;
pub mod transcript;
pub mod wide;

use ratatui::style::Style;

use super::page::PageState;
use super::strip::Strip;
use super::theme::Theme;
use super::widgets::frame::{Edges, Inner, boxed};
use crate::view::{Border, Command, RunView};

/// What a screen needs to know besides its view.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Look.
    pub theme: Theme,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Where the operator is.
    pub page: &'a PageState,
    /// A sentence for the hint row.
    pub message: Option<&'a str>,
    /// The run below.
    pub run: Option<&'a RunView>,
    /// Reports the mouse.
    pub mouse: bool,
}

impl Context<'_> {
    /// The whole screen of 80×24, or one panel?
    pub fn narrow(&self) -> bool {
        self.width < 80 || self.height < 24
    }

    /// Room for panels beside the act.
    pub fn wide(&self) -> bool {
        self.width >= 110 && self.height >= 24
    }
}

/// What a click hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A line of a panel's list.
    Item(usize, usize),
    /// A choice or table row.
    Choice(usize),
    /// A field.
    Field(usize),
}

/// A page, laid out.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// The lines, from the top.
    pub lines: Vec<Strip>,
    /// First line of the scrolled part that is shown.
    pub scroll: usize,
    /// Lines of the scrolled part.
    pub total: usize,
    /// How many of them fit.
    pub visible: usize,
    /// What a click in a row hits.
    pub hits: Vec<(usize, Hit)>,
}

/// A panel of a list: rows with a mark column, of which some are the selected one's.
pub struct ListPanel {
    /// Upper left.
    pub title: String,
    /// Upper right.
    pub tag: String,
    /// A line above, which doesn't scroll.
    pub head: Option<Strip>,
    /// Items, each of one line or more.
    pub items: Vec<Vec<Strip>>,
    /// The selected one, if this panel has the keys.
    pub selected: Option<usize>,
    /// Is there an empty line between items?
    pub spaced: bool,
}

impl ListPanel {
    /// Lines that its items need.
    pub fn need(&self) -> usize {
        let gaps = if self.spaced { self.items.len().saturating_sub(1) } else { 0 };
        self.items.iter().map(Vec::len).sum::<usize>() + gaps + usize::from(self.head.is_some())
    }

    /// Draws it, with the selected item in sight, and says which line is which item's. `more` words what is hidden.
    pub fn draw(&self, theme: Theme, width: usize, height: usize) -> (Vec<Strip>, Vec<(usize, usize)>) {
        let mut body: Vec<(Option<usize>, Strip)> = Vec::new();
        for (i, item) in self.items.iter().enumerate() {
            if self.spaced && i > 0 {
                body.push((None, Strip::new()));
            }
            for (n, line) in item.iter().enumerate() {
                let mut strip = Strip::new();
                if self.selected == Some(i) && n == 0 {
                    strip.push_char(theme.glyph(crate::view::Status::Here), theme.style(crate::view::Tone::Reverse));
                } else {
                    strip.push(" ", Style::new());
                }
                strip.append(line.clone());
                body.push((Some(i), strip));
            }
        }
        let head = usize::from(self.head.is_some());
        let room = height.saturating_sub(2 + head);
        let mut inner = Vec::new();
        if let Some(head) = &self.head {
            inner.push(Inner::Flush(Strip::of(" ", Style::new()).then(head.clone())));
        }
        let mut hits = Vec::new();
        let overflow = body.len() > room;
        let window = if overflow { room.saturating_sub(1).max(1) } else { room };
        let last = body.iter().rposition(|(i, _)| i.is_some() && *i == self.selected).unwrap_or(0);
        let first = body.iter().position(|(i, _)| i.is_some() && *i == self.selected).unwrap_or(0);
        let from = if last >= window { (last + 1 - window).min(first) } else { 0 };
        for (item, strip) in body.iter().skip(from).take(window) {
            if let Some(item) = item {
                hits.push((inner.len() + 1, *item));
            }
            inner.push(Inner::Flush(strip.clone()));
        }
        if overflow && room > 1 {
            let shown = body.iter().skip(from).take(window).filter_map(|(i, _)| *i).max().map_or(0, |i| i + 1);
            let below = self.items.len().saturating_sub(shown);
            let words = match (below, from) {
                (0, _) => "more above: k or ↑".to_owned(),
                (n, _) => format!("{n} more: j or ↓"),
            };
            let mut strip = Strip::new();
            strip.pad(50usize.min(width.saturating_sub(words.chars().count() + 4)));
            strip.push(&theme.words(&words), Style::new());
            inner.push(Inner::Flush(strip));
        }
        let edges = Edges {
            title: Strip::of(&theme.words(&self.title), theme.strong()),
            tag: Strip::of(&theme.words(&self.tag), Style::new()),
            foot: Strip::new(),
        };
        (boxed(theme, Border::Thin, &edges, &inner, width, height.max(2)), hits)
    }
}

/// The hints of a page that are live, as many as fit behind `lead`.
pub fn hint_row(context: &Context<'_>, lead: Strip, live: impl Fn(Command) -> bool) -> Vec<Strip> {
    hint_row_of(context, lead, super::keymap::hints(context.page.screen()), "   ", live)
}

/// The same with hints of one's own.
pub fn hint_row_of(
    context: &Context<'_>,
    lead: Strip,
    hints: &[(Command, &str)],
    gap: &str,
    live: impl Fn(Command) -> bool,
) -> Vec<Strip> {
    let theme = context.theme;
    if let Some(row) = status_line::over(context) {
        return row;
    }
    let mut line = Strip::of(" ", Style::new());
    let mut empty = lead.is_empty();
    let has_lead = !empty;
    line.append(lead);
    if line.width() > context.width {
        return line.wrap(context.width, 1);
    }
    let mut left: Vec<Strip> = Vec::new();
    for (command, name) in hints.iter().filter(|(command, _)| live(*command)) {
        let mut hint = Strip::of(
            &theme.words(super::keymap::binding(*command).shown.split(' ').next().unwrap_or("")),
            theme.strong(),
        );
        hint.push(&format!(" {}", theme.words(name)), Style::new());
        left.push(hint);
    }
    for (i, hint) in left.iter().enumerate() {
        let between = match (empty, i) {
            (true, _) => "",
            (false, 0) if has_lead => gap,
            _ => "  ",
        };
        // The last hint is the way to all others, so it is kept where one before it has to go.
        let keep = left.last().filter(|_| i + 1 < left.len()).map_or(0, |last| last.width() + 2);
        if line.width() + between.len() + hint.width() + keep > context.width {
            if i + 1 < left.len() {
                continue;
            }
            if line.width() + between.len() + hint.width() > context.width {
                break;
            }
        }
        line.push(between, Style::new());
        line.append(hint.clone());
        empty = false;
    }
    line.pad(context.width);
    vec![line]
}
