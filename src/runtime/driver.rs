//! One `select!` that feeds a synchronous engine: decisions, answers and time in, entries to disk, effects out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::clock::Clock;
pub use super::handle::{Handle, Order};
use super::session::Session;
use super::snapshot::{Due, Log, Signed, Snapshot};
use super::{deliver, history, manual};
use crate::action::Performer;
use crate::diagnostic::Diagnostic;
use crate::engine::admit;
use crate::engine::call::Keep;
use crate::engine::decision::{Decision, Input};
use crate::engine::effect::{Effect, Outcome, Purpose};
use crate::engine::entry::{Body, EndStatus, Entry, Place, Stamp};
use crate::engine::focus::Focus;
use crate::engine::machine::Engine;
use crate::engine::rollback;
use crate::engine::state::Phase;
use crate::runbook::EffectKind;
use crate::sandbox::Sandbox;
use crate::secret::Vault;
use crate::store::RegisterEvent;
use crate::transcript::{Sealer, Writer, destroy_all};

/// How a run was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Sealed.
    Sealed(EndStatus),
    /// To be gone on with.
    Suspended,
    /// Left with an act under way: it will be in doubt.
    Left,
}

struct Answer {
    place: Place,
    purpose: Option<Purpose>,
    outcome: Outcome,
    keep: Vec<Keep>,
}

/// How long a signature may take before what was read for it counts no more.
const SIGNING: Duration = Duration::from_secs(60);

/// Everything that a run needs to go on.
pub struct Driver {
    pub(super) engine: Engine,
    pub(super) writer: Writer,
    pub(super) session: Session,
    pub(super) sealer: Sealer,
    pub(super) performer: Performer,
    pub(super) vault: Arc<Mutex<Vault>>,
    pub(super) clock: Clock,
    /// Kept alive for as long as the run is.
    pub(super) sandbox: Option<Sandbox>,
    /// Removed when the run is left.
    pub(super) scratch: Option<PathBuf>,
    pub(super) log: Log,
    pub(super) signed: Option<Signed>,
    pub(super) sealed: BTreeMap<String, String>,
    pub(super) notice: Option<String>,
    undelivered: Vec<String>,
    wish: Option<Decision>,
    due: Vec<Due>,
    tasks: JoinSet<Answer>,
    orders: mpsc::Receiver<Order>,
    handle: Handle,
    news: watch::Sender<Arc<Snapshot>>,
}

/// What [`Driver::new`] is made of.
pub(super) struct Parts {
    pub engine: Engine,
    pub writer: Writer,
    pub session: Session,
    pub sealer: Sealer,
    pub performer: Performer,
    pub vault: Arc<Mutex<Vault>>,
    pub clock: Clock,
    pub sandbox: Option<Sandbox>,
    pub scratch: Option<PathBuf>,
    pub entries: Vec<Entry>,
    pub signed: Option<Signed>,
}

