//! How far a run is: every step with its status, and what is left to wait for.

use std::time::Duration;

use super::look::{Look, number};
use super::{clock, gates};
use crate::engine::entry::{EndStatus, Verdict};
use crate::engine::focus::Focus;
use crate::engine::state::{Phase, StepState};
use crate::runbook::{ConfirmKind, EffectKind, GateKind, Step, duration};
use crate::view::{Progress, Status, StepItem};

/// The step that the focus is on.
pub(super) fn current<'a>(look: &Look<'a>) -> Option<&'a str> {
    match &look.now.focus {
        Focus::Open { step }
        | Focus::Blocked { step, .. }
        | Focus::Confirm { step }
        | Focus::Reopen { step }
        | Focus::Sample { step }
        | Focus::Stopped { step, .. } => Some(step),
        Focus::Send { place, .. }
        | Focus::Answer { place }
        | Focus::Waiting { place, .. }
        | Focus::Manual { place }
        | Focus::InDoubt { place } => Some(&place.step),
        Focus::OpenBack | Focus::ConfirmBack | Focus::Seal(_) | Focus::Over(_) => None,
    }
}

/// The row of steps.
pub(super) fn progress(look: &Look<'_>) -> Progress {
    let steps = &look.book().runbook.steps;
    let here = current(look).and_then(|id| look.book().runbook.position(id));
    let items = steps.iter().zip(&look.state().steps).enumerate();
    let steps_shown: Vec<StepItem> = items
        .map(|(i, (step, folded))| {
            let status = status(look, step, folded, here == Some(i));
            StepItem {
                sop: number(step).split(',').next().unwrap_or_default().to_owned(),
                title: step.title.clone(),
                status,
                tag: tag(look, step, folded, status),
                rows: if here == Some(i) { rows(folded) } else { Vec::new() },
            }
        })
        .collect();
    let first = steps.iter().position(|step| step.effect == EffectKind::Mutate);
    let no_return =
        steps.iter().enumerate().position(|(i, step)| step.effect == EffectKind::Irreversible && Some(i) > first);
    // The line stands before the whole of the SOP's step, not in its middle.
    let no_return = no_return.map(|mut at| {
        while at > 0 && steps_shown[at - 1].sop == steps_shown[at].sop {
            at -= 1;
        }
        at
    });
    Progress { position: position(look, here, steps.len()), steps: steps_shown, no_return }
}

fn status(look: &Look<'_>, step: &Step, folded: &StepState, here: bool) -> Status {
    if here {
        return match &look.now.focus {
            Focus::InDoubt { .. } => Status::InDoubt,
            Focus::Stopped { row, .. } => match folded.row(row).and_then(|row| row.verdict) {
                Some(Verdict::Unknown) => Status::Unknown,
                _ => Status::Fail,
            },
            Focus::Blocked { .. } => Status::Fail,
            Focus::Confirm { .. } if gates::closed(look, step).is_some() => Status::Waits,
            Focus::Waiting { .. } => Status::Waits,
            Focus::Confirm { .. } | Focus::Manual { .. } | Focus::Open { .. } | Focus::Reopen { .. } => Status::Here,
            _ => Status::UnderWay,
        };
    }
    if folded.skipped.is_some() {
        return Status::Skipped;
    }
    if matches!(look.state().phase, Phase::Back | Phase::Sealed(EndStatus::RolledBack)) {
        let prefix = format!("rollback/{}/", step.id);
        let mut acts = look.state().back.iter().filter(|(id, _)| id.starts_with(&prefix)).peekable();
        if acts.peek().is_some() && acts.all(|(_, act)| !act.rows.is_empty() && act.passed()) {
            return Status::RolledBack;
        }
    }
    if folded.passed() {
        return Status::Pass;
    }
    if let Some(row) = folded.stopped_row() {
        return if row.verdict == Some(Verdict::Unknown) { Status::Unknown } else { Status::Fail };
    }
    if step.gates.is_empty() { Status::ToDo } else { Status::Waits }
}

fn rows(folded: &StepState) -> Vec<(Status, String)> {
    let named = folded.rows.iter().filter(|row| !row.key.is_empty());
    named.map(|row| (row_status(row), row.key.clone())).collect()
}

