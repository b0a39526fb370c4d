//! Who is told of a run's end or suspension, after it stands in the transcript: at least once, under an id that lets a
//! receiver tell a second time from a new event.
//!
//! A drill tells nobody: it can't touch the world, and a rotation that did not happen is no event.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::clock::Clock;
use super::session::Session;
use crate::config::Notify;
use crate::engine::entry::{Body, Entry, EnvironmentKind, Opened};
use crate::store::RegisterEvent;

/// A program that is told has so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells everybody who wants to know of this last entry. Each delivery is noted in the register with the head that is its
/// id. Returns a sentence for each that failed; the run's end does not depend on it.
pub(super) async fn deliver(
    session: &Session,
    opened: &Opened,
    folder: &Path,
    last: &Entry,
    head: &str,
) -> Vec<String> {
    if opened.environment.kind != EnvironmentKind::Account {
        return Vec::new();
    }
    let Some((event, message)) = message(opened, folder, last, head) else { return Vec::new() };
    let mut failed = Vec::new();
    for notify in session.config.notify.iter().filter(|notify| wants(notify, event)) {
        let name = notify.command.first().map_or("", String::as_str);
        match tell(notify, &message).await {
            Err(why) => {
                failed.push(format!("{name} was not told that the run {event}: {why}; keyward runs shows the run"))
            }
            Ok(()) => {
                let register = session.store.register();
                let noted = register.note(
                    RegisterEvent::Delivered,
                    Clock::wall(),
                    session.signer.principal(),
                    &opened.run,
                    (last.n, head),
                    Some(name),
                );
                if let Err(error) = noted {
                    failed.push(format!("{name} was told, and the register does not know it: {error}"));
                }
            }
        }
    }
    failed
}

fn wants(notify: &Notify, event: &str) -> bool {
    notify.on.is_empty() || notify.on.iter().any(|on| on == event)
}

/// The event's name and its one line.
fn message(opened: &Opened, folder: &Path, last: &Entry, head: &str) -> Option<(&'static str, String)> {
    let (event, more) = match &last.body {
        Body::Sealed { status, remaining, audit, .. } => {
            // The audit event is the very text that was sealed.
            let audit = audit.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
            ("ended", json!({"status": status, "remaining": remaining, "audit": audit}))
        }
        Body::Suspended { reason } => ("suspended", json!({"reason": reason})),
        _ => return None,
    };
    let mut line = json!({
        "id": head,
        "event": event,
        "run": opened.run,
        "at": last.at,
        "by": last.by,
        "account": opened.environment.account,
        "runbook": opened.runbook.name,
        "path": folder,
    });
    if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
        line.extend(more.clone());
    }
    Some((event, format!("{line}\n")))
}

async fn tell(notify: &Notify, message: &str) -> Result<(), String> {
    let [program, arguments @ ..] = notify.command.as_slice() else { return Err("it names no program".into()) };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it can't be started: {error}"))?;
    let work = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that reads nothing may close its end first; its exit code says whether that was right.
            let _ = stdin.write_all(message.as_bytes()).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(PATIENCE, work).await {
        Err(_) => Err(format!("it did not end within {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("it ended with {status}")),
    }
}
