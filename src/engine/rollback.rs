//! The way back: which acts, in which order, computed from what was done. Never gated, and one confirmation lists all.
//!
//! Its order: reactivate the old secret first, restore holders newest first, prove each, then deactivate the new one. A
//! new key is deleted only if this run created it, no delivery of it was ever started, and it was deactivated first.

use std::time::Duration;

use serde_json::{Value, json};

use crate::runbook::op::Op;
use crate::runbook::{EffectKind, Expectation, Predicate, Rollback, Step};

use super::book::{Book, Sampling};
use super::call::{Call, Rendered, RowCalls};
use super::effect::error_of;
use super::entry::{Doubt, Verdict};
use super::own::{self, expectation, native};
use super::render::{RenderError, Renderer};
use super::scope::scope;
use super::state::{CallState, RowState, State};

/// One act of the way back.
#[derive(Clone, Debug)]
pub struct Act {
    /// `rollback/STEP/N`.
    pub id: String,
    /// What it does, as the screen lists it.
    pub title: String,
    /// What it goes back to (`v112`, `old pair, sealed`).
    pub to: String,
    /// What is sent, or read.
    pub calls: Vec<Call>,
    /// Its effect.
    pub effect: EffectKind,
    /// Reads that prove it.
    pub probe: Vec<Call>,
    /// What is expected of them.
    pub expect: Vec<Expectation>,
    /// How often.
    pub sampling: Sampling,
}

/// The whole way back.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In order.
    pub acts: Vec<Act>,
    /// What can't be brought back, and why.
    pub missing: Vec<String>,
    /// Set where there is no way back at all any more.
    pub closed: Option<String>,
}

impl Plan {
    /// The act of that id.
    pub fn act(&self, id: &str) -> Option<&Act> {
        self.acts.iter().find(|act| act.id == id)
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn iam_sampling() -> Sampling {
    Sampling { settle: Duration::ZERO, within: Some(60 * SECOND), every: 2 * SECOND, consecutive: 5 }
}

/// The acts back from where the run stands. Depends on the forward steps only, so it does not change while it is walked.
pub fn plan(book: &Book, state: &State) -> Plan {
    planned(book, state).clone()
}

/// As [`plan`], worked out once for each state.
pub fn planned<'s>(book: &Book, state: &'s State) -> &'s Plan {
    state.derived.plan.get_or_init(|| {
        let mut planner = Planner { book, state, plan: Plan::default() };
        planner.run();
        planner.plan
    })
}

/// The way back as it is confirmed: the acts that have not passed yet.
pub fn rendered(book: &Book, state: &State, attempt: u32) -> Rendered {
    let left = planned(book, state).acts.iter().filter(|act| {
        state.back.get(&act.id).and_then(|step| step.rows.first()).is_none_or(|row| row.verdict != Some(Verdict::Pass))
    });
    let rows = left.map(|act| RowCalls { row: act.id.clone(), calls: act.calls.clone() }).collect();
    Renderer { book, state }.rendered("rollback", attempt, rows)
}

struct Planner<'a> {
    book: &'a Book,
    state: &'a State,
    plan: Plan,
}

