//! Calls and samples: what is sent, how answers are judged, and how a doubt is settled.

use serde_json::Value;

use crate::runbook::Expectation;
use crate::runbook::op::Op;
use crate::runbook::template::Scope;

use super::super::book::Book;
use super::super::doubt::{self, Finding};
use super::super::effect::error_of;
use super::super::entry::{Doubt, Place, Reading, Stamp, Verdict};
use super::super::expect::{self, Judgement};
use super::super::focus::{Focus, focus};
use super::super::own;
use super::super::rollback;
use super::super::scope::scope;
use super::super::state::{CallState, State};
use super::{Allowed, call, no, row};

pub(super) fn started(book: &Book, state: &State, place: &Place, digest: &str) -> Allowed {
    match focus(book, state) {
        Focus::Send { place: next, digest: confirmed } if next == *place && confirmed == digest => Ok(()),
        Focus::Send { place: next, .. } => {
            no(format!("the next call is {}, row “{}”, call {}", next.step, next.row, next.call))
        }
        _ => no("no confirmation of that very action and attempt is open"),
    }
}

/// The verdict of an act's own answer: by the runbook's expectations where nothing is polled after it.
pub fn act_verdict(book: &Book, state: &State, place: &Place, result: &Value) -> Verdict {
    let Some(step) = book.runbook.step(&place.step) else { return Verdict::Pass };
    let Some(row) = row(book, state, place) else { return Verdict::Pass };
    let nature = own::nature(book, state, &place.step, &row.value);
    if nature.samples || step.expect.is_empty() {
        return Verdict::Pass;
    }
    expect::judge(&step.expect, result, &scope(state, book, Some(step), Some(row))).0
}

/// The verdict of what a person entered: they say what they saw, the runbook says whether it is as expected.
pub fn entered_verdict(book: &Book, state: &State, place: &Place, values: &Value) -> Verdict {
    let Some(step) = book.runbook.step(&place.step) else { return Verdict::Pass };
    let Some(row) = row(book, state, place) else { return Verdict::Pass };
    if own::nature(book, state, &place.step, &row.value).reads {
        return expect::judge(&step.expect, values, &scope(state, book, Some(step), Some(row))).0;
    }
    act_verdict(book, state, place, values)
}

/// A refusal is a fail, but a delete of what is not there is done (`NoSuchEntity`, IAM API reference).
pub fn refused_verdict(book: &Book, state: &State, place: &Place, result: &Value) -> Verdict {
    let folded = state.step(book, &place.step);
    let key = if book.runbook.step(&place.step).is_some() { &place.row } else { &place.step };
    let confirmed = folded.and_then(|folded| folded.confirmed.as_ref());
    let row = confirmed.and_then(|confirmed| confirmed.rendered.rows.iter().find(|row| row.row == *key));
    let op = row.and_then(|row| row.calls.iter().find(|call| call.call == place.call)).map(|call| call.op.as_str());
    let gone = matches!(op, Some("iam:DeleteAccessKey" | "iam:DeleteUser"));
    match error_of(result) {
        Some(("NoSuchEntity", _)) if gone => Verdict::Pass,
        _ => Verdict::Fail,
    }
}

/// The expectations of a place, and their scope.
pub(super) fn expected(book: &Book, state: &State, place: &Place) -> Option<(Vec<Expectation>, Scope)> {
    let row = row(book, state, place)?;
    match book.runbook.step(&place.step) {
        Some(step) => Some((own::expectations(book, state, step, row), scope(state, book, Some(step), Some(row)))),
        None => {
            let act = rollback::planned(book, state).act(&place.step)?;
            Some((act.expect.clone(), scope(state, book, None, None)))
        }
    }
}

/// Verdict and judgements of a reading.
pub fn judgements(book: &Book, state: &State, place: &Place, result: &Value) -> (Option<Verdict>, Vec<Judgement>) {
    match expected(book, state, place) {
        None => (None, Vec::new()),
        Some((expectations, scope)) => {
            let result = if result.is_array() && expectations.is_empty() { &Value::Null } else { result };
            let (verdict, judgements) = expect::judge(&expectations, result, &scope);
            (Some(verdict), judgements)
        }
    }
}

