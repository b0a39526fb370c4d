//! Plans that the interface makes itself: a note, suspending, and leaving with an act under way.

use crate::view::{
    Ask, Border, By, Command, Facts, Field, FieldKey, FieldKind, Intent, Offer, Panel, Row, RunView, Text,
};

/// True for a plan of this module, so that news of the run don't close it.
pub fn is_own(offer: &Offer) -> bool {
    matches!(offer.command, Some(Command::Note | Command::Leave | Command::LeaveAnyway))
}

/// A note: changes no system, so Enter writes it.
pub fn note() -> Offer {
    Offer {
        command: Some(Command::Note),
        panel: Panel {
            title: "A note in the transcript".into(),
            tag: "changes no system".into(),
            body: vec![Row::line("It stands in the transcript under your name, for good. Put no secret into it.")],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Enter,
            intent: Intent::Note { text: String::new() },
            sentence: "writes it".into(),
            fields: vec![Field {
                key: FieldKey::Text,
                label: "Note".into(),
                kind: FieldKind::Text,
                required: true,
                value: String::new(),
                hint: String::new(),
            }],
            fields_title: "What you saw or did".into(),
        },
        facts: Facts { notices: "nobody: it changes no system".into(), ..Facts::default() },
    }
}

/// Suspends the run as it stands.
pub fn suspend(run: &RunView) -> Offer {
    Offer {
        command: Some(Command::Leave),
        panel: Panel {
            title: "Suspend and leave".into(),
            tag: "changes no system".into(),
            body: vec![
                Row::line("The run stays as it is, and is signed so. Whoever goes on signs anew."),
                Row::field("Step", Text::new().and(run.panel.title.clone())),
                Row::field("Walk away", run.walk_away.clone()),
            ],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::Suspend { reason: String::new() },
            sentence: "suspend this run".into(),
            fields: vec![Field { required: false, ..Field::reason() }],
            fields_title: "Why, if it helps whoever goes on".into(),
        },
        facts: Facts { notices: "nobody: it changes no system".into(), ..Facts::default() },
    }
}

/// Leaves although an act has no answer yet.
pub fn leave_in_doubt(run: &RunView) -> Offer {
    let (what, due) = run.under_way.as_ref().map_or(("", ""), |u| (u.what.as_str(), u.due.as_str()));
    Offer {
        command: Some(Command::LeaveAnyway),
        panel: Panel {
            border: Border::Heavy,
            title: "Leave with an act under way".into(),
            tag: "IN DOUBT".into(),
            body: vec![
                Row::line(&format!("{what} was sent, and its answer is due by {due}.")),
                Row::line("Leaving now leaves it in doubt: the next one here has to find out whether it happened."),
            ],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::LeaveAnyway,
            sentence: format!("leave with {what} in doubt"),
            fields: Vec::new(),
            fields_title: String::new(),
        },
        facts: Facts { walk_away: "no: the answer is not in yet. Esc stays.".into(), ..Facts::default() },
    }
}
