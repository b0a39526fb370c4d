//! The sandbox itself: one server on loopback for AWS and for every stand-in.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Extract};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use chrono::{TimeZone, Utc};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::answer::{Answer, AwsError};
use super::fault::{Fault, Times};
use super::form::Form;
use super::sigv4::{Claim, NoClaim, Signed};
use super::snapshot::{self, ConsumerView, Snapshot};
use super::state::State;
use super::wire::{Cut, Wires};
use super::world::{Pair, World};
use super::{control, github, heroku, iam, infisical, key, s3, stand_in, sts, xml};
use crate::diagnostic::Diagnostic;
use crate::runtime::clock::Clock;
use crate::secret::Secret;

/// No request of a drill is larger.
const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// AWS takes requests that are this old or this early, in milliseconds.
const SKEW_ALLOWED: i64 = 15 * 60 * 1000;

/// What every request needs.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) clock: Clock,
    pub(super) token: Secret,
    pub(super) url: String,
}

impl Shared {
    /// The world. A panic of another request can't leave it locked.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run's clock, in milliseconds.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().millis()
    }

    /// True if the request carries the sandbox's token (`Bearer` or `token`, as GitHub also takes it).
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        let text = super::sigv4::header(headers, "authorization");
        let token = ["Bearer ", "bearer ", "token "].iter().find_map(|kind| text.strip_prefix(kind));
        token.is_some_and(|token| token.trim() == self.token.expose())
    }
}

/// An outside system's stand-in, for the environment's `systems`.
#[derive(Clone, Debug)]
pub struct System {
    /// Its base URL, without a slash at the end.
    pub url: String,
    /// Its bearer token.
    pub token: Secret,
}

/// A running sandbox. Dropping it shuts it down.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    operator: Pair,
    stop: Option<oneshot::Sender<()>>,
}

impl Sandbox {
    /// Starts serving on a free port of 127.0.0.1. Ids, secrets and waits come from `seed`; times from `clock`.
    ///
    /// # Errors
    /// No socket can be had on loopback.
    pub async fn start(world: World, clock: Clock, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let operator = world.operator.clone();
        let mut state = State::new(world, clock.now().millis(), seed);
        let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let token = Secret::new(format!("drill-{}", key::random_text(&mut state.rng, alphabet, 32)));
        let shared = Arc::new(Shared { state: Mutex::new(state), clock, token, url });
        let app = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel::<()>();
        let service = app.into_make_service_with_connect_info::<Cut>();
        let serving = axum::serve(Wires(listener), service).with_graceful_shutdown(async move {
            // Sent or dropped: either way the sandbox is gone.
            let _ = stopped.await;
        });
        tokio::spawn(async move { serving.await });
        Ok(Self { shared, operator, stop: Some(stop) })
    }

    /// Where AWS is: the endpoint of every service. `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The operator's own pair.
    pub fn operator(&self) -> &Pair {
        &self.operator
    }

    /// The token that every stand-in takes.
    pub fn token(&self) -> &Secret {
        &self.shared.token
    }

    /// The outside systems by name: `infisical`, `heroku`, `github`.
    pub fn systems(&self) -> BTreeMap<String, System> {
        let system = |name: &str| {
            let url = format!("{}/-/{name}", self.shared.url);
            (name.to_owned(), System { url, token: self.shared.token.clone() })
        };
        ["infisical", "heroku", "github"].into_iter().map(system).collect()
    }

    /// What a child that is a stand-in needs in its environment, beside a PATH that begins with the folder given to
    /// [`Sandbox::install_stand_ins`].
    pub fn child_environment(&self) -> Vec<(&'static str, Secret)> {
        vec![
            (stand_in::ENV_URL, Secret::new(self.shared.url.clone())),
            (stand_in::ENV_TOKEN, self.shared.token.clone()),
        ]
    }

    /// Puts the stand-ins into `dir` (made if it is not there): `ssh`, `heroku`, `gh`, each a link to `exe`, and below
    /// `dir/hosts` one folder for each host that holds a pair, with its files.
    ///
    /// # Errors
    /// A folder, file or link can't be made.
    pub fn install_stand_ins(&self, dir: &Path, exe: &Path) -> io::Result<()> {
        stand_in::install(&mut self.shared.state(), dir, exe)
    }

    /// Turns a fault on, for as many times as it strikes by itself.
    ///
    /// # Errors
    /// What a drill can only start with ([`World::with_fault`]).
    pub fn inject(&self, fault: Fault) -> Result<(), Diagnostic> {
        self.inject_times(fault, fault.times())
    }

    /// Turns a fault on for so many times.
    ///
    /// # Errors
    /// As [`Sandbox::inject`].
    pub fn inject_times(&self, fault: Fault, times: Times) -> Result<(), Diagnostic> {
        if fault.at_start() {
            return Err(Diagnostic::new(format!("{fault} is a state of the world that a drill starts with"))
                .hint("start the drill with it"));
        }
        self.shared.state().inject(fault, times);
        Ok(())
    }

