//! Gates, confirmations, and the ways around a step: overrides, skips, added rows.

use serde_json::Value;

use crate::runbook::op::Op;
use crate::runbook::{ConfirmKind, EffectKind, GateKind, Skip, Step};

use super::super::book::Book;
use super::super::call::{Rendered, canonical, sha256_hex};
use super::super::effect::error_of;
use super::super::entry::{Answer, Body, EnvironmentKind, Reading, Stamp, Verdict};
use super::super::focus::{Focus, focus};
use super::super::render::{Renderer, batch};
use super::super::scope::scope;
use super::super::state::{CallState, Phase, State};
use super::super::{gate, own, rollback};
use super::{Allowed, no, rows_due};

pub(super) fn gate_reading(
    book: &Book,
    state: &State,
    at: Stamp,
    (id, index, row_key): (&str, u32, &str),
    verdict: Verdict,
    evidence: &Value,
) -> Allowed {
    let (Some(step), Some(folded)) = (book.runbook.step(id), state.step(book, id)) else {
        return no("there is no such step");
    };
    let (Some(row), Some(gate)) = (folded.row(row_key), gate::gates(step).get(index as usize).copied()) else {
        return no("there is no such gate");
    };
    let facts = evidence.get("facts").unwrap_or(&Value::Null);
    let judged = gate::GateView { book, state, step, row }.judge(gate, facts, at);
    if !matches!(focus(book, state), Focus::Confirm { step } if step == id) {
        return no("only the gates of the step that waits are read");
    }
    if judged.verdict == verdict && judged.evidence(facts) == *evidence {
        Ok(())
    } else {
        no(format!("gate {} of step {id} is judged otherwise from the same facts", index + 1))
    }
}

/// How long a gate's reading counts for a confirmation.
pub(in crate::engine) const FRESH: std::time::Duration = std::time::Duration::from_secs(120);

/// The confirmation of what is in focus, if it may be confirmed but for its gates' freshness; else a sentence.
pub fn confirmation(book: &Book, state: &State, id: &str, answer: &Answer) -> Result<Body, String> {
    let rendered = match focus(book, state) {
        Focus::ConfirmBack if id == "rollback" => rollback::rendered(book, state, state.back_attempt),
        Focus::Confirm { step } if step == id => {
            let step = book.runbook.step(id).ok_or("There is no such step.")?;
            looked(book, state, step)?;
            Renderer { book, state }.step(step).map_err(|why| why.to_string())?
        }
        _ => return no("That is not what waits for a confirmation."),
    };
    answered(book, state, id, &rendered, answer)?;
    let (action, digest) = (rendered.canonical(), rendered.digest());
    Ok(Body::Confirmed { step: id.to_owned(), attempt: rendered.attempt, action, digest, answer: answer.clone() })
}

/// Every look that the step wants was made and gave an answer.
pub(super) fn looked(book: &Book, state: &State, step: &Step) -> Allowed {
    let Some(folded) = state.step(book, &step.id) else { return no("There is no such step.") };
    for row in batch(step, folded) {
        let wanted = !own::looks(book, state, step, row).map_err(|why| why.to_string())?.is_empty();
        let seen = row.look.as_ref().and_then(|(_, reading)| reading.result.as_ref());
        let before = row.look.as_ref().is_some_and(|(at, _)| state.resumed_at.is_some_and(|resumed| *at < resumed));
        match seen {
            _ if !wanted => {}
            _ if before => return no("What is there now has not been read again since this run was resumed."),
            None => return no("What is there now has not been read yet."),
            Some(result) => {
                if let Some((code, message)) = error_of(result) {
                    return no(format!("What is there now could not be read: {code} {message}"));
                }
                if step.run.op == Op::IamCreateAccessKey
                    && result.get("keys").and_then(Value::as_array).is_some_and(|keys| keys.len() >= 2)
                {
                    return no("This user has two keys already, and Inactive ones count. One has to go first.");
                }
            }
        }
    }
    Ok(())
}

