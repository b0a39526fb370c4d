//! The names that a run's templates can see.

use serde_json::{Map, Value, json};

use crate::runbook::Step;
use crate::runbook::template::Scope;

use super::book::Book;
use super::state::{RowState, State};

/// Inputs, captures, `operator`, `run`, `steps`, and with a step `step` and its row's name.
pub fn scope(state: &State, book: &Book, step: Option<&Step>, row: Option<&RowState>) -> Scope {
    let mut values = state.derived.names.get_or_init(|| names(state, book)).clone();
    if let Some(step) = step {
        values.insert("step".into(), json!({"id": step.id, "sop": step.sop, "title": step.title}));
        if let (Some(for_each), Some(row)) = (&step.for_each, row) {
            values.insert(for_each.name.clone(), row.value.clone());
        }
    }
    Scope { values }
}

/// What every template sees.
pub(super) fn names(state: &State, book: &Book) -> Map<String, Value> {
    let mut values = state.values.clone();
    values.insert("operator".into(), json!({"principal": state.operator, "caller": state.caller}));
    values.insert(
        "run".into(),
        json!({
            "id": state.opened.run,
            "started": state.opened_at,
            "environment": state.opened.environment.name,
            "account": state.opened.environment.account,
            "reason": state.opened.reason,
            "ticket": state.opened.ticket,
        }),
    );
    let mut steps = Map::new();
    for (step, folded) in book.runbook.steps.iter().zip(&state.steps) {
        let passed = folded.passed_at().map_or(Value::Null, |at| json!(at));
        steps.insert(step.id.clone(), json!({"passed": passed, "attempt": folded.attempt}));
    }
    values.insert("steps".into(), Value::Object(steps));
    values
}
