//! Selecting, scrolling, looking for something, and what is selected.

use super::app::App;
use super::keymap::Screen;
use super::listing::palette_commands;
use super::page::{Content, PageState};
use super::screens::{home, keys};
use crate::view::{Command, InputKind, InputValue, Intent, Row, RunView, View};

/// Typing hides what does not fit (lists), or is looked for with Enter (texts).
pub fn filters(page: &PageState) -> bool {
    matches!(page.screen(), Screen::Home | Screen::UserKeys | Screen::AccountKeys | Screen::Help)
}

/// Moves the selection of a list or menu, else scrolls.
pub fn move_by(app: &mut App, by: isize) {
    let palette = palette_commands(app).len();
    let Some(page) = app.top_mut() else { return };
    let step = |at: usize, count: usize| at.saturating_add_signed(by).min(count.saturating_sub(1));
    let choices = page.choices().len();
    let count = match &page.content {
        Content::View(View::Home(view)) => home::shown(view, &page.filter)[page.panel.min(2)].len(),
        Content::View(View::UserKeys(view)) => keys::shown_user(view, &page.filter).len(),
        Content::View(View::AccountKeys(view)) => keys::shown_account(view, &page.filter).len(),
        Content::View(View::Inputs(view)) => view.inputs.len(),
        Content::View(View::Transcript(view)) => view.entries.len(),
        Content::Palette => palette,
        Content::View(View::Run(_)) if choices > 0 => choices,
        Content::View(View::Run(view)) => match table_of(view) {
            Some((rows, selected)) if view.ask.is_none() => {
                let at = if page.touched { page.selected[0] } else { selected };
                page.selected[0] = step(at, rows);
                page.touched = true;
                app.dirty = true;
                return;
            }
            _ => {
                scroll(page, by);
                app.dirty = true;
                return;
            }
        },
        _ => {
            scroll(page, by);
            app.dirty = true;
            return;
        }
    };
    let panel = if page.screen() == Screen::Home { page.panel.min(2) } else { 0 };
    page.selected[panel] = step(page.selected[panel], count);
    page.touched = true;
    if page.screen() == Screen::Inputs {
        page.focus_input();
    }
    // Which choice Enter takes has changed: an Enter that is on its way was for another one.
    if choices > 0 { app.changed() } else { app.dirty = true }
}

fn table_of(view: &RunView) -> Option<(usize, usize)> {
    let table = view.panel.body.iter().find_map(|row| if let Row::Table(table) = row { Some(table) } else { None })?;
    (table.rows.len() > 1).then_some((table.rows.len(), table.selected))
}

fn scroll(page: &mut PageState, by: isize) {
    let furthest = page.seen.len().saturating_sub(page.visible);
    page.follow = by > 0 && page.scroll.saturating_add_signed(by) >= furthest;
    page.scroll = page.scroll.saturating_add_signed(by).min(furthest);
}

/// Goes to what is looked for: 0 from here on, 1 the next, -1 the one before.
pub fn found(app: &mut App, direction: isize) {
    let Some(page) = app.top_mut() else { return };
    if page.filter.is_empty() {
        return;
    }
    if filters(page) {
        if direction != 0 {
            move_by(app, direction);
        }
        return;
    }
    let needle = page.filter.to_lowercase();
    let texts: Vec<String> = match &page.content {
        Content::View(View::Transcript(view)) => {
            view.entries.iter().map(|e| format!("{} {} {} {}", e.n, e.by, e.kind, e.text.glyphs())).collect()
        }
        Content::View(View::Run(view)) => view.panel.body.iter().map(words_of).collect(),
        Content::View(View::Read(view)) => view.panel.body.iter().map(words_of).collect(),
        _ => Vec::new(),
    };
    let count = texts.len();
    let is_list = page.screen() == Screen::Transcript;
    let at = if is_list { page.selected[0] } else { page.scroll };
    let order: Vec<usize> = match direction {
        0 => (0..count).map(|i| (at + i) % count).collect(),
        1 => (1..=count).map(|i| (at + i) % count).collect(),
        _ => (1..=count).map(|i| (at + count - i % count) % count).collect(),
    };
    match order.into_iter().find(|i| texts[*i].to_lowercase().contains(&needle)) {
        Some(i) if is_list => page.selected[0] = i,
        Some(i) => page.scroll = i,
        None => {
            let words = format!("Nothing here has {}.", crate::view::text::visible(&page.filter));
            page.filter.clear();
            app.say(words);
        }
    }
    app.dirty = true;
}

