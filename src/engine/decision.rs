//! What a person decides, and everything else that the engine is told.

use serde_json::Value;

use super::effect::{Outcome, Purpose};
use super::entry::{Answer, Place, Stamp};

/// What a person decides. The engine refuses, with a sentence, what does not fit the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Run the step (or the way back, step `rollback`) exactly as rendered.
    Confirm {
        /// The step.
        step: String,
        /// Digest of the action that was seen whole.
        digest: String,
        /// How it was answered.
        answer: Answer,
    },
    /// Try the failed step again: opens a new attempt, which has to be confirmed.
    Retry {
        /// The step.
        step: String,
        /// Only this row, or every failed one.
        row: Option<String>,
    },
    /// Open an earlier step's row again, to be confirmed again.
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
        /// The gate.
        gate: u32,
        /// Why.
        reason: String,
        /// The operator's role.
        role: String,
    },
    /// Go back. The plan of acts is then confirmed as step `rollback`.
    RollBack {
        /// Why.
        reason: String,
    },
    /// A forgotten consumer.
    AddRow {
        /// The input's name.
        list: String,
        /// The new element.
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
    /// What a person found out about a call in doubt.
    Reconcile {
        /// Where.
        place: Place,
        /// The outcome.
        outcome: super::entry::Doubt,
        /// What was typed to say so.
        typed: String,
    },
    /// What a person did and saw (`manual`).
    Entered {
        /// Where.
        place: Place,
        /// By name.
        values: Value,
    },
    /// A note.
    Note {
        /// Its text.
        text: String,
    },
    /// Leave, to be gone on with.
    Suspend {
        /// Why.
        reason: String,
    },
    /// Pass on.
    HandOver {
        /// To whom.
        to: String,
    },
    /// Give up.
    Abort {
        /// Why.
        reason: String,
    },
    /// Move the sandbox's clock.
    MoveClock {
        /// To this time.
        to: Stamp,
        /// Why.
        reason: String,
    },
}

/// Everything the engine is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A person decided.
    Decision(Decision),
    /// An effect came back.
    Answer {
        /// Where.
        place: Place,
        /// `None` for a sent call.
        purpose: Option<Purpose>,
        /// What came back.
        outcome: Outcome,
    },
    /// Time has passed.
    Timer,
    /// The process is back: after a resume or a take-over.
    Back {
        /// Who.
        by: String,
        /// The caller's ARN now.
        caller: String,
        /// The machine.
        host: String,
        /// keyward's version.
        version: String,
        /// SHA-256 of the binary.
        binary: String,
    },
}
