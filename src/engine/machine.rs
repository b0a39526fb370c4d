//! Inputs to entries, and the effects that the state asks for.
//!
//! The engine holds no state of the run beside the fold. What it remembers besides is about this process only: which
//! effects are out, which confirmation waits for its gates, when a read is due again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

use crate::runbook::op::Op;
use crate::runbook::{EffectKind, Step};

use super::book::Book;
use super::decision::{Decision, Input};
use super::effect::{Effect, Ended, Outcome, Purpose};
use super::entry::{Answer, Body, Doubt, EndStatus, Entry, Place, Reading, Stamp, Verdict};
use super::focus::{Focus, focus};
use super::render::Renderer;
use super::state::{CallState, Phase, RowState, State};
use super::{admit, doubt, expect, gate, own, rollback};

/// Why an input is refused: a sentence for the operator. Nothing was changed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Refusal(pub String);

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// A confirmation that waits until every gate of its step was read again.
#[derive(Clone, Debug)]
struct Pending {
    step: String,
    digest: String,
    answer: Answer,
    /// Gate readings count from this entry on.
    since: u64,
}

/// The state machine of one run.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) book: Arc<Book>,
    pub(super) state: State,
    /// Effects that are out.
    flying: BTreeSet<(Place, Option<Purpose>)>,
    /// Calls whose `started` this process wrote and that are still to be handed out.
    to_send: BTreeSet<Place>,
    pending: Option<Pending>,
    /// Reads that gave nothing, and when they are due again.
    later: BTreeMap<(Place, Purpose), Stamp>,
    /// How many reads of a doubt a person asked for.
    asked: BTreeMap<Place, usize>,
    notice: Option<String>,
}

/// Before a look or a gate that gave no answer is read again.
const AGAIN: Duration = Duration::from_secs(10);

impl Engine {
    /// The engine of a run that was opened by this entry; `None` if that is none.
    pub fn open(book: Arc<Book>, entry: &Entry) -> Option<Self> {
        let state = State::open(&book, entry)?;
        Some(Self {
            book,
            state,
            flying: BTreeSet::new(),
            to_send: BTreeSet::new(),
            pending: None,
            later: BTreeMap::new(),
            asked: BTreeMap::new(),
            notice: None,
        })
    }

    /// The run so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What it is read against.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Why the last confirmation was not taken, until the next input.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// True while an answer is due.
    pub fn under_way(&self) -> bool {
        self.flying.iter().any(|(_, purpose)| purpose.is_none()) || !self.to_send.is_empty()
    }

    /// True while any effect is out.
    pub fn busy(&self) -> bool {
        !self.flying.is_empty() || !self.to_send.is_empty() || self.pending.is_some()
    }

    /// True while a confirmation waits for its gates.
    pub fn confirming(&self) -> bool {
        self.pending.is_some()
    }

    /// Would this entry be allowed now? The same question that `verify` asks.
    pub fn admit(&self, entry: &Entry) -> Result<(), String> {
        admit::admit(&self.book, &self.state, entry)
    }

    /// Folds in an entry that is on disk.
    pub fn apply(&mut self, entry: &Entry) {
        self.state.apply(&self.book, entry);
        if let Body::Resumed { .. } | Body::TookOver { .. } = entry.body {
            self.pending = None;
            self.later.clear();
        }
    }

    /// A `started` of this process is on disk: its call may be handed out now.
    pub fn started_here(&mut self, entry: &Entry) {
        if let Body::Started { place, .. } = &entry.body {
            self.to_send.insert(place.clone());
        }
    }

    /// Where the run stands.
    pub fn focus(&self) -> Focus {
        focus(&self.book, &self.state)
    }

