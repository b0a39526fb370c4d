//! Calls as they are confirmed: every value of their JSON stands in the lines, nothing beyond ASCII unescaped, secrets by
//! name and fingerprint.

use serde_json::{Map, Value};

use crate::engine::call::{Call, canonical, sha256_hex};
use crate::secret::{SecretRef, fingerprint_of};
use crate::view::text::exact;

/// `4c1e 9a02`: the first eight digits of a digest or fingerprint. `v` shows all of it.
pub fn digits(hex: &str) -> String {
    let head = hex.get(..8).unwrap_or(hex);
    match (head.get(..4), head.get(4..)) {
        (Some(a), Some(b)) if !b.is_empty() => format!("{a} {b}"),
        _ => head.to_owned(),
    }
}

/// `…OLD1`: an id outside of what is confirmed.
pub fn tail(id: &str) -> String {
    match id.char_indices().rev().nth(3) {
        Some((at, _)) if at > 0 => format!("…{}", &id[at..]),
        _ => id.to_owned(),
    }
}

/// One value in words, unambiguous.
pub fn value(value: &Value) -> String {
    if let Some(secret) = SecretRef::from_value(value) {
        let filters: String = secret.filters.iter().map(|filter| format!(" | {filter}")).collect();
        return exact(&format!("secret, fingerprint {}{filters}, {}", digits(&secret.fp), secret.name));
    }
    if let Some(fp) = fingerprint_of(value) {
        return format!("not shown, fingerprint {}", digits(fp));
    }
    match value {
        Value::String(text) if plain(text) => exact(text),
        Value::Array(list) if list.iter().all(|item| item.is_string() || item.is_number()) => {
            list.iter().map(word).collect::<Vec<_>>().join(" ")
        }
        Value::Object(map) if map.len() == 1 && map.contains_key("join") => {
            let parts = map["join"].as_array().map_or(&[][..], Vec::as_slice);
            parts
                .iter()
                .map(|part| if part.is_string() { word(part) } else { format!("[{}]", self::value(part)) })
                .collect()
        }
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let items: Vec<String> =
                sorted(map).into_iter().map(|(name, one)| format!("{} {}", exact(name), self::value(one))).collect();
            format!("{{{}}}", items.join(", "))
        }
        other => canonical(other),
    }
}

/// Text that can't be taken for something else stands as it is.
fn plain(text: &str) -> bool {
    !text.is_empty() && text == text.trim() && !text.starts_with(['"', '[', '{']) && !text.chars().any(char::is_control)
}

/// A word of a list: quoted where it would read as two.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) if plain(text) && !text.contains([' ', '"']) => exact(text),
        other => canonical(other),
    }
}

/// What a call does and to what: `iam:CreateAccessKey`, `PATCH http://…`, `start /usr/bin/ssh, sha256 61d2 0c0f`.
pub fn what(call: &Call) -> String {
    if let Some(method) = call.op.strip_prefix("http:") {
        return exact(&format!("{method} {}", call.endpoint));
    }
    if call.op == "command" {
        return match call.endpoint.split_once(" sha256:") {
            Some((path, digest)) => exact(&format!("start {path}, sha256 {}", digits(digest))),
            None => exact(&format!("start {}", call.endpoint)),
        };
    }
    exact(&call.op)
}

/// What a read keeps and how its answer is parsed changes nothing out there: those parameters share a line.
const SMALL: [&str; 8] = ["system", "headers", "public", "parse", "inherit", "names", "kind", "secret"];

/// An object's parts, in an order that does not depend on whether it was rendered just now or read back.
fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut all: Vec<(&String, &Value)> = map.iter().collect();
    let first = |name: &str| !matches!(name, "name" | "UserName" | "user" | "argv");
    all.sort_by_key(|(name, _)| (first(name), *name));
    all
}

