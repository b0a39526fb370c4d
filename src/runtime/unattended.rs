//! Who answers where nobody is asked: `--yes`, in drills only. It does what a careful engineer would do, no more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::driver::{Handle, Order};
use super::reason;
use super::snapshot::Snapshot;
use crate::engine::decision::Decision;
use crate::engine::doubt::Finding;
use crate::engine::entry::{Answer, Doubt, Verdict};
use crate::engine::focus::Focus;
use crate::engine::gate;
use crate::engine::state::Phase;
use crate::runbook::EffectKind;
use crate::runbook::op::Op;

/// What was tried already, so that nothing is tried for ever.
#[derive(Default)]
struct Tried {
    counts: BTreeMap<String, u32>,
    /// Why a step's confirmation was refused last.
    refused: BTreeMap<String, String>,
}

/// Decides until the run is over. Returns when the driver is gone or sealed.
pub async fn answer(mut handle: Handle) {
    let mut tried = Tried::default();
    loop {
        let now = handle.news.borrow_and_update().clone();
        if matches!(now.focus, Focus::Over(_)) || now.state.suspended.is_some() {
            return;
        }
        // A snapshot that nothing comes of is looked at again only when there is news.
        let acted = act(&handle, &now, &mut tried).await;
        if !acted && handle.news.changed().await.is_err() {
            return;
        }
        if handle.orders.is_closed() {
            return;
        }
    }
}

async fn act(handle: &Handle, now: &Snapshot, tried: &mut Tried) -> bool {
    let Tried { counts, refused } = tried;
    let mut again = |what: String| {
        let count = counts.entry(what).or_insert(0);
        *count += 1;
        *count
    };
    match &now.focus {
        Focus::Confirm { step } if !now.confirming && !now.busy => {
            if let Some(stuck) = shut(now, step) {
                return match stuck {
                    Shut::Opens => handle.move_on("the window is let pass in a drill").await.is_ok(),
                    Shut::NeedsWindow if again(format!("window {step}")) == 1 => {
                        let reason = "no run of this store says since when: observed anew".to_owned();
                        handle.decide(Decision::RestartWindow { step: step.clone(), reason }).await.is_ok()
                    }
                    Shut::NeedsWindow | Shut::Unknown if again(format!("gate {step}")) <= 3 => {
                        handle.move_on("a gate is unknown: asked again later").await.is_ok()
                    }
                    Shut::NeedsWindow | Shut::Unknown | Shut::Fails => {
                        give_up(handle, now, step, reason::of_gates(now, step)).await
                    }
                };
            }
            let rendered = match &now.rendered {
                None => return false,
                Some(Err(why)) => return give_up(handle, now, step, reason::of_step(now, step, why)).await,
                Some(Ok(rendered)) => rendered,
            };
            if again(format!("confirm {step} {}", rendered.attempt)) > 25 {
                let why = now.notice.clone().or_else(|| refused.get(step).cloned());
                let why = why.unwrap_or_else(|| "its confirmation is refused again and again".to_owned());
                return give_up(handle, now, step, reason::of_step(now, step, &why)).await;
            }
            match confirm(handle, now, rendered.step.clone(), rendered.digest()).await {
                Ok(()) => true,
                // What is there now is read first; the next news brings it.
                Err(why) => {
                    refused.insert(step.clone(), why.clone());
                    if now.wakeup.is_some() {
                        return false;
                    }
                    // What is there now may just be on its way, as after a resume: looked at again a few times.
                    if again(format!("refused {step} {} {why}", rendered.attempt)) <= 20 {
                        let mut news = handle.news.clone();
                        let _ = tokio::time::timeout(Duration::from_millis(100), news.changed()).await;
                        return true;
                    }
                    give_up(handle, now, step, reason::of_step(now, step, &why)).await
                }
            }
        }
        Focus::ConfirmBack if !now.busy => match &now.rendered {
            Some(Ok(rendered)) if again(format!("back {}", rendered.attempt)) <= 3 => {
                confirm(handle, now, "rollback".into(), rendered.digest()).await.is_ok()
            }
            Some(Ok(_)) => {
                let why = now.notice.clone().unwrap_or_else(|| "its confirmation is refused".to_owned());
                give_up(handle, now, "rollback", why).await
            }
            Some(Err(why)) => give_up(handle, now, "rollback", why.clone()).await,
            None => false,
        },
        Focus::Stopped { step, row } if !now.busy => {
            let back = now.state.phase == Phase::Back;
            let name = if back { "rollback".to_owned() } else { step.clone() };
            let hopeless = !back && lost_old_key(now, step);
            if !hopeless && (again(format!("retry {step}")) <= 1 || (back && again("retry back".into()) <= 1)) {
                let retry = Decision::Retry { step: name, row: None };
                if handle.decide(retry).await.is_ok() {
                    return true;
                }
            }
            give_up(handle, now, step, reason::of_row(now, step, row)).await
        }
        Focus::InDoubt { place } if !now.busy => {
            let (outcome, typed) = match &now.finding {
                Some(Finding::Person { candidate: Some(id) }) if handle.is_foreign(id) => {
                    (Doubt::NotOurs, "not ours".to_owned())
                }
                Some(Finding::Person { candidate: Some(id) }) => {
                    (Doubt::DoneLost, id.get(id.len().saturating_sub(4)..).unwrap_or(id).to_owned())
                }
                Some(Finding::Person { candidate: None }) => match again(format!("doubt {place:?}")) {
                    // A create that five lists do not show was not sent; of anything else the reads would have said so.
                    1 => (Doubt::NotDone, "not sent".to_owned()),
                    _ => return false,
                },
                _ => return false,
            };
            handle.decide(Decision::Reconcile { place: place.clone(), outcome, typed }).await.is_ok()
        }
        Focus::Seal(_) if now.notice.is_some() && !now.busy => {
            // There is no signature for the seal, and nobody here who could mend that.
            let _ = handle.orders.send(Order::Leave).await;
            false
        }
        Focus::Blocked { step, why } => give_up(handle, now, step, reason::of_step(now, step, why)).await,
        Focus::Manual { place } => {
            let why = "it is done by hand, and nobody is asked here";
            give_up(handle, now, &place.step, reason::of_step(now, &place.step, why)).await
        }
        _ => false,
    }
}