    /// Takes an input: the entries that it makes, to be appended in order before anything else is asked.
    pub fn handle(&mut self, now: Stamp, input: Input) -> Result<Vec<Body>, Refusal> {
        match input {
            Input::Timer => Ok(Vec::new()),
            Input::Answer { place, purpose, outcome } => {
                if !self.flying.remove(&(place.clone(), purpose.clone())) {
                    return Ok(Vec::new());
                }
                Ok(self.answer(now, place, purpose, outcome))
            }
            Input::Back { by, caller, host, version, binary } => {
                if let Phase::Sealed(_) = self.state.phase {
                    return refuse("The run is sealed. There is nothing to go on with.");
                }
                if by == self.state.operator {
                    Ok(vec![Body::Resumed { caller, host, version, binary }])
                } else {
                    let from = self.state.operator.clone();
                    Ok(vec![Body::TookOver { from, caller, host, version, binary }])
                }
            }
            Input::Decision(decision) => {
                self.notice = None;
                if let Phase::Sealed(_) = self.state.phase {
                    return refuse("The run is sealed. Nothing can be added to it.");
                }
                self.decide(now, decision)
            }
        }
    }

    fn decide(&mut self, now: Stamp, decision: Decision) -> Result<Vec<Body>, Refusal> {
        match decision {
            Decision::Confirm { step, digest, answer } => self.confirm(step, digest, answer),
            Decision::Note { text } if text.trim().is_empty() => refuse("An empty note is not written down."),
            Decision::Note { text } => Ok(vec![Body::Noted { text }]),
            Decision::Retry { step, row } => self.retry(&step, row.as_deref()),
            Decision::Redo { step, row } => self.redo(&step, &row),
            Decision::Skip { step, reason } => self.allowed(vec![Body::Skipped { step, reason }], now),
            Decision::Override { step, gate, reason, role } => {
                self.allowed(vec![Body::Override { step, gate, reason, role }], now)
            }
            Decision::RollBack { reason } => {
                if self.under_way() {
                    return refuse("An answer is due. The way back opens when it is in.");
                }
                self.pending = None;
                self.allowed(vec![Body::RollbackBegun { reason }], now)
            }
            Decision::AddRow { list, value, reason } => self.allowed(vec![Body::RowAdded { list, value, reason }], now),
            Decision::RestartWindow { step, reason } => self.allowed(vec![Body::WindowRestarted { step, reason }], now),
            Decision::Reconcile { place, outcome, typed } => self.reconcile(now, place, outcome, typed),
            Decision::Entered { place, values } => {
                let reading = Reading { result: Some(values), ..Reading::default() };
                self.allowed(vec![Body::Finished { place, verdict: Verdict::Pass, reading }], now)
            }
            Decision::Suspend { reason } => {
                if self.under_way() {
                    return refuse("An answer is due. Leaving now would leave it in doubt.");
                }
                self.allowed(vec![Body::Suspended { reason }], now)
            }
            Decision::HandOver { to } => {
                if self.under_way() {
                    return refuse("An answer is due. Hand over when it is in.");
                }
                self.allowed(vec![Body::HandedOver { to }], now)
            }
            Decision::Abort { reason } => {
                if self.under_way() {
                    return refuse("An answer is due. Abort when it is in.");
                }
                self.allowed(vec![Body::Aborted { reason }], now)
            }
            Decision::MoveClock { to, reason } => {
                if !self.state.opened.environment.virtual_clock {
                    return refuse("The clock of a real account can't be moved.");
                }
                if to <= now {
                    return refuse("The clock only moves forward.");
                }
                Ok(vec![Body::ClockMoved { from: now, reason }])
            }
        }
    }

    /// Bodies that stand or fall with the rules alone.
    fn allowed(&self, bodies: Vec<Body>, now: Stamp) -> Result<Vec<Body>, Refusal> {
        for body in &bodies {
            self.admit(&self.draft(body.clone(), now)).map_err(Refusal)?;
        }
        Ok(bodies)
    }

