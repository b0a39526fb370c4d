//! What a person decides.

use serde_json::{Value, json};

use super::super::decision::Decision;
use super::super::entry::{Answer, Body, Doubt, Entry, Place, Reading, Stamp, Verdict};
use super::super::focus::Focus;
use super::super::state::{CallState, RowState};
use super::super::{admit, doubt, gate};
use super::{Engine, Pending, Refusal, refuse, rows_body};

impl Engine {
    pub(super) fn decide(&mut self, now: Stamp, decision: Decision) -> Result<Vec<Body>, Refusal> {
        match decision {
            Decision::Confirm { step, digest, answer } => self.confirm(step, digest, answer),
            Decision::Note { text } if text.trim().is_empty() => refuse("An empty note is not written down."),
            Decision::Note { text } => Ok(vec![Body::Noted { text }]),
            Decision::Retry { step, row } => self.retry(now, &step, row.as_deref()),
            Decision::Redo { step, row } => self.redo(now, &step, &row),
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
                let verdict = admit::entered_verdict(&self.book, &self.state, &place, &values);
                let reading = Reading { result: Some(values), ..Reading::default() };
                self.allowed(vec![Body::Finished { place, verdict, reading }], now)
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
    pub(super) fn allowed(&self, bodies: Vec<Body>, now: Stamp) -> Result<Vec<Body>, Refusal> {
        for body in &bodies {
            self.admit(&self.draft(body.clone(), now)).map_err(Refusal)?;
        }
        Ok(bodies)
    }

    /// An entry as it would be, for the rules.
    pub(super) fn draft(&self, body: Body, at: Stamp) -> Entry {
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

    pub(super) fn confirm(&mut self, step: String, digest: String, answer: Answer) -> Result<Vec<Body>, Refusal> {
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

    pub(super) fn retry(&mut self, now: Stamp, step: &str, row: Option<&str>) -> Result<Vec<Body>, Refusal> {
        if self.under_way() {
            return refuse("An answer is due.");
        }
        if step == "rollback" && !matches!(self.focus(), Focus::InDoubt { .. }) {
            return self.allowed(vec![admit::open_back(&self.book, &self.state)], now);
        }
        // In doubt, trying again means asking the world again, never sending again.
        if let Focus::InDoubt { place } = self.focus() {
            let made = self.reads_of(&place).map_or(0, <[_]>::len);
            let asked = self.asked.entry(place).or_insert(doubt::TRIES);
            // A process that came back later does not know how many were asked for before.
            *asked = (*asked).max(made) + 1;
            return Ok(Vec::new());
        }
        let Some(index) = self.book.runbook.position(step) else {
            return refuse(format!("There is no step “{step}”."));
        };
        let folded = &self.state.steps[index];
        let failed = folded.rows.iter().filter(|r| r.verdict != Some(Verdict::Pass));
        let rows = failed.filter(|r| row.is_none_or(|row| r.key == row)).map(RowState::opened).collect();
        self.allowed(vec![rows_body(step, folded.attempt + 1, rows)], now)
    }

    pub(super) fn redo(&self, now: Stamp, step: &str, row: &str) -> Result<Vec<Body>, Refusal> {
        let Some(index) = self.book.runbook.position(step) else {
            return refuse(format!("There is no step “{step}”."));
        };
        let folded = &self.state.steps[index];
        let Some(found) = folded.row(row) else { return refuse(format!("Step {step} has no row “{row}”.")) };
        if found.verdict != Some(Verdict::Pass) {
            return refuse("It has not passed yet: it can be tried again, not done again.");
        }
        self.allowed(vec![rows_body(step, folded.attempt + 1, vec![found.opened()])], now)
    }

    pub(super) fn reconcile(
        &mut self,
        now: Stamp,
        place: Place,
        outcome: Doubt,
        typed: String,
    ) -> Result<Vec<Body>, Refusal> {
        let wanted = admit::reconcile_word(&self.book, &self.state, &place, outcome).map_err(Refusal)?;
        if typed != wanted {
            return refuse(format!("You typed “{typed}”. To say so, type “{wanted}”."));
        }
        let candidate = self.candidate(&place);
        let evidence = json!({"by": self.state.operator, "typed": typed, "key": candidate});
        self.allowed(vec![Body::Reconciled { place, outcome, evidence }], now)
    }

    /// The key that may be the one a call in doubt created.
    pub fn candidate(&self, place: &Place) -> Option<String> {
        let row = self.state.step(&self.book, &place.step)?.row(&place.row)?;
        doubt::found(row, self.reads_of(place)?)
    }

    /// What was read since about a call in doubt.
    pub(super) fn reads_of(&self, place: &Place) -> Option<&[(Stamp, Value)]> {
        let row = self.state.step(&self.book, &place.step)?.row(&place.row)?;
        let CallState::InDoubt { reads, .. } = row.calls.get(&place.call)? else { return None };
        Some(reads)
    }
}
