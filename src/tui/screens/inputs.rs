//! The inputs of a run to be. Nothing is sent from this page; a secret shows its length, then a fingerprint.

use ratatui::style::Style;

use super::{Context, Drawn, Hit, hint_row};
use crate::tui::strip::{Strip, columns};
use crate::tui::theme::Theme;
use crate::tui::widgets::chrome;
use crate::tui::widgets::field::TextField;
use crate::tui::widgets::frame::{Edges, Inner, boxed};
use crate::view::{Border, InputItem, InputKind, InputsView, Status, Text, Tone};

/// Columns of a field.
const FIELD: usize = 36;

/// Lays it out.
pub fn draw(context: &Context<'_>, view: &InputsView) -> Drawn {
    let Context { theme, width, height, page, .. } = *context;
    let narrow = width < 80;
    let room = width.saturating_sub(4);
    let mut body: Vec<(usize, Strip)> = Vec::new();
    for (i, input) in view.inputs.iter().enumerate() {
        let lines = item(context, input, i, room, narrow);
        body.extend(lines.into_iter().map(|line| (i, line)));
    }
    let mut bottom = Vec::new();
    if !context.narrow() {
        bottom.push(Strip::new());
        let mut line = Strip::of(" ", Style::new());
        line.append(theme.strip(&Text::from(view.missing.as_str())));
        bottom.extend(line.wrap(width, 1));
        bottom.push(Strip::new());
        bottom.push(Strip::new());
    }
    let mut line = Strip::of(" Enter", theme.strong());
    line.append(theme.strip(&Text::from(format!(" {}", view.enter))));
    if let Some(off) = &view.off {
        line.append(theme.strip(&Text::from(format!("   off: {off}"))).styled(theme.strong()));
    }
    bottom.extend(line.wrap(width, 1));
    bottom.extend(hint_row(context, Strip::new(), |_| true));
    let mut drawn = Drawn { lines: vec![chrome::banner(theme, &view.banner, width)], ..Drawn::default() };
    let box_height = height.saturating_sub(1 + bottom.len());
    let head = usize::from(!narrow);
    let window = box_height.saturating_sub(2 + head);
    let last = body.iter().rposition(|(i, _)| *i == page.selected[0]).unwrap_or(0);
    let first = body.iter().position(|(i, _)| *i == page.selected[0]).unwrap_or(0);
    let from = (last + 1).saturating_sub(window).min(first);
    let mut inner = Vec::new();
    if !narrow {
        let cells = vec![(2, "input"), (17, "value"), (57, "comes from")];
        let cells = cells.into_iter().map(|(at, name)| (at, Strip::of(name, theme.strong()))).collect();
        inner.extend(columns(cells, room, 2).into_iter().map(Inner::Text));
    }
    for (i, line) in body.iter().skip(from).take(window) {
        drawn.hits.push((2 + inner.len(), Hit::Field(*i)));
        inner.push(Inner::Text(line.clone()));
    }
    let mut edges = Edges {
        title: Strip::of("Inputs", theme.strong()),
        tag: Strip::of("nothing is sent from this page", Style::new()),
        foot: Strip::new(),
    };
    if body.len() > window {
        let words = format!("lines {}–{} of {}", from + 1, (from + window).min(body.len()), body.len());
        edges.foot = Strip::of(&theme.words(&words), Style::new());
    }
    drawn.lines.extend(boxed(theme, Border::Thin, &edges, &inner, width, box_height));
    drawn.lines.extend(bottom);
    drawn
}

fn item(context: &Context<'_>, input: &InputItem, index: usize, room: usize, narrow: bool) -> Vec<Strip> {
    let theme = context.theme;
    let here = context.page.selected[0] == index;
    let focused = context.page.focus == Some(index);
    let status = if here { Status::Here } else { input.status };
    let value_at = if narrow { 2 } else { 17 };
    let from_at = 57;
    let words = |words: &str| theme.strip(&Text::from(words));
    let values: Vec<(Strip, String)> = match &input.kind {
        InputKind::Fixed(lines) => lines.iter().map(|(text, from)| (theme.strip(text), from.clone())).collect(),
        InputKind::Choice { options, chosen } => vec![(choice(theme, options, *chosen), input.origin.clone())],
        InputKind::Text(value) => {
            let own = TextField::new(value);
            let field = context.page.fields.get(index).filter(|_| focused).unwrap_or(&own);
            vec![(field.draw(theme, focused, FIELD.min(room)), input.origin.clone())]
        }
        InputKind::Secret { chars, fingerprint } => {
            let typed = context.page.fields.get(index).map_or(0, TextField::chars);
            vec![(
                secret(theme, typed.max(if focused { 0 } else { *chars }), fingerprint.as_deref(), focused, room),
                input.origin.clone(),
            )]
        }
    };
    let mut lines = Vec::new();
    let mut head = vec![
        (0, theme.strip(&Text::from(status))),
        (2, words(&input.name).styled(if here { theme.strong() } else { Style::new() })),
    ];
    if narrow {
        lines.extend(columns(std::mem::take(&mut head), room, 2));
    }
    for (value, from) in values {
        let mut cells = std::mem::take(&mut head);
        cells.push((value_at, value));
        if !narrow {
            cells.push((from_at, words(&from)));
        }
        lines.extend(columns(cells, room, value_at));
        if narrow && !from.is_empty() {
            lines.extend(columns(vec![(value_at, words(&format!("from {from}")))], room, value_at));
        }
    }
    for note in &input.notes {
        for part in theme.strip(note).wrap(room.saturating_sub(value_at).max(8), 0) {
            let mut line = Strip::new();
            line.pad(value_at);
            lines.push(line.then(part));
        }
    }
    lines
}

fn choice(theme: Theme, options: &[String], chosen: usize) -> Strip {
    let mut strip = theme.strip(&Text::from(format!("‹ {} ›", options.get(chosen).map_or("", String::as_str))));
    for (i, option) in options.iter().enumerate() {
        if i == chosen {
            continue;
        }
        if strip.width() + option.chars().count() + 4 > 38 {
            strip.push(&theme.words(" …"), Style::new());
            break;
        }
        strip.append(theme.strip(&Text::from(format!("  {option}"))));
    }
    strip
}

/// `[hidden, 24 characters▏   ]`: never a character of it.
fn secret(theme: Theme, chars: usize, fingerprint: Option<&str>, focused: bool, room: usize) -> Strip {
    if let (Some(fingerprint), 0) = (fingerprint, if focused { chars } else { 0 }) {
        return theme.strip(&Text::from(format!("secret, fingerprint {fingerprint}")));
    }
    let width = FIELD.min(room);
    let mut strip = Strip::of("[", Style::new());
    if chars > 0 {
        let s = if chars == 1 { "" } else { "s" };
        strip.push(&format!("hidden, {chars} character{s}"), Style::new());
    }
    if focused {
        strip.push(&theme.words("▏"), theme.style(Tone::Cyan));
    }
    strip.pad(width.saturating_sub(1));
    strip.push("]", Style::new());
    strip
}
