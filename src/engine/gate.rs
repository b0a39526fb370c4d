//! Gates: what must hold before a step may be confirmed, judged from recorded facts so that `verify` can judge again.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveTime, TimeZone, Timelike};
use serde_json::{Value, json};

use crate::runbook::op::Op;
use crate::runbook::template::Scope;
use crate::runbook::{Gate, GateKind, Step, duration};

use super::book::Book;
use super::call::Call;
use super::effect::error_of;
use super::entry::{EnvironmentKind, Stamp, Verdict};
use super::expect;
use super::own::native;
use super::render::{RenderError, Renderer};
use super::scope::scope;
use super::state::{GateReading, RowState, State};

/// A gate of the runbook, or one that an action brings itself.
#[derive(Clone, Copy, Debug)]
pub enum GateRef<'a> {
    /// The runbook's.
    Book(&'a Gate),
    /// Before every delete of a key: the exact id, Inactive, not the caller's, held by no consumer.
    Delete,
}

/// A judged gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Does it hold?
    pub verdict: Verdict,
    /// For the operator.
    pub words: String,
    /// When it can next hold, if it is a matter of time.
    pub opens: Option<Stamp>,
}

impl Judged {
    fn pass(words: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, words: words.into(), opens: None }
    }
    fn fail(words: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, words: words.into(), opens: None }
    }
    fn unknown(words: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, words: words.into(), opens: None }
    }
    fn opens(mut self, at: Stamp) -> Self {
        self.opens = Some(at);
        self
    }

    /// As a `gate` entry carries it.
    pub fn evidence(&self, facts: &Value) -> Value {
        json!({"words": self.words, "opens": self.opens, "facts": facts})
    }
}

/// Every gate of a step, in the order of their indices.
pub fn gates(step: &Step) -> Vec<GateRef<'_>> {
    let mut list: Vec<GateRef> = step.gates.iter().map(GateRef::Book).collect();
    if step.run.op == Op::IamDeleteAccessKey {
        list.push(GateRef::Delete);
    }
    list
}

/// The time at which a reading can next be different, from its evidence.
pub fn opens_at(evidence: &Value) -> Option<Stamp> {
    Stamp::parse(evidence.get("opens")?.as_str()?)
}

/// True for a reading of `inactive_for` by which the key is not Inactive now.
pub fn shows_active(book: &Book, step: &str, index: u32, reading: &GateReading) -> bool {
    let gate = book.runbook.step(step).and_then(|step| step.gates.get(index as usize));
    let asks = gate.is_some_and(|gate| matches!(gate.kind, GateKind::InactiveFor { .. }));
    asks && reading.verdict == Verdict::Fail && opens_at(&reading.evidence).is_none()
}

/// Everything a gate is judged from.
pub struct GateView<'a> {
    /// The runbook.
    pub book: &'a Book,
    /// The run.
    pub state: &'a State,
    /// The step.
    pub step: &'a Step,
    /// The row.
    pub row: &'a RowState,
}