async fn confirm(handle: &Handle, now: &Snapshot, step: String, digest: String) -> Result<(), String> {
    let reason = Some(now.state.opened.reason.clone());
    let answer = Answer { how: "yes".into(), typed: None, reason };
    handle.decide(Decision::Confirm { step, digest, answer }).await
}

/// Where a careful engineer would leave it: back, where something was changed and the way back leads to a key that
/// works; left open for a person, where going back would undo what is right, or can't be finished; else given up.
async fn give_up(handle: &Handle, now: &Snapshot, step: &str, why: String) -> bool {
    let ending = if now.state.phase == Phase::Back {
        let left = reason::left_of_the_way_back(now).join("; ");
        let reason =
            format!("The way back is not finished. {why} Still to do: {left}. `keyward resume` goes on with it.");
        vec![Decision::Suspend { reason }]
    } else if lost_old_key(now, step) {
        let reason = format!(
            "{why} The old key is not there any more: somebody else deleted it, so there is nothing to go back to. \
             The consumers hold the new key; keep it."
        );
        vec![Decision::Abort { reason }]
    } else if unproven(now, step) {
        let reason = format!(
            "{why} That is unknown, not failed, and the way back would need the same proof. Nothing is undone for this; \
             `keyward resume` goes on when there is an answer."
        );
        vec![Decision::Suspend { reason }]
    } else if is_last(now, step) {
        let reason = format!(
            "{why} Everything before is done and proven, and the old key is Inactive, so nothing is undone for this. \
             `keyward resume` goes on when it is mended."
        );
        vec![Decision::Suspend { reason }]
    } else {
        vec![Decision::RollBack { reason: why.clone() }, Decision::Abort { reason: why }]
    };
    for decision in ending {
        let back = handle.news.borrow().state.phase == Phase::Back;
        if back && now.state.phase != Phase::Back {
            // The way back was begun by somebody else meanwhile: it is looked at anew, and never given up for that.
            return true;
        }
        if handle.decide(decision).await.is_ok() {
            return true;
        }
    }
    // Refused because an answer is still due, or because there is no signature: tried again, but not for ever.
    if now.busy {
        return false;
    }
    let _ = handle.orders.send(Order::Leave).await;
    false
}

