//! The pages of commands that are live in a run, and why the others are off.

use serde_json::Value;

use super::look::{Look, number, title};
use super::{back, clock, facts, gates, steps};
use crate::engine::entry::{Body, EnvironmentKind};
use crate::engine::focus::{Focus, open_calls};
use crate::engine::own;
use crate::engine::state::Phase;
use crate::runbook::{EffectKind, InputType, Step};
use crate::view::{
    Ask, Border, By, Command, Facts, Field, FieldKey, FieldKind, Foot, Intent, Off, Offer, Panel, Row, Text,
};

type Live = Result<Offer, Off>;

fn off(command: Command, short: &str, why: impl AsRef<str>) -> Off {
    Off::new(command, short, why.as_ref())
}

/// Every command of a run: its page, or why it has none now.
pub(super) fn all(look: &Look<'_>) -> (Vec<Offer>, Vec<Off>) {
    let mut offers = Vec::new();
    let mut offs = Vec::new();
    for live in
        [way_back(look), skip(look), override_(look), add_row(look), hand_over(look), abort(look), move_clock(look)]
    {
        match live {
            Ok(offer) => offers.push(offer),
            Err(off) => offs.push(off),
        }
    }
    offs.extend(leave(look));
    (offers, offs)
}

/// While an answer is due, nothing else opens.
fn due(look: &Look<'_>, command: Command) -> Result<(), Off> {
    match look.sent() {
        None => Ok(()),
        Some(due) => {
            let what = facts::what(look, &due.place.step, &due.place.row);
            let by = look.clock.time(due.by);
            Err(off(
                command,
                &format!("{what} is under way"),
                format!("Opens when that answer is in: {by} at the latest."),
            ))
        }
    }
}

fn leave(look: &Look<'_>) -> Option<Off> {
    let due = look.sent()?;
    let what = facts::what(look, &due.place.step, &due.place.row);
    let why = format!("{} is under way. Ctrl-C leaves anyway, with {what} in doubt.", super::running::capital(&what));
    Some(off(Command::Leave, &format!("{what} is under way"), why))
}

fn plain_facts(look: &Look<'_>) -> Facts {
    let _ = look;
    Facts { notices: "nobody: it changes no system".into(), ..Facts::default() }
}

/// The way back, as one signature would cover it.
pub(super) fn way_back(look: &Look<'_>) -> Live {
    let command = Command::WayBack;
    due(look, command)?;
    if look.state().phase == Phase::Back {
        return Err(off(command, "this is it", "This is the way back."));
    }
    let reason = "why".to_owned();
    look.allowed(Body::RollbackBegun { reason })
        .map_err(|why| off(command, "there is none", super::running::capital(&why)))?;
    let rendered = back::rendered(look);
    let n = rendered.rows.len();
    if n == 0 {
        let why = if open_calls(look.book(), look.state()).is_empty() {
            "Nothing of it can be brought back. Go on, or abort as it stands."
        } else {
            "What is in doubt comes first: nobody knows yet what there is to take back."
        };
        return Err(off(command, "nothing to take back", why));
    }
    let runbook = &look.book().runbook;
    let name = back::back_title(&runbook.rollback.title);
    let mut notices: Vec<String> = Vec::new();
    for (step, folded) in runbook.steps.iter().zip(&look.state().steps) {
        for row in
            folded.rows.iter().filter(|row| step.effect != EffectKind::Read && crate::engine::rollback::acted(row))
        {
            let holder = own::holder_of(step, &look.scope(step, Some(row))).unwrap_or(Value::Null);
            let said = look.book().connector(&holder).and_then(|connector| connector.affects.clone());
            notices.extend(said.filter(|said| !notices.contains(said)));
        }
    }
    let notices =
        if notices.is_empty() { "nobody: no one holds what is taken back".to_owned() } else { notices.join(" ") };
    Ok(Offer {
        command: Some(command),
        panel: Panel {
            border: Border::Heavy,
            title: name.into(),
            tag: look.tag("CHANGES"),
            body: back::plan_rows(look),
            foot: Foot::Lines,
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::RollBack { reason: String::new(), digest: Some(rendered.digest()) },
            sentence: format!("go back in {n} {}", if n == 1 { "act" } else { "acts" }),
            fields: vec![Field::reason()],
            fields_title: "Why you go back".into(),
        },
        facts: Facts {
            notices: notices.into(),
            way_back: "this is it. It waits for no approval, no window, no signature.".into(),
            walk_away: format!("not between the acts: about {}", clock::span(facts::takes(look.plan()))).into(),
        },
    })
}

fn here<'a>(look: &Look<'a>) -> Option<&'a Step> {
    look.step(steps::current(look)?)
}

