//! What must come before what, and what must not be missing.

use std::time::Duration;

use super::names::acting;
use crate::diagnostic::Finding;
use crate::runbook::codes;
use crate::runbook::duration;
use crate::runbook::model::{Action, ConfirmKind, EffectKind, GateKind, Predicate, Rollback, Runbook, Skip, Step};
use crate::runbook::op::Op;
use crate::runbook::template::{Node, Template};
use crate::runbook::yaml::is_needed;

/// The shortest time a key must have been Inactive before it is deleted.
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn check(runbook: &Runbook, findings: &mut Vec<Finding>) {
    for (at, step) in runbook.steps.iter().enumerate() {
        way_back(step, findings);
        guarded(step, findings);
        expects(step, findings);
        probed(step, findings);
        skippable(runbook, at, findings);
        match step.run.op {
            Op::IamDeleteAccessKey => deleted(runbook, at, findings),
            Op::IamUpdateAccessKey => deactivated(runbook, at, findings),
            _ => {}
        }
    }
}

fn way_back(step: &Step, findings: &mut Vec<Finding>) {
    if step.effect != EffectKind::Mutate {
        return;
    }
    let own = step.run.op.info().effect.is_some();
    let missing = match &step.rollback {
        Rollback::Own => !own,
        Rollback::Acts(acts) => acts.is_empty(),
        Rollback::None(reason) => reason.trim().is_empty(),
    };
    if missing {
        let message = format!("step `{}` changes something and says no way back", step.id);
        findings.push(
            Finding::error(codes::NO_ROLLBACK, step.span, message)
                .hint("add `rollback`: a list of acts, or {none: why there is none}"),
        );
    }
    if let Rollback::Acts(acts) = &step.rollback {
        for act in acts.iter().filter(|act| act.expect.is_empty() && act.run.op.info().effect.is_none()) {
            let message = format!("an act of the way back of step `{}` expects nothing", step.id);
            findings.push(
                Finding::error(codes::NOTHING_EXPECTED, act.run.span, message)
                    .hint("say by `expect` how it is seen that it worked"),
            );
        }
    }
}

fn guarded(step: &Step, findings: &mut Vec<Finding>) {
    if step.effect != EffectKind::Irreversible {
        return;
    }
    let mut missing = Vec::new();
    if step.gates.is_empty() {
        missing.push("a gate");
    }
    if !matches!(step.confirm.kind, ConfirmKind::TypeBack(_)) {
        missing.push("a text to type back");
    }
    if !step.confirm.reason {
        missing.push("a reason");
    }
    if !missing.is_empty() {
        let message = format!("step `{}` can't be undone, and lacks {}", step.id, missing.join(", "));
        findings.push(
            Finding::error(codes::UNGUARDED, step.span, message)
                .hint("add `gate`, and `confirm: {type_back: …, reason: true}`"),
        );
    }
}

/// Operations that bring their own expectation, or have nothing to expect.
fn expects_itself(op: Op) -> bool {
    matches!(
        op,
        Op::IamCreateAccessKey
            | Op::IamUpdateAccessKey
            | Op::IamDeleteAccessKey
            | Op::IamCreateUser
            | Op::IamDeleteUser
            | Op::HolderPut
            | Op::HolderRestart
            | Op::SecretGenerate
            | Op::Wait
    )
}

fn expects(step: &Step, findings: &mut Vec<Finding>) {
    if step.expect.is_empty() {
        if !expects_itself(step.run.op) {
            let message = format!("step `{}` expects nothing, so it can't fail", step.id);
            findings.push(Finding::error(codes::NOTHING_EXPECTED, step.span, message).hint(format!(
                "{} gives: {}",
                step.run.op.info().name,
                step.run.op.info().result
            )));
        }
        return;
    }
    let on_empty = |predicate: &Predicate| {
        matches!(
            predicate,
            Predicate::Lacks(_)
                | Predicate::LacksId(_)
                | Predicate::NotMatches(_)
                | Predicate::Count(0)
                | Predicate::AtMost(_)
                | Predicate::Exists(false)
        )
    };
    if step.expect.iter().all(|expectation| on_empty(&expectation.predicate)) {
        let message = format!("step `{}` would pass on an empty answer", step.id);
        findings.push(
            Finding::error(codes::PASSES_ON_EMPTY, step.expect[0].span, message)
                .hint("expect something that has to be there, too"),
        );
    }
}