    /// An entry as it would be, for the rules.
    fn draft(&self, body: Body, at: Stamp) -> Entry {
        let by = self.state.operator.clone();
        Entry {
            n: self.state.entries,
            prev: String::new(),
            at: at.max(self.state.at),
            by,
            body,
            wall: None,
            sigs: None,
        }
    }

    fn confirm(&mut self, step: String, digest: String, answer: Answer) -> Result<Vec<Body>, Refusal> {
        if self.pending.is_some() {
            return refuse("This is being confirmed: its gates are read again.");
        }
        let body = admit::confirmation(&self.book, &self.state, &step, &answer).map_err(Refusal)?;
        let Body::Confirmed { digest: current, .. } = &body else { return refuse("Nothing is to be confirmed.") };
        if *current != digest {
            return refuse("The action changed. Look again; nothing was sent.");
        }
        let gated = self.book.runbook.step(&step).is_some_and(|step| !gate::gates(step).is_empty());
        if gated {
            self.pending = Some(Pending { step, digest, answer, since: self.state.entries });
            return Ok(Vec::new());
        }
        Ok(vec![body])
    }

    fn retry(&mut self, step: &str, row: Option<&str>) -> Result<Vec<Body>, Refusal> {
        if self.under_way() {
            return refuse("An answer is due.");
        }
        if step == "rollback" {
            return Ok(vec![admit::open_back(&self.book, &self.state)]);
        }
        // In doubt, trying again means asking the world again, never sending again.
        if let Focus::InDoubt { place } = self.focus() {
            let asked = self.asked.entry(place).or_insert(doubt::TRIES);
            *asked += 1;
            return Ok(Vec::new());
        }
        let Some(index) = self.book.runbook.position(step) else {
            return refuse(format!("There is no step “{step}”."));
        };
        let folded = &self.state.steps[index];
        let failed: Vec<&RowState> = folded
            .rows
            .iter()
            .filter(|r| r.verdict != Some(Verdict::Pass) && row.is_none_or(|row| r.key == row))
            .collect();
        if folded.attempt == 0 || failed.is_empty() {
            return refuse("Nothing of this step is to be tried again.");
        }
        let lost = failed
            .iter()
            .flat_map(|row| row.calls.values())
            .any(|call| matches!(call, CallState::Reconciled { outcome: Doubt::DoneLost | Doubt::NotOurs, .. }));
        if lost {
            return refuse(
                "A key is there whose secret nobody has. Go the way back, which deletes it if it is ours, then start again.",
            );
        }
        let rows = failed.iter().map(|row| json!({"key": row.key, "value": row.value})).collect();
        Ok(vec![rows_body(step, folded.attempt + 1, rows)])
    }

    fn redo(&mut self, step: &str, row: &str) -> Result<Vec<Body>, Refusal> {
        let Some(index) = self.book.runbook.position(step) else {
            return refuse(format!("There is no step “{step}”."));
        };
        let folded = &self.state.steps[index];
        let Some(found) = folded.row(row) else { return refuse(format!("Step {step} has no row “{row}”.")) };
        if self.under_way() || self.book.runbook.steps[index].run.op == Op::IamCreateAccessKey {
            return refuse("This can't be done again from here.");
        }
        let rows = vec![json!({"key": found.key, "value": found.value})];
        Ok(vec![rows_body(step, folded.attempt + 1, rows)])
    }

    fn reconcile(&mut self, now: Stamp, place: Place, outcome: Doubt, typed: String) -> Result<Vec<Body>, Refusal> {
        let candidate = self.candidate(&place);
        let wanted = match (outcome, &candidate) {
            (Doubt::DoneLost, Some(id)) => id.get(id.len().saturating_sub(4)..).unwrap_or(id).to_owned(),
            (Doubt::DoneLost, None) => return refuse("No key is there that could be ours."),
            (Doubt::NotDone, Some(_)) => return refuse("A key is there that was not there before. Say whose it is."),
            (Doubt::NotDone, None) => "not sent".to_owned(),
            (Doubt::Done, _) => "done".to_owned(),
            (Doubt::NotOurs, _) => "not ours".to_owned(),
            (Doubt::Unknown, _) => return refuse("Unknown is what it is already."),
        };
        if typed != wanted {
            return refuse(format!("You typed “{typed}”. To say so, type “{wanted}”."));
        }
        let evidence = json!({"by": self.state.operator, "typed": typed, "key": candidate});
        self.allowed(vec![Body::Reconciled { place, outcome, evidence }], now)
    }

