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

use super::answer::Answer;
use super::fault::{Fault, Times};
use super::form::Form;
use super::saved::{self, Keep, Saved, Saving};
use super::sigv4::Signed;
use super::snapshot::{self, ConsumerView, Snapshot};
use super::state::State;
use super::wire::{Cut, Wires};
use super::world::{Pair, World};
use super::{aws, control, github, heroku, infisical, key, stand_in};
use crate::diagnostic::Diagnostic;
use crate::engine::entry::Stamp;
use crate::runtime::clock::Clock;
use crate::secret::Secret;

/// No request of a drill is larger.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// What every request needs.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) clock: Clock,
    pub(super) token: Secret,
    pub(super) url: String,
    port: u16,
    operator: Pair,
    /// Where the world is kept, if it is.
    kept: Mutex<Option<Arc<dyn Keep>>>,
}

impl Shared {
    /// The world. A panic of another request can't leave it locked.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, to: &dyn Keep) -> io::Result<()> {
        let now = self.now();
        let mut state = self.state();
        state.holders.iter_mut().for_each(super::holder::LiveHolder::note_file);
        let seed = saved::next_seed(&mut state);
        let (port, token, operator) = (self.port, &self.token, &self.operator);
        Saving { port, token, operator, now, seed, state: &state }.write(to)
    }

    /// Writes the world to where it is kept. One at a time, so that an older one never comes last.
    fn save_if_kept(&self) -> io::Result<()> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_deref().map_or(Ok(()), |to| self.save(to))
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

/// Tells who made a key, for as long as anybody asks.
#[derive(Clone, Debug)]
pub struct Witness(Arc<Shared>);

impl Witness {
    /// True if somebody else made this key, not a request that the sandbox was sent.
    pub fn is_foreign(&self, key: &str) -> bool {
        self.0.state().foreign.iter().any(|id| id == key)
    }
}

/// A running sandbox. Dropping it shuts it down.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

impl Sandbox {
    /// Starts serving on a free port of 127.0.0.1. Ids, secrets and waits come from `seed`; times from `clock`.
    ///
    /// # Errors
    /// No socket can be had on loopback.
    pub async fn start(world: World, clock: Clock, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let operator = world.operator.clone();
        let mut state = State::new(world, clock.now().millis(), seed);
        let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let token = Secret::new(format!("drill-{}", key::random_text(&mut state.rng, alphabet, 32)));
        Self::serve(listener, state, clock, token, operator)
    }

    /// Goes on with a world that [`Sandbox::keep`] wrote, at the same port: what was recorded of its addresses stays
    /// true. A virtual `clock` is moved to the time at which it was written, if it shows an earlier one.
    ///
    /// # Errors
    /// The world can't be read, or something else listens at its port now.
    pub async fn restore(from: Arc<dyn Keep>, clock: Clock) -> io::Result<Self> {
        let saved = Saved::read(&*from)?;
        clock.move_to(Stamp::from_millis(saved.now));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, saved.port)).await.map_err(|error| {
            io::Error::new(error.kind(), format!("port {} can't be had again: {error}", saved.port))
        })?;
        let sandbox = Self::serve(listener, saved.state, clock, saved.token, saved.operator)?;
        sandbox.keep(from)?;
        Ok(sandbox)
    }

    fn serve(listener: TcpListener, state: State, clock: Clock, token: Secret, operator: Pair) -> io::Result<Self> {
        let port = listener.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let (state, kept) = (Mutex::new(state), Mutex::new(None));
        let shared = Arc::new(Shared { state, clock, token, url, port, operator, kept });
        let app = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel::<()>();
        let service = app.into_make_service_with_connect_info::<Cut>();
        let serving = axum::serve(Wires(listener), service).with_graceful_shutdown(async move {
            // Sent or dropped: either way the sandbox is gone.
            let _ = stopped.await;
        });
        tokio::spawn(async move { serving.await });
        Ok(Self { shared, stop: Some(stop) })
    }

    /// Keeps the world there, now and after every request that may have changed it, before that is answered. With
    /// [`Sandbox::restore`] another process goes on with it.
    ///
    /// # Errors
    /// It can't be written.
    pub fn keep(&self, to: Arc<dyn Keep>) -> io::Result<()> {
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.save(&*to)?;
        *kept = Some(to);
        Ok(())
    }

    /// Keeps the world as it is now, if it is kept: before its hosts' files go away.
    ///
    /// # Errors
    /// It can't be written.
    pub fn save(&self) -> io::Result<()> {
        self.shared.save_if_kept()
    }

    /// Keeps the world no longer: nobody will go on with it.
    pub fn forget(&self) {
        *self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Where AWS is: the endpoint of every service. `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The operator's own pair.
    pub fn operator(&self) -> &Pair {
        &self.shared.operator
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
        let s3 = self.shared.state().s3_at.clone().unwrap_or_else(|| self.shared.url.clone());
        vec![
            (stand_in::ENV_URL, Secret::new(self.shared.url.clone())),
            (stand_in::ENV_TOKEN, self.shared.token.clone()),
            (stand_in::ENV_S3, Secret::new(s3)),
        ]
    }

    /// Puts the stand-ins into `dir` (made if it is not there): `ssh`, `heroku`, `gh`, each `exe` under another name, and below
    /// `dir/hosts` one folder for each host that holds a pair, with its files. Files of a host that is there already, in
    /// a sandbox that was restored, stay as they are.
    ///
    /// # Errors
    /// A folder, file or link can't be made.
    pub fn install_stand_ins(&self, dir: &Path, exe: &Path) -> io::Result<()> {
        stand_in::install(&mut self.shared.state(), dir, exe)?;
        self.shared.save_if_kept()
    }

    /// Turns a fault on, for as many times as it strikes by itself.
    ///
    /// # Errors
    /// What a drill can only start with ([`World::with_fault`]), or a world that can't be kept.
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
        self.shared
            .save_if_kept()
            .map_err(|error| Diagnostic::new(format!("the sandbox can't keep its world: {error}")))
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

    /// Who made which key.
    pub fn witness(&self) -> Witness {
        Witness(Arc::clone(&self.shared))
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
        // A request that is still being answered must not write over what the next process may have taken up already.
        self.forget();
        self.shutdown();
    }
}

/// A time as HTTP writes it (RFC 9110 section 5.6.7).
pub(super) fn http_date(ms: i64) -> String {
    Utc.timestamp_millis_opt(ms).single().unwrap_or_default().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A request of a stand-in. It has no `Debug`: its body may carry a pair.
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
                    aws::answer(&shared, path, parts.uri.query().unwrap_or(""), signed)
                }
            }
        }
    };
    // What is not kept would be lost in a crash, while the client was told that it is done.
    let answer = match parts.method.is_safe() {
        true => answer,
        false => shared
            .save_if_kept()
            .map_or_else(|error| Answer::text(500, format!("the sandbox can't keep its world: {error}")), |()| answer),
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
