//! `holder.read` and `holder.prove`: a holder's own calls in order, and what its connector takes out of their answers.
//!
//! Params: `{holder, kind, names, calls}`, the calls rendered already. What comes back whole stays in this file: only
//! the named values (secret, but for access key ids), the version and the connector's declared facts go on.
//!
//! A connector's templates over answers see `result` (the last call's), `results` (of all so far), `holder`, and
//! `name` and `result` of that value's own call where a version is made for each value.

use std::time::Duration;

use regex::Regex;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::performer::Performer;
use super::raw::{Raw, Taint};
use super::redact::tame;
use crate::engine::call::Call;
use crate::engine::entry::EnvironmentKind;
use crate::runbook::connector::{Connector, ConnectorCall, ConnectorProof, ConnectorRead, Until, ValuesAt};
use crate::runbook::template::{Path, PathPart, Scope, Template};

/// What a holder call asks, read strictly.
struct Asked<'p> {
    connector: &'p Connector,
    holder: &'p Value,
    names: Vec<String>,
    calls: Vec<Call>,
}

fn asked<'p>(performer: &'p Performer, call: &'p Call) -> Result<Asked<'p>, Box<Raw>> {
    let refuse = |code: &str, message: String| Box::new(Raw::not_sent(code, &message));
    let params = &call.params;
    let holder = params.get("holder").unwrap_or(&Value::Null);
    let kind = params.get("kind").or_else(|| holder.get("kind")).and_then(Value::as_str).unwrap_or_default();
    let connector = performer.world().connectors.get(kind).ok_or_else(|| {
        refuse(
            "UnknownHolder",
            format!("there is no connector for holders of kind {kind:?}; add {kind}.yaml beside the runbook"),
        )
    })?;
    let names = params.get("names").and_then(Value::as_array).into_iter().flatten();
    let calls = params.get("calls").cloned().unwrap_or_default();
    let calls: Vec<Call> =
        serde_json::from_value(calls).map_err(|_| refuse("BadParameter", "the holder's calls can't be read".into()))?;
    if calls.is_empty() {
        return Err(refuse(
            "NothingToAsk",
            format!("holders of kind {kind} have no calls for this; a person has to look"),
        ));
    }
    let names = names.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(Asked { connector, holder, names, calls })
}

/// Which of a connector's calls, and for which value, each rendered call is.
fn origins<'c>(from: &'c [ConnectorCall], names: &'c [String]) -> Vec<(&'c ConnectorCall, Option<&'c str>)> {
    let mut all = Vec::new();
    for call in from {
        if call.for_each_value {
            all.extend(names.iter().map(|name| (call, Some(name.as_str()))));
        } else {
            all.push((call, None));
        }
    }
    all
}

pub(super) fn due(performer: &Performer, call: &Call) -> Duration {
    let Ok(asked) = asked(performer, call) else { return Duration::ZERO };
    let from = match (&asked.connector.prove, &asked.connector.read) {
        (Some(proof), _) if call.op == "holder.prove" => proof.calls.as_slice(),
        (_, Some(read)) => read.calls.as_slice(),
        _ => &[],
    };
    let origins = origins(from, &asked.names);
    let one = |(i, call): (usize, &Call)| {
        let own = performer.due(call);
        origins.get(i).and_then(|(from, _)| from.until.as_ref()).map_or(own, |until| until.within + own)
    };
    asked.calls.iter().enumerate().map(one).sum()
}

fn scope(holder: &Value, results: &[Value]) -> Scope {
    let mut scope = Scope::default();
    scope.values.insert("holder".into(), holder.clone());
    scope.values.insert("result".into(), results.last().cloned().unwrap_or_default());
    scope.values.insert("results".into(), Value::Array(results.to_vec()));
    scope
}

/// What a template makes of an answer; null where the answer lacks what it names.
fn rendered(template: &Template, scope: &Scope) -> Value {
    template.render(scope).map_or(Value::Null, tame)
}

