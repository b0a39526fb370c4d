//! Colours and glyphs: the terminal's own sixteen colours and reverse, no assumed background, and a set of ASCII glyphs.
//!
//! Colour only repeats what a glyph and a word say, so that nothing is lost without it.

use ratatui::style::{Color, Modifier, Style};

use crate::view::{Border, Piece, Status, Text, Tone};

/// How things look on this terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Colours, not only bold, dim and reverse.
    pub color: bool,
    /// Glyphs of ASCII only.
    pub ascii: bool,
}

/// The lines of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// `┌`
    pub top_left: char,
    /// `┐`
    pub top_right: char,
    /// `└`
    pub bottom_left: char,
    /// `┘`
    pub bottom_right: char,
    /// `├`
    pub left: char,
    /// `┤`
    pub right: char,
    /// `─`
    pub across: char,
    /// `│`
    pub down: char,
}

impl Frame {
    fn of(chars: [char; 8]) -> Self {
        let [top_left, top_right, bottom_left, bottom_right, left, right, across, down] = chars;
        Self { top_left, top_right, bottom_left, bottom_right, left, right, across, down }
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self { color: true, ascii: false }
    }
}

impl Theme {
    /// From the environment: `NO_COLOR` (no-color.org: set and not empty), `TERM=dumb`, and a locale that is not UTF-8
    /// (POSIX: the first of `LC_ALL`, `LC_CTYPE`, `LANG` that is set and not empty decides).
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let dumb = matches!(set("TERM").as_deref(), Some("dumb"));
        Self {
            color: set("NO_COLOR").is_none() && !dumb,
            ascii: !(locale.contains("utf-8") || locale.contains("utf8")) || dumb,
        }
    }

    /// The frame of an effect.
    pub fn frame(self, border: Border) -> Frame {
        Frame::of(match (self.ascii, border) {
            (false, Border::Thin) => ['┌', '┐', '└', '┘', '├', '┤', '─', '│'],
            (false, Border::Heavy) => ['┏', '┓', '┗', '┛', '┣', '┫', '━', '┃'],
            (false, Border::Double) => ['╔', '╗', '╚', '╝', '╠', '╣', '═', '║'],
            (true, Border::Thin) => ['+', '+', '+', '+', '+', '+', '-', '|'],
            (true, Border::Heavy) => ['=', '=', '=', '=', '=', '=', '=', '|'],
            (true, Border::Double) => ['#', '#', '#', '#', '#', '#', '#', '#'],
        })
    }

    /// The style of a frame: its colour is that of its status.
    pub fn frame_style(self, border: Border) -> Style {
        match border {
            Border::Thin => Style::new(),
            Border::Heavy => self.style(Status::Changes.tone()),
            Border::Double => self.style(Status::NoWayBack.tone()),
        }
    }

    /// The style of a tone.
    pub fn style(self, tone: Tone) -> Style {
        let colored = |color: Color| if self.color { Style::new().fg(color) } else { Style::new() };
        match tone {
            Tone::Plain => Style::new(),
            Tone::Dim => Style::new().add_modifier(Modifier::DIM),
            Tone::Reverse => Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD),
            Tone::Cyan => colored(Color::Cyan),
            Tone::Green => colored(Color::Green),
            Tone::Red => colored(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Yellow => colored(Color::Yellow),
        }
    }

    /// Stressed text.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The glyph of a status.
    pub fn glyph(self, status: Status) -> char {
        if self.ascii { status.ascii() } else { status.glyph() }
    }

    /// A text as styled characters.
    pub fn strip(self, text: &Text) -> super::strip::Strip {
        let mut strip = super::strip::Strip::new();
        for piece in text.pieces() {
            match piece {
                Piece::Words(words) => strip.push(&self.words(words), Style::new()),
                Piece::Strong(words) => strip.push(&self.words(words), self.strong()),
                Piece::Mark(status) => strip.push_char(self.glyph(*status), self.style(status.tone())),
                Piece::Break => strip.push_break(),
            }
        }
        strip
    }

    /// Words with the characters of this theme. What has no ASCII likeness is escaped, never dropped.
    pub fn words(self, words: &str) -> String {
        if !self.ascii || words.is_ascii() {
            return words.to_owned();
        }
        let mut out = String::new();
        for c in words.chars() {
            match c {
                _ if c.is_ascii() => out.push(c),
                '·' | '–' | '─' => out.push('-'),
                '…' | '░' => out.push('.'),
                '‹' => out.push('<'),
                '›' => out.push('>'),
                '▏' => out.push('|'),
                '█' | '║' | '═' => out.push('#'),
                '↓' => out.push('v'),
                '↑' => out.push('^'),
                '×' => out.push('x'),
                '’' => out.push('\''),
                _ => match Status::of_glyph(c) {
                    Some(status) => out.push(status.ascii()),
                    None => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
                },
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &'static [(&'static str, &'static str)]) -> Theme {
        Theme::from_environment(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_decides() {
        assert_eq!(with(&[("LANG", "de_DE.UTF-8")]), Theme { color: true, ascii: false });
        assert_eq!(with(&[("LANG", "en_US.utf8"), ("NO_COLOR", "1")]), Theme { color: false, ascii: false });
        assert_eq!(with(&[("LANG", "en_US.UTF-8"), ("NO_COLOR", "")]), Theme { color: true, ascii: false });
        assert_eq!(with(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]), Theme { color: true, ascii: true });
        assert_eq!(with(&[("LANG", "en_US.UTF-8"), ("TERM", "dumb")]), Theme { color: false, ascii: true });
    }

    #[test]
    fn without_colour_there_is_none() {
        let theme = Theme { color: false, ascii: false };
        for status in Status::ALL {
            assert_eq!(theme.style(status.tone()).fg, None);
        }
    }

    #[test]
    fn ascii_drops_nothing() {
        let theme = Theme { color: true, ascii: true };
        assert_eq!(theme.words("…OLD1 · Zoë ✓"), ".OLD1 - Zo\\u{eb} +");
    }
}
