//! Why a run stands still, in sentences: what did not come right, what the world said, what it means.

use serde_json::Value;

use super::snapshot::Snapshot;
use crate::action::advice::advice;
use crate::engine::admit;
use crate::engine::effect::error_of;
use crate::engine::entry::{Doubt, Place, Verdict};
use crate::engine::gate;
use crate::engine::rollback;
use crate::engine::state::{CallState, GateReading, RowState};

/// Longest reason in characters: it stands in an entry, and a person reads it.
const LONGEST: usize = 700;

/// Why a row of a step, or an act of the way back, did not come right.
pub fn of_row(now: &Snapshot, step: &str, row: &str) -> String {
    let why = now
        .state
        .step(&now.book, step)
        .and_then(|folded| folded.row(row))
        .and_then(|row| of_call(now, step, row).or_else(|| of_reading(now, step, row)))
        .unwrap_or_else(|| "it did not come right".to_owned());
    cut(&format!("{}: {why}", title(now, step, row)))
}

/// Why a step's gates are shut: each that does not hold, with what was read.
pub fn of_gates(now: &Snapshot, step: &str) -> String {
    let mut words = Vec::new();
    if let Some(folded) = now.state.step(&now.book, step) {
        let shut = |(index, _): &(u32, String), reading: &GateReading| {
            reading.verdict != Verdict::Pass && !folded.overridden.contains_key(index)
        };
        // A gate that opens by itself is no reason where another does not.
        let stays = |reading: &GateReading| gate::opens_at(&reading.evidence).is_none();
        let any = folded.gates.iter().any(|(key, reading)| shut(key, reading) && stays(reading));
        for ((_, row), reading) in folded.gates.iter().filter(|(key, reading)| shut(key, reading)) {
            if any && !stays(reading) {
                continue;
            }
            let said = reading.evidence["words"].as_str().unwrap_or("a gate does not hold");
            let error = reading.evidence["facts"]["reads"].as_array().into_iter().flatten().find_map(|read| {
                let code = read["error"].as_str()?;
                Some(format!(" ({code}: {})", read["message"].as_str().unwrap_or_default()))
            });
            let row = if row.is_empty() { String::new() } else { format!("{row}: ") };
            words.push(format!("{row}{said}{}", error.unwrap_or_default()));
        }
    }
    words.dedup();
    cut(&format!("{}: the gate is shut: {}", title(now, step, ""), words.join("; ")))
}

/// A step that can't be opened or rendered, or is refused, and why.
pub fn of_step(now: &Snapshot, step: &str, why: &str) -> String {
    cut(&format!("{}: {why}", title(now, step, "")))
}

/// What is left of the way back, in its order; empty when nothing is.
pub fn left_of_the_way_back(now: &Snapshot) -> Vec<String> {
    let acts = &rollback::planned(&now.book, &now.state).acts;
    let passed = |id: &str| {
        now.state.back.get(id).and_then(|step| step.rows.first()).is_some_and(|row| row.verdict == Some(Verdict::Pass))
    };
    acts.iter().filter(|act| !passed(&act.id)).map(|act| act.title.clone()).collect()
}

/// `step 6, “Every consumer works”, raxx-api-prod`.
fn title(now: &Snapshot, step: &str, row: &str) -> String {
    let row = if row.is_empty() { String::new() } else { format!(", {row}") };
    match now.book.runbook.step(step) {
        Some(found) => {
            let number = found.sop.as_deref().map_or_else(|| format!("step {step}"), |sop| format!("step {sop}"));
            format!("{number}, “{}”{row}", found.title)
        }
        None => match rollback::planned(&now.book, &now.state).act(step) {
            Some(act) => format!("way back, “{}”", act.title),
            None => format!("step {step}{row}"),
        },
    }
}

/// What a call was answered, where that is why.
fn of_call(now: &Snapshot, step: &str, row: &RowState) -> Option<String> {
    row.calls.iter().find_map(|(n, call)| match call {
        CallState::NotSent { reason } => Some(format!("not sent: {reason}")),
        CallState::Reconciled { outcome: Doubt::NotOurs, .. } => {
            Some("a key is there that is not ours, so nobody of us touches it".to_owned())
        }
        CallState::Reconciled { outcome: Doubt::DoneLost, .. } => {
            Some("it was created, and the answer with its secret is lost".to_owned())
        }
        CallState::Reconciled { outcome: Doubt::NotDone, .. } => Some("it had no answer, and was not done".to_owned()),
        CallState::Finished { verdict: Verdict::Fail, reading, .. } => {
            let confirmed = now.state.step(&now.book, step)?.confirmed.as_ref();
            let key = if now.book.runbook.step(step).is_some() { row.key.as_str() } else { step };
            let rows = confirmed.map_or(&[][..], |confirmed| &confirmed.rendered.rows);
            let sent = rows.iter().find(|row| row.row == key)?.calls.iter().find(|call| call.call == *n);
            let op = sent.map_or("", |call| call.op.as_str());
            of_error(reading.result.as_ref()?, op)
        }
        _ => None,
    })
}

/// What the last reading lacks, by the runbook's own sentence where it has one.
fn of_reading(now: &Snapshot, step: &str, row: &RowState) -> Option<String> {
    let result = row.samples.last().and_then(|sample| sample.reading.result.as_ref()).or_else(|| row.result())?;
    let op = now.book.runbook.step(step).map_or("", |step| step.run.op.info().aws.unwrap_or(step.run.op.info().name));
    let error = of_error(result, op);
    let place = Place { step: step.to_owned(), attempt: row.attempt, row: row.key.clone(), call: 0 };
    let judged = admit::judgements(&now.book, &now.state, &place, result).1;
    let bad = judged.iter().find(|judged| !judged.advisory && judged.verdict != Verdict::Pass);
    let sentence = bad.and_then(|judged| judged.sentence.clone());
    let plain = bad.map(|judged| format!("expected {}, found {}", judged.expected, short(&judged.actual)));
    // A sentence says what an answer lacks; where there was none, the error says more.
    error.or(sentence).or(plain)
}

fn short(value: &Value) -> String {
    let text = if value.is_null() { "nothing".to_owned() } else { value.to_string() };
    text.chars().take(120).collect()
}

/// The server's own words, and what they mean here.
fn of_error(result: &Value, op: &str) -> Option<String> {
    let (code, message) = error_of(result)?;
    let said = if message.is_empty() { code.to_owned() } else { format!("{code}: {}", message.trim_end()) };
    Some(match advice(code, op) {
        Some(means) => format!("{}. {means}", said.trim_end_matches('.')),
        None => said,
    })
}

/// A sentence, ended and not too long.
fn cut(text: &str) -> String {
    let text = text.trim_end();
    let end = if text.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    let text = &format!("{text}{end}");
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST - 1).collect();
    format!("{kept}…")
}
