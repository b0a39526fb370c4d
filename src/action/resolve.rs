//! From references to values: the one place where a secret's value is put where it is going.

use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::raw::wipe;
use crate::runbook::template::apply_filter;
use crate::secret::{Secret, SecretRef, Vault};

/// Why a parameter can't be resolved. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("the secret {0} is not held by this process; read it again, or open the sealed copy, then try again")]
    NotHeld(String),
    #[error("the secret {0} is not the one that was confirmed; look at the step again")]
    Changed(String),
    #[error("the filter {filter} can't be applied to the secret {name}")]
    Filter { filter: String, name: String },
    #[error("a value stands only by its fingerprint, so it can't be sent; capture it as `secret`")]
    OnlyFingerprint,
    #[error("{0} must be text")]
    NotText(&'static str),
    #[error("the value of {0} has a line break, and goes into a file of lines; it can't be held there")]
    LineBreak(String),
}

/// Resolves references against a vault, and remembers what it gave out.
pub(super) struct Resolver<'v> {
    vault: &'v Vault,
    /// Each value as given out, filters applied.
    pub used: Vec<(String, Secret)>,
}

impl<'v> Resolver<'v> {
    pub fn new(vault: &'v Vault) -> Self {
        Self { vault, used: Vec::new() }
    }

    fn secret(&mut self, reference: &SecretRef) -> Result<Zeroizing<String>, ResolveError> {
        let secret = self.vault.get(&reference.name).ok_or_else(|| ResolveError::NotHeld(reference.name.clone()))?;
        if self.vault.key().fingerprint(secret.expose()) != reference.fp {
            return Err(ResolveError::Changed(reference.name.clone()));
        }
        let mut value = Zeroizing::new(secret.expose().to_owned());
        for filter in &reference.filters {
            // The filter's own error text may quote the value, so it is not passed on.
            let next = apply_filter(filter, &value)
                .map_err(|_| ResolveError::Filter { filter: filter.clone(), name: reference.name.clone() })?;
            value = Zeroizing::new(next);
        }
        if !reference.filters.is_empty() {
            self.used.push((reference.name.clone(), Secret::new(value.to_string())));
        }
        Ok(value)
    }

    /// A text: plain, a reference, or a join of both. Numbers and booleans are written as JSON writes them.
    pub fn text(&mut self, value: &Value, what: &'static str) -> Result<Zeroizing<String>, ResolveError> {
        if let Some(reference) = SecretRef::from_value(value) {
            return self.secret(&reference);
        }
        match value {
            Value::String(text) => Ok(Zeroizing::new(text.clone())),
            Value::Number(_) | Value::Bool(_) => Ok(Zeroizing::new(value.to_string())),
            Value::Object(map) if map.len() == 1 => match map.get("join").and_then(Value::as_array) {
                Some(parts) => {
                    let mut out = Zeroizing::new(String::new());
                    for part in parts {
                        let part = self.text(part, what)?;
                        // Growing would leave a copy behind, so a new buffer is filled and the old one wiped.
                        let mut next = Zeroizing::new(String::with_capacity(out.len() + part.len()));
                        next.push_str(&out);
                        next.push_str(&part);
                        out = next;
                    }
                    Ok(out)
                }
                None if map.contains_key("fp") => Err(ResolveError::OnlyFingerprint),
                None => Err(ResolveError::NotText(what)),
            },
            _ => Err(ResolveError::NotText(what)),
        }
    }

    /// A tree with every reference in it replaced, as JSON bytes.
    pub fn json(&mut self, value: &Value) -> Result<Zeroizing<Vec<u8>>, ResolveError> {
        let mut tree = self.tree(value)?;
        let bytes = serde_json::to_vec(&tree).unwrap_or_default();
        wipe(&mut tree);
        Ok(Zeroizing::new(bytes))
    }

    fn tree(&mut self, value: &Value) -> Result<Value, ResolveError> {
        if crate::secret::fingerprint_of(value).is_some() || value.get("join").is_some_and(Value::is_array) {
            let mut text = self.text(value, "a value")?;
            let out = Value::String(std::mem::take(&mut *text));
            text.zeroize();
            return Ok(out);
        }
        Ok(match value {
            Value::Object(map) => {
                let mut out = Map::new();
                for (key, part) in map {
                    out.insert(key.clone(), self.tree(part)?);
                }
                Value::Object(out)
            }
            Value::Array(list) => Value::Array(list.iter().map(|part| self.tree(part)).collect::<Result<_, _>>()?),
            other => other.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secret::FingerprintKey;

    #[test]
    fn references_and_joins_become_values_and_nothing_else_does() {
        let mut vault = Vault::new(FingerprintKey::from_bytes([1; 32]));
        let stands = vault.keep("pw", Secret::new("it's me".into()));
        let quoted = SecretRef { filters: vec!["sh".into()], ..stands.clone() };
        let mut resolver = Resolver::new(&vault);
        let body = json!({"a": stands.to_value(), "b": {"join": ["x=", quoted.to_value(), "\n"]}, "c": [1, null]});
        let bytes = resolver.json(&body).unwrap();
        let back: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(back, json!({"a": "it's me", "b": "x='it'\\''s me'\n", "c": [1, null]}));
        assert_eq!(resolver.used[0].1.expose(), "'it'\\''s me'");
    }

    #[test]
    fn what_is_not_held_or_not_the_same_is_not_sent() {
        let mut vault = Vault::new(FingerprintKey::from_bytes([1; 32]));
        let stands = vault.keep("pw", Secret::new("first".into()));
        vault.keep("pw", Secret::new("second".into()));
        let mut resolver = Resolver::new(&vault);
        assert_eq!(resolver.text(&stands.to_value(), "x").err(), Some(ResolveError::Changed("pw".into())));
        let other = SecretRef { name: "other".into(), ..stands.clone() };
        assert_eq!(resolver.text(&other.to_value(), "x").err(), Some(ResolveError::NotHeld("other".into())));
        assert_eq!(resolver.json(&json!([{"fp": "00"}])).err(), Some(ResolveError::OnlyFingerprint));
        let odd = SecretRef { name: "pw".into(), fp: vault.key().fingerprint("second"), filters: vec!["nope".into()] };
        let error = resolver.text(&odd.to_value(), "x").err().unwrap();
        assert!(!error.to_string().contains("second"));
    }
}
