//! Who will notice, how to get back, whether one may leave: the three things that stand below every page of a run.

use serde_json::{Value, json};

use super::clock;
use super::exact::tail;
use super::look::Look;
use crate::engine::admit;
use crate::engine::entry::{Reading, Verdict};
use crate::engine::focus::open_calls;
use crate::engine::own;
use crate::engine::rollback::{self, Plan};
use crate::engine::state::{CallState, RowState, StepState};
use crate::runbook::op::Op;
use crate::runbook::{EffectKind, Step};
use crate::view::Text;

/// Who will notice what this step does.
pub(super) fn notices(look: &Look<'_>, step: &Step) -> Text {
    if step.effect == EffectKind::Read {
        return match step.run.op {
            Op::HolderProve => "nobody: each holder's own check runs, which only reads".into(),
            _ => "nobody: it only reads".into(),
        };
    }
    let mut parts: Vec<String> = step.affects.iter().cloned().collect();
    if parts.is_empty() {
        match step.run.op {
            Op::IamCreateAccessKey => parts.push("nobody: no one has the new key yet".into()),
            Op::IamDeleteAccessKey => {
                parts.push("nobody, if the gates are right: an Inactive key can't be used".into())
            }
            Op::HolderPut | Op::HolderRestart => {
                for row in look.open_rows(&step.id) {
                    let scope = look.scope(step, Some(row));
                    let holder = own::holder_of(step, &scope).unwrap_or(Value::Null);
                    let name = holder.get("name").and_then(Value::as_str).unwrap_or("the holder");
                    let said = look.book().connector(&holder).and_then(|connector| connector.affects.clone());
                    let said = said.unwrap_or_else(|| format!("whoever reads {name} gets the new pair from now on."));
                    if !parts.contains(&said) {
                        parts.push(said);
                    }
                }
            }
            _ => parts.push("whoever uses what it changes".into()),
        }
    }
    parts.join(" ").into()
}

/// The plan as it would be if the open rows of the step were done.
pub(super) fn plan_after(look: &Look<'_>, step: &Step) -> Plan {
    let mut then = look.state().clone();
    if let Some(index) = look.book().runbook.position(&step.id) {
        let attempt = then.steps[index].attempt;
        for row in then.steps[index].rows.iter_mut().filter(|row| row.attempt == attempt && row.calls.is_empty()) {
            let result = (step.run.op == Op::IamCreateAccessKey).then(|| json!({"id": "the new key"}));
            let reading = Reading { result, ..Reading::default() };
            row.calls.insert(0, CallState::Finished { verdict: Verdict::Pass, reading, at: look.now.now });
        }
    }
    rollback::plan(look.book(), &then)
}

/// How one gets back once this step is done.
pub(super) fn way_back(look: &Look<'_>, step: &Step) -> Text {
    match step.effect {
        EffectKind::Read => from_here(look),
        EffectKind::Irreversible => {
            Text::new().strong("NONE").say(". A deleted key can't be recovered, by you or by AWS.")
        }
        EffectKind::Mutate if unread(look, step) => "said when what is there now has been read".into(),
        EffectKind::Mutate => match admit::way_back(look.book(), look.state(), step) {
            Err(why) => Text::new().strong("NONE").say(&format!(" for this: {why}. A reason is needed.")),
            Ok(()) => summary(&plan_after(look, step)).into(),
        },
    }
}

/// What is there has not been read yet: then nobody knows what could be put back.
fn unread(look: &Look<'_>, step: &Step) -> bool {
    let wanted =
        |row: &&RowState| own::looks(look.book(), look.state(), step, row).is_ok_and(|reads| !reads.is_empty());
    look.open_rows(&step.id).into_iter().filter(wanted).any(|row| row.look.is_none())
}