impl Planner<'_> {
    fn run(&mut self) {
        let steps: Vec<(&Step, &RowState)> = self
            .book
            .runbook
            .steps
            .iter()
            .zip(&self.state.steps)
            .flat_map(|(step, folded)| folded.rows.iter().map(move |row| (step, row)))
            .filter(|(step, row)| step.effect != EffectKind::Read && acted(row))
            .collect();
        if let Some((step, _)) = steps.iter().find(|(step, row)| self.closes(step, row)) {
            self.plan.closed = Some(format!(
                "Step {} deleted the old key, or may have. A deleted key can't be recovered, by you or by AWS.",
                step.sop.as_deref().unwrap_or(&step.id)
            ));
            return;
        }
        for (step, row) in steps.iter().rev().filter(|(step, _)| step.run.op == Op::IamUpdateAccessKey) {
            self.reverse_status(step, row);
        }
        let mut restored = Vec::new();
        for (step, row) in steps.iter().rev() {
            match (&step.rollback, step.run.op) {
                (Rollback::Acts(_), _) => self.own_acts(step, row),
                (_, Op::HolderPut) => {
                    if let Some(holder) = self.restore(step, row) {
                        restored.push((*step, holder));
                    }
                }
                (Rollback::None(why), _) => self.plan.missing.push(format!("{}: {why}", step.title)),
                (Rollback::Own, Op::Http | Op::Command | Op::Manual) => {
                    self.plan.missing.push(format!("{}: the runbook names no way back", step.title));
                }
                _ => {}
            }
        }
        for (step, holder) in restored.iter().rev() {
            self.prove(step, holder);
        }
        // Started is enough: what was refused may still have reached somebody's log.
        let out = self.book.runbook.steps.iter().zip(&self.state.steps).filter(|(step, _)| may_deliver(step));
        let delivered = out.flat_map(|(_, folded)| &folded.rows).any(|row| row.touched || acted(row));
        for (step, row) in steps.iter().rev().filter(|(step, _)| step.run.op == Op::IamCreateAccessKey) {
            self.undo_create(step, row, delivered);
        }
        for (step, row) in steps.iter().rev().filter(|(step, _)| step.run.op == Op::IamCreateUser) {
            self.undo_create_user(step, row);
        }
    }

    /// An irreversible act after the first change closes the way back. A stale key that was deleted before it does not.
    fn closes(&self, step: &Step, row: &RowState) -> bool {
        let first = self.book.runbook.steps.iter().position(|step| step.effect == EffectKind::Mutate);
        let position = self.book.runbook.position(&step.id);
        step.effect == EffectKind::Irreversible && acted(row) && position > first
    }

    fn push(&mut self, step: &Step, act: Act) {
        let n = self.plan.acts.iter().filter(|other| other.id.starts_with(&format!("rollback/{}/", step.id))).count();
        self.plan.acts.push(Act { id: format!("rollback/{}/{}", step.id, n + 1), ..act });
    }

    fn reverse_status(&mut self, step: &Step, row: &RowState) {
        let scope = scope(self.state, self.book, Some(step), Some(row));
        let param = |name: &str| step.run.param(name).and_then(|n| n.render(&scope).ok()).unwrap_or(Value::Null);
        let (user, key) = (param("user"), param("key"));
        let active = param("status") != "Active";
        let verb = if active { "Reactivate" } else { "Deactivate" };
        let act = self.set_status(&user, &key, active, verb);
        self.push(step, act);
    }

    fn set_status(&self, user: &Value, key: &Value, active: bool, verb: &str) -> Act {
        let status = if active { "Active" } else { "Inactive" };
        let params = json!({"UserName": user, "AccessKeyId": key, "Status": status});
        Act {
            id: String::new(),
            title: format!("{verb} {}", key.as_str().unwrap_or("the key")),
            to: status.to_owned(),
            calls: vec![native(self.state, "iam:UpdateAccessKey", params)],
            effect: EffectKind::Mutate,
            probe: vec![native(self.state, "iam:ListAccessKeys", json!({"UserName": user}))],
            expect: vec![own::status_is(key, active)],
            sampling: iam_sampling(),
        }
    }

    fn own_acts(&mut self, step: &Step, row: &RowState) {
        let Rollback::Acts(acts) = &step.rollback else { return };
        let scope = scope(self.state, self.book, Some(step), Some(row));
        let renderer = Renderer { book: self.book, state: self.state };
        for act in acts {
            let calls = renderer.action(&act.run, &scope, &Value::Null);
            let probe: Result<Vec<Vec<Call>>, RenderError> =
                act.probe.iter().map(|probe| renderer.action(probe, &scope, &Value::Null)).collect();
            match (calls, probe) {
                (Ok(calls), Ok(probe)) => {
                    let within = act.expect.iter().filter_map(|e| e.within).max();
                    let consecutive = act.expect.iter().map(|e| e.consecutive).max().unwrap_or(1);
                    let sampling = Sampling { settle: Duration::ZERO, within, every: 2 * SECOND, consecutive };
                    let title = format!("Undo {}", row_title(step, row));
                    let effect = act.run.op.info().effect.unwrap_or(EffectKind::Mutate);
                    let probe = probe.into_iter().flatten().collect();
                    let expect = act.expect.clone();
                    self.push(
                        step,
                        Act { id: String::new(), title, to: String::new(), calls, effect, probe, expect, sampling },
                    );
                }
                (Err(why), _) | (_, Err(why)) => self.plan.missing.push(format!("{}: {why}", row_title(step, row))),
            }
        }
    }

    fn restore(&mut self, step: &Step, row: &RowState) -> Option<Value> {
        let scope = scope(self.state, self.book, Some(step), Some(row));
        let holder = own::holder_of(step, &scope)?;
        let name = holder.get("name").and_then(Value::as_str).unwrap_or("the holder").to_owned();
        let (old, to) = match old_values(step, row, &scope) {
            Some(found) => found,
            None => {
                self.plan.missing.push(format!("{name}: its old value could not be read, and no copy is held"));
                return None;
            }
        };
        let renderer = Renderer { book: self.book, state: self.state };
        let look = row.look.as_ref().and_then(|(_, reading)| reading.result.clone());
        let held = look.or_else(|| row.first_look.as_ref()?.result.clone()).unwrap_or(Value::Null);
        let calls = renderer.holder_write(Op::HolderPut, &holder, &old, &Value::Null, &held);
        let connector = self.book.connector(&holder)?;
        let probe = match &connector.read {
            Some(_) => renderer.holder_read(Op::HolderRead, &holder, &Value::Null).map(|call| vec![call]),
            None => Ok(Vec::new()),
        };
        match (calls, probe) {
            (Ok(calls), Ok(probe)) => {
                let back = &connector.read_back;
                let sampling = Sampling {
                    settle: Duration::ZERO,
                    within: Some(back.within),
                    every: back.every,
                    consecutive: back.consecutive,
                };
                let expect = if connector.write_only {
                    own::written_since(last_seen(row))
                } else {
                    own::put_expectations(self.book, &holder, &old, row)
                };
                let title = format!("Restore {name}");
                let effect = EffectKind::Mutate;
                self.push(step, Act { id: String::new(), title, to, calls, effect, probe, expect, sampling });
                Some(holder)
            }
            (Err(why), _) | (_, Err(why)) => {
                self.plan.missing.push(format!("{name}: {why}"));
                None
            }
        }
    }

    fn prove(&mut self, step: &Step, holder: &Value) {
        if self.book.connector(holder).is_none_or(|c| c.prove.is_none())
            || holder.get("prove").is_none_or(Value::is_null)
        {
            return;
        }
        let renderer = Renderer { book: self.book, state: self.state };
        // What ran with the new key may outlive the put by a while (old dynos), and the new key is switched off after the
        // proofs: the first of them waits as long as the runbook's own proofs do. Every holder is restored by then.
        let waited = self.plan.acts.iter().any(|act| !act.sampling.settle.is_zero());
        let steps = &self.book.runbook.steps;
        let proofs = steps.iter().filter(|step| !waited && step.run.op == Op::HolderProve);
        let settle = proofs.map(|step| step.settle).max().unwrap_or_default();
        if let Ok(call) = renderer.holder_read(Op::HolderProve, holder, &Value::Null) {
            let name = holder.get("name").and_then(Value::as_str).unwrap_or("the holder");
            let act = Act {
                id: String::new(),
                title: format!("{name} works with the old key"),
                to: "reads".into(),
                calls: vec![call],
                effect: EffectKind::Read,
                probe: Vec::new(),
                expect: vec![expectation(
                    "works",
                    Predicate::Equals(crate::runbook::template::Node::Literal(json!(true))),
                )],
                sampling: Sampling { settle, within: Some(300 * SECOND), every: 20 * SECOND, consecutive: 1 },
            };
            self.push(step, act);
        }
    }

    fn undo_create(&mut self, step: &Step, row: &RowState, delivered: bool) {
        let scope = scope(self.state, self.book, Some(step), Some(row));
        let user = step.run.param("user").and_then(|n| n.render(&scope).ok()).unwrap_or(Value::Null);
        for id in created_ids(row) {
            let id = json!(id);
            let act = self.set_status(&user, &id, false, "Deactivate");
            self.push(step, act);
            if !delivered {
                let delete = Act {
                    id: String::new(),
                    title: format!("Delete {}", id.as_str().unwrap_or_default()),
                    to: "never delivered".into(),
                    calls: vec![native(
                        self.state,
                        "iam:DeleteAccessKey",
                        json!({"UserName": user, "AccessKeyId": id}),
                    )],
                    effect: EffectKind::Irreversible,
                    probe: vec![native(self.state, "iam:ListAccessKeys", json!({"UserName": user}))],
                    expect: vec![expectation("keys", Predicate::LacksId(crate::runbook::template::Node::Literal(id)))],
                    sampling: iam_sampling(),
                };
                self.push(step, delete);
            }
        }
    }

    fn undo_create_user(&mut self, step: &Step, row: &RowState) {
        let scope = scope(self.state, self.book, Some(step), Some(row));
        let user = step.run.param("user").and_then(|n| n.render(&scope).ok()).unwrap_or(Value::Null);
        let name = user.as_str().unwrap_or("the user").to_owned();
        // Only an answer says that it was made here: a user that is merely there may be somebody's.
        let answered = row.every_call().find_map(|call| match call {
            CallState::Finished { verdict: Verdict::Pass, reading, .. } => reading.result.as_ref()?.get("id").cloned(),
            _ => None,
        });
        let Some(id) = answered else {
            let why = "whether this run made it is not known; delete it by hand if it did";
            self.plan.missing.push(format!("user {name}: {why}"));
            return;
        };
        let act = Act {
            id: String::new(),
            title: format!("Delete user {name}"),
            to: "made by this run".into(),
            calls: vec![native(self.state, "iam:DeleteUser", json!({"UserName": user}))],
            effect: EffectKind::Irreversible,
            probe: vec![native(self.state, "iam:ListUsers", json!({}))],
            expect: vec![expectation("users", Predicate::LacksId(crate::runbook::template::Node::Literal(id)))],
            sampling: iam_sampling(),
        };
        self.push(step, act);
    }
}

