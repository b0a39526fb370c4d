//! Who answers where nobody is asked: `--yes`, in drills only. It does what a careful engineer would do, no more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::driver::Handle;
use super::snapshot::Snapshot;
use crate::engine::decision::Decision;
use crate::engine::doubt::Finding;
use crate::engine::entry::{Answer, Doubt, Verdict};
use crate::engine::focus::Focus;
use crate::engine::gate;

/// Why an unattended run begins its way back, or gives up.
const WHY: &str = "unattended drill: it did not come right";

/// Decides until the run is over. Returns when the driver is gone or sealed.
pub async fn answer(mut handle: Handle) {
    let mut tried: BTreeMap<String, u32> = BTreeMap::new();
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

async fn act(handle: &Handle, now: &Snapshot, tried: &mut BTreeMap<String, u32>) -> bool {
    let mut again = |what: String| {
        let count = tried.entry(what).or_insert(0);
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
                    Shut::NeedsWindow | Shut::Unknown | Shut::Fails => give_up(handle, now).await,
                };
            }
            let Some(rendered) = &now.rendered else { return false };
            let Ok(rendered) = rendered else { return give_up(handle, now).await };
            if again(format!("confirm {step} {}", rendered.attempt)) > 5 {
                return give_up(handle, now).await;
            }
            confirm(handle, now, rendered.step.clone(), rendered.digest()).await
        }
        Focus::ConfirmBack if !now.busy => match &now.rendered {
            Some(Ok(rendered)) if again(format!("back {}", rendered.attempt)) <= 3 => {
                confirm(handle, now, "rollback".into(), rendered.digest()).await
            }
            _ => give_up(handle, now).await,
        },
        Focus::Stopped { step, .. } if !now.busy => {
            let back = step.starts_with("rollback/");
            let name = if back { "rollback".to_owned() } else { step.clone() };
            if again(format!("retry {name}")) <= 1 || (back && again("retry back".into()) <= 4) {
                let retry = Decision::Retry { step: name, row: None };
                if handle.decide(retry).await.is_ok() {
                    return true;
                }
            }
            give_up(handle, now).await
        }
        Focus::InDoubt { place } if !now.busy => {
            let (outcome, typed) = match &now.finding {
                Some(Finding::Person { candidate: Some(id) }) => {
                    (Doubt::DoneLost, id.get(id.len().saturating_sub(4)..).unwrap_or(id).to_owned())
                }
                Some(Finding::Person { candidate: None }) => (Doubt::NotDone, "not sent".to_owned()),
                _ => return false,
            };
            handle.decide(Decision::Reconcile { place: place.clone(), outcome, typed }).await.is_ok()
        }
        Focus::Blocked { .. } | Focus::Manual { .. } => give_up(handle, now).await,
        _ => false,
    }
}

async fn confirm(handle: &Handle, now: &Snapshot, step: String, digest: String) -> bool {
    let reason = Some(now.state.opened.reason.clone());
    let answer = Answer { how: "yes".into(), typed: None, reason };
    handle.decide(Decision::Confirm { step, digest, answer }).await.is_ok()
}

/// Back, where something was changed; else an end as it stands.
async fn give_up(handle: &Handle, now: &Snapshot) -> bool {
    let reason = now.notice.clone().unwrap_or_else(|| WHY.to_owned());
    if handle.decide(Decision::RollBack { reason: reason.clone() }).await.is_ok() {
        return true;
    }
    // Refused where nothing was changed, or nothing can be brought back.
    if handle.decide(Decision::Abort { reason }).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    true
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
