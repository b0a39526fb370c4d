//! Which entries are allowed at all. The live engine asks before it writes, `verify` asks again for every entry read: one
//! set of rules, so that a transcript that keyward would not have written is not in order.

mod calls;
mod confirm;
mod end;
mod rows;

use serde_json::Value;

use crate::runbook::EffectKind;
use crate::runbook::op::Op;

use super::book::Book;
use super::entry::{Body, Entry, EnvironmentKind, FORMAT, Place};
use super::focus::{Focus, focus, open_calls};
use super::rollback;
use super::state::{CallState, Phase, RowState, State};

pub use calls::{
    act_verdict, decides, entered_verdict, finding, judgements, reconcile_word, refused_verdict, sample_due,
    sample_verdict,
};
pub use confirm::{confirmation, type_back, way_back};
pub use end::seal;
pub use rows::{capture_due, open_back, reopen, rows_due};

use calls::{finished, reconciled, sampled, started};
pub(super) use confirm::FRESH;
use confirm::{confirmed, gate_reading, overridden, row_added, skipped};
use rows::resolved;

type Allowed = Result<(), String>;

fn no<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

/// Would the engine have allowed this entry in this state?
pub fn admit(book: &Book, state: &State, entry: &Entry) -> Allowed {
    if entry.n != state.entries {
        return no(format!("entry {} stands where {} belongs", entry.n, state.entries));
    }
    if entry.at < state.at {
        return no("its time is before the entry before it");
    }
    if let Phase::Sealed(_) = state.phase {
        return no("the run was sealed before it");
    }
    let takes_over = matches!(entry.body, Body::TookOver { .. });
    if entry.by != state.operator && !takes_over {
        return no(format!("{} is not the operator, {} is", entry.by, state.operator));
    }
    let away = state.suspended.is_some();
    if away && !matches!(entry.body, Body::Resumed { .. } | Body::TookOver { .. } | Body::Recovered { .. }) {
        return no("the run was suspended");
    }
    let due = || open_calls(book, state).iter().any(|(_, call)| matches!(call, CallState::Started { .. }));
    match &entry.body {
        Body::Opened(_) => no("a run is opened once"),
        Body::Noted { .. } | Body::Recovered { .. } => Ok(()),
        Body::Resolved { what, name, row, attempt, reading } => {
            resolved(book, state, (what, name, row, *attempt), reading)
        }
        Body::Gate { step, gate, row, verdict, evidence } => {
            gate_reading(book, state, entry.at, (step, *gate, row), *verdict, evidence)
        }
        Body::Confirmed { step, attempt, action, digest, answer } => {
            confirmed(book, state, entry.at, (step, *attempt), action, digest, answer)
        }
        Body::Started { place, digest } => started(book, state, place, digest),
        Body::NotSent { place, .. } | Body::InDoubt { place, .. } => match call(book, state, place) {
            Some(found) if found.open() => Ok(()),
            _ => no("no such call is open"),
        },
        Body::Reconciled { place, outcome, evidence } => reconciled(book, state, place, *outcome, evidence),
        Body::Sample { place, verdict, reading } => sampled(book, state, entry.at, place, *verdict, reading, false),
        Body::Finished { place, verdict, reading } => finished(book, state, entry.at, place, *verdict, reading),
        Body::Approved { statement, .. } => match serde_json::from_str::<Value>(statement) {
            Ok(said) if said.get("by").and_then(Value::as_str) == Some(&state.operator) => {
                no("You can't approve your own run.")
            }
            Ok(_) => Ok(()),
            Err(_) => no("the statement is no JSON"),
        },
        Body::Override { step, gate, reason, .. } => overridden(book, state, entry.at, (step, *gate), reason),
        Body::Skipped { step, reason } => skipped(book, state, step, reason),
        Body::RowAdded { list, value, reason } => row_added(book, state, list, value, reason),
        Body::WindowRestarted { step, reason } => match book.runbook.step(step) {
            _ if state.phase != Phase::Forward => no("The run does not go forward any more."),
            None => no("There is no such step."),
            Some(_) if reason.trim().is_empty() => no("A reason is needed."),
            Some(_) => Ok(()),
        },
        Body::RollbackBegun { .. } => {
            if state.phase != Phase::Forward {
                return no("the way back has begun already, or the run is over");
            }
            if due() {
                return no("An answer is due.");
            }
            if let Some((place, _)) = open_calls(book, state).iter().find(|(place, _)| creates(book, &place.step)) {
                let step = book.runbook.step(&place.step).and_then(|step| step.sop.as_deref()).unwrap_or(&place.step);
                return no(format!(
                    "Step {step} is in doubt: whether there is a new key has to be known first, or it would be left behind."
                ));
            }
            let plan = rollback::planned(book, state);
            match &plan.closed {
                Some(why) => no(why),
                None if plan.acts.is_empty() && !anything_changed(book, state) => {
                    no("Nothing has been changed yet: leave or abort instead.")
                }
                None => Ok(()),
            }
        }
        Body::Suspended { .. } => Ok(()),
        Body::HandedOver { to } if to.trim().is_empty() || *to == state.operator => no("Hand over to whom?"),
        Body::HandedOver { .. } if due() => no("An answer is due. Hand over when it is in."),
        Body::HandedOver { .. } => Ok(()),
        Body::Resumed { .. } if state.handed_to.is_some() => {
            no("The run was handed over. The person named goes on with it, or somebody takes it over.")
        }
        Body::Resumed { .. } => Ok(()),
        Body::TookOver { from, .. } if *from != state.operator => {
            no("it takes over from somebody who is not the operator")
        }
        Body::TookOver { .. } if entry.by == state.operator && state.handed_to.is_none() => {
            no("the operator takes over from nobody")
        }
        Body::TookOver { .. } => Ok(()),
        Body::ClockMoved { from, .. } => {
            if !state.opened.environment.virtual_clock {
                return no("the clock of a real account can't be moved");
            }
            if entry.at < *from { no("the clock moved back") } else { Ok(()) }
        }
        Body::Aborted { reason } if reason.trim().is_empty() => no("A reason is needed."),
        Body::Aborted { .. } if due() => no("An answer is due. Abort when it is in."),
        Body::Aborted { .. } if matches!(state.phase, Phase::Aborted) => no("the run was aborted already"),
        Body::Aborted { .. } => Ok(()),
        Body::Sealed { status, .. } => match focus(book, state) {
            Focus::Seal(end) if end == *status => match seal(book, state, end) {
                expected if expected == entry.body => Ok(()),
                _ => no("what it says of the run is not what the entries say"),
            },
            _ => no("steps are left to do"),
        },
    }
}