    /// The key that may be the one a call in doubt created.
    pub fn candidate(&self, place: &Place) -> Option<String> {
        let row = self.state.step(&self.book, &place.step)?.row(&place.row)?;
        let CallState::InDoubt { reads, .. } = row.calls.get(&place.call)? else { return None };
        doubt::candidate(row, &reads.last()?.1)
    }

    fn answer(&mut self, now: Stamp, place: Place, purpose: Option<Purpose>, outcome: Outcome) -> Vec<Body> {
        let Outcome { ended, reading } = outcome;
        let result = reading.result.clone().unwrap_or(Value::Null);
        let Some(purpose) = purpose else {
            return vec![self.sent(place, ended, reading)];
        };
        let silent = ended == Ended::NoAnswer || ended == Ended::NotSent;
        if silent {
            self.later.insert((place.clone(), purpose.clone()), now.plus(AGAIN));
        } else {
            self.later.remove(&(place.clone(), purpose.clone()));
        }
        match purpose {
            Purpose::Look => {
                let Place { step, attempt, row, .. } = place;
                vec![Body::Resolved { what: "look".into(), name: step, row, attempt, reading }]
            }
            Purpose::Gate(index) => {
                let Some((verdict, evidence)) = self.judge_gate(&place, index, &reading, now) else {
                    return Vec::new();
                };
                vec![Body::Gate { step: place.step, gate: index, row: place.row, verdict, evidence }]
            }
            Purpose::Sample => self.sampled(now, place, reading).into_iter().collect(),
            Purpose::Reconcile => self.reconciling(now, place, &result),
            Purpose::Again(_) => Vec::new(),
        }
    }

    fn sent(&self, place: Place, ended: Ended, reading: Reading) -> Body {
        let result = reading.result.clone().unwrap_or(Value::Null);
        match ended {
            Ended::Answered => {
                let verdict = self.act_verdict(&place, &result);
                Body::Finished { place, verdict, reading }
            }
            Ended::Refused => {
                let verdict = admit::refused_verdict(&self.book, &self.state, &place, &result);
                Body::Finished { place, verdict, reading }
            }
            Ended::NoAnswer => Body::InDoubt { place, evidence: json!({"reason": "no answer", "answer": result}) },
            Ended::NotSent => {
                let (code, message) = super::effect::error_of(&result).unwrap_or(("NotSent", ""));
                Body::NotSent { place, reason: format!("{code}: {message}") }
            }
        }
    }

    fn act_verdict(&self, place: &Place, result: &Value) -> Verdict {
        admit::act_verdict(&self.book, &self.state, place, result)
    }

    fn sampled(&self, now: Stamp, place: Place, reading: Reading) -> Option<Body> {
        let result = reading.result.clone().unwrap_or(Value::Null);
        let verdict = admit::sample_verdict(&self.book, &self.state, &place, &result)?;
        if admit::decides(&self.book, &self.state, &place, verdict, now)? {
            return Some(Body::Finished { place, verdict, reading });
        }
        Some(Body::Sample { place, verdict, reading })
    }

