//! The end of a run: what happened, what remains, where the evidence is, and its head to be compared out of band.

use std::path::Path;

use serde_json::Value;

use super::act::lines_of;
use super::exact::tail;
use super::look::{Around, Look, number};
use super::{clock, steps, transcript};
use crate::engine::call::Call;
use crate::engine::entry::{Body, EndStatus, Verdict};
use crate::engine::rollback;
use crate::engine::state::{CallState, Phase};
use crate::runbook::EffectKind;
use crate::runbook::op::Op;
use crate::runtime::snapshot::Snapshot;
use crate::view::{Border, EndView, Foot, Footer, Panel, Row, Status, Text};

/// A run that has ended.
pub fn end_view(now: &Snapshot, around: &Around) -> EndView {
    let look = Look::new(now, around);
    let status = match now.state.phase {
        Phase::Sealed(status) => status,
        _ => EndStatus::Aborted,
    };
    let title = match status {
        EndStatus::Completed => Text::from(Status::Pass).say(" Completed and sealed"),
        EndStatus::RolledBack => Text::from(Status::RolledBack).say(" Rolled back and sealed"),
        EndStatus::Aborted => Text::from(Status::Fail).say(" Aborted and sealed"),
    };
    let mut body = lines_of("Happened", happened(&look));
    let opened = &now.state.opened;
    let by = match opened.operator == now.state.operator {
        true => now.state.operator.clone(),
        false => format!("{}; opened by {}", now.state.operator, opened.operator),
    };
    let by = if opened.environment.unattended { format!("{by}, nobody was asked") } else { by };
    body.push(Row::field("By", by));
    body.push(Row::field("Because", opened.reason.as_str()));
    if let Some((label, reason)) = why_it_ended(&look) {
        body.push(Row::field(label, reason));
    }
    let deviations = &now.state.deviations;
    if deviations.is_empty() {
        body.push(Row::field("Deviations", "none: all of it as the runbook says"));
    } else {
        let label = Text::from(Status::Deviation).say(&format!(" {}", deviations.len()));
        body.push(Row::Field { label, value: "not as the runbook says".into(), aside: None });
        for deviation in deviations {
            let step = look.step(&deviation.step).map(|step| format!("step {}: ", number(step))).unwrap_or_default();
            body.push(Row::more(format!("{:<9} {step}{}", transcript::kind_word(deviation.kind), deviation.text)));
        }
    }
    body.extend(lines_of("Remains", remains(&look, status)));
    let file = now.folder.join("transcript.jsonl");
    body.push(Row::field("Transcript", path(&file, around)));
    let (a, b) = now.head.split_at_checked(32).unwrap_or((&now.head, ""));
    body.push(Row::field("Head", a));
    body.push(Row::more(format!("  {b}")));
    body.push(Row::field("Proven by", "ssh-keygen and sha256sum alone: keyward verify shows the commands"));
    let runs = around.runs.map(|runs| format!(" of {runs}")).unwrap_or_default();
    let signed = now.signed.as_ref().map_or_else(
        || Text::from("not signed"),
        |signed| Text::marked("signed ◆ ").say(&format!("{} {} (seal)", signed.by, look.clock.time(signed.at))),
    );
    EndView {
        banner: look.banner(),
        progress: steps::progress(&look),
        panel: Panel {
            border: Border::Thin,
            title,
            tag: look.tag(&look.clock.second(now.state.at)),
            label_width: None,
            body,
            foot: Foot::Plain,
        },
        copy: Some(now.head.clone()),
        footer: Footer {
            left: signed,
            right: format!("{} entries · run {}{runs}", now.state.entries, opened.register.number).into(),
        },
    }
}

/// Why the run went back, or was given up.
fn why_it_ended(look: &Look<'_>) -> Option<(&'static str, String)> {
    let log = look.now.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    log.iter().rev().find_map(|entry| match &entry.body {
        Body::Aborted { reason } => Some(("Aborted", reason.clone())),
        Body::RollbackBegun { reason } => Some(("Went back", reason.clone())),
        _ => None,
    })
}

fn path(file: &Path, around: &Around) -> Text {
    let shown = file.display().to_string();
    let shown = match around.home.as_deref().and_then(|home| shown.strip_prefix(home)) {
        Some(rest) if rest.starts_with('/') => format!("~{rest}"),
        _ => shown,
    };
    // A folder's name is long: it may go on in the next line after its parents and after a dash.
    let mut text = Text::new();
    let mut rest = shown.as_str();
    while let Some(at) = rest.find(['/', '-']).filter(|_| rest.len() > 50) {
        let cut = rest.char_indices().rfind(|(i, c)| *i < 60 && matches!(c, '/' | '-')).map_or(at, |(i, _)| i) + 1;
        text = text.say(&rest[..cut]).line_end();
        rest = &rest[cut..];
    }
    text.say(rest)
}

