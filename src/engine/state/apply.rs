//! The fold: one entry after another.

use serde_json::Value;

use crate::runbook::{EffectKind, GateKind};

use super::super::book::Book;
use super::super::call::Rendered;
use super::super::entry::{Answer, Body, Deviation, DeviationKind, Doubt, Entry, Place, Reading, Stamp, Verdict};
use super::super::expect;
use super::super::gate;
use super::super::own::{self, Nature};
use super::super::scope::scope;
use super::derived::Derived;
use super::row::open_row;
use super::{CallState, Confirmation, GateReading, Phase, Sample, State};

impl State {
    /// Folds in one entry. Entries that name what is not there change nothing.
    pub fn apply(&mut self, book: &Book, entry: &Entry) {
        let keeps_plan = self.phase == Phase::Back && only_walks_back(&entry.body);
        self.derived = std::mem::take(&mut self.derived).after(keeps_plan);
        self.fold(book, entry);
        self.derived = std::mem::take(&mut self.derived).after(keeps_plan);
    }

    fn fold(&mut self, book: &Book, entry: &Entry) {
        self.entries = entry.n + 1;
        self.at = entry.at;
        match &entry.body {
            Body::Opened(_) | Body::Noted { .. } | Body::ClockMoved { .. } | Body::Recovered { .. } => {}
            Body::Resolved { what, name, row, attempt, reading } => {
                self.resolve(book, entry, (what, name, row, *attempt), reading);
            }
            Body::Gate { step, gate, row, verdict, evidence } => {
                let reading = GateReading { n: entry.n, at: entry.at, verdict: *verdict, evidence: evidence.clone() };
                let seen_active = gate::shows_active(book, step, *gate, &reading);
                if let Some(state) = self.step_mut(book, step) {
                    if seen_active {
                        // A window in which the key was seen Active observed nothing.
                        state.window = None;
                    }
                    state.gates.insert((*gate, row.clone()), reading);
                }
            }
            Body::Confirmed { step, attempt, action, digest, answer } => {
                self.confirm(book, entry, step, *attempt, action, digest, answer);
            }
            Body::Started { place, .. } => {
                if let Some(row) = self.row_mut(book, place) {
                    row.touched = true;
                    if row.first_look.is_none() {
                        row.first_look = row.look.as_ref().map(|(_, reading)| reading.clone());
                    }
                    row.calls.insert(place.call, CallState::Started { at: entry.at });
                }
            }
            Body::NotSent { place, reason } => {
                if let Some(row) = self.row_mut(book, place) {
                    row.calls.insert(place.call, CallState::NotSent { reason: reason.clone() });
                    row.decide(Verdict::Fail, entry);
                }
            }
            Body::Sample { place, verdict, reading } => self.sample(book, entry, place, *verdict, reading, false),
            Body::Finished { place, verdict, reading } => self.finish(book, entry, place, *verdict, reading),
            Body::InDoubt { place, evidence } => {
                if let Some(row) = self.row_mut(book, place)
                    && let Some(call) = row.calls.get_mut(&place.call)
                {
                    let started = match call {
                        CallState::Started { at } => *at,
                        CallState::InDoubt { started, .. } | CallState::Reconciled { started, .. } => *started,
                        _ => entry.at,
                    };
                    let mut reads = match call {
                        CallState::InDoubt { reads, .. } => std::mem::take(reads),
                        _ => Vec::new(),
                    };
                    if let Some(read) = evidence.get("read") {
                        reads.push((entry.at, read.clone()));
                    }
                    *call = CallState::InDoubt { started, evidence: evidence.clone(), reads };
                }
            }
            Body::Reconciled { place, outcome, evidence } => self.reconcile(book, entry, place, *outcome, evidence),
            Body::Approved { id, statement, .. } => {
                let statement = serde_json::from_str(statement).unwrap_or(Value::Null);
                self.approvals.push((id.clone(), statement));
                for (step, folded) in book.runbook.steps.iter().zip(&mut self.steps) {
                    for (gate, index) in step.gates.iter().zip(0..) {
                        if let GateKind::Approval { .. } = gate.kind {
                            folded.gates.retain(|(read, _), _| *read != index);
                        }
                    }
                }
            }
            Body::Override { step, gate, reason, .. } => {
                if let Some(state) = self.step_mut(book, step) {
                    state.overridden.insert(*gate, reason.clone());
                }
                self.deviate(entry, DeviationKind::Override, step, format!("gate {} broken: {reason}", gate + 1));
            }
            Body::Skipped { step, reason } => {
                if let Some(state) = self.step_mut(book, step) {
                    state.skipped = Some(reason.clone());
                }
                self.deviate(entry, DeviationKind::Skip, step, reason.clone());
            }
            Body::RowAdded { list, value, reason } => {
                if let Some(Value::Array(values)) = self.values.get_mut(list) {
                    values.push(value.clone());
                }
                let name = value.get("name").and_then(Value::as_str).unwrap_or("a row");
                self.deviate(entry, DeviationKind::Edited, "", format!("{name} added to {list}: {reason}"));
            }
            Body::WindowRestarted { step, reason } => {
                if let Some(state) = self.step_mut(book, step) {
                    state.window = Some(entry.at);
                    state.gates.clear();
                }
                self.deviate(entry, DeviationKind::Edited, step, format!("observed anew: {reason}"));
            }
            Body::RollbackBegun { reason } => {
                self.phase = Phase::Back;
                self.back_reason = Some(reason.clone());
            }
            Body::Suspended { .. } => self.suspended = Some(entry.at),
            Body::Resumed { caller, .. } => self.come_back(entry, caller),
            Body::TookOver { caller, .. } => {
                self.come_back(entry, caller);
                self.operator.clone_from(&entry.by);
                self.handed_to = None;
                // Who approved, approved the other operator's act.
                self.approvals.clear();
            }
            Body::HandedOver { to } => {
                self.handed_to = Some(to.clone());
                self.suspended = Some(entry.at);
            }
            Body::Aborted { .. } => self.phase = Phase::Aborted,
            Body::Sealed { status, .. } => self.phase = Phase::Sealed(*status),
        }
    }

