//! A text field: one line, a cursor, no history. What is typed into it is wiped when it goes.

use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;
use zeroize::Zeroizing;

use crate::tui::strip::Strip;
use crate::tui::theme::Theme;
use crate::view::Tone;

/// The most characters a field takes: far above any reason or secret, far below what would slow a terminal.
const MOST: usize = 4096;

/// A line that is being typed.
#[derive(Clone, Debug, Default)]
pub struct TextField {
    value: Zeroizing<Vec<char>>,
    cursor: usize,
}

impl TextField {
    /// A field with a value, the cursor behind it.
    pub fn new(value: &str) -> Self {
        let value: Vec<char> = value.chars().collect();
        Self { cursor: value.len(), value: Zeroizing::new(value) }
    }

    /// What stands in it.
    pub fn value(&self) -> Zeroizing<String> {
        Zeroizing::new(self.value.iter().collect())
    }

    /// Characters in it.
    pub fn chars(&self) -> usize {
        self.value.len()
    }

    /// Types a character; control characters and what is beyond the limit are not taken.
    pub fn insert(&mut self, c: char) {
        if !c.is_control() && self.value.len() < MOST {
            self.value.insert(self.cursor, c);
            self.cursor += 1;
        }
    }

    /// Takes pasted text; line ends become spaces, and what ends a line at the very end is dropped.
    pub fn paste(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            self.insert(if matches!(c, '\r' | '\n' | '\t') { ' ' } else { c });
        }
    }

    /// Deletes before the cursor.
    pub fn backspace(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.value.remove(self.cursor);
        }
    }

    /// Deletes at the cursor.
    pub fn delete(&mut self) {
        if self.cursor < self.value.len() {
            self.value.remove(self.cursor);
        }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Moves the cursor to a place, or to the end.
    pub fn go(&mut self, to: usize) {
        self.cursor = to.min(self.value.len());
    }

    /// Where the cursor is.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// `[text▏   ]`, `width` columns in all. A longer text shows the part around the cursor.
    pub fn draw(&self, theme: Theme, focused: bool, width: usize) -> Strip {
        let room = width.saturating_sub(2);
        let columns = |cells: &[char]| cells.iter().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        let mut from = 0;
        while from < self.cursor && columns(&self.value[from..self.cursor]) + usize::from(focused) > room {
            from += 1;
        }
        let mut strip = Strip::of("[", Style::new());
        let mut used = 0;
        for i in from..=self.value.len() {
            if focused && i == self.cursor && used < room {
                strip.push(&theme.words("▏"), theme.style(Tone::Cyan));
                used += 1;
            }
            let Some(c) = self.value.get(i) else { break };
            let shown = crate::view::text::visible(&c.to_string());
            let shown = if shown.chars().count() > 1 { "?".to_owned() } else { theme_char(theme, *c) };
            let wide = shown.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
            if used + wide > room {
                break;
            }
            strip.push(&shown, Style::new());
            used += wide;
        }
        strip.pad(width.saturating_sub(1));
        strip.push("]", Style::new());
        strip
    }
}

fn theme_char(theme: Theme, c: char) -> String {
    let shown = theme.words(&c.to_string());
    if shown.len() > 4 && theme.ascii { "?".into() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing() {
        let mut field = TextField::new("ab");
        field.insert('c');
        field.go(0);
        field.insert('x');
        field.delete();
        field.backspace();
        field.backspace();
        assert_eq!(field.value().as_str(), "bc");
        field.paste("1\n2\x1b[A\n");
        assert_eq!(field.value().as_str(), "1 2[Abc");
    }

    #[test]
    fn a_long_text_keeps_its_cursor_in_sight() {
        let theme = Theme::default();
        let mut field = TextField::new(&"x".repeat(50));
        field.insert('y');
        let shown = field.draw(theme, true, 12).plain();
        assert_eq!(shown, "[xxxxxxxxy▏]");
        for width in 0..8 {
            assert!(field.draw(theme, true, width).width() <= width.max(2));
        }
    }
}
