//! What is expected of a step, and what a reading said, in words.

use serde_json::Value;

use super::exact;
use super::look::Look;
use super::steps::duration_words;
use crate::action::advice::advice;
use crate::engine::effect::error_of;
use crate::engine::entry::{Place, Verdict};
use crate::engine::state::RowState;
use crate::engine::{admit, expect, own};
use crate::runbook::Step;
use crate::runbook::op::Op;
use crate::secret::fingerprint_of;
use crate::view::text::exact as escaped;

/// The SOP's "Expect:" of a row, a line each; the last one says how often and until when.
pub(super) fn lines(look: &Look<'_>, step: &Step, row: &RowState) -> Vec<String> {
    let scope = look.scope(step, Some(row));
    let param = |name: &str| step.run.param(name).and_then(|node| node.render(&scope).ok()).unwrap_or(Value::Null);
    let text = |name: &str| param(name).as_str().map(escaped).unwrap_or_default();
    let mut lines: Vec<String> = if step.expect.is_empty() {
        let own = match step.run.op {
            Op::IamCreateAccessKey => "the new key is listed Active".to_owned(),
            Op::IamUpdateAccessKey => format!("{} is listed {}", text("key"), text("status")),
            Op::IamDeleteAccessKey => format!("{} is listed no more", text("key")),
            Op::HolderPut => {
                let holder = own::holder_of(step, &scope).unwrap_or(Value::Null);
                match look.book().connector(&holder) {
                    Some(connector) if connector.write_only => "its time of change is another than before".into(),
                    _ => "every value is read back as it was put".into(),
                }
            }
            _ => "an answer".into(),
        };
        vec![own]
    } else {
        let judged = expect::judge(&step.expect, &Value::Null, &scope).1;
        judged
            .into_iter()
            .map(|one| format!("{}{}", escaped(&one.expected), if one.advisory { " (advisory)" } else { "" }))
            .collect()
    };
    let sampling = own::nature(look.book(), look.state(), &step.id, &row.value).sampling;
    let mut how = Vec::new();
    if sampling.consecutive > 1 {
        how.push(format!("{} times in a row", sampling.consecutive));
    }
    if let Some(within) = sampling.within {
        how.push(format!("every {}", duration_words(sampling.every)));
        how.push(format!("within {}", duration_words(within)));
    }
    if !sampling.settle.is_zero() {
        how.push(format!("first asked after {}", duration_words(sampling.settle)));
    }
    match (how.is_empty(), lines.len()) {
        (true, _) => {}
        (false, 1) => lines[0] = format!("{}, {}", lines[0], how.join(", ")),
        (false, _) => lines.push(how.join(", ")),
    }
    lines
}

/// What one reading said, as it was judged. A server's words follow who said them.
pub(super) fn said(look: &Look<'_>, place: &Place, result: &Value, verdict: Verdict) -> String {
    if let Some((code, message)) = error_of(result) {
        return error(code, message, &op_of(look, place));
    }
    let judged = admit::judgements(look.book(), look.state(), place, result).1;
    let telling = judged.iter().find(|one| one.verdict == verdict && !one.advisory).or(judged.first());
    match telling {
        None => "answered".into(),
        Some(one) if verdict == Verdict::Pass => one.expected.clone(),
        Some(one) => match &one.sentence {
            Some(sentence) => sentence.clone(),
            None => format!("{}: it is {}", one.expected, short(&one.actual)),
        },
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "not there".into(),
        _ if fingerprint_of(value).is_some() => {
            format!("fingerprint {}", exact::digits(fingerprint_of(value).unwrap_or_default()))
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            let ids: Vec<String> =
                list.iter().map(|one| one.get("id").map_or_else(|| exact::value(one), exact::value)).collect();
            if ids.is_empty() { "empty".into() } else { ids.join(", ") }
        }
        Value::Array(list) if list.is_empty() => "empty".into(),
        other => exact::value(other),
    }
}

/// `AWS said: Throttling: …`: the words of whom it came from.
pub(super) fn error(code: &str, message: &str, op: &str) -> String {
    let who = if op.starts_with("iam:") || op.starts_with("sts:") || op.starts_with("s3:") { "AWS" } else { "it" };
    match (message.is_empty(), message == code) {
        (true, _) | (_, true) => format!("{who} said {code}"),
        _ => format!("{who} said {code}: {message}"),
    }
}

/// What an error code means here, if that is known.
pub(super) fn meaning(look: &Look<'_>, place: &Place, result: &Value) -> Option<&'static str> {
    let (code, _) = error_of(result)?;
    advice(code, &op_of(look, place))
}

fn op_of(look: &Look<'_>, place: &Place) -> String {
    let confirmed = look.folded(&place.step).and_then(|folded| folded.confirmed.as_ref());
    let forward = look.step(&place.step).is_some();
    let key = if forward { &place.row } else { &place.step };
    let row = confirmed.and_then(|confirmed| confirmed.rendered.rows.iter().find(|row| row.row == *key));
    let call = row.and_then(|row| row.calls.get(place.call as usize).or(row.calls.first()));
    call.map(|call| call.op.clone()).unwrap_or_default()
}
