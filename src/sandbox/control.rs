//! What the stand-in commands ask of the sandbox, and tell it. Not part of any real system.

use serde_json::{Value, json};

use super::answer::Answer;
use super::fault::Fault;
use super::holder::{Held, pair_in};
use super::server::{Call, Shared};
use super::state::State;
use super::world::HolderKind;
use crate::secret::Secret;

/// Answers one request.
pub(super) fn answer(shared: &Shared, call: &Call<'_>) -> Answer {
    if !shared.knows(call.headers) {
        return Answer::json(401, &json!({"error": "not a stand-in of this sandbox"}));
    }
    let now = shared.now();
    let mut state = shared.state();
    match (call.method, call.parts.as_slice()) {
        ("GET", ["bucket"]) => {
            let bucket = state.holders.first().map(|holder| holder.spec.bucket.clone());
            bucket.map_or_else(not_found, |bucket| Answer::json(200, &json!({"bucket": bucket})))
        }
        ("GET", ["hosts", name]) => {
            let root = state.holders.iter().find_map(|holder| match (&holder.spec.kind, &holder.held) {
                (HolderKind::EnvFile { host, .. }, Held::Host(service)) if host == name => service.root.clone(),
                _ => None,
            });
            root.map_or_else(not_found, |root| Answer::json(200, &json!({"root": root})))
        }
        ("POST", ["hosts", host, "services", service]) => restarted(&mut state, host, service, call.body, now),
        ("GET", ["apps", name]) => app(&mut state, name),
        _ => not_found(),
    }
}

fn not_found() -> Answer {
    Answer::json(404, &json!({"error": "not in this world"}))
}

/// A service has read its EnvironmentFile.
fn restarted(state: &mut State, host: &str, service: &str, body: &[u8], now: i64) -> Answer {
    if state.strikes(Fault::RestartFails) {
        return Answer::json(409, &json!({"error": "the service did not start, and was left running as it was"}));
    }
    state.settle(now);
    let is = |kind: &HolderKind| matches!(kind, HolderKind::EnvFile { host: h, service: s, .. } if h == host && s == service);
    let Some(holder) = state.holder_mut(is) else { return not_found() };
    let Held::Host(running) = &mut holder.held else { return not_found() };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let values = body["values"].as_object().cloned().unwrap_or_default();
    let values = values.into_iter().filter_map(|(name, value)| Some((name, Secret::new(value.as_str()?.to_owned()))));
    running.running = pair_in(&values.collect());
    let new = running.running.as_ref().is_some_and(|pair| !pair.same(&holder.spec.pair));
    if new && state.strikes(Fault::HalfPair) {
        // Something on the host has put its own old line back, and the service came up with it.
        if let Some(holder) = state.holder_mut(is) {
            holder.keep_old_secret();
        }
    }
    Answer::json(200, &json!({}))
}

/// What a one-off dyno of an app starts with.
fn app(state: &mut State, name: &str) -> Answer {
    let is = |kind: &HolderKind| matches!(kind, HolderKind::Heroku { app } if app == name);
    let Some(holder) = state.holder_mut(is) else { return not_found() };
    let Held::Heroku(app) = &holder.held else { return not_found() };
    let vars: serde_json::Map<String, Value> =
        app.vars.iter().map(|(name, value)| (name.clone(), json!(value.expose()))).collect();
    let bucket = &holder.spec.bucket;
    Answer::json(200, &json!({"config_vars": vars, "prove": holder.spec.prove, "bucket": bucket}))
}