/// A call with its parameters in the order in which they are drawn.
pub fn in_order(call: &Call) -> Call {
    let params = match &call.params {
        Value::Object(map) => sorted(map).into_iter().map(|(name, one)| (name.clone(), one.clone())).collect(),
        other => other.clone(),
    };
    Call { params, ..call.clone() }
}

/// Text of several lines as such: a script is read by its lines. `None` for text of one line.
fn script(value: &Value) -> Option<Vec<String>> {
    let part = |part: &Value| match part {
        Value::String(text) => text.clone(),
        // Values by name, each on a line of its own where it is sent.
        Value::Object(map) if SecretRef::from_value(part).is_none() && !map.contains_key("join") => {
            sorted(map).into_iter().map(|(name, one)| format!("[{name} = {}]\n", self::value(one))).collect()
        }
        other => format!("[{}]", self::value(other)),
    };
    let parts = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Object(map) if map.len() == 1 => map.get("join")?.as_array()?,
        Value::Array(list) if list.iter().any(|one| one.as_str().is_some_and(|text| text.contains('\n'))) => list,
        _ => return None,
    };
    let text: String = parts.iter().map(part).collect();
    let body = text.strip_suffix('\n').unwrap_or(&text);
    body.contains('\n').then(|| body.split('\n').map(|line| format!("  | {}", exact(line))).collect())
}

/// Every parameter of a call, a line each; what is small print shares one. Credentials that it acts as stand apart.
pub fn params(call: &Call) -> Vec<String> {
    let mut lines = Vec::new();
    let mut small = Vec::new();
    let empty = Map::new();
    for (name, one) in sorted(call.params.as_object().unwrap_or(&empty)) {
        if let Some(script) = script(one) {
            lines.push(format!("{}:", exact(name)));
            lines.extend(script);
            continue;
        }
        match (name.as_str(), one) {
            ("as", _) | (_, Value::Null) => {}
            ("holder", _) => lines.push(format!("holder {}", value(one))),
            ("calls", Value::Array(calls)) => lines.extend(calls.iter().flat_map(nested)),
            ("holders", Value::Array(holders)) => {
                for holder in holders {
                    let who = holder.get("holder").unwrap_or(holder);
                    lines.push(format!("holder {}", value(who)));
                    if let Some(names) = holder.get("names") {
                        lines.push(format!("  names {}", value(names)));
                    }
                    let calls = holder.get("calls").and_then(Value::as_array).into_iter().flatten();
                    lines.extend(calls.flat_map(nested).map(|line| format!("  {line}")));
                }
            }
            (small_print, _) if SMALL.contains(&small_print) => small.push(format!("{} {}", exact(name), value(one))),
            (_, Value::Object(map))
                if SecretRef::from_value(one).is_none() && !map.contains_key("join") && !map.is_empty() =>
            {
                lines.extend(
                    sorted(map)
                        .into_iter()
                        .map(|(key, one)| format!("{}.{} = {}", exact(name), exact(key), value(one))),
                );
            }
            _ => lines.push(format!("{} = {}", exact(name), value(one))),
        }
    }
    if !small.is_empty() {
        lines.push(small.join("; "));
    }
    lines
}

/// A call within a holder's read: where it asks, and what it says there. What only shapes the question and the answer
/// (headers, scripts, which parts are public) stands as a digest: it changes nothing, and `v` shows all of it.
fn nested(call: &Value) -> Vec<String> {
    let Ok(call) = serde_json::from_value::<Call>(call.clone()) else { return vec![value(call)] };
    let mut line = what(&call);
    if let Some(argv) = call.params.get("argv") {
        line.push_str(&format!(": {}", value(argv)));
    }
    line.push_str(&format!("; the rest sha256 {}", digits(&sha256_hex(canonical(&call.params).as_bytes()))));
    vec![line]
}

