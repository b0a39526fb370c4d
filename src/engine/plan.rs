//! Every step of a runbook as it would be, from its inputs alone: nothing is read, nothing is sent.
//!
//! What only a run can know (a new key's id) stands as the template that will give it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::runbook::template::{Node, Scope};
use crate::runbook::{Action, EffectKind, GateKind, Step, duration};

use super::book::Book;
use super::call::canonical;
use super::gate::{GateRef, gates};

/// A step as it would be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedStep {
    /// Its id.
    pub id: String,
    /// The SOP's number.
    pub sop: String,
    /// Its title.
    pub title: String,
    /// `reads`, `changes` or `no way back`.
    pub effect: &'static str,
    /// Its rows by name; empty without `for_each`, or where only the run knows them.
    pub rows: Vec<String>,
    /// What it does, waits for and expects, a line each.
    pub lines: Vec<String>,
}

/// Every step.
pub fn planned(
    book: &Book,
    inputs: &Map<String, Value>,
    endpoints: &BTreeMap<String, String>,
    account: &str,
) -> Vec<PlannedStep> {
    let scope = Scope { values: inputs.clone() };
    book.runbook.steps.iter().map(|step| one(book, step, &scope, endpoints, account)).collect()
}

fn one(book: &Book, step: &Step, scope: &Scope, endpoints: &BTreeMap<String, String>, account: &str) -> PlannedStep {
    let mut lines = vec![format!("Will do    {}", action(&step.run, scope))];
    let service = step.run.op.info().aws.and_then(|aws| aws.split(':').next());
    if let Some(endpoint) = service.and_then(|service| endpoints.get(service)) {
        lines.push(format!("At         {endpoint}, account {account}"));
    }
    let rows: Vec<String> = match &step.for_each {
        None => Vec::new(),
        Some(each) => match each.list.render(scope) {
            Ok(Value::Array(list)) => list
                .iter()
                .map(|row| row.get("name").or_else(|| row.get("id")).and_then(Value::as_str).unwrap_or("?").to_owned())
                .collect(),
            _ => {
                lines.push(format!("Rows       one for each of {}", each.list.source));
                Vec::new()
            }
        },
    };
    if !rows.is_empty() {
        lines.push(format!("Rows       {}", rows.join(", ")));
    }
    for gate in gates(step) {
        lines.push(format!("Gate       {}", gate_words(gate, scope)));
    }
    let sampling = book.sampling(step, &Value::Null);
    for expectation in &step.expect {
        lines.push(format!("Expect     {}", expected(expectation)));
    }
    if let Some(within) = sampling.within {
        lines.push(format!(
            "           {} in a row, every {}, within {}",
            sampling.consecutive,
            duration::show(sampling.every),
            duration::show(within)
        ));
    }
    if let Some(affects) = &step.affects {
        lines.push(format!("Notices    {affects}"));
    }
    let effect = match step.effect {
        EffectKind::Read => "reads",
        EffectKind::Mutate => "changes",
        EffectKind::Irreversible => "no way back",
    };
    PlannedStep {
        id: step.id.clone(),
        sop: step.sop.clone().unwrap_or_default(),
        title: step.title.clone(),
        effect,
        rows,
        lines,
    }
}

fn action(action: &Action, scope: &Scope) -> String {
    let info = action.op.info();
    let params: Vec<String> =
        action.params.iter().map(|(name, node)| format!("{name} = {}", words(node, scope))).collect();
    let acts = action.as_.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
    format!("{}{acts}  {}", info.aws.unwrap_or(info.name), params.join(", ")).trim_end().to_owned()
}

/// A value where it is known, else the template.
fn words(node: &Node, scope: &Scope) -> String {
    match (node.render(scope), node) {
        (Ok(Value::String(text)), _) => text,
        (Ok(Value::Object(map)), _) if map.contains_key("name") => map["name"].as_str().unwrap_or("?").to_owned(),
        (Ok(value), _) => canonical(&value),
        (Err(_), Node::Template(template)) => template.source.clone(),
        (Err(_), Node::Map(map)) => map.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" and "),
        (Err(_), _) => "…".into(),
    }
}

fn gate_words(gate: GateRef<'_>, scope: &Scope) -> String {
    let text = |template: &crate::runbook::template::Template| {
        template.text(scope).unwrap_or_else(|_| template.source.clone())
    };
    match gate {
        GateRef::Delete => "the key is Inactive, not your own, and no readable holder has it".into(),
        GateRef::Book(gate) => match &gate.kind {
            GateKind::Passed(step) => format!("{step} passed"),
            GateKind::After { step, at_least, recommended } => {
                let better =
                    recommended.map(|r| format!(" ({} is recommended)", duration::show(r))).unwrap_or_default();
                format!("{} since {step}{better}", duration::show(*at_least))
            }
            GateKind::UnusedSince { key, since, for_ } => {
                format!("{} not seen in use since {since}, observed for {}", text(key), duration::show(*for_))
            }
            GateKind::InactiveFor { key, at_least } => format!("{} Inactive for {}", text(key), text(at_least)),
            GateKind::UnusedFor { key, at_least } => format!("{} unused for {}", text(key), text(at_least)),
            GateKind::NotDuring { window: (from, to), zone } => {
                format!("not {:02}:{:02}–{:02}:{:02} {zone}", from / 60, from % 60, to / 60, to % 60)
            }
            GateKind::Approval { people, role, .. } => format!("approval of {people} of {role}"),
            GateKind::Check { .. } => "a read, judged".into(),
            GateKind::Identity { .. } => "who you are at AWS".into(),
            GateKind::Drilled(within) => format!("drilled within {}", duration::show(*within)),
        },
    }
}

fn expected(expectation: &crate::runbook::Expectation) -> String {
    use crate::runbook::Predicate::{
        After, AtLeast, AtMost, Before, Contains, Count, Equals, Exists, HasId, Lacks, LacksId, Matches, Not,
        NotMatches,
    };
    let node = |node: &Node| match node {
        Node::Template(template) => template.source.clone(),
        Node::Literal(value) => canonical(value),
        _ => "…".into(),
    };
    let words = match &expectation.predicate {
        Equals(wanted) => format!("= {}", node(wanted)),
        Not(wanted) => format!("is not {}", node(wanted)),
        Matches(pattern) => format!("matches {}", pattern.source),
        NotMatches(pattern) => format!("does not match {}", pattern.source),
        Contains(wanted) => format!("contains {}", node(wanted)),
        Lacks(wanted) => format!("lacks {}", node(wanted)),
        HasId(wanted) => format!("has {}", node(wanted)),
        LacksId(wanted) => format!("lacks {}", node(wanted)),
        Count(n) => format!("has {n} elements"),
        AtLeast(n) => format!("at least {n}"),
        AtMost(n) => format!("at most {n}"),
        Before(wanted) => format!("before {}", node(wanted)),
        After(wanted) => format!("after {}", node(wanted)),
        Exists(true) => "is there".into(),
        Exists(false) => "is not there".into(),
    };
    let advisory = if expectation.advisory { " (advisory)" } else { "" };
    format!("{} {words}{advisory}", expectation.path)
}