/// Could the step have handed a new pair to somebody? A change by a request, a program or a hand may, whatever it is for.
fn may_deliver(step: &Step) -> bool {
    let outside = matches!(step.run.op, Op::HolderPut | Op::HolderRestart | Op::Http | Op::Command | Op::Manual);
    outside && step.effect != EffectKind::Read
}

/// Something was sent for the row that may have acted, in this attempt or an earlier one.
pub fn acted(row: &RowState) -> bool {
    row.every_call().any(CallState::may_have_acted)
}

/// Ids of keys that the row's calls created, lost ones included, newest last.
pub fn created_ids(row: &RowState) -> Vec<String> {
    row.every_call()
        .filter_map(|call| match call {
            CallState::Finished { verdict: Verdict::Pass, reading, .. } => {
                reading.result.as_ref()?.get("id")?.as_str().map(str::to_owned)
            }
            CallState::Reconciled { outcome: Doubt::DoneLost | Doubt::Done, evidence, .. } => {
                evidence.get("key")?.as_str().map(str::to_owned)
            }
            _ => None,
        })
        .collect()
}

/// The last that was read of a holder: after the act, else about a call in doubt, else before it.
fn last_seen(row: &RowState) -> Option<&Value> {
    let doubted = row.calls.values().rev().find_map(|call| match call {
        CallState::InDoubt { reads, .. } => reads.iter().rev().map(|(_, read)| read).find(|r| error_of(r).is_none()),
        _ => None,
    });
    let sampled = row.samples.iter().rev().filter_map(|sample| sample.reading.result.as_ref());
    let looked = row.look.as_ref().and_then(|(_, reading)| reading.result.as_ref());
    sampled.into_iter().find(|read| error_of(read).is_none()).or(doubted).or(looked)
}