fn probed(step: &Step, findings: &mut Vec<Finding>) {
    if matches!(step.run.op, Op::Http | Op::Command) && step.effect != EffectKind::Read && step.probe.is_empty() {
        let message = format!("step `{}` changes something and has no read that shows it", step.id);
        findings.push(
            Finding::error(codes::NO_PROBE, step.run.span, message)
                .hint("add `probe`: it also settles what became of a call that had no answer"),
        );
    }
}

fn skippable(runbook: &Runbook, at: usize, findings: &mut Vec<Finding>) {
    let step = &runbook.steps[at];
    if step.skip == Skip::Never {
        return;
    }
    let needed = is_needed(&runbook.steps, &runbook.credentials, at);
    let proof = step.run.op == Op::HolderProve || acts_with_new(runbook, &step.run);
    if needed || proof || step.effect != EffectKind::Read {
        let why = if proof {
            "is a proof"
        } else if needed {
            "is needed by a later step"
        } else {
            "changes something that later steps count on"
        };
        let message = format!("step `{}` {why}, and may be skipped", step.id);
        findings.push(Finding::error(codes::SKIPPABLE_PROOF, step.span, message).hint("skip: never"));
    }
}

/// True if it is done with a key that this run makes.
fn acts_with_new(runbook: &Runbook, action: &Action) -> bool {
    acting(runbook, action).is_some_and(|credential| {
        let mut roots = credential.secret_access_key.roots().chain(credential.access_key_id.roots());
        roots.any(|root| is_created(runbook, root))
    })
}

fn is_created(runbook: &Runbook, capture: &str) -> bool {
    runbook
        .steps
        .iter()
        .any(|step| step.run.op == Op::IamCreateAccessKey && step.capture.iter().any(|known| known.name == capture))
}

/// Two templates that name the same thing.
fn same(one: &Template, other: &Template) -> bool {
    match (one.lone_path(), other.lone_path()) {
        (Some(one), Some(other)) => one == other,
        _ => one.source == other.source,
    }
}

fn same_key(action: &Action, key: &Template) -> bool {
    match action.param("key") {
        Some(Node::Template(template)) => same(template, key),
        Some(Node::Literal(value)) => value.as_str() == Some(key.source.as_str()),
        _ => false,
    }
}