impl Driver {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { engine, writer, session, sealer, performer, vault, clock, sandbox, scratch, entries, signed } =
            parts;
        let log: Log = Arc::new(RwLock::new(entries));
        let (orders_in, orders) = mpsc::channel(16);
        let mut engine = engine;
        let first = Arc::new(snapshot(&mut engine, &clock, &writer, (&log, &signed), (&[], None)));
        let (news, watched) = watch::channel(first);
        let witness = sandbox.as_ref().map(Sandbox::witness);
        let handle = Handle { orders: orders_in, news: watched, witness };
        Self {
            engine,
            writer,
            session,
            sealer,
            performer,
            vault,
            clock,
            sandbox,
            scratch,
            log,
            signed,
            sealed: BTreeMap::new(),
            notice: None,
            undelivered: Vec::new(),
            wish: None,
            due: Vec::new(),
            tasks: JoinSet::new(),
            orders,
            handle,
            news,
        }
    }

    /// The interface's end.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The embedded sandbox, in a drill.
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_ref()
    }

    /// Whom and what it works with.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The run's folder.
    pub fn folder(&self) -> &std::path::Path {
        self.writer.folder()
    }

    /// True if something was sent that may have changed the world.
    pub fn changed(&self) -> bool {
        let state = self.engine.state();
        let steps = self.engine.book().runbook.steps.iter().zip(&state.steps);
        steps
            .filter(|(step, _)| step.effect != EffectKind::Read)
            .any(|(_, folded)| folded.rows.iter().any(rollback::acted))
    }

    /// Runs until it is sealed, suspended or left.
    ///
    /// # Errors
    /// The store fails: nothing new was started, and the way back can be gone by hand.
    pub async fn run(&mut self) -> Result<Ending, Diagnostic> {
        match self.until_the_end().await {
            Ok(ending) => Ok(ending),
            Err(failure) => Err(manual::by_hand(failure, &self.engine)),
        }
    }

    /// Decides something before the run goes on: what a command was called for.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub async fn first(&mut self, decision: Decision) -> Result<Result<(), String>, Diagnostic> {
        // What an earlier process left in doubt is written down before anything is decided.
        while let Some(body) = self.engine.due(self.clock.now()) {
            if !self.append(body).await? {
                break;
            }
        }
        if let (Decision::RollBack { .. }, Focus::InDoubt { .. }) = (&decision, self.engine.focus()) {
            // The world is asked first: what it says decides what there is to undo.
            self.wish = Some(decision);
            return Ok(Ok(()));
        }
        self.decide(decision).await
    }

    /// What was decided before a doubt was settled.
    async fn wished(&mut self) -> Result<(), Diagnostic> {
        if matches!(self.engine.focus(), Focus::InDoubt { .. } | Focus::Answer { .. }) {
            return Ok(());
        }
        let Some(Decision::RollBack { reason }) = self.wish.take() else { return Ok(()) };
        let nothing = !self.changed();
        if let (Err(why), true) = (self.decide(Decision::RollBack { reason: reason.clone() }).await?, nothing) {
            let reason = format!("{reason}: {why}");
            if let Err(why) = self.decide(Decision::Abort { reason }).await? {
                self.notice = Some(why);
            }
        }
        Ok(())
    }

    async fn until_the_end(&mut self) -> Result<Ending, Diagnostic> {
        loop {
            self.wished().await?;
            self.progress().await?;
            self.publish();
            if let Some(ending) = self.ended().await? {
                return Ok(ending);
            }
            let now = self.clock.now();
            let wakeup = self.engine.wakeup(now);
            let nap = self.nap(now, wakeup);
            tokio::select! {
                Some(done) = self.tasks.join_next() => {
                    if let Ok(answer) = done {
                        self.answered(answer).await?;
                    }
                }
                order = self.orders.recv() => match order {
                    Some(Order::Decide(decision, reply)) => {
                        let taken = self.decide(decision).await?;
                        self.wished().await?;
                        self.progress().await?;
                        self.publish();
                        // An interface that is gone needs no answer.
                        let _ = reply.send(taken);
                    }
                    Some(Order::MoveOn(reason, reply)) => {
                        let taken = self.move_on(wakeup, reason).await?;
                        let _ = reply.send(taken);
                    }
                    Some(Order::Leave) | None => return self.leave(),
                },
                () = sleep(nap) => self.wake(wakeup).await?,
            }
        }
    }

    /// Left where it stands; an end that could not be signed is said to be none.
    fn leave(&self) -> Result<Ending, Diagnostic> {
        match (self.engine.focus(), &self.notice) {
            (Focus::Seal(_), Some(why)) => {
                Err(Diagnostic::new(format!("the run is over, and its seal is missing. {why}"))
                    .hint("keyward resume seals it as soon as the key signs"))
            }
            _ => Ok(Ending::Left),
        }
    }

    /// How long to sleep at most; `None` is until something happens.
    fn nap(&self, now: Stamp, wakeup: Option<Stamp>) -> Option<Duration> {
        let at = wakeup?;
        if !self.clock.is_virtual() {
            return Some(at.since(now));
        }
        if !self.tasks.is_empty() {
            // Whatever is out may change what is due; a drill's time stands still meanwhile.
            return None;
        }
        match self.engine.focus() {
            // A window is for the operator to let pass.
            Focus::Confirm { .. } if at.since(now) > Duration::from_secs(120) => None,
            Focus::Confirm { .. } => Some(Duration::from_secs(1)),
            _ => Some(Duration::ZERO),
        }
    }

    async fn wake(&mut self, wakeup: Option<Stamp>) -> Result<(), Diagnostic> {
        if let (true, Some(at)) = (self.clock.is_virtual(), wakeup)
            && at > self.clock.now()
        {
            let from = self.clock.now();
            self.clock.move_to(at);
            self.append(Body::ClockMoved { from, reason: "nothing is due before".into() }).await?;
        }
        Ok(())
    }

    async fn move_on(&mut self, wakeup: Option<Stamp>, reason: String) -> Result<Result<(), String>, Diagnostic> {
        let now = self.clock.now();
        let Some(to) = wakeup.filter(|at| *at > now) else {
            return Ok(Err("Nothing waits for the clock.".into()));
        };
        let taken = self.engine.handle(now, Input::Decision(Decision::MoveClock { to, reason }));
        match taken {
            Err(refusal) => Ok(Err(refusal.to_string())),
            Ok(bodies) => {
                self.clock.move_to(to);
                for body in bodies {
                    self.append(body).await?;
                }
                Ok(Ok(()))
            }
        }
    }

    /// Entries that are due, and effects that are due.
    async fn progress(&mut self) -> Result<(), Diagnostic> {
        loop {
            let now = self.clock.now();
            if let Some(body) = self.engine.due(now) {
                if !self.append(body).await? {
                    return Ok(());
                }
                continue;
            }
            let Some(effect) = self.engine.poll_effect(self.clock.now()) else { return Ok(()) };
            self.spawn(effect);
        }
    }

    fn spawn(&mut self, effect: Effect) {
        let performer = self.performer.clone();
        let since = self.clock.now();
        match effect {
            Effect::Read { place, purpose, calls, keep } => {
                let takes: Duration = calls.iter().map(|call| performer.due(call)).sum();
                self.due.push(Due { place: place.clone(), sent: false, since, by: since.plus(takes) });
                let session = self.session.clone();
                let account = self.engine.state().opened.environment.account.clone();
                self.tasks.spawn(async move {
                    let outcome = history::ask(&performer, &session, &account, &calls, &keep).await;
                    Answer { place, purpose: Some(purpose), outcome, keep }
                });
            }
            Effect::Send { place, call, keep, .. } => {
                let by = since.plus(performer.due(&call));
                self.due.push(Due { place: place.clone(), sent: true, since, by });
                self.tasks.spawn(async move {
                    let outcome = performer.send(&call, &keep).await;
                    Answer { place, purpose: None, outcome, keep }
                });
            }
        }
    }

    async fn answered(&mut self, answer: Answer) -> Result<(), Diagnostic> {
        let Answer { place, purpose, outcome, keep } = answer;
        let id = outcome.reading.request_id.as_deref().unwrap_or("");
        tracing::debug!(step = place.step, row = place.row, call = place.call, ?purpose, ended = ?outcome.ended, id, "answer");
        let sent = purpose.is_none();
        self.due.retain(|due| due.place != place || due.sent != sent);
        self.seal_kept(&keep)?;
        let now = self.clock.now();
        // The answer to what was sent is never refused: it is a fact. What was only read may be of no use any more, as
        // when the way back was begun meanwhile.
        let bodies = self.engine.handle(now, Input::Answer { place, purpose, outcome }).unwrap_or_default();
        for body in bodies {
            if sent || self.engine.admit(&self.draft(body.clone())).is_ok() {
                self.append(body).await?;
            }
        }
        Ok(())
    }

    /// What the vault has come to hold is sealed before the entry that yields it.
    fn seal_kept(&mut self, keep: &[Keep]) -> Result<(), Diagnostic> {
        for kept in keep {
            let vault = self.vault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some(secret) = vault.get(&kept.name) else { continue };
            let fp = vault.key().fingerprint(secret.expose());
            if self.sealed.get(&kept.name) != Some(&fp) {
                self.sealer.seal(self.writer.folder(), &file_name(&kept.name), secret)?;
                self.sealed.insert(kept.name.clone(), fp);
            }
        }
        Ok(())
    }

    async fn decide(&mut self, decision: Decision) -> Result<Result<(), String>, Diagnostic> {
        self.notice = None;
        let now = self.clock.now();
        match self.engine.handle(now, Input::Decision(decision)) {
            Err(refusal) => Ok(Err(refusal.to_string())),
            Ok(bodies) => {
                for body in bodies {
                    if !self.append(body).await? {
                        return Ok(Err(self.notice.clone().unwrap_or_default()));
                    }
                }
                Ok(Ok(()))
            }
        }
    }

    /// An entry as it would stand.
    fn draft(&self, body: Body) -> Entry {
        let by = match &body {
            Body::TookOver { .. } => self.session.signer.principal().to_owned(),
            _ => self.engine.state().operator.clone(),
        };
        Entry {
            n: self.engine.state().entries,
            prev: String::new(),
            at: self.clock.now().max(self.engine.state().at),
            by,
            body,
            wall: self.clock.is_virtual().then(Clock::wall),
            sigs: None,
        }
    }

    /// Appends one entry, signed where it is a checkpoint. False if there was no signature: then nothing was written.
    pub(super) async fn append(&mut self, body: Body) -> Result<bool, Diagnostic> {
        let draft = self.draft(body.clone());
        let (at, wall, by) = (draft.at, draft.wall, draft.by.clone());
        self.engine.admit(&draft).map_err(|why| {
            Diagnostic::new(format!("keyward refuses to write an entry of its own ({}): {why}", body.kind()))
                .hint("this is a defect in keyward; nothing was sent. The run can be resumed")
        })?;
        let entry = if admit::must_be_signed(self.engine.book(), &body) {
            let pending = self.writer.prepare(at, wall, &by, body.clone())?;
            let signer = self.session.signer.clone();
            let to_sign = pending.clone();
            // A signer may wait for a touch or an agent; nothing else is written meanwhile.
            let asked = std::time::Instant::now();
            let signature = tokio::task::spawn_blocking(move || to_sign.sign(&*signer)).await;
            // Gates were read before the signer was asked, and a touch can come hours later.
            if asked.elapsed() > SIGNING
                && let (Body::Confirmed { .. }, Phase::Forward) = (&body, self.engine.state().phase)
            {
                self.notice =
                    Some("The signature came too late: the gates are to be read again. Nothing was sent.".into());
                return Ok(false);
            }
            match signature {
                Ok(Ok(signature)) => {
                    let entry = self.writer.commit(pending, &signature)?;
                    self.signed = Some(Signed { n: entry.n, at: entry.at, by: entry.by.clone() });
                    entry
                }
                refused => {
                    let why = match refused {
                        Ok(Err(why)) => why.to_string(),
                        _ => "the signer stopped".to_owned(),
                    };
                    // A seal without its signature would be none, and nothing waits for it.
                    if self.engine.state().phase != Phase::Back || matches!(body, Body::Sealed { .. }) {
                        self.notice = Some(format!("Not signed, so nothing was sent: {why}"));
                        return Ok(false);
                    }
                    // The way back waits for no signature; the next checkpoint covers this one.
                    self.notice = Some("Unsigned: the way back waits for no signature.".into());
                    self.writer.append_unsigned_checkpoint(at, wall, &by, body)?
                }
            }
        } else {
            self.writer.append(at, wall, &by, body)?
        };
        tracing::info!(n = entry.n, kind = entry.body.kind(), at = %entry.at, "entry");
        self.engine.apply(&entry);
        self.engine.started_here(&entry);
        self.log.write().unwrap_or_else(std::sync::PoisonError::into_inner).push(entry);
        Ok(true)
    }

    fn publish(&mut self) {
        let notice = self.notice.clone();
        let log = (&self.log, &self.signed);
        let now = snapshot(&mut self.engine, &self.clock, &self.writer, log, (&self.due, notice));
        self.news.send_replace(Arc::new(now));
    }

    async fn ended(&mut self) -> Result<Option<Ending>, Diagnostic> {
        let ending = match self.engine.state().phase {
            Phase::Sealed(status) => Ending::Sealed(status),
            _ if self.engine.state().suspended.is_some() => Ending::Suspended,
            _ => return Ok(None),
        };
        let event = if ending == Ending::Suspended { RegisterEvent::Suspended } else { RegisterEvent::Ended };
        let state = self.engine.state();
        let last = (state.entries - 1, self.writer.chain().head());
        let register = self.session.store.register();
        register.note(event, Clock::wall(), &state.operator, &state.opened.run, last, None)?;
        if event == RegisterEvent::Ended {
            if let Some(sandbox) = &self.sandbox {
                sandbox.forget();
            }
            destroy_all(self.writer.folder())?;
        }
        let sealed = self.log.read().unwrap_or_else(std::sync::PoisonError::into_inner).last().cloned();
        if let Some(entry) = sealed {
            let (folder, head) = (self.writer.folder(), self.writer.chain().head());
            self.undelivered = deliver::deliver(&self.session, &self.engine.state().opened, folder, &entry, head).await;
        }
        Ok(Some(ending))
    }

    /// Who could not be told of the run's end, and why: each a sentence.
    pub fn undelivered(&self) -> &[String] {
        &self.undelivered
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(sandbox) = &self.sandbox {
            // Without it the world is as of its last change, which a killed process leaves too.
            let _ = sandbox.save();
        }
        if let Some(scratch) = &self.scratch {
            // What is left of a drill's folder holds nothing but links and the drill's own files.
            let _ = std::fs::remove_dir_all(scratch);
        }
    }
}