    fn reconciling(&mut self, _now: Stamp, place: Place, result: &Value) -> Vec<Body> {
        let call = Place { call: place.call / 100, ..place.clone() };
        let tries = (place.call % 100) as usize;
        let evidence = doubt::read_evidence(tries, result);
        let mut bodies = vec![Body::InDoubt { place: call.clone(), evidence }];
        let Some(folded) = self.state.step(&self.book, &call.step).and_then(|step| step.row(&call.row)) else {
            return bodies;
        };
        let Some(CallState::InDoubt { reads, .. }) = folded.calls.get(&call.call) else { return bodies };
        let mut reads = reads.clone();
        reads.push((self.state.at, result.clone()));
        let asked = self.asked.get(&call).copied().unwrap_or(doubt::TRIES);
        if let doubt::Finding::Settled(outcome) = self.find(&call, &reads, asked) {
            bodies.push(Body::Reconciled {
                place: call,
                outcome,
                evidence: json!({"by": "reads", "reads": reads.len()}),
            });
        }
        bodies
    }

    fn find(&self, place: &Place, reads: &[(Stamp, Value)], asked: usize) -> doubt::Finding {
        admit::finding(&self.book, &self.state, place, reads, asked)
    }

    /// What the reads of a call in doubt say so far.
    pub fn finding(&self, place: &Place) -> Option<doubt::Finding> {
        let row = self.state.step(&self.book, &place.step)?.row(&place.row)?;
        let CallState::InDoubt { reads, .. } = row.calls.get(&place.call)? else { return None };
        let asked = self.asked.get(place).copied().unwrap_or(doubt::TRIES);
        Some(self.find(place, reads, asked))
    }

    fn judge_gate(&self, place: &Place, index: u32, reading: &Reading, now: Stamp) -> Option<(Verdict, Value)> {
        let step = self.book.runbook.step(&place.step)?;
        let row = self.state.step(&self.book, &place.step)?.row(&place.row)?;
        let gate = gate::gates(step).get(index as usize).copied()?;
        let view = gate::GateView { book: &self.book, state: &self.state, step, row };
        let facts = view.facts(reading.result.as_ref().unwrap_or(&Value::Null), reading.date.as_deref());
        let judged = view.judge(gate, &facts, now);
        Some((judged.verdict, judged.evidence(&facts)))
    }

    /// The next entry that the state itself demands, without anybody deciding anything.
    pub fn due(&mut self, now: Stamp) -> Option<Body> {
        if self.state.suspended.is_some() || matches!(self.state.phase, Phase::Sealed(_)) {
            return None;
        }
        if let Some(place) = self.lost_start() {
            let evidence = json!({"reason": "keyward stopped before an answer was written down"});
            return Some(Body::InDoubt { place, evidence });
        }
        if let Some(body) = admit::capture_due(&self.book, &self.state) {
            return Some(body);
        }
        match self.focus() {
            Focus::Open { step } => admit::rows_due(&self.book, &self.state, &step).ok().flatten(),
            Focus::Confirm { step } => self.gates_due(now, &step),
            Focus::Send { place, digest } => Some(Body::Started { place, digest }),
            Focus::Waiting { place, until } if now >= until => {
                Some(Body::Finished { place, verdict: Verdict::Pass, reading: Reading::default() })
            }
            Focus::Reopen { step } => admit::reopen(&self.book, &self.state, &step),
            Focus::OpenBack => Some(admit::open_back(&self.book, &self.state)),
            Focus::Seal(status) => Some(admit::seal(&self.book, &self.state, status)),
            _ => None,
        }
    }

    /// A call that was started and whose answer nobody waits for.
    fn lost_start(&self) -> Option<Place> {
        for (place, call) in super::focus::open_calls(&self.book, &self.state) {
            let out = self.flying.contains(&(place.clone(), None)) || self.to_send.contains(&place);
            if matches!(call, CallState::Started { .. }) && !out {
                return Some(place);
            }
        }
        None
    }

