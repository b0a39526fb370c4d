//! From a step to the calls that will be sent, each parameter as it will stand on the screen. Pure: `verify` renders each
//! action again through this and compares.

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::runbook::connector::ConnectorCall;
use crate::runbook::op::Op;
use crate::runbook::template::{Node, Scope, Segment, Template, TemplateError};
use crate::runbook::{Action, ConfirmKind, EffectKind, Step};

use super::book::Book;
use super::call::{Call, Rendered, RowCalls};
use super::scope::scope;
use super::state::{RowState, State, StepState};
use super::url::{self, UrlError};

/// Why an action can't be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// A template.
    #[error("{0}")]
    Template(#[from] TemplateError),
    /// A URL.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// A name that the run does not know.
    #[error("{what} “{name}” is not known to this run; {hint}")]
    Unknown {
        /// Its kind.
        what: &'static str,
        /// The name.
        name: String,
        /// What to do.
        hint: &'static str,
    },
    /// A secret where none may stand.
    #[error("a secret may not stand in {0}")]
    SecretIn(&'static str),
    /// A value of the wrong shape.
    #[error("{0}")]
    Shape(String),
}

/// What an action is rendered from.
pub struct Renderer<'a> {
    /// The runbook and connectors.
    pub book: &'a Book,
    /// The run so far.
    pub state: &'a State,
}

/// An action longer than this (bytes of its text) is confirmed row by row: a line of a transcript holds 64 KiB.
const WHOLE: usize = 32 * 1024;

/// The rows of a step that one confirmation is for: every row that waits, or only the first where each is confirmed by
/// itself, or has its own text to type back.
pub fn batch<'s>(step: &Step, folded: &'s StepState) -> Vec<&'s RowState> {
    let waits = |row: &&RowState| row.attempt == folded.attempt && row.verdict.is_none() && row.calls.is_empty();
    let each = step.confirm.each || matches!(step.confirm.kind, ConfirmKind::TypeBack(_));
    let at_once = if each && step.effect != EffectKind::Read { 1 } else { usize::MAX };
    folded.rows.iter().filter(waits).take(at_once).collect()
}

