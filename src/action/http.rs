//! HTTP to outside systems.
//!
//! `http:METHOD` with `{system, path, query, headers, json | body, secret, public, parse}`; the call's endpoint is the
//! whole URL. In `json`, an object `{"entries_of": {NAME: value, …}, "name": N, "value": V}` becomes the list
//! `[{N: NAME, V: value}, …]`, for systems that take several secrets in one request.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::aws::chain_of;
use super::performer::{Performer, public_paths};
use super::raw::{Raw, Taint};
use super::redact::{masker, tame};
use super::resolve::{ResolveError, Resolver};
use super::world::{System, TokenScheme, World};
use super::{lock, loopback};
use crate::engine::call::Call;
use crate::engine::effect::Ended;
use crate::secret::Secret;

/// Tries of a read that changes nothing.
const TRIES: u32 = 3;

/// A client that goes where it is told and nowhere else: no redirects, no retries of its own, in a drill no proxy.
pub(super) fn client(world: &World) -> Option<Client> {
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(world.limits.connect);
    if world.kind != crate::engine::entry::EnvironmentKind::Account {
        builder = builder.no_proxy();
        // A machine without CA certificates can still talk to itself.
        if world.systems.values().all(|system| system.url.starts_with("http://")) {
            builder = builder.tls_certs_only(Vec::new());
        }
    }
    builder.build().ok()
}

/// A request with every secret in it resolved.
struct Ready {
    method: Method,
    url: reqwest::Url,
    headers: HeaderMap,
    body: Option<Zeroizing<Vec<u8>>>,
    used: Vec<(String, Secret)>,
}

pub(super) async fn perform(performer: &Performer, call: &Call, read: bool) -> Raw {
    let ready = match prepare(performer.world(), call) {
        Ok(ready) => ready,
        Err(refused) => return *refused,
    };
    let Some(client) = performer.web() else {
        return Raw::not_sent("NoClient", "no HTTP client could be made: the machine's TLS roots can't be read");
    };
    // Only what changes nothing by its own definition (RFC 9110 section 9.2.1) is asked again.
    let tries = if read && matches!(ready.method, Method::GET | Method::HEAD) { TRIES } else { 1 };
    let deadline = tokio::time::Instant::now() + performer.world().limits.send;
    let mut pause = Duration::from_millis(200);
    for left in (0..tries).rev() {
        let time = deadline.saturating_duration_since(tokio::time::Instant::now());
        let (mut raw, again) = once(performer, client, &ready, call, time).await;
        if !again || left == 0 || tokio::time::Instant::now() + pause >= deadline {
            raw.used = ready.used;
            return raw;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Raw::not_sent("NoTry", "the request was not tried")
}

fn prepare(world: &World, call: &Call) -> Result<Ready, Box<Raw>> {
    let refuse = |code: &str, message: &str| Box::new(Raw::not_sent(code, message));
    let bad = |what: &str| refuse("BadParameter", what);
    let method = call.op.strip_prefix("http:").unwrap_or_default();
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| bad("the HTTP method is not one"))?;
    let name = call.params.get("system").and_then(Value::as_str).unwrap_or_default();
    let system = world.systems.get(name).ok_or_else(|| {
        refuse(
            "UnknownSystem",
            &format!("this environment has no system {name:?}; add it under `systems` in keyward.yaml"),
        )
    })?;
    // The token belongs to the system, so the URL must be below its base, part by part.
    let base = system.url.strip_suffix('/').unwrap_or(&system.url);
    let below = call.endpoint.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if !below {
        let message = format!("{} is not below {base}, where {name} is; look at the step again", call.endpoint);
        return Err(refuse("OtherEndpoint", &message));
    }
    loopback::allowed(world.kind, &call.endpoint).map_err(|text| refuse("NotLoopback", &text))?;
    let url = reqwest::Url::parse(&call.endpoint).map_err(|_| bad("the URL is not one"))?;
    if url.as_str() != call.endpoint {
        // What is sent must be what was confirmed, byte for byte.
        let message = format!("{} would be sent as {url}; mend the path", call.endpoint);
        return Err(refuse("OtherEndpoint", &message));
    }
    let vault = lock(&world.vault);
    let mut resolver = Resolver::new(&vault);
    let unresolved = |error: ResolveError| refuse("SecretNotHeld", &error.to_string());
    let mut headers = HeaderMap::new();
    let agent = format!("keyward/{} run/{}", env!("CARGO_PKG_VERSION"), world.run);
    if let Ok(agent) = HeaderValue::from_str(&agent) {
        headers.insert(USER_AGENT, agent);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    authorize(system, &mut headers).map_err(|text| refuse("BadToken", &text))?;
    let body = match (call.params.get("json"), call.params.get("body")) {
        (Some(_), Some(body)) if !body.is_null() => return Err(bad("a request has json or a body, not both")),
        (Some(tree), _) if !tree.is_null() => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Some(resolver.json(&entries(tree)).map_err(unresolved)?)
        }
        (_, Some(body)) if !body.is_null() => {
            let text = resolver.text(body, "the body").map_err(unresolved)?;
            Some(Zeroizing::new(text.as_bytes().to_vec()))
        }
        _ => None,
    };
    for (name, value) in call.params.get("headers").and_then(Value::as_object).into_iter().flatten() {
        if value.is_null() {
            continue;
        }
        let text = resolver.text(value, "a header").map_err(unresolved)?;
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("a header's name is not one"))?;
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| bad("a header's value has a character it can't have"))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(Ready { method, url, headers, body, used: std::mem::take(&mut resolver.used) })
}

