//! Secrets in memory: a type that can't be printed or serialised, and what may be said of one.
//!
//! A secret's *value* lives only in a [`Secret`], inside a [`Vault`], inside the effect layer. Everything else in
//! keyward (templates, engine, transcript, screen) handles a [`SecretRef`]: a name, a fingerprint, and the filters that
//! the effect layer is to apply. This module must not know files, networks or the terminal.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A secret value. It has no `Serialize`, its `Debug` says nothing, and its memory is wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes ownership of a secret value.
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// The value itself. Callers are in the effect layer only: a child's stdin or environment, a request, a sealed file.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Number of characters: what an input field may show of a secret.
    pub fn chars(&self) -> usize {
        self.expose().chars().count()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The random key of a run under which its secrets are fingerprinted. Kept sealed, never exported, so that a weak
/// password can't be guessed from a transcript.
#[derive(Clone)]
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

impl FingerprintKey {
    /// A key from the operating system's random source.
    pub fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// The key that an earlier process of this run made.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// For sealing only.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Lower-case hex HMAC-SHA-256 of the UTF-8 value (RFC 2104).
    pub fn fingerprint(&self, value: &str) -> String {
        // An HMAC key may have any length (RFC 2104 section 3), so this can't fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0[..]).expect("HMAC takes keys of any length");
        mac.update(value.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

/// What stands for a secret everywhere but in the effect layer.
///
/// Its JSON form is `{"secret": name, "fp": fingerprint, "filters": [..]}`; text that mixes plain parts and secrets is
/// `{"join": [part, …]}`. A tainted value that nobody keeps has the form `{"fp": fingerprint}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    /// The capture's or input's path, like `new_key.secret`.
    pub name: String,
    /// [`FingerprintKey::fingerprint`] of the value before filters.
    pub fp: String,
    /// Template filters that the effect layer applies before use, in order.
    pub filters: Vec<String>,
}

impl SecretRef {
    /// The JSON form.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("secret".into(), json!(self.name));
        map.insert("fp".into(), json!(self.fp));
        if !self.filters.is_empty() {
            map.insert("filters".into(), json!(self.filters));
        }
        Value::Object(map)
    }

    /// Reads the JSON form; `None` for anything else.
    pub fn from_value(value: &Value) -> Option<Self> {
        let map = value.as_object()?;
        let name = map.get("secret")?.as_str()?.to_owned();
        let fp = map.get("fp")?.as_str()?.to_owned();
        let filters = match map.get("filters") {
            None => Vec::new(),
            Some(list) => list.as_array()?.iter().map(|f| f.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?,
        };
        (map.len() == 2 + usize::from(map.contains_key("filters"))).then_some(Self { name, fp, filters })
    }
}

/// The fingerprint of a tainted value, kept (`{"secret", "fp"}`) or not (`{"fp"}`).
pub fn fingerprint_of(value: &Value) -> Option<&str> {
    let map = value.as_object()?;
    let known = map.keys().all(|key| matches!(key.as_str(), "secret" | "fp" | "filters"));
    if known { map.get("fp")?.as_str() } else { None }
}

/// True if a secret stands anywhere inside.
pub fn is_tainted(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            fingerprint_of(value).is_some() || map.contains_key("join") || map.values().any(is_tainted)
        }
        Value::Array(list) => list.iter().any(is_tainted),
        _ => false,
    }
}

/// A run's secrets by name, and the key they are fingerprinted with. Owned by the effect layer.
#[derive(Debug)]
pub struct Vault {
    key: FingerprintKey,
    held: BTreeMap<String, Secret>,
}

impl Vault {
    /// An empty vault.
    pub fn new(key: FingerprintKey) -> Self {
        Self { key, held: BTreeMap::new() }
    }

    /// The run's fingerprint key.
    pub fn key(&self) -> &FingerprintKey {
        &self.key
    }

    /// Keeps a secret under a name, and says what stands for it from now on.
    pub fn keep(&mut self, name: &str, secret: Secret) -> SecretRef {
        let fp = self.key.fingerprint(secret.expose());
        self.held.insert(name.to_owned(), secret);
        SecretRef { name: name.to_owned(), fp, filters: Vec::new() }
    }

    /// The secret of that name, if it is held.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.held.get(name)
    }

    /// Wipes a secret that is no longer needed.
    pub fn forget(&mut self, name: &str) {
        self.held.remove(name);
    }

    /// Names of all held secrets.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.held.keys().map(String::as_str)
    }

    /// Every held value, for masking output.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.held.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2hunter2".into());
        assert!(!format!("{secret:?}").contains("hunter2"));
        let mut vault = Vault::new(FingerprintKey::from_bytes([7; 32]));
        let stands = vault.keep("pw", secret);
        assert!(!format!("{vault:?} {stands:?}").contains("hunter2"));
        assert_eq!(SecretRef::from_value(&stands.to_value()), Some(stands));
    }

    #[test]
    fn only_the_exact_form_is_a_reference() {
        assert!(SecretRef::from_value(&json!({"secret": "a", "fp": "b", "more": 1})).is_none());
        assert!(SecretRef::from_value(&json!({"secret": "a"})).is_none());
        assert!(is_tainted(&json!([{"deep": {"fp": "00"}}])));
        assert!(!is_tainted(&json!({"fp": "00", "other": 1})));
    }
}
