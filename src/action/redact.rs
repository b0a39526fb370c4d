//! From a raw result to what may be judged, recorded and shown.
//!
//! The order matters. A server's answer is *tamed* at birth (no floats, nothing that looks like one of our references);
//! then what the run keeps goes into the vault; then what is tainted becomes a fingerprint; then any held value that is
//! still in the text is masked. Judgement comes after all of this, never before.

use serde_json::{Map, Value, json};
use zeroize::Zeroize;

use super::mask::Masker;
use super::raw::{Raw, Taint, wipe};
use crate::engine::call::{Keep, canonical};
use crate::engine::effect::{Ended, Outcome};
use crate::engine::entry::Reading;
use crate::runbook::template::{Path, PathPart};
use crate::secret::{Secret, SecretRef, Vault};

/// Makes a stranger's JSON harmless: floats become text (the transcript has integers only), and an object that could be
/// taken for a reference to a secret, a join or a fingerprint becomes text.
pub(super) fn tame(value: Value) -> Value {
    match value {
        Value::Number(n) if !(n.is_i64() || n.is_u64()) => Value::String(n.to_string()),
        Value::Array(list) => list.into_iter().map(tame).collect(),
        Value::Object(map) => {
            let map: Map<String, Value> = map.into_iter().map(|(key, value)| (key, tame(value))).collect();
            let poses = map.contains_key("join")
                || map.contains_key("fp") && map.keys().all(|key| matches!(key.as_str(), "secret" | "fp" | "filters"));
            if poses { Value::String(canonical(&Value::Object(map))) } else { Value::Object(map) }
        }
        other => other,
    }
}

/// Redacts one outcome.
pub(super) fn redact(raw: Raw, keep: &[Keep], vault: &mut Vault, standing: &[(String, Secret)]) -> Outcome {
    let ended = raw.ended;
    let keep = if ended == Ended::Answered { keep } else { &[] };
    let mut readings = redact_many(vec![raw], keep, vault, standing, |path| Some((0, path.clone())));
    Outcome { ended, reading: readings.pop().unwrap_or_default() }
}

/// Redacts the outcomes of several reads as one list; a path of `keep` begins with an index into it.
pub(super) fn redact_list(raws: Vec<Raw>, keep: &[Keep], vault: &mut Vault, standing: &[(String, Secret)]) -> Outcome {
    let n = raws.len();
    let readings: Vec<Reading> = redact_many(raws, keep, vault, standing, |path| match path.0.split_first() {
        Some((PathPart::Index(i), rest)) if *i < n => Some((*i, Path(rest.to_vec()))),
        _ => None,
    });
    let last = readings.last();
    let reading = Reading {
        request_id: last.and_then(|r| r.request_id.clone()),
        date: last.and_then(|r| r.date.clone()),
        result: Some(readings.into_iter().map(|r| r.result.unwrap_or_default()).collect()),
        blob: None,
    };
    Outcome { ended: Ended::Answered, reading }
}

fn redact_many(
    mut raws: Vec<Raw>,
    keep: &[Keep],
    vault: &mut Vault,
    standing: &[(String, Secret)],
    place: impl Fn(&Path) -> Option<(usize, Path)>,
) -> Vec<Reading> {
    // Fingerprints are of what was there, so all tainting comes before any masking; a secret that this very answer
    // brought is masked in its other parts.
    for one in keep {
        if let Some((i, path)) = place(&one.path)
            && let Some(value) = get_mut(&mut raws[i].result, &path.0)
        {
            keep_in_vault(value, &one.name, vault);
        }
    }
    let mut born: Vec<(String, Secret)> = Vec::new();
    for raw in &mut raws {
        let taint = std::mem::replace(&mut raw.taint, Taint::Clear);
        match &taint {
            Taint::Clear => {}
            Taint::Only(paths) => {
                for path in paths {
                    if let Some(value) = get_mut(&mut raw.result, &path.0) {
                        if let Some(text) = value.as_str() {
                            born.push((path.to_string(), Secret::new(text.to_owned())));
                        }
                        taint_all(value, vault);
                    }
                }
            }
            Taint::AllBut(public) if raw.ended == Ended::Answered => {
                let mut at = Vec::new();
                taint_but(&mut raw.result, &mut at, public, vault);
            }
            Taint::AllBut(_) => {}
        }
        born.append(&mut raw.used);
    }
    let masker = masker(vault, standing.iter().chain(&born));
    raws.iter_mut()
        .map(|raw| {
            mask(&mut raw.result, &masker);
            Reading {
                result: Some(std::mem::take(&mut raw.result)),
                blob: None,
                request_id: raw.request_id.take().map(|id| masker.text(&id).into_owned()),
                date: raw.date.take().map(|date| masker.text(&date).into_owned()),
            }
        })
        .collect()
}

