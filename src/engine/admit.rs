//! Which entries are allowed at all. The live engine asks before it writes, `verify` asks again for every entry read: one
//! set of rules, so that a transcript that keyward would not have written is not in order.

use serde_json::{Value, json};

use crate::runbook::op::Op;
use crate::runbook::template::Scope;
use crate::runbook::{ConfirmKind, EffectKind, Expectation, Skip, Step};

use super::book::Book;
use super::call::{Rendered, canonical, sha256_hex};
use super::effect::error_of;
use super::entry::{Answer, Body, Doubt, EndStatus, Entry, EnvironmentKind, FORMAT, Place, Reading, Stamp, Verdict};
use super::expect::{self, Judgement};
use super::focus::{Focus, focus, open_calls};
use super::gate;
use super::machine::rows_body;
use super::own;
use super::render::Renderer;
use super::rollback;
use super::scope::scope;
use super::state::{CallState, Phase, RowState, State};
use super::{doubt, doubt::Finding};

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
                no("the operator approved the own run")
            }
            Ok(_) => Ok(()),
            Err(_) => no("the statement is no JSON"),
        },
        Body::Override { step, gate, reason, .. } => overridden(book, state, step, *gate, reason),
        Body::Skipped { step, reason } => skipped(book, state, step, reason),
        Body::RowAdded { list, value, reason } => row_added(book, state, list, value, reason),
        Body::WindowRestarted { step, reason } => match book.runbook.step(step) {
            None => no("there is no such step"),
            Some(_) if reason.trim().is_empty() => no("a reason is needed"),
            Some(_) => Ok(()),
        },
        Body::RollbackBegun { .. } => {
            if state.phase != Phase::Forward {
                return no("the way back has begun already, or the run is over");
            }
            if open_calls(book, state).iter().any(|(_, call)| matches!(call, CallState::Started { .. })) {
                return no("an answer is due");
            }
            let plan = rollback::plan(book, state);
            match plan.closed {
                Some(why) => no(why),
                None if plan.acts.is_empty() && !anything_changed(book, state) => {
                    no("Nothing has been changed yet: leave or abort instead.")
                }
                None => Ok(()),
            }
        }
        Body::Suspended { .. } | Body::HandedOver { .. } => Ok(()),
        Body::Resumed { .. } => Ok(()),
        Body::TookOver { from, .. } if *from == state.operator && entry.by != state.operator => Ok(()),
        Body::TookOver { .. } => no("it takes over from somebody who is not the operator"),
        Body::ClockMoved { from, .. } => {
            if !state.opened.environment.virtual_clock {
                return no("the clock of a real account can't be moved");
            }
            if entry.at < *from { no("the clock moved back") } else { Ok(()) }
        }
        Body::Aborted { reason } if reason.trim().is_empty() => no("a reason is needed"),
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

// --- rows -----------------------------------------------------------------------------------------------------------

/// The entry that opens a step's rows, if any are to be opened; or why they can't be.
pub fn rows_due(book: &Book, state: &State, id: &str) -> Result<Option<Body>, String> {
    let Some(index) = book.runbook.position(id) else { return Ok(None) };
    let (step, folded) = (&book.runbook.steps[index], &state.steps[index]);
    let rows = rows_of(book, state, step)?;
    if folded.attempt == 0 {
        let input = step.for_each.as_ref().and_then(|each| each.root.as_deref());
        let named = input.filter(|root| book.runbook.inputs.iter().any(|input| input.name == **root));
        if let (true, Some(name)) = (rows.is_empty(), named) {
            return no(format!("The input “{name}” is empty. If that is right, skip the step with a reason."));
        }
        return Ok(Some(rows_body(id, 1, rows)));
    }
    let missing: Vec<Value> = rows
        .into_iter()
        .filter(|row| row.get("key").and_then(Value::as_str).is_some_and(|key| folded.row(key).is_none()))
        .collect();
    // A row that was added later opens the step again, once what is open in it is decided.
    let idle = folded.rows.iter().all(|row| row.verdict.is_some());
    if missing.is_empty() || !idle { Ok(None) } else { Ok(Some(rows_body(id, folded.attempt + 1, missing))) }
}

