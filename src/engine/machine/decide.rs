//! What a person decides.

use serde_json::json;

use crate::runbook::op::Op;

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

    pub(super) fn retry(&mut self, step: &str, row: Option<&str>) -> Result<Vec<Body>, Refusal> {
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

    pub(super) fn redo(&mut self, step: &str, row: &str) -> Result<Vec<Body>, Refusal> {
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

    pub(super) fn reconcile(
        &mut self,
        now: Stamp,
        place: Place,
        outcome: Doubt,
        typed: String,
    ) -> Result<Vec<Body>, Refusal> {
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
}
