//! The page of a gate that is closed: when it opens, who watches, how to come back, and what to do if it does not open.

use super::act;
use super::clock;
use super::gates::{self, Standing};
use super::look::{Look, number, title};
use super::stop::{abort_choice, leave_choice, now_choice, page_choice, skip_choice, way_back_choice};
use crate::engine::entry::{Stamp, Verdict};
use crate::engine::state::Phase;
use crate::runbook::{EffectKind, GateKind, Step};
use crate::view::{Ask, Border, By, Facts, Field, Foot, Intent, Mode, Offer, Panel, Row, Text};

/// A step whose gates are closed.
pub(super) fn page(look: &Look<'_>, step: &Step, closed: &[Standing<'_>]) -> Panel {
    let opens = gates::opens(look, step);
    // Whatever no time opens needs a person.
    let stuck: Vec<&Standing<'_>> = closed.iter().filter(|gate| gate.opens(look).is_none()).collect();
    let mut body = Vec::new();
    match opens.filter(|_| stuck.is_empty()) {
        Some(opens) => {
            body.push(Row::line(&format!("You may walk away. Nothing runs here until {}.", look.clock.moment(opens))));
            body.push(Row::Blank);
        }
        None => {
            body.push(Row::line("A gate does not hold, and no clock opens it."));
            body.push(Row::Blank);
        }
    }
    let mut label = "Waits for";
    for gate in gates::standing(look, step) {
        let mut text = gate.line(look);
        if let Some(opens) = gate.opens(look) {
            text = text.say(&format!("; opens {}", look.clock.time(opens)));
        }
        body.push(Row::Field { label: label.into(), value: text, aside: None });
        label = "";
        if let Some(better) = recommended(look, step, &gate) {
            body.push(Row::field("", format!("  {better}")));
        }
    }
    if look.state().phase == Phase::Forward && !look.plan().acts.is_empty() {
        body.push(Row::field("If it breaks", super::facts::from_here(look).words().replacen("yes: ", "R: ", 1)));
    }
    let short = look.short();
    if opens.is_some() && look.mode() == Mode::Real {
        body.push(Row::field("Who watches", format!("nobody. To watch and be told:   keyward watch {short}")));
    }
    body.push(Row::field("Come back", format!("keyward resume {short}   or Enter on the home screen")));
    if !look.around.people.is_empty() {
        body.push(Row::field("Someone else", format!("H hands it over: {} may", look.around.people.join(", "))));
    }
    if look.mode() == Mode::Drill && look.now.wakeup.is_some_and(|at| at > look.now.now) {
        body.push(Row::field("Or", "W lets the sandbox's clock move on to then"));
    }
    if let Some(opens) = opens {
        body.push(Row::Blank);
        let (now, left) = (look.clock.minute(look.now.now), clock::span(look.clock.until(opens)));
        body.push(Row::line(&format!(
            "As of {now}: {left} left. This page does not tick; any news brings it up to date."
        )));
    }
    if !stuck.is_empty() {
        body.extend(choices(look, step, &stuck));
    }
    let tag = if stuck.is_empty() { "WAITS" } else { "✗ GATE CLOSED" };
    let mut panel = act::panel(look, step, body, Foot::Plain);
    panel.border = Border::Thin;
    panel.title = title(step);
    panel.tag = look.tag(tag);
    panel.label_width = Some(14);
    panel
}

fn recommended(look: &Look<'_>, step: &Step, gate: &Standing<'_>) -> Option<String> {
    let declared = step.gates.get(gate.index as usize)?;
    let GateKind::After { step: since, recommended: Some(better), at_least } = &declared.kind else { return None };
    let opens = gate.opens(look)?;
    let from = Stamp::from_millis(opens.millis() - i64::try_from(at_least.as_millis()).ok()?);
    let name = look.step(since).map_or(since.as_str(), number);
    let (words, at) = (super::steps::duration_words(*better), look.clock.time(from.plus(*better)));
    Some(format!("{words} after step {name} is recommended: {at}"))
}

fn choices(look: &Look<'_>, step: &Step, stuck: &[&Standing<'_>]) -> Vec<Row> {
    let mut rows = vec![Row::section("Choose; none of these changes anything yet", "")];
    let unknown = stuck.iter().any(|gate| gate.reading.is_some_and(|reading| reading.verdict == Verdict::Unknown));
    let wants_window = stuck.iter().any(|gate| {
        let declared = step.gates.get(gate.index as usize).map(|gate| &gate.kind);
        matches!(
            declared,
            Some(GateKind::InactiveFor { .. } | GateKind::UnusedFor { .. } | GateKind::UnusedSince { .. })
        )
    });
    if wants_window {
        rows.push(page_choice(
            "Observe anew",
            "window",
            "counts the observation from now on. Signed, as a deviation. Asks why.",
            "opens the page",
            window(look, step),
        ));
    }
    if unknown {
        let at = look.now.wakeup.map(|at| look.clock.time(at));
        let text = at.map_or_else(
            || "it is asked again by itself".to_owned(),
            |at| format!("it is asked again at {at}, by itself"),
        );
        rows.push(Row::field("", format!("Unknown is not a pass: {text}.")));
    }
    if offers_override(look, step) {
        rows.push(now_choice(
            "Override",
            "override",
            "breaks the gate, as a deviation. Asks why; you sign.",
            crate::view::Command::Override,
        ));
    }
    rows.extend(skip_choice(look, step));
    rows.extend(way_back_choice(look));
    rows.push(leave_choice(look, "leaves it so, and may be gone on with"));
    rows.extend(abort_choice(look));
    rows
}

/// The first closed gate of the runbook's that a person may break.
pub(super) fn offers_override(look: &Look<'_>, step: &Step) -> bool {
    super::offers::breakable(look, step).is_some()
}

/// The page on which an observation starts anew.
fn window(look: &Look<'_>, step: &Step) -> Offer {
    let body = vec![
        Row::line("The time of this observation is counted from now on. What was seen before counts no more."),
        Row::field("Step", title(step)),
        Row::field("Stands", "in the transcript as a deviation, with your reason"),
    ];
    Offer {
        command: None,
        panel: Panel {
            border: if step.effect == EffectKind::Read { Border::Thin } else { Border::Heavy },
            title: "Observe anew".into(),
            tag: look.tag("changes no system"),
            body,
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::RestartWindow { step: step.id.clone(), reason: String::new() },
            sentence: "count the observation from now on".into(),
            fields: vec![Field::reason()],
            fields_title: "Why it starts anew".into(),
        },
        facts: Facts { notices: Text::from("nobody: it changes no system"), ..Facts::default() },
    }
}
