//! Entries that the state itself demands.

use serde_json::{Value, json};

use crate::runbook::OnFail;

use super::super::entry::{Body, Place, Reading, Stamp, Verdict};
use super::super::focus::Focus;
use super::super::render::batch;
use super::super::state::{CallState, Phase};
use super::super::{admit, gate};
use super::Engine;

impl Engine {
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
            Focus::Stopped { step, row } => self.back_by_itself(&step, &row, now),
            Focus::Reopen { step } => admit::reopen(&self.book, &self.state, &step),
            Focus::OpenBack => Some(admit::open_back(&self.book, &self.state)),
            Focus::Seal(status) => Some(admit::seal(&self.book, &self.state, status)),
            _ => None,
        }
    }

    /// A step with `on_fail: rollback` that failed opens the way back, which is then confirmed as ever.
    fn back_by_itself(&self, step: &str, row: &str, now: Stamp) -> Option<Body> {
        let found = self.book.runbook.step(step).filter(|step| step.on_fail == OnFail::Rollback)?;
        let failed = self.state.step(&self.book, step)?.row(row)?.verdict == Some(Verdict::Fail);
        let body = Body::RollbackBegun { reason: format!("step {} failed", found.sop.as_deref().unwrap_or(step)) };
        (failed && self.admit(&self.draft(body.clone(), now)).is_ok()).then_some(body)
    }

    /// A call that was started and whose answer nobody waits for.
    pub(super) fn lost_start(&self) -> Option<Place> {
        for (place, call) in super::super::focus::open_calls(&self.book, &self.state) {
            let out = self.flying.contains(&(place.clone(), None)) || self.to_send.contains(&place);
            if matches!(call, CallState::Started { .. }) && !out {
                return Some(place);
            }
        }
        None
    }

    /// Readings of gates that need no read, and the confirmation that waited for them all.
    pub(super) fn gates_due(&mut self, now: Stamp, id: &str) -> Option<Body> {
        let step = self.book.runbook.step(id)?;
        let index = self.book.runbook.position(id)?;
        let folded = &self.state.steps[index];
        let mut all_fresh = true;
        let mut all_pass = true;
        for row in batch(step, folded) {
            let view = gate::GateView { book: &self.book, state: &self.state, step, row };
            for (gate, n) in gate::gates(step).into_iter().zip(0..) {
                let reading = folded.gates.get(&(n, row.key.clone()));
                let needed = match (&self.pending, reading) {
                    (Some(pending), Some(reading)) => reading.n < pending.since || now.since(reading.at) > admit::FRESH,
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
}
