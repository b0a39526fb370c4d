//! Infisical's secrets, version 4 of its API (infisical.com/docs/api-reference/endpoints/secrets).
//!
//! Reading a list, one secret (also an older version of it), and writing several in one act. Folders are told apart by
//! the world's holders; imports, tags, personal overrides and approvals are not there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::Answer;
use super::fault::Fault;
use super::form::Form;
use super::holder::{Held, NAME_SECRET, Version};
use super::iam;
use super::server::{Call, Shared};
use super::state::State;
use super::world::HolderKind;
use crate::secret::Secret;

type Secrets = BTreeMap<String, Vec<Version>>;

fn refused(status: u16, error: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"reqId": "req-sandbox", "statusCode": status, "message": message, "error": error}))
}

/// Where a request points: project, environment, folder.
#[derive(Debug)]
struct Folder {
    project: String,
    environment: String,
    path: String,
}

impl Folder {
    fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Answer> {
        let need =
            |name: &str| get(name).ok_or_else(|| refused(422, "ValidationFailure", &format!("{name}: Required")));
        let path = get("secretPath").unwrap_or_else(|| "/".into());
        Ok(Self { project: need("projectId")?, environment: need("environment")?, path })
    }

    fn of_query(query: &Form) -> Result<Self, Answer> {
        Self::read(|name| query.get(name).map(str::to_owned))
    }

    fn of_body(body: &Value) -> Result<Self, Answer> {
        Self::read(|name| body.get(name).and_then(Value::as_str).map(str::to_owned))
    }

    fn secrets<'a>(&self, state: &'a mut State) -> Result<&'a mut Secrets, Answer> {
        let trim = |path: &str| path.trim_matches('/').to_owned();
        let holder = state.holder_mut(|kind| match kind {
            HolderKind::Infisical { project, environment, path } => {
                *project == self.project && *environment == self.environment && trim(path) == trim(&self.path)
            }
            _ => false,
        });
        match holder.map(|holder| &mut holder.held) {
            Some(Held::Infisical(secrets)) => Ok(secrets),
            _ => Err(refused(
                404,
                "NotFound",
                &format!(
                    "Folder with path '{}' in environment with slug '{}' not found for project with ID {}",
                    self.path, self.environment, self.project
                ),
            )),
        }
    }

    fn json(&self, name: &str, number: usize, version: &Version, first: i64, shown: bool) -> Value {
        let hidden = if shown { version.value.expose() } else { "<hidden-by-infisical>" };
        json!({
            "id": format!("secret-{name}"),
            "_id": format!("secret-{name}"),
            "workspace": self.project,
            "environment": self.environment,
            "version": number,
            "type": "shared",
            "secretKey": name,
            "secretValue": hidden,
            "secretValueHidden": !shown,
            "secretComment": "",
            "secretPath": self.path,
            "createdAt": iam::time(first),
            "updatedAt": iam::time(version.at),
            "isRotatedSecret": false,
            "tags": [],
            "secretMetadata": [],
        })
    }

    fn latest(&self, name: &str, versions: &[Version], shown: bool) -> Option<Value> {
        let first = versions.first()?;
        Some(self.json(name, versions.len(), versions.last()?, first.at, shown))
    }
}

/// Answers one request.
pub(super) fn answer(shared: &Shared, call: &Call<'_>) -> Answer {
    if !shared.knows(call.headers) {
        return refused(401, "UnauthorizedError", "Token missing or invalid");
    }
    let now = shared.now();
    let mut state = shared.state();
    let result = match (call.method, call.parts.as_slice()) {
        ("GET", ["api", "v4", "secrets"]) => list(&mut state, call),
        ("PATCH" | "POST", ["api", "v4", "secrets", "batch"]) => write(&mut state, call, now),
        ("GET", ["api", "v4", "secrets", name]) => one(&mut state, call, name),
        _ => Err(refused(404, "Not Found", &format!("Route {}:/{} not found", call.method, call.parts.join("/")))),
    };
    result.unwrap_or_else(|refusal| refusal)
}

