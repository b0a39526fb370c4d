//! Effects that the state asks for, and when.

use std::time::Duration;

use crate::runbook::{EffectKind, Step};

use super::super::book::Book;
use super::super::effect::{Effect, Purpose, error_of};
use super::super::entry::{Place, Stamp, Verdict};
use super::super::focus::Focus;
use super::super::render::batch;
use super::super::state::{CallState, RowState};
use super::super::{admit, doubt, gate, own, rollback};
use super::{AGAIN, Engine, Memo};

impl Engine {
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
        self.recall();
        for (due, effect) in self.memo.iter().flat_map(|memo| &memo.wanted) {
            let Effect::Read { place, purpose, .. } = effect else { continue };
            let key = (place.clone(), Some(purpose.clone()));
            let later = self.later.get(&(place.clone(), purpose.clone())).unwrap_or(due);
            if due.max(later) <= &now && !self.flying.contains(&key) {
                self.flying.insert(key);
                return Some(effect.clone());
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
        self.recall();
        for (due, effect) in self.memo.iter().flat_map(|memo| &memo.wanted) {
            let Effect::Read { place, purpose, .. } = effect else { continue };
            let later = self.later.get(&(place.clone(), purpose.clone())).unwrap_or(due);
            if !self.flying.contains(&(place.clone(), Some(purpose.clone()))) {
                times.push((*due.max(later)).max(now));
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

    pub(super) fn send(&self, place: &Place) -> Option<Effect> {
        let folded = self.state.step(&self.book, &place.step)?;
        let confirmed = folded.confirmed.as_ref()?;
        let forward = self.book.runbook.step(&place.step);
        let key = if forward.is_some() { &place.row } else { &place.step };
        let row = confirmed.rendered.rows.iter().find(|row| row.row == *key)?;
        let call = row.calls.iter().find(|call| call.call == place.call)?.clone();
        let keep = forward.map(own::result_keeps).unwrap_or_default();
        Some(Effect::Send { place: place.clone(), call, digest: confirmed.digest.clone(), keep })
    }

    /// Works out what is wanted, unless nothing has changed since it was asked last: this is asked after every answer.
    fn recall(&mut self) {
        let key = (self.state.entries, self.pending.as_ref().map(|pending| pending.since), self.asked.values().sum());
        if self.memo.as_ref().is_none_or(|memo| memo.key != key) {
            self.memo = Some(Memo { key, wanted: self.wanted() });
        }
    }

    /// Every read that the state wants, with the time from which it is due.
    pub(super) fn wanted(&self) -> Vec<(Stamp, Effect)> {
        let mut wanted = Vec::new();
        match self.focus() {
            Focus::Confirm { step } => {
                if let Some(step) = self.book.runbook.step(&step) {
                    self.wanted_before(step, &mut wanted);
                }
            }
            Focus::Sample { step } => self.wanted_samples(&step, &mut wanted),
            Focus::InDoubt { place } => self.wanted_doubt(&place, &mut wanted),
            _ => {}
        }
        wanted
    }

    pub(super) fn wanted_before(&self, step: &Step, wanted: &mut Vec<(Stamp, Effect)>) {
        let Some(folded) = self.state.step(&self.book, &step.id) else { return };
        for row in batch(step, folded) {
            let place = Place { step: step.id.clone(), attempt: folded.attempt, row: row.key.clone(), call: 0 };
            let unread = row
                .look
                .as_ref()
                .is_none_or(|(_, reading)| reading.result.as_ref().is_some_and(|result| error_of(result).is_some()));
            let stale = row.look.as_ref().is_some_and(|_| self.state.resumed_n > 0 && self.look_before_resume(row));
            if (unread || stale)
                && let Ok(calls) = own::looks(&self.book, &self.state, step, row)
                && !calls.is_empty()
            {
                let keep = own::look_keeps(&self.book, step, row);
                wanted
                    .push((self.state.at, Effect::Read { place: place.clone(), purpose: Purpose::Look, calls, keep }));
            }
            let view = gate::GateView { book: &self.book, state: &self.state, step, row };
            for (gate, n) in gate::gates(step).into_iter().zip(0..) {
                let Ok(calls) = view.reads(gate) else { continue };
                if calls.is_empty() {
                    continue;
                }
                let due = match (&self.pending, folded.gates.get(&(n, row.key.clone()))) {
                    (_, None) => Some(self.state.at),
                    (Some(pending), Some(reading)) if reading.n < pending.since => Some(self.state.at),
                    // Another one took its time: what was read first counts no more.
                    (Some(_), Some(reading)) => Some(reading.at.plus(admit::FRESH + Duration::from_millis(1))),
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

    pub(super) fn look_before_resume(&self, row: &RowState) -> bool {
        // Looks carry a time, resumptions an entry; the step's gates were cleared by the resumption, and so a look that is
        // older than the last entry before it has to be made again. Only unconfirmed rows come here.
        row.look.as_ref().is_some_and(|(at, _)| self.state.resumed_at.is_some_and(|resumed| *at < resumed))
    }

    pub(super) fn wanted_samples(&self, id: &str, wanted: &mut Vec<(Stamp, Effect)>) {
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
                None => match rollback::planned(&self.book, &self.state).act(id) {
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

    pub(super) fn wanted_doubt(&self, place: &Place, wanted: &mut Vec<(Stamp, Effect)>) {
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
                let plan = rollback::planned(&self.book, &self.state);
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
}
