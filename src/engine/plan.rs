//! Every step of a runbook as it would be, from its inputs alone: nothing is read, nothing is sent.
//!
//! What only a run can know (a new key's id) stands as the template that will give it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::runbook::template::{Node, Path, PathPart, Scope};
use crate::runbook::{EffectKind, GateKind, Step, duration};
use crate::secret::SecretRef;

use super::book::Book;
use super::call::{Call, canonical};
use super::entry::{Body, Entry, EnvironmentRef, FORMAT, FileRef, Opened, RegisterRef, SEMANTICS, Stamp};
use super::gate::{GateRef, gates};
use super::own;
use super::render::Renderer;
use super::state::row::open_row;
use super::state::{RowState, State, StepState};

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
    /// Each row, with the calls that would be sent; what only the run knows stands as its template.
    pub rows: Vec<PlannedRow>,
    /// Gates, expectations, what is noticed: a line each.
    pub lines: Vec<String>,
}

/// A row as it would be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRow {
    /// Its name; empty without `for_each`.
    pub row: String,
    /// What would be sent.
    pub calls: Vec<Call>,
    /// Why it can't be said yet, where it can't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// Every step. `programs` are those that were found on this machine.
pub fn planned(
    book: &Book,
    inputs: &Map<String, Value>,
    environment: EnvironmentRef,
    endpoints: BTreeMap<String, String>,
    programs: BTreeMap<String, FileRef>,
) -> Vec<PlannedStep> {
    let mut values = captures(book);
    for (name, value) in inputs {
        values.insert(name.clone(), value.clone());
    }
    let Some(state) = before_any(book, values, environment, endpoints, programs) else { return Vec::new() };
    book.runbook.steps.iter().map(|step| one(book, &state, step)).collect()
}

/// A run that was opened and has done nothing, but knows every capture by the template that will give it.
fn before_any(
    book: &Book,
    values: Map<String, Value>,
    environment: EnvironmentRef,
    endpoints: BTreeMap<String, String>,
    programs: BTreeMap<String, FileRef>,
) -> Option<State> {
    let opened = Opened {
        format: FORMAT,
        semantics: SEMANTICS,
        run: "{{ run.id }}".into(),
        register: RegisterRef { number: 0, prev: String::new() },
        environment,
        endpoints,
        programs,
        caller: "{{ operator.caller }}".into(),
        host: String::new(),
        version: String::new(),
        binary: String::new(),
        runbook: FileRef { name: book.runbook.source.name.clone(), sha256: book.runbook.source.sha256.clone() },
        connectors: BTreeMap::new(),
        sop: None,
        roster: String::new(),
        inputs: values,
        reason: "{{ reason }}".into(),
        ticket: "{{ ticket }}".into(),
        operator: "{{ operator.principal }}".into(),
    };
    let entry = Entry {
        n: 0,
        prev: String::new(),
        at: Stamp::from_millis(0),
        by: String::new(),
        body: Body::Opened(Box::new(opened)),
        wall: None,
        sigs: None,
    };
    State::open(book, &entry)
}

/// Captures as trees of their own templates, secret where they will be.
fn captures(book: &Book) -> Map<String, Value> {
    let mut secret = Vec::new();
    for capture in book.runbook.steps.iter().flat_map(|step| &step.capture) {
        for path in &capture.secret {
            let mut whole = vec![PathPart::Name(capture.name.clone())];
            whole.extend(path.0.clone());
            secret.push(Path(whole));
        }
    }
    let mut paths: Vec<Path> = secret.clone();
    for step in &book.runbook.steps {
        let params = step.run.params.iter().flat_map(|(_, node)| node.templates());
        let lists = step.for_each.iter().map(|each| &each.list);
        paths.extend(params.chain(lists).flat_map(|template| template.exprs()).flat_map(|expr| expr.paths()));
    }
    for credential in &book.runbook.credentials {
        let both = [&credential.access_key_id, &credential.secret_access_key];
        paths.extend(both.into_iter().flat_map(|template| template.exprs()).flat_map(|expr| expr.paths()));
    }
    let captured = |path: &Path| {
        let root = path.root();
        book.runbook.steps.iter().flat_map(|step| &step.capture).any(|capture| Some(capture.name.as_str()) == root)
    };
    paths.retain(captured);
    tree(&paths, &secret)
}