/// A secret's name as a file's: what is not a plain letter becomes `%XX`, so that two names never share a file.
pub(super) fn file_name(name: &str) -> String {
    let mut out = String::new();
    crate::engine::url::encode_into(name, b"._-", &mut out);
    out.replace('%', "+")
}

async fn sleep(nap: Option<Duration>) {
    match nap {
        Some(nap) => tokio::time::sleep(nap).await,
        None => std::future::pending().await,
    }
}

fn snapshot(
    engine: &mut Engine,
    clock: &Clock,
    writer: &Writer,
    (log, signed): (&Log, &Option<Signed>),
    (due, notice): (&[Due], Option<String>),
) -> Snapshot {
    let now = clock.now();
    let focus = engine.focus();
    let finding = match &focus {
        Focus::InDoubt { place } => engine.finding(place),
        _ => None,
    };
    Snapshot {
        book: engine.book().clone(),
        state: engine.state().clone(),
        rendered: engine.rendered(),
        finding,
        confirming: engine.confirming(),
        busy: engine.busy(),
        due: due.to_vec(),
        notice: notice.or_else(|| engine.notice().map(str::to_owned)),
        wakeup: engine.wakeup(now),
        now,
        folder: writer.folder().to_owned(),
        head: writer.chain().head().to_owned(),
        signed: signed.clone(),
        log: log.clone(),
        focus,
    }
}