/// True if the engine knows a way back for every row of a mutating step.
pub fn way_back(book: &Book, state: &State, step: &Step) -> Result<(), String> {
    let Some(folded) = state.step(book, &step.id) else { return Ok(()) };
    if step.effect != EffectKind::Mutate {
        return Ok(());
    }
    for row in batch(step, folded) {
        // As the plan would be if this row's first call were done.
        let mut then = state.clone();
        if let Some(index) = book.runbook.position(&step.id)
            && let Some(row) = then.steps[index].rows.iter_mut().find(|other| other.key == row.key)
        {
            let reading = Reading::default();
            row.calls.insert(0, CallState::Finished { verdict: Verdict::Pass, reading, at: state.at });
        }
        let before = &rollback::planned(book, state).missing;
        if let Some(why) = rollback::planned(book, &then).missing.iter().find(|why| !before.contains(why)) {
            return Err(why.clone());
        }
    }
    Ok(())
}

pub(super) fn answered(book: &Book, state: &State, id: &str, rendered: &Rendered, answer: &Answer) -> Allowed {
    let environment = &state.opened.environment;
    let reason_given = answer.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty());
    if answer.how == "yes" {
        let drill = environment.unattended && environment.kind != EnvironmentKind::Account;
        return if drill { Ok(()) } else { no("Nobody answers for a person here.") };
    }
    if rendered.rows.is_empty() {
        return no("There is nothing to confirm.");
    }
    let Some(step) = book.runbook.step(id) else {
        return if answer.how == "sign" { Ok(()) } else { no("The way back is signed.") };
    };
    if !reason_given && (step.confirm.reason || way_back(book, state, step).is_err()) {
        return no("A reason is needed.");
    }
    match (&step.confirm.kind, answer.how.as_str()) {
        (ConfirmKind::Enter, "enter" | "sign") | (ConfirmKind::Sign, "sign") => Ok(()),
        (ConfirmKind::TypeBack(_), "type_back") => {
            let typed = answer.typed.as_deref().unwrap_or("");
            for wanted in type_back(book, state, step)? {
                if typed != wanted {
                    return no(format!("You typed {typed}. This key ends in {wanted}."));
                }
            }
            Ok(())
        }
        _ => no("That is not how this step is confirmed."),
    }
}

/// What has to be typed back for the row that waits; rows that have one are confirmed one by one.
pub fn type_back(book: &Book, state: &State, step: &Step) -> Result<Vec<String>, String> {
    let ConfirmKind::TypeBack(template) = &step.confirm.kind else { return Ok(Vec::new()) };
    let Some(folded) = state.step(book, &step.id) else { return Ok(Vec::new()) };
    let open = batch(step, folded).into_iter();
    open.map(|row| template.text(&scope(state, book, Some(step), Some(row))).map_err(|why| why.to_string())).collect()
}

pub(super) fn confirmed(
    book: &Book,
    state: &State,
    at: Stamp,
    (id, attempt): (&str, u32),
    action: &str,
    digest: &str,
    answer: &Answer,
) -> Allowed {
    if sha256_hex(action.as_bytes()) != digest {
        return no("its digest is not that of its action");
    }
    let well_formed = serde_json::from_str::<Value>(action).is_ok_and(|value| canonical(&value) == action);
    if !well_formed {
        return no("its action is not in canonical form");
    }
    let Body::Confirmed { action: expected, attempt: n, .. } = confirmation(book, state, id, answer)? else {
        return no("nothing was to be confirmed");
    };
    if expected != action || n != attempt {
        return no("it confirms another action than the runbook and the recorded values give");
    }
    let Some(step) = book.runbook.step(id) else { return Ok(()) };
    let Some(folded) = state.step(book, id) else { return no("there is no such step") };
    for row in batch(step, folded) {
        for (_, index) in gate::gates(step).iter().zip(0..) {
            if folded.overridden.contains_key(&index) {
                continue;
            }
            match folded.gates.get(&(index, row.key.clone())) {
                Some(reading) if reading.verdict == Verdict::Pass && at.since(reading.at) <= FRESH => {}
                Some(reading) if reading.verdict == Verdict::Pass => return no("a gate was not read again before it"),
                _ => return no(format!("gate {} of step {id} does not hold", index + 1)),
            }
        }
    }
    Ok(())
}

