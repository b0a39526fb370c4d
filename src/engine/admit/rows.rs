//! Rows, looks and captures: what is opened, and with which values.

use serde_json::{Value, json};

use crate::runbook::op::Op;
use crate::runbook::{EffectKind, Step};

use super::super::book::Book;
use super::super::entry::{Body, Doubt, Place, Reading, Verdict};
use super::super::focus::{Focus, focus};
use super::super::machine::rows_body;
use super::super::rollback;
use super::super::scope::{names, scope};
use super::super::state::{CallState, Phase, RowState, State, StepState};
use super::{Allowed, no, row};

/// The entry that opens a step's rows, if any are to be opened; or why they can't be.
pub fn rows_due(book: &Book, state: &State, id: &str) -> Result<Option<Body>, String> {
    let Some(index) = book.runbook.position(id) else { return Ok(None) };
    let (step, folded) = (&book.runbook.steps[index], &state.steps[index]);
    if folded.attempt > 0 && folded.rows.iter().any(|row| row.verdict.is_none()) {
        // What is open in it is decided first.
        return Ok(None);
    }
    if let Some(again) = stale_proofs(book, state, index) {
        return Ok(Some(rows_body(id, folded.attempt + 1, again)));
    }
    if folded.attempt > 0 && step.for_each.is_none() {
        return Ok(None);
    }
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
    // A row that was added later opens the step again.
    if missing.is_empty() { Ok(None) } else { Ok(Some(rows_body(id, folded.attempt + 1, missing))) }
}

/// Rows of a step that only reads, and passed before something that they prove was done again. They are read again.
fn stale_proofs(book: &Book, state: &State, index: usize) -> Option<Vec<Value>> {
    let (step, folded) = (&book.runbook.steps[index], &state.steps[index]);
    if step.effect != EffectKind::Read || folded.skipped.is_some() || folded.attempt == 0 {
        return None;
    }
    let mut again = Vec::new();
    for (other, done) in book.runbook.steps[..index].iter().zip(&state.steps) {
        if other.effect == EffectKind::Read || done.attempt < 2 {
            continue;
        }
        // Rows over the same list prove each other's; anything else may prove anything.
        let list = |step: &Step| step.for_each.as_ref().map(|each| each.list.source.clone());
        let same_list = list(step).is_some() && list(step) == list(other);
        for redone in done.rows.iter().filter(|row| row.attempt > 1) {
            let proven = folded.rows.iter().filter(|row| !same_list || row.key == redone.key);
            let passed = proven.filter(|row| row.verdict == Some(Verdict::Pass));
            again.extend(passed.filter(|row| row.decided_n < redone.decided_n).map(|row| row.key.as_str()));
        }
    }
    let rows: Vec<Value> =
        folded.rows.iter().filter(|row| again.contains(&row.key.as_str())).map(RowState::opened).collect();
    if rows.is_empty() { None } else { Some(rows) }
}

pub(super) fn rows_of(book: &Book, state: &State, step: &Step) -> Result<Vec<Value>, String> {
    let Some(each) = &step.for_each else { return Ok(vec![json!({"key": "", "value": null})]) };
    let names = state.derived.names.get_or_init(|| names(state, book));
    let known = each.list.lone_path().filter(|path| path.0.len() == 1).and_then(|path| names.get(path.root()?));
    let list = match known {
        Some(list) => list.clone(),
        None => each.list.render(&scope(state, book, Some(step), None)).map_err(|why| why.to_string())?,
    };
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
    let left = folded.rows.iter().filter(|row| row.verdict.is_none());
    let rows = left.map(RowState::opened).collect();
    Some(rows_body(id, folded.attempt + 1, rows))
}

/// The entry that opens an attempt of the way back with the acts that are left.
pub fn open_back(book: &Book, state: &State) -> Body {
    let rendered = rollback::rendered(book, state, state.back_attempt + 1);
    let rows = rendered.rows.iter().map(|row| json!({"key": row.row, "value": null})).collect();
    rows_body("rollback", state.back_attempt + 1, rows)
}

