//! What an action brings itself: what is looked at before it, what proves it, and how its samples are counted.
//!
//! A runbook's own `probe` and `expect` win over these.

use std::time::Duration;

use serde_json::{Value, json};

use crate::runbook::op::Op;
use crate::runbook::template::{Node, Path, PathPart, Scope};
use crate::runbook::{EffectKind, Expectation, Predicate, Span, Step};

use super::book::{Book, Sampling};
use super::call::{Call, Keep};
use super::render::{RenderError, Renderer};
use super::rollback;
use super::scope::scope;
use super::state::{RowState, State};

/// How a step's rows are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// The step only reads: each try is a reading of the act itself.
    pub reads: bool,
    /// After the act, reads are polled.
    pub samples: bool,
    /// How.
    pub sampling: Sampling,
}

/// The nature of a step, or of an act of the way back.
pub fn nature(book: &Book, state: &State, step: &str, row: &Value) -> Nature {
    if let Some(step) = book.runbook.step(step) {
        let reads = step.effect == EffectKind::Read;
        let samples = reads || !step.probe.is_empty() || has_own_probe(book, step, row);
        return Nature { reads, samples, sampling: book.sampling(step, row) };
    }
    if let Some(act) = rollback::planned(book, state).act(step) {
        let reads = act.effect == EffectKind::Read;
        return Nature { reads, samples: reads || !act.probe.is_empty(), sampling: act.sampling };
    }
    let sampling = Sampling { settle: Duration::ZERO, within: None, every: Duration::from_secs(2), consecutive: 1 };
    Nature { reads: false, samples: false, sampling }
}

fn has_own_probe(book: &Book, step: &Step, row: &Value) -> bool {
    match step.run.op {
        Op::IamCreateAccessKey
        | Op::IamUpdateAccessKey
        | Op::IamDeleteAccessKey
        | Op::IamCreateUser
        | Op::IamDeleteUser => true,
        // Rows of a put are holders; a put of a single holder input is looked up when it is rendered.
        Op::HolderPut => book.connector(row).is_none_or(|connector| connector.read.is_some()),
        _ => false,
    }
}

/// A native call of the operator.
pub fn native(state: &State, op: &str, params: Value) -> Call {
    let service = op.split_once(':').map_or("iam", |(service, _)| service);
    let endpoint = state.opened.endpoints.get(service).cloned().unwrap_or_default();
    Call { call: 0, op: op.to_owned(), endpoint, params }
}

/// The holder that a `holder.*` step goes to in this row.
pub fn holder_of(step: &Step, scope: &Scope) -> Option<Value> {
    step.run.param("holder")?.render(scope).ok()
}