fn rows_of(book: &Book, state: &State, step: &Step) -> Result<Vec<Value>, String> {
    let Some(each) = &step.for_each else { return Ok(vec![json!({"key": "", "value": null})]) };
    let list = each.list.render(&scope(state, book, Some(step), None)).map_err(|why| why.to_string())?;
    let Value::Array(list) = list else { return no(format!("`for_each` of step {} is no list", step.id)) };
    let mut rows: Vec<Value> = Vec::new();
    for (i, value) in list.into_iter().enumerate() {
        let name = value.get("name").or_else(|| value.get("id")).and_then(Value::as_str);
        let key = name.map_or_else(|| i.to_string(), str::to_owned);
        if rows.iter().any(|row| row["key"] == json!(key)) {
            return no(format!("two rows of step {} have the name “{key}”", step.id));
        }
        rows.push(json!({"key": key, "value": value}));
    }
    Ok(rows)
}

/// The entry that opens what is left of a step, after keyward was away.
pub fn reopen(book: &Book, state: &State, id: &str) -> Option<Body> {
    let folded = state.step(book, id)?;
    let left = folded.rows.iter().filter(|row| row.attempt == folded.attempt && row.verdict.is_none());
    let rows = left.map(|row| json!({"key": row.key, "value": row.value})).collect();
    Some(rows_body(id, folded.attempt + 1, rows))
}

/// The entry that opens an attempt of the way back with the acts that are left.
pub fn open_back(book: &Book, state: &State) -> Body {
    let rendered = rollback::rendered(book, state, state.back_attempt + 1);
    let rows = rendered.rows.iter().map(|row| json!({"key": row.row, "value": null})).collect();
    rows_body("rollback", state.back_attempt + 1, rows)
}

fn resolved(
    book: &Book,
    state: &State,
    (what, name, row_key, attempt): (&str, &str, &str, u32),
    reading: &Reading,
) -> Allowed {
    match what {
        "rows" if name == "rollback" => {
            let expected = open_back(book, state);
            let same =
                matches!(&expected, Body::Resolved { attempt: n, reading: r, .. } if *n == attempt && r == reading);
            if state.phase == Phase::Back && same { Ok(()) } else { no("these are not the acts of the way back") }
        }
        "rows" => {
            let Some(folded) = state.step(book, name) else { return no("there is no such step") };
            if state.phase != Phase::Forward || attempt != folded.attempt + 1 {
                return no("this attempt can't be opened now");
            }
            if open_calls(book, state).iter().any(|(_, call)| matches!(call, CallState::Started { .. })) {
                return no("an answer is due");
            }
            let given = reading.result.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
            let step = book.runbook.step(name).ok_or("there is no such step")?;
            let known = rows_of(book, state, step)?;
            if given.iter().any(|row| !known.contains(row)) {
                return no("a row is opened that the list does not have");
            }
            if attempt == 1 && given != known {
                return no("not every row of the list is opened");
            }
            let before = book.runbook.position(name).unwrap_or_default();
            let ready = book.runbook.steps[..before].iter().zip(&state.steps).all(|(_, folded)| folded.passed());
            if attempt == 1 && !ready { no("a step before it has not passed") } else { Ok(()) }
        }
        "look" => {
            let place = Place { step: name.into(), attempt, row: row_key.into(), call: 0 };
            match (row(book, state, &place), state.step(book, name)) {
                (Some(row), Some(_)) if row.calls.is_empty() => Ok(()),
                _ => no("nothing is looked at there now"),
            }
        }
        "capture" => match capture_due(book, state) {
            Some(Body::Resolved { name: due, reading: expected, .. }) if due == name && expected == *reading => Ok(()),
            _ => no("that is not what was captured"),
        },
        other => no(format!("`{other}` is nothing that is resolved")),
    }
}

/// The next capture of a step that passed.
pub fn capture_due(book: &Book, state: &State) -> Option<Body> {
    for (step, folded) in book.runbook.steps.iter().zip(&state.steps) {
        if !folded.passed() || folded.skipped.is_some() {
            continue;
        }
        for capture in step.capture.iter().filter(|capture| !state.values.contains_key(&capture.name)) {
            let take = |row: &RowState| row.result().and_then(|r| capture.path.get(r)).cloned().unwrap_or(Value::Null);
            let value = match &step.for_each {
                Some(_) => Value::Array(folded.rows.iter().map(take).collect()),
                None => folded.rows.first().map_or(Value::Null, take),
            };
            let reading = Reading { result: Some(value), ..Reading::default() };
            let (name, row) = (capture.name.clone(), String::new());
            return Some(Body::Resolved { what: "capture".into(), name, row, attempt: 0, reading });
        }
    }
    None
}

// --- gates and confirmations ------------------------------------------------------------------------------------------

fn gate_reading(
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
    if judged.verdict == verdict && judged.evidence(facts) == *evidence {
        Ok(())
    } else {
        no(format!("gate {} of step {id} is judged otherwise from the same facts", index + 1))
    }
}

