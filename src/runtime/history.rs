//! What the store knows across runs: since when a key is Inactive, and when a runbook was last drilled.

use serde_json::{Value, json};

use crate::engine::call::Call;
use crate::engine::effect::Outcome;
use crate::engine::entry::{Body, EndStatus, EnvironmentKind, Stamp, Verdict};
use crate::store::Store;
use crate::transcript::entries;

/// True for a read that the store answers.
pub fn is_ours(call: &Call) -> bool {
    call.op.starts_with("store:")
}

/// Answers `store:key_history` and `store:drilled`.
pub fn read(store: &Store, account: &str, call: &Call) -> Outcome {
    Outcome::answered(match call.op.as_str() {
        "store:key_history" => key_history(store, account, call.params["AccessKeyId"].as_str().unwrap_or("")),
        "store:drilled" => drilled(store, &call.params),
        _ => Value::Null,
    })
}

/// Only sealed runs of this account count: of an open one nobody knows how it ends.
fn key_history(store: &Store, account: &str, key: &str) -> Value {
    for summary in store.runs().unwrap_or_default() {
        let Ok(list) = entries(&summary.path) else { continue };
        let (mut inactive, mut created, mut status, mut same) = (None, false, None, false);
        let mut calls = std::collections::BTreeMap::new();
        for entry in list.map_while(Result::ok) {
            match &entry.body {
                Body::Opened(opened) => same = opened.environment.account == account,
                Body::Confirmed { action, digest, .. } => {
                    let action: Value = serde_json::from_str(action).unwrap_or(Value::Null);
                    calls.insert(digest.clone(), action);
                }
                Body::Finished { place, verdict: Verdict::Pass, reading } => {
                    let result = reading.result.as_ref();
                    if result.and_then(|result| result.get("id")).and_then(Value::as_str) == Some(key) {
                        created = true;
                    }
                    let acted = calls.values().any(|action| deactivates(action, &place.step, key));
                    if acted {
                        inactive = Some(entry.at);
                    }
                }
                Body::Sealed { status: end, .. } => status = Some(*end),
                _ => {}
            }
        }
        if let (true, Some(status), Some(at)) = (same, status, inactive) {
            let rolled_back = created && status == EndStatus::RolledBack;
            return json!({"inactive_since": at, "run": summary.run, "rolled_back": rolled_back});
        }
    }
    json!({"inactive_since": null, "run": null, "rolled_back": false})
}

fn deactivates(action: &Value, step: &str, key: &str) -> bool {
    let rows = action["rows"].as_array().map_or(&[][..], Vec::as_slice);
    let in_step = action["step"] == step || rows.iter().any(|row| row["row"] == step);
    in_step
        && rows.iter().filter(|row| action["step"] == step || row["row"] == step).any(|row| {
            row["calls"].as_array().is_some_and(|calls| {
                calls.iter().any(|call| {
                    call["op"] == "iam:UpdateAccessKey"
                        && call["params"]["AccessKeyId"] == key
                        && call["params"]["Status"] == "Inactive"
                })
            })
        })
}

fn drilled(store: &Store, wanted: &Value) -> Value {
    for summary in store.runs().unwrap_or_default() {
        let Ok(list) = entries(&summary.path) else { continue };
        let (mut same, mut wall, mut by, mut completed): (bool, Option<Stamp>, String, bool) = Default::default();
        for entry in list.map_while(Result::ok) {
            match &entry.body {
                Body::Opened(opened) => {
                    same = opened.environment.kind != EnvironmentKind::Account
                        && json!(opened.runbook.sha256) == wanted["runbook"]
                        && json!(opened.connectors) == wanted["connectors"];
                }
                Body::Sealed { status, .. } => {
                    completed = *status == EndStatus::Completed;
                    wall = entry.wall;
                    by.clone_from(&entry.by);
                }
                _ => {}
            }
        }
        if same && completed {
            return json!({"at": wall, "by": by, "run": summary.run});
        }
    }
    json!({"at": null, "by": null, "run": null})
}
