//! Heroku's Platform API, version 3 (devcenter.heroku.com/articles/platform-api-reference): config vars, releases, dynos.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::fault::Fault;
use super::holder::{App, Held, NAME_ID, NAME_SECRET, Release, pair_in};
use super::iam;
use super::server::{Call, Shared};
use super::sigv4::header;
use super::state::State;
use super::world::HolderKind;
use crate::secret::Secret;

const ACCEPT: &str = "application/vnd.heroku+json; version=3";

fn refused(status: u16, id: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"id": id, "message": message}))
}

/// The app of that name.
pub(super) fn app_mut<'a>(state: &'a mut State, name: &str) -> Option<&'a mut App> {
    let holder = state.holder_mut(|kind| matches!(kind, HolderKind::Heroku { app } if app == name))?;
    match &mut holder.held {
        Held::Heroku(app) => Some(app),
        _ => None,
    }
}

fn vars(app: &App) -> Value {
    Value::Object(app.vars.iter().map(|(name, value)| (name.clone(), json!(value.expose()))).collect::<Map<_, _>>())
}

/// Answers one request.
pub(super) fn answer(shared: &Shared, call: &Call<'_>) -> Answer {
    if !shared.knows(call.headers) {
        return refused(401, "unauthorized", "Invalid credentials provided.");
    }
    let accept = header(call.headers, "accept").replace(' ', "");
    if !accept.starts_with(&ACCEPT.replace(' ', "")) {
        return refused(406, "not_acceptable", &format!("set Accept: {ACCEPT} header and try again"));
    }
    let now = shared.now();
    let mut state = shared.state();
    let &["apps", name, ref rest @ ..] = call.parts.as_slice() else {
        return refused(404, "not_found", "The requested API endpoint was not found.");
    };
    if app_mut(&mut state, name).is_none() {
        let body = json!({"resource": "app", "id": "not_found", "message": "Couldn't find that app."});
        return Answer::json(404, &body);
    }
    match (call.method, rest) {
        ("GET", []) => Answer::json(200, &json!({"id": format!("app-{name}"), "name": name, "maintenance": false})),
        ("GET", ["config-vars"]) => {
            app_mut(&mut state, name).map_or_else(not_found, |app| Answer::json(200, &vars(app)))
        }
        ("PATCH", ["config-vars"]) => patch(&mut state, name, call.body, now),
        ("GET", ["releases"]) => releases(&mut state, name, call),
        ("GET", ["releases", version]) => {
            let app = app_mut(&mut state, name);
            let release = app.and_then(|app| {
                let current = app.releases.last().map(|release| release.version);
                let release = app.releases.iter().find(|release| release.version.to_string() == *version)?;
                Some(release_json(release, name, current))
            });
            release.map_or_else(not_found, |release| Answer::json(200, &release))
        }
        ("GET", ["dynos"]) => dynos(&mut state, name, now),
        ("DELETE", ["dynos"]) => restart(&mut state, name, now),
        ("POST", ["dynos"]) => create_dyno(&mut state, name, call.body, now),
        _ => not_found(),
    }
}

fn not_found() -> Answer {
    refused(404, "not_found", "The requested API endpoint was not found.")
}

/// New config vars make a release, and every release restarts the dynos: old ones live on for a while.
fn patch(state: &mut State, name: &str, body: &[u8], now: i64) -> Answer {
    let Ok(Value::Object(changes)) = serde_json::from_slice(body) else {
        return refused(400, "bad_request", "request invalid, validate usage and try again");
    };
    if changes.values().any(|value| !value.is_string() && !value.is_null()) {
        return refused(422, "invalid_params", "Config vars must be strings, or null to remove them.");
    }
    if state.strikes(Fault::HolderDown) {
        return refused(503, "service_unavailable", "Heroku API is temporarily unavailable.");
    }
    state.settle(now);
    let brings_secret = changes.get(NAME_SECRET).is_some_and(Value::is_string);
    let half = brings_secret && changes.contains_key(NAME_ID) && state.strikes(Fault::HalfPair);
    let until = now + super::key::millis(state.timing.dynos);
    let Some(app) = app_mut(state, name) else { return not_found() };
    let before = pair_in(&app.vars);
    for (var, value) in &changes {
        match value.as_str() {
            Some(_) if half && var == NAME_SECRET => {}
            Some(text) => {
                app.vars.insert(var.clone(), Secret::new(text.to_owned()));
            }
            None => {
                app.vars.remove(var);
            }
        }
    }
    let names: Vec<&str> = changes.keys().map(String::as_str).collect();
    let version = app.releases.last().map_or(1, |release| release.version + 1);
    app.releases.push(Release { version, at: now, what: format!("Set {} config vars", names.join(", ")) });
    app.old_dynos.extend(before.map(|pair| (pair, until)));
    let mut answer = Answer::json(200, &vars(app));
    answer.lost = brings_secret && state.strikes(Fault::LostPut);
    answer
}

