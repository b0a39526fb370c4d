//! Typing: into the fields of a page, the inputs, and the line in which one looks for something.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::App;
use super::keymap::Screen;
use super::page::{Content, PageState};
use super::widgets::field::TextField;
use crate::secret::Secret;
use crate::view::{FieldKind, InputKind, InputValue, Intent, View};

/// True if the key belongs to the field that has the keys.
pub fn edits(page: &PageState, key: &KeyEvent) -> bool {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let other =
        key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META | KeyModifiers::HYPER);
    if other {
        return false;
    }
    match key.code {
        KeyCode::Char('u') if ctrl => true,
        KeyCode::Char(_) => !ctrl,
        KeyCode::Backspace | KeyCode::Delete | KeyCode::Left | KeyCode::Right => true,
        KeyCode::Home | KeyCode::End => page.screen() != Screen::Palette,
        KeyCode::Enter | KeyCode::Esc => page.typing.is_some() && page.screen() != Screen::Palette,
        _ => false,
    }
}

fn active(page: &mut PageState) -> Option<&mut TextField> {
    if let Some(typing) = page.typing.as_mut() {
        return Some(typing);
    }
    let focus = page.focus?;
    page.fields.get_mut(focus)
}

/// Edits the field that has the keys.
pub fn edit(app: &mut App, key: &KeyEvent) -> Vec<Intent> {
    app.dirty = true;
    let Some(page) = app.top_mut() else { return Vec::new() };
    let looking = page.typing.is_some();
    let palette = page.screen() == Screen::Palette;
    if looking && !palette {
        match key.code {
            KeyCode::Enter => {
                page.filter = page.typing.take().map(|t| t.value().to_string()).unwrap_or_default();
                super::movement::found(app, 0);
                app.changed();
                return Vec::new();
            }
            KeyCode::Esc => {
                page.typing = None;
                page.filter.clear();
                page.selected = [0; 4];
                app.changed();
                return Vec::new();
            }
            _ => {}
        }
    }
    let Some(field) = active(page) else { return Vec::new() };
    match key.code {
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => field.clear(),
        KeyCode::Char(c) => field.insert(c),
        KeyCode::Backspace => field.backspace(),
        KeyCode::Delete => field.delete(),
        KeyCode::Left => field.go(field.cursor().saturating_sub(1)),
        KeyCode::Right => field.go(field.cursor() + 1),
        KeyCode::Home => field.go(0),
        KeyCode::End => field.go(usize::MAX),
        _ => {}
    }
    if looking {
        let typed = page.typing.as_ref().map(|t| t.value().to_string()).unwrap_or_default();
        page.selected = [0; 4];
        if !palette && super::movement::filters(page) {
            page.filter = typed;
        }
    }
    Vec::new()
}

/// Pasted text goes into text fields only, and never into what has to be typed.
pub fn paste(app: &mut App, text: &str) {
    let Some(page) = app.top_mut() else { return };
    if page.signing {
        app.say("Paste does nothing here: y signs, Esc goes back.");
        return;
    }
    let typed_back = page.typing.is_none()
        && page.focus.is_some_and(|i| {
            page.ask().and_then(|ask| ask.fields.get(i)).is_some_and(|f| matches!(f.kind, FieldKind::TypeBack { .. }))
        });
    if typed_back {
        app.say("Type the last four. Paste is off here.");
        return;
    }
    match active(page) {
        Some(field) => {
            field.paste(text);
            app.dirty = true;
        }
        None => app.say("Paste works in text fields only. Nothing was done with it."),
    }
}

/// What was typed into the input that has the keys is handed over; leaving a field does so too.
pub fn commit_input(app: &mut App) -> Option<Intent> {
    let page = app.top_mut()?;
    let index = page.focus?;
    let Content::View(View::Inputs(view)) = &page.content else { return None };
    let input = view.inputs.get(index)?;
    let field = page.fields.get(index)?;
    let name = input.name.clone();
    match &input.kind {
        InputKind::Text(before) if *before != *field.value() => {
            Some(Intent::SetInput { name, value: InputValue::Text(field.value().to_string()) })
        }
        InputKind::Secret { .. } if field.chars() > 0 => {
            let value = Secret::new(field.value().to_string());
            page.fields[index].clear();
            Some(Intent::SetInput { name, value: InputValue::Secret(value) })
        }
        _ => None,
    }
}
