//! Pages that are only read: a whole answer, the end of a run, all steps.

use ratatui::style::Style;

use super::{Context, Drawn, hint_row, run, status_line, wide};
use crate::tui::keymap::binding;
use crate::tui::strip::Strip;
use crate::tui::widgets::chrome;
use crate::tui::widgets::frame::{Edges, boxed};
use crate::view::{Border, Command, EndView, ReadView, RunView, Text};

/// A text.
pub fn text(context: &Context<'_>, view: &ReadView) -> Drawn {
    let Context { theme, width, height, .. } = *context;
    let mut drawn = Drawn::default();
    let bottom = hint_row(context, Strip::new(), |_| true);
    let room = height.saturating_sub(1 + bottom.len());
    let lines = run::act(context, &view.panel, None, &view.panel.body, width < 80, (width, room), 1, &mut drawn);
    drawn.lines = vec![chrome::banner(theme, &view.banner, width)];
    drawn.lines.extend(lines);
    drawn.lines.extend(bottom);
    drawn
}

/// The end of a run.
pub fn end(context: &Context<'_>, view: &EndView) -> Drawn {
    let Context { theme, width, height, .. } = *context;
    let mut drawn = Drawn::default();
    let mut bottom = Vec::new();
    if status_line::over(context).is_none() || !context.narrow() {
        let both = |rest: &str, command| {
            let mut strip = Strip::of(binding(command).shown, theme.strong());
            strip.push(rest, Style::new());
            strip
        };
        let mut line = Strip::of(" ", Style::new());
        line.append(both(" report for people (HTML)", Command::Report));
        line.pad(38);
        line.append(both(" evidence pack for the auditor", Command::Export));
        if context.narrow() {
            bottom.extend(line.wrap(width, 1));
        } else {
            bottom.extend([Strip::new(), line, Strip::new()]);
        }
    }
    bottom.extend(hint_row(context, Strip::new(), |_| true));
    if height >= 14 {
        bottom.push(chrome::footer(theme, &view.footer, width));
    }
    let mut top = vec![chrome::banner(theme, &view.banner, width)];
    if height >= 18 {
        top.push(chrome::steps(theme, &view.progress, width));
    }
    let room = height.saturating_sub(top.len() + bottom.len());
    let start = top.len();
    let lines = run::act(context, &view.panel, None, &view.panel.body, width < 80, (width, room), start, &mut drawn);
    drawn.lines = top;
    drawn.lines.extend(lines);
    drawn.lines.extend(bottom);
    drawn
}

/// All steps of a run.
pub fn steps(context: &Context<'_>, view: &RunView) -> Drawn {
    let Context { theme, width, height, page, .. } = *context;
    let bottom = hint_row(context, Strip::new(), |command| command != Command::Copy && command != Command::Find);
    let room = height.saturating_sub(1 + bottom.len());
    let lines = wide::steps(theme, &view.progress, width.saturating_sub(4), usize::MAX);
    let window = room.saturating_sub(2);
    let scroll = page.scroll.min(lines.len().saturating_sub(window));
    let mut edges = Edges {
        title: Strip::of("Steps", theme.strong()),
        tag: theme.strip(&Text::from(view.progress.position.as_str())),
        foot: Strip::new(),
    };
    if lines.len() > window {
        let words = format!("lines {}–{} of {}", scroll + 1, scroll + window, lines.len());
        edges.foot = Strip::of(&theme.words(&words), Style::new());
    }
    let mut drawn = Drawn { scroll, total: lines.len(), visible: window, ..Drawn::default() };
    drawn.lines.push(chrome::banner(theme, &view.banner, width));
    drawn.lines.extend(boxed(theme, Border::Thin, &edges, &lines[scroll..], width, room));
    drawn.lines.extend(bottom);
    drawn
}
