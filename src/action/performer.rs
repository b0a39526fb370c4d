//! From a call to its outcome.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::raw::{Raw, Taint};
use super::world::World;
use super::{aws, command, generate, holder, http, redact};
use crate::engine::call::{Call, Keep};
use crate::engine::effect::{Ended, Outcome};
use crate::runbook::template::Path;
use crate::secret::{Secret, is_tainted};

/// Executes calls. Clones share one world.
#[derive(Clone)]
pub struct Performer {
    world: Arc<World>,
    web: Arc<OnceLock<Option<reqwest::Client>>>,
    /// What no answer may quote, beside the vault: the systems' tokens.
    standing: Arc<Vec<(String, Secret)>>,
}

impl Performer {
    /// Over this world.
    pub fn new(world: World) -> Self {
        let tokens = world.systems.iter();
        let standing =
            tokens.filter_map(|(name, system)| Some((format!("token of {name}"), system.token.clone()?))).collect();
        Self { world: Arc::new(world), web: Arc::default(), standing: Arc::new(standing) }
    }

    /// What it reaches.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// How long a call may take at most, so that the screen can say when an answer is due.
    pub fn due(&self, call: &Call) -> Duration {
        let limits = &self.world.limits;
        match call.op.as_str() {
            "command" => limits.command,
            "holder.read" | "holder.prove" => holder::due(self, call),
            op if op.starts_with("http:") => limits.send,
            _ => limits.read.max(limits.send),
        }
    }

    /// Reads: in order, each asked again where that is harmless. One call gives its result, several give a list; the
    /// first that fails is the outcome of all.
    pub async fn read(&self, calls: &[Call], keep: &[Keep]) -> Outcome {
        if let Some(call) = calls.iter().find(|call| aws::is_mutating(&call.op)) {
            let message = format!("{} changes something, so it is no read; nothing was sent", call.op);
            return Outcome::error(Ended::NotSent, "NotARead", &message);
        }
        let mut raws = Vec::with_capacity(calls.len());
        for call in calls {
            let mut raw = self.perform(call, true).await;
            if !raw.ok() {
                if calls.len() > 1
                    && let Some(message) = raw.result["error"]["message"].as_str()
                {
                    raw.result["error"]["message"] = json!(format!("{}: {message}", call.op));
                }
                return self.redact(raw, &[]);
            }
            raws.push(raw);
        }
        match raws.len() {
            0 => Outcome::error(Ended::NotSent, "NoCall", "there was nothing to read"),
            1 => match raws.pop() {
                Some(raw) => self.redact(raw, keep),
                None => Outcome::error(Ended::NotSent, "NoCall", "there was nothing to read"),
            },
            _ => redact::redact_list(raws, keep, &mut super::lock(&self.world.vault), &self.standing),
        }
    }

    /// Sends a confirmed call, once. Dropping the future on its way leaves the call in doubt.
    pub async fn send(&self, call: &Call, keep: &[Keep]) -> Outcome {
        let raw = self.perform(call, false).await;
        self.redact(raw, keep)
    }

    fn redact(&self, raw: Raw, keep: &[Keep]) -> Outcome {
        redact::redact(raw, keep, &mut super::lock(&self.world.vault), &self.standing)
    }

    /// A call with its result's secret parts marked.
    fn perform<'p>(&'p self, call: &'p Call, read: bool) -> BoxFuture<'p, Raw> {
        Box::pin(async move {
            match call.op.as_str() {
                "iam.preflight" => aws::preflight(self, call).await,
                "holder.read" => holder::read(self, call).await,
                "holder.prove" => holder::prove(self, call).await,
                "secret.generate" => generate::generate(call),
                _ => {
                    let mut raw = self.plain(call, read).await;
                    if call.op == "command" || call.op.starts_with("http:") {
                        raw.taint = taint_of(call);
                    }
                    raw
                }
            }
        })
    }

    /// One request or one program, its whole result untainted: for this module and those that take values out of it.
    pub(super) async fn plain(&self, call: &Call, read: bool) -> Raw {
        match call.op.as_str() {
            "command" => command::perform(&self.world, call).await,
            op if op.starts_with("http:") => http::perform(self, call, read).await,
            _ => aws::perform(&self.world, call).await,
        }
    }

    /// The one HTTP client, made when it is first needed.
    pub(super) fn web(&self) -> Option<&reqwest::Client> {
        self.web.get_or_init(|| http::client(&self.world)).as_ref()
    }

    pub(super) fn standing(&self) -> &[(String, Secret)] {
        &self.standing
    }
}

/// What a secret call answers is secret but for its public paths. The status and the exit code are numbers that servers and programs choose from a fixed set, so they are always
/// public.
fn taint_of(call: &Call) -> Taint {
    if is_secret_call(call) { Taint::AllBut(public_paths(&call.params)) } else { Taint::Clear }
}

/// True for a call that carries a secret, is marked, or belongs to a holder.
pub(super) fn is_secret_call(call: &Call) -> bool {
    is_tainted(&call.params)
        || call.params.get("secret").and_then(Value::as_bool) == Some(true)
        || call.params.get("holder").is_some_and(|holder| !holder.is_null())
}

/// The declared public paths and the always public ones. What is no path is not public.
pub(super) fn public_paths(params: &Value) -> Vec<Path> {
    let declared = params.get("public").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    declared.chain(["status", "exit", "dropped"]).filter_map(|text| Path::parse(text).ok()).collect()
}
