//! What an action gives before it is redacted. It may hold secrets, so it never leaves this module's neighbours, and
//! it can't be printed.

use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::engine::effect::Ended;
use crate::runbook::template::Path;
use crate::secret::Secret;

/// Values as they were sent, with their names.
pub(super) type Used = Vec<(String, Secret)>;

/// Which parts of a result are secret at birth.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Taint {
    /// None: the typed result of a native read.
    Clear,
    /// These.
    Only(Vec<Path>),
    /// All but these.
    AllBut(Vec<Path>),
}

/// An unredacted outcome.
pub(super) struct Raw {
    pub ended: Ended,
    /// `{"error": …}` unless answered.
    pub result: Value,
    pub request_id: Option<String>,
    pub date: Option<String>,
    pub taint: Taint,
    /// Values that were sent, as they were sent (filters applied): they may come back in the answer.
    pub used: Used,
}

impl Raw {
    pub fn answered(result: Value, taint: Taint) -> Self {
        Self { ended: Ended::Answered, result, request_id: None, date: None, taint, used: Vec::new() }
    }

    pub fn error(ended: Ended, code: &str, message: &str) -> Self {
        let result = json!({"error": {"code": code, "message": message}});
        Self { ended, result, request_id: None, date: None, taint: Taint::Clear, used: Vec::new() }
    }

    /// Nothing left the machine.
    pub fn not_sent(code: &str, message: &str) -> Self {
        Self::error(Ended::NotSent, code, message)
    }

    /// The whole result, if answered.
    pub fn ok(&self) -> bool {
        self.ended == Ended::Answered
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        wipe(&mut self.result);
    }
}

/// Overwrites every text of a value before its memory is given back.
pub(super) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        _ => {}
    }
}
