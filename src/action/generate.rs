//! `secret.generate`: a password from the operating system's random source.

use rand::RngExt;
use serde_json::{Value, json};

use super::raw::{Raw, Taint};
use crate::engine::call::Call;
use crate::runbook::template::{Path, PathPart};

const DEFAULT: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `{length, alphabet, exclude}`: so many characters, each drawn evenly from the alphabet (letters and digits unless
/// given) without the excluded ones.
pub(super) fn generate(call: &Call) -> Raw {
    let params = &call.params;
    let length = params.get("length").and_then(Value::as_u64).unwrap_or(0);
    if !(8..=4096).contains(&length) {
        return Raw::not_sent("BadParameter", "a generated secret has 8 to 4096 characters; mend `length`");
    }
    let exclude = params.get("exclude").and_then(Value::as_str).unwrap_or_default();
    let mut alphabet: Vec<char> = params.get("alphabet").and_then(Value::as_str).unwrap_or(DEFAULT).chars().collect();
    alphabet.retain(|c| !exclude.contains(*c));
    alphabet.sort_unstable();
    alphabet.dedup();
    if alphabet.len() < 10 {
        return Raw::not_sent(
            "BadParameter",
            "fewer than 10 different characters are left; mend `alphabet` or `exclude`",
        );
    }
    let mut rng = rand::rng();
    let secret: String = (0..length).map(|_| alphabet[rng.random_range(0..alphabet.len())]).collect();
    Raw::answered(json!({"secret": secret}), Taint::Only(vec![Path(vec![PathPart::Name("secret".into())])]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(params: Value) -> Raw {
        generate(&Call { call: 0, op: "secret.generate".into(), endpoint: String::new(), params })
    }

    #[test]
    fn it_is_as_long_as_asked_and_has_nothing_excluded() {
        let raw = ask(json!({"length": 2000, "alphabet": "abcdefghijkl0123", "exclude": "lo0"}));
        let secret = raw.result["secret"].as_str().unwrap();
        assert_eq!(secret.len(), 2000);
        assert!(secret.chars().all(|c| "abcdefghijk123".contains(c)));
        assert!("abcdefghijk123".chars().all(|c| secret.contains(c)));
        assert_ne!(
            secret,
            ask(json!({"length": 2000, "alphabet": "abcdefghijkl0123", "exclude": "lo0"})).result["secret"]
        );
    }

    #[test]
    fn weak_ones_are_not_made() {
        for params in [
            json!({}),
            json!({"length": 7}),
            json!({"length": 5000}),
            json!({"length": "16"}),
            json!({"length": 16, "alphabet": "aaaaaaaaaaaaaaaaaaab"}),
        ] {
            assert!(!ask(params).ok());
        }
    }
}
