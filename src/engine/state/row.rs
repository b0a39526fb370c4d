//! Rows of a step, their calls and samples.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::call::Rendered;
use super::super::effect::error_of;
use super::super::entry::{Answer, Doubt, Entry, Reading, Stamp, Verdict};

/// A call that was sent, or was about to be.
#[derive(Clone, Debug, PartialEq)]
pub enum CallState {
    /// `started` is on disk; no answer yet.
    Started {
        /// When.
        at: Stamp,
    },
    /// Answered.
    Finished {
        /// As judged.
        verdict: Verdict,
        /// What was answered.
        reading: Reading,
        /// When.
        at: Stamp,
    },
    /// No answer came.
    InDoubt {
        /// When it was started.
        started: Stamp,
        /// Why.
        evidence: Value,
        /// What reads said since: the result of each.
        reads: Vec<(Stamp, Value)>,
    },
    /// It was found out.
    Reconciled {
        /// When it was started.
        started: Stamp,
        /// The outcome.
        outcome: Doubt,
        /// From what.
        evidence: Value,
        /// When.
        at: Stamp,
    },
    /// Not one byte left.
    NotSent {
        /// Why.
        reason: String,
    },
}

impl CallState {
    /// True if the world may have changed by it.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::NotSent { .. } => false,
            // A refusal did nothing. What was answered, and is not as expected, may well have been done, or half done.
            Self::Finished { verdict, reading, .. } => {
                let refused = reading.result.as_ref().is_some_and(|result| error_of(result).is_some());
                *verdict != Verdict::Fail || !refused
            }
            Self::Reconciled { outcome, .. } => !matches!(outcome, Doubt::NotDone | Doubt::NotOurs),
            Self::Started { .. } | Self::InDoubt { .. } => true,
        }
    }

    /// True if it is known to have happened.
    pub fn done(&self) -> bool {
        matches!(self, Self::Finished { verdict: Verdict::Pass, .. } | Self::Reconciled { outcome: Doubt::Done, .. })
    }

    /// True while its outcome is open.
    pub fn open(&self) -> bool {
        matches!(self, Self::Started { .. } | Self::InDoubt { .. })
            || matches!(self, Self::Reconciled { outcome: Doubt::Unknown, .. })
    }
}

/// One try of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its entry.
    pub n: u64,
    /// When.
    pub at: Stamp,
    /// As judged.
    pub verdict: Verdict,
    /// What was read.
    pub reading: Reading,
    /// Passes in a row, this one included.
    pub in_a_row: u32,
}

/// A row of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct RowState {
    /// Its key; `""` without `for_each`.
    pub key: String,
    /// Its element.
    pub value: Value,
    /// The attempt it was last opened in.
    pub attempt: u32,
    /// What was there before the act.
    pub look: Option<(Stamp, Reading)>,
    /// Looks of earlier attempts that acted: the way back needs the first.
    pub first_look: Option<Reading>,
    /// Calls of this attempt.
    pub calls: BTreeMap<u32, CallState>,
    /// Samples of this attempt.
    pub samples: Vec<Sample>,
    /// Set once decided.
    pub verdict: Option<Verdict>,
    /// When it was decided.
    pub decided: Option<Stamp>,
    /// The entry that decided it; 0 before.
    pub decided_n: u64,
    /// The real time of it.
    pub decided_wall: Option<Stamp>,
    /// The server's date of the act's last answer.
    pub date: Option<String>,
    /// Something was sent for it in any attempt and may have acted.
    pub touched: bool,
    /// Calls of earlier attempts, newest last.
    pub past: Vec<BTreeMap<u32, CallState>>,
}

impl RowState {
    pub(super) fn new(key: String, value: Value, attempt: u32) -> Self {
        Self {
            key,
            value,
            attempt,
            look: None,
            first_look: None,
            calls: BTreeMap::new(),
            samples: Vec::new(),
            verdict: None,
            decided: None,
            decided_n: 0,
            decided_wall: None,
            date: None,
            touched: false,
            past: Vec::new(),
        }
    }

    /// As the entry that opens it lists it.
    pub fn opened(&self) -> Value {
        json!({"key": self.key, "value": self.value})
    }