fn skip(look: &Look<'_>) -> Live {
    let command = Command::Skip;
    due(look, command)?;
    let Some(step) = here(look) else {
        return Err(off(command, "no step waits", "Only a step that waits can be left out."));
    };
    let body = Body::Skipped { step: step.id.clone(), reason: "why".into() };
    look.allowed(body).map_err(|why| off(command, "it is needed", why))?;
    Ok(Offer {
        command: Some(command),
        panel: Panel {
            title: format!("Skip step {}", number(step)).into(),
            tag: look.tag("changes no system"),
            body: vec![
                Row::field("Left out", title(step)),
                Row::line("It stands as a deviation at the top of the report, with your reason."),
            ],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::Skip { step: step.id.clone(), reason: String::new() },
            sentence: format!("leave step {} out", number(step)),
            fields: vec![Field::reason()],
            fields_title: "Why it is left out".into(),
        },
        facts: plain_facts(look),
    })
}

/// The first closed gate of the step in focus that a person may break.
pub(super) fn breakable(look: &Look<'_>, step: &Step) -> Option<(u32, String)> {
    let closed = gates::closed(look, step)?;
    closed.into_iter().filter(|gate| !gate.own).find_map(|gate| {
        let role = super::ROLE.to_owned();
        let body = Body::Override { step: step.id.clone(), gate: gate.index, reason: "why".into(), role };
        look.allowed(body).ok().map(|()| (gate.index, gates::times(look, &gate.words())))
    })
}

fn override_(look: &Look<'_>) -> Live {
    let command = Command::Override;
    due(look, command)?;
    let none = || off(command, "no gate is closed", "No gate is closed here.");
    let step = here(look).filter(|_| matches!(look.now.focus, Focus::Confirm { .. })).ok_or_else(none)?;
    let closed = gates::closed(look, step).ok_or_else(none)?;
    let Some((gate, words)) = breakable(look, step) else {
        let role = super::ROLE.to_owned();
        let first = closed.first().map_or(0, |gate| gate.index);
        let body = Body::Override { step: step.id.clone(), gate: first, reason: "why".into(), role };
        let why = look.allowed(body).err().unwrap_or_else(|| "This gate can't be broken.".into());
        return Err(off(command, "it can't be broken", why));
    };
    Ok(Offer {
        command: Some(command),
        panel: Panel {
            border: Border::Heavy,
            title: format!("Break a gate of step {}", number(step)).into(),
            tag: look.tag("A DEVIATION"),
            body: vec![
                Row::field("The gate", words),
                Row::field("Before", title(step)),
                Row::line("It stands as a deviation at the top of the report, signed, with your reason."),
            ],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::Override { step: step.id.clone(), gate, reason: String::new() },
            sentence: "break this gate".into(),
            fields: vec![Field::reason()],
            fields_title: "Why it is broken".into(),
        },
        facts: plain_facts(look),
    })
}

fn add_row(look: &Look<'_>) -> Live {
    let command = Command::AddRow;
    due(look, command)?;
    if look.state().phase != Phase::Forward {
        return Err(off(command, "on the way back", "On the way back nothing is added."));
    }
    let book = look.book();
    let over = |name: &str| {
        book.runbook
            .steps
            .iter()
            .any(|step| step.for_each.as_ref().is_some_and(|each| each.root.as_deref() == Some(name)))
    };
    let list = book.runbook.inputs.iter().find(|input| input.kind == InputType::Holders && over(&input.name));
    let Some(list) = list else {
        return Err(off(command, "no list", "This runbook goes over no list that could grow."));
    };
    let field = |name: &str, required: bool, hint: &str| Field {
        key: FieldKey::Named(name.into()),
        label: name.into(),
        kind: FieldKind::Text,
        required,
        value: String::new(),
        hint: hint.into(),
    };
    let kinds: Vec<&str> = book.connectors.keys().map(String::as_str).collect();
    let mut fields = vec![Field::reason(), field("name", true, ""), field("kind", true, "")];
    let mut known: Vec<&str> = vec!["name", "kind", "prove"];
    for connector in book.connectors.values() {
        for declared in &connector.fields {
            if !known.contains(&declared.name.as_str()) {
                known.push(&declared.name);
                fields.push(field(&declared.name, false, ""));
            }
        }
    }
    fields.push(field("prove", false, ""));
    let probe =
        Body::RowAdded { list: list.name.clone(), value: serde_json::json!({"name": "\u{0}"}), reason: "why".into() };
    look.allowed(probe).map_err(|why| off(command, "too late", why))?;
    let mut body = vec![
        Row::line(
            "A consumer that was forgotten is added, not ignored: every step over this list is opened again for it.",
        ),
        Row::field("List", list.name.as_str()),
        Row::field("Kinds", kinds.join(", ")),
    ];
    for connector in book.connectors.values() {
        let names: Vec<&str> = connector.fields.iter().map(|field| field.name.as_str()).collect();
        body.push(Row::field("", format!("{} needs {}", connector.kind, names.join(", "))));
    }
    Ok(Offer {
        command: Some(command),
        panel: Panel {
            title: "Add a forgotten consumer".into(),
            tag: look.tag("A DEVIATION"),
            body,
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::AddRow { list: list.name.clone(), value: Value::Null, reason: String::new() },
            sentence: format!("add it to {}", list.name),
            fields,
            fields_title: "Why it was missing, and what it is".into(),
        },
        facts: plain_facts(look),
    })
}