impl GateView<'_> {
    fn scope(&self) -> Scope {
        scope(self.state, self.book, Some(self.step), Some(self.row))
    }

    fn param(&self, name: &str) -> Value {
        self.step.run.param(name).and_then(|node| node.render(&self.scope()).ok()).unwrap_or(Value::Null)
    }

    /// The reads it needs; none for what the run itself knows.
    pub fn reads(&self, gate: GateRef<'_>) -> Result<Vec<Call>, RenderError> {
        let scope = self.scope();
        let last_used = |key: &Value| native(self.state, "iam:GetAccessKeyLastUsed", json!({"AccessKeyId": key}));
        let listed = |user: &Value| native(self.state, "iam:ListAccessKeys", json!({"UserName": user}));
        let history = |key: &Value| Call {
            call: 0,
            op: "store:key_history".into(),
            endpoint: "this store".into(),
            params: json!({"AccessKeyId": key}),
        };
        let caller = || native(self.state, "sts:GetCallerIdentity", json!({}));
        let real = self.state.opened.environment.kind == EnvironmentKind::Account;
        Ok(match gate {
            GateRef::Delete => {
                let mut calls = vec![listed(&self.param("user")), last_used(&self.param("key")), caller()];
                let renderer = Renderer { book: self.book, state: self.state };
                for holder in self.book.holders(&self.state.values) {
                    if self.book.connector(holder).is_some_and(|c| c.read.is_some() && !c.write_only) {
                        calls.push(renderer.holder_read(Op::HolderRead, holder, &Value::Null)?);
                    }
                }
                calls
            }
            GateRef::Book(gate) => match &gate.kind {
                GateKind::UnusedSince { key, .. } => vec![last_used(&key.render(&scope)?)],
                GateKind::UnusedFor { key, .. } => {
                    let key = key.render(&scope)?;
                    vec![last_used(&key), history(&key)]
                }
                GateKind::InactiveFor { key, .. } => {
                    vec![listed(&self.param("user")), history(&key.render(&scope)?)]
                }
                // AWS's clock, read through a call that changes nothing; a sandbox's time is the run's own.
                GateKind::After { .. } if real => vec![caller()],
                GateKind::Identity { .. } => vec![caller()],
                GateKind::Check { run, .. } => {
                    Renderer { book: self.book, state: self.state }.action(run, &scope, &Value::Null)?
                }
                GateKind::Drilled(_) => vec![Call {
                    call: 0,
                    op: "store:drilled".into(),
                    endpoint: "this store".into(),
                    params: json!({"runbook": self.state.opened.runbook.sha256, "connectors": self.state.opened.connectors}),
                }],
                _ => Vec::new(),
            },
        })
    }

    /// What of the results is kept as evidence: key ids, times and codes, never a whole store.
    pub fn facts(&self, results: &Value, date: Option<&str>) -> Value {
        let list = match results {
            Value::Array(list) => list.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let short = list.iter().map(|result| {
            if let Some((code, message)) = error_of(result) {
                return json!({"error": code, "message": message});
            }
            match result.get("values").and_then(Value::as_object) {
                Some(values) => {
                    let ids: Vec<&str> = values.values().filter_map(Value::as_str).collect();
                    json!({"holds": ids})
                }
                None => result.clone(),
            }
        });
        json!({"reads": short.collect::<Vec<_>>(), "date": date})
    }

    /// The verdict from recorded facts, at a time (`wall` is the real time where `at` is virtual).
    pub fn judge(&self, gate: GateRef<'_>, facts: &Value, at: Stamp) -> Judged {
        let read = |i: usize| facts.get("reads").and_then(|reads| reads.get(i)).unwrap_or(&Value::Null);
        match gate {
            GateRef::Delete => self.judge_delete(facts),
            GateRef::Book(gate) => match &gate.kind {
                GateKind::Passed(name) => self.judge_passed(name),
                GateKind::After { step, at_least, recommended } => {
                    self.judge_after(step, *at_least, *recommended, facts, at)
                }
                GateKind::UnusedSince { since, for_, .. } => {
                    // On a real account AWS's clock counts too: one here that was set forward opens nothing.
                    let real = self.state.opened.environment.kind == EnvironmentKind::Account;
                    let theirs = facts.get("date").and_then(Value::as_str).and_then(http_date).filter(|_| real);
                    self.judge_unused_since(since, *for_, read(0), theirs.map_or(at, |date| date.min(at)))
                }
                GateKind::InactiveFor { key, at_least } => self.judge_inactive_for(key, at_least, read(0), read(1), at),
                GateKind::UnusedFor { at_least, .. } => self.judge_unused_for(at_least, read(0), read(1), at),
                GateKind::NotDuring { window, zone } => judge_not_during(*window, *zone, at),
                GateKind::Approval { people, role, .. } => {
                    let given = statements(self.book, self.state, self.step, "approval", at).len();
                    let words = format!("approval, {given} of {people} of {role}");
                    if given >= *people as usize { Judged::pass(words) } else { Judged::fail(words) }
                }
                GateKind::Check { expect, .. } => {
                    let (verdict, judgements) = expect::judge(expect, read(0), &self.scope());
                    let words: Vec<String> =
                        judgements.iter().map(|j| j.sentence.clone().unwrap_or_else(|| j.expected.clone())).collect();
                    Judged { verdict, words: words.join("; "), opens: None }
                }
                GateKind::Identity { account, arn, not_user } => {
                    let scope = self.scope();
                    let who = read(0);
                    let mut verdict = if who.get("arn").is_some() { Verdict::Pass } else { Verdict::Unknown };
                    for (template, field, wanted) in
                        [(account, "account", true), (arn, "arn", true), (not_user, "user", false)]
                    {
                        if let Some(template) = template {
                            let same = template.render(&scope).is_ok_and(|value| who.get(field) == Some(&value));
                            if verdict == Verdict::Pass && same != wanted {
                                verdict = Verdict::Fail;
                            }
                        }
                    }
                    let arn = who.get("arn").and_then(Value::as_str).unwrap_or("unknown");
                    Judged { verdict, words: format!("you are {arn}"), opens: None }
                }
                GateKind::Drilled(within) => match read(0).get("at").and_then(Value::as_str).and_then(Stamp::parse) {
                    Some(drilled) if drilled.plus(*within) >= at => Judged::pass("drilled, this very runbook"),
                    Some(_) => Judged::fail(format!("drilled longer ago than {}", duration::show(*within))),
                    None => Judged::fail("never drilled: keyward drill does it in the sandbox"),
                },
            },
        }
    }

    fn judge_passed(&self, name: &str) -> Judged {
        let named = self.book.runbook.named(name);
        let passed = named.iter().all(|&index| {
            let step = &self.state.steps[index];
            step.skipped.is_none() && step.passed()
        });
        let number = named.last().map_or(name, |&i| self.book.runbook.steps[i].sop.as_deref().unwrap_or(name));
        if passed && !named.is_empty() {
            Judged::pass(format!("step {number} passed"))
        } else {
            Judged::fail(format!("step {number} has not passed"))
        }
    }

    fn passed_since(&self, name: &str) -> Option<(Stamp, Option<Stamp>, Option<String>)> {
        let mut last: Option<(Stamp, Option<Stamp>, Option<String>)> = None;
        for index in self.book.runbook.named(name) {
            let step = &self.state.steps[index];
            if !step.passed() || step.skipped.is_some() {
                return None;
            }
            for row in &step.rows {
                let decided = row.decided?;
                if last.as_ref().is_none_or(|(at, _, _)| decided > *at) {
                    last = Some((decided, row.decided_wall, row.date.clone()));
                }
            }
        }
        last
    }

    fn judge_after(
        &self,
        step: &str,
        at_least: std::time::Duration,
        recommended: Option<std::time::Duration>,
        facts: &Value,
        at: Stamp,
    ) -> Judged {
        let Some((passed, _, date)) = self.passed_since(step) else {
            return Judged::fail(format!("step {step} has not passed"));
        };
        let real = self.state.opened.environment.kind == EnvironmentKind::Account;
        let (from, now) = if real {
            let now = facts.get("date").and_then(Value::as_str).and_then(http_date);
            match (date.as_deref().and_then(http_date), now) {
                (Some(from), Some(now)) => (from, now),
                _ => return Judged::unknown("AWS's clock could not be read"),
            }
        } else {
            (passed, at)
        };
        let hint = recommended.map_or(String::new(), |r| format!("; {} is recommended", duration::show(r)));
        let words = format!("{} since step {step}{hint}", duration::show(at_least));
        let opens = from.plus(at_least);
        if now >= opens { Judged::pass(words) } else { Judged::fail(words).opens(opens) }
    }

    /// S is when the last row of `since` last passed. Silence before S + `for` proves nothing, so it is unknown.
    fn judge_unused_since(&self, since: &str, for_: std::time::Duration, read: &Value, at: Stamp) -> Judged {
        let Some((passed, wall, _)) = self.passed_since(since) else {
            return Judged::fail(format!("step {since} has not passed"));
        };
        let restarted = self.book.runbook.position(&self.step.id).and_then(|i| self.state.steps[i].window);
        let from = restarted.map_or(passed, |window| window.max(passed));
        let opens = from.plus(for_);
        if at < opens {
            let words = "AWS reports use late: silence before then proves nothing";
            return Judged::unknown(words).opens(opens);
        }
        // A rehearsal's server runs on the real clock, so its last use is compared with the real S.
        let rehearsal = self.state.opened.environment.kind == EnvironmentKind::Rehearsal;
        let from = if rehearsal { wall.unwrap_or(from) } else { from };
        match last_use(read) {
            None => Judged::unknown("AWS did not say when it was last used"),
            Some(None) => Judged::pass("no use reported"),
            Some(Some(used)) if used > from => {
                Judged::fail(format!("used at {used}, after step {since} passed: a consumer was forgotten"))
            }
            Some(Some(used)) => Judged::pass(format!("last use {used}; none seen after step {since} + 15 min")),
        }
    }

    fn needed(&self, at_least: &crate::runbook::template::Template, history: &Value) -> Option<std::time::Duration> {
        if history.get("rolled_back").and_then(Value::as_bool) == Some(true) {
            return Some(std::time::Duration::from_secs(24 * 3600));
        }
        duration::parse(at_least.text(&self.scope()).ok()?.as_str()).ok()
    }

    fn judge_inactive_for(
        &self,
        key: &crate::runbook::template::Template,
        at_least: &crate::runbook::template::Template,
        listed: &Value,
        history: &Value,
        at: Stamp,
    ) -> Judged {
        let (Some(needed), Ok(key)) = (self.needed(at_least, history), key.render(&self.scope())) else {
            return Judged::unknown("the duration can't be read");
        };
        let inactive =
            listed.get("inactive").and_then(Value::as_array).map(|l| l.iter().any(|k| k.get("id") == Some(&key)));
        match inactive {
            None => return Judged::unknown("the keys could not be listed"),
            Some(false) => return Judged::fail("the key is not Inactive"),
            Some(true) => {}
        }
        let window = self.book.runbook.position(&self.step.id).and_then(|i| self.state.steps[i].window);
        let known = history.get("inactive_since").and_then(Value::as_str).and_then(Stamp::parse);
        let Some(from) = known.into_iter().chain(window).min() else {
            return Judged::unknown("no sealed run says since when; observe it anew, or ask CloudTrail");
        };
        let words = format!("Inactive since {from}, at least {}", duration::show(needed));
        let opens = from.plus(needed);
        if at >= opens { Judged::pass(words) } else { Judged::fail(words).opens(opens) }
    }

    fn judge_unused_for(
        &self,
        at_least: &crate::runbook::template::Template,
        used: &Value,
        history: &Value,
        at: Stamp,
    ) -> Judged {
        let Some(needed) = self.needed(at_least, history) else {
            return Judged::unknown("the duration can't be read");
        };
        match last_use(used) {
            None => Judged::unknown("AWS did not say when it was last used"),
            Some(None) => Judged::pass("no use reported"),
            Some(Some(last)) if last.plus(needed) <= at => Judged::pass(format!("last use {last}")),
            Some(Some(last)) => Judged::fail(format!("used at {last}")).opens(last.plus(needed)),
        }
    }

    /// When this run last set the key Inactive, by the clock that last use is told in.
    fn deactivated(&self, key: &Value) -> Option<Stamp> {
        let rehearsal = self.state.opened.environment.kind == EnvironmentKind::Rehearsal;
        let steps = self.book.runbook.steps.iter().zip(&self.state.steps);
        let rows = steps
            .filter(|(step, _)| step.run.op == Op::IamUpdateAccessKey)
            .flat_map(|(step, folded)| folded.rows.iter().map(move |row| (step, row)));
        let off = rows.filter(|(step, row)| {
            let scope = scope(self.state, self.book, Some(step), Some(row));
            let param = |name: &str| step.run.param(name).and_then(|node| node.render(&scope).ok());
            row.verdict == Some(Verdict::Pass)
                && param("key").as_ref() == Some(key)
                && param("status") == Some(json!("Inactive"))
        });
        off.filter_map(|(_, row)| if rehearsal { row.decided_wall.or(row.decided) } else { row.decided }).max()
    }

    fn judge_delete(&self, facts: &Value) -> Judged {
        let reads = facts.get("reads").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let (user, key) = (self.param("user"), self.param("key"));
        let has = |list: &str| {
            let list = reads.first()?.get(list)?.as_array()?;
            Some(list.iter().any(|listed| listed.get("id") == Some(&key)))
        };
        let (Some(active), Some(inactive)) = (has("active"), has("inactive")) else {
            return Judged::unknown("the keys could not be listed");
        };
        if active || !inactive {
            return Judged::fail("the key is not Inactive: deactivate it first");
        }
        let Some(caller) = reads.get(2).and_then(|who| who.get("arn")) else {
            return Judged::unknown("AWS did not say who you are");
        };
        if reads[2].get("user") == Some(&user) && !user.is_null() {
            return Judged::fail("this is your own key; start again as another identity");
        }
        match (last_use(reads.get(1).unwrap_or(&Value::Null)), self.deactivated(&key)) {
            (None, _) => return Judged::unknown("AWS did not say when it was last used"),
            (Some(Some(used)), Some(off)) if used > off.plus(GRANULARITY) => {
                return Judged::fail(format!(
                    "used at {used}, after this run deactivated it: somebody turned it on again"
                ));
            }
            _ => {}
        }
        for held in reads.iter().skip(3) {
            let Some(ids) = held.get("holds").and_then(Value::as_array) else {
                return Judged::unknown("a holder could not be read");
            };
            if ids.contains(&key) {
                return Judged::fail("consumers hold this key; it can't be deleted");
            }
        }
        Judged::pass(format!("Inactive; no readable holder has it; not yours ({})", caller.as_str().unwrap_or("?")))
    }
}

