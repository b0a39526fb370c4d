//! `iam.preflight`: everything that can be known before the first change, in one look. Reads only.
//!
//! Only who the caller is decides whether there is an answer at all; each other part is null where it could not be
//! read, and null is judged as unknown, never as "may" or "none".

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::sts::{principal_of, user_of};
use super::{Params, perform};
use crate::action::performer::Performer;
use crate::action::raw::{Raw, Taint};
use crate::engine::call::Call;

/// IAM's quota of access keys per user; Inactive ones count (IAM User Guide, "IAM and AWS STS quotas").
const KEY_LIMIT: u64 = 2;

pub(in crate::action) async fn preflight(performer: &Performer, call: &Call) -> Raw {
    let world = performer.world();
    let params = Params(&call.params);
    let Ok(user) = params.text("user") else {
        return Raw::not_sent("BadParameter", "the parameter user is missing");
    };
    let native = |service: &str, op: &str, params: Value| Call {
        call: call.call,
        op: op.to_owned(),
        endpoint: world.aws.as_ref().and_then(|aws| aws.endpoint(service)).unwrap_or_default().to_owned(),
        params,
    };
    let before = world.clock.now();
    let mut caller = perform(world, &native("sts", "sts:GetCallerIdentity", json!({}))).await;
    if !caller.ok() {
        return caller;
    }
    let after = world.clock.now();
    let arn = caller.result["arn"].as_str().unwrap_or_default().to_owned();
    // A Date header has whole seconds, so half a round trip more or less is within it.
    let skew = caller.date.as_deref().and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| {
        let here = (before.millis() + after.millis()) / 2;
        (date.timestamp_millis() - here) / 1000
    });
    let mut notes: Vec<String> = Vec::new();

    let target = perform(world, &native("iam", "iam:GetUser", json!({"UserName": user}))).await;
    let target_arn = match target.result["arn"].as_str() {
        Some(arn) if target.ok() => arn.to_owned(),
        _ => {
            notes.push(unread("iam:GetUser", &target));
            let account = caller.result["account"].as_str().unwrap_or_default();
            let partition = arn.split(':').nth(1).unwrap_or("aws");
            format!("arn:{partition}:iam::{account}:user/{user}")
        }
    };
    let actions = params.texts("actions");
    let denied = match principal_of(&arn) {
        _ if actions.is_empty() => json!([]),
        None => {
            notes.push("iam:SimulatePrincipalPolicy: AWS simulates users and roles only, not this caller".to_owned());
            Value::Null
        }
        Some(principal) => {
            let ask = json!({"PolicySourceArn": principal, "ActionNames": actions, "ResourceArns": [target_arn]});
            let raw = perform(world, &native("iam", "iam:SimulatePrincipalPolicy", ask)).await;
            if raw.ok() {
                raw.result["denied"].clone()
            } else {
                notes.push(unread("iam:SimulatePrincipalPolicy", &raw));
                Value::Null
            }
        }
    };
    let listed = perform(world, &native("iam", "iam:ListAccessKeys", json!({"UserName": user}))).await;
    let (keys, quota) = if listed.ok() {
        let used = listed.result["keys"].as_array().map_or(0, Vec::len);
        let keys = json!({"active": listed.result["active"], "inactive": listed.result["inactive"]});
        (keys, json!({"used": used, "limit": KEY_LIMIT}))
    } else {
        notes.push(unread("iam:ListAccessKeys", &listed));
        (Value::Null, Value::Null)
    };
    let mut holders = Vec::new();
    for holder in call.params["holders"].as_array().into_iter().flatten() {
        let name = holder["name"].as_str().unwrap_or_default();
        let (reachable, why) = reachable(performer, &holder["calls"]).await;
        let mut row = Map::new();
        row.insert("name".into(), json!(name));
        row.insert("reachable".into(), reachable);
        if let Some(why) = why {
            row.insert("why".into(), json!(why));
        }
        holders.push(Value::Object(row));
    }
    let mut result = json!({
        "caller": {
            "arn": arn,
            "account": caller.result["account"],
            "user": caller.result["user"],
            "is_target": user_of(&arn) == Some(user),
        },
        "denied": denied,
        "keys": keys,
        "quota": quota,
        "clock_skew_seconds": skew,
        "holders": holders,
    });
    if !notes.is_empty() {
        result["notes"] = json!(notes);
    }
    let mut raw = Raw::answered(result, Taint::Clear);
    raw.request_id = caller.request_id.take();
    raw.date = caller.date.take();
    raw
}

/// What could not be read, and why.
fn unread(what: &str, raw: &Raw) -> String {
    let error = &raw.result["error"];
    let text = |part: &str| error[part].as_str().unwrap_or_default();
    format!("{what}: {} {}", text("code"), text("message")).trim().to_owned()
}

/// True if every read of a holder was answered; null if there is nothing to ask, or no answer. Only the code of an error
/// is passed on: a store's own words may hold what it stores.
async fn reachable(performer: &Performer, calls: &Value) -> (Value, Option<String>) {
    let calls: Vec<Call> = match serde_json::from_value(calls.clone()) {
        Ok(calls) => calls,
        Err(_) => return (Value::Null, Some("its calls can't be read".into())),
    };
    if calls.is_empty() {
        return (Value::Null, Some("it has nothing to read".into()));
    }
    for call in &calls {
        let raw = performer.plain(call, true).await;
        let code = || raw.result["error"]["code"].as_str().map(str::to_owned);
        if !raw.ok() {
            return (json!(false), code());
        }
        if let Some(exit) = raw.result.get("exit").and_then(Value::as_i64)
            && exit != 0
        {
            return (json!(false), Some(format!("exit {exit}")));
        }
    }
    (json!(true), None)
}