/// How long a gate's reading counts for a confirmation.
const FRESH: std::time::Duration = std::time::Duration::from_secs(120);

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
fn looked(book: &Book, state: &State, step: &Step) -> Allowed {
    let Some(folded) = state.step(book, &step.id) else { return no("There is no such step.") };
    for row in folded.rows.iter().filter(|row| row.attempt == folded.attempt) {
        let wanted = !own::looks(book, state, step, row).map_err(|why| why.to_string())?.is_empty();
        let seen = row.look.as_ref().and_then(|(_, reading)| reading.result.as_ref());
        match seen {
            _ if !wanted => {}
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
    let open = folded.rows.iter().filter(|row| row.attempt == folded.attempt);
    for row in open {
        // As the plan would be if this row's first call were done.
        let mut then = state.clone();
        if let Some(index) = book.runbook.position(&step.id)
            && let Some(row) = then.steps[index].rows.iter_mut().find(|other| other.key == row.key)
        {
            let reading = Reading::default();
            row.calls.insert(0, CallState::Finished { verdict: Verdict::Pass, reading, at: state.at });
        }
        let before = rollback::plan(book, state).missing;
        if let Some(why) = rollback::plan(book, &then).missing.into_iter().find(|why| !before.contains(why)) {
            return Err(why);
        }
    }
    Ok(())
}

fn answered(book: &Book, state: &State, id: &str, rendered: &Rendered, answer: &Answer) -> Allowed {
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
    let needs_reason = step.confirm.reason || way_back(book, state, step).is_err();
    if needs_reason && !reason_given {
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

/// What has to be typed back, one text for each open row (they are confirmed one by one where there are more).
pub fn type_back(book: &Book, state: &State, step: &Step) -> Result<Vec<String>, String> {
    let ConfirmKind::TypeBack(template) = &step.confirm.kind else { return Ok(Vec::new()) };
    let Some(folded) = state.step(book, &step.id) else { return Ok(Vec::new()) };
    let open = folded.rows.iter().filter(|row| row.attempt == folded.attempt);
    open.map(|row| template.text(&scope(state, book, Some(step), Some(row))).map_err(|why| why.to_string())).collect()
}

fn confirmed(
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
    for row in folded.rows.iter().filter(|row| row.attempt == folded.attempt) {
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

fn overridden(book: &Book, state: &State, id: &str, index: u32, reason: &str) -> Allowed {
    let Some(step) = book.runbook.step(id) else { return no("there is no such step") };
    if reason.trim().is_empty() {
        return no("A reason is needed.");
    }
    match gate::gates(step).get(index as usize) {
        None => return no("There is no such gate."),
        Some(gate::GateRef::Delete) => return no("What guards a delete itself can't be broken."),
        Some(gate::GateRef::Book(_)) => {}
    }
    if step.effect == EffectKind::Irreversible && state.approvals.is_empty() {
        return no("A gate before an irreversible step is broken by two people. Ask a second one.");
    }
    Ok(())
}

fn skipped(book: &Book, state: &State, id: &str, reason: &str) -> Allowed {
    let Some(step) = book.runbook.step(id) else { return no("There is no such step.") };
    if reason.trim().is_empty() {
        return no("A reason is needed.");
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

fn row_added(book: &Book, state: &State, list: &str, value: &Value, reason: &str) -> Allowed {
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
    let late = book.runbook.steps[over..]
        .iter()
        .zip(&state.steps[over..])
        .any(|(step, folded)| step.effect == EffectKind::Irreversible && folded.rows.iter().any(rollback::acted));
    if late { no("The delete was sent: a row can't be added any more.") } else { Ok(()) }
}

// --- calls and samples --------------------------------------------------------------------------------------------------

fn started(book: &Book, state: &State, place: &Place, digest: &str) -> Allowed {
    match focus(book, state) {
        Focus::Send { place: next, digest: confirmed } if next == *place && confirmed == digest => Ok(()),
        Focus::Send { place: next, .. } => {
            no(format!("the next call is {}, row “{}”, call {}", next.step, next.row, next.call))
        }
        _ => no("no confirmation of that very action and attempt is open"),
    }
}

/// The verdict of an act's own answer: by the runbook's expectations where nothing is polled after it.
pub fn act_verdict(book: &Book, state: &State, place: &Place, result: &Value) -> Verdict {
    let Some(step) = book.runbook.step(&place.step) else { return Verdict::Pass };
    let Some(row) = row(book, state, place) else { return Verdict::Pass };
    let nature = own::nature(book, state, &place.step, &row.value);
    if nature.samples || step.expect.is_empty() {
        return Verdict::Pass;
    }
    expect::judge(&step.expect, result, &scope(state, book, Some(step), Some(row))).0
}

/// A refusal is a fail, but a delete of what is not there is done (`NoSuchEntity`, IAM API reference).
pub fn refused_verdict(book: &Book, state: &State, place: &Place, result: &Value) -> Verdict {
    let folded = state.step(book, &place.step);
    let key = if book.runbook.step(&place.step).is_some() { &place.row } else { &place.step };
    let confirmed = folded.and_then(|folded| folded.confirmed.as_ref());
    let row = confirmed.and_then(|confirmed| confirmed.rendered.rows.iter().find(|row| row.row == *key));
    let op = row.and_then(|row| row.calls.iter().find(|call| call.call == place.call)).map(|call| call.op.as_str());
    let gone = matches!(op, Some("iam:DeleteAccessKey" | "iam:DeleteUser"));
    match error_of(result) {
        Some(("NoSuchEntity", _)) if gone => Verdict::Pass,
        _ => Verdict::Fail,
    }
}

/// The expectations of a place, and their scope.
fn expected(book: &Book, state: &State, place: &Place) -> Option<(Vec<Expectation>, Scope)> {
    let row = row(book, state, place)?;
    match book.runbook.step(&place.step) {
        Some(step) => Some((own::expectations(book, state, step, row), scope(state, book, Some(step), Some(row)))),
        None => {
            let act = rollback::plan(book, state).acts.into_iter().find(|act| act.id == place.step)?;
            Some((act.expect, scope(state, book, None, None)))
        }
    }
}

/// Verdict and judgements of a reading.
pub fn judgements(book: &Book, state: &State, place: &Place, result: &Value) -> (Option<Verdict>, Vec<Judgement>) {
    match expected(book, state, place) {
        None => (None, Vec::new()),
        Some((expectations, scope)) => {
            let result = if result.is_array() && expectations.is_empty() { &Value::Null } else { result };
            let (verdict, judgements) = expect::judge(&expectations, result, &scope);
            (Some(verdict), judgements)
        }
    }
}

/// The verdict of a sample.
pub fn sample_verdict(book: &Book, state: &State, place: &Place, result: &Value) -> Option<Verdict> {
    judgements(book, state, place, result).0
}

/// When the next sample of a row is due.
pub fn sample_due(book: &Book, state: &State, place: &Place) -> Option<Stamp> {
    let row = row(book, state, place)?;
    let sampling = own::nature(book, state, &place.step, &row.value).sampling;
    let first = state.sampling_since(book, place)?.plus(sampling.settle);
    let Some(last) = row.samples.last() else { return Some(first) };
    let next = last.at.plus(sampling.every);
    // The last look before the time is up is taken when it is up.
    Some(match sampling.within.map(|within| first.plus(within)) {
        Some(end) if last.at < end => next.min(end),
        _ => next,
    })
}

/// For a read: does this reading decide its row? `None` where the place has no row; always false for acts.
pub fn decides(book: &Book, state: &State, place: &Place, verdict: Verdict, at: Stamp) -> Option<bool> {
    let row = row(book, state, place)?;
    let nature = own::nature(book, state, &place.step, &row.value);
    if !nature.reads {
        return Some(false);
    }
    let first = state.sampling_since(book, place)?.plus(nature.sampling.settle);
    let before = row.samples.last().map_or(0, |sample| sample.in_a_row);
    Some(match verdict {
        Verdict::Pass => before + 1 >= nature.sampling.consecutive,
        _ => nature.sampling.within.is_none_or(|within| at >= first.plus(within)),
    })
}

fn sampled(
    book: &Book,
    state: &State,
    at: Stamp,
    place: &Place,
    verdict: Verdict,
    reading: &Reading,
    deciding: bool,
) -> Allowed {
    let Some(row) = row(book, state, place) else { return no("no such row is open") };
    if row.verdict.is_some() {
        return no("its row was decided before");
    }
    if state.step(book, &place.step).is_none_or(|step| step.confirmed.is_none()) {
        return no("its step was not confirmed");
    }
    let in_focus = matches!(focus(book, state), Focus::Sample { step } if step == place.step);
    if !in_focus {
        return no("nothing is sampled there now");
    }
    if sample_due(book, state, place).is_none_or(|due| at < due) {
        return no("it was taken before its time");
    }
    let result = reading.result.clone().unwrap_or(Value::Null);
    if sample_verdict(book, state, place, &result) != Some(verdict) {
        return no("its verdict is not what the runbook's expectations give");
    }
    match decides(book, state, place, verdict, at) {
        Some(decided) if decided == deciding => Ok(()),
        _ => no(if deciding { "it decides too early" } else { "it had to decide, and does not" }),
    }
}

fn finished(book: &Book, state: &State, at: Stamp, place: &Place, verdict: Verdict, reading: &Reading) -> Allowed {
    let value = row(book, state, place).map(|row| row.value.clone()).unwrap_or(Value::Null);
    match focus(book, state) {
        Focus::Waiting { place: waits, until } if waits == *place => {
            return if at >= until { Ok(()) } else { no("the wait was not over") };
        }
        Focus::Manual { place: waits } if waits == *place => return Ok(()),
        _ => {}
    }
    if own::nature(book, state, &place.step, &value).reads {
        return sampled(book, state, at, place, verdict, reading, true);
    }
    match call(book, state, place) {
        Some(CallState::Started { .. }) => {}
        _ => return no("no such call was started"),
    }
    let result = reading.result.clone().unwrap_or(Value::Null);
    let expected = match error_of(&result) {
        Some(_) => refused_verdict(book, state, place, &result),
        None => act_verdict(book, state, place, &result),
    };
    if expected == verdict { Ok(()) } else { no("its verdict is not what its answer gives") }
}

/// What the reads of a call in doubt say.
pub fn finding(book: &Book, state: &State, place: &Place, reads: &[(Stamp, Value)], asked: usize) -> Finding {
    let Some(row) = row(book, state, place) else { return Finding::Ask };
    let Some((expectations, scope)) = expected(book, state, place) else { return Finding::Ask };
    match book.runbook.step(&place.step) {
        Some(step) => doubt::judge(step, row, reads, asked, &expectations, &scope),
        None => {
            // An act of the way back: its probe sees exactly what it changes.
            let verdicts: Vec<Verdict> =
                reads.iter().map(|(_, result)| expect::judge(&expectations, result, &scope).0).collect();
            match verdicts.last() {
                Some(Verdict::Pass) if !expectations.is_empty() => Finding::Settled(Doubt::Done),
                Some(Verdict::Fail) if verdicts.len() >= doubt::TRIES => Finding::Settled(Doubt::NotDone),
                _ if reads.len() >= asked => Finding::Person { candidate: None },
                _ => Finding::Ask,
            }
        }
    }
}

fn reconciled(book: &Book, state: &State, place: &Place, outcome: Doubt, evidence: &Value) -> Allowed {
    let Some(CallState::InDoubt { reads, .. }) = call(book, state, place) else {
        return no("no such call is in doubt");
    };
    let asked = reads.len();
    match evidence.get("by").and_then(Value::as_str) {
        Some("reads") => match finding(book, state, place, reads, asked) {
            Finding::Settled(found) if found == outcome => Ok(()),
            _ => no("the recorded reads do not say so"),
        },
        Some(who) if who == state.operator => {
            let Some(row) = row(book, state, place) else { return no("there is no such row") };
            let candidate = reads.last().and_then(|(_, result)| doubt::candidate(row, result));
            let named = evidence.get("key").and_then(Value::as_str).map(str::to_owned);
            if outcome == Doubt::DoneLost && (candidate.is_none() || candidate != named) {
                return no("that key is not the one that was not there before");
            }
            Ok(())
        }
        _ => no("nobody known says so"),
    }
}

// --- the end --------------------------------------------------------------------------------------------------------------

/// The seal of a run that ends so.
pub fn seal(book: &Book, state: &State, status: EndStatus) -> Body {
    let audit = book.runbook.audit.as_ref().filter(|audit| status == EndStatus::Completed && audit.when == "completed");
    let scope = scope(state, book, None, None);
    let audit = audit.map(|audit| {
        let mut context = serde_json::Map::new();
        for (name, node) in &audit.context {
            context.insert(name.clone(), node.render(&scope).unwrap_or(Value::Null));
        }
        let actor = audit.actor.render(&scope).unwrap_or(Value::Null);
        canonical(&json!({"action": audit.action, "actor": actor, "context": context}))
    });
    let mut remaining = Vec::new();
    if status == EndStatus::RolledBack {
        remaining.extend(book.runbook.rollback.after.clone());
        remaining.extend(rollback::plan(book, state).missing);
    }
    if status == EndStatus::Aborted {
        let plan = rollback::plan(book, state);
        remaining.extend(plan.acts.iter().map(|act| format!("not done: {}", act.title)));
    }
    for (place, _) in open_calls(book, state) {
        remaining.push(format!("in doubt: step {}, call {}", place.step, place.call + 1));
    }
    Body::Sealed { status, deviations: state.deviations.clone(), remaining, cosigners: Vec::new(), audit }
}