/// Objects with a leaf at each path: its own template, or a reference where it is secret.
fn tree(paths: &[Path], secret: &[Path]) -> Map<String, Value> {
    let mut values = Map::new();
    for path in paths {
        let names: Vec<&str> = path
            .0
            .iter()
            .map_while(|part| match part {
                PathPart::Name(name) => Some(name.as_str()),
                PathPart::Index(_) => None,
            })
            .collect();
        let shown = format!("{{{{ {} }}}}", names.join("."));
        let leaf = if secret.contains(path) {
            SecretRef { name: names.join("."), fp: "unknown".into(), filters: Vec::new() }.to_value()
        } else {
            json!(shown)
        };
        plant(&mut values, &names, leaf);
    }
    values
}

/// Puts a leaf at a path; what is a leaf on the way becomes an object.
fn plant(at: &mut Map<String, Value>, names: &[&str], leaf: Value) {
    match names {
        [] => {}
        [last] => {
            at.entry((*last).to_owned()).or_insert(leaf);
        }
        [name, rest @ ..] => {
            let below = at.entry((*name).to_owned()).or_insert(Value::Null);
            match below {
                Value::Object(map) if !map.contains_key("fp") => plant(map, rest, leaf),
                other => {
                    let mut map = Map::new();
                    plant(&mut map, rest, leaf);
                    *other = Value::Object(map);
                }
            }
        }
    }
}

fn one(book: &Book, state: &State, step: &Step) -> PlannedStep {
    let scope = super::scope::scope(state, book, None, None);
    let rows = rows(step, &scope);
    let mut lines = Vec::new();
    let row_scope =
        rows.first().map_or_else(|| scope.clone(), |row| super::scope::scope(state, book, Some(step), Some(row)));
    for gate in gates(step) {
        lines.push(format!("Gate       {}", gate_words(gate, &row_scope)));
    }
    for expectation in &step.expect {
        lines.push(format!("Expect     {}", expected(expectation)));
    }
    if let (true, Some(row)) = (step.expect.is_empty(), rows.first()) {
        for expectation in own::expectations(book, state, step, row) {
            lines.push(format!("Expect     {}", expected(&expectation)));
        }
    }
    let sampling = book.sampling(step, rows.first().map_or(&Value::Null, |row| &row.value));
    if let (Some(within), false) = (sampling.within, step.expect.is_empty() && lines.is_empty()) {
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
        rows: rows.iter().map(|row| planned_row(book, state, step, row)).collect(),
        lines,
    }
}

/// The step's rows as far as its inputs name them; one of an unknown name where only the run can.
fn rows(step: &Step, scope: &Scope) -> Vec<RowState> {
    let mut folded = StepState::default();
    let Some(each) = &step.for_each else {
        open_row(&mut folded, "", &Value::Null, 1);
        return folded.rows;
    };
    match each.list.render(scope) {
        Ok(Value::Array(list)) => {
            for value in list {
                let name =
                    value.get("name").or_else(|| value.get("id")).and_then(Value::as_str).unwrap_or("?").to_owned();
                open_row(&mut folded, &name, &value, 1);
            }
        }
        _ => {
            let params = step.run.params.iter().flat_map(|(_, node)| node.templates()).flat_map(|t| t.exprs());
            let paths: Vec<Path> =
                params.flat_map(|expr| expr.paths()).filter(|p| p.root() == Some(&each.name)).collect();
            let value =
                tree(&paths, &[]).remove(&each.name).unwrap_or_else(|| json!(format!("{{{{ {} }}}}", each.name)));
            open_row(&mut folded, &format!("each of {}", each.list.source), &value, 1);
        }
    }
    folded.rows
}

fn planned_row(book: &Book, state: &State, step: &Step, row: &RowState) -> PlannedRow {
    let calls = Renderer { book, state }.row(step, row);
    let (calls, unknown) = match calls {
        Ok(calls) => (calls, None),
        Err(why) => (Vec::new(), Some(why.to_string())),
    };
    PlannedRow { row: row.key.clone(), calls, unknown }
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
        Node::Literal(Value::String(text)) => text.clone(),
        Node::Literal(Value::Null) => "what the step gives".into(),
        Node::Literal(value) => match SecretRef::from_value(value) {
            Some(secret) => format!("{{{{ {} }}}}", secret.name),
            None => canonical(value),
        },
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
