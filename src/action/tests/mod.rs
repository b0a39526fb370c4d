//! The effect layer against servers and programs that misbehave.

mod aws;
mod command;
mod env_file;
mod holder;
mod http;
mod redact;
mod server;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::engine::call::{Call, Keep};
use crate::engine::effect::{Outcome, error_of};
use crate::engine::entry::EnvironmentKind;
use crate::runbook::template::Path;
use crate::secret::{FingerprintKey, Secret, SecretRef, Vault};

pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub(super) fn vault() -> Arc<Mutex<Vault>> {
    Arc::new(Mutex::new(Vault::new(FingerprintKey::from_bytes([9; 32]))))
}

pub(super) fn world() -> World {
    let mut world = World::new(EnvironmentKind::Sandbox, "20261120T031500Z-test-7f3a", vault());
    world.limits.send = Duration::from_secs(2);
    world.limits.read = Duration::from_secs(3);
    world.limits.command = Duration::from_secs(5);
    world
}

/// A world whose AWS and one system (`store`, with a token) are at this URL.
pub(super) fn world_at(url: &str) -> World {
    let mut world = world();
    let endpoints = ["iam", "sts", "s3"].map(|service| (service.to_owned(), url.to_owned()));
    let operator = Secret::new("operator-secret-access-key-of-40-letters".into());
    world.aws =
        Some(Aws::loopback(BTreeMap::from(endpoints), "eu-central-1", "AKIAOPERATOR00000001", &operator).unwrap());
    let token = Some(Secret::new("st.token-of-the-store".into()));
    world.systems.insert("store".into(), System { url: url.to_owned(), token, scheme: TokenScheme::Bearer });
    world
}

pub(super) fn hold(world: &World, name: &str, value: &str) -> SecretRef {
    world.vault.lock().unwrap().keep(name, Secret::new(value.into()))
}

pub(super) fn call(op: &str, endpoint: &str, params: Value) -> Call {
    Call { call: 0, op: op.into(), endpoint: endpoint.into(), params }
}

pub(super) fn keep(path: &str, name: &str) -> Keep {
    // A path into a list of results begins with an index, which the language's own paths can't.
    let path = match path.strip_prefix("[1].") {
        None => Path::parse(path).unwrap(),
        Some(rest) => {
            let mut parts = vec![crate::runbook::template::PathPart::Index(1)];
            parts.extend(Path::parse(rest).unwrap().0);
            Path(parts)
        }
    };
    Keep { path, name: name.into() }
}

#[track_caller]
pub(super) fn code(outcome: &Outcome) -> String {
    let result = outcome.reading.result.as_ref().expect("every outcome has a result");
    error_of(result).unwrap_or_else(|| panic!("not an error: {result}")).0.to_owned()
}

#[track_caller]
pub(super) fn message(outcome: &Outcome) -> String {
    error_of(outcome.reading.result.as_ref().unwrap()).expect("an error").1.to_owned()
}

#[track_caller]
pub(super) fn result(outcome: &Outcome) -> &Value {
    assert_eq!(outcome.ended, crate::engine::effect::Ended::Answered, "{outcome:?}");
    outcome.reading.result.as_ref().unwrap()
}
