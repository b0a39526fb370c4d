//! Where a run stops and a person chooses: a step that failed, or one that can't be opened.

use serde_json::Value;

use super::act::{self, lines_of};
use super::look::{Look, number, row_name};
use super::{clock, expected, offers, running};
use crate::engine::entry::{Body, Doubt, Place, Verdict};
use crate::engine::own;
use crate::engine::state::{CallState, RowState, StepState};
use crate::runbook::op::Op;
use crate::runbook::{EffectKind, Step};
use crate::view::{Border, Choice, Command, Foot, Intent, Offer, Opens, Panel, Row, Status, Text};

pub(super) fn choice(label: &str, word: &str, text: &str, does: &str, opens: Opens) -> Row {
    Row::Choice(Choice { label: label.into(), word: word.into(), text: text.into(), does: does.into(), opens })
}

pub(super) fn now_choice(label: &str, word: &str, text: &str, command: Command) -> Row {
    choice(label, word, text, "opens its page", Opens::Command(command))
}

pub(super) fn page_choice(label: &str, word: &str, text: &str, does: &str, offer: Offer) -> Row {
    choice(label, word, text, does, Opens::Page(Box::new(offer)))
}

/// Roll back, where there is something to go back from.
pub(super) fn way_back_choice(look: &Look<'_>) -> Option<Row> {
    offers::way_back(look).ok()?;
    let plan = look.plan();
    let (n, takes) = (plan.acts.len(), clock::span(super::facts::takes(plan)));
    let acts = if n == 1 { "act" } else { "acts" };
    let text = format!("shows the {n} {acts} back, about {takes}; you sign.");
    Some(choice("Roll back", "back", &text, "shows the way back", Opens::Command(Command::WayBack)))
}

pub(super) fn leave_choice(look: &Look<'_>, so: &str) -> Row {
    let text = format!("{so}. keyward resume {}.", look.short());
    choice("Suspend", "leave", &text, "opens the page to suspend", Opens::Command(Command::Leave))
}

pub(super) fn abort_choice(look: &Look<'_>) -> Option<Row> {
    offers::abort(look).ok()?;
    let text =
        if look.changed() { "ends it as it stands. Asks why." } else { "ends it: nothing was changed. Asks why." };
    Some(choice("Abort", "abort", text, "opens the page to abort", Opens::Command(Command::Abort)))
}

pub(super) fn skip_choice(look: &Look<'_>, step: &Step) -> Option<Row> {
    let body = Body::Skipped { step: step.id.clone(), reason: "why".into() };
    look.allowed(body).ok()?;
    Some(now_choice("Skip", "skip", "leaves this step out, as a deviation. Asks why.", Command::Skip))
}

/// A step that failed or is unknown.
pub(super) fn page(look: &Look<'_>, step: &Step, row: &str) -> Panel {
    let folded = look.folded(&step.id);
    let rows = folded.map_or(&[][..], |folded: &StepState| &folded.rows[..]);
    let mut body = Vec::new();
    let stopped: Vec<&RowState> =
        rows.iter().filter(|row| matches!(row.verdict, Some(Verdict::Fail | Verdict::Unknown))).collect();
    let mut unknown = false;
    for row in &stopped {
        unknown |= row.verdict == Some(Verdict::Unknown);
        body.extend(one(look, step, row));
    }
    let good: Vec<&str> =
        rows.iter().filter(|row| row.verdict == Some(Verdict::Pass)).map(|row| row.key.as_str()).collect();
    if !good.is_empty() && rows.len() > 1 {
        let mut text = Text::new();
        for name in good {
            text = text.mark(Status::Pass).say(&format!(" {name}   "));
        }
        body.push(Row::Line(text));
    }
    body.push(Row::section("Choose; none of these changes anything yet", ""));
    body.extend(choices(look, step, row, &stopped));
    let mut panel = act::panel(look, step, body, Foot::Plain);
    panel.border = Border::Thin;
    panel.tag = look.tag(if unknown && stopped.iter().all(|row| row.verdict == Some(Verdict::Unknown)) {
        "? UNKNOWN"
    } else {
        "✗ FAIL"
    });
    panel
}

fn one(look: &Look<'_>, step: &Step, row: &RowState) -> Vec<Row> {
    let place = Place { step: step.id.clone(), attempt: row.attempt, row: row.key.clone(), call: 0 };
    let status = super::steps::row_status(row);
    let name = row_name(row, "This step");
    let mut lines = Vec::new();
    let broken = row.calls.iter().rev().find(|(_, call)| !call.done());
    let mut last: Option<(Place, &Value, Verdict)> = None;
    match (broken, row.samples.last()) {
        (Some((n, call)), _) => {
            let which = if row.calls.len() > 1 { format!("call {}: ", n + 1) } else { String::new() };
            lines.push(format!("{which}{}", running::call_words(look, call)));
            if let CallState::Finished { reading, verdict, .. } = call
                && let Some(result) = &reading.result
            {
                last = Some((Place { call: *n, ..place.clone() }, result, *verdict));
            }
        }
        (None, Some(sample)) => {
            let tries = row.samples.len();
            let s = if tries == 1 { "try" } else { "tries" };
            lines.push(format!("{tries} {s}, the last at {}", look.clock.time(sample.at)));
            if let Some(result) = &sample.reading.result {
                last = Some((place.clone(), result, sample.verdict));
            }
        }
        (None, None) => lines.push("nothing was asked".into()),
    }
    if let Some((place, result, verdict)) = &last {
        lines.push(expected::said(look, place, result, *verdict));
        if let Some(meaning) = expected::meaning(look, place, result) {
            lines.push(format!("That is: {meaning}"));
        }
        for code in denied(result) {
            lines.push(format!("AWS said: {code}"));
            if let Some(meaning) = crate::action::advice::advice(&code, "sts:GetCallerIdentity") {
                lines.push(format!("That is: {meaning}"));
            }
        }
    }
    if let Some((judged, result)) = last.as_ref().map(|(place, result, _)| (place, result)) {
        let offered = offered(look, step, judged, result);
        lines.extend(offered);
    }
    let head = Text::from(status).say(&format!(" {name}"));
    let mut rows = vec![Row::Line(head)];
    rows.extend(lines_of("", lines));
    rows
}

