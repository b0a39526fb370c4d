//! GitHub's REST API (docs.github.com/en/rest/actions): repository secrets in sealed boxes, workflow runs, job logs.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use rand::RngExt;
use serde_json::{Value, json};

use super::answer::Answer;
use super::fault::Fault;
use super::holder::{Held, NAME_SECRET, Repo, RepoSecret, Run};
use super::iam;
use super::server::{Call, Shared};
use super::stand_in::{Done, Link, dry_run};
use super::state::State;
use super::world::HolderKind;
use crate::secret::Secret;

fn refused(status: u16, message: &str) -> Answer {
    let url = "https://docs.github.com/rest";
    Answer::json(status, &json!({"message": message, "documentation_url": url, "status": status.to_string()}))
}

fn not_found() -> Answer {
    refused(404, "Not Found")
}

fn repo_mut<'a>(state: &'a mut State, name: &str) -> Option<&'a mut Repo> {
    let is = |kind: &HolderKind| matches!(kind, HolderKind::GithubActions { repo } if repo.eq_ignore_ascii_case(name));
    match &mut state.holder_mut(is)?.held {
        Held::Github(repo) => Some(repo),
        _ => None,
    }
}

/// Answers one request.
pub(super) fn answer(shared: &Arc<Shared>, call: &Call<'_>) -> Answer {
    // Logs are handed out under an address of their own that needs no token.
    if let ("GET", ["logs", id]) = (call.method, call.parts.as_slice()) {
        return logs(shared, id);
    }
    if !shared.knows(call.headers) {
        return refused(401, "Bad credentials");
    }
    let now = shared.now();
    let mut state = shared.state();
    let &["repos", owner, name, "actions", ref rest @ ..] = call.parts.as_slice() else { return not_found() };
    let repo = format!("{owner}/{name}");
    if repo_mut(&mut state, &repo).is_none() {
        return not_found();
    }
    advance(&mut state, now);
    match (call.method, rest) {
        ("GET", ["secrets", "public-key"]) => {
            let key = STANDARD.encode(state.box_key.public_key().as_bytes());
            Answer::json(200, &json!({"key_id": state.box_key_id, "key": key}))
        }
        ("GET", ["secrets"]) => {
            let secrets: Vec<Value> = repo_mut(&mut state, &repo)
                .map(|repo| repo.secrets.iter().map(|(name, secret)| secret_json(name, secret)).collect())
                .unwrap_or_default();
            Answer::json(200, &json!({"total_count": secrets.len(), "secrets": secrets}))
        }
        ("GET", ["secrets", name]) => {
            let found = repo_mut(&mut state, &repo).and_then(|repo| repo.secrets.get(*name));
            found.map_or_else(not_found, |secret| Answer::json(200, &secret_json(name, secret)))
        }
        ("PUT", ["secrets", name]) => put_secret(&mut state, &repo, name, call.body, now),
        ("POST", ["workflows", workflow, "dispatches"]) => {
            let answer = dispatch(&mut state, &repo, workflow, call.body, now);
            if answer.status < 300 {
                run_elsewhere(shared, &mut state, &repo);
            }
            answer
        }
        ("GET", ["workflows", workflow, "runs"]) => runs(&mut state, shared, &repo, Some(workflow), call, now),
        ("GET", ["runs"]) => runs(&mut state, shared, &repo, None, call, now),
        ("GET", ["runs", id]) => {
            with_run(&mut state, &repo, id, |run, timing| run_json(run, shared, &repo, timing, now))
        }
        ("GET", ["runs", id, "jobs"]) => with_run(
            &mut state,
            &repo,
            id,
            |run, timing| json!({"total_count": 1, "jobs": [job_json(run, timing, now)]}),
        ),
        ("GET", ["jobs", id]) => with_run(&mut state, &repo, id, |run, timing| job_json(run, timing, now)),
        // The real one also answers with a redirect to a short-lived address.
        ("GET", ["jobs", id, "logs"]) => {
            let there = repo_mut(&mut state, &repo)
                .is_some_and(|repo| repo.runs.iter().any(|run| run.id.to_string() == *id && run.outcome.is_some()));
            if !there {
                return not_found();
            }
            Answer::empty(302).header("location", format!("{}/-/github/logs/{id}", shared.url))
        }
        _ => not_found(),
    }
}

