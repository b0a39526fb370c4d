//! IAM: access keys. The query protocol's operations, errors and limits, as the IAM API reference has them.

use std::time::Duration;

use chrono::{SecondsFormat, TimeZone, Utc};
use rand::RngExt;

use super::answer::AwsError;
use super::fault::Fault;
use super::form::Form;
use super::key::{LiveKey, random_key_id, random_secret};
use super::state::{Caller, LiveUser, State};
use super::world::{KeyStatus, Pair};
use super::{iam_user, sts, xml};

/// The XML namespace, and the version in every request.
pub(super) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
/// `AccessKeysPerUser`; Inactive keys count.
const KEYS_PER_USER: usize = 2;

/// What came of a request.
pub(super) struct Outcome {
    /// The inside of the result; `None` for an operation that has none.
    pub(super) result: Result<Option<String>, AwsError>,
    pub(super) delay: Duration,
    /// The answer must not leave.
    pub(super) lost: bool,
}

/// Answers one request, faults included.
pub(super) fn answer(state: &mut State, caller: &Caller, form: &Form, now: i64) -> Outcome {
    let action = form.get("Action").unwrap_or_default();
    let change = ["Create", "Update", "Delete"].iter().any(|verb| action.starts_with(verb));
    let delay = if state.strikes(Fault::Slow) { state.timing.slow } else { Duration::ZERO };
    let throttled =
        state.strikes(Fault::Throttle) || (action == "GetAccessKeyLastUsed" && state.strikes(Fault::ThrottledLastUsed));
    let refused = if throttled {
        Some(AwsError::new(400, "Throttling", "Rate exceeded"))
    } else if change && state.strikes(Fault::ServerError) {
        Some(AwsError::new(503, "ServiceUnavailable", "Service is unable to handle request."))
    } else {
        None
    };
    if let Some(error) = refused {
        return Outcome { result: Err(error), delay, lost: false };
    }
    let mut result = perform(state, caller, action, form, now);
    let losing = match action {
        "CreateAccessKey" => Some(Fault::LostCreate),
        "UpdateAccessKey" => Some(Fault::LostUpdate),
        "DeleteAccessKey" => Some(Fault::LostDelete),
        _ => None,
    };
    let lost = result.is_ok() && losing.is_some_and(|fault| state.strikes(fault));
    if result.is_ok() && change && state.strikes(Fault::ServerErrorAfter) {
        let message = "The request processing has failed because of an unknown error, exception or failure.";
        result = Err(AwsError::new(500, "InternalFailure", message));
    }
    Outcome { result, delay, lost }
}

fn perform(
    state: &mut State,
    caller: &Caller,
    action: &str,
    form: &Form,
    now: i64,
) -> Result<Option<String>, AwsError> {
    match action {
        "ListAccessKeys" => list_keys(state, caller, form, now).map(Some),
        "CreateAccessKey" => create_key(state, caller, form, now).map(Some),
        "UpdateAccessKey" => update_key(state, caller, form, now).map(|()| None),
        "DeleteAccessKey" => delete_key(state, caller, form, now).map(|()| None),
        "GetAccessKeyLastUsed" => last_used(state, caller, form, now).map(Some),
        "GetUser" => iam_user::get(state, caller, form).map(Some),
        "ListUsers" => iam_user::list(state, caller, form).map(Some),
        "CreateUser" => iam_user::create(state, caller, form, now).map(Some),
        "DeleteUser" => iam_user::delete(state, caller, form).map(|()| None),
        "SimulatePrincipalPolicy" => iam_user::simulate(state, caller, form).map(Some),
        other => Err(sts::invalid_action(Some(other))),
    }
}

/// A time as IAM writes it.
pub(super) fn time(ms: i64) -> String {
    // Out of chrono's range only if the virtual clock were moved by 260,000 years.
    Utc.timestamp_millis_opt(ms).single().unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn no_such_user(name: &str) -> AwsError {
    AwsError::new(404, "NoSuchEntity", format!("The user with name {name} cannot be found."))
}

fn no_such_key(id: &str) -> AwsError {
    AwsError::new(404, "NoSuchEntity", format!("The Access Key with id {id} cannot be found."))
}

pub(super) fn invalid(value: &str, field: &str, constraint: &str) -> AwsError {
    let message = format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must {constraint}"
    );
    AwsError::new(400, "ValidationError", message)
}

