//! A framed panel: its border says the effect, its rows say everything that is to be known.

use super::intent::{FieldKey, Intent};
use super::status::Status;
use super::text::Text;

/// The frame is the effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Border {
    /// Reads only.
    #[default]
    Thin,
    /// Changes.
    Heavy,
    /// No way back.
    Double,
}

/// What stands in the lower edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Foot {
    /// Nothing, unless lines are hidden.
    #[default]
    Plain,
    /// How many lines there are, and that all are shown.
    Lines,
    /// Whether the newest sample is followed; the interface knows which.
    Follow,
    /// Words.
    Words(String),
}

/// A panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// Effect.
    pub border: Border,
    /// The SOP's own number and the act, like `2  Create the new key`.
    pub title: Text,
    /// At the right of the title, like `CHANGES AWS · REAL`.
    pub tag: Text,
    /// Columns of the labels, 11 unless said.
    pub label_width: Option<usize>,
    /// The rows.
    pub body: Vec<Row>,
    /// The lower edge.
    pub foot: Foot,
}

/// A row of a panel.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// An empty line.
    Blank,
    /// A line of its own.
    Line(Text),
    /// A label and its value; an empty label goes on below the last one.
    Field {
        /// The label.
        label: Text,
        /// The value.
        value: Text,
        /// More, at this column of the value.
        aside: Option<(usize, Text)>,
    },
    /// A line across the panel.
    Section {
        /// At the left.
        title: Text,
        /// At the right.
        tag: Text,
    },
    /// A try of a probe.
    Sample(Sample),
    /// Holders and what became of each; the selected one stands whole below.
    Table(Table),
    /// An act of the way back.
    Act(Act),
    /// One of several ways on; the interface marks the chosen one.
    Choice(Choice),
}

impl Row {
    /// A label and its value.
    pub fn field(label: &str, value: impl Into<Text>) -> Self {
        Self::Field { label: Text::marked(label), value: value.into(), aside: None }
    }

    /// A further line of the last value.
    pub fn more(value: impl Into<Text>) -> Self {
        Self::field("", value)
    }

    /// A line of our own words, with marks.
    pub fn line(words: &str) -> Self {
        Self::Line(Text::marked(words))
    }

    /// A line across the panel.
    pub fn section(title: &str, tag: &str) -> Self {
        Self::Section { title: Text::marked(title), tag: Text::marked(tag) }
    }
}

/// One try of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Clock time.
    pub time: String,
    /// Its status.
    pub status: Status,
    /// `pass`, `not yet`, `fail`, `unknown`, `asking`.
    pub word: String,
    /// What was seen.
    pub text: Text,
    /// `3 of 5`, or empty.
    pub count: String,
}

/// A table whose rows have a status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns, each with its width in columns.
    pub columns: Vec<(String, usize)>,
    /// The rows.
    pub rows: Vec<TableRow>,
    /// The row that is selected until the operator selects another.
    pub selected: usize,
}

/// A row of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// Its key.
    pub key: String,
    /// Its status.
    pub status: Status,
    /// A text for each column.
    pub cells: Vec<Text>,
    /// What stands below the table while it is selected.
    pub whole: Vec<Row>,
}

/// An act of the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// How it stands.
    pub status: Status,
    /// From 1.
    pub number: u32,
    /// `Restore vault host`.
    pub title: String,
    /// `old pair, was sealed`, or empty.
    pub from: String,
    /// `read back`, `sent`, or empty.
    pub now: String,
    /// Clock time, or empty.
    pub time: String,
}

/// One of several ways on.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// `Roll back`.
    pub label: String,
    /// The word to type for it where there are only lines, like `back`.
    pub word: String,
    /// What it does.
    pub text: Text,
    /// What Enter does with it, like `retries (reads)`.
    pub does: String,
    /// What it asks before it acts.
    pub opens: Opens,
}

/// What a choice or command leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Opens {
    /// It is done at once; it changes no system.
    Now(Intent),
    /// A page of its own, with an answer to give.
    Page(Box<super::run::Offer>),
    /// The page of a command.
    Command(super::command::Command),
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text.
    Text,
    /// Exactly this, typed and not pasted.
    TypeBack {
        /// What is to be typed.
        expected: String,
        /// What it is the end of, like `AccessKeyId`.
        of: String,
    },
}

/// A field to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Which part of the intent it fills.
    pub key: FieldKey,
    /// `Reason`.
    pub label: String,
    /// What it takes.
    pub kind: FieldKind,
    /// May it not be empty?
    pub required: bool,
    /// What stands in it at first.
    pub value: String,
    /// What stands behind it.
    pub hint: String,
}

impl Field {
    /// A reason that must be given.
    pub fn reason() -> Self {
        Self {
            key: FieldKey::Reason,
            label: "Reason".into(),
            kind: FieldKind::Text,
            required: true,
            value: String::new(),
            hint: String::new(),
        }
    }

    /// The last characters of a name, typed back.
    pub fn type_back(label: &str, expected: &str, of: &str) -> Self {
        Self {
            key: FieldKey::Typed,
            label: label.into(),
            kind: FieldKind::TypeBack { expected: expected.into(), of: of.into() },
            required: true,
            value: String::new(),
            hint: "typed, not pasted".into(),
        }
    }
}