/// All answers, or the first failure; and the last one's request id and date.
async fn run(
    performer: &Performer,
    asked: &Asked<'_>,
    from: &[ConnectorCall],
    read: bool,
) -> Result<(Vec<Value>, Option<String>, Option<String>), Box<Raw>> {
    let origins = origins(from, &asked.names);
    let mut results = Vec::new();
    let (mut request_id, mut date) = (None, None);
    for (i, call) in asked.calls.iter().enumerate() {
        // Only a request that changes nothing is asked again by itself; a proof may start a job.
        let mut call = call.clone();
        if let Some(params) = call.params.as_object_mut() {
            // Its errors are a store's words: shown by their public paths only.
            params.insert("secret".into(), json!(true));
        }
        let until = origins.get(i).and_then(|(origin, _)| origin.until.as_ref());
        let mut raw = match until {
            None => performer.plain(&call, read).await,
            Some(until) => poll(performer, &call, until, asked.holder, &results).await,
        };
        if !raw.ok() {
            return Err(Box::new(raw));
        }
        request_id = raw.request_id.take();
        date = raw.date.take();
        results.push(std::mem::take(&mut raw.result));
    }
    Ok((results, request_id, date))
}

/// Between two polls of the embedded sandbox.
const SANDBOX_EVERY: Duration = Duration::from_millis(25);
/// Polls of the embedded sandbox: far more than what it runs takes ([`crate::sandbox::Timing`] as a drill sets it).
const SANDBOX_TRIES: u32 = 7;

/// Between two polls of a stand-in in a rehearsal.
const REHEARSAL_EVERY: Duration = Duration::from_millis(200);

/// Asks until the condition over the answer is true. No answer is asked again; a refusal is not.
async fn poll(performer: &Performer, call: &Call, until: &Until, holder: &Value, before: &[Value]) -> Raw {
    use crate::engine::effect::Ended;
    let world = performer.world();
    // The embedded sandbox ends what it starts within tenths of a second, and a drill does not wait in real time for
    // what is stuck. Counted, not timed, so that a busy machine gives it as many chances.
    let (every, tries) = match world.kind {
        EnvironmentKind::Sandbox => (until.every.min(SANDBOX_EVERY), SANDBOX_TRIES),
        // Stand-ins as well, but what they start asks a server that is not ours.
        EnvironmentKind::Rehearsal if world.drill.is_some() => (until.every.min(REHEARSAL_EVERY), u32::MAX),
        _ => (until.every, u32::MAX),
    };
    let deadline = Instant::now() + until.within;
    let mut tried = 0;
    loop {
        tried += 1;
        let raw = performer.plain(call, true).await;
        if raw.ok() {
            let mut results = before.to_vec();
            results.push(raw.result.clone());
            if rendered(&until.condition, &scope(holder, &results)) == json!(true) {
                return raw;
            }
        } else if raw.ended == Ended::Refused {
            return raw;
        }
        if tried >= tries || Instant::now() + every >= deadline {
            if !raw.ok() {
                return raw;
            }
            let words = match world.kind {
                EnvironmentKind::Sandbox => "what was started does not end".to_owned(),
                _ => format!("what was started had not ended after {} s", until.within.as_secs()),
            };
            return Raw::error(Ended::NoAnswer, "NotYet", &words);
        }
        tokio::time::sleep(every).await;
    }
}

pub(super) async fn read(performer: &Performer, call: &Call) -> Raw {
    let asked = match asked(performer, call) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let Some(read) = &asked.connector.read else {
        let message = format!("holders of kind {} can't be read", asked.connector.kind);
        return Raw::not_sent("CannotRead", &message);
    };
    let (results, request_id, date) = match run(performer, &asked, &read.calls, true).await {
        Ok(all) => all,
        Err(raw) => return *raw,
    };
    let scope = scope(asked.holder, &results);
    let values = if asked.connector.write_only { Map::new() } else { values(read, &asked, &scope, &results) };
    let mut facts = Map::new();
    for (name, template) in &read.facts {
        facts.insert(name.clone(), rendered(template, &scope));
    }
    let version = version(read, &asked, &scope, &results);
    let updated = facts.get("updated").cloned().unwrap_or_default();
    let mut public: Vec<Path> = ["version", "updated", "facts"].map(name_path).to_vec();
    for (name, value) in &values {
        if value.as_str().is_some_and(is_key_id) {
            public.push(Path(vec![PathPart::Name("values".into()), PathPart::Name(name.clone())]));
        }
    }
    let result = json!({"values": values, "version": version, "updated": updated, "facts": facts});
    let mut raw = Raw::answered(result, Taint::AllBut(public));
    raw.request_id = request_id;
    raw.date = date;
    for mut result in results {
        super::raw::wipe(&mut result);
    }
    raw
}