/// The verdict of a sample.
pub fn sample_verdict(book: &Book, state: &State, place: &Place, result: &Value) -> Option<Verdict> {
    judgements(book, state, place, result).0
}

/// When the next sample of a row is due.
pub fn sample_due(book: &Book, state: &State, place: &Place) -> Option<Stamp> {
    let row = row(book, state, place)?;
    let sampling = own::nature(book, state, &place.step, &row.value).sampling;
    let first = state.sampling_since(book, place)?.plus(sampling.settle);
    let Some(last) = row.samples.last() else { return Some(first) };
    let next = last.at.plus(sampling.every);
    // The last look before the time is up is taken when it is up.
    Some(match sampling.within.map(|within| first.plus(within)) {
        Some(end) if last.at < end => next.min(end),
        _ => next,
    })
}

/// For a read: does this reading decide its row? `None` where the place has no row; always false for acts.
pub fn decides(book: &Book, state: &State, place: &Place, verdict: Verdict, at: Stamp) -> Option<bool> {
    let row = row(book, state, place)?;
    let nature = own::nature(book, state, &place.step, &row.value);
    if !nature.reads {
        return Some(false);
    }
    let first = state.sampling_since(book, place)?.plus(nature.sampling.settle);
    let before = row.samples.last().map_or(0, |sample| sample.in_a_row);
    Some(match verdict {
        Verdict::Pass => before + 1 >= nature.sampling.consecutive,
        _ => nature.sampling.within.is_none_or(|within| at >= first.plus(within)),
    })
}

pub(super) fn sampled(
    book: &Book,
    state: &State,
    at: Stamp,
    place: &Place,
    verdict: Verdict,
    reading: &Reading,
    deciding: bool,
) -> Allowed {
    let Some(row) = row(book, state, place) else { return no("no such row is open") };
    if row.verdict.is_some() {
        return no("its row was decided before");
    }
    if state.step(book, &place.step).is_none_or(|step| step.confirmed.is_none()) {
        return no("its step was not confirmed");
    }
    let in_focus = matches!(focus(book, state), Focus::Sample { step } if step == place.step);
    if !in_focus {
        return no("nothing is sampled there now");
    }
    if sample_due(book, state, place).is_none_or(|due| at < due) {
        return no("it was taken before its time");
    }
    let result = reading.result.clone().unwrap_or(Value::Null);
    if sample_verdict(book, state, place, &result) != Some(verdict) {
        return no("its verdict is not what the runbook's expectations give");
    }
    match decides(book, state, place, verdict, at) {
        Some(decided) if decided == deciding => Ok(()),
        _ => no(if deciding { "it decides too early" } else { "it had to decide, and does not" }),
    }
}

pub(super) fn finished(
    book: &Book,
    state: &State,
    at: Stamp,
    place: &Place,
    verdict: Verdict,
    reading: &Reading,
) -> Allowed {
    let value = row(book, state, place).map(|row| row.value.clone()).unwrap_or(Value::Null);
    match focus(book, state) {
        Focus::Waiting { place: waits, until } if waits == *place => {
            return if at >= until { Ok(()) } else { no("the wait was not over") };
        }
        Focus::Manual { place: waits } if waits == *place => {
            let entered = reading.result.clone().unwrap_or(Value::Null);
            let same = entered_verdict(book, state, place, &entered) == verdict;
            return if same { Ok(()) } else { no("its verdict is not what was entered gives") };
        }
        _ => {}
    }
    if own::nature(book, state, &place.step, &value).reads {
        return sampled(book, state, at, place, verdict, reading, true);
    }
    match call(book, state, place) {
        Some(CallState::Started { .. }) => {}
        _ => return no("no such call was started"),
    }
    let result = reading.result.clone().unwrap_or(Value::Null);
    let expected = match error_of(&result) {
        Some(_) => refused_verdict(book, state, place, &result),
        None => act_verdict(book, state, place, &result),
    };
    if expected == verdict { Ok(()) } else { no("its verdict is not what its answer gives") }
}