fn hand_over(look: &Look<'_>) -> Live {
    let command = Command::HandOver;
    due(look, command)?;
    if look.around.people.is_empty() {
        return Err(off(command, "nobody else", "The roster knows nobody else who may take this run."));
    }
    let people = look.around.people.join(", ");
    let only = if look.around.people.len() == 1 { people.clone() } else { String::new() };
    Ok(Offer {
        command: Some(command),
        panel: Panel {
            title: "Hand over".into(),
            tag: look.tag("changes no system"),
            body: vec![
                Row::field("May take it", people),
                Row::field("Stands", super::running::capital(&steps_words(look))),
                Row::line(&format!("They go on with: keyward resume {}", look.short())),
            ],
            label_width: Some(13),
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::HandOver { to: String::new() },
            sentence: "hand this run over".into(),
            fields: vec![Field {
                key: FieldKey::Text,
                label: "To".into(),
                kind: FieldKind::Text,
                required: true,
                value: only,
                hint: String::new(),
            }],
            fields_title: "To whom".into(),
        },
        facts: plain_facts(look),
    })
}

fn steps_words(look: &Look<'_>) -> String {
    steps::progress(look).position
}

/// Giving up as it stands.
pub(super) fn abort(look: &Look<'_>) -> Live {
    let command = Command::Abort;
    due(look, command)?;
    look.allowed(Body::Aborted { reason: "why".into() })
        .map_err(|why| off(command, "it has ended", super::running::capital(&why)))?;
    let plan = look.plan();
    let mut body = vec![Row::line("The run ends as it stands, and is sealed as aborted. Nothing is sent.")];
    if plan.acts.is_empty() {
        body.push(Row::field(
            "Stays",
            if look.changed() {
                "what was changed, and can't be brought back"
            } else {
                "everything as it was: nothing has been changed"
            },
        ));
    } else {
        body.extend(super::act::lines_of("Not done", plan.acts.iter().map(|act| act.title.clone())));
        body.push(Row::line("R does these instead."));
    }
    let open = open_calls(look.book(), look.state());
    body.extend(super::act::lines_of(
        "In doubt",
        open.iter().map(|(place, _)| format!("step {}, call {}", place.step, place.call + 1)),
    ));
    Ok(Offer {
        command: Some(command),
        panel: Panel { title: "Abort".into(), tag: look.tag("ENDS THE RUN"), body, ..Panel::default() },
        ask: Ask {
            by: By::Sign,
            intent: Intent::Abort { reason: String::new() },
            sentence: "end this run as it stands".into(),
            fields: vec![Field::reason()],
            fields_title: "Why it ends here".into(),
        },
        facts: Facts { way_back: "after this only by hand, or with another run".into(), ..plain_facts(look) },
    })
}

/// Letting a drill's time go on.
pub(super) fn move_clock(look: &Look<'_>) -> Live {
    let command = Command::MoveClock;
    if !look.state().opened.environment.virtual_clock {
        let what = if look.state().opened.environment.kind == EnvironmentKind::Account {
            "The clock of a real account can't be moved."
        } else {
            "This clock can't be moved."
        };
        return Err(off(command, "real clock", what));
    }
    due(look, command)?;
    let unread = here(look).is_some_and(|step| gates::unread(look, step));
    if look.now.busy || unread {
        // The time to go on to is known only once every gate was read.
        return Err(off(command, "being read", "What is there is being read. Then the clock may move."));
    }
    let waits = matches!(look.now.focus, Focus::Confirm { .. } | Focus::Waiting { .. } | Focus::InDoubt { .. });
    let Some(to) = look.now.wakeup.filter(|at| waits && *at > look.now.now) else {
        return Err(off(command, "nothing waits", "Nothing waits for the clock."));
    };
    Ok(Offer {
        command: Some(command),
        panel: Panel {
            title: "Move the sandbox's clock".into(),
            tag: look.tag("the sandbox only"),
            body: vec![
                // Not by how much: that changes with every second, and what is asked must not change under the eye.
                Row::field("To", look.clock.second(to)),
                Row::line("It stands in the transcript, as everything does."),
            ],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Enter,
            intent: Intent::MoveClock { reason: "the operator lets the window pass".into() },
            sentence: "moves the clock".into(),
            fields: Vec::new(),
            fields_title: String::new(),
        },
        facts: Facts { notices: Text::from("nobody: only this drill's time goes on"), ..Facts::default() },
    })
}