pub(super) fn resolved(
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
            // What is under way, or in doubt, is never opened again: it could be sent twice.
            let rests = match focus(book, state) {
                Focus::OpenBack => true,
                Focus::Stopped { step, .. } => step.starts_with("rollback/"),
                _ => false,
            };
            if rests && same { Ok(()) } else { no("these are not the acts of the way back") }
        }
        "rows" => {
            let Some(folded) = state.step(book, name) else { return no("There is no such step.") };
            if state.phase != Phase::Forward || attempt != folded.attempt + 1 {
                return no("This attempt can't be opened now.");
            }
            let given = reading.result.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
            rows_opened(book, state, name, &given)
        }
        "look" => {
            let place = Place { step: name.into(), attempt, row: row_key.into(), call: 0 };
            let waits = matches!(focus(book, state), Focus::Confirm { step } if step == name);
            match row(book, state, &place) {
                Some(row) if waits && row.calls.is_empty() => Ok(()),
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

/// May these rows of a step be opened, for the first time or again?
fn rows_opened(book: &Book, state: &State, id: &str, given: &[Value]) -> Allowed {
    let is_given = |body: &Body| {
        matches!(body, Body::Resolved { reading, .. }
            if reading.result.as_ref().and_then(Value::as_array).is_some_and(|rows| rows == given))
    };
    let now = focus(book, state);
    match &now {
        Focus::Open { step } if step == id => {
            let due = rows_due(book, state, id)?;
            return if due.as_ref().is_some_and(is_given) { Ok(()) } else { no("Other rows are to be opened.") };
        }
        Focus::Reopen { step } if step == id => {
            let due = reopen(book, state, id);
            return if due.as_ref().is_some_and(is_given) { Ok(()) } else { no("Other rows are to be opened.") };
        }
        Focus::Stopped { .. } | Focus::Confirm { .. } | Focus::Blocked { .. } => {}
        _ => return no("Something is under way. When it rests, it can be done again."),
    }
    let (Some(step), Some(folded)) = (book.runbook.step(id), state.step(book, id)) else {
        return no("There is no such step.");
    };
    let rows: Option<Vec<&RowState>> =
        given.iter().map(|given| folded.rows.iter().find(|row| row.opened() == *given)).collect();
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
        return no("Nothing of this step is to be done again.");
    };
    if rows.iter().all(|row| row.verdict == Some(Verdict::Pass)) {
        return redone(step, folded, rows.len());
    }
    if !matches!(&now, Focus::Stopped { step, .. } if step == id)
        || rows.iter().any(|row| row.verdict == Some(Verdict::Pass))
    {
        return no("Only what failed is tried again.");
    }
    rows.iter().try_for_each(|row| tried_again(step, row))
}

/// A row that passed is done again: what others took from it may not change under them.
fn redone(step: &Step, folded: &StepState, rows: usize) -> Allowed {
    let fixed = step.effect == EffectKind::Irreversible || creates(step) || !step.capture.is_empty();
    if rows != 1 || folded.skipped.is_some() || fixed {
        return no("This can't be done again from here: later steps rest on what it gave. Go the way back instead.");
    }
    Ok(())
}

/// A row that failed is tried again.
fn tried_again(step: &Step, row: &RowState) -> Allowed {
    if !creates(step) {
        return Ok(());
    }
    let foreign = |call: &CallState| matches!(call, CallState::Reconciled { outcome: Doubt::NotOurs, .. });
    if row.every_call().any(foreign) {
        return no("A key is there that nobody here made. Find its owner; this run stays as it is.");
    }
    if rollback::acted(row) {
        return no("It was made, or may have been: another try would make a second one. Go the way back, \
                   which removes it, then start again.");
    }
    Ok(())
}

fn creates(step: &Step) -> bool {
    matches!(step.run.op, Op::IamCreateAccessKey | Op::IamCreateUser)
}

/// The next capture of a step that passed.
pub fn capture_due(book: &Book, state: &State) -> Option<Body> {
    for (step, folded) in book.runbook.steps.iter().zip(&state.steps) {
        if !folded.passed() || folded.skipped.is_some() {
            continue;
        }
        if let Some(capture) = step.capture.iter().find(|capture| !state.values.contains_key(&capture.name)) {
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
