//! CloudTrail's event history: who made which call, told minutes later. It is how a created key whose answer was lost
//! is known again: by the client's own words in the user agent.
//!
//! Calls to IAM and STS only, refused ones included. LookupEvents has its limits (one attribute, 50 a page); the rate of
//! two a second is not enforced.

use chrono::{SecondsFormat, TimeZone, Utc};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, AwsError};
use super::form::Form;
use super::iam::Outcome;
use super::key::between;
use super::sigv4::{Claim, Signed, header};
use super::state::{Caller, State};

/// The history of a drill is short; older events are dropped.
const KEPT: usize = 2000;

/// An event.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Event {
    id: String,
    at: i64,
    told: i64,
    name: String,
    source: String,
    user: String,
    arn: String,
    access_key_id: String,
    request_id: String,
    user_agent: String,
    region: String,
    read_only: bool,
    error: Option<(String, String)>,
    /// What it was about: an IAM user, an access key.
    resources: Vec<(String, String)>,
}

/// Notes a call that was answered, whether or not the answer arrives.
#[allow(clippy::too_many_arguments)] // Each is a fact of the event.
pub(super) fn note(
    state: &mut State,
    caller: &Caller,
    claim: &Claim,
    form: &Form,
    outcome: &Outcome,
    request_id: &str,
    signed: Signed<'_>,
    now: i64,
) {
    let name = form.get("Action").unwrap_or_default().to_owned();
    let user = form.get("UserName").map(|user| ("AWS::IAM::User".to_owned(), user.to_owned()));
    let made = match &outcome.result {
        Ok(Some(inner)) if name == "CreateAccessKey" => {
            inner.split_once("<AccessKeyId>").and_then(|(_, rest)| Some(rest.split_once('<')?.0.to_owned()))
        }
        _ => form.get("AccessKeyId").map(str::to_owned),
    };
    let key = made.map(|id| ("AWS::IAM::AccessKey".to_owned(), id));
    let event = Event {
        id: hex::encode(state.rng.random::<[u8; 16]>()),
        at: now,
        told: now + between(&mut state.rng, state.spread.trail),
        read_only: ["Get", "List", "Simulate"].iter().any(|verb| name.starts_with(verb)),
        name,
        source: format!("{}.amazonaws.com", claim.service),
        user: caller.user.clone(),
        arn: caller.arn.clone(),
        access_key_id: claim.access_key_id.clone(),
        request_id: request_id.to_owned(),
        user_agent: header(signed.headers, "user-agent").to_owned(),
        region: claim.region.clone(),
        error: outcome.result.as_ref().err().map(|error| (error.code.to_owned(), error.message.clone())),
        resources: user.into_iter().chain(key).collect(),
    };
    state.trail.push(event);
    let over = state.trail.len().saturating_sub(KEPT);
    state.trail.drain(..over);
}

/// A JSON answer in AWS's own type.
pub(super) fn json(status: u16, body: &Value) -> Answer {
    let mut answer = Answer::json(status, body);
    answer.headers = vec![("content-type", "application/x-amz-json-1.1".into())];
    answer
}

/// An error as the JSON services write it: they have names of their own for the common ones.
pub(super) fn refused(error: &AwsError) -> Answer {
    let code = match error.code {
        "InvalidClientTokenId" => "UnrecognizedClientException",
        "SignatureDoesNotMatch" => "InvalidSignatureException",
        "MissingAuthenticationToken" => "MissingAuthenticationTokenException",
        "IncompleteSignature" => "IncompleteSignatureException",
        "AccessDenied" => "AccessDeniedException",
        other => other,
    };
    json(400, &json!({"__type": code, "message": error.message}))
}