/// Error codes that a holder's own check found in what it ran.
fn denied(result: &Value) -> Vec<String> {
    let list = result.get("denied").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|code| code.as_str().map(str::to_owned))
        .filter(|code| !code.contains(':'))
        .collect()
}

/// The way out that the runbook itself offers for what is not so.
fn offered(look: &Look<'_>, step: &Step, place: &Place, result: &Value) -> Vec<String> {
    let judged = crate::engine::admit::judgements(look.book(), look.state(), place, result).1;
    let bad = step.expect.iter().zip(judged).filter(|(_, judged)| judged.verdict != Verdict::Pass);
    bad.filter_map(|(expectation, _)| match expectation.offer.as_deref()? {
        "resume" => {
            Some("Look among the runs (keyward runs) for the one that made the key, and go on with it.".to_owned())
        }
        runbook => Some(format!("The runbook for this is {runbook}.")),
    })
    .collect()
}

fn choices(look: &Look<'_>, step: &Step, row: &str, stopped: &[&RowState]) -> Vec<Row> {
    let mut rows = Vec::new();
    let reads = step.effect == EffectKind::Read;
    let names: Vec<&str> = stopped.iter().map(|row| row_name(row, "it")).collect();
    let who = names.join(", ");
    let lost = stopped
        .iter()
        .flat_map(|row| row.calls.values())
        .any(|call| matches!(call, CallState::Reconciled { outcome: Doubt::DoneLost | Doubt::NotOurs, .. }));
    if !lost {
        let intent = Intent::Retry { step: step.id.clone(), row: None };
        let until = stopped
            .first()
            .and_then(|row| own::nature(look.book(), look.state(), &step.id, &row.value).sampling.within);
        let text = match (reads, until) {
            (true, Some(within)) => {
                format!("asks {who} again, up to {}. Reads only.", super::steps::duration_words(within))
            }
            (true, None) => format!("asks {who} again. Reads only."),
            (false, _) => format!("opens it again for {who}; you sign again."),
        };
        let does = if reads { "opens it again (reads)" } else { "opens it again; nothing is sent yet" };
        rows.push(choice("Retry", "retry", &text, does, Opens::Now(intent)));
    }
    if let Some(put) = put_before(look, step)
        && stopped.iter().any(|failed| failed.key == row)
        && !row.is_empty()
    {
        let text = format!("opens step {} for {row} alone; you sign again.", number(put));
        let intent = Intent::Redo { step: put.id.clone(), row: row.to_owned() };
        let does = format!("opens step {} for {row}", number(put));
        rows.push(choice("Redo row", "redo", &text, &does, Opens::Now(intent)));
    }
    rows.extend(skip_choice(look, step));
    rows.extend(way_back_choice(look));
    rows.push(leave_choice(look, &format!("leaves it so: {who} stays as it is")));
    rows.extend(abort_choice(look));
    rows
}

/// The step that put something into the very rows that this one proves.
fn put_before<'a>(look: &Look<'a>, step: &Step) -> Option<&'a Step> {
    let list = &step.for_each.as_ref()?.list.source;
    let before = look.book().runbook.position(&step.id)?;
    let same = |other: &&Step| other.for_each.as_ref().is_some_and(|each| each.list.source == *list);
    look.book().runbook.steps[..before].iter().rev().filter(same).find(|other| other.run.op == Op::HolderPut)
}

/// A step that can't be opened.
pub(super) fn blocked(look: &Look<'_>, step: &Step, why: &str) -> Panel {
    let mut panel = act::blocked(look, step, why);
    panel.body.push(Row::section("Choose; none of these changes anything yet", ""));
    panel.body.extend(skip_choice(look, step));
    panel.body.extend(way_back_choice(look));
    panel.body.push(leave_choice(look, "leaves it so"));
    panel.body.extend(abort_choice(look));
    panel
}

/// Who notices what has failed.
pub(super) fn notices(look: &Look<'_>, step: &Step) -> Text {
    let rows = look.folded(&step.id).map_or(&[][..], |folded| &folded.rows[..]);
    let failed: Vec<&str> = rows
        .iter()
        .filter(|row| matches!(row.verdict, Some(Verdict::Fail | Verdict::Unknown)))
        .map(|row| row_name(row, ""))
        .filter(|name| !name.is_empty())
        .collect();
    match (step.run.op, failed.is_empty(), look.changed()) {
        (Op::HolderProve, false, true) => {
            format!("users of {}, now: it was not shown to work", failed.join(", ")).into()
        }
        (Op::HolderPut, _, true) => {
            let who = if failed.is_empty() { "the holder".to_owned() } else { failed.join(", ") };
            format!("users of {who}, perhaps: what was put is not confirmed").into()
        }
        (_, _, false) => "nobody: nothing has been changed".into(),
        _ => "nobody, as far as is known: what was done before stands".into(),
    }
}

/// May one leave a run that has stopped?
pub(super) fn walk_away(look: &Look<'_>, step: &Step) -> Text {
    if !look.changed() {
        return "yes: nothing has been changed".into();
    }
    let failing = step.run.op == Op::HolderProve || step.effect != EffectKind::Read;
    if failing {
        "no: it stands half done. Choose one of the above first.".into()
    } else {
        "better not: choose one of the above first".into()
    }
}