    /// Turns a fault off.
    pub fn clear(&self, fault: Fault) {
        self.shared.state().clear(fault);
    }

    /// Every holder: which key it holds now, and whether its processes would be let in by S3 with it. Asking is no use
    /// of the key.
    pub fn consumers(&self) -> Vec<ConsumerView> {
        let now = self.shared.now();
        snapshot::consumers(&mut self.shared.state(), now)
    }

    /// Users' keys and holders, as they are in truth.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.shared.now();
        snapshot::take(&mut self.shared.state(), now)
    }

    /// The run's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Stops taking connections. Idle ones are closed.
    pub fn shutdown(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the server is gone already.
            let _ = stop.send(());
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// A time as HTTP writes it (RFC 9110 section 5.6.7).
pub(super) fn http_date(ms: i64) -> String {
    Utc.timestamp_millis_opt(ms).single().unwrap_or_default().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A request of a stand-in.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// Decoded parts of the path after `/-/SYSTEM/`.
    pub(super) parts: Vec<&'a str>,
    pub(super) query: Form,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

async fn handle(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = match to_bytes(body, BODY_LIMIT).await {
        Err(_) => Answer::text(413, "too large, or torn".into()),
        Ok(body) => {
            let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
            let path = parts.uri.path();
            match path.strip_prefix("/-/") {
                Some(rest) => {
                    let decoded: Vec<String> = rest.split('/').map(|part| super::form::decode(part, false)).collect();
                    let (system, parts_of_path) = decoded.split_first().map_or(("", &[][..]), |(s, p)| (s.as_str(), p));
                    let call = Call {
                        method: parts.method.as_str(),
                        parts: parts_of_path.iter().map(String::as_str).collect(),
                        query: Form::parse(parts.uri.query().unwrap_or("")),
                        headers: &parts.headers,
                        body: &body,
                    };
                    match system {
                        "infisical" => infisical::answer(&shared, &call),
                        "heroku" => heroku::answer(&shared, &call),
                        "github" => github::answer(&shared, &call),
                        "control" => control::answer(&shared, &call),
                        _ => Answer::text(404, "no such system in the sandbox".into()),
                    }
                }
                None => {
                    let signed = Signed { method: parts.method.as_str(), target, headers: &parts.headers, body: &body };
                    aws(&shared, path, parts.uri.query().unwrap_or(""), signed)
                }
            }
        }
    };
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    if answer.lost {
        cut.cut();
    }
    let date = shared.now() + shared.state().skew();
    respond(answer, date)
}

fn respond(answer: Answer, date: i64) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let own = [("date", http_date(date))];
    for (name, value) in answer.headers.into_iter().chain(own) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Answers a request to AWS: who signed it says which service it is for.
fn aws(shared: &Shared, path: &str, query: &str, signed: Signed<'_>) -> Answer {
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
    let namespace = if service == "sts" { sts::NAMESPACE } else { iam::NAMESPACE };
    let answer = query_answer(&mut state, claim, &service, namespace, &request_id, signed, now);
    let answer = answer.unwrap_or_else(|error| error.query_xml(namespace, &request_id));
    answer.header("x-amzn-requestid", request_id)
}

fn query_answer(
    state: &mut State,
    claim: Result<Claim, NoClaim>,
    service: &str,
    namespace: &str,
    request_id: &str,
    signed: Signed<'_>,
    now: i64,
) -> Result<Answer, AwsError> {
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
        let message = if off < 0 {
            let limit = stamp(aws_time - SKEW_ALLOWED);
            format!("Signature expired: {} is now earlier than {limit} ({} - 15 min.)", claim.amz_date, stamp(aws_time))
        } else {
            let limit = stamp(aws_time + SKEW_ALLOWED);
            format!(
                "Signature not yet current: {} is still later than {limit} ({} + 15 min.)",
                claim.amz_date,
                stamp(aws_time)
            )
        };
        return Err(AwsError::new(403, "SignatureDoesNotMatch", message));
    }
    if !claim.made_with(signed, &key.pair) {
        return Err(mismatch());
    }
    let caller = state.caller(&claim.access_key_id).ok_or_else(unknown)?;
    let known = if service == "sts" { "sts" } else { "iam" };
    state.note_use(&claim.access_key_id, now, known, &claim.region);
    let form = Form::parse(&String::from_utf8_lossy(signed.body));
    let action = form.get("Action").unwrap_or_default().to_owned();
    let outcome = match service {
        "iam" => iam::answer(state, &caller, &form, now),
        "sts" => iam::Outcome {
            result: sts::answer(state, &caller, &form).map(Some),
            delay: std::time::Duration::ZERO,
            lost: false,
        },
        other => {
            let message = format!("The sandbox has no service {other}.");
            return Err(AwsError::new(400, "InvalidAction", message));
        }
    };
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
    Ok(answer)
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
    if let Some((_, aws_time)) = out_of_time(state, &claim, now) {
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
