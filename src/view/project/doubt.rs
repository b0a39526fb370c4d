//! The page of a call that had no answer: what the world says now, and what only a person can say.

use serde_json::Value;

use super::act::{self, key_line, lines_of};
use super::exact::{self, tail};
use super::look::{Look, number};
use super::stop::{choice, leave_choice, page_choice, way_back_choice};
use crate::engine::admit;
use crate::engine::doubt::{Finding, TRIES};
use crate::engine::effect::error_of;
use crate::engine::entry::{Body, Doubt, Place, Stamp};
use crate::engine::state::CallState;
use crate::view::{Ask, Border, By, Facts, Field, Foot, Intent, Offer, Opens, Panel, Row, Status, Text};

/// What is in doubt.
pub(super) fn page(look: &Look<'_>, place: &Place) -> Panel {
    let row = look.folded(&place.step).and_then(|folded| folded.row(&place.row));
    let call = row.and_then(|row| row.calls.get(&place.call));
    let Some(CallState::InDoubt { started, reads, .. }) = call else {
        return Panel { title: "In doubt".into(), tag: look.tag("! IN DOUBT"), ..Panel::default() };
    };
    let why = reason(look, place);
    let mut body = vec![Row::line(&format!("Sent at {}; {why}.", look.clock.time(*started)))];
    body.push(Row::line("It may have worked. Nothing is sent again before the world has been asked."));
    if let Some(call) = sent_call(look, place) {
        let mut lines = vec![exact::what(&call)];
        lines.extend(exact::params(&call));
        body.extend(lines_of("Sent was", lines));
    }
    body.extend(asked(look, place, reads));
    body.push(Row::section("Choose", ""));
    body.extend(choices(look, place));
    let mut panel = match look.step(&place.step) {
        Some(step) => act::panel(look, step, body, Foot::Plain),
        None => {
            Panel { title: format!("{}, on the way back", act_title(look, place)).into(), body, ..Panel::default() }
        }
    };
    panel.border = Border::Heavy;
    panel.tag = look.tag("! IN DOUBT");
    panel.label_width = Some(15);
    panel
}

/// Why it is in doubt: what was written down first. Later entries hold what reads said since.
fn reason(look: &Look<'_>, place: &Place) -> String {
    let log = look.now.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let first = log.iter().find_map(|entry| match &entry.body {
        Body::InDoubt { place: other, evidence } if other == place => Some(evidence.clone()),
        _ => None,
    });
    let Some(evidence) = first else { return "no answer came".into() };
    let reason = evidence.get("reason").and_then(Value::as_str).unwrap_or("no answer");
    match evidence.get("answer").and_then(error_of) {
        Some((code, message)) => format!("{reason}: {code}: {message}"),
        None => reason.to_owned(),
    }
}

fn act_title(look: &Look<'_>, place: &Place) -> String {
    look.plan().act(&place.step).map_or_else(|| place.step.clone(), |act| act.title.clone())
}

fn sent_call(look: &Look<'_>, place: &Place) -> Option<crate::engine::call::Call> {
    let folded = look.folded(&place.step)?;
    let key = if look.step(&place.step).is_some() { &place.row } else { &place.step };
    let row = folded.confirmed.as_ref()?.rendered.rows.iter().find(|row| row.row == *key)?;
    row.calls.iter().find(|call| call.call == place.call).cloned()
}

/// What the reads since then say.
fn asked(look: &Look<'_>, place: &Place, reads: &[(Stamp, Value)]) -> Vec<Row> {
    let candidate = candidate(look);
    let tag = match reads.last() {
        _ if matches!(look.now.finding, Some(Finding::Ask)) => format!("{} of {TRIES}", reads.len()),
        Some((at, _)) => format!("done {}", look.clock.time(*at)),
        None => String::new(),
    };
    let n = reads.len();
    let times = match n {
        0 => "the world is asked".to_owned(),
        1 => "asked once".into(),
        _ => format!("asked {n} times over {}", super::clock::span(reads[n - 1].0.since(reads[0].0))),
    };
    let mut body = vec![Row::section(&super::running::capital(&times), &tag)];
    let Some((_, last)) = reads.last() else { return body };
    if let Some((code, message)) = error_of(last) {
        body.push(Row::Line(
            Text::from(Status::Unknown).say(&format!(" {}", super::expected::error(code, message, "iam:"))),
        ));
        return body;
    }
    match last.get("keys").and_then(Value::as_array) {
        Some(keys) => {
            for key in keys {
                let id = key.get("id").and_then(Value::as_str).unwrap_or("?");
                let new = candidate.as_deref() == Some(id);
                let line = key_line(look, key, true);
                let text = if new {
                    Text::from(Status::InDoubt).say(&format!(" {line}   was not there before"))
                } else {
                    Text::from(format!("  {line}"))
                };
                body.push(Row::Line(text));
            }
            if keys.is_empty() {
                body.push(Row::line("  no key is listed"));
            }
        }
        None => {
            let judged = crate::engine::admit::judgements(look.book(), look.state(), place, last).1;
            for one in judged {
                let status = match one.verdict {
                    crate::engine::entry::Verdict::Pass => Status::Pass,
                    crate::engine::entry::Verdict::Fail => Status::Fail,
                    crate::engine::entry::Verdict::Unknown => Status::Unknown,
                };
                body.push(Row::Line(Text::from(status).say(&format!(" {}", one.expected))));
            }
        }
    }
    if let Some(id) = &candidate {
        body.push(Row::field(
            "Whose is it?",
            Text::from(Status::Unknown).say(&format!(" unknown: AWS does not say who made {}", tail(id))),
        ));
        body.push(Row::field("Its secret", "its answer was lost, so the key is of no use to anyone"));
    }
    body
}

