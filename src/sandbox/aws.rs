//! Requests to AWS: which service, who signed, is the key in force, is it in time. What the services do is theirs.

use chrono::{TimeZone, Utc};

use super::answer::{Answer, AwsError};
use super::form::Form;
use super::server::Shared;
use super::sigv4::{Claim, NoClaim, Signed};
use super::state::{Caller, State};
use super::{cloudtrail, iam, s3, sts, xml};
use crate::runtime::clock::Clock;

/// AWS takes requests that are this old or this early, in milliseconds.
const SKEW_ALLOWED: i64 = 15 * 60 * 1000;

/// Answers a request to AWS: who signed it says which service it is for.
pub(super) fn answer(shared: &Shared, path: &str, query: &str, signed: Signed<'_>) -> Answer {
    let now = shared.now();
    let mut state = shared.state();
    let request_id = state.request_id();
    let claim = Claim::read(signed.headers);
    // Without a readable claim the shape of the request has to do: the query protocol posts to the root.
    let service = match &claim {
        Ok(claim) => claim.service.clone(),
        Err(_) if signed.method == "POST" && path == "/" => "iam".into(),
        Err(_) => "s3".into(),
    };
    if service == "s3" {
        let answer = s3_answer(&mut state, claim, path, query, signed, now);
        let answer = answer.unwrap_or_else(|error| error.s3_xml(path, &request_id));
        let mut answer = answer.header("x-amz-request-id", request_id).header("x-amz-id-2", "keyward-sandbox");
        if signed.method == "HEAD" {
            answer.body.clear();
        }
        return answer;
    }
    let caller = authenticated(&mut state, claim, &service, signed, now);
    let answer = if service == "cloudtrail" {
        let form = serde_json::from_slice(signed.body).unwrap_or_default();
        let operation = super::sigv4::header(signed.headers, "x-amz-target");
        let found = caller.and_then(|(caller, _)| cloudtrail::answer(&state, &caller, operation, &form, now));
        found.map_or_else(|error| cloudtrail::refused(&error), |found| cloudtrail::json(200, &found))
    } else {
        let namespace = if service == "sts" { sts::NAMESPACE } else { iam::NAMESPACE };
        match caller {
            Err(error) => error.query_xml(namespace, &request_id),
            Ok((caller, claim)) => query_answer(&mut state, &caller, &claim, namespace, &request_id, signed, now),
        }
    };
    answer.header("x-amzn-requestid", request_id)
}

/// Whose signature it is: a key in force, a request in time and unchanged.
fn authenticated(
    state: &mut State,
    claim: Result<Claim, NoClaim>,
    service: &str,
    signed: Signed<'_>,
    now: i64,
) -> Result<(Caller, Claim), AwsError> {
    let claim = claim.map_err(|flaw| match flaw {
        NoClaim::Unsigned => {
            AwsError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        }
        NoClaim::Malformed(what) => AwsError::new(400, "IncompleteSignature", what),
    })?;
    let unknown =
        || AwsError::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    if signed.headers.contains_key("x-amz-security-token") {
        return Err(unknown());
    }
    let key = state.usable_key(&claim.access_key_id, now).ok_or_else(unknown)?;
    if let Some((off, aws_time)) = out_of_time(state, &claim, now) {
        let stamp = |ms: i64| Utc.timestamp_millis_opt(ms).single().unwrap_or_default().format("%Y%m%dT%H%M%SZ");
        let (aws, sent) = (stamp(aws_time), &claim.amz_date);
        let message = if off < 0 {
            format!(
                "Signature expired: {sent} is now earlier than {} ({aws} - 15 min.)",
                stamp(aws_time - SKEW_ALLOWED)
            )
        } else {
            let limit = stamp(aws_time + SKEW_ALLOWED);
            format!("Signature not yet current: {sent} is still later than {limit} ({aws} + 15 min.)")
        };
        return Err(AwsError::new(403, "SignatureDoesNotMatch", message));
    }
    if !claim.made_with(signed, &key.pair) {
        return Err(mismatch());
    }
    let caller = state.caller(&claim.access_key_id).ok_or_else(unknown)?;
    state.note_use(&claim.access_key_id, now, service, &claim.region);
    Ok((caller, claim))
}

