//! A terminal of cells, and someone who types.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::app::App;
use crate::tui::theme::Theme;
use crate::view::{Intent, View, ViewUpdate};

pub struct Terminal {
    pub app: App,
    pub buffer: Buffer,
    size: (u16, u16),
}

impl Terminal {
    pub fn new(size: (u16, u16)) -> Self {
        Self::with(Theme::default(), size)
    }

    pub fn with(theme: Theme, size: (u16, u16)) -> Self {
        Self { app: App::new(theme, size), buffer: Buffer::empty(Rect::new(0, 0, size.0, size.1)), size }
    }

    pub fn showing(view: View) -> Self {
        let mut terminal = Self::new((80, 24));
        terminal.show(view);
        terminal
    }

    pub fn show(&mut self, view: View) {
        self.app.apply(ViewUpdate::Show(view));
        self.flush();
    }

    /// Draws until nothing is to be drawn, as the event loop does.
    pub fn flush(&mut self) {
        for _ in 0..4 {
            if !self.app.dirty() {
                return;
            }
            let generation = self.app.generation();
            self.buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
            self.app.draw(&mut self.buffer);
            self.app.on_flushed(generation);
        }
        panic!("the screen never comes to rest");
    }

    pub fn text(&self) -> String {
        let mut out = String::new();
        for y in 0..self.buffer.area.height {
            let mut row = String::new();
            let mut x = 0;
            while x < self.buffer.area.width {
                let symbol = self.buffer[(x, y)].symbol();
                row.push_str(symbol);
                x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol).max(1)).unwrap();
            }
            out.push_str(&row);
            out.push('\n');
        }
        out
    }

    /// An event that is read while the last flushed frame is on screen; the screen is drawn after it.
    pub fn event(&mut self, event: Event) -> Vec<Intent> {
        let intents = self.queued(event);
        self.flush();
        intents
    }

    /// An event that is read before the next frame is flushed.
    pub fn queued(&mut self, event: Event) -> Vec<Intent> {
        let at = self.app.on_screen();
        self.app.on_event(at, event)
    }

    pub fn key(&mut self, key: &str) -> Vec<Intent> {
        self.event(self::key(key))
    }

    /// Keys with a space between them; a word of several letters is typed.
    pub fn keys(&mut self, keys: &str) -> Vec<Intent> {
        let mut intents = Vec::new();
        for key in keys.split(' ') {
            match named(key) {
                Some(_) => intents.extend(self.key(key)),
                None if key.starts_with("Ctrl-") => intents.extend(self.key(key)),
                None => key.chars().for_each(|c| intents.extend(self.key(&c.to_string()))),
            }
        }
        intents
    }

    pub fn paste(&mut self, text: &str) -> Vec<Intent> {
        self.event(Event::Paste(text.into()))
    }

    pub fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.event(Event::Resize(size.0, size.1));
    }

    pub fn has(&self, words: &str) -> bool {
        self.text().contains(words)
    }
}

fn named(key: &str) -> Option<KeyCode> {
    Some(match key {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "BackTab" => KeyCode::BackTab,
        "Down" => KeyCode::Down,
        "Up" => KeyCode::Up,
        "PageDown" => KeyCode::PageDown,
        "Backspace" => KeyCode::Backspace,
        "Space" => KeyCode::Char(' '),
        _ => return None,
    })
}

pub fn key(key: &str) -> Event {
    let (code, modifiers) = match key.strip_prefix("Ctrl-") {
        Some(letter) => (KeyCode::Char(letter.chars().next().unwrap()), KeyModifiers::CONTROL),
        None => (named(key).unwrap_or_else(|| KeyCode::Char(key.chars().next().unwrap())), KeyModifiers::NONE),
    };
    Event::Key(KeyEvent::new(code, modifiers))
}