fn name_path(name: &str) -> Path {
    Path(vec![PathPart::Name(name.into())])
}

/// Access key ids are public: AWS's own form of them, long-lived (AKIA) and temporary (ASIA).
pub(super) fn is_key_id(text: &str) -> bool {
    let tail = text.strip_prefix("AKIA").or_else(|| text.strip_prefix("ASIA"));
    tail.is_some_and(|tail| tail.len() == 16 && tail.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()))
}

/// Where each value has a version of its own, all stand in one text: `NAME=3 OTHER=4`.
fn version(read: &ConnectorRead, asked: &Asked<'_>, scope: &Scope, results: &[Value]) -> Value {
    let Some(template) = &read.version else { return Value::Null };
    let origins = origins(&read.calls, &asked.names);
    if !origins.iter().any(|(_, name)| name.is_some()) {
        return rendered(template, scope);
    }
    let mut parts = Vec::new();
    for ((_, name), result) in origins.iter().zip(results) {
        let Some(name) = name else { continue };
        let mut own = scope.clone();
        own.values.insert("name".into(), json!(name));
        own.values.insert("result".into(), result.clone());
        match rendered(template, &own) {
            Value::String(text) => parts.push(format!("{name}={text}")),
            Value::Number(n) => parts.push(format!("{name}={n}")),
            // Half a version is none: it could not be read back as a whole.
            _ => return Value::Null,
        }
    }
    if parts.is_empty() { Value::Null } else { json!(parts.join(" ")) }
}

/// A path into the last answer, or one that begins with `result` or `results`.
fn at<'s>(path: &Path, scope: &'s Scope) -> Option<&'s Value> {
    let (first, rest) = match path.0.split_first() {
        Some((PathPart::Name(name), rest)) if name == "result" || name == "results" => (name.as_str(), rest.to_vec()),
        _ => ("result", path.0.clone()),
    };
    Path(rest).get(scope.values.get(first)?)
}

/// Where a holder is asked for each value by itself, a map or lines are looked for in each of those answers.
fn values(read: &ConnectorRead, asked: &Asked<'_>, scope: &Scope, results: &[Value]) -> Map<String, Value> {
    let origins = origins(&read.calls, &asked.names);
    let apart: Vec<&Value> =
        origins.iter().zip(results).filter(|((_, name), _)| name.is_some()).map(|(_, r)| r).collect();
    if apart.is_empty() || matches!(read.values, Some(ValuesAt::List { .. })) {
        return values_in(read, &asked.names, scope);
    }
    let mut found = Map::new();
    for result in apart {
        let mut own = scope.clone();
        own.values.insert("result".into(), result.clone());
        found.extend(values_in(read, &asked.names, &own));
    }
    found
}