/// How one gets back from where the run stands.
pub(super) fn from_here(look: &Look<'_>) -> Text {
    let plan = look.plan();
    match &plan.closed {
        Some(why) => Text::new().strong("NONE").say(&format!(" any more. {why}")),
        None if plan.acts.is_empty() && !open_calls(look.book(), look.state()).is_empty() => {
            "known when it is known what became of it".into()
        }
        None if plan.acts.is_empty() && look.changed() => "nothing of it can be brought back; R says why".into(),
        None if plan.acts.is_empty() => "not needed: nothing has been changed yet".into(),
        None => {
            let text = Text::from(summary(plan));
            match plan.missing.len() {
                0 => text,
                n => text.say(&format!("; {n} can't be brought back: R says which")),
            }
        }
    }
}

/// `yes: reactivate …OLD1, restore 4 holders, deactivate …7Q4T; about 20 s, no approval`.
fn summary(plan: &Plan) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut restored: Vec<&str> = Vec::new();
    let mut proven = 0;
    for act in &plan.acts {
        if let Some(name) = act.title.strip_prefix("Restore ") {
            restored.push(name);
            continue;
        }
        if act.effect == EffectKind::Read {
            proven += 1;
            continue;
        }
        if let Some(part) = many("restore", &mut restored) {
            parts.push(part);
        }
        parts.push(short(&act.title));
    }
    if let Some(part) = many("restore", &mut restored) {
        parts.push(part);
    }
    if proven > 0 {
        let place = parts.iter().position(|part| part.starts_with("deactivate")).unwrap_or(parts.len());
        parts.insert(place, format!("prove {proven}"));
    }
    // `deactivate X, delete X` is said of X once.
    let last = parts.len().saturating_sub(2);
    if let [.., one, two] = &parts[..]
        && let Some(name) = one.strip_prefix("deactivate ")
        && two.strip_prefix("delete ") == Some(name)
    {
        let both = format!("deactivate, then delete {name}");
        parts.truncate(last);
        parts.push(both);
    }
    format!("yes: {}; about {}, no approval", parts.join(", "), clock::span(takes(plan)))
}

fn many(verb: &str, names: &mut Vec<&str>) -> Option<String> {
    let names = std::mem::take(names);
    match names[..] {
        [] => None,
        [one] => Some(format!("{verb} {one}")),
        _ => Some(format!("{verb} {} holders", names.len())),
    }
}

fn short(title: &str) -> String {
    let mut words: Vec<String> =
        title.split(' ').map(|word| if word.starts_with("AKIA") { tail(word) } else { word.to_owned() }).collect();
    if let Some(first) = words.first_mut() {
        *first = first.to_lowercase();
    }
    words.join(" ")
}

/// What the acts take where nothing is slow: their samples, one after another.
pub(super) fn takes(plan: &Plan) -> std::time::Duration {
    let one = |act: &rollback::Act| {
        act.sampling.settle
            + act.sampling.every * act.sampling.consecutive.saturating_sub(1)
            + std::time::Duration::from_secs(1)
    };
    plan.acts.iter().map(one).sum()
}

/// May one leave?
pub(super) fn walk_away(look: &Look<'_>) -> Text {
    if let Some(due) = look.sent() {
        let by = look.clock.time(due.by);
        return format!("not yet: {} is under way, answer due by {by}", what(look, &due.place.step, &due.place.row))
            .into();
    }
    if let Some(until) = super::running::ends_by(look) {
        return format!("not yet: this ends by {}, pass or fail", look.clock.time(until)).into();
    }
    if look.now.busy {
        return "in a moment: what is there is being read".into();
    }
    "yes: nothing is under way".into()
}

/// What is under way, in words: a row, an act of the way back, or the step.
pub(super) fn what(look: &Look<'_>, step: &str, row: &str) -> String {
    if step.starts_with("rollback/") {
        let at = look.plan().acts.iter().position(|act| act.id == step);
        return at.map_or_else(|| "the act".to_owned(), |at| format!("act {}", at + 1));
    }
    let rows: &[RowState] = look.folded(step).map_or(&[], |folded: &StepState| &folded.rows);
    match rows.iter().position(|other| other.key == row) {
        Some(at) if rows.len() > 1 => format!("row {}", at + 1),
        _ => format!("step {}", look.step(step).map_or(step, super::look::number)),
    }
}
