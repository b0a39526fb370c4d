//! What the store knows across runs: since when a key is Inactive, and when a runbook was last drilled.

use serde_json::{Value, json};

use super::replay::Replayed;
use super::resume::book_of;
use super::session::Session;
use crate::action::Performer;
use crate::engine::call::{Call, Keep};
use crate::engine::effect::{Ended, Outcome};
use crate::engine::entry::{Body, EndStatus, EnvironmentKind, Stamp, Verdict};
use crate::store::RunSummary;
use crate::transcript::{Options, Replay, entries, verify};

/// True for a read that the store answers.
pub fn is_ours(call: &Call) -> bool {
    call.op.starts_with("store:")
}

/// Reads of the world and of the store, in the order in which they were asked for.
pub(super) async fn ask(
    performer: &Performer,
    session: &Session,
    account: &str,
    calls: &[Call],
    keep: &[Keep],
) -> Outcome {
    let (ours, theirs): (Vec<_>, Vec<_>) = calls.iter().cloned().partition(is_ours);
    if ours.is_empty() {
        return performer.read(&theirs, keep).await;
    }
    let outcome = if theirs.is_empty() {
        Outcome::answered(Value::Array(Vec::new()))
    } else {
        performer.read(&theirs, keep).await
    };
    if outcome.ended != Ended::Answered {
        return outcome;
    }
    let mut world = match outcome.reading.result.clone() {
        Some(Value::Array(list)) if theirs.len() != 1 => list,
        Some(one) => vec![one],
        None => Vec::new(),
    }
    .into_iter();
    let mut results = Vec::new();
    for call in calls {
        if is_ours(call) {
            let (session, account, call) = (session.clone(), account.to_owned(), call.clone());
            let found = tokio::task::spawn_blocking(move || read(&session, &account, &call)).await;
            results.push(found.ok().and_then(|found| found.reading.result).unwrap_or(Value::Null));
        } else {
            results.push(world.next().unwrap_or(Value::Null));
        }
    }
    let mut outcome = outcome;
    outcome.reading.result = Some(match (results.len(), results.pop()) {
        (1, Some(one)) => one,
        (_, Some(last)) => {
            results.push(last);
            Value::Array(results)
        }
        (_, None) => Value::Null,
    });
    outcome
}

/// Answers `store:key_history` and `store:drilled`.
pub fn read(session: &Session, account: &str, call: &Call) -> Outcome {
    Outcome::answered(match call.op.as_str() {
        "store:key_history" => key_history(session, account, call.params["AccessKeyId"].as_str().unwrap_or("")),
        "store:drilled" => drilled(session, &call.params),
        _ => Value::Null,
    })
}

/// A run counts only if it is sealed, in order and signed by people of the own roster: what anybody could have put into
/// the store is no reason to delete a key.
fn verified(session: &Session, summary: &RunSummary) -> bool {
    let (Ok(trusted), Ok(book)) = (session.roster.signers(), book_of(&summary.path)) else { return false };
    let mut replayed = Replayed::new(book);
    let registered = session.store.registered(&summary.run).ok().flatten();
    let replay = Some(&mut replayed as &mut dyn Replay);
    let options = Options { allowed_signers: Some(&trusted), replay, registered };
    verify(&summary.path, options).is_ok_and(|report| report.exit == 0)
}

/// Only sealed runs of this account count: of an open one nobody knows how it ends. Every sandbox is a world of its own,
/// so what happened to a key of the same name in another one says nothing.
fn key_history(session: &Session, account: &str, key: &str) -> Value {
    for summary in session.store.runs().unwrap_or_default() {
        if summary.environment_kind == Some(EnvironmentKind::Sandbox) {
            continue;
        }
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
        if let (true, Some(status), Some(at)) = (same, status, inactive)
            && verified(session, &summary)
        {
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

fn drilled(session: &Session, wanted: &Value) -> Value {
    for summary in session.store.runs().unwrap_or_default() {
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
        if same && completed && verified(session, &summary) {
            return json!({"at": wall, "by": by, "run": summary.run});
        }
    }
    json!({"at": null, "by": null, "run": null})
}