fn query_answer(
    state: &mut State,
    caller: &Caller,
    claim: &Claim,
    namespace: &str,
    request_id: &str,
    signed: Signed<'_>,
    now: i64,
) -> Answer {
    let form = Form::parse(&String::from_utf8_lossy(signed.body));
    let action = form.get("Action").unwrap_or_default();
    let outcome = match claim.service.as_str() {
        "iam" => iam::answer(state, caller, &form, now),
        "sts" => iam::Outcome {
            result: sts::answer(state, caller, &form).map(Some),
            delay: std::time::Duration::ZERO,
            lost: false,
        },
        other => {
            let message = format!("The sandbox has no service {other}.");
            return AwsError::new(400, "InvalidAction", message).query_xml(namespace, request_id);
        }
    };
    cloudtrail::note(state, caller, claim, &form, &outcome, request_id, signed, now);
    let mut answer = match outcome.result {
        Err(error) => error.query_xml(namespace, request_id),
        Ok(inner) => {
            let result = inner.map(|inner| xml::element(&format!("{action}Result"), &inner)).unwrap_or_default();
            let metadata = xml::element("ResponseMetadata", &xml::text("RequestId", request_id));
            let name = format!("{action}Response");
            Answer::xml(200, format!("<{name} xmlns=\"{namespace}\">{result}{metadata}</{name}>"))
        }
    };
    answer.delay = outcome.delay;
    answer.lost = outcome.lost;
    answer
}

fn mismatch() -> AwsError {
    AwsError::new(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    )
}

/// If a request is too old (negative) or too early: by how much, and AWS's time.
///
/// Clients sign with the machine's time, but the newer SDKs correct it by the Date header of the answer before, which
/// shows the run's clock as it was then. So every time between the machine's and the run's is taken.
fn out_of_time(state: &State, claim: &Claim, now: i64) -> Option<(i64, i64)> {
    let sent = claim.time.timestamp_millis();
    let wall = Clock::wall().millis() + state.skew();
    let run = now.max(Clock::wall().millis()) + state.skew();
    if sent < wall - SKEW_ALLOWED {
        Some((sent - wall, wall))
    } else if sent > run + SKEW_ALLOWED {
        Some((sent - run, run))
    } else {
        None
    }
}

fn s3_answer(
    state: &mut State,
    claim: Result<Claim, NoClaim>,
    path: &str,
    query: &str,
    signed: Signed<'_>,
    now: i64,
) -> Result<Answer, AwsError> {
    let claim = claim.map_err(|flaw| match flaw {
        NoClaim::Unsigned => AwsError::new(403, "AccessDenied", "Access Denied"),
        NoClaim::Malformed(what) => AwsError::new(400, "AuthorizationHeaderMalformed", what),
    })?;
    let unknown = || {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        AwsError::new(403, "InvalidAccessKeyId", message).more("AWSAccessKeyId", &claim.access_key_id)
    };
    if signed.headers.contains_key("x-amz-security-token") {
        return Err(AwsError::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid."));
    }
    let key = state.usable_key(&claim.access_key_id, now).ok_or_else(unknown)?;
    let policy_from = key.policy_from;
    let right_clock = signed.headers.contains_key(super::stand_in::dry_run::RIGHT_CLOCK);
    if let Some((_, aws_time)) = out_of_time(state, &claim, now).filter(|_| !right_clock) {
        let message = "The difference between the request time and the current time is too large.";
        return Err(AwsError::new(403, "RequestTimeTooSkewed", message)
            .more("RequestTime", &claim.amz_date)
            .more("ServerTime", iam::time(aws_time))
            .more("MaxAllowedSkewMilliseconds", SKEW_ALLOWED.to_string()));
    }
    if !claim.made_with(signed, &key.pair) {
        let message = "The request signature we calculated does not match the signature you provided. Check your key \
                       and signing method.";
        return Err(AwsError::new(403, "SignatureDoesNotMatch", message).more("AWSAccessKeyId", &claim.access_key_id));
    }
    let caller = state.caller(&claim.access_key_id).ok_or_else(unknown)?;
    state.note_use(&claim.access_key_id, now, "s3", &claim.region);
    if now < policy_from {
        return Err(AwsError::new(403, "AccessDenied", "Access Denied"));
    }
    let query = Form::parse(query);
    let request =
        s3::S3Request { method: signed.method, path, query: &query, headers: signed.headers, body: signed.body };
    s3::answer(state, &caller, request, now)
}