/// Last use is told in steps of about this (IAM user guide, "last accessed information").
const GRANULARITY: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Who stated this of the step's action as it stands now, and whose word still counts. A retry, another caller or another
/// value is another action, and voids what was said of the one before.
pub fn statements(book: &Book, state: &State, step: &Step, kind: &str, at: Stamp) -> BTreeSet<String> {
    let Ok(rendered) = (Renderer { book, state }).step(step) else { return BTreeSet::new() };
    let digest = rendered.digest();
    let text = |said: &Value, name: &str| said.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let said = state.approvals.iter().map(|(_, said)| said).filter(|said| {
        text(said, "type") == kind
            && text(said, "run") == state.opened.run
            && text(said, "digest") == digest
            && Stamp::parse(&text(said, "expires")).is_some_and(|expires| at < expires)
    });
    said.map(|said| text(said, "by")).filter(|by| *by != state.operator).collect()
}

/// Last use of a key: outer `None` where it was not read, inner `None` for never.
fn last_use(read: &Value) -> Option<Option<Stamp>> {
    match read.get("used")?.as_str()? {
        "never" => Some(None),
        text => Some(Some(Stamp::new(DateTime::parse_from_rfc3339(text).ok()?.to_utc()))),
    }
}

/// An HTTP `Date` header (RFC 9110 section 5.6.7).
fn http_date(text: &str) -> Option<Stamp> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| Stamp::new(at.to_utc()))
}

fn judge_not_during((from, to): (u16, u16), zone: chrono_tz::Tz, at: Stamp) -> Judged {
    let local = at.time().with_timezone(&zone);
    let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or_default();
    let inside = if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to };
    let clock = |m: u16| format!("{:02}:{:02}", m / 60, m % 60);
    let words = format!("not {}–{} {}", clock(from), clock(to), zone.name());
    if !inside {
        return Judged::pass(words);
    }
    let end = NaiveTime::from_hms_opt(u32::from(to / 60) % 24, u32::from(to % 60), 0).unwrap_or_default();
    let mut day = local.date_naive();
    if minute >= to
        && let Some(next) = day.succ_opt()
    {
        day = next;
    }
    // A time that a change of the clocks leaves out is reached an hour later.
    let opens = zone.from_local_datetime(&day.and_time(end)).latest().map(|end| Stamp::new(end.to_utc()));
    match opens {
        Some(opens) => Judged::fail(words).opens(opens),
        None => Judged::fail(words).opens(at.plus(std::time::Duration::from_secs(3600))),
    }
}
