//! The page of a step that was confirmed: what was sent, and every sample as it comes.

use std::time::Duration;

use serde_json::Value;

use super::act::{self, call_rows, held, lines_of};
use super::exact::tail;
use super::look::{Look, number};
use super::{clock, expected, steps};
use crate::engine::call::Rendered;
use crate::engine::entry::{Place, Stamp, Verdict};
use crate::engine::focus::Focus;
use crate::engine::state::{CallState, RowState};
use crate::engine::{admit, own};
use crate::runbook::op::Op;
use crate::runbook::{EffectKind, Step};
use crate::view::{EnterDoes, Foot, Panel, Row, Sample, Status, Table, TableRow, Text};

/// When the row that is sampled is decided at the latest.
pub(super) fn row_ends_by(look: &Look<'_>, step: &str, row: &RowState) -> Option<Stamp> {
    let place = Place { step: step.to_owned(), attempt: row.attempt, row: row.key.clone(), call: 0 };
    let sampling = own::nature(look.book(), look.state(), step, &row.value).sampling;
    let since = look.state().sampling_since(look.book(), &place)?;
    let first = since.plus(sampling.settle);
    Some(match sampling.within {
        Some(within) => first.plus(within),
        None => first.plus(Duration::from_secs(30)),
    })
}

/// When the step that is sampled has ended at the latest, where it is being sampled.
pub(super) fn ends_by(look: &Look<'_>) -> Option<Stamp> {
    let Focus::Sample { step } = &look.now.focus else { return None };
    let rows = look.folded(step)?.rows.iter().filter(|row| row.verdict.is_none());
    rows.filter_map(|row| row_ends_by(look, step, row)).max()
}

/// The samples of a row, the one that is out at the end.
pub(super) fn samples(look: &Look<'_>, step: &str, row: &RowState) -> Vec<Row> {
    let sampling = own::nature(look.book(), look.state(), step, &row.value).sampling;
    let many = sampling.consecutive > 1;
    let last = row.samples.len().saturating_sub(1);
    let mut out: Vec<Row> = Vec::new();
    for (i, sample) in row.samples.iter().enumerate() {
        let place = Place { step: step.to_owned(), attempt: row.attempt, row: row.key.clone(), call: 0 };
        let result = sample.reading.result.clone().unwrap_or(Value::Null);
        let decided = row.verdict.is_some() && i == last;
        let (status, word) = match sample.verdict {
            Verdict::Pass => (Status::Pass, "pass"),
            Verdict::Unknown => (Status::Unknown, "unknown"),
            Verdict::Fail if decided => (Status::Fail, "fail"),
            Verdict::Fail => (Status::Fail, "not yet"),
        };
        let mut text = expected::said(look, &place, &result, sample.verdict);
        if sample.verdict == Verdict::Unknown && many {
            text.push_str("; no answer to judge, so back to 0");
        }
        let count = if many { format!("{} of {}", sample.in_a_row, sampling.consecutive) } else { String::new() };
        let time = look.clock.time(sample.at);
        out.push(Row::Sample(Sample { time, status, word: word.into(), text: text.into(), count }));
    }
    let asking = look.now.due.iter().find(|due| !due.sent && due.place.step == step && due.place.row == row.key);
    if let Some(due) = asking {
        let time = look.clock.time(due.since);
        out.push(Row::Sample(Sample {
            time,
            status: Status::UnderWay,
            word: "asking".into(),
            text: Text::new(),
            count: String::new(),
        }));
    }
    out
}

/// `3 of 5 in a row ███░░`.
fn counted(look: &Look<'_>, step: &str, row: &RowState) -> String {
    let wanted = own::nature(look.book(), look.state(), step, &row.value).sampling.consecutive;
    let got = row.samples.last().map_or(0, |sample| sample.in_a_row).min(wanted);
    if wanted < 2 {
        return String::new();
    }
    let bar: String = (0..wanted.min(20)).map(|i| if i < got { '█' } else { '░' }).collect();
    format!("{got} of {wanted} in a row {bar}")
}