/// The key that a call acts as, where it is not the operator's own: its name in the runbook is not in the call.
pub fn acts_as(call: &Call) -> Option<String> {
    let pair = call.params.get("as").filter(|pair| !pair.is_null())?;
    let id = value(pair.get("access_key_id").unwrap_or(&Value::Null));
    Some(format!("{id}, {}", value(pair.get("secret_access_key").unwrap_or(&Value::Null))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(op: &str, endpoint: &str, params: Value) -> Call {
        Call { call: 0, op: op.into(), endpoint: endpoint.into(), params }
    }

    /// Every leaf of a call has to stand in what is drawn.
    fn leaves(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(map) if SecretRef::from_value(value).is_some() => {
                out.push(digits(map["fp"].as_str().unwrap()));
            }
            Value::Object(map) => map.values().for_each(|one| leaves(one, out)),
            Value::Array(list) => list.iter().for_each(|one| leaves(one, out)),
            Value::String(text) => out.push(exact(text)),
            Value::Null => {}
            other => out.push(other.to_string()),
        }
    }

    #[test]
    fn every_value_of_a_call_is_in_its_lines() {
        let secret = SecretRef { name: "new_key.secret".into(), fp: "4c1e9a02ffff".into(), filters: vec!["sh".into()] };
        let put = json!({
            "system": "heroku", "headers": {"Accept": "x/y; version=3"}, "public": ["body.id"],
            "json": {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE00000NEW1", "AWS_SECRET_ACCESS_KEY": secret.to_value(), "n": [1, {"deep": true}]},
        });
        let read = json!({"names": ["A", "B"], "kind": "env_file", "holder": {"name": "vault host", "host": "h"},
            "calls": [{"call": 0, "op": "command", "endpoint": "/usr/bin/ssh sha256:61d20c0fabcd", "params": {"argv": ["ssh", "h", "cat \"x y\""], "stdin": {"join": ["a=", secret.to_value()]}}}]});
        let preflight = json!({"user": "raxx", "actions": ["iam:GetUser"], "holders": [{"name": "n1", "kind": "k1", "holder": {"name": "n1", "kind": "k1"}, "names": ["A"],
            "calls": [{"call": 0, "op": "http:GET", "endpoint": "http://127.0.0.1:1/x", "params": {"public": ["body"]}}]}]});
        for params_of in [put, read, preflight] {
            let call = call("http:PATCH", "http://127.0.0.1:1/apps", params_of.clone());
            let drawn = format!("{}\n{}", what(&call), params(&call).join("\n"));
            let mut wanted = vec!["http://127.0.0.1:1/apps".to_owned()];
            leaves(&params_of, &mut wanted);
            for leaf in wanted {
                let quoted = canonical(&json!(leaf));
                let parts: Vec<&str> = leaf.split(" sha256:").collect();
                // Within a holder's read these stand as a digest.
                let shaping = ["body", "a="].contains(&leaf.as_str()) || leaf == digits("4c1e9a02ffff");
                let found = (shaping && drawn.contains("the rest sha256"))
                    || drawn.contains(&leaf)
                    || drawn.contains(&quoted)
                    || leaf == "command"
                    || leaf == "http:GET"
                    || drawn.contains(parts[0]);
                assert!(found, "{leaf} is not in\n{drawn}");
            }
        }
    }

    #[test]
    fn what_looks_like_something_else_is_quoted_or_escaped() {
        assert_eq!(value(&json!("r\u{430}xx")), "r\\u{430}xx");
        assert_eq!(value(&json!("")), "\"\"");
        assert_eq!(value(&json!(" x")), "\" x\"");
        assert_eq!(value(&json!(["a b", "c"])), "\"a b\" c");
        assert!(!value(&json!("a\u{1b}[2J\nb")).contains(['\u{1b}', '\n']));
    }

    #[test]
    fn ids_are_shortened_by_characters() {
        assert_eq!(tail("AKIAEXAMPLE00000OLD1"), "…OLD1");
        assert_eq!(tail("ab"), "ab");
        assert_eq!(tail("éééééé"), "…éééé");
        assert_eq!(digits("4c1e9a02ff"), "4c1e 9a02");
    }
}