fn authorize(system: &System, headers: &mut HeaderMap) -> Result<(), String> {
    let Some(token) = &system.token else { return Ok(()) };
    let bad = || format!("the token of {} has characters that a header can't have; set it again", system.url);
    let (name, text) = match &system.scheme {
        TokenScheme::Bearer => (AUTHORIZATION, Zeroizing::new(format!("Bearer {}", token.expose()))),
        TokenScheme::Word(word) => (AUTHORIZATION, Zeroizing::new(format!("{word} {}", token.expose()))),
        TokenScheme::Header(name) => {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            (name, Zeroizing::new(token.expose().to_owned()))
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| bad())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// Writes `{entries_of, name, value}` out as a list, wherever it stands.
fn entries(tree: &Value) -> Value {
    match tree {
        Value::Object(map) => {
            let word = |key: &str| map.get(key).and_then(Value::as_str);
            if let (3, Some(Value::Object(of)), Some(name), Some(value)) =
                (map.len(), map.get("entries_of"), word("name"), word("value"))
            {
                return of.iter().map(|(key, part)| json!({name: key, value: part})).collect();
            }
            Value::Object(map.iter().map(|(key, part)| (key.clone(), entries(part))).collect())
        }
        Value::Array(list) => list.iter().map(entries).collect(),
        other => other.clone(),
    }
}

/// One try: what came of it, and whether asking again could help.
async fn once(performer: &Performer, client: &Client, ready: &Ready, call: &Call, time: Duration) -> (Raw, bool) {
    let mut request =
        client.request(ready.method.clone(), ready.url.clone()).headers(ready.headers.clone()).timeout(time);
    if let Some(body) = &ready.body {
        request = request.body(body.to_vec());
    }
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => {
            let connect = error.is_connect() || error.is_builder();
            let late = error.is_timeout();
            let chain = chain_of(&error.without_url());
            let (ended, code, what) = match (connect, late) {
                (true, _) => (Ended::NotSent, "ConnectionFailed", "no connection, so nothing was sent"),
                (false, true) => (Ended::NoAnswer, "TimedOut", "sent, and no answer came in time"),
                (false, false) => (Ended::NoAnswer, "ConnectionLost", "sent, and no answer came"),
            };
            return (Raw::error(ended, code, &format!("{}: {what}: {chain}", ready.url)), !late);
        }
    };
    let status = response.status();
    let headers = header_map(response.headers());
    let find = |names: &[&str]| names.iter().find_map(|name| headers.get(*name)?.as_str().map(str::to_owned));
    let request_id = find(&["x-request-id", "request-id", "x-github-request-id", "x-amzn-requestid"]);
    let date = find(&["date"]);
    let is_json = find(&["content-type"]).is_some_and(|kind| kind.contains("json"));
    let limit = performer.world().limits.body;
    let mut bytes = Zeroizing::new(Vec::new());
    let torn = loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > limit => {
                break Some(format!("the answer is over {limit} bytes"));
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break None,
            Err(error) => break Some(format!("the answer broke off: {}", chain_of(&error.without_url()))),
        }
    };
    let finish = |mut raw: Raw, again: bool| {
        raw.request_id = request_id.clone();
        raw.date = date.clone();
        (raw, again)
    };
    // A refusal is one by its status, whatever became of its text.
    if let Some(torn) = torn.as_ref().filter(|_| !refuses(status)) {
        return finish(Raw::error(Ended::NoAnswer, "Unreadable", &format!("{}: {torn}", ready.url)), true);
    }
    let parse = call.params.get("parse").and_then(Value::as_str).unwrap_or("");
    let text = String::from_utf8_lossy(&bytes);
    let parsed = match (parse, is_json) {
        ("text", _) | ("", false) => None,
        ("lines", _) => Some(text.lines().map(Value::from).collect()),
        _ if text.trim().is_empty() => Some(Value::Null),
        _ => match serde_json::from_str::<Value>(&text) {
            Ok(value) => Some(tame(value)),
            Err(_) if !status.is_success() => None,
            Err(error) => {
                // The parser's message has a place, never a piece of the text.
                let message =
                    format!("{}: the answer is not JSON (line {}, column {})", ready.url, error.line(), error.column());
                return finish(Raw::error(Ended::NoAnswer, "Unreadable", &message), true);
            }
        },
    };
    let body = parsed.unwrap_or_else(|| Value::String(text.into_owned()));
    let result = json!({"status": status.as_u16(), "headers": headers, "body": body});
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return finish(Raw::answered(result, Taint::Clear), false);
    }
    let whole = Raw::answered(result, Taint::Clear);
    let said = said(performer, call, &whole, &ready.used);
    let message = format!("{} {}: {status}{said}", ready.method, ready.url);
    let code = format!("HTTP {}", status.as_u16());
    // A read that was turned away for its rate has learnt nothing; a change that was, was not made.
    let throttled_read = status == StatusCode::TOO_MANY_REQUESTS && ready.method.is_safe();
    let ended = if refuses(status) && !throttled_read {
        Ended::Refused
    } else if status.is_redirection() {
        // Where it points is not where the operator confirmed it would go.
        return finish(Raw::error(Ended::NoAnswer, &code, &format!("{message}; redirects are not followed")), false);
    } else {
        Ended::NoAnswer
    };
    let again = matches!(status.as_u16(), 429 | 500 | 502..=504);
    finish(Raw::error(ended, &code, &message), again)
}