/// Looks for everything the vault holds, and for these.
pub(super) fn masker<'a>(vault: &'a Vault, more: impl IntoIterator<Item = &'a (String, Secret)>) -> Masker {
    let held = vault.names().filter_map(|name| Some((name, vault.get(name)?.expose())));
    Masker::new(held.chain(more.into_iter().map(|(name, secret)| (name.as_str(), secret.expose()))))
}

fn get_mut<'v>(value: &'v mut Value, path: &[PathPart]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |at, part| match part {
        PathPart::Name(name) => at.get_mut(name.as_str()),
        PathPart::Index(n) => at.get_mut(*n),
    })
}

/// The text of a leaf; null has none, it says only that nothing is there.
fn leaf(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

fn keep_in_vault(value: &mut Value, name: &str, vault: &mut Vault) {
    match value {
        Value::Object(map) if SecretRef::from_value(&Value::Object(map.clone())).is_none() => {
            for (key, part) in map.iter_mut() {
                keep_in_vault(part, &format!("{name}.{key}"), vault);
            }
        }
        Value::Array(list) => {
            for (i, part) in list.iter_mut().enumerate() {
                keep_in_vault(part, &format!("{name}[{i}]"), vault);
            }
        }
        // An access key id names a secret and is none: kept as one, it would be masked wherever it is listed.
        Value::String(text) if super::holder::is_key_id(text) => {}
        _ => {
            if let Some(text) = leaf(value) {
                wipe(value);
                *value = vault.keep(name, Secret::new(text)).to_value();
            }
        }
    }
}

/// True for what this module itself put there.
fn is_ours(value: &Value) -> bool {
    SecretRef::from_value(value).is_some()
}

fn taint_all(value: &mut Value, vault: &Vault) {
    taint_but(value, &mut Vec::new(), &[], vault);
}

fn taint_but(value: &mut Value, at: &mut Vec<PathPart>, public: &[Path], vault: &Vault) {
    if public.iter().any(|path| path.0 == *at) || is_ours(value) {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, part) in map.iter_mut() {
                at.push(PathPart::Name(key.clone()));
                taint_but(part, at, public, vault);
                at.pop();
            }
        }
        Value::Array(list) => {
            for (i, part) in list.iter_mut().enumerate() {
                at.push(PathPart::Index(i));
                taint_but(part, at, public, vault);
                at.pop();
            }
        }
        _ => {
            if let Some(mut text) = leaf(value) {
                wipe(value);
                *value = json!({"fp": vault.key().fingerprint(&text)});
                text.zeroize();
            }
        }
    }
}

fn mask(value: &mut Value, masker: &Masker) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(clean) = masker.text(text) {
                text.zeroize();
                *value = Value::String(clean);
            }
        }
        // A number can be a secret too (a PIN of many digits).
        Value::Number(n) => {
            let text = n.to_string();
            if let std::borrow::Cow::Owned(clean) = masker.text(&text) {
                *value = Value::String(clean);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|part| mask(part, masker)),
        Value::Object(map) => {
            if is_ours(&Value::Object(map.clone()))
                || crate::secret::fingerprint_of(&Value::Object(map.clone())).is_some()
            {
                return;
            }
            if map.keys().any(|key| matches!(masker.text(key), std::borrow::Cow::Owned(_))) {
                let old = std::mem::take(map);
                map.extend(old.into_iter().map(|(key, part)| (masker.text(&key).into_owned(), part)));
            }
            map.values_mut().for_each(|part| mask(part, masker));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json_values() -> impl Strategy<Value = Value> {
        let word = || prop_oneof![Just("fp"), Just("secret"), Just("filters"), Just("join"), Just("a")];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            word().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((word(), inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
            ]
        })
    }

    fn has_float(value: &Value) -> bool {
        match value {
            Value::Number(n) => n.is_f64(),
            Value::Array(list) => list.iter().any(has_float),
            Value::Object(map) => map.values().any(has_float),
            _ => false,
        }
    }

    proptest! {
        /// Whatever a server sends, it is no reference of ours, and has no float.
        #[test]
        fn what_is_tamed_poses_as_nothing(value in json_values()) {
            let tamed = tame(value);
            prop_assert!(!crate::secret::is_tainted(&tamed), "{tamed}");
            prop_assert!(!has_float(&tamed), "{tamed}");
        }

        /// Tainting leaves no text or number readable but under a public path.
        #[test]
        fn what_is_tainted_is_fingerprints_throughout(value in json_values()) {
            let vault = Vault::new(crate::secret::FingerprintKey::from_bytes([3; 32]));
            let mut value = tame(value);
            taint_all(&mut value, &vault);
            fn leaves(value: &Value) -> bool {
                match value {
                    Value::Null => true,
                    Value::Array(list) => list.iter().all(leaves),
                    Value::Object(map) if crate::secret::fingerprint_of(value).is_some() => map.len() == 1,
                    Value::Object(map) => map.values().all(leaves),
                    _ => false,
                }
            }
            prop_assert!(leaves(&value), "{value}");
        }
    }
}