/// How a row stands.
pub(super) fn row_status(row: &crate::engine::state::RowState) -> Status {
    use crate::engine::state::CallState;
    match row.verdict {
        Some(Verdict::Pass) => Status::Pass,
        Some(Verdict::Fail) => Status::Fail,
        Some(Verdict::Unknown) => Status::Unknown,
        None if row.calls.values().any(|call| matches!(call, CallState::InDoubt { .. })) => Status::InDoubt,
        None if row.calls.is_empty() && row.samples.is_empty() => Status::ToDo,
        None => Status::UnderWay,
    }
}

fn tag(look: &Look<'_>, step: &Step, folded: &StepState, status: Status) -> String {
    match status {
        Status::Pass => match (folded.confirmed.as_ref(), folded.passed_at()) {
            (Some(confirmed), Some(passed)) => clock::span(passed.since(confirmed.at)),
            _ => String::new(),
        },
        Status::Here => match step.confirm.kind {
            ConfirmKind::Enter => "Enter".into(),
            ConfirmKind::Sign | ConfirmKind::TypeBack(_) => "sign".into(),
        },
        Status::UnderWay | Status::Fail | Status::Unknown if folded.rows.len() > 1 => {
            let passed = folded.rows.iter().filter(|row| row.verdict == Some(Verdict::Pass)).count();
            format!("{passed} of {}", folded.rows.len())
        }
        Status::Waits | Status::ToDo => {
            windows(look, step).first().map(|time| duration_words(*time)).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// `24 h`, `1 h`, `30 d`.
pub(super) fn duration_words(time: Duration) -> String {
    let text = duration::show(time);
    // `1d` is what the language writes; a window of a day is called 24 h by everybody who waits for it.
    if text == "1d" { "24 h".into() } else { clock::span(time) }
}

fn windows(look: &Look<'_>, step: &Step) -> Vec<Duration> {
    let passed = |id: &str| look.folded(id).is_some_and(StepState::passed);
    let mut found = Vec::new();
    for gate in &step.gates {
        match &gate.kind {
            GateKind::After { step, at_least, .. } if !passed(step) => found.push(*at_least),
            GateKind::UnusedSince { since, for_, .. } if !passed(since) => found.push(*for_),
            _ => {}
        }
    }
    found.sort();
    found.reverse();
    found
}

fn position(look: &Look<'_>, here: Option<usize>, all: usize) -> String {
    match look.state().phase {
        Phase::Sealed(EndStatus::Completed) => return format!("{all} of {all} · completed"),
        Phase::Sealed(EndStatus::RolledBack) => return "rolled back".into(),
        Phase::Sealed(EndStatus::Aborted) | Phase::Aborted => return "aborted".into(),
        Phase::Back => {
            let plan = look.plan();
            let done = plan.acts.iter().filter(|act| super::back::passed(look, &act.id)).count();
            return format!("way back · act {} of {}", (done + 1).min(plan.acts.len()), plan.acts.len());
        }
        Phase::Forward => {}
    }
    let Some(here) = here else { return String::new() };
    let at = format!("{} of {all}", here + 1);
    match &look.now.focus {
        Focus::Stopped { .. } | Focus::Blocked { .. } => return format!("{at} · stopped"),
        Focus::InDoubt { .. } => return format!("{at} · in doubt"),
        Focus::Confirm { step } => {
            let opens = look.step(step).and_then(|step| gates::opens(look, step));
            if let Some(opens) = opens {
                return format!("{at} · opens {}", look.clock.minute(opens));
            }
        }
        _ => {}
    }
    if here + 1 == all {
        return format!("{at} · last step");
    }
    let mut left: Vec<Duration> = Vec::new();
    for step in &look.book().runbook.steps[here..] {
        for window in windows(look, step) {
            if !left.contains(&window) {
                left.push(window);
            }
        }
    }
    left.sort();
    let mut words: Vec<String> = left.into_iter().map(duration_words).collect();
    if let Some(average) = look.book().runbook.sop.average_duration {
        let share = u64::try_from(all - here).unwrap_or(1);
        let all = u64::try_from(all).unwrap_or(1).max(1);
        let minutes = (average.as_secs() * share).div_ceil(all).div_ceil(60);
        words.insert(0, format!("~{minutes} min"));
    }
    if words.is_empty() { at } else { format!("{at} · {}", words.join(", ")) }
}