    fn come_back(&mut self, entry: &Entry, caller: &str) {
        self.suspended = None;
        caller.clone_into(&mut self.caller);
        self.resumed_n = entry.n;
        self.resumed_at = Some(entry.at);
        // Gates are read again, and what was confirmed but not started has to be confirmed again.
        for step in self.steps.iter_mut().chain(self.back.values_mut()) {
            step.gates.clear();
        }
    }

    fn deviate(&mut self, entry: &Entry, kind: DeviationKind, step: &str, text: String) {
        self.deviations.push(Deviation { n: entry.n, kind, step: step.to_owned(), text });
    }

    fn resolve(
        &mut self,
        book: &Book,
        entry: &Entry,
        (what, name, row, attempt): (&str, &str, &str, u32),
        reading: &Reading,
    ) {
        let result = reading.result.clone().unwrap_or(Value::Null);
        match what {
            "capture" => {
                self.values.insert(name.to_owned(), result);
            }
            "rows" => {
                if name == "rollback" {
                    self.back_attempt = attempt;
                    self.back_confirmed = None;
                }
                let opened: Vec<(String, Value)> = result
                    .as_array()
                    .map(|list| {
                        list.iter()
                            .filter_map(|row| Some((row.get("key")?.as_str()?.to_owned(), row.get("value")?.clone())))
                            .collect()
                    })
                    .unwrap_or_default();
                let again = if name == "rollback" {
                    for (key, _) in &opened {
                        let step = self.back.entry(key.clone()).or_default();
                        open_row(step, "", &Value::Null, attempt);
                    }
                    None
                } else {
                    let acts = book.runbook.step(name).is_some_and(|step| step.effect != EffectKind::Read);
                    self.step_mut(book, name).map(|step| {
                        // What acted and passed is done again by a person's decision; what only reads may be read again.
                        let failed = opened.iter().any(|(key, _)| match step.row(key).and_then(|row| row.verdict) {
                            Some(Verdict::Fail | Verdict::Unknown) => true,
                            Some(Verdict::Pass) => acts,
                            None => false,
                        });
                        for (key, value) in &opened {
                            open_row(step, key, value, attempt);
                        }
                        step.attempt = attempt;
                        step.confirmed = None;
                        step.gates.clear();
                        step.overridden.clear();
                        failed
                    })
                };
                if let Some(index) = book.runbook.position(name) {
                    for later in &mut self.steps[index + 1..] {
                        later.disturbed = entry.n;
                    }
                }
                if again == Some(true) {
                    let names: Vec<&str> =
                        opened.iter().map(|(key, _)| key.as_str()).filter(|key| !key.is_empty()).collect();
                    let rows = if names.is_empty() { String::new() } else { format!("{}, ", names.join(", ")) };
                    self.deviate(entry, DeviationKind::Retry, name, format!("{rows}attempt {attempt}"));
                }
            }
            "look" => {
                if let Some(state) = self.step_mut(book, name).and_then(|step| step.row_mut(row)) {
                    state.look = Some((entry.at, reading.clone()));
                }
            }
            _ => {}
        }
    }