fn secret_json(name: &str, secret: &RepoSecret) -> Value {
    json!({"name": name, "created_at": iam::time(secret.created), "updated_at": iam::time(secret.updated)})
}

fn put_secret(state: &mut State, repo: &str, name: &str, body: &[u8], now: i64) -> Answer {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.starts_with("GITHUB_") || !name.chars().all(fits) {
        return refused(422, "Secret names can only contain alphanumeric characters or underscores.");
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if body["key_id"].as_str() != Some(state.box_key_id.as_str()) {
        return refused(422, "The key_id is not that of the repository's public key.");
    }
    let sealed = body["encrypted_value"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let opened =
        sealed.and_then(|sealed| state.box_key.unseal(&sealed).ok()).and_then(|open| String::from_utf8(open).ok());
    let Some(value) = opened.map(Secret::new) else {
        return refused(422, "The encrypted_value is not a sealed box for the repository's public key.");
    };
    if state.strikes(Fault::HolderDown) {
        return refused(503, "Service Unavailable");
    }
    state.settle(now);
    let name = name.to_ascii_uppercase();
    let half = name == NAME_SECRET && state.strikes(Fault::HalfPair);
    let lost = name == NAME_SECRET && state.strikes(Fault::LostPut);
    let Some(repo) = repo_mut(state, repo) else { return not_found() };
    let mut answer = match repo.secrets.get_mut(&name) {
        Some(secret) => {
            if !half {
                secret.value = value;
                secret.updated = now;
            }
            Answer::empty(204)
        }
        None => {
            repo.secrets.insert(name, RepoSecret { value, created: now, updated: now });
            Answer::json(201, &json!({}))
        }
    };
    answer.lost = lost;
    answer
}

/// The workflow files that the repository has: those that a holder names as its proof.
fn has_workflow(state: &State, repo: &str, workflow: &str) -> bool {
    state.holders.iter().any(|holder| {
        let of_repo =
            matches!(&holder.spec.kind, HolderKind::GithubActions { repo: name } if name.eq_ignore_ascii_case(repo));
        of_repo && holder.spec.prove.as_deref() == Some(workflow)
    })
}

fn dispatch(state: &mut State, repo_name: &str, workflow: &str, body: &[u8], now: i64) -> Answer {
    if !has_workflow(state, repo_name, workflow) {
        return not_found();
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(git_ref) = body["ref"].as_str().filter(|text| !text.is_empty()) else {
        return refused(422, "Invalid request. \"ref\" wasn't supplied.");
    };
    let id = state.rng.random_range(10_000_000_000..20_000_000_000_u64);
    let stuck = state.strikes(Fault::RunStuck);
    let holder = state
        .holder_mut(|kind| matches!(kind, HolderKind::GithubActions { repo } if repo.eq_ignore_ascii_case(repo_name)));
    let pair = holder.and_then(|holder| holder.kept());
    let Some(repo) = repo_mut(state, repo_name) else { return not_found() };
    let number = repo.runs.len() + 1;
    let run = Run {
        id,
        number,
        workflow: workflow.into(),
        git_ref: git_ref.into(),
        created: now,
        pair,
        stuck,
        outcome: None,
    };
    repo.runs.push(run);
    if body["return_run_details"] == true {
        return Answer::json(200, &json!({"workflow_run_id": id}));
    }
    Answer::empty(204)
}

/// Where AWS is somebody else's server, the newest run's job really asks it.
fn run_elsewhere(shared: &Arc<Shared>, state: &mut State, repo: &str) {
    let Some(s3) = state.s3_at.clone() else { return };
    let bucket = state.holders.first().map(|holder| holder.spec.bucket.clone()).unwrap_or_default();
    let name = repo.to_owned();
    let Some(run) = repo_mut(state, repo).and_then(|repo| repo.runs.last()).filter(|run| !run.stuck) else { return };
    let (id, started, pair) = (run.id, run.created, run.pair.clone());
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let link = Link::new(&shared.url, shared.token.clone()).and_then(|link| link.with_s3(s3));
        let done = match link {
            Ok(link) => {
                let (key, secret) = pair.map(|pair| (pair.access_key_id, pair.secret_access_key)).unzip();
                dry_run::run(&link, key, secret, &bucket).await
            }
            Err(error) => Done::fail(1, error.to_string()),
        };
        let stamp = iam::time(started);
        let log = done.out.lines().chain(done.err.lines()).map(|line| format!("{stamp} {line}\n")).collect();
        let mut state = shared.state();
        let run = repo_mut(&mut state, &name).and_then(|repo| repo.runs.iter_mut().find(|run| run.id == id));
        if let Some(run) = run {
            run.outcome = Some((done.code == 0, log));
        }
    });
}

#[derive(Clone, Copy)]
struct Times {
    queue: i64,
    run: i64,
}

fn times(state: &State) -> Times {
    Times { queue: super::key::millis(state.timing.queue), run: super::key::millis(state.timing.run) }
}

/// Lets every run whose time is over have run: its job tries the pair at the time it started.
pub(super) fn advance(state: &mut State, now: i64) {
    if state.s3_at.is_some() {
        // Those jobs end when the other server has answered them.
        return;
    }
    let timing = times(state);
    for n in 0..state.holders.len() {
        let bucket = state.holders[n].spec.bucket.clone();
        let Held::Github(repo) = &state.holders[n].held else { continue };
        let due = |run: &Run| run.outcome.is_none() && !run.stuck && now >= run.created + timing.queue + timing.run;
        let due: Vec<(usize, _, i64)> = (repo.runs.iter().enumerate())
            .filter(|(_, run)| due(run))
            .map(|(r, run)| (r, run.pair.clone(), run.created + timing.queue))
            .collect();
        for (r, pair, at) in due {
            let verdict = pair.as_ref().map_or(Err("NoCredentials"), |pair| state.try_pair(pair, &bucket, at));
            let id = pair.as_ref().map_or("none", |pair| pair.access_key_id.as_str());
            if let (Ok(()), Some(pair)) = (verdict, &pair) {
                state.note_use(&pair.access_key_id, at, "s3", "us-east-1");
            }
            let said = match verdict {
                Ok(()) => format!("key {id} ok\n"),
                Err(code) => format!(
                    "key {id} failed\nAn error occurred ({code}) when calling the ListObjectsV2 operation: refused\n\
                     ##[error]Process completed with exit code 1.\n"
                ),
            };
            let stamp = iam::time(at);
            let log = said.lines().map(|line| format!("{stamp} {line}\n")).collect();
            if let Held::Github(repo) = &mut state.holders[n].held {
                repo.runs[r].outcome = Some((verdict.is_ok(), log));
            }
        }
    }
}

/// Status and conclusion at that time.
fn status(run: &Run, timing: Times, now: i64) -> (&'static str, Option<&'static str>) {
    match &run.outcome {
        Some((true, _)) => ("completed", Some("success")),
        Some((false, _)) => ("completed", Some("failure")),
        None if run.stuck || now < run.created + timing.queue => ("queued", None),
        None => ("in_progress", None),
    }
}

fn run_json(run: &Run, shared: &Shared, repo: &str, timing: Times, now: i64) -> Value {
    let (status, conclusion) = status(run, timing, now);
    let url = format!("{}/-/github/repos/{repo}/actions/runs/{}", shared.url, run.id);
    let updated = if conclusion.is_some() { run.created + timing.queue + timing.run } else { run.created };
    json!({
        "id": run.id, "name": run.workflow, "event": "workflow_dispatch", "status": status, "conclusion": conclusion,
        "run_number": run.number, "run_attempt": 1, "head_branch": run.git_ref, "path": format!(".github/workflows/{}", run.workflow),
        "created_at": iam::time(run.created), "updated_at": iam::time(updated), "run_started_at": iam::time(run.created),
        "url": url, "jobs_url": format!("{url}/jobs"), "html_url": format!("https://github.com/{repo}/actions/runs/{}", run.id),
    })
}

fn job_json(run: &Run, timing: Times, now: i64) -> Value {
    let (status, conclusion) = status(run, timing, now);
    // A run has one job; the sandbox gives both the same id.
    json!({"id": run.id, "run_id": run.id, "name": "s3-dry-run", "status": status, "conclusion": conclusion,
           "started_at": iam::time(run.created + timing.queue), "steps": []})
}

fn with_run(state: &mut State, repo: &str, id: &str, show: impl FnOnce(&Run, Times) -> Value) -> Answer {
    let timing = times(state);
    let run = repo_mut(state, repo).and_then(|repo| repo.runs.iter().find(|run| run.id.to_string() == id));
    run.map_or_else(not_found, |run| Answer::json(200, &show(run, timing)))
}

/// Newest first, filtered by `event`, `created`, `status`, `branch`.
fn runs(
    state: &mut State,
    shared: &Shared,
    repo_name: &str,
    workflow: Option<&str>,
    call: &Call<'_>,
    now: i64,
) -> Answer {
    if workflow.is_some_and(|workflow| !has_workflow(state, repo_name, workflow)) {
        return not_found();
    }
    let timing = times(state);
    let Some(repo) = repo_mut(state, repo_name) else { return not_found() };
    let size = call.query.get("per_page").and_then(|text| text.parse().ok()).unwrap_or(30_usize).clamp(1, 100);
    let mut found: Vec<Value> = Vec::new();
    for run in repo.runs.iter().rev() {
        let json = run_json(run, shared, repo_name, timing, now);
        let is = |filter: &str, field: &str| call.query.get(filter).is_none_or(|wanted| json[field] == wanted);
        let of_status = call.query.get("status").is_none_or(|s| json["status"] == s || json["conclusion"] == s);
        let of_time = call.query.get("created").is_none_or(|range| within(run.created, range));
        let of_workflow = workflow.is_none_or(|workflow| run.workflow == workflow);
        if is("event", "event") && is("branch", "head_branch") && of_status && of_time && of_workflow {
            found.push(json);
        }
    }
    let total = found.len();
    found.truncate(size);
    Answer::json(200, &json!({"total_count": total, "workflow_runs": found}))
}

/// GitHub's date ranges: `>=T`, `>T`, `<=T`, `<T`, `A..B` (either may be `*`), `T`. To the second, as its times are.
fn within(created: i64, range: &str) -> bool {
    let at = |text: &str| {
        let day = format!("{text}T00:00:00Z");
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc3339(&day)).map(|t| t.timestamp()).ok()
    };
    let created = created.div_euclid(1000);
    if let Some((from, to)) = range.split_once("..") {
        let from = from == "*" || at(from).is_some_and(|from| created >= from);
        return from && (to == "*" || at(to).is_some_and(|to| created <= to));
    }
    let compare = |sign: &str, holds: fn(i64, i64) -> bool| {
        range.strip_prefix(sign).map(|text| at(text).is_some_and(|time| holds(created, time)))
    };
    compare(">=", |a, b| a >= b)
        .or_else(|| compare("<=", |a, b| a <= b))
        .or_else(|| compare(">", |a, b| a > b))
        .or_else(|| compare("<", |a, b| a < b))
        .unwrap_or_else(|| at(range) == Some(created))
}

fn logs(shared: &Shared, id: &str) -> Answer {
    let now = shared.now();
    let mut state = shared.state();
    advance(&mut state, now);
    let log = state.holders.iter().find_map(|holder| match &holder.held {
        Held::Github(repo) => {
            let run = repo.runs.iter().find(|run| run.id.to_string() == id)?;
            run.outcome.as_ref().map(|(_, log)| log.clone())
        }
        _ => None,
    });
    log.map_or_else(not_found, |log| Answer::text(200, log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_ranges_are_read_as_github_reads_them() {
        let at = DateTime::parse_from_rfc3339("2026-11-20T03:15:00Z").unwrap().timestamp_millis() + 250;
        for (range, holds) in [
            (">=2026-11-20T03:15:00Z", true),
            (">2026-11-20T03:15:00Z", false),
            ("<=2026-11-20T03:15:00Z", true),
            ("2026-11-20T03:00:00Z..2026-11-20T04:00:00Z", true),
            ("*..2026-11-20T03:00:00Z", false),
            (">=2026-11-20", true),
            ("<2026-11-20", false),
            ("nonsense", false),
            (">=nonsense", false),
        ] {
            assert_eq!(within(at, range), holds, "{range}");
        }
    }
}