/// What the run changed, in the order of its steps.
fn happened(look: &Look<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let state = look.state();
    for (step, folded) in look.book().runbook.steps.iter().zip(&state.steps) {
        if step.effect == EffectKind::Read {
            continue;
        }
        let done = folded.rows.iter().filter(|row| rollback::acted(row)).count();
        if done == 0 {
            continue;
        }
        let confirmed = folded.confirmed.as_ref();
        let key = |name: &str| {
            let call: Option<&Call> = confirmed.and_then(|confirmed| confirmed.rendered.rows.first()?.calls.first());
            call.and_then(|call| call.params.get(name)?.as_str().map(str::to_owned)).unwrap_or_else(|| "the key".into())
        };
        let passed = folded.rows.iter().filter(|row| row.verdict == Some(Verdict::Pass)).count();
        let sure = if passed == done { "" } else { ", not confirmed" };
        lines.push(match step.run.op {
            Op::IamCreateAccessKey => {
                let ids: Vec<String> = folded.rows.iter().flat_map(rollback::created_ids).collect();
                let id = ids.last().cloned().unwrap_or_else(|| "a key".into());
                format!("{id} was created{sure}")
            }
            Op::IamUpdateAccessKey => format!("{} was set {}{sure}", key("AccessKeyId"), key("Status")),
            Op::IamDeleteAccessKey => {
                let inactive = inactive_for(look, &key("AccessKeyId"));
                format!("{} is deleted{inactive}{sure}", key("AccessKeyId"))
            }
            Op::HolderPut => match folded.rows.len() {
                1 => format!("{}: done{sure}", step.title),
                all => format!("{}: {passed} of {all}", step.title),
            },
            _ => format!("{}: {passed} of {} pass", step.title, folded.rows.len()),
        });
    }
    let acts = look.plan().acts.iter();
    for act in acts.filter(|act| act.effect != EffectKind::Read && state.back.contains_key(&act.id)) {
        let row = state.back.get(&act.id).and_then(|step| step.rows.first());
        let word = match row {
            Some(row) if row.verdict == Some(Verdict::Pass) => "done",
            Some(row) if rollback::acted(row) => "sent, not confirmed",
            _ => "NOT done",
        };
        lines.push(format!("way back: {}: {word}", act.title));
    }
    if lines.is_empty() {
        lines.push("nothing was changed".into());
    }
    lines
}

fn inactive_for(look: &Look<'_>, id: &str) -> String {
    let steps = look.book().runbook.steps.iter().zip(&look.state().steps);
    let mut since = None;
    let mut until = None;
    for (step, folded) in steps {
        let names = |call: &Call| call.params.get("AccessKeyId").and_then(Value::as_str) == Some(id);
        let same =
            folded.confirmed.as_ref().is_some_and(|c| c.rendered.rows.iter().any(|row| row.calls.iter().any(names)));
        let sent = folded.rows.iter().flat_map(|row| row.calls.values()).find_map(|call| match call {
            CallState::Finished { at, .. } => Some(*at),
            _ => None,
        });
        match step.run.op {
            Op::IamUpdateAccessKey if same => since = folded.passed_at(),
            Op::IamDeleteAccessKey if same => until = sent,
            _ => {}
        }
    }
    match (since, until) {
        (Some(since), Some(until)) => format!(", after {} Inactive", clock::span(until.since(since))),
        _ => String::new(),
    }
}

fn remains(look: &Look<'_>, status: EndStatus) -> Vec<String> {
    let log = look.now.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let sealed = log.iter().rev().find_map(|entry| match &entry.body {
        Body::Sealed { remaining, .. } => Some(remaining.clone()),
        _ => None,
    });
    let mut lines = sealed.unwrap_or_default();
    if status == EndStatus::RolledBack {
        let steps = look.book().runbook.steps.iter().zip(&look.state().steps);
        let created: Vec<String> = steps
            .filter(|(step, _)| step.run.op == Op::IamCreateAccessKey)
            .flat_map(|(_, folded)| folded.rows.iter().flat_map(rollback::created_ids))
            .collect();
        let deleted =
            look.plan().acts.iter().any(|act| act.title.starts_with("Delete ") && super::back::passed(look, &act.id));
        if let Some(id) = created.last().filter(|_| !deleted) {
            lines.push(format!("{} is Inactive: the next run deletes it, a day later at the earliest", tail(id)));
        }
    }
    if lines.is_empty() {
        lines.push(match status {
            EndStatus::Completed => "nothing".into(),
            EndStatus::RolledBack => "nothing of this run; the rotation is still to be done".into(),
            EndStatus::Aborted => "the rotation is still to be done".into(),
        });
    }
    lines
}
