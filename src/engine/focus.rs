//! Where a run stands: the one thing it waits for, or does, next. Computed from the state alone.

use serde_json::Value;

use crate::runbook::EffectKind;
use crate::runbook::op::Op;

use super::admit;
use super::book::Book;
use super::entry::{EndStatus, Place, Stamp, Verdict};
use super::own;
use super::state::{CallState, Phase, RowState, State, StepState};

/// What a run waits for, or does, next.
#[derive(Clone, Debug, PartialEq)]
pub enum Focus {
    /// A step's rows are to be opened.
    Open {
        /// The step.
        step: String,
    },
    /// A step can't be opened: what is wrong.
    Blocked {
        /// The step.
        step: String,
        /// The reason.
        why: String,
    },
    /// A step waits for its gates and its confirmation.
    Confirm {
        /// The step.
        step: String,
    },
    /// What is left of a step is to be confirmed again: keyward was away in between.
    Reopen {
        /// The step.
        step: String,
    },
    /// A confirmed call is to be started.
    Send {
        /// Where.
        place: Place,
        /// Its confirmation.
        digest: String,
    },
    /// An answer is due.
    Answer {
        /// Where.
        place: Place,
    },
    /// Samples are taken.
    Sample {
        /// The step or act.
        step: String,
    },
    /// A `wait` runs.
    Waiting {
        /// Where.
        place: Place,
        /// Until then.
        until: Stamp,
    },
    /// A person does something by hand and enters what they saw.
    Manual {
        /// Where.
        place: Place,
    },
    /// A row failed or is unknown: a person decides.
    Stopped {
        /// The step or act.
        step: String,
        /// The row.
        row: String,
    },
    /// A call had no answer.
    InDoubt {
        /// Where.
        place: Place,
    },
    /// The way back is to be opened.
    OpenBack,
    /// The way back waits for its confirmation.
    ConfirmBack,
    /// The end.
    Seal(EndStatus),
    /// Sealed.
    Over(EndStatus),
}

/// Every call whose outcome is open, forward and back.
pub fn open_calls(book: &Book, state: &State) -> Vec<(Place, CallState)> {
    let forward = book.runbook.steps.iter().zip(&state.steps).map(|(step, folded)| (step.id.as_str(), folded));
    let back = state.back.iter().map(|(id, folded)| (id.as_str(), folded));
    let mut open = Vec::new();
    for (id, folded) in forward.chain(back) {
        for row in &folded.rows {
            for (call, found) in row.calls.iter().filter(|(_, call)| call.open()) {
                let place = Place { step: id.to_owned(), attempt: row.attempt, row: row.key.clone(), call: *call };
                open.push((place, found.clone()));
            }
        }
    }
    open
}

/// Where the run stands.
pub fn focus(book: &Book, state: &State) -> Focus {
    state.derived.focus.get_or_init(|| work_out(book, state)).clone()
}

fn work_out(book: &Book, state: &State) -> Focus {
    match state.phase {
        Phase::Sealed(status) => return Focus::Over(status),
        Phase::Aborted => return Focus::Seal(EndStatus::Aborted),
        Phase::Back => return focus_back(book, state),
        Phase::Forward => {}
    }
    for (step, folded) in book.runbook.steps.iter().zip(&state.steps) {
        if folded.skipped.is_some() {
            continue;
        }
        match admit::rows_due(book, state, &step.id) {
            Err(why) => return Focus::Blocked { step: step.id.clone(), why },
            Ok(Some(_)) => return Focus::Open { step: step.id.clone() },
            Ok(None) => {}
        }
        if folded.passed() {
            continue;
        }
        return focus_step(book, state, &step.id, folded);
    }
    Focus::Seal(EndStatus::Completed)
}