    #[allow(clippy::too_many_arguments)] // The entry's own fields.
    fn confirm(
        &mut self,
        book: &Book,
        entry: &Entry,
        step: &str,
        attempt: u32,
        action: &str,
        digest: &str,
        answer: &Answer,
    ) {
        let Ok(rendered) = serde_json::from_str::<Rendered>(action) else { return };
        let confirmation =
            Confirmation { n: entry.n, at: entry.at, rendered, digest: digest.to_owned(), answer: answer.clone() };
        if step == "rollback" {
            self.back_attempt = attempt;
            self.back_confirmed = Some(confirmation.clone());
            for act in confirmation.rendered.rows.iter().map(|row| row.row.clone()) {
                let state = self.back.entry(act).or_default();
                state.attempt = attempt;
                state.confirmed = Some(confirmation.clone());
            }
        } else if let Some(state) = self.step_mut(book, step) {
            state.confirmed = Some(confirmation);
        }
    }

    fn finish(&mut self, book: &Book, entry: &Entry, place: &Place, verdict: Verdict, reading: &Reading) {
        let nature = self.nature(book, place);
        if nature.reads {
            self.sample(book, entry, place, verdict, reading, true);
            return;
        }
        let calls = self.calls_of(book, place);
        if let Some(row) = self.row_mut(book, place) {
            if reading.date.is_some() {
                row.date.clone_from(&reading.date);
            }
            row.calls.insert(place.call, CallState::Finished { verdict, reading: reading.clone(), at: entry.at });
            let all_done = (0..calls).all(|call| row.calls.get(&call).is_some_and(CallState::done));
            if verdict != Verdict::Pass || (all_done && !nature.samples) {
                row.decide(verdict, entry);
            }
        }
    }

    /// Number of calls in the confirmed action's row.
    pub fn calls_of(&self, book: &Book, place: &Place) -> u32 {
        let confirmed = self.step(book, &place.step).and_then(|step| step.confirmed.as_ref());
        let key = if book.runbook.position(&place.step).is_some() { &place.row } else { &place.step };
        let row = confirmed.and_then(|c| c.rendered.rows.iter().find(|row| row.row == *key));
        row.map_or(0, |row| u32::try_from(row.calls.len()).unwrap_or(u32::MAX))
    }

    fn nature(&self, book: &Book, place: &Place) -> Nature {
        let value = self.step(book, &place.step).and_then(|step| step.row(&place.row)).map(|row| &row.value);
        own::nature(book, self, &place.step, value.unwrap_or(&Value::Null))
    }