/// A step that is under way.
pub(super) fn page(look: &Look<'_>, step: &Step) -> (Panel, EnterDoes) {
    let rendered = look.folded(&step.id).and_then(|folded| folded.confirmed.as_ref()).map(|c| &c.rendered);
    let rows = look.folded(&step.id).map_or(&[][..], |folded| &folded.rows[..]);
    let body = match (rows, rendered) {
        ([row], Some(rendered)) => one(look, step, row, rendered),
        (rows, Some(rendered)) => several(look, step, rows, rendered),
        (_, None) => vec![Row::line("It is being opened.")],
    };
    let foot = if matches!(look.now.focus, Focus::Sample { .. }) { Foot::Follow } else { Foot::Plain };
    (act::panel(look, step, body, foot), under_way(look, step))
}

fn under_way(look: &Look<'_>, step: &Step) -> EnterDoes {
    if let Some(due) = look.sent() {
        let what = super::facts::what(look, &due.place.step, &due.place.row);
        let by = look.clock.time(due.by);
        return EnterDoes::Off(
            format!("{what} is under way"),
            format!("{} is under way. Its answer is due by {by}.", capital(&what)),
        );
    }
    match ends_by(look) {
        Some(by) => EnterDoes::Off(
            "the step is asking".into(),
            format!("The step is asking. It ends by {}.", look.clock.time(by)),
        ),
        None => EnterDoes::Off("it is under way".into(), format!("Step {} is under way.", number(step))),
    }
}

pub(super) fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn one(look: &Look<'_>, step: &Step, row: &RowState, rendered: &Rendered) -> Vec<Row> {
    let mut body = act::action(look, step, rendered);
    if step.effect != EffectKind::Read {
        let sent: Vec<String> = row
            .calls
            .iter()
            .map(|(n, call)| {
                format!(
                    "{}{}",
                    if rendered.rows.first().is_some_and(|r| r.calls.len() > 1) {
                        format!("call {}: ", n + 1)
                    } else {
                        String::new()
                    },
                    call_words(look, call)
                )
            })
            .collect();
        body.extend(lines_of("Sent", sent));
    }
    let mut lines = expected::lines(look, step, row);
    if let (Some(by), None) =
        (row_ends_by(look, &step.id, row).filter(|_| matches!(look.now.focus, Focus::Sample { .. })), row.verdict)
    {
        lines.push(format!("fails if not so by {}", look.clock.time(by)));
    }
    body.extend(lines_of("Expect", lines));
    let samples = samples(look, &step.id, row);
    if !samples.is_empty() {
        body.push(Row::Section { title: "Samples".into(), tag: counted(look, &step.id, row).into() });
        body.extend(samples);
    }
    body
}

/// How a call stands.
pub(super) fn call_words(look: &Look<'_>, call: &CallState) -> String {
    let at = |at: &Stamp| look.clock.time(*at);
    match call {
        CallState::Started { at: started } => format!("sent {}, no answer yet", at(started)),
        CallState::Finished { verdict: Verdict::Pass, at: then, reading } => {
            let id = reading.result.as_ref().and_then(|result| result.get("id")).and_then(Value::as_str);
            format!("answered {}{}", at(then), id.map(|id| format!(": {id}")).unwrap_or_default())
        }
        CallState::Finished { at: then, reading, .. } => {
            let result = reading.result.as_ref();
            let error = result.and_then(crate::engine::effect::error_of);
            format!("refused {}{}", at(then), error.map(|(code, _)| format!(": {code}")).unwrap_or_default())
        }
        CallState::InDoubt { started, .. } => format!("sent {}, no answer: in doubt", at(started)),
        CallState::Reconciled { outcome, at: then, .. } => {
            use crate::engine::entry::Doubt;
            let what = match outcome {
                Doubt::Done => "it was done",
                Doubt::NotDone => "it was not done",
                Doubt::DoneLost => "it was done, its answer is lost",
                Doubt::NotOurs => "what is there is not ours",
                Doubt::Unknown => "nobody knows",
            };
            format!("found out {}: {what}", at(then))
        }
        CallState::NotSent { reason } => format!("not sent: {reason}"),
    }
}