impl Renderer<'_> {
    /// The action of a step's open attempt: every row that is to be confirmed now.
    pub fn step(&self, step: &Step) -> Result<Rendered, RenderError> {
        let folded = &self.state.steps[self.book.runbook.position(&step.id).unwrap_or_default()];
        let mut rows = Vec::new();
        for row in batch(step, folded) {
            rows.push(RowCalls { row: row.key.clone(), calls: self.row(step, row)? });
        }
        let whole = self.rendered(&step.id, folded.attempt, rows);
        if whole.rows.len() > 1 && step.effect != EffectKind::Read && whole.canonical().len() > WHOLE {
            let first = whole.rows.into_iter().take(1).collect();
            return Ok(self.rendered(&step.id, folded.attempt, first));
        }
        Ok(whole)
    }

    /// Wraps rows as they are confirmed.
    pub fn rendered(&self, step: &str, attempt: u32, rows: Vec<RowCalls>) -> Rendered {
        Rendered {
            account: self.state.opened.environment.account.clone(),
            attempt,
            caller: self.state.caller.clone(),
            rows,
            run: self.state.opened.run.clone(),
            step: step.to_owned(),
        }
    }

    /// The calls of one row.
    pub fn row(&self, step: &Step, row: &RowState) -> Result<Vec<Call>, RenderError> {
        let scope = scope(self.state, self.book, Some(step), Some(row));
        let held = row.look.as_ref().and_then(|(_, reading)| reading.result.clone()).unwrap_or(Value::Null);
        self.action(&step.run, &scope, &held)
    }

    /// The calls of an action. `held` is the last read of the holder it goes to, if any.
    pub fn action(&self, action: &Action, scope: &Scope, held: &Value) -> Result<Vec<Call>, RenderError> {
        let calls = match action.op {
            Op::Http => vec![self.http(action, scope)?],
            Op::Command => vec![self.command(action, scope)?],
            Op::HolderPut | Op::HolderRestart => {
                let holder = self.required(action, "holder", scope)?;
                let values = self.param(action, "values", scope)?.unwrap_or(Value::Null);
                let was = self.param(action, "was", scope)?.unwrap_or(Value::Null);
                self.holder_write(action.op, &holder, &values, &was, held)?
            }
            Op::HolderRead | Op::HolderProve => {
                let holder = self.required(action, "holder", scope)?;
                let version = self.param(action, "version", scope)?.unwrap_or(Value::Null);
                vec![self.holder_read(action.op, &holder, &version)?]
            }
            Op::IamPreflight => vec![self.preflight(action, scope)?],
            _ => vec![self.native(action, scope)?],
        };
        Ok(calls.into_iter().zip(0..).map(|(call, n)| Call { call: n, ..call }).collect())
    }

    /// Reads a holder's values as they are now, or at a version.
    pub fn holder_read(&self, op: Op, holder: &Value, version: &Value) -> Result<Call, RenderError> {
        let connector = self.connector(holder)?;
        let parts: &[ConnectorCall] = match op {
            Op::HolderProve => connector.prove.as_ref().map_or(&[], |prove| &prove.calls),
            _ => connector.read.as_ref().map_or(&[], |read| &read.calls),
        };
        let mut scope = self.holder_scope(holder, &Value::Null, &Value::Null, &Value::Null);
        scope.set("version", version.clone());
        let calls = self.connector_calls(parts, &scope, &Value::Null)?;
        let endpoint = calls.first().map(|call| call.endpoint.clone()).unwrap_or_default();
        let mut params = Map::new();
        params.insert("holder".into(), holder.clone());
        params.insert("kind".into(), json!(connector.kind));
        params.insert("names".into(), json!(self.book.value_names()));
        params.insert("calls".into(), json!(calls));
        if !version.is_null() {
            params.insert("version".into(), version.clone());
        }
        let op = if op == Op::HolderProve { "holder.prove" } else { "holder.read" };
        Ok(Call { call: 0, op: op.into(), endpoint, params: Value::Object(params) })
    }

    /// Writes values into a holder and restarts its users, or only restarts them.
    pub fn holder_write(
        &self,
        op: Op,
        holder: &Value,
        values: &Value,
        was: &Value,
        held: &Value,
    ) -> Result<Vec<Call>, RenderError> {
        let connector = self.connector(holder)?;
        let scope = self.holder_scope(holder, values, was, held);
        let mut calls = Vec::new();
        if op == Op::HolderPut {
            calls.extend(self.connector_calls(&connector.put, &scope, values)?);
        }
        calls.extend(self.connector_calls(&connector.restart, &scope, values)?);
        if calls.is_empty() {
            // Nothing would be sent, so nothing would ever end it.
            let (kind, what) = (&connector.kind, if op == Op::HolderPut { "put" } else { "restart" });
            return Err(RenderError::Shape(format!(
                "holders of kind {kind} have no `{what}` of their own; leave the step out for them, or add it to the connector"
            )));
        }
        Ok(calls.into_iter().zip(0..).map(|(call, n)| Call { call: n, ..call }).collect())
    }

    fn connector(&self, holder: &Value) -> Result<&crate::runbook::connector::Connector, RenderError> {
        let kind = holder.get("kind").and_then(Value::as_str).unwrap_or("").to_owned();
        self.book.connectors.get(&kind).ok_or(RenderError::Unknown {
            what: "holder kind",
            name: kind,
            hint: "no connector of that name is shipped or stands beside the runbook",
        })
    }

    fn holder_scope(&self, holder: &Value, values: &Value, was: &Value, held: &Value) -> Scope {
        let mut scope = scope(self.state, self.book, None, None);
        scope.set("holder", holder.clone());
        scope.set("values", values.clone());
        scope.set("was", was.clone());
        scope.set("held", held.clone());
        scope.set("version", Value::Null);
        scope
    }

    fn connector_calls(
        &self,
        parts: &[ConnectorCall],
        scope: &Scope,
        values: &Value,
    ) -> Result<Vec<Call>, RenderError> {
        let mut calls = Vec::new();
        for part in parts {
            if part.for_each_value {
                // A put goes over what it puts, a read over every name that the runbook knows.
                let put = values.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
                let read = self.book.value_names().into_iter().map(|name| (name, Value::Null));
                let each: Vec<(String, Value)> = if values.is_object() { put.collect() } else { read.collect() };
                for (name, value) in each {
                    let mut scope = scope.clone();
                    scope.set("name", json!(name));
                    scope.set("value", value);
                    calls.extend(self.action(&part.run, &scope, &Value::Null)?);
                }
            } else {
                calls.extend(self.action(&part.run, scope, &Value::Null)?);
            }
        }
        Ok(calls.into_iter().zip(0..).map(|(call, n)| Call { call: n, ..call }).collect())
    }

    fn param(&self, action: &Action, name: &str, scope: &Scope) -> Result<Option<Value>, RenderError> {
        Ok(action.param(name).map(|node| node.render(scope)).transpose()?)
    }

    fn required(&self, action: &Action, name: &'static str, scope: &Scope) -> Result<Value, RenderError> {
        self.param(action, name, scope)?.ok_or_else(|| {
            RenderError::Shape(format!("{} needs “{name}”; the runbook's check says where", action.op.info().name))
        })
    }

    fn endpoint(&self, name: &str) -> Result<&str, RenderError> {
        self.state.opened.endpoints.get(name).map(String::as_str).ok_or_else(|| RenderError::Unknown {
            what: "system",
            name: name.to_owned(),
            hint: "name it under `systems` in keyward.yaml",
        })
    }

    fn native(&self, action: &Action, scope: &Scope) -> Result<Call, RenderError> {
        let info = action.op.info();
        let op = info.aws.unwrap_or(info.name);
        let endpoint = match op.split_once(':') {
            Some((service, _)) => self.endpoint(service)?.to_owned(),
            None => String::new(),
        };
        let mut params = Map::new();
        for (name, node) in &action.params {
            params.insert(aws_name(action.op, name), node.render(scope)?);
        }
        if let Some(name) = &action.as_ {
            let Some(credential) = self.book.runbook.credentials.iter().find(|c| c.name == *name) else {
                let hint = "name it under `credentials` in the runbook";
                return Err(RenderError::Unknown { what: "credential", name: name.clone(), hint });
            };
            let pair = json!({
                "access_key_id": credential.access_key_id.render(scope)?,
                "secret_access_key": credential.secret_access_key.render(scope)?,
            });
            params.insert("as".into(), pair);
        }
        Ok(Call { call: 0, op: op.into(), endpoint, params: Value::Object(params) })
    }

    fn preflight(&self, action: &Action, scope: &Scope) -> Result<Call, RenderError> {
        let user = self.required(action, "user", scope)?;
        let mut actions: Vec<&str> = Vec::new();
        for step in &self.book.runbook.steps {
            // What a step does with another credential needs no permission of the operator.
            let mine = step.run.op.info().aws.filter(|aws| aws.starts_with("iam:") && step.run.as_.is_none());
            actions.extend(mine.filter(|aws| !actions.contains(aws)));
        }
        for needed in ["iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"] {
            if !actions.contains(&needed) {
                actions.push(needed);
            }
        }
        let mut holders = Vec::new();
        for holder in self.book.holders(&self.state.values) {
            let read = self.holder_read(Op::HolderRead, holder, &Value::Null)?;
            holders.push(json!({
                "name": holder.get("name"), "kind": holder.get("kind"), "holder": holder,
                "names": read.params.get("names"), "calls": read.params.get("calls"),
            }));
        }
        let params = json!({"user": user, "actions": actions, "holders": holders});
        Ok(Call { call: 0, op: "iam.preflight".into(), endpoint: self.endpoint("iam")?.to_owned(), params })
    }

    fn http(&self, action: &Action, scope: &Scope) -> Result<Call, RenderError> {
        let text = |name: &'static str| -> Result<String, RenderError> {
            match self.required(action, name, scope)? {
                Value::String(text) => Ok(text),
                other => Err(RenderError::Shape(format!("http `{name}` is to be a text, not {other}"))),
            }
        };
        let system = text("system")?;
        let method = text("method")?.to_ascii_uppercase();
        let path = match action.param("path") {
            Some(Node::Template(template)) => path_of(template, scope)?,
            _ => text("path")?,
        };
        let query = self.param(action, "query", scope)?.unwrap_or(Value::Null);
        let mut pairs = Vec::new();
        for (name, value) in query.as_object().into_iter().flatten() {
            match value {
                Value::Null => {}
                Value::String(text) => pairs.push((name.clone(), text.clone())),
                Value::Object(_) | Value::Array(_) => return Err(RenderError::SecretIn("a URL")),
                other => pairs.push((name.clone(), other.to_string())),
            }
        }
        let endpoint = url::join(self.endpoint(&system)?, &path, &pairs)?;
        let mut params = Map::new();
        params.insert("system".into(), json!(system));
        for name in ["headers", "json", "body", "secret", "public"] {
            if let Some(value) = self.param(action, name, scope)? {
                params.insert(name.into(), value);
            }
        }
        Ok(Call { call: 0, op: format!("http:{method}"), endpoint, params: Value::Object(params) })
    }

    fn command(&self, action: &Action, scope: &Scope) -> Result<Call, RenderError> {
        let argv = self.required(action, "argv", scope)?;
        let words: Option<Vec<&str>> =
            argv.as_array().map(|list| list.iter().map(Value::as_str).collect()).unwrap_or(None);
        let Some([program, ..]) = words.as_deref() else { return Err(RenderError::SecretIn("a program's arguments")) };
        let Some(file) = self.state.opened.programs.get(*program) else {
            let hint = "it was not found when the run was opened; install it and start again";
            return Err(RenderError::Unknown { what: "program", name: (*program).to_owned(), hint });
        };
        let endpoint = format!("{} sha256:{}", file.name, file.sha256);
        let mut params = Map::new();
        params.insert("argv".into(), argv.clone());
        for name in ["system", "stdin", "env", "inherit", "parse", "public"] {
            if let Some(value) = self.param(action, name, scope)? {
                params.insert(name.into(), value);
            }
        }
        Ok(Call { call: 0, op: "command".into(), endpoint, params: Value::Object(params) })
    }
}

