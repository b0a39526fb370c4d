//! What became of a call that had no answer: the table of done, not done and unknown for each kind of action.

use std::time::Duration;

use serde_json::{Value, json};

use crate::runbook::op::Op;
use crate::runbook::{Expectation, Step};

use super::effect::error_of;
use super::entry::{Doubt, Stamp, Verdict};
use super::expect;
use super::state::RowState;
use crate::runbook::template::Scope;

/// Reads that are made before a person is asked.
pub const TRIES: usize = 5;

/// Between two of them: five over 60 seconds for a created key, which a list may hide for a while.
pub fn every(op: Option<Op>) -> Duration {
    match op {
        Some(Op::IamCreateAccessKey) => Duration::from_secs(15),
        _ => Duration::from_secs(5),
    }
}

/// What the reads so far say.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Settled by the reads alone.
    Settled(Doubt),
    /// More reads are needed.
    Ask,
    /// The reads are over, and a person has to say. The candidate is a key that was not there before.
    Person {
        /// Its id.
        candidate: Option<String>,
    },
}

/// The id of a key that is listed now and was not in the look before the call.
pub fn candidate(row: &RowState, listed: &Value) -> Option<String> {
    let ids = |list: &Value| -> Option<Vec<String>> {
        let keys = list.get("keys")?.as_array()?;
        Some(keys.iter().filter_map(|key| key.get("id")?.as_str().map(str::to_owned)).collect())
    };
    let before = ids(row.look.as_ref()?.1.result.as_ref()?)?;
    ids(listed)?.into_iter().find(|id| !before.contains(id))
}

/// The candidate of the last list that was read at all.
pub fn found(row: &RowState, reads: &[(Stamp, Value)]) -> Option<String> {
    let listed = reads.iter().rev().find(|(_, result)| error_of(result).is_none())?;
    candidate(row, &listed.1)
}

/// Judges the reads of a forward step's call in doubt.
pub fn judge(
    step: &Step,
    row: &RowState,
    reads: &[(Stamp, Value)],
    asked: usize,
    expectations: &[Expectation],
    scope: &Scope,
) -> Finding {
    let good: Vec<&Value> =
        reads.iter().map(|(_, result)| result).filter(|result| error_of(result).is_none()).collect();
    let more = if reads.len() >= asked { Finding::Person { candidate: None } } else { Finding::Ask };
    let Some(last) = good.last() else { return more };
    if step.run.op == Op::IamCreateAccessKey {
        return match candidate(row, last) {
            // A key that is there may be a colleague's: only a person, or CloudTrail, can say whose it is.
            Some(id) => Finding::Person { candidate: Some(id) },
            None => more,
        };
    }
    if expectations.is_empty() {
        return more;
    }
    let verdicts: Vec<Verdict> = good.iter().map(|result| expect::judge(expectations, result, scope).0).collect();
    match verdicts.last() {
        // A user of that name may have been there before, or be a colleague's.
        Some(Verdict::Pass) if step.run.op == Op::IamCreateUser => Finding::Person { candidate: None },
        Some(Verdict::Pass) => Finding::Settled(Doubt::Done),
        Some(Verdict::Fail) if verdicts.len() >= TRIES && verdicts.iter().all(|v| *v == Verdict::Fail) => {
            match step.run.op {
                // Their probes see exactly what the call would have changed.
                Op::IamUpdateAccessKey | Op::IamDeleteAccessKey | Op::HolderPut | Op::IamCreateUser => {
                    Finding::Settled(Doubt::NotDone)
                }
                _ => more,
            }
        }
        _ => more,
    }
}

/// The evidence of one read.
pub fn read_evidence(tries: usize, result: &Value) -> Value {
    json!({"try": tries, "read": result})
}