fn several(look: &Look<'_>, step: &Step, rows: &[RowState], rendered: &Rendered) -> Vec<Row> {
    let calls: usize = rendered.rows.iter().map(|row| row.calls.len()).sum();
    let name = step.run.op.info().name;
    let how = if step.effect == EffectKind::Read { "reads" } else { "each sent once; a ✗ stops the rest" };
    let mut body = vec![Row::Field {
        label: "Will do".into(),
        value: Text::marked(&format!("{name}, {} rows, {calls} calls, {how}", rows.len())),
        aside: None,
    }];
    let passed = rows.iter().filter(|row| row.verdict == Some(Verdict::Pass)).count();
    body.push(Row::section("Rows", &format!("{passed} of {} pass", rows.len())));
    let put = step.run.op == Op::HolderPut;
    let columns: &[(&str, usize)] = if put {
        &[("holder", 17), ("held before", 14), ("now", 26), ("way back", 17)]
    } else {
        &[("row", 20), ("now", 54)]
    };
    let under_way =
        rows.iter().position(|row| row.verdict.is_none() && !(row.calls.is_empty() && row.samples.is_empty()));
    let undecided = rows.iter().position(|row| row.verdict.is_none());
    let stopped = rows.iter().position(|row| matches!(row.verdict, Some(Verdict::Fail | Verdict::Unknown)));
    let selected = under_way.or(stopped).or(undecided).unwrap_or(rows.len().saturating_sub(1));
    let table = rows.iter().map(|row| {
        let now = now_words(look, step, row, rendered);
        let cells = if put {
            vec![row.key.clone(), held(row), now, act::back_to(look, step, row)]
        } else {
            vec![row.key.clone(), now]
        };
        let mut whole = rendered.rows.iter().find(|calls| calls.row == row.key).map(call_rows).unwrap_or_default();
        whole.extend(lines_of("Expect", expected::lines(look, step, row)));
        whole.extend(samples(look, &step.id, row));
        TableRow {
            key: row.key.clone(),
            status: steps::row_status(row),
            cells: cells.into_iter().map(Text::from).collect(),
            whole,
        }
    });
    body.push(Row::Table(Table {
        columns: columns.iter().map(|(name, width)| ((*name).to_owned(), *width)).collect(),
        rows: table.collect(),
        selected,
    }));
    body
}

fn now_words(look: &Look<'_>, step: &Step, row: &RowState, rendered: &Rendered) -> String {
    let all = rendered.rows.iter().find(|calls| calls.row == row.key).map_or(0, |calls| calls.calls.len());
    let in_a_row = row.samples.last().map_or(0, |sample| sample.in_a_row);
    let wanted = own::nature(look.book(), look.state(), &step.id, &row.value).sampling.consecutive;
    match row.verdict {
        Some(Verdict::Pass) if step.run.op == Op::HolderPut => {
            let values =
                row.samples.last().and_then(|sample| sample.reading.result.as_ref()?.get("values")?.as_object());
            let id = values
                .into_iter()
                .flatten()
                .find_map(|(name, value)| value.as_str().filter(|_| name.ends_with("KEY_ID")));
            id.map_or_else(|| "changed, confirmed".to_owned(), |id| format!("{}, read back", tail(id)))
        }
        Some(Verdict::Pass) => match row.decided {
            Some(at) => format!("pass {}", look.clock.time(at)),
            None => "pass".into(),
        },
        Some(_) => match row.calls.values().next_back().filter(|call| !call.done()) {
            Some(call) => call_words(look, call),
            None => row.samples.last().map_or_else(
                || "fail".to_owned(),
                |sample| {
                    let place = Place { step: step.id.clone(), attempt: row.attempt, row: row.key.clone(), call: 0 };
                    expected::said(look, &place, sample.reading.result.as_ref().unwrap_or(&Value::Null), sample.verdict)
                },
            ),
        },
        None => match row.calls.iter().next_back() {
            Some((n, CallState::Started { at })) => format!("call {} of {all} sent {}", n + 1, look.clock.time(*at)),
            Some((_, call)) if row.samples.is_empty() => call_words(look, call),
            None if row.samples.is_empty() && step.effect == EffectKind::Read => {
                let place = Place { step: step.id.clone(), attempt: row.attempt, row: row.key.clone(), call: 0 };
                match admit::sample_due(look.book(), look.state(), &place).filter(|at| *at > look.now.now) {
                    Some(at) => format!("asked from {}, in {}", look.clock.time(at), clock::span(look.clock.until(at))),
                    None => "asking".into(),
                }
            }
            None if row.samples.is_empty() => "not touched".into(),
            _ if wanted > 1 => format!("{in_a_row} of {wanted} in a row"),
            _ => "not yet".into(),
        },
    }
}