fn release_json(release: &Release, app: &str, current: Option<u32>) -> Value {
    json!({
        "id": format!("release-{app}-{}", release.version),
        "version": release.version,
        "status": "succeeded",
        "current": Some(release.version) == current,
        "description": release.what,
        "created_at": iam::time(release.at),
        "updated_at": iam::time(release.at),
        "app": {"id": format!("app-{app}"), "name": app},
        "user": {"id": "user-oncall", "email": "oncall@example.com"},
        "slug": null,
        "output_stream_url": null,
    })
}

/// Oldest first; `Range: version ..; order=desc, max=1` turns the order and cuts.
fn releases(state: &mut State, name: &str, call: &Call<'_>) -> Answer {
    let Some(app) = app_mut(state, name) else { return not_found() };
    let current = app.releases.last().map(|release| release.version);
    let mut list: Vec<Value> = app.releases.iter().map(|release| release_json(release, name, current)).collect();
    let range = header(call.headers, "range");
    let options: Vec<&str> = range.split(';').skip(1).flat_map(|part| part.split(',')).map(str::trim).collect();
    if options.contains(&"order=desc") {
        list.reverse();
    }
    let max = options.iter().find_map(|option| option.strip_prefix("max=")?.parse().ok()).unwrap_or(200);
    let cut = list.len() > max;
    list.truncate(max);
    Answer::json(if cut { 206 } else { 200 }, &Value::Array(list))
}

fn dynos(state: &mut State, name: &str, now: i64) -> Answer {
    let Some(app) = app_mut(state, name) else { return not_found() };
    let version = app.releases.last().map_or(0, |release| release.version);
    let dyno = |n: usize, state: &str, version: u32| {
        json!({"id": format!("dyno-{name}-{n}"), "name": format!("web.{n}"), "type": "web", "state": state,
               "release": {"id": format!("release-{name}-{version}"), "version": version}})
    };
    let mut list = vec![dyno(1, "up", version)];
    let old = app.old_dynos.iter().filter(|(_, until)| now < *until);
    list.extend(old.enumerate().map(|(n, _)| dyno(n + 2, "down", version.saturating_sub(1))));
    Answer::json(200, &Value::Array(list))
}

/// Every dyno is stopped, old ones too.
fn restart(state: &mut State, name: &str, now: i64) -> Answer {
    state.settle(now);
    let Some(app) = app_mut(state, name) else { return not_found() };
    app.old_dynos.clear();
    Answer::json(202, &json!({}))
}

/// A one-off dyno: accepted as the real one is, but its output goes to the app's logs, which are not there. The command
/// `heroku run --exit-code` is what a proof should use.
fn create_dyno(state: &mut State, name: &str, body: &[u8], now: i64) -> Answer {
    let command =
        serde_json::from_slice::<Value>(body).ok().and_then(|body| body["command"].as_str().map(str::to_owned));
    let Some(command) = command else {
        return refused(422, "invalid_params", "command is required");
    };
    let Some(app) = app_mut(state, name) else { return not_found() };
    let version = app.releases.last().map_or(0, |release| release.version);
    let body = json!({"id": format!("dyno-{name}-run"), "name": "run.4711", "type": "run", "state": "starting",
        "command": command, "attach_url": null, "created_at": iam::time(now), "release": {"version": version}});
    Answer::json(201, &body)
}
