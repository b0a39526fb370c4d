//! A run and whoever attends it: a person at the screen, a person or a pipe at the lines, or nobody.

mod carry;
mod lines;
pub(super) mod screen;

pub(crate) use carry::sentence;

use serde_json::json;

use super::{Global, say};
use crate::diagnostic::Diagnostic;
use crate::engine::entry::{Body, EndStatus, Entry};
use crate::runtime::driver::{Driver, Ending, Handle, Order};
use crate::runtime::session::Session;
use crate::runtime::snapshot::Log;
use crate::runtime::unattended;
use crate::view::project::Around;

/// Runs the driver under an interface until it ends; the exit code.
pub(crate) async fn attend(global: &Global, session: &Session, driver: Driver, yes: bool) -> Result<u8, Diagnostic> {
    if global.screen(yes) {
        return screen::attend(global, session, driver).await;
    }
    let mut driver = driver;
    let handle = driver.handle();
    let folder = driver.folder().to_owned();
    let around = around(session);
    let told = match global.json {
        true => tokio::spawn(tell(handle.clone())),
        false => tokio::spawn(lines::attend(handle.clone(), around, !yes)),
    };
    if yes {
        tokio::spawn(unattended::answer(handle.clone()));
    }
    let orders = handle.orders.clone();
    tokio::spawn(async move {
        if interrupted().await.is_ok() {
            // A driver that is gone has nothing left to leave.
            let _ = orders.send(Order::Leave).await;
        }
    });
    let ending = driver.run().await?;
    // With the driver the news end, and what was not told yet is told first.
    drop(driver);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), told).await;
    let (word, code) = ended(ending);
    let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if global.json {
        say(&json!({"run": run, "path": folder, "status": word}).to_string());
    } else {
        if let Ending::Sealed(_) = ending {
            let now = handle.news.borrow().clone();
            let view = crate::view::View::End(Box::new(crate::view::project::end_view(&now, &self::around(session))));
            crate::plain::page(&view).iter().for_each(|line| say(line));
        }
        say(&format!("{word}: {}", folder.display()));
    }
    Ok(code)
}

/// A run's ending as the word of `--json` and as the exit code.
pub(crate) fn ended(ending: Ending) -> (&'static str, u8) {
    match ending {
        Ending::Sealed(EndStatus::Completed) => ("completed", 0),
        Ending::Sealed(EndStatus::RolledBack) => ("rolled_back", 4),
        Ending::Sealed(EndStatus::Aborted) => ("aborted", 5),
        Ending::Suspended | Ending::Left => ("suspended", 3),
    }
}

/// What the pages of a run need to know of this machine and its people.
pub(crate) fn around(session: &Session) -> Around {
    let me = session.signer.principal();
    let people = session.roster.people.iter().flat_map(|person| person.principals.clone());
    let runs =
        session.store.register().lines().ok().map(|lines| lines.iter().map(|line| line.number).max().unwrap_or(0));
    Around {
        people: people.filter(|principal| principal != me).collect(),
        runs,
        home: std::env::var("HOME").ok().filter(|home| !home.is_empty()),
    }
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

/// Tells each entry as it comes, as one object.
async fn tell(handle: Handle) {
    let mut news = handle.news.clone();
    drop(handle);
    let mut next = 0;
    loop {
        let log: Log = news.borrow_and_update().log.clone();
        let entries: Vec<Entry> = {
            let log = log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            log.get(next..).unwrap_or_default().to_vec()
        };
        next += entries.len();
        for entry in entries {
            let step = step_of(&entry.body);
            say(&json!({"entry": entry.n, "at": entry.at, "kind": entry.body.kind(), "step": step}).to_string());
        }
        if news.changed().await.is_err() {
            return;
        }
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