fn focus_step(book: &Book, state: &State, id: &str, folded: &StepState) -> Focus {
    let reads = own::nature(book, state, id, &Value::Null).reads;
    let op = book.runbook.step(id).map(|step| step.run.op);
    for row in &folded.rows {
        for (call, found) in &row.calls {
            let place = Place { step: id.to_owned(), attempt: row.attempt, row: row.key.clone(), call: *call };
            match found {
                CallState::Started { .. } => return Focus::Answer { place },
                CallState::InDoubt { .. } => return Focus::InDoubt { place },
                _ => {}
            }
        }
    }
    let stopped = |row: &RowState| matches!(row.verdict, Some(Verdict::Fail | Verdict::Unknown));
    let Some(confirmed) = &folded.confirmed else {
        return match folded.rows.iter().find(|row| row.attempt < folded.attempt && stopped(row)) {
            // Rows of an earlier attempt that were not opened again: they come after those that were.
            _ if folded.rows.iter().any(|row| row.attempt == folded.attempt && row.verdict.is_none()) => {
                Focus::Confirm { step: id.to_owned() }
            }
            Some(row) => Focus::Stopped { step: id.to_owned(), row: row.key.clone() },
            None => Focus::Confirm { step: id.to_owned() },
        };
    };
    if reads {
        let undecided = folded.rows.iter().find(|row| row.verdict.is_none());
        return match (undecided, op) {
            (Some(row), Some(Op::Wait)) => {
                let place = Place { step: id.to_owned(), attempt: row.attempt, row: row.key.clone(), call: 0 };
                let seconds =
                    confirmed.rendered.rows.first().and_then(|row| row.calls.first()?.params.get("seconds")?.as_u64());
                let wait = std::time::Duration::from_secs(seconds.unwrap_or_default());
                Focus::Waiting { place, until: confirmed.at.plus(wait) }
            }
            (Some(row), Some(Op::Manual)) => Focus::Manual {
                place: Place { step: id.to_owned(), attempt: row.attempt, row: row.key.clone(), call: 0 },
            },
            (Some(_), _) => Focus::Sample { step: id.to_owned() },
            (None, _) => stop(id, folded),
        };
    }
    for row in folded.rows.iter().filter(|row| row.attempt == folded.attempt) {
        match row.verdict {
            Some(Verdict::Pass) => continue,
            Some(_) => return Focus::Stopped { step: id.to_owned(), row: row.key.clone() },
            None => {}
        }
        if row.calls.is_empty() && !confirmed.holds(id, row) {
            // Its turn comes by a confirmation of its own.
            return Focus::Confirm { step: id.to_owned() };
        }
        let place = |call| Place { step: id.to_owned(), attempt: row.attempt, row: row.key.clone(), call };
        for call in 0..state.calls_of(book, &place(0)) {
            match row.calls.get(&call) {
                None if op == Some(Op::Manual) => return Focus::Manual { place: place(call) },
                // What was confirmed before the process stopped, or before an earlier step was opened again, and was
                // not started, is confirmed again.
                None if confirmed.n < state.resumed_n.max(folded.disturbed) => {
                    return Focus::Reopen { step: id.to_owned() };
                }
                None => return Focus::Send { place: place(call), digest: confirmed.digest.clone() },
                Some(CallState::Reconciled { .. }) | Some(CallState::Finished { .. }) => {}
                Some(CallState::NotSent { .. }) => return Focus::Stopped { step: id.to_owned(), row: row.key.clone() },
                Some(CallState::Started { .. } | CallState::InDoubt { .. }) => {
                    return Focus::Answer { place: place(call) };
                }
            }
        }
        return Focus::Sample { step: id.to_owned() };
    }
    stop(id, folded)
}

fn stop(id: &str, folded: &StepState) -> Focus {
    match folded.stopped_row() {
        Some(row) => Focus::Stopped { step: id.to_owned(), row: row.key.clone() },
        // Rows that an earlier attempt left undecided, because others were opened before their turn came.
        None if folded.rows.iter().any(|row| row.verdict.is_none()) => Focus::Reopen { step: id.to_owned() },
        None => Focus::Confirm { step: id.to_owned() },
    }
}

fn focus_back(book: &Book, state: &State) -> Focus {
    let plan = super::rollback::planned(book, state);
    if plan.acts.is_empty() {
        return Focus::Seal(EndStatus::RolledBack);
    }
    if state.back_attempt == 0 {
        return Focus::OpenBack;
    }
    if state.back_confirmed.is_none() {
        return if plan.acts.iter().all(|act| passed(state, &act.id)) {
            Focus::Seal(EndStatus::RolledBack)
        } else {
            Focus::ConfirmBack
        };
    }
    for act in &plan.acts {
        if passed(state, &act.id) {
            continue;
        }
        let Some(folded) = state.back.get(&act.id) else { return Focus::OpenBack };
        if act.effect == EffectKind::Read && folded.rows.iter().any(|row| row.verdict.is_none()) {
            return Focus::Sample { step: act.id.clone() };
        }
        return match focus_step(book, state, &act.id, folded) {
            Focus::Reopen { .. } => Focus::OpenBack,
            found => found,
        };
    }
    Focus::Seal(EndStatus::RolledBack)
}

fn passed(state: &State, act: &str) -> bool {
    state.back.get(act).is_some_and(|step| !step.rows.is_empty() && step.passed())
}