/// Entry 0 on its own.
pub fn admit_first(entry: &Entry) -> Allowed {
    let Body::Opened(opened) = &entry.body else { return no("a transcript begins with `opened`") };
    if opened.format != FORMAT {
        return no(format!("its format is {}", opened.format));
    }
    let environment = &opened.environment;
    let real = environment.kind == EnvironmentKind::Account;
    if real && (environment.virtual_clock || environment.unattended || entry.wall.is_some()) {
        return no("a real account has no virtual clock and nobody is left unasked there");
    }
    if entry.by != opened.operator {
        return no("it was not opened by its operator");
    }
    Ok(())
}

/// Must this entry be a signed checkpoint?
pub fn must_be_signed(book: &Book, body: &Body) -> bool {
    match body {
        Body::Opened(_)
        | Body::Override { .. }
        | Body::HandedOver { .. }
        | Body::TookOver { .. }
        | Body::Suspended { .. }
        | Body::RowAdded { .. }
        | Body::WindowRestarted { .. }
        | Body::Sealed { .. } => true,
        Body::Confirmed { step, .. } => book.runbook.step(step).is_none_or(|step| step.effect != EffectKind::Read),
        _ => false,
    }
}

/// A step whose act makes a key or a user: what the way back has to take away again.
fn creates(book: &Book, step: &str) -> bool {
    book.runbook.step(step).is_some_and(|step| matches!(step.run.op, Op::IamCreateAccessKey | Op::IamCreateUser))
}

fn anything_changed(book: &Book, state: &State) -> bool {
    let mutating = book.runbook.steps.iter().zip(&state.steps).filter(|(step, _)| step.effect != EffectKind::Read);
    mutating.flat_map(|(_, folded)| &folded.rows).any(rollback::acted)
}

fn call<'s>(book: &Book, state: &'s State, place: &Place) -> Option<&'s CallState> {
    row(book, state, place)?.calls.get(&place.call)
}

fn row<'s>(book: &Book, state: &'s State, place: &Place) -> Option<&'s RowState> {
    state.step(book, &place.step)?.row(&place.row).filter(|row| row.attempt == place.attempt)
}
