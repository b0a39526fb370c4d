//! A run and the person (or nobody) who attends it: which interface, and what is said at the end.

use serde_json::json;

use super::{Global, say};
use crate::diagnostic::Diagnostic;
use crate::engine::entry::{Body, EndStatus, Entry};
use crate::runtime::driver::{Driver, Ending, Order};
use crate::runtime::snapshot::Log;
use crate::runtime::unattended;

/// Runs the driver under an interface until it ends; the exit code.
pub(crate) async fn attend(global: &Global, mut driver: Driver, yes: bool) -> Result<u8, Diagnostic> {
    let handle = driver.handle();
    let folder = driver.folder().to_owned();
    let orders = handle.orders.clone();
    let told = tokio::spawn(tell(handle.clone(), global.json));
    if yes {
        tokio::spawn(unattended::answer(handle));
    }
    tokio::spawn(async move {
        if interrupted().await.is_ok() {
            // A driver that is gone has nothing left to leave.
            let _ = orders.send(Order::Leave).await;
        }
    });
    let ending = driver.run().await?;
    told.abort();
    let (word, code) = match ending {
        Ending::Sealed(EndStatus::Completed) => ("completed", 0),
        Ending::Sealed(EndStatus::RolledBack) => ("rolled_back", 4),
        Ending::Sealed(EndStatus::Aborted) => ("aborted", 5),
        Ending::Suspended | Ending::Left => ("suspended", 3),
    };
    let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if global.json {
        say(&json!({"run": run, "path": folder, "status": word}).to_string());
    } else {
        say(&format!("{word}: {}", folder.display()));
    }
    Ok(code)
}

async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

/// Tells each entry as it comes.
async fn tell(handle: crate::runtime::driver::Handle, json: bool) {
    let mut news = handle.news.clone();
    let mut next = 0;
    loop {
        let log: Log = news.borrow_and_update().log.clone();
        let entries: Vec<Entry> = {
            let log = log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            log.get(next..).unwrap_or_default().to_vec()
        };
        next += entries.len();
        for entry in entries {
            tell_one(&entry, json);
        }
        if news.changed().await.is_err() {
            return;
        }
    }
}

fn tell_one(entry: &Entry, json: bool) {
    if json {
        say(&json!({"entry": entry.n, "at": entry.at, "kind": entry.body.kind(), "step": step_of(&entry.body)})
            .to_string());
    } else {
        say(&format!("{} {:>4} {} {}", entry.at, entry.n, entry.body.kind(), step_of(&entry.body)));
    }
}

fn step_of(body: &Body) -> String {
    match body {
        Body::Started { place, .. }
        | Body::NotSent { place, .. }
        | Body::Sample { place, .. }
        | Body::Finished { place, .. }
        | Body::InDoubt { place, .. }
        | Body::Reconciled { place, .. } => place.step.clone(),
        Body::Gate { step, .. } | Body::Confirmed { step, .. } | Body::Skipped { step, .. } => step.clone(),
        Body::Resolved { name, .. } => name.clone(),
        _ => String::new(),
    }
}
