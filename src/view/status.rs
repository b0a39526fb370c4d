//! The closed set of statuses: glyph, ASCII glyph, colour and word of each.

/// How something stands. Colour only repeats what glyph and word say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Not begun.
    ToDo,
    /// Where the operator is.
    Here,
    /// A request is out.
    UnderWay,
    /// As expected.
    Pass,
    /// Not as expected, or overdue.
    Fail,
    /// The world did not say.
    Unknown,
    /// Sent, without an answer.
    InDoubt,
    /// Waits for a gate.
    Waits,
    /// Left out.
    Skipped,
    /// Undone.
    RolledBack,
    /// Not as the runbook says.
    Deviation,
    /// Signed.
    Signed,
    /// Changes something.
    Changes,
    /// Has no way back.
    NoWayBack,
}

/// One of the terminal's own colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As other text.
    Plain,
    /// Less important.
    Dim,
    /// Colours swapped.
    Reverse,
    /// Under way.
    Cyan,
    /// Good.
    Green,
    /// Bad.
    Red,
    /// Look here.
    Yellow,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 14] = [
        Self::ToDo,
        Self::Here,
        Self::UnderWay,
        Self::Pass,
        Self::Fail,
        Self::Unknown,
        Self::InDoubt,
        Self::Waits,
        Self::Skipped,
        Self::RolledBack,
        Self::Deviation,
        Self::Signed,
        Self::Changes,
        Self::NoWayBack,
    ];

    fn facts(self) -> (char, char, Tone, &'static str) {
        match self {
            Self::ToDo => ('○', '.', Tone::Dim, "to do"),
            Self::Here => ('►', '>', Tone::Reverse, "here"),
            Self::UnderWay => ('⠹', '*', Tone::Cyan, "under way"),
            Self::Pass => ('✓', '+', Tone::Green, "pass"),
            Self::Fail => ('✗', 'x', Tone::Red, "fail"),
            Self::Unknown => ('?', '?', Tone::Yellow, "unknown"),
            Self::InDoubt => ('!', '!', Tone::Reverse, "in doubt"),
            Self::Waits => ('╫', ':', Tone::Plain, "waits"),
            Self::Skipped => ('–', '-', Tone::Dim, "skipped"),
            Self::RolledBack => ('◄', '<', Tone::Yellow, "rolled back"),
            Self::Deviation => ('≠', '~', Tone::Yellow, "deviation"),
            Self::Signed => ('◆', 'S', Tone::Plain, "signed"),
            Self::Changes => ('┏', '=', Tone::Yellow, "changes"),
            Self::NoWayBack => ('╔', '#', Tone::Red, "no way back"),
        }
    }

    /// One column wide.
    pub fn glyph(self) -> char {
        self.facts().0
    }

    /// The same in ASCII.
    pub fn ascii(self) -> char {
        self.facts().1
    }

    /// Its colour.
    pub fn tone(self) -> Tone {
        self.facts().2
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        self.facts().3
    }

    /// The status of a glyph.
    pub fn of_glyph(glyph: char) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.glyph() == glyph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use unicode_width::UnicodeWidthChar;

    #[test]
    fn no_two_statuses_look_or_read_alike() {
        assert_eq!(Status::ALL.iter().map(|s| s.glyph()).collect::<BTreeSet<_>>().len(), Status::ALL.len());
        assert_eq!(Status::ALL.iter().map(|s| s.ascii()).collect::<BTreeSet<_>>().len(), Status::ALL.len());
        assert_eq!(Status::ALL.iter().map(|s| s.word()).collect::<BTreeSet<_>>().len(), Status::ALL.len());
        assert!(Status::ALL.iter().all(|s| s.glyph().width() == Some(1) && s.ascii().is_ascii()));
    }
}