    /// Readings of gates that need no read, and the confirmation that waited for them all.
    fn gates_due(&mut self, now: Stamp, id: &str) -> Option<Body> {
        let step = self.book.runbook.step(id)?;
        let index = self.book.runbook.position(id)?;
        let folded = &self.state.steps[index];
        let mut all_fresh = true;
        let mut all_pass = true;
        for row in folded.rows.iter().filter(|row| row.attempt == folded.attempt) {
            let view = gate::GateView { book: &self.book, state: &self.state, step, row };
            for (gate, n) in gate::gates(step).into_iter().zip(0..) {
                let reading = folded.gates.get(&(n, row.key.clone()));
                let needed = match (&self.pending, reading) {
                    (Some(pending), Some(reading)) => reading.n < pending.since,
                    (_, None) => true,
                    (None, Some(reading)) => {
                        gate::opens_at(&reading.evidence).is_some_and(|at| now >= at && reading.at < at)
                    }
                };
                if needed {
                    all_fresh = false;
                    if view.reads(gate).is_ok_and(|reads| reads.is_empty()) {
                        let facts = Value::Null;
                        let judged = view.judge(gate, &facts, now);
                        let evidence = judged.evidence(&facts);
                        return Some(Body::Gate {
                            step: id.into(),
                            gate: n,
                            row: row.key.clone(),
                            verdict: judged.verdict,
                            evidence,
                        });
                    }
                }
                let broken = folded.overridden.contains_key(&n);
                all_pass &= broken || reading.is_some_and(|reading| reading.verdict == Verdict::Pass);
            }
        }
        let pending = self.pending.as_ref().filter(|pending| pending.step == id && all_fresh)?.clone();
        self.pending = None;
        if !all_pass {
            self.notice = Some("A gate no longer holds. Nothing was sent.".into());
            return None;
        }
        match admit::confirmation(&self.book, &self.state, &pending.step, &pending.answer) {
            Ok(body @ Body::Confirmed { .. }) => {
                let same = matches!(&body, Body::Confirmed { digest, .. } if *digest == pending.digest);
                if same {
                    return Some(body);
                }
                self.notice = Some("The action changed. Look again; nothing was sent.".into());
                None
            }
            Ok(_) => None,
            Err(why) => {
                self.notice = Some(why);
                None
            }
        }
    }

    /// The next effect to carry out. Each is handed out once; its answer comes back through [`Engine::handle`].
    pub fn poll_effect(&mut self, now: Stamp) -> Option<Effect> {
        if let Some(place) = self.to_send.pop_first() {
            let effect = self.send(&place);
            if effect.is_some() {
                self.flying.insert((place, None));
            }
            return effect;
        }
        if self.state.suspended.is_some() {
            return None;
        }
        for (due, effect) in self.wanted(now) {
            let Effect::Read { place, purpose, .. } = &effect else { continue };
            let key = (place.clone(), Some(purpose.clone()));
            let later = self.later.get(&(place.clone(), purpose.clone())).copied();
            if due.max(later.unwrap_or(due)) <= now && !self.flying.contains(&key) {
                self.flying.insert(key);
                return Some(effect);
            }
        }
        None
    }

    /// When something will be due that is not due now, unless a person or an answer comes first.
    pub fn wakeup(&mut self, now: Stamp) -> Option<Stamp> {
        if self.state.suspended.is_some() {
            return None;
        }
        let mut times = Vec::new();
        for (due, effect) in self.wanted(now) {
            let Effect::Read { place, purpose, .. } = effect else { continue };
            let later = self.later.get(&(place.clone(), purpose.clone())).copied();
            if !self.flying.contains(&(place, Some(purpose))) {
                times.push(due.max(later.unwrap_or(due)));
            }
        }
        match self.focus() {
            Focus::Waiting { until, .. } => times.push(until),
            Focus::Confirm { step } => {
                if let Some(folded) = self.state.step(&self.book, &step) {
                    times.extend(
                        folded.gates.values().filter_map(|gate| gate::opens_at(&gate.evidence)).filter(|at| *at > now),
                    );
                }
            }
            _ => {}
        }
        times.into_iter().min()
    }