/// The statuses by which a server says that it did not do it. 429 is among them: the request was turned away for the
/// rate of requests (RFC 6585 section 4), before it was looked at. 408 and 425 are not: the first says that the server
/// stopped waiting, the second that it did not want to decide.
fn refuses(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 408 | 425)
}

/// What an error's body may say: of an answer that touches a secret its public paths only, else its first 500 characters.
fn said(performer: &Performer, call: &Call, whole: &Raw, used: &[(String, Secret)]) -> String {
    let tainted = super::performer::is_secret_call(call);
    let text = if tainted {
        let public = public_paths(&call.params);
        let texts = public.iter().filter_map(|path| path.get(&whole.result)?.as_str());
        texts.collect::<Vec<_>>().join(" ")
    } else {
        match &whole.result["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.trim().to_owned(),
            Value::Object(map) => match map.get("message").and_then(Value::as_str) {
                Some(message) => message.to_owned(),
                None => whole.result["body"].to_string(),
            },
            other => other.to_string(),
        }
    };
    // Masked before it is cut, so that no half of a secret is left at the end.
    let vault = lock(&performer.world().vault);
    let clean = masker(&vault, performer.standing().iter().chain(used)).text(&text).into_owned();
    let short: String = clean.chars().take(500).collect();
    if short.is_empty() { String::new() } else { format!(": {short}") }
}

/// Headers by lower-case name. Cookies are credentials of a session that nobody here keeps.
fn header_map(headers: &HeaderMap) -> Map<String, Value> {
    let mut map = Map::new();
    for name in headers.keys().filter(|name| name.as_str() != "set-cookie") {
        let values: Vec<String> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        map.insert(name.as_str().to_owned(), json!(values.join(", ")));
    }
    map
}