pub(super) fn overridden(book: &Book, state: &State, at: Stamp, (id, index): (&str, u32), reason: &str) -> Allowed {
    let Some(step) = book.runbook.step(id) else { return no("there is no such step") };
    if reason.trim().is_empty() {
        return no("A reason is needed.");
    }
    match gate::gates(step).get(index as usize) {
        None => return no("There is no such gate."),
        Some(gate::GateRef::Delete) => return no("What guards a delete itself can't be broken."),
        Some(gate::GateRef::Book(_)) => {}
    }
    if !matches!(focus(book, state), Focus::Confirm { step } if step == id) {
        return no("Only a gate of the step that waits can be broken.");
    }
    if step.effect == EffectKind::Irreversible && gate::statements(book, state, step, "override", at).is_empty() {
        return no("A gate before an irreversible step is broken by two people. Ask a second one.");
    }
    Ok(())
}

pub(super) fn skipped(book: &Book, state: &State, id: &str, reason: &str) -> Allowed {
    let Some(step) = book.runbook.step(id) else { return no("There is no such step.") };
    if reason.trim().is_empty() {
        return no("A reason is needed.");
    }
    if book.runbook.steps.iter().flat_map(|other| &other.gates).any(|gate| waits_for(book, &gate.kind, id)) {
        return no("This step can't be skipped: a gate of a later one names it.");
    }
    let empty = rows_due(book, state, id).is_err();
    if step.skip == Skip::Never && !empty {
        return no("This step can't be skipped: a later one needs it.");
    }
    let current = match focus(book, state) {
        Focus::Confirm { step } | Focus::Stopped { step, .. } | Focus::Blocked { step, .. } => step == id,
        _ => false,
    };
    if !current {
        return no("Only the step that waits can be skipped.");
    }
    let acted = state.step(book, id).is_some_and(|folded| folded.rows.iter().any(rollback::acted));
    if acted { no("It has acted already: go back instead.") } else { Ok(()) }
}

/// Does the gate name that step?
fn waits_for(book: &Book, gate: &GateKind, id: &str) -> bool {
    let (GateKind::Passed(name) | GateKind::After { step: name, .. } | GateKind::UnusedSince { since: name, .. }) =
        gate
    else {
        return false;
    };
    book.runbook.named(name).iter().any(|&index| book.runbook.steps[index].id == id)
}

pub(super) fn row_added(book: &Book, state: &State, list: &str, value: &Value, reason: &str) -> Allowed {
    if reason.trim().is_empty() {
        return no("A reason is needed.");
    }
    let Some(Value::Array(known)) = state.values.get(list) else {
        return no(format!("{list} is no list of this run."));
    };
    let name = value.get("name");
    if name.is_none() || known.iter().any(|other| other.get("name") == name) {
        return no("It needs a name that the list does not have yet.");
    }
    let over = book
        .runbook
        .steps
        .iter()
        .position(|step| step.for_each.as_ref().is_some_and(|f| f.root.as_deref() == Some(list)));
    let Some(over) = over else { return no(format!("No step goes over {list}.")) };
    if state.phase != Phase::Forward {
        return no("The run does not go forward any more.");
    }
    let late = book.runbook.steps[over..]
        .iter()
        .zip(&state.steps[over..])
        .any(|(step, folded)| step.effect == EffectKind::Irreversible && folded.rows.iter().any(rollback::acted));
    if late { no("The delete was sent: a row can't be added any more.") } else { Ok(()) }
}