    fn send(&self, place: &Place) -> Option<Effect> {
        let folded = self.state.step(&self.book, &place.step)?;
        let confirmed = folded.confirmed.as_ref()?;
        let forward = self.book.runbook.step(&place.step);
        let key = if forward.is_some() { &place.row } else { &place.step };
        let row = confirmed.rendered.rows.iter().find(|row| row.row == *key)?;
        let call = row.calls.iter().find(|call| call.call == place.call)?.clone();
        let keep = forward.map(own::result_keeps).unwrap_or_default();
        Some(Effect::Send { place: place.clone(), call, digest: confirmed.digest.clone(), keep })
    }

    /// Every read that the state wants, with the time from which it is due.
    fn wanted(&self, now: Stamp) -> Vec<(Stamp, Effect)> {
        let mut wanted = Vec::new();
        match self.focus() {
            Focus::Confirm { step } => {
                if let Some(step) = self.book.runbook.step(&step) {
                    self.wanted_before(now, step, &mut wanted);
                }
            }
            Focus::Sample { step } => self.wanted_samples(&step, &mut wanted),
            Focus::InDoubt { place } => self.wanted_doubt(&place, &mut wanted),
            _ => {}
        }
        wanted
    }

    fn wanted_before(&self, now: Stamp, step: &Step, wanted: &mut Vec<(Stamp, Effect)>) {
        let Some(folded) = self.state.step(&self.book, &step.id) else { return };
        for row in folded.rows.iter().filter(|row| row.attempt == folded.attempt) {
            let place = Place { step: step.id.clone(), attempt: folded.attempt, row: row.key.clone(), call: 0 };
            let unread = row.look.as_ref().is_none_or(|(_, reading)| {
                reading.result.as_ref().is_some_and(|result| super::effect::error_of(result).is_some())
            });
            let stale = row.look.as_ref().is_some_and(|_| self.state.resumed_n > 0 && self.look_before_resume(row));
            if unread || stale {
                if let Ok(calls) = own::looks(&self.book, &self.state, step, row)
                    && !calls.is_empty()
                {
                    let keep = own::look_keeps(&self.book, step, row);
                    wanted.push((now, Effect::Read { place: place.clone(), purpose: Purpose::Look, calls, keep }));
                }
            }
            let view = gate::GateView { book: &self.book, state: &self.state, step, row };
            for (gate, n) in gate::gates(step).into_iter().zip(0..) {
                let Ok(calls) = view.reads(gate) else { continue };
                if calls.is_empty() {
                    continue;
                }
                let due = match (&self.pending, folded.gates.get(&(n, row.key.clone()))) {
                    (_, None) => Some(now),
                    (Some(pending), Some(reading)) if reading.n < pending.since => Some(now),
                    (_, Some(reading)) => match gate::opens_at(&reading.evidence) {
                        Some(at) if reading.at < at => Some(at),
                        _ if reading.verdict == Verdict::Unknown => Some(reading.at.plus(AGAIN * 6)),
                        _ => None,
                    },
                };
                if let Some(due) = due {
                    let purpose = Purpose::Gate(n);
                    wanted.push((due, Effect::Read { place: place.clone(), purpose, calls, keep: Vec::new() }));
                }
            }
        }
    }

    fn look_before_resume(&self, row: &RowState) -> bool {
        // Looks carry a time, resumptions an entry; the step's gates were cleared by the resumption, and so a look that is
        // older than the last entry before it has to be made again. Only unconfirmed rows come here.
        row.look.as_ref().is_some_and(|(at, _)| self.state.resumed_at.is_some_and(|resumed| *at < resumed))
    }

