//! What every screen has: where it is, how far it is, who signed.

use super::status::Status;
use super::text::Text;

/// A real account, or a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `REAL`.
    Real,
    /// `DRILL`.
    Drill,
}

impl Mode {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Real => "REAL",
            Self::Drill => "DRILL",
        }
    }
}

/// The first row.
#[derive(Clone, Debug, PartialEq)]
pub struct Banner {
    /// Real or drill.
    pub mode: Mode,
    /// `prod`.
    pub environment: String,
    /// `111122223333`.
    pub account: String,
    /// The user, or `all users`; may be empty.
    pub user: String,
    /// The runbook's title; may be empty.
    pub title: String,
    /// At the right; may be empty.
    pub right: Text,
    /// Date and time of this frame, where there is room; may be empty.
    pub now: String,
}

/// A step in the row of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct StepItem {
    /// The SOP's number.
    pub sop: String,
    /// Its title.
    pub title: String,
    /// How it stands.
    pub status: Status,
    /// `1 s`, `0 of 3`, `24 h`, `sign`.
    pub tag: String,
    /// Its rows, where they are of interest.
    pub rows: Vec<(Status, String)>,
}

/// The row of steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// In order.
    pub steps: Vec<StepItem>,
    /// The first step past the point of no return.
    pub no_return: Option<usize>,
    /// `6 of 15 · ~3 min, 1 h, 24 h`.
    pub position: String,
}

/// The last row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footer {
    /// Who signed.
    pub left: Text,
    /// Entries and head.
    pub right: Text,
}