/// A holder's proof gives no answer: neither that it works nor that it does not.
fn unproven(now: &Snapshot, step: &str) -> bool {
    let proves = now.book.runbook.step(step).is_some_and(|step| step.run.op == Op::HolderProve);
    let verdicts = now.state.step(&now.book, step).map_or(&[][..], |folded| &folded.rows).iter().map(|row| row.verdict);
    let mut stopped = verdicts.filter(|verdict| matches!(verdict, Some(Verdict::Fail | Verdict::Unknown))).peekable();
    proves && stopped.peek().is_some() && stopped.all(|verdict| verdict == Some(Verdict::Unknown))
}

/// An irreversible step after the run has changed something: what is left of the old key, when the new one works.
fn is_last(now: &Snapshot, step: &str) -> bool {
    let changed = |id: &str| {
        now.state.step(&now.book, id).is_some_and(|folded| folded.rows.iter().any(crate::engine::rollback::acted))
    };
    let steps = &now.book.runbook.steps;
    now.book.runbook.step(step).is_some_and(|step| step.effect == EffectKind::Irreversible)
        && steps.iter().any(|step| step.effect == EffectKind::Mutate && changed(&step.id))
}

/// The way back would make a key Active again that the last list no longer shows.
fn lost_old_key(now: &Snapshot, step: &str) -> bool {
    let acts = &crate::engine::rollback::planned(&now.book, &now.state).acts;
    let reactivated = acts.iter().flat_map(|act| &act.calls).find_map(|call| {
        let active = call.op == "iam:UpdateAccessKey" && call.params["Status"] == "Active";
        active.then(|| call.params["AccessKeyId"].as_str()).flatten()
    });
    let Some(folded) = now.state.step(&now.book, step) else { return false };
    let last = folded.rows.iter().filter_map(|row| row.samples.last()).filter_map(|s| s.reading.result.as_ref());
    let listed: Vec<_> = last.filter_map(|result| result.get("keys")?.as_array()).collect();
    reactivated.is_some_and(|id| {
        !listed.is_empty() && listed.iter().all(|keys| keys.iter().all(|key| key["id"].as_str() != Some(id)))
    })
}

enum Shut {
    Opens,
    NeedsWindow,
    Unknown,
    Fails,
}

/// What keeps a step's gates shut, if anything does.
fn shut(now: &Snapshot, step: &str) -> Option<Shut> {
    let folded = now.state.step(&now.book, step)?;
    let mut found = None;
    for ((index, _), reading) in folded.gates.iter().filter(|(_, reading)| reading.verdict != Verdict::Pass) {
        if folded.overridden.contains_key(index) {
            continue;
        }
        let opens = gate::opens_at(&reading.evidence).is_some_and(|at| at > now.now);
        let words = reading.evidence.get("words").and_then(serde_json::Value::as_str).unwrap_or("");
        found = Some(match reading.verdict {
            _ if opens => Shut::Opens,
            Verdict::Unknown if words.contains("observe it anew") => Shut::NeedsWindow,
            Verdict::Unknown => Shut::Unknown,
            _ => return Some(Shut::Fails),
        });
    }
    found
}