fn words_of(row: &Row) -> String {
    match row {
        Row::Line(text) => text.glyphs(),
        Row::Field { label, value, .. } => format!("{} {}", label.glyphs(), value.glyphs()),
        Row::Section { title, .. } => title.glyphs(),
        Row::Sample(sample) => format!("{} {}", sample.word, sample.text.glyphs()),
        Row::Act(act) => act.title.clone(),
        Row::Choice(choice) => choice.label.clone(),
        Row::Table(table) => table.rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>().join(" "),
        Row::Blank => String::new(),
    }
}

/// A choice of an input goes to the next one.
pub fn turn_choice(app: &mut App, forward: bool) -> Vec<Intent> {
    let Some(page) = app.top() else { return Vec::new() };
    let Content::View(View::Inputs(view)) = &page.content else { return Vec::new() };
    let Some(input) = view.inputs.get(page.selected[0]) else { return Vec::new() };
    let InputKind::Choice { options, chosen } = &input.kind else { return Vec::new() };
    let count = options.len().max(1);
    let next = if forward { (chosen + 1) % count } else { (chosen + count - 1) % count };
    let value = InputValue::Text(options.get(next).cloned().unwrap_or_default());
    vec![Intent::SetInput { name: input.name.clone(), value }]
}

impl App {
    /// What `c` copies on the page on screen. Never a secret: no view holds one.
    pub(super) fn copied(&self) -> Option<String> {
        let page = self.subject()?;
        match &page.content {
            Content::View(View::Run(view)) => view.copy.clone(),
            Content::View(View::End(view)) => view.copy.clone(),
            Content::View(View::Read(view)) => view.copy.clone(),
            Content::View(View::UserKeys(view)) => {
                keys::shown_user(view, &page.filter).get(page.selected[0]).map(|i| view.keys[*i].id.clone())
            }
            Content::View(View::AccountKeys(view)) => keys::shown_account(view, &page.filter)
                .get(page.selected[0])
                .map(|i| view.keys[*i].id.clone())
                .filter(|id| !id.is_empty()),
            Content::View(View::Transcript(view)) => {
                view.entries.get(page.selected[0]).map(|e| e.check.clone()).filter(|check| !check.is_empty())
            }
            _ => None,
        }
    }

    pub(super) fn selected_runbook(&self) -> Option<String> {
        let page = self.subject()?;
        match &page.content {
            Content::View(View::Home(view)) if page.panel == 2 => {
                let shown = home::shown(view, &page.filter);
                shown[2].get(page.selected[2]).map(|i| view.runbooks[*i].id.clone())
            }
            Content::View(View::UserKeys(view)) => Some(view.runbook.clone()),
            _ => None,
        }
    }

    pub(super) fn selected_row(&self) -> Option<String> {
        let page = self.subject()?;
        let Content::View(View::Run(view)) = &page.content else { return None };
        let table =
            view.panel.body.iter().find_map(|row| if let Row::Table(table) = row { Some(table) } else { None })?;
        let index = if page.touched { page.selected[0] } else { table.selected };
        table.rows.get(index).map(|row| row.key.clone())
    }

    /// The next entry of a transcript that is signed or shows a deviation.
    pub(super) fn next_entry(&mut self, command: Command) {
        let Some(page) = self.top_mut() else { return };
        let Content::View(View::Transcript(view)) = &page.content else { return };
        let count = view.entries.len();
        let at = page.selected[0].min(count.saturating_sub(1));
        let wanted = |i: &usize| match command {
            Command::NextSignature => view.entries[*i].signature.is_some(),
            _ => view.deviations.iter().any(|deviation| deviation.n == view.entries[*i].n),
        };
        match (1..=count).map(|by| (at + by) % count).find(wanted) {
            Some(found) => {
                page.selected[0] = found;
                self.changed();
            }
            None if command == Command::NextSignature => self.say("No entry here is signed."),
            None => self.say("There is no deviation among these entries."),
        }
    }
}
