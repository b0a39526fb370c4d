//! What is asked through an interface, carried out: the one place where an intent becomes a decision.

use crate::engine::decision::Decision;
use crate::engine::entry::Answer;
use crate::engine::focus::Focus;
use crate::runtime::driver::{Handle, Order};
use crate::view::Intent;
use crate::view::project::ROLE;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// It was taken; the next snapshot shows it.
    Taken,
    /// It was not: a sentence. Nothing was done.
    Refused(String),
    /// It is nothing of the run's: pages, copies.
    NotOurs,
}

/// Carries an intent of a run's page out, and waits until the engine has taken or refused it.
pub(crate) async fn carry(handle: &Handle, intent: &Intent) -> Carried {
    let outcome = match intent {
        Intent::RollBack { reason, digest } => roll_back(handle, reason, digest.as_deref()).await,
        Intent::MoveClock { reason } => handle.move_on(reason).await,
        Intent::LeaveAnyway => {
            // A driver that is gone has nothing left to leave.
            let _ = handle.orders.send(Order::Leave).await;
            Ok(())
        }
        other => match decision(handle, other) {
            Some(decision) => handle.decide(decision).await,
            None => return Carried::NotOurs,
        },
    };
    match outcome {
        Ok(()) => Carried::Taken,
        Err(why) => Carried::Refused(sentence(&why)),
    }
}

fn decision(handle: &Handle, intent: &Intent) -> Option<Decision> {
    Some(match intent.clone() {
        Intent::Confirm { step, digest, answer } => Decision::Confirm { step, digest, answer },
        Intent::Retry { step, row } => Decision::Retry { step, row },
        Intent::Redo { step, row } => Decision::Redo { step, row },
        Intent::Skip { step, reason } => Decision::Skip { step, reason },
        Intent::Override { step, gate, reason } => Decision::Override { step, gate, reason, role: ROLE.into() },
        Intent::Abort { reason } => Decision::Abort { reason },
        Intent::Suspend { reason } => Decision::Suspend { reason },
        Intent::HandOver { to } => Decision::HandOver { to },
        Intent::Note { text } => Decision::Note { text },
        Intent::AddRow { list, mut value, reason } => {
            // A field that was left empty is not there.
            if let Some(map) = value.as_object_mut() {
                map.retain(|_, one| one.as_str().is_none_or(|text| !text.is_empty()));
            }
            Decision::AddRow { list, value, reason }
        }
        Intent::RestartWindow { step, reason } => Decision::RestartWindow { step, reason },
        Intent::Reconcile { place, outcome, typed } => Decision::Reconcile { place, outcome, typed },
        Intent::Entered { place, values } => Decision::Entered { place, values },
        // In doubt, trying again means asking the world again.
        Intent::AskAgain => match &handle.news.borrow().focus {
            Focus::InDoubt { place } => Decision::Retry { step: place.step.clone(), row: None },
            _ => return None,
        },
        _ => return None,
    })
}

/// The plan was seen whole and signed for: where it is still the same once it is opened, it is confirmed at once.
async fn roll_back(handle: &Handle, reason: &str, seen: Option<&str>) -> Result<(), String> {
    handle.decide(Decision::RollBack { reason: reason.to_owned() }).await?;
    let Some(seen) = seen else { return Ok(()) };
    let mut news = handle.news.clone();
    let opened = news.wait_for(|now| matches!(now.focus, Focus::ConfirmBack | Focus::Over(_))).await;
    let digest =
        opened.ok().and_then(|now| now.rendered.clone()).and_then(Result::ok).map(|rendered| rendered.digest());
    if digest.as_deref() != Some(seen) {
        // It stands there to be looked at and signed again.
        return Err("The way back is open, and is not the one you saw. Look again; nothing was sent.".into());
    }
    let answer = Answer { how: "sign".into(), typed: None, reason: Some(reason.to_owned()) };
    handle.decide(Decision::Confirm { step: "rollback".into(), digest: seen.to_owned(), answer }).await
}

/// A sentence of the engine's as the interface says it.
pub(crate) fn sentence(why: &str) -> String {
    let mut chars = why.trim().chars();
    let text: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    if text.is_empty() {
        "It was not taken. Nothing was sent.".into()
    } else if text.ends_with(['.', '?', '!']) {
        text
    } else {
        format!("{text}.")
    }
}
