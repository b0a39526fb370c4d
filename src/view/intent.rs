//! What an operator asks of the program through either interface. The owner of the interface carries it out.

use serde_json::Value;

use crate::engine::entry::{Answer, Doubt, Place};
use crate::secret::Secret;

/// Which part of an [`Intent`] a field fills.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldKey {
    /// Why.
    Reason,
    /// What is typed back.
    Typed,
    /// The text of a note, or a principal.
    Text,
    /// A value by name.
    Named(String),
}

/// The value of an input.
#[derive(Clone, Debug)]
pub enum InputValue {
    /// Public text.
    Text(String),
    /// A secret.
    Secret(Secret),
}

impl PartialEq for InputValue {
    /// Secrets are never compared, so two of them are never equal.
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Text(a), Self::Text(b)) if a == b)
    }
}

/// A page that the owner is to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Home.
    Home,
    /// A need, run or runbook of the home page by its id; the keys of a user.
    Item(String),
    /// The keys of a user.
    User(String),
    /// The keys of the account.
    Account,
    /// The transcript of the run on screen.
    Transcript,
    /// One entry of it, whole.
    Entry(u64),
    /// The whole answer behind the selected line, by row key or empty.
    Whole(String),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// Run the step exactly as it was shown.
    Confirm {
        /// The step, or `rollback`.
        step: String,
        /// The digest of the action that was seen whole.
        digest: String,
        /// How it was answered.
        answer: Answer,
    },
    /// Try again.
    Retry {
        /// The step.
        step: String,
        /// One row, or every failed one.
        row: Option<String>,
    },
    /// Open a row of an earlier step again.
    Redo {
        /// The step.
        step: String,
        /// The row.
        row: String,
    },
    /// Leave a step out.
    Skip {
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
    /// Break a gate.
    Override {
        /// The step.
        step: String,
        /// The gate's index.
        gate: u32,
        /// Why.
        reason: String,
    },
    /// Go back.
    RollBack {
        /// Why.
        reason: String,
        /// The digest of the plan that was seen whole; `None` where the plan is yet to be shown.
        digest: Option<String>,
    },
    /// Give up as it stands.
    Abort {
        /// Why.
        reason: String,
    },
    /// Leave, to be gone on with.
    Suspend {
        /// Why.
        reason: String,
    },
    /// Pass on.
    HandOver {
        /// The principal.
        to: String,
    },
    /// A note.
    Note {
        /// Its text.
        text: String,
    },
    /// A forgotten consumer.
    AddRow {
        /// The input.
        list: String,
        /// The new element: an object, one text for each field.
        value: Value,
        /// Why it was missing.
        reason: String,
    },
    /// Observe anew.
    RestartWindow {
        /// The step whose gate it is.
        step: String,
        /// Why.
        reason: String,
    },
    /// What became of a call in doubt, as a person found out.
    Reconcile {
        /// Where.
        place: Place,
        /// The outcome.
        outcome: Doubt,
        /// What was typed to say so.
        typed: String,
    },
    /// What a person did and saw.
    Entered {
        /// Where.
        place: Place,
        /// By name.
        values: Value,
    },
    /// Ask the world again now.
    AskAgain,
    /// Let a drill's clock move on to when the gate opens.
    MoveClock {
        /// Why.
        reason: String,
    },
    /// Show a page.
    Show(Page),
    /// The page on top was left with Esc.
    Left,
    /// Drill a runbook, by its id on the page.
    StartDrill {
        /// The id.
        runbook: String,
    },
    /// Open the inputs of a runbook, or go on with a run, by its id.
    OpenRun {
        /// The id.
        id: String,
    },
    /// Give an input a value.
    SetInput {
        /// Its name.
        name: String,
        /// The value.
        value: InputValue,
    },
    /// The inputs are whole: begin.
    Start,
    /// Read the page's facts again.
    Reread,
    /// Another order of the list.
    Order,
    /// The report for people.
    Report,
    /// The evidence pack.
    Export,
    /// Verify now.
    Verify,
    /// Copy to the terminal's clipboard; the interface has done so already.
    Copy(String),
    /// Leave with an act under way; it will be in doubt.
    LeaveAnyway,
    /// Leave; nothing is under way.
    Quit,
}

impl Intent {
    /// With what was entered in a field. A field that this intent has no place for is ignored.
    pub fn with(mut self, key: &FieldKey, entered: &str) -> Self {
        let entered = entered.trim().to_owned();
        match (&mut self, key) {
            (Self::Confirm { answer, .. }, FieldKey::Reason) => {
                answer.reason = (!entered.is_empty()).then_some(entered);
            }
            (Self::Confirm { answer, .. }, FieldKey::Typed) => answer.typed = Some(entered),
            (
                Self::Skip { reason, .. }
                | Self::Override { reason, .. }
                | Self::RollBack { reason, .. }
                | Self::Abort { reason }
                | Self::Suspend { reason }
                | Self::AddRow { reason, .. }
                | Self::RestartWindow { reason, .. }
                | Self::MoveClock { reason },
                FieldKey::Reason,
            ) => *reason = entered,
            (Self::HandOver { to }, FieldKey::Text) => *to = entered,
            (Self::Note { text }, FieldKey::Text) => *text = entered,
            (Self::Reconcile { typed, .. }, FieldKey::Typed) => *typed = entered,
            (Self::AddRow { value, .. } | Self::Entered { values: value, .. }, FieldKey::Named(name)) => {
                if !value.is_object() {
                    *value = Value::Object(serde_json::Map::new());
                }
                if let Some(map) = value.as_object_mut() {
                    map.insert(name.clone(), Value::String(entered));
                }
            }
            _ => {}
        }
        self
    }
}