/// The reads made before the step is shown for confirmation; their results stand in the row's look.
pub fn looks(book: &Book, state: &State, step: &Step, row: &RowState) -> Result<Vec<Call>, RenderError> {
    let scope = scope(state, book, Some(step), Some(row));
    Ok(match step.run.op {
        Op::IamCreateAccessKey | Op::IamUpdateAccessKey | Op::IamDeleteAccessKey => {
            let user = step.run.param("user").map(|node| node.render(&scope)).transpose()?;
            vec![native(state, "iam:ListAccessKeys", json!({"UserName": user}))]
        }
        Op::HolderPut => match holder_of(step, &scope) {
            Some(holder) if book.connector(&holder).is_some_and(|c| c.read.is_some()) => {
                vec![Renderer { book, state }.holder_read(Op::HolderRead, &holder, &Value::Null)?]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    })
}

/// What the vault keeps of a look: the old values of a holder, for the way back.
pub fn look_keeps(book: &Book, step: &Step, row: &RowState) -> Vec<Keep> {
    if step.run.op != Op::HolderPut {
        return Vec::new();
    }
    let name = if row.key.is_empty() { step.id.clone() } else { format!("{}.{}", step.id, row.key) };
    let keep = |value: String| Keep {
        path: Path(vec![PathPart::Name("values".into()), PathPart::Name(value.clone())]),
        name: format!("held.{name}.{value}"),
    };
    book.value_names().into_iter().map(keep).collect()
}

/// What the vault keeps of a step's result: the secret paths of its captures.
pub fn result_keeps(step: &Step) -> Vec<Keep> {
    let mut keeps = Vec::new();
    for capture in &step.capture {
        for path in &capture.secret {
            let mut whole = capture.path.0.clone();
            whole.extend(path.0.clone());
            keeps.push(Keep { path: Path(whole), name: format!("{}.{path}", capture.name) });
        }
    }
    keeps
}

/// The reads that prove a step's act in a row, for samples and for doubt.
pub fn probe(book: &Book, state: &State, step: &Step, row: &RowState) -> Result<Vec<Call>, RenderError> {
    let renderer = Renderer { book, state };
    let scope = scope(state, book, Some(step), Some(row));
    if !step.probe.is_empty() {
        let mut calls = Vec::new();
        for action in &step.probe {
            calls.extend(renderer.action(action, &scope, &Value::Null)?);
        }
        return Ok(calls);
    }
    if step.effect == EffectKind::Read {
        return renderer.row(step, row);
    }
    Ok(match step.run.op {
        Op::IamCreateUser | Op::IamDeleteUser => {
            let user = step.run.param("user").map(|node| node.render(&scope)).transpose()?;
            vec![native(state, "iam:GetUser", json!({"UserName": user}))]
        }
        _ => looks(book, state, step, row)?,
    })
}

/// What is expected of a step's reading in a row: the runbook's own list, else the action's.
pub fn expectations(book: &Book, state: &State, step: &Step, row: &RowState) -> Vec<Expectation> {
    if !step.expect.is_empty() {
        return step.expect.clone();
    }
    let scope = scope(state, book, Some(step), Some(row));
    let param = |name: &str| step.run.param(name).and_then(|node| node.render(&scope).ok()).unwrap_or(Value::Null);
    match step.run.op {
        Op::IamCreateAccessKey => {
            let id = row.result().and_then(|result| result.get("id")).cloned().unwrap_or(Value::Null);
            vec![expectation("active", Predicate::HasId(Node::Literal(id)))]
        }
        Op::IamUpdateAccessKey => {
            vec![status_is(&param("key"), param("status") == "Active")]
        }
        Op::IamDeleteAccessKey => vec![expectation("keys", Predicate::LacksId(Node::Literal(param("key"))))],
        Op::IamCreateUser => vec![expectation("user", Predicate::Equals(Node::Literal(param("user"))))],
        Op::HolderPut => put_expectations(book, &param("holder"), &param("values"), row),
        _ => Vec::new(),
    }
}

/// A key is listed with this status.
pub fn status_is(key: &Value, active: bool) -> Expectation {
    expectation(if active { "active" } else { "inactive" }, Predicate::HasId(Node::Literal(key.clone())))
}

/// A write-only holder was written since that reading. `updated` is when the value that was written longest ago was, so it
/// has to be later than `latest`, when the last one was: of two values, one alone says nothing.
pub fn written_since(before: Option<&Value>) -> Vec<Expectation> {
    let fact = |name: &str| before?.get("facts")?.get(name).filter(|fact| !fact.is_null()).cloned();
    let mut list = vec![expectation("facts.updated", Predicate::Exists(true))];
    match (fact("latest"), fact("updated")) {
        (Some(latest), _) => list.push(expectation("facts.updated", Predicate::After(Node::Literal(latest)))),
        (None, Some(updated)) => list.push(expectation("facts.updated", Predicate::Not(Node::Literal(updated)))),
        (None, None) => {}
    }
    list
}

/// Every value is read back, or for a write-only holder its version is another.
pub fn put_expectations(book: &Book, holder: &Value, values: &Value, row: &RowState) -> Vec<Expectation> {
    let Some(connector) = book.connector(holder) else { return Vec::new() };
    if connector.write_only {
        return written_since(row.look.as_ref().and_then(|(_, reading)| reading.result.as_ref()));
    }
    let mut list = Vec::new();
    for (name, value) in values.as_object().into_iter().flatten() {
        list.push(expectation(&format!("values.{name}"), Predicate::Equals(Node::Literal(value.clone()))));
    }
    list
}

/// An expectation of ours: binding, without a sentence.
pub fn expectation(path: &str, predicate: Predicate) -> Expectation {
    let path = Path(path.split('.').map(|name| PathPart::Name(name.to_owned())).collect());
    Expectation {
        path,
        predicate,
        within: None,
        every: Duration::from_secs(2),
        consecutive: 1,
        else_: None,
        offer: None,
        advisory: false,
        span: Span::default(),
    }
}
