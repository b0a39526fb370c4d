//! The way back: its acts as they will be signed, and as they go.

use serde_json::Value;

use super::act::lines_of;
use super::look::Look;
use super::stop::{abort_choice, choice, leave_choice};
use super::{exact, expected, running};
use crate::engine::call::Rendered;
use crate::engine::entry::{Place, Verdict};
use crate::engine::focus::Focus;
use crate::engine::rollback::{self, Act as Planned};
use crate::engine::state::{CallState, RowState};
use crate::runbook::EffectKind;
use crate::view::{Act, Ask, Border, By, EnterDoes, Foot, Intent, Opens, Panel, Row, Status, Text};

/// Has this act passed?
pub(super) fn passed(look: &Look<'_>, id: &str) -> bool {
    row(look, id).is_some_and(|row| row.verdict == Some(Verdict::Pass))
}

fn row<'a>(look: &Look<'a>, id: &str) -> Option<&'a RowState> {
    look.state().back.get(id)?.rows.first()
}

/// `Way back to the old key`, from the runbook's `Back to the old key`.
pub(super) fn back_title(title: &str) -> String {
    match title.strip_prefix("Back ") {
        Some(rest) => format!("Way back {rest}"),
        None if title.is_empty() => "The way back".into(),
        None => format!("Way back: {title}"),
    }
}

/// The action that would be confirmed for the whole way back, from where the run stands.
pub(super) fn rendered(look: &Look<'_>) -> Rendered {
    // Opening the way back is an attempt of its own, unless it is open already.
    let attempt = match look.now.focus {
        Focus::ConfirmBack => look.state().back_attempt,
        _ => look.state().back_attempt + 1,
    };
    rollback::rendered(look.book(), look.state(), attempt)
}

/// Every act with every call of it, whole: what a signature of the way back covers.
pub(super) fn plan_rows(look: &Look<'_>) -> Vec<Row> {
    let plan = look.plan();
    let left: Vec<(usize, &Planned)> = plan.acts.iter().enumerate().filter(|(_, act)| !passed(look, &act.id)).collect();
    let n = left.len();
    let acts = if n == 1 { "This 1 act".to_owned() } else { format!("These {n} acts") };
    let mut body = vec![Row::line(&format!("{acts}, each sent once; a ✗ stops."))];
    for (at, act) in left {
        body.push(act_row(look, at, act));
        for call in &act.calls {
            let mut lines = vec![exact::what(call)];
            lines.extend(exact::params(call));
            body.extend(lines_of("", lines));
        }
    }
    body.extend(lines_of("Not back", plan.missing.iter().cloned()));
    let state = look.state();
    body.push(Row::field("As", format!("{} · account {}", state.caller, state.opened.environment.account)));
    if let Some(after) = &look.book().runbook.rollback.after {
        body.push(Row::field("After", after.as_str()));
    }
    body
}

fn act_row(look: &Look<'_>, at: usize, act: &Planned) -> Row {
    let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
    let found = row(look, &act.id);
    let status = match found {
        Some(row) => super::steps::row_status(row),
        None => Status::ToDo,
    };
    let (now, time) = match found {
        Some(row) if row.verdict == Some(Verdict::Pass) => {
            let now = if act.effect == EffectKind::Read { "works" } else { "done, confirmed" };
            (now.to_owned(), row.decided.map(|at| look.clock.time(at)).unwrap_or_default())
        }
        Some(row) => match row.calls.values().next_back() {
            Some(CallState::Started { at }) => ("sent".to_owned(), look.clock.time(*at)),
            Some(CallState::InDoubt { started, .. }) => ("in doubt".to_owned(), look.clock.time(*started)),
            Some(call) if !call.done() => (running::call_words(look, call), String::new()),
            _ if row.verdict.is_some() => ("fail".to_owned(), String::new()),
            _ => match row.samples.last() {
                Some(sample) => {
                    (format!("{} of {}", sample.in_a_row, act.sampling.consecutive), look.clock.time(sample.at))
                }
                None => (String::new(), String::new()),
            },
        },
        None => (String::new(), String::new()),
    };
    Row::Act(Act { status, number, title: act.title.clone(), from: act.to.clone(), now, time })
}

