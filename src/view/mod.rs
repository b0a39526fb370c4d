//! Pure projections of a run for people: what a screen, a line or a report says, not how it is drawn.
//!
//! Every fact that an operator decides by stands in one of these structs, so that the screen and the lines of `--plain`
//! can't differ in substance.

pub mod banner;
pub mod command;
#[cfg(test)]
pub mod fixtures;
pub mod intent;
pub mod pages;
pub mod panel;
pub mod project;
pub mod run;
pub mod status;
pub mod text;

pub use banner::{Banner, Footer, Mode, Progress, StepItem};
pub use command::{Command, Off};
pub use intent::{FieldKey, InputValue, Intent, Page};
pub use pages::*;
pub use panel::*;
pub use run::{Ask, By, EndView, EnterDoes, Facts, Offer, RunView, Side, UnderWay};
pub use status::{Status, Tone};
pub use text::{Piece, Text};

/// A page, whole.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// What needs the operator, runs and runbooks.
    Home(HomeView),
    /// The keys of a user.
    UserKeys(UserKeysView),
    /// The keys of the account.
    AccountKeys(AccountKeysView),
    /// The inputs of a run to be.
    Inputs(InputsView),
    /// A run.
    Run(Box<RunView>),
    /// A run that has ended.
    End(Box<EndView>),
    /// A transcript.
    Transcript(TranscriptView),
    /// A text to read: a whole answer, an entry, what a report says.
    Read(Box<ReadView>),
}

/// A text to read, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadView {
    /// Where.
    pub banner: Banner,
    /// The text.
    pub panel: Panel,
    /// What `c` copies.
    pub copy: Option<String>,
}

/// News for an interface.
// It is sent once per change, never kept.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum ViewUpdate {
    /// Show this: in place of a page of its kind that is open, else on top of the page on screen.
    Show(View),
    /// Show this and nothing else: every other page is closed.
    Only(View),
    /// Close the page on top, as Esc would.
    Close,
    /// A sentence in answer to what was asked, in row 23 until the next key.
    Say(String),
    /// Leave.
    Quit,
}
