//! IAM: users, their access keys, and what a principal may do.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{PolicyEvaluationDecisionType, StatusType, User};
use serde_json::{Value, json};

use super::trace::Failed;
use super::{Ask, Params, send, time};

/// A list of lists is asked for page by page; a server that never ends, or goes in circles, is not followed for ever.
const PAGES: usize = 1000;

fn next_marker(truncated: bool, marker: Option<&str>, before: Option<&str>) -> Result<Option<String>, Failed> {
    match (truncated, marker) {
        (false, _) => Ok(None),
        (true, Some(marker)) if Some(marker) != before => Ok(Some(marker.to_owned())),
        // Half a list is no list: an expectation like "lacks" would pass on it.
        (true, _) => Err(Failed::unreadable("the way to its next page")),
    }
}

pub(super) async fn list_access_keys(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    let user = params.text("UserName")?;
    let mut keys: Vec<(String, String, Value)> = Vec::new();
    let mut marker: Option<String> = None;
    for _ in 0..PAGES {
        let operation = ask.aws.iam.list_access_keys().user_name(user).set_marker(marker.clone());
        let page = send!(aws_sdk_iam, ask, operation)?;
        for key in page.access_key_metadata() {
            let (Some(id), Some(status)) = (key.access_key_id(), key.status()) else {
                return Err(Failed::unreadable("a key's id or status"));
            };
            let created = time(key.create_date());
            let order = created.as_str().unwrap_or_default().to_owned();
            keys.push((order, id.to_owned(), json!({"id": id, "status": status.as_str(), "created": created})));
        }
        marker = next_marker(page.is_truncated(), page.marker(), marker.as_deref())?;
        if marker.is_none() {
            keys.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
            let all: Vec<Value> = keys.into_iter().map(|(_, _, key)| key).collect();
            let of = |status: &str| -> Vec<&Value> { all.iter().filter(|key| key["status"] == status).collect() };
            return Ok(json!({"keys": all, "active": of("Active"), "inactive": of("Inactive")}));
        }
    }
    Err(Failed::unreadable("an end of its pages"))
}

pub(super) async fn get_access_key_last_used(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    let operation = ask.aws.iam.get_access_key_last_used().access_key_id(params.text("AccessKeyId")?);
    let out = send!(aws_sdk_iam, ask, operation)?;
    // "Never" is AWS's word only where the element is there and has no date.
    let last = out.access_key_last_used().ok_or_else(|| Failed::unreadable("AccessKeyLastUsed"))?;
    let used = match last.last_used_date() {
        None => json!("never"),
        Some(at) => match time(Some(at)) {
            Value::Null => return Err(Failed::unreadable("a readable date")),
            text => text,
        },
    };
    let known = |text: &str| (!text.is_empty() && text != "N/A").then(|| text.to_owned());
    let (service, region) = (known(last.service_name()), known(last.region()));
    Ok(json!({"used": used, "service": service, "region": region, "user": out.user_name()}))
}

pub(super) async fn create_access_key(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    let out = send!(aws_sdk_iam, ask, ask.aws.iam.create_access_key().user_name(params.text("UserName")?))?;
    let key = out.access_key().ok_or_else(|| Failed::unreadable("the key"))?;
    if key.access_key_id().is_empty() || key.secret_access_key().is_empty() {
        return Err(Failed::unreadable("the key's id or secret"));
    }
    Ok(json!({
        "id": key.access_key_id(),
        "status": key.status().as_str(),
        "created": time(key.create_date()),
        "secret": key.secret_access_key(),
    }))
}

pub(super) async fn update_access_key(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    let status = match params.text("Status")? {
        "Active" => StatusType::Active,
        "Inactive" => StatusType::Inactive,
        other => {
            let message = format!("a key's status is Active or Inactive, not {other:?}");
            return Err(Failed::not_sent("BadParameter", &message));
        }
    };
    let operation = ask
        .aws
        .iam
        .update_access_key()
        .user_name(params.text("UserName")?)
        .access_key_id(params.text("AccessKeyId")?)
        .status(status);
    send!(aws_sdk_iam, ask, operation)?;
    Ok(json!({}))
}

pub(super) async fn delete_access_key(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    let operation =
        ask.aws.iam.delete_access_key().user_name(params.text("UserName")?).access_key_id(params.text("AccessKeyId")?);
    send!(aws_sdk_iam, ask, operation)?;
    Ok(json!({}))
}

fn user_value(user: &User) -> Value {
    json!({"user": user.user_name(), "arn": user.arn(), "id": user.user_id(), "created": time(Some(user.create_date()))})
}

pub(super) async fn get_user(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    let out = send!(aws_sdk_iam, ask, ask.aws.iam.get_user().user_name(params.text("UserName")?))?;
    out.user().map(user_value).ok_or_else(|| Failed::unreadable("the user"))
}

pub(super) async fn list_users(ask: &Ask<'_>) -> Result<Value, Failed> {
    let mut users: Vec<Value> = Vec::new();
    let mut marker: Option<String> = None;
    for _ in 0..PAGES {
        let page = send!(aws_sdk_iam, ask, ask.aws.iam.list_users().set_marker(marker.clone()))?;
        users.extend(page.users().iter().map(user_value));
        marker = next_marker(page.is_truncated(), page.marker(), marker.as_deref())?;
        if marker.is_none() {
            let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
            users.sort_by_cached_key(|user| (text(user, "created"), text(user, "id")));
            return Ok(json!({"users": users}));
        }
    }
    Err(Failed::unreadable("an end of its pages"))
}

pub(super) async fn create_user(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    let out = send!(aws_sdk_iam, ask, ask.aws.iam.create_user().user_name(params.text("UserName")?))?;
    out.user().map(user_value).ok_or_else(|| Failed::unreadable("the user"))
}

pub(super) async fn delete_user(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    send!(aws_sdk_iam, ask, ask.aws.iam.delete_user().user_name(params.text("UserName")?))?;
    Ok(json!({}))
}

/// An action is allowed if it is for every resource asked about; every other decision, and no decision, is denied.
pub(super) async fn simulate(ask: &Ask<'_>, params: &Params<'_>) -> Result<Value, Failed> {
    let actions = params.texts("ActionNames");
    if actions.is_empty() {
        return Err(Failed::not_sent("BadParameter", "the parameter ActionNames is missing or empty"));
    }
    let resources = params.texts("ResourceArns");
    let mut may: BTreeMap<String, bool> = BTreeMap::new();
    let mut marker: Option<String> = None;
    for _ in 0..PAGES {
        let operation = ask
            .aws
            .iam
            .simulate_principal_policy()
            .policy_source_arn(params.text("PolicySourceArn")?)
            .set_action_names(Some(actions.clone()))
            .set_resource_arns((!resources.is_empty()).then(|| resources.clone()))
            .set_marker(marker.clone());
        let page = send!(aws_sdk_iam, ask, operation)?;
        for result in page.evaluation_results() {
            let allowed = *result.eval_decision() == PolicyEvaluationDecisionType::Allowed;
            let entry = may.entry(result.eval_action_name().to_ascii_lowercase()).or_insert(true);
            *entry = *entry && allowed;
        }
        marker = next_marker(page.is_truncated(), page.marker(), marker.as_deref())?;
        if marker.is_none() {
            let (allowed, denied): (Vec<String>, Vec<String>) =
                actions.into_iter().partition(|action| may.get(&action.to_ascii_lowercase()) == Some(&true));
            return Ok(json!({"allowed": allowed, "denied": denied}));
        }
    }
    Err(Failed::unreadable("an end of its pages"))
}