/// A holder's values before the first act, and where the copy is.
fn old_values(step: &Step, row: &RowState, scope: &crate::runbook::template::Scope) -> Option<(Value, String)> {
    let wanted = step.run.param("values")?.render(scope).ok()?;
    let names: Vec<&String> = wanted.as_object()?.keys().collect();
    let whole = |values: &Value| {
        let map = values.as_object()?;
        let old: Option<serde_json::Map<String, Value>> = names
            .iter()
            .map(|name| Some(((*name).clone(), map.get(*name).filter(|v| !v.is_null())?.clone())))
            .collect();
        old.map(Value::Object)
    };
    let look = row.first_look.as_ref().or(row.look.as_ref().map(|(_, reading)| reading))?.result.as_ref();
    if let Some(values) = look.and_then(|look| look.get("values")).and_then(whole) {
        let version = look.and_then(|look| look.get("version")).and_then(Value::as_str);
        let to = version.map_or_else(|| "old pair, sealed".to_owned(), |v| format!("old pair, sealed; was {v}"));
        return Some((values, to));
    }
    let was = step.run.param("was")?.render(scope).ok()?;
    whole(&was).map(|values| (values, "old pair, sealed".to_owned()))
}

/// The step's title with its row.
pub fn row_title(step: &Step, row: &RowState) -> String {
    if row.key.is_empty() { step.title.clone() } else { format!("{}, {}", step.title, row.key) }
}