/// The way back, once it has begun.
pub(super) fn page(look: &Look<'_>) -> (Panel, Option<Ask>, EnterDoes) {
    let title = &look.book().runbook.rollback.title;
    let title = back_title(title);
    let mut panel = Panel {
        border: Border::Heavy,
        title: title.into(),
        tag: look.tag("CHANGES"),
        foot: Foot::Plain,
        ..Panel::default()
    };
    if let Focus::ConfirmBack = look.now.focus {
        panel.body = plan_rows(look);
        panel.foot = Foot::Lines;
        let rendered = rendered(look);
        let n = rendered.rows.len();
        let ask = Ask {
            by: By::Sign,
            intent: Intent::Confirm { step: "rollback".into(), digest: rendered.digest(), answer: Default::default() },
            sentence: format!("go back in {n} {}", if n == 1 { "act" } else { "acts" }),
            fields: Vec::new(),
            fields_title: String::new(),
        };
        return (panel, Some(ask), EnterDoes::Asked);
    }
    let plan = look.plan();
    if let Some(confirmed) = &look.state().back_confirmed {
        let at = look.clock.time(confirmed.at);
        let n = confirmed.rendered.rows.len();
        panel.body.push(Row::line(&format!("You confirmed {n} acts at {at}. Each is sent once; a ✗ stops here.")));
    }
    panel.body.extend(plan.acts.iter().enumerate().map(|(at, act)| act_row(look, at, act)));
    panel.body.extend(lines_of("Not back", plan.missing.iter().cloned()));
    let at = match &look.now.focus {
        Focus::Sample { step } | Focus::Stopped { step, .. } => Some(step.as_str()),
        Focus::Answer { place } | Focus::Send { place, .. } => Some(place.step.as_str()),
        _ => None,
    };
    if let (Some(id), Focus::Stopped { .. }) = (at, &look.now.focus) {
        stopped(look, id, &mut panel);
        return (panel, None, EnterDoes::Asked);
    }
    if let Some(row) = at.and_then(|id| row(look, id).map(|row| (id, row))).filter(|(_, row)| !row.samples.is_empty()) {
        panel.body.push(Row::section("Samples", ""));
        panel.body.extend(running::samples(look, row.0, row.1));
        panel.foot = Foot::Follow;
    }
    if let Some(after) = &look.book().runbook.rollback.after {
        panel.body.push(Row::Blank);
        panel.body.push(Row::field("After", after.as_str()));
    }
    let enter = match look.sent() {
        Some(due) => {
            let what = super::facts::what(look, &due.place.step, "");
            let why =
                format!("{} is under way. Its answer is due by {}.", running::capital(&what), look.clock.time(due.by));
            EnterDoes::Off(format!("{what} is under way"), why)
        }
        None => EnterDoes::Off(
            "the way back is under way".into(),
            "The way back is under way: its acts are signed already.".into(),
        ),
    };
    (panel, None, enter)
}

fn stopped(look: &Look<'_>, id: &str, panel: &mut Panel) {
    panel.tag = look.tag("✗ FAIL");
    if let (Some(row), Some(at)) = (row(look, id), look.plan().acts.iter().position(|act| act.id == id)) {
        let place = Place { step: id.to_owned(), attempt: row.attempt, row: String::new(), call: 0 };
        let told = match (row.calls.values().next_back(), row.samples.last()) {
            (Some(call), _) if !call.done() => running::call_words(look, call),
            (_, Some(sample)) => {
                expected::said(look, &place, sample.reading.result.as_ref().unwrap_or(&Value::Null), sample.verdict)
            }
            _ => "it did not come right".into(),
        };
        panel.body.push(Row::Line(Text::from(Status::Fail).say(&format!(" Act {}: {told}", at + 1))));
    }
    panel.body.push(Row::section("Choose; none of these changes anything yet", ""));
    let retry = Intent::Retry { step: "rollback".into(), row: None };
    panel.body.push(choice(
        "Retry",
        "retry",
        "opens what is left of the way back; you sign again.",
        "opens what is left; nothing is sent yet",
        Opens::Now(retry),
    ));
    panel.body.push(leave_choice(look, "leaves it half way back"));
    panel.body.extend(abort_choice(look));
}
