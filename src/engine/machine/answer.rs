//! What comes back from an effect, as entries.

use serde_json::{Value, json};

use super::super::effect::{Ended, Outcome, Purpose, error_of};
use super::super::entry::{Body, Place, Reading, Stamp, Verdict};
use super::super::state::CallState;
use super::super::{admit, doubt, gate};
use super::{AGAIN, Engine};

impl Engine {
    pub(super) fn answer(&mut self, now: Stamp, place: Place, purpose: Option<Purpose>, outcome: Outcome) -> Vec<Body> {
        let Outcome { ended, reading } = outcome;
        let result = reading.result.clone().unwrap_or(Value::Null);
        let Some(purpose) = purpose else {
            return vec![self.sent(place, ended, reading)];
        };
        // A look that was refused is asked again too, since nothing can be confirmed without it; but not at once.
        let refused = purpose == Purpose::Look && error_of(&result).is_some();
        if refused || ended == Ended::NoAnswer || ended == Ended::NotSent {
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

    pub(super) fn sent(&self, place: Place, ended: Ended, reading: Reading) -> Body {
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
                let (code, message) = error_of(&result).unwrap_or(("NotSent", ""));
                Body::NotSent { place, reason: format!("{code}: {message}") }
            }
        }
    }

    pub(super) fn act_verdict(&self, place: &Place, result: &Value) -> Verdict {
        admit::act_verdict(&self.book, &self.state, place, result)
    }

    pub(super) fn sampled(&self, now: Stamp, place: Place, reading: Reading) -> Option<Body> {
        let result = reading.result.clone().unwrap_or(Value::Null);
        let verdict = admit::sample_verdict(&self.book, &self.state, &place, &result)?;
        if admit::decides(&self.book, &self.state, &place, verdict, now)? {
            return Some(Body::Finished { place, verdict, reading });
        }
        Some(Body::Sample { place, verdict, reading })
    }

    pub(super) fn reconciling(&mut self, _now: Stamp, place: Place, result: &Value) -> Vec<Body> {
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

    pub(super) fn find(&self, place: &Place, reads: &[(Stamp, Value)], asked: usize) -> doubt::Finding {
        admit::finding(&self.book, &self.state, place, reads, asked)
    }

    /// What the reads of a call in doubt say so far.
    pub fn finding(&self, place: &Place) -> Option<doubt::Finding> {
        let row = self.state.step(&self.book, &place.step)?.row(&place.row)?;
        let CallState::InDoubt { reads, .. } = row.calls.get(&place.call)? else { return None };
        let asked = self.asked.get(place).copied().unwrap_or(doubt::TRIES);
        Some(self.find(place, reads, asked))
    }

    pub(super) fn judge_gate(
        &self,
        place: &Place,
        index: u32,
        reading: &Reading,
        now: Stamp,
    ) -> Option<(Verdict, Value)> {
        let step = self.book.runbook.step(&place.step)?;
        let row = self.state.step(&self.book, &place.step)?.row(&place.row)?;
        let gate = gate::gates(step).get(index as usize).copied()?;
        let view = gate::GateView { book: &self.book, state: &self.state, step, row };
        let facts = view.facts(reading.result.as_ref().unwrap_or(&Value::Null), reading.date.as_deref());
        let judged = view.judge(gate, &facts, now);
        Some((judged.verdict, judged.evidence(&facts)))
    }
}