    fn wanted_samples(&self, id: &str, wanted: &mut Vec<(Stamp, Effect)>) {
        let Some(folded) = self.state.step(&self.book, id) else { return };
        for row in folded.rows.iter().filter(|row| row.verdict.is_none()) {
            let tries = u32::try_from(row.samples.len()).unwrap_or(u32::MAX).saturating_add(1);
            let place = Place { step: id.to_owned(), attempt: folded.attempt, row: row.key.clone(), call: tries };
            let Some(due) = admit::sample_due(&self.book, &self.state, &place) else { continue };
            let (calls, keep) = match self.book.runbook.step(id) {
                Some(step) => {
                    let keep = if step.effect == EffectKind::Read { own::result_keeps(step) } else { Vec::new() };
                    (own::probe(&self.book, &self.state, step, row).unwrap_or_default(), keep)
                }
                None => match rollback::plan(&self.book, &self.state).act(id) {
                    Some(act) if act.effect == EffectKind::Read => (act.calls.clone(), Vec::new()),
                    Some(act) => (act.probe.clone(), Vec::new()),
                    None => continue,
                },
            };
            if calls.is_empty() {
                continue;
            }
            wanted.push((due, Effect::Read { place, purpose: Purpose::Sample, calls, keep }));
            // Mutating rows go one after another.
            if self.book.runbook.step(id).is_none_or(Book::one_by_one) {
                break;
            }
        }
    }

    fn wanted_doubt(&self, place: &Place, wanted: &mut Vec<(Stamp, Effect)>) {
        let Some(folded) = self.state.step(&self.book, &place.step) else { return };
        let Some(row) = folded.row(&place.row) else { return };
        let Some(CallState::InDoubt { reads, .. }) = row.calls.get(&place.call) else { return };
        let asked = self.asked.get(place).copied().unwrap_or(doubt::TRIES);
        if reads.len() >= asked {
            return;
        }
        let (calls, op) = match self.book.runbook.step(&place.step) {
            Some(step) => (own::probe(&self.book, &self.state, step, row).unwrap_or_default(), Some(step.run.op)),
            None => {
                let plan = rollback::plan(&self.book, &self.state);
                (plan.act(&place.step).map(|act| act.probe.clone()).unwrap_or_default(), None)
            }
        };
        if calls.is_empty() {
            return;
        }
        let due = reads.last().map_or(self.state.at, |(at, _)| at.plus(doubt::every(op)));
        let tries = u32::try_from(reads.len()).unwrap_or(u32::MAX).saturating_add(1).min(99);
        let place = Place { call: place.call * 100 + tries, ..place.clone() };
        wanted.push((due, Effect::Read { place, purpose: Purpose::Reconcile, calls, keep: Vec::new() }));
    }

    /// The action of the step in focus, as it is to be confirmed.
    pub fn rendered(&self) -> Option<Result<super::call::Rendered, String>> {
        match self.focus() {
            Focus::Confirm { step } => {
                let step = self.book.runbook.step(&step)?;
                let renderer = Renderer { book: &self.book, state: &self.state };
                Some(renderer.step(step).map_err(|why| why.to_string()))
            }
            Focus::ConfirmBack => Some(Ok(rollback::rendered(&self.book, &self.state, self.state.back_attempt))),
            _ => None,
        }
    }

    /// How one reading of a row was judged, expectation by expectation: for the screen and the report.
    pub fn judgements(&self, place: &Place, result: &Value) -> Vec<expect::Judgement> {
        admit::judgements(&self.book, &self.state, place, result).1
    }

    /// How the run would end if it were sealed now; `None` if it can't be.
    pub fn end(&self) -> Option<EndStatus> {
        match self.state.phase {
            Phase::Sealed(status) => Some(status),
            _ => None,
        }
    }
}

/// The entry that opens an attempt of a step with these rows.
pub(super) fn rows_body(step: &str, attempt: u32, rows: Vec<Value>) -> Body {
    Body::Resolved {
        what: "rows".into(),
        name: step.to_owned(),
        row: String::new(),
        attempt,
        reading: Reading { result: Some(Value::Array(rows)), ..Reading::default() },
    }
}