/// The user that a request names, else the caller itself. Names are 1 to 64 of `[\w+=,.@-]`.
pub(super) fn user_name<'a>(form: &'a Form, caller: &'a Caller) -> Result<&'a str, AwsError> {
    let Some(name) = form.get("UserName") else { return Ok(&caller.user) };
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        let constraint = "satisfy regular expression pattern: [\\w+=,.@-]+, with length between 1 and 64";
        return Err(invalid(name, "userName", constraint));
    }
    Ok(name)
}

/// Refuses unless the caller may do `action` to the user; then finds the user.
pub(super) fn permitted<'a>(
    state: &'a State,
    caller: &Caller,
    action: &str,
    name: &str,
) -> Result<&'a LiveUser, AwsError> {
    let arn = match state.user(name) {
        Some(user) => state.arn(user),
        None => format!("arn:aws:iam::{}:user/{name}", state.account),
    };
    state.allow(caller, action, &arn, &format!("user {name}"))?;
    state.user(name).ok_or_else(|| no_such_user(name))
}

/// A key id as IAM wants it: 16 to 128 of `\w`.
fn key_id(form: &Form) -> Result<&str, AwsError> {
    let id = form.get("AccessKeyId").unwrap_or_default();
    if id.len() < 16 || id.len() > 128 || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let constraint = "satisfy regular expression pattern: [\\w]+, with length between 16 and 128";
        return Err(invalid(id, "accessKeyId", constraint));
    }
    Ok(id)
}

/// One page of a list: what to skip, how many to give.
#[derive(Debug)]
pub(super) struct Page {
    from: usize,
    size: usize,
}

impl Page {
    pub(super) fn read(form: &Form) -> Result<Self, AwsError> {
        let size = match form.get("MaxItems") {
            None => 100,
            Some(text) => match text.parse() {
                Ok(size @ 1..=1000) => size,
                _ => return Err(invalid(text, "maxItems", "be between 1 and 1000")),
            },
        };
        let from = match form.get("Marker") {
            None => 0,
            // A marker is opaque to the client; ours is where to go on.
            Some(marker) => marker
                .strip_prefix("page-")
                .and_then(|from| from.parse().ok())
                .ok_or_else(|| AwsError::new(400, "ValidationError", format!("Invalid Marker: {marker}")))?,
        };
        Ok(Self { from, size })
    }

    /// The members of this page, and what the answer says of the rest.
    pub(super) fn cut(&self, name: &str, members: &[String]) -> String {
        let page: Vec<String> =
            members.iter().skip(self.from).take(self.size).map(|member| xml::element("member", member)).collect();
        let next = self.from.saturating_add(self.size);
        let more = next < members.len();
        let mut out = xml::element(name, &page.concat()) + &xml::text("IsTruncated", &more.to_string());
        if more {
            out += &xml::text("Marker", &format!("page-{next}"));
        }
        out
    }
}

fn list_keys(state: &mut State, caller: &Caller, form: &Form, now: i64) -> Result<String, AwsError> {
    let name = user_name(form, caller)?;
    permitted(state, caller, "iam:ListAccessKeys", name)?;
    let page = Page::read(form)?;
    let oldest = if state.has(Fault::StaleLists) { 30_000 } else { super::key::millis(state.spread.list) };
    // A client turning pages sees one state: only the first page may be old.
    let age = if form.get("Marker").is_some() { 0 } else { state.rng.random_range(0..=oldest) };
    let mut keys: Vec<&LiveKey> = state.keys.iter().filter(|key| key.user == name).collect();
    keys.sort_by_key(|key| key.created);
    let members: Vec<String> = keys
        .into_iter()
        .filter_map(|key| {
            let status = key.status_at(now - age)?;
            let fields = [
                xml::text("UserName", name),
                xml::text("AccessKeyId", &key.pair.access_key_id),
                xml::text("Status", status.name()),
                xml::text("CreateDate", &time(key.created)),
            ];
            Some(fields.concat())
        })
        .collect();
    let answer = xml::text("UserName", name) + &page.cut("AccessKeyMetadata", &members);
    if name == state.target && state.strikes(Fault::ForeignKey) {
        let name = name.to_owned();
        let made = make_key(state, &name, now);
        state.foreign.push(made.access_key_id);
    }
    Ok(answer)
}