fn candidate(look: &Look<'_>) -> Option<String> {
    match &look.now.finding {
        Some(Finding::Person { candidate }) => candidate.clone(),
        _ => None,
    }
}

fn choices(look: &Look<'_>, place: &Place) -> Vec<Row> {
    let mut rows =
        vec![choice("Ask again", "ask", "once more, now. Reads only.", "asks (reads)", Opens::Now(Intent::AskAgain))];
    let id = candidate(look).unwrap_or_default();
    let all = [
        (
            Doubt::DoneLost,
            "It is ours",
            "ours",
            "type its last four; then go back, which deactivates and deletes it, and start again".to_owned(),
            "This key is ours",
            format!(
                "{id} was created by this run, and its secret is lost. It is of no use; the way back deactivates and deletes it."
            ),
            format!("say that {id} is ours"),
        ),
        (
            Doubt::NotOurs,
            "Not ours",
            "not ours",
            format!("leaves {} alone for good: tell its owner", tail(&id)),
            "This key is not ours",
            format!("{id} may be someone else's. It is left alone: no step and no way back of this run touches it."),
            format!("say that {id} is not ours"),
        ),
        (
            Doubt::NotDone,
            "It was not done",
            "not sent",
            "type it, if you know; then it may be tried again".to_owned(),
            "It was not done",
            "Say so only if you looked yourself: then this call may be sent again.".to_owned(),
            "say that it was not done".to_owned(),
        ),
        (
            Doubt::Done,
            "It was done",
            "done",
            "type it, if you know; then the run goes on from there".to_owned(),
            "It was done",
            "Say so only if you looked yourself: the run goes on as if the answer had come.".to_owned(),
            "say that it was done".to_owned(),
        ),
    ];
    let asked = matches!(look.now.finding, Some(Finding::Person { .. }));
    for (outcome, label, word, text, title, words, sentence) in all.into_iter().filter(|_| asked) {
        // What the reads already rule out is not offered.
        let Ok(wanted) = admit::reconcile_word(look.book(), look.state(), place, outcome) else { continue };
        let field = match outcome {
            Doubt::DoneLost => Field::type_back("Last four", &wanted, "AccessKeyId"),
            _ => Field { hint: format!("type: {wanted}"), ..Field::type_back("Words", &wanted, "") },
        };
        let intent = Intent::Reconcile { place: place.clone(), outcome, typed: String::new() };
        let offer = statement(look, title, &words, intent, &sentence, field);
        rows.push(page_choice(label, word, &text, "opens a page: type it", offer));
    }
    rows.extend(way_back_choice(look));
    rows.push(leave_choice(look, "leaves it in doubt"));
    rows
}

fn statement(look: &Look<'_>, title: &str, words: &str, intent: Intent, sentence: &str, field: Field) -> Offer {
    Offer {
        command: None,
        panel: Panel {
            title: title.into(),
            tag: look.tag("changes no system"),
            body: vec![
                Row::line(words),
                Row::field("Stands", "in the transcript under your name, and decides how the run goes on"),
            ],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent,
            sentence: sentence.into(),
            fields: vec![field],
            fields_title: "What you know, typed".into(),
        },
        facts: Facts { notices: "nobody: it changes no system".into(), ..Facts::default() },
    }
}

/// What the status line says of it.
pub(super) fn title(look: &Look<'_>, place: &Place) -> String {
    look.step(&place.step).map_or_else(|| act_title(look, place), |step| format!("step {}", number(step)))
}