/// Answers one request.
pub(super) fn answer(
    state: &State,
    caller: &Caller,
    operation: &str,
    body: &Value,
    now: i64,
) -> Result<Value, AwsError> {
    let refuse = |code, message: &str| Err(AwsError::new(400, code, message));
    if operation.rsplit('.').next() != Some("LookupEvents") {
        return refuse("UnknownOperationException", "The sandbox knows LookupEvents only.");
    }
    let all = format!("arn:aws:cloudtrail:us-east-1:{}:*", state.account);
    state.allow(caller, "cloudtrail:LookupEvents", &all, "*")?;
    let attributes = body["LookupAttributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if attributes.len() > 1 {
        return refuse("InvalidLookupAttributesException", "You can use only one lookup attribute.");
    }
    let max = match &body["MaxResults"] {
        Value::Null => 50,
        number => match number.as_u64().and_then(|max| usize::try_from(max).ok()) {
            Some(max @ 1..=50) => max,
            _ => return refuse("InvalidMaxResultsException", "MaxResults must be between 1 and 50."),
        },
    };
    let from = match body["NextToken"].as_str() {
        None => 0,
        Some(token) => match token.strip_prefix("page-").and_then(|from| from.parse::<usize>().ok()) {
            Some(from) => from,
            None => return refuse("InvalidNextTokenException", "The token is not valid."),
        },
    };
    // Whole seconds; a fraction would only matter to who asks for one.
    let seconds = |name: &str| body[name].as_f64().map(|seconds| (seconds * 1000.0) as i64);
    let (start, end) = (seconds("StartTime").unwrap_or(i64::MIN), seconds("EndTime").unwrap_or(i64::MAX));
    if start > end {
        return refuse("InvalidTimeRangeException", "StartTime is after EndTime.");
    }
    let wanted: Option<(&str, &str)> =
        attributes.first().and_then(|one| Some((one["AttributeKey"].as_str()?, one["AttributeValue"].as_str()?)));
    let found: Vec<&Event> = (state.trail.iter().rev())
        .filter(|event| event.told <= now && (start..=end).contains(&event.at))
        .filter(|event| wanted.is_none_or(|(key, value)| event.has(key, value)))
        .collect();
    let page: Vec<Value> = found.iter().skip(from).take(max).map(|event| event.json(&state.account)).collect();
    let next = from.saturating_add(max);
    let mut answer = json!({"Events": page});
    if next < found.len() {
        answer["NextToken"] = json!(format!("page-{next}"));
    }
    Ok(answer)
}

impl Event {
    fn has(&self, key: &str, value: &str) -> bool {
        match key {
            "EventId" => self.id == value,
            "EventName" => self.name == value,
            "EventSource" => self.source == value,
            "Username" => self.user == value,
            "AccessKeyId" => self.access_key_id == value,
            "ReadOnly" => self.read_only.to_string() == value,
            "ResourceName" => self.resources.iter().any(|(_, name)| name == value),
            "ResourceType" => self.resources.iter().any(|(kind, _)| kind == value),
            _ => false,
        }
    }

    fn json(&self, account: &str) -> Value {
        let time = Utc.timestamp_millis_opt(self.at).single().unwrap_or_default();
        let resource = |kind: &str| self.resources.iter().find(|(of, _)| of == kind).map(|(_, name)| name.as_str());
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "arn": self.arn, "accountId": account, "userName": self.user,
                             "accessKeyId": self.access_key_id},
            "eventTime": time.to_rfc3339_opts(SecondsFormat::Secs, true),
            "eventSource": self.source,
            "eventName": self.name,
            "awsRegion": self.region,
            "sourceIPAddress": "127.0.0.1",
            "userAgent": self.user_agent,
            "requestParameters": {"userName": resource("AWS::IAM::User"), "accessKeyId": resource("AWS::IAM::AccessKey")},
            "requestID": self.request_id,
            "eventID": self.id,
            "readOnly": self.read_only,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": account,
        });
        if let Some((code, message)) = &self.error {
            record["errorCode"] = json!(code);
            record["errorMessage"] = json!(message);
        } else if self.name == "CreateAccessKey" {
            let key = json!({"accessKeyId": resource("AWS::IAM::AccessKey"), "userName": resource("AWS::IAM::User"), "status": "Active"});
            record["responseElements"] = json!({"accessKey": key});
        }
        json!({
            "EventId": self.id,
            "EventName": self.name,
            "EventSource": self.source,
            "EventTime": time.timestamp(),
            "ReadOnly": self.read_only.to_string(),
            "AccessKeyId": self.access_key_id,
            "Username": self.user,
            "Resources": self.resources.iter().map(|(kind, name)| json!({"ResourceType": kind, "ResourceName": name})).collect::<Vec<_>>(),
            "CloudTrailEvent": record.to_string(),
        })
    }
}