    /// Every call of it, earlier attempts first.
    pub fn every_call(&self) -> impl Iterator<Item = &CallState> {
        self.past.iter().flat_map(BTreeMap::values).chain(self.calls.values())
    }

    /// Decided, by this entry.
    pub(super) fn decide(&mut self, verdict: Verdict, entry: &Entry) {
        self.verdict = Some(verdict);
        self.decided = Some(entry.at);
        self.decided_n = entry.n;
        self.decided_wall = entry.wall;
    }

    /// The result of the call that gave one, else of the deciding reading.
    pub fn result(&self) -> Option<&Value> {
        let answered = self.calls.values().rev().find_map(|call| match call {
            CallState::Finished { reading, .. } => reading.result.as_ref(),
            _ => None,
        });
        answered.or_else(|| self.samples.last()?.reading.result.as_ref())
    }
}

/// A gate's last reading.
#[derive(Clone, Debug, PartialEq)]
pub struct GateReading {
    /// Its entry.
    pub n: u64,
    /// When.
    pub at: Stamp,
    /// Does it hold?
    pub verdict: Verdict,
    /// From what; `opens` is the time at which it can next hold.
    pub evidence: Value,
}

/// A confirmation.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirmation {
    /// Its entry.
    pub n: u64,
    /// When.
    pub at: Stamp,
    /// The action.
    pub rendered: Rendered,
    /// Its digest.
    pub digest: String,
    /// The answer.
    pub answer: Answer,
}

impl Confirmation {
    /// True if the row (or the act of the way back) is among what was confirmed.
    pub fn holds(&self, step: &str, row: &RowState) -> bool {
        let back = self.rendered.step == "rollback";
        self.rendered.rows.iter().any(|held| if back { held.row == step } else { held.row == row.key })
    }
}

/// A step of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepState {
    /// The attempt that is open, or the last one; 0 before the first.
    pub attempt: u32,
    /// Rows so far.
    pub rows: Vec<RowState>,
    /// Gate readings by gate and row.
    pub gates: BTreeMap<(u32, String), GateReading>,
    /// Gates that were broken.
    pub overridden: BTreeMap<u32, String>,
    /// The confirmation of the open attempt.
    pub confirmed: Option<Confirmation>,
    /// Left out, and why.
    pub skipped: Option<String>,
    /// Its observation starts anew here.
    pub window: Option<Stamp>,
    /// The last entry that opened rows of an earlier step: what was confirmed before it and not started is confirmed again.
    pub disturbed: u64,
}

impl StepState {
    /// The row of that key.
    pub fn row(&self, key: &str) -> Option<&RowState> {
        self.rows.iter().find(|row| row.key == key)
    }

    pub(super) fn row_mut(&mut self, key: &str) -> Option<&mut RowState> {
        self.rows.iter_mut().find(|row| row.key == key)
    }

    /// Every opened row passed, or it was skipped.
    pub fn passed(&self) -> bool {
        self.skipped.is_some() || (self.attempt > 0 && self.rows.iter().all(|row| row.verdict == Some(Verdict::Pass)))
    }

    /// When the last row passed, if all did.
    pub fn passed_at(&self) -> Option<Stamp> {
        self.passed().then(|| self.rows.iter().filter_map(|row| row.decided).max()).flatten()
    }

    /// A row that failed or is unknown.
    pub fn stopped_row(&self) -> Option<&RowState> {
        self.rows.iter().find(|row| matches!(row.verdict, Some(Verdict::Fail | Verdict::Unknown)))
    }
}

/// Opens a row for an attempt; what an earlier one did is kept.
pub(in crate::engine) fn open_row(step: &mut StepState, key: &str, value: &Value, attempt: u32) {
    step.attempt = attempt;
    step.confirmed = None;
    match step.row_mut(key) {
        None => step.rows.push(RowState::new(key.to_owned(), value.clone(), attempt)),
        Some(row) => {
            let mut fresh = RowState::new(key.to_owned(), value.clone(), attempt);
            fresh.touched = row.touched;
            fresh.first_look = row.first_look.take();
            fresh.past = std::mem::take(&mut row.past);
            if !row.calls.is_empty() {
                fresh.past.push(std::mem::take(&mut row.calls));
            }
            *row = fresh;
        }
    }
}
