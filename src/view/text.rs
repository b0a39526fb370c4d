//! Text for people: the one place where what servers, programs and files say is made safe to show.
//!
//! A [`Text`] never holds a character that a terminal would act on, or that would make a person read something else than
//! what is there: control characters, escape sequences, direction overrides and invisible characters stand as visible
//! text (`\x1b`, `\u{202e}`).

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::status::Status;

/// A part of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words, already safe.
    Words(String),
    /// Words that are stressed.
    Strong(String),
    /// A status: a glyph on a screen, a word in a line.
    Mark(Status),
    /// A good place to go on in the next line; nothing where the rest fits.
    Break,
}

/// Safe text with status marks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

impl Text {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Our own words, in which a status glyph that stands alone is a mark. Never for what a server said.
    pub fn marked(words: &str) -> Self {
        let mut text = Self::new();
        let mut run = String::new();
        let chars: Vec<char> = words.chars().collect();
        for (i, &c) in chars.iter().enumerate() {
            let alone = (i == 0 || chars[i - 1] == ' ') && chars.get(i + 1).is_none_or(|next| *next == ' ');
            match Status::of_glyph(c).filter(|_| alone && !c.is_ascii()) {
                Some(status) => {
                    text = text.say(&run).mark(status);
                    run.clear();
                }
                None => run.push(c),
            }
        }
        text.say(&run)
    }

    /// Adds words, made safe.
    pub fn say(mut self, words: &str) -> Self {
        if !words.is_empty() {
            self.0.push(Piece::Words(visible(words)));
        }
        self
    }

    /// Adds stressed words, made safe.
    pub fn strong(mut self, words: &str) -> Self {
        self.0.push(Piece::Strong(visible(words)));
        self
    }

    /// Adds a status mark.
    pub fn mark(mut self, status: Status) -> Self {
        self.0.push(Piece::Mark(status));
        self
    }

    /// Adds a good place for a line to end.
    pub fn line_end(mut self) -> Self {
        self.0.push(Piece::Break);
        self
    }

    /// Adds another text.
    pub fn and(mut self, other: Text) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The parts.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// True if there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|piece| match piece {
            Piece::Words(words) | Piece::Strong(words) => words.is_empty(),
            Piece::Mark(_) => false,
            Piece::Break => true,
        })
    }

    /// With every glyph: what a screen shows.
    pub fn glyphs(&self) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Words(words) | Piece::Strong(words) => out.push_str(words),
                Piece::Mark(status) => out.push(status.glyph()),
                Piece::Break => {}
            }
        }
        out
    }

    /// With words for the glyphs and single spaces: what a line says.
    pub fn words(&self) -> String {
        let mut out = String::new();
        for (i, piece) in self.0.iter().enumerate() {
            match piece {
                Piece::Words(words) | Piece::Strong(words) => out.push_str(words),
                Piece::Mark(status) => {
                    let word = status.word();
                    let next = match self.0.get(i + 1) {
                        Some(Piece::Words(words) | Piece::Strong(words)) => words.trim_start().to_lowercase(),
                        _ => String::new(),
                    };
                    // `signed ◆ alice` and `✗ FAIL` say it already.
                    if out.trim_end().ends_with(word) || next.starts_with(word) {
                        continue;
                    }
                    // A mark at the beginning, or in a column of its own, is about what follows; else it is a word.
                    let column = out.is_empty() || out.ends_with("  ");
                    if column && !out.trim().is_empty() {
                        out.truncate(out.trim_end().len());
                        out.push_str("; ");
                    }
                    out.push_str(word);
                    if column && !next.is_empty() {
                        out.push(':');
                    }
                }
                Piece::Break => {}
            }
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Columns on a terminal.
    pub fn width(&self) -> usize {
        self.glyphs().width()
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self::new().say(words)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self::new().say(&words)
    }
}

impl From<Status> for Text {
    fn from(status: Status) -> Self {
        Self::new().mark(status)
    }
}

/// Makes text safe to show: whatever has no width, moves the cursor or changes the direction becomes visible text.
pub fn visible(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '\x7f' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            _ if is_deceptive(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

/// [`visible`], and everything beyond ASCII escaped too: for what is confirmed, so that look-alike letters can't deceive.
pub fn exact(raw: &str) -> String {
    visible(raw)
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{{{:x}}}", u32::from(c)) })
        .collect()
}

/// Invisible, combining into nothing, or changing the order of what stands around it (Unicode TR 36 and UAX 9).
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{2028}' | '\u{2029}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || (c.width() == Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_become_text() {
        assert_eq!(visible("a\x1b[2J\x07b"), "a\\x1b[2J\\x07b");
        assert_eq!(visible("line\r\nnext\tx"), "line\\r\\nnext\\tx");
        assert_eq!(visible("\u{9b}31m\u{85}"), "\\u{9b}31m\\u{85}");
    }

    #[test]
    fn direction_and_invisible_characters_become_text() {
        assert_eq!(visible("a\u{202e}b\u{2066}"), "a\\u{202e}b\\u{2066}");
        assert_eq!(visible("pay\u{200b}pal\u{feff}"), "pay\\u{200b}pal\\u{feff}");
        assert_eq!(visible("e\u{301}"), "e\\u{301}");
        assert_eq!(visible("k\u{e0041}"), "k\\u{e0041}");
    }

    #[test]
    fn look_alikes_are_escaped_where_it_is_confirmed() {
        assert_eq!(exact("r\u{430}xx"), "r\\u{430}xx");
        assert_eq!(exact("raxx"), "raxx");
    }

    #[test]
    fn a_mark_is_a_glyph_on_screen_and_a_word_in_a_line() {
        let text = Text::marked("✓ step 6 passed   ✗ late");
        assert_eq!(text.glyphs(), "✓ step 6 passed   ✗ late");
        assert_eq!(text.words(), "pass: step 6 passed; fail: late");
        assert_eq!(Text::marked("a ✗ stops it").words(), "a fail stops it");
        assert_eq!(Text::marked("signed ◆ alice").words(), "signed alice");
        assert_eq!(Text::marked("✗ FAIL · REAL").words(), "FAIL · REAL");
        assert_eq!(Text::from(Status::Unknown).words(), "unknown");
    }

    #[test]
    fn what_a_server_says_has_no_marks() {
        let text = Text::from("✓ fine\x1b]0;x\x07");
        assert_eq!(text.pieces().len(), 1);
        assert_eq!(text.glyphs(), "✓ fine\\x1b]0;x\\x07");
    }
}
