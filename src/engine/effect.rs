//! What the engine asks of the world, and what comes back. Pure data: the runtime carries it to [`crate::action`].

use serde_json::{Value, json};

use super::call::{Call, Keep};
use super::entry::{Place, Reading};

/// Why a recorded read is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Before a step: what is there now.
    Look,
    /// A gate of that index.
    Gate(u32),
    /// A try of the step's probe.
    Sample,
    /// What became of a call in doubt.
    Reconcile,
    /// A secret that is needed again, by capture name.
    Again(String),
}

/// What the engine asks of the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A read: recorded, not confirmed, repeatable.
    Read {
        /// Where; for samples and reconciling reads `call` numbers the try.
        place: Place,
        /// Why.
        purpose: Purpose,
        /// In order; the results go into one list unless there is one call.
        calls: Vec<Call>,
        /// What of the results the vault keeps.
        keep: Vec<Keep>,
    },
    /// A confirmed call whose `started` entry is on disk. Sent once.
    Send {
        /// Where.
        place: Place,
        /// What.
        call: Call,
        /// The digest of the confirmation that it belongs to.
        digest: String,
        /// What of the result the vault keeps.
        keep: Vec<Keep>,
    },
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The world answered, and the answer is whole: `reading.result` is its result.
    Answered,
    /// The world answered with a refusal that proves nothing was done: `reading.result` is `{"error": …}`.
    Refused,
    /// No answer, a torn one, or one that proves nothing (time-out, lost connection, 5xx, throttled read).
    NoAnswer,
    /// Not one byte left the machine.
    NotSent,
}

/// What came back from an [`Effect`].
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How.
    pub ended: Ended,
    /// What was read, redacted. Unless `ended` is [`Ended::Answered`], its result is `{"error": {"code", "message"}}`.
    pub reading: Reading,
}

impl Outcome {
    /// An outcome that is an error.
    pub fn error(ended: Ended, code: &str, message: &str) -> Self {
        let result = Some(json!({"error": {"code": code, "message": message}}));
        Self { ended, reading: Reading { result, ..Reading::default() } }
    }

    /// A whole answer.
    pub fn answered(result: Value) -> Self {
        Self { ended: Ended::Answered, reading: Reading { result: Some(result), ..Reading::default() } }
    }
}

/// The error in a reading's result, as (code, message).
pub fn error_of(result: &Value) -> Option<(&str, &str)> {
    let error = result.as_object().filter(|map| map.len() == 1)?.get("error")?;
    Some((error.get("code")?.as_str()?, error.get("message").and_then(Value::as_str).unwrap_or("")))
}