/// Makes a key, whatever the quota says.
fn make_key(state: &mut State, user: &str, now: i64) -> Pair {
    let access_key_id = random_key_id(&mut state.rng);
    let pair = Pair { access_key_id, secret_access_key: random_secret(&mut state.rng) };
    let spreads = !state.strikes(Fault::NeverSpreads);
    let key = LiveKey::new(pair.clone(), user, now, &state.spread, spreads, &mut state.rng);
    state.keys.push(key);
    pair
}

fn create_key(state: &mut State, caller: &Caller, form: &Form, now: i64) -> Result<String, AwsError> {
    let name = user_name(form, caller)?;
    permitted(state, caller, "iam:CreateAccessKey", name)?;
    let there = state.keys.iter().filter(|key| key.user == name && key.status_now().is_some()).count();
    if there >= KEYS_PER_USER {
        let message = format!("Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER}");
        return Err(AwsError::new(409, "LimitExceeded", message));
    }
    let pair = make_key(state, name, now);
    let fields = [
        xml::text("UserName", name),
        xml::text("AccessKeyId", &pair.access_key_id),
        xml::text("Status", "Active"),
        xml::text("SecretAccessKey", pair.secret_access_key.expose()),
        xml::text("CreateDate", &time(now)),
    ];
    Ok(xml::element("AccessKey", &fields.concat()))
}

/// Index of the user's key of that id, if it is there.
fn find_key(state: &State, user: &str, id: &str) -> Result<usize, AwsError> {
    let is = |key: &LiveKey| key.pair.access_key_id == id && key.user == user && key.status_now().is_some();
    state.keys.iter().position(is).ok_or_else(|| no_such_key(id))
}

fn update_key(state: &mut State, caller: &Caller, form: &Form, now: i64) -> Result<(), AwsError> {
    let name = user_name(form, caller)?;
    let id = key_id(form)?;
    let status = match form.get("Status").unwrap_or_default() {
        "Active" => KeyStatus::Active,
        "Inactive" => KeyStatus::Inactive,
        other => return Err(invalid(other, "status", "satisfy enum value set: [Active, Inactive]")),
    };
    permitted(state, caller, "iam:UpdateAccessKey", name)?;
    let n = find_key(state, name, id)?;
    state.settle(now);
    state.keys[n].change(now, Some(status), &state.spread, &mut state.rng);
    if status == KeyStatus::Inactive && state.strikes(Fault::EarlyDelete) {
        state.keys[n].change(now, None, &state.spread, &mut state.rng);
    }
    Ok(())
}

fn delete_key(state: &mut State, caller: &Caller, form: &Form, now: i64) -> Result<(), AwsError> {
    let name = user_name(form, caller)?;
    let id = key_id(form)?;
    permitted(state, caller, "iam:DeleteAccessKey", name)?;
    let n = find_key(state, name, id)?;
    state.settle(now);
    state.keys[n].change(now, None, &state.spread, &mut state.rng);
    Ok(())
}

fn last_used(state: &mut State, caller: &Caller, form: &Form, now: i64) -> Result<String, AwsError> {
    let id = key_id(form)?;
    let key = state.keys.iter().find(|key| key.pair.access_key_id == id && key.status_now().is_some());
    let Some(owner) = key.map(|key| key.user.clone()) else {
        state.allow(caller, "iam:GetAccessKeyLastUsed", "*", &format!("access key {id}"))?;
        return Err(no_such_key(id));
    };
    permitted(state, caller, "iam:GetAccessKeyLastUsed", &owner)?;
    state.settle(now);
    let key = &state.keys[find_key(state, &owner, id)?];
    let fields = match key.last_used(now) {
        Some(used) => [
            xml::text("LastUsedDate", &time(used.at)),
            xml::text("ServiceName", &used.service),
            xml::text("Region", &used.region),
        ]
        .concat(),
        None => xml::text("ServiceName", "N/A") + &xml::text("Region", "N/A"),
    };
    Ok(xml::text("UserName", &owner) + &xml::element("AccessKeyLastUsed", &fields))
}