fn same_param(one: &Action, other: &Action, name: &str) -> bool {
    match (one.param(name), other.param(name)) {
        (Some(Node::Template(one)), Some(Node::Template(other))) => same(one, other),
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

fn sets(action: &Action, status: &str) -> bool {
    action.op == Op::IamUpdateAccessKey && action.param("status").and_then(Node::literal_text) == Some(status)
}

fn deleted(runbook: &Runbook, at: usize, findings: &mut Vec<Finding>) {
    let step = &runbook.steps[at];
    let across: Vec<&Template> = step
        .gates
        .iter()
        .filter_map(|gate| match &gate.kind {
            GateKind::InactiveFor { key, at_least } if same_key(&step.run, key) => Some(at_least),
            _ => None,
        })
        .collect();
    let earlier: Vec<&Step> = runbook.steps[..at]
        .iter()
        .filter(|other| sets(&other.run, "Inactive") && same_param(&other.run, &step.run, "key"))
        .filter(|other| other.skip == Skip::Never)
        .collect();
    // Of what was done to the key, the last counts.
    let reactivated = runbook.steps[..at]
        .iter()
        .rev()
        .find(|other| other.run.op == Op::IamUpdateAccessKey && same_param(&other.run, &step.run, "key"))
        .is_some_and(|other| !sets(&other.run, "Inactive"));
    if across.is_empty() && (earlier.is_empty() || reactivated) {
        let message = format!("step `{}` deletes a key that was not deactivated before", step.id);
        findings.push(
            Finding::error(codes::DELETE_ACTIVE, step.run.span, message)
                .hint("deactivate it in an earlier step, or gate it by `inactive_for` with the same key"),
        );
        return;
    }
    let short = |found: Option<Duration>| found.is_none_or(|time| time < DAY);
    let observed = step.gates.iter().filter_map(|gate| match &gate.kind {
        GateKind::After { step, at_least, .. } if earlier.iter().any(|known| known.id == *step) => Some(*at_least),
        _ => None,
    });
    let in_run = observed.max();
    let between_runs = across.iter().filter_map(|template| stated(runbook, template)).max();
    // A template whose duration can't be known beforehand is judged at the moment of confirmation.
    let open = across.iter().any(|template| stated(runbook, template).is_none());
    if !open && short(in_run.max(between_runs)) {
        let message = format!("step `{}` deletes a key that was observed for less than 24 hours", step.id);
        findings.push(
            Finding::error(codes::SHORT_OBSERVATION, step.run.span, message)
                .hint("gate it by `after: {step: …, at_least: 24h}`, or `inactive_for` with 24h or more"),
        );
    }
}

/// A duration as far as the runbook says it: literal, or an input's default.
fn stated(runbook: &Runbook, template: &Template) -> Option<Duration> {
    if template.is_literal() {
        return duration::parse(&template.source).ok();
    }
    let root = template.lone_path().filter(|path| path.0.len() == 1)?.root()?;
    let input = runbook.inputs.iter().find(|input| input.name == root)?;
    duration::parse(input.default.as_ref()?.as_str()?).ok()
}

fn deactivated(runbook: &Runbook, at: usize, findings: &mut Vec<Finding>) {
    let step = &runbook.steps[at];
    if !sets(&step.run, "Inactive") || runbook.sop.emergency.is_some() {
        return;
    }
    let mut key = step.run.param("key").into_iter().flat_map(Node::templates).flat_map(Template::roots);
    if key.any(|root| is_created(runbook, root)) {
        return;
    }
    let before = &runbook.steps[..at];
    let never = |step: &&Step| step.skip == Skip::Never && !step.expect.iter().all(|expect| expect.advisory);
    let mut missing = Vec::new();
    if !before.iter().filter(never).any(|other| acts_with_new(runbook, &other.run)) {
        missing.push("a call with the new secret".to_owned());
    }
    for (position, put) in before.iter().enumerate().filter(|(_, other)| other.run.op == Op::HolderPut) {
        let holder = holder_of(put);
        let later = &before[position + 1..];
        let proven = later.iter().filter(never).any(|q| q.run.op == Op::HolderProve && holder_of(q) == holder);
        // A store that keyward reads itself is read back by the put; it has nothing to prove by.
        let store = before.iter().any(|other| other.run.op == Op::HolderRead && holder_of(other) == holder);
        if !proven && !store {
            missing.push(format!("a proof of what step `{}` wrote", put.id));
        }
    }
    if !missing.is_empty() {
        let message = format!("step `{}` deactivates a key before {}", step.id, missing.join(" and "));
        findings.push(
            Finding::error(codes::DEACTIVATE_UNPROVEN, step.run.span, message)
                .hint("prove first; a runbook for an emergency says `sop.emergency: true` and why"),
        );
    }
}

/// What names a step's holder: the list where it is a row, else the template itself.
fn holder_of(step: &Step) -> Option<String> {
    let template = match step.run.param("holder")? {
        Node::Template(template) => template,
        other => return Some(format!("{other:?}")),
    };
    match (&step.for_each, template.lone_path().and_then(|path| path.root())) {
        (Some(each), Some(root)) if root == each.name => Some(format!("each of {}", normal(&each.list))),
        _ => Some(normal(template)),
    }
}

fn normal(template: &Template) -> String {
    template.lone_path().map_or_else(|| template.source.clone(), ToString::to_string)
}
