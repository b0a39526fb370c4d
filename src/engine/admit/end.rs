//! The seal.

use serde_json::{Value, json};

use super::super::book::Book;
use super::super::call::canonical;
use super::super::doubt;
use super::super::entry::{Body, EndStatus};
use super::super::focus::open_calls;
use super::super::rollback;
use super::super::scope::scope;
use super::super::state::{CallState, State, StepState};

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
        remaining.extend(rollback::planned(book, state).missing.clone());
    }
    if status == EndStatus::Aborted {
        let plan = rollback::planned(book, state);
        let left = plan.acts.iter().filter(|act| !state.back.get(&act.id).is_some_and(StepState::passed));
        remaining.extend(left.map(|act| format!("not done: {}", act.title)));
        remaining.extend(plan.missing.clone());
    }
    for (place, call) in open_calls(book, state) {
        let row = state.step(book, &place.step).and_then(|step| step.row(&place.row));
        let found = match (&call, row) {
            (CallState::InDoubt { reads, .. }, Some(row)) => doubt::found(row, reads),
            _ => None,
        };
        let found = found.map_or(String::new(), |id| format!("; {id} was not there before"));
        remaining.push(format!("in doubt: step {}, call {}{found}", place.step, place.call + 1));
    }
    Body::Sealed { status, deviations: state.deviations.clone(), remaining, cosigners: Vec::new(), audit }
}