fn shown(query: &Form) -> bool {
    query.get("viewSecretValue") != Some("false")
}

fn list(state: &mut State, call: &Call<'_>) -> Result<Answer, Answer> {
    let folder = Folder::of_query(&call.query)?;
    let secrets = folder.secrets(state)?;
    let shown = shown(&call.query);
    let all: Vec<Value> = secrets.iter().filter_map(|(name, versions)| folder.latest(name, versions, shown)).collect();
    Ok(Answer::json(200, &json!({"secrets": all, "imports": []})))
}

fn one(state: &mut State, call: &Call<'_>, name: &str) -> Result<Answer, Answer> {
    let folder = Folder::of_query(&call.query)?;
    let missing = || refused(404, "NotFound", &format!("Secret with name '{name}' not found"));
    let versions = folder.secrets(state)?.get(name).ok_or_else(missing)?;
    let number = match call.query.get("version") {
        None => versions.len(),
        Some(text) => text.parse().map_err(|_| refused(422, "ValidationFailure", "version: Expected number"))?,
    };
    let version = number.checked_sub(1).and_then(|n| versions.get(n)).ok_or_else(missing)?;
    let first = versions.first().map_or(0, |version| version.at);
    let secret = folder.json(name, number, version, first, shown(&call.query));
    Ok(Answer::json(200, &json!({"secret": secret})))
}

/// All or nothing: what can't be written whole is not begun.
fn write(state: &mut State, call: &Call<'_>, now: i64) -> Result<Answer, Answer> {
    let invalid = |message: &str| refused(422, "ValidationFailure", message);
    let body: Value = serde_json::from_slice(call.body).map_err(|_| refused(400, "BadRequest", "Body is not JSON"))?;
    let folder = Folder::of_body(&body)?;
    let wanted = body.get("secrets").and_then(Value::as_array).ok_or_else(|| invalid("secrets: Required"))?;
    let mut pairs = Vec::new();
    for secret in wanted {
        let text = |name: &str| secret.get(name).and_then(Value::as_str);
        let name = text("secretKey").filter(|name| !name.is_empty()).ok_or_else(|| invalid("secretKey: Required"))?;
        let value = text("secretValue").ok_or_else(|| invalid("secretValue: Required"))?;
        pairs.push((name.to_owned(), Secret::new(value.to_owned())));
    }
    if pairs.is_empty() {
        return Err(invalid("secrets: Array must contain at least 1 element(s)"));
    }
    if state.strikes(Fault::HolderDown) {
        return Err(refused(503, "ServiceUnavailable", "Something went wrong"));
    }
    state.settle(now);
    let create = call.method == "POST";
    let mode = body.get("mode").and_then(Value::as_str).unwrap_or("failOnNotFound");
    let secrets = folder.secrets(state)?;
    for (name, _) in &pairs {
        let there = secrets.contains_key(name);
        if create && there {
            return Err(refused(400, "BadRequest", &format!("Secret already exist: {name}")));
        }
        if !create && !there && mode == "failOnNotFound" {
            return Err(refused(404, "NotFound", &format!("Secret not found: {name}")));
        }
    }
    let mut written = Vec::new();
    for (name, value) in pairs {
        if !create && mode == "ignore" && !secrets.contains_key(&name) {
            continue;
        }
        let versions = secrets.entry(name.clone()).or_default();
        versions.push(Version { value, at: now });
        written.extend(folder.latest(&name, versions, true));
    }
    // A lost put is of a pair: the first that brings a secret key.
    let pair = written.iter().any(|secret| secret["secretKey"] == NAME_SECRET);
    let mut answer = Answer::json(200, &json!({"secrets": written}));
    answer.lost = pair && state.strikes(Fault::LostPut);
    Ok(answer)
}