    fn sample(
        &mut self,
        book: &Book,
        entry: &Entry,
        place: &Place,
        verdict: Verdict,
        reading: &Reading,
        deciding: bool,
    ) {
        let Nature { reads, sampling, .. } = self.nature(book, place);
        let since = self.sampling_since(book, place);
        let Some(row) = self.row_mut(book, place) else { return };
        let before = row.samples.last().map_or(0, |sample| sample.in_a_row);
        let in_a_row = if verdict == Verdict::Pass { before + 1 } else { 0 };
        row.samples.push(Sample { n: entry.n, at: entry.at, verdict, reading: reading.clone(), in_a_row });
        // An act whose answer was lost has no date of its own: that of the first read after it is later, and so safe.
        if reading.date.is_some() && (reads || row.date.is_none()) {
            row.date.clone_from(&reading.date);
        }
        let late = match (sampling.within, since) {
            (Some(within), Some(since)) => entry.at >= since.plus(sampling.settle).plus(within),
            _ => true,
        };
        let decided =
            if reads { deciding } else { in_a_row >= sampling.consecutive || (late && verdict != Verdict::Pass) };
        if decided {
            row.decide(verdict, entry);
        }
        if decided && verdict == Verdict::Pass {
            self.note_advisories(book, entry, place, reading);
        }
    }

    fn note_advisories(&mut self, book: &Book, entry: &Entry, place: &Place, reading: &Reading) {
        let Some(step) = book.runbook.step(&place.step) else { return };
        if !step.expect.iter().any(|expectation| expectation.advisory) {
            return;
        }
        // What was worked out before this entry is not true any more.
        self.derived = Derived::default();
        let result = reading.result.clone().unwrap_or(Value::Null);
        let row = self.step(book, &place.step).and_then(|s| s.row(&place.row)).cloned();
        let scope = scope(self, book, Some(step), row.as_ref());
        let (_, judgements) = expect::judge(&step.expect, &result, &scope);
        for judgement in judgements.into_iter().filter(|j| j.advisory && j.verdict != Verdict::Pass) {
            let said = judgement.sentence.unwrap_or_else(|| match judgement.verdict {
                Verdict::Unknown => format!("{} is unknown: nobody said", judgement.expected),
                _ => format!("{} does not hold", judgement.expected),
            });
            let row = if place.row.is_empty() { String::new() } else { format!("{}: ", place.row) };
            self.deviate(entry, DeviationKind::Advisory, &place.step, format!("{row}{said}"));
        }
    }

    /// From when a row's samples are counted: its last answered call, else its confirmation.
    pub fn sampling_since(&self, book: &Book, place: &Place) -> Option<Stamp> {
        let step = self.step(book, &place.step)?;
        let row = step.row(&place.row)?;
        let last = row.calls.values().filter_map(|call| match call {
            CallState::Finished { at, .. } | CallState::Reconciled { at, .. } => Some(*at),
            _ => None,
        });
        last.max().or_else(|| step.confirmed.as_ref().map(|confirmed| confirmed.at))
    }

    fn reconcile(&mut self, book: &Book, entry: &Entry, place: &Place, outcome: Doubt, evidence: &Value) {
        let nature = self.nature(book, place);
        let calls = self.calls_of(book, place);
        let Some(row) = self.row_mut(book, place) else { return };
        let started = match row.calls.get(&place.call) {
            Some(CallState::InDoubt { started, .. } | CallState::Reconciled { started, .. }) => *started,
            _ => entry.at,
        };
        row.calls
            .insert(place.call, CallState::Reconciled { started, outcome, evidence: evidence.clone(), at: entry.at });
        match outcome {
            Doubt::Done => {
                let all_done = (0..calls).all(|call| row.calls.get(&call).is_some_and(CallState::done));
                if all_done && !nature.samples {
                    row.decide(Verdict::Pass, entry);
                }
            }
            Doubt::NotDone | Doubt::DoneLost | Doubt::NotOurs => {
                row.decide(Verdict::Fail, entry);
            }
            Doubt::Unknown => {}
        }
    }
}

/// True for entries that touch nothing but the acts of the way back, which its plan does not depend on.
fn only_walks_back(body: &Body) -> bool {
    match body {
        Body::Started { place, .. }
        | Body::NotSent { place, .. }
        | Body::Sample { place, .. }
        | Body::Finished { place, .. }
        | Body::InDoubt { place, .. }
        | Body::Reconciled { place, .. } => place.step.starts_with("rollback/"),
        Body::Confirmed { step, .. } => step == "rollback",
        Body::Resolved { what, name, .. } => what == "rows" && name == "rollback",
        Body::Noted { .. } | Body::ClockMoved { .. } | Body::Suspended { .. } => true,
        _ => false,
    }
}