/// A path whose templated parts are percent-encoded, so that a value can't add a segment or a query.
fn path_of(template: &Template, scope: &Scope) -> Result<String, RenderError> {
    let mut path = String::new();
    for segment in &template.segments {
        match segment {
            Segment::Text(text) => path.push_str(text),
            Segment::Expr(_) => {
                let part = Template { source: String::new(), segments: vec![segment.clone()], span: template.span };
                match part.render(scope)? {
                    // `owner/name` of a repository stays two segments.
                    Value::String(text) => {
                        let parts: Vec<String> = text.split('/').map(url::encode).collect();
                        path.push_str(&parts.join("/"));
                    }
                    Value::Number(number) => path.push_str(&number.to_string()),
                    _ => return Err(RenderError::SecretIn("a URL")),
                }
            }
        }
    }
    Ok(path)
}

/// AWS's own name of a parameter, as its API reference and the `aws` command line write it.
fn aws_name(op: Op, name: &str) -> String {
    match (op, name) {
        (_, "user") => "UserName",
        (_, "key") => "AccessKeyId",
        (_, "status") => "Status",
        (_, "bucket") => "Bucket",
        (_, "max_keys") => "MaxKeys",
        (_, "prefix") => "Prefix",
        (_, "principal") => "PolicySourceArn",
        (_, "actions") => "ActionNames",
        (_, "resources") => "ResourceArns",
        (_, other) => other,
    }
    .to_owned()
}