fn values_in(read: &ConnectorRead, names: &[String], scope: &Scope) -> Map<String, Value> {
    let mut found = Map::new();
    let mut take = |name: &str, value: &Value| {
        if names.iter().any(|wanted| wanted == name) && !value.is_null() {
            found.insert(name.to_owned(), value.clone());
        }
    };
    match &read.values {
        None => {}
        Some(ValuesAt::Map(path)) => {
            if let Some(map) = at(path, scope).and_then(Value::as_object) {
                map.iter().for_each(|(name, value)| take(name, value));
            }
        }
        Some(ValuesAt::List { list, name, value }) => {
            let (Ok(name), Ok(value)) = (Path::parse(name), Path::parse(value)) else { return found };
            for item in at(list, scope).and_then(Value::as_array).into_iter().flatten() {
                if let (Some(name), Some(value)) = (name.get(item).and_then(Value::as_str), value.get(item)) {
                    take(name, value);
                }
            }
        }
        Some(ValuesAt::Lines(path)) => {
            let text = at(path, scope);
            let lines: Vec<&str> = match text {
                Some(Value::String(text)) => text.lines().collect(),
                Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            for line in lines {
                if let Some((name, value)) = line.split_once('=') {
                    take(name.trim().trim_start_matches("export "), &json!(unquoted(value.trim())));
                }
            }
        }
    }
    found
}

/// A value of an environment file without its quotes; `'\''` stands for a single quote, as shells write it.
fn unquoted(value: &str) -> String {
    let inner = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    match (inner('\''), inner('"')) {
        (Some(text), _) => text.replace("'\\''", "'"),
        (None, Some(text)) => {
            let mut out = String::with_capacity(text.len());
            let mut chars = text.chars();
            while let Some(c) = chars.next() {
                out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
            }
            out
        }
        _ => value.to_owned(),
    }
}

pub(super) async fn prove(performer: &Performer, call: &Call) -> Raw {
    let asked = match asked(performer, call) {
        Ok(asked) => asked,
        Err(refused) => return *refused,
    };
    let Some(proof) = &asked.connector.prove else {
        let message =
            format!("holders of kind {} have no proof of their own; a person has to look", asked.connector.kind);
        return Raw::not_sent("NoProof", &message);
    };
    let (results, request_id, date) = match run(performer, &asked, &proof.calls, false).await {
        Ok(all) => all,
        Err(raw) => return *raw,
    };
    let scope = scope(asked.holder, &results);
    let works = match rendered(&proof.works, &scope) {
        works @ Value::Bool(_) => works,
        _ => Value::Null,
    };
    let result = json!({"works": works, "denied": denied(proof, &scope), "key_id": key_id(proof, &scope)});
    let mut raw = Raw::answered(result, Taint::Clear);
    raw.request_id = request_id;
    raw.date = date;
    for mut result in results {
        super::raw::wipe(&mut result);
    }
    raw
}

/// The text at a path; lines are joined, anything else is written as JSON.
fn text_at(path: &Path, scope: &Scope) -> Option<String> {
    match at(path, scope)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(lines) if lines.iter().all(Value::is_string) => {
            Some(lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"))
        }
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn denied(proof: &ConnectorProof, scope: &Scope) -> Vec<String> {
    let texts: Vec<String> = proof.denied_in.iter().filter_map(|path| text_at(path, scope)).collect();
    proof.denied_codes.iter().filter(|code| texts.iter().any(|text| text.contains(code.as_str()))).cloned().collect()
}

/// Only what has an access key id's own form is public, whatever the connector's expression matched.
fn key_id(proof: &ConnectorProof, scope: &Scope) -> Option<String> {
    let (path, pattern) = proof.key_id.as_ref()?;
    let text = text_at(path, scope)?;
    let found = Regex::new(pattern).ok()?.captures(&text)?;
    let id = found.get(1).or_else(|| found.get(0))?.as_str();
    is_key_id(id).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_file_lose_their_quotes_and_nothing_else() {
        for (written, value) in [
            ("plain", "plain"),
            ("'single'", "single"),
            ("'it'\\''s'", "it's"),
            ("\"a \\\"b\\\" \\\\\"", "a \"b\" \\"),
            ("'", "'"),
            ("", ""),
        ] {
            assert_eq!(unquoted(written), value, "{written}");
        }
    }

    #[test]
    fn only_aws_own_form_is_a_key_id() {
        assert!(is_key_id("AKIAIOSFODNN7EXAMPLE") && is_key_id("ASIAIOSFODNN7EXAMPLE"));
        for text in
            ["AKIA", "AKIAIOSFODNN7EXAMPL", "AKIAIOSFODNN7EXAMPLEE", "akiaiosfodnn7example", "AROAIOSFODNN7EXAMPLE"]
        {
            assert!(!is_key_id(text), "{text}");
        }
    }
}
