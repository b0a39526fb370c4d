//! Watching a run that waits: reads only, without its lock, so that its operator can go on at any moment.
//!
//! A watch looks at what an observation window is for: the old key's last use, every consumer's proof, and when the gates
//! open. It writes nothing into the run.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::clock::Clock;
use super::open::{Drill, Surroundings, surround};
use super::resume::{book_of, environment_of};
use super::session::Session;
use crate::action::Performer;
use crate::diagnostic::Diagnostic;
use crate::engine::book::Book;
use crate::engine::effect::{Ended, error_of};
use crate::engine::entry::{Body, EnvironmentKind, Stamp, Verdict};
use crate::engine::focus::{Focus, focus};
use crate::engine::gate;
use crate::engine::own::native;
use crate::engine::render::Renderer;
use crate::engine::state::{Phase, State};
use crate::runbook::op::Op;
use crate::secret::{FingerprintKey, Vault};
use crate::transcript::entries;

/// One look.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// When.
    pub at: Stamp,
    /// The step that the run waits at.
    pub step: String,
    /// When its last gate opens, as far as time alone decides.
    pub opens: Option<Stamp>,
    /// Something is not as it should be.
    pub wrong: Vec<String>,
    /// What could not be read: neither right nor wrong.
    pub unknown: Vec<String>,
    /// What was looked at and is right.
    pub fine: Vec<String>,
}

/// Who watches what.
pub struct Watch {
    book: Book,
    performer: Performer,
    folder: std::path::PathBuf,
}

impl Watch {
    /// Prepares to watch the run in that folder.
    ///
    /// # Errors
    /// A drill, whose world lives in its own process; an environment that is not configured here.
    pub async fn open(session: &Session, folder: &Path) -> Result<Self, Diagnostic> {
        let book = book_of(folder)?;
        let state = fold(&book, folder)?;
        if state.opened.environment.kind == EnvironmentKind::Sandbox {
            return Err(Diagnostic::new(
                "a drill's sandbox lives in the process that runs it, so it can't be watched from here",
            )
            .hint("its own screen shows the same"));
        }
        let environment = environment_of(session, &state.opened)?;
        // Nothing that is read here is kept, and no secret is needed: the vault stays empty.
        let vault = Arc::new(Mutex::new(Vault::new(FingerprintKey::random())));
        let drill = Drill { faults: Vec::new(), seed: 0, unattended: true, kept: None, again: false };
        let run = state.opened.run.clone();
        let Surroundings { mut world, .. } =
            surround(session, &book, &environment, &state.values, drill, &run, &vault, None).await?;
        world.connectors.clone_from(&book.connectors);
        Ok(Self { book, performer: Performer::new(world), folder: folder.to_owned() })
    }

    /// Looks once. `None` once the run does not wait any more.
    ///
    /// # Errors
    /// The run's entries can't be read.
    pub async fn look(&self) -> Result<Option<Seen>, Diagnostic> {
        let state = fold(&self.book, &self.folder)?;
        let step = match (state.phase, focus(&self.book, &state)) {
            (Phase::Forward, Focus::Confirm { step }) => step,
            _ => return Ok(None),
        };
        let mut seen = Seen {
            at: Clock::wall(),
            step: step.clone(),
            opens: None,
            wrong: Vec::new(),
            unknown: Vec::new(),
            fine: Vec::new(),
        };
        if let Some(folded) = state.step(&self.book, &step) {
            seen.opens = folded.gates.values().filter_map(|reading| gate::opens_at(&reading.evidence)).max();
        }
        self.keys(&state, &mut seen).await;
        self.proofs(&state, &mut seen).await;
        Ok(Some(seen))
    }

    /// Keys that this run deactivated are still Inactive, and were not seen in use since.
    async fn keys(&self, state: &State, seen: &mut Seen) {
        for (step, folded) in self.book.runbook.steps.iter().zip(&state.steps) {
            if step.run.op != Op::IamUpdateAccessKey || !folded.passed() {
                continue;
            }
            let Some(call) = folded.confirmed.as_ref().and_then(|c| c.rendered.rows.first()?.calls.first()) else {
                continue;
            };
            let Some(key) = call.params.get("AccessKeyId").and_then(Value::as_str) else { continue };
            let since = folded.passed_at();
            let read = native(state, "iam:GetAccessKeyLastUsed", json!({"AccessKeyId": key}));
            let outcome = self.performer.read(&[read], &[]).await;
            let result = outcome.reading.result.unwrap_or(Value::Null);
            let used = result.get("used").and_then(Value::as_str);
            match (outcome.ended, used.map(|used| (used, used_at(used))), since) {
                (Ended::Answered, Some((_, Some(at))), Some(since)) if at > since => {
                    seen.wrong.push(format!("{key} was used at {at}, after it was deactivated at {since}"));
                }
                (Ended::Answered, Some((used, _)), _) => seen.fine.push(format!("{key}: last use {used}")),
                _ => seen.unknown.push(format!("last use of {key}: {}", words(&result))),
            }
        }
    }

    /// Every consumer that the run proved still works.
    async fn proofs(&self, state: &State, seen: &mut Seen) {
        let renderer = Renderer { book: &self.book, state };
        for holder in self.book.holders(&state.values) {
            let name = holder.get("name").and_then(Value::as_str).unwrap_or("a holder");
            let proves = self.book.connector(holder).is_some_and(|connector| connector.prove.is_some());
            if !proves || holder.get("prove").is_none_or(Value::is_null) {
                continue;
            }
            let Ok(call) = renderer.holder_read(Op::HolderProve, holder, &Value::Null) else { continue };
            let outcome = self.performer.read(&[call], &[]).await;
            let result = outcome.reading.result.unwrap_or(Value::Object(Map::new()));
            match result.get("works").and_then(Value::as_bool) {
                Some(true) => seen.fine.push(format!("{name} works")),
                Some(false) => seen.wrong.push(format!("{name} does not work: {}", words(&result))),
                None => seen.unknown.push(format!("{name}: {}", words(&result))),
            }
        }
    }

    /// How long until the next look: when a gate opens, at the latest after this.
    pub fn pause(seen: &Seen, every: Duration) -> Duration {
        seen.opens.filter(|opens| *opens > seen.at).map_or(every, |opens| opens.since(seen.at).min(every))
    }
}

fn used_at(text: &str) -> Option<Stamp> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| Stamp::new(at.to_utc()))
}

fn words(result: &Value) -> String {
    match (error_of(result), result.get("denied")) {
        (Some((code, message)), _) => format!("{code}: {message}"),
        (None, Some(denied)) => denied.to_string(),
        _ => "no answer".into(),
    }
}

fn fold(book: &Book, folder: &Path) -> Result<State, Diagnostic> {
    let mut state: Option<State> = None;
    for entry in entries(folder)? {
        let entry = entry?;
        match &mut state {
            None => state = State::open(book, &entry),
            Some(state) => state.apply(book, &entry),
        }
        if let Body::Sealed { .. } = entry.body {
            break;
        }
    }
    state.ok_or_else(|| Diagnostic::new("the run was never opened: it has a number, and no entry"))
}

/// True if a look found nothing wrong.
pub fn fine(seen: &Seen) -> Verdict {
    match (seen.wrong.is_empty(), seen.unknown.is_empty()) {
        (false, _) => Verdict::Fail,
        (true, false) => Verdict::Unknown,
        (true, true) => Verdict::Pass,
    }
}