/// What the reads of a call in doubt say.
pub fn finding(book: &Book, state: &State, place: &Place, reads: &[(Stamp, Value)], asked: usize) -> Finding {
    let Some(row) = row(book, state, place) else { return Finding::Ask };
    let Some((expectations, scope)) = expected(book, state, place) else { return Finding::Ask };
    match book.runbook.step(&place.step) {
        Some(step) => doubt::judge(step, row, reads, asked, &expectations, &scope),
        None => {
            // An act of the way back: its probe sees exactly what it changes.
            let verdicts: Vec<Verdict> =
                reads.iter().map(|(_, result)| expect::judge(&expectations, result, &scope).0).collect();
            match verdicts.last() {
                Some(Verdict::Pass) if !expectations.is_empty() => Finding::Settled(Doubt::Done),
                Some(Verdict::Fail) if verdicts.len() >= doubt::TRIES => Finding::Settled(Doubt::NotDone),
                _ if reads.len() >= asked => Finding::Person { candidate: None },
                _ => Finding::Ask,
            }
        }
    }
}

pub(super) fn reconciled(book: &Book, state: &State, place: &Place, outcome: Doubt, evidence: &Value) -> Allowed {
    let Some(CallState::InDoubt { reads, .. }) = call(book, state, place) else {
        return no("no such call is in doubt");
    };
    let asked = reads.len();
    match evidence.get("by").and_then(Value::as_str) {
        Some("reads") => match finding(book, state, place, reads, asked) {
            Finding::Settled(found) if found == outcome => Ok(()),
            _ => no("the recorded reads do not say so"),
        },
        Some(who) if who == state.operator => {
            let typed = evidence.get("typed").and_then(Value::as_str).unwrap_or("");
            if reconcile_word(book, state, place, outcome)? != typed {
                return no("what was typed does not say so");
            }
            let found = row(book, state, place).and_then(|row| doubt::found(row, reads));
            if evidence.get("key").and_then(Value::as_str) != found.as_deref() {
                return no("that key is not the one that was not there before");
            }
            Ok(())
        }
        _ => no("nobody known says so"),
    }
}

/// What a person has to type to settle a call in doubt so, or why it can't be settled so.
///
/// # Errors
/// A sentence for the operator.
pub fn reconcile_word(book: &Book, state: &State, place: &Place, outcome: Doubt) -> Result<String, String> {
    let Some(CallState::InDoubt { reads, .. }) = call(book, state, place) else {
        return no("No such call is in doubt.");
    };
    let Some(row) = row(book, state, place) else { return no("There is no such row.") };
    let create = book.runbook.step(&place.step).is_some_and(|step| step.run.op == Op::IamCreateAccessKey);
    let found = doubt::found(row, reads);
    let answers = reads.iter().filter(|(_, result)| error_of(result).is_none()).count();
    match (outcome, found) {
        (Doubt::Unknown, _) => no("Unknown is what it is already."),
        (Doubt::DoneLost, Some(id)) if create => Ok(id.get(id.len().saturating_sub(4)..).unwrap_or(&id).to_owned()),
        (Doubt::DoneLost, _) => no("No key is there that could be ours."),
        (Doubt::NotOurs, Some(_)) if create => Ok("not ours".to_owned()),
        (Doubt::NotOurs, _) => no("Nothing is there that could be somebody else's."),
        (Doubt::NotDone, Some(_)) if create => no("A key is there that was not there before. Say whose it is."),
        (Doubt::NotDone, _) if create && answers < doubt::TRIES => {
            no("A list may hide a new key for a while. Ask again until five lists agree.")
        }
        (Doubt::NotDone, _) => Ok("not sent".to_owned()),
        (Doubt::Done, _) if create => no("Nobody has that key's secret, so it can't count as made."),
        (Doubt::Done, _) => Ok("done".to_owned()),
    }
}
