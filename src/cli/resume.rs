//! `keyward resume` and `keyward rollback`.

use clap::Args;

use super::Global;
use super::attend::attend;
use crate::diagnostic::Diagnostic;
use crate::engine::decision::Decision;
use crate::engine::entry::Body;
use crate::runtime::driver::Driver;
use crate::runtime::resume::resume as go_on;
use crate::runtime::session::Session;
use crate::store::RunStatus;
use crate::transcript::entries;

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run: its last four letters, its id or its folder. Without it, the newest that is open.
    run: Option<String>,
    /// Unattended; drills only.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The run: its last four letters, its id or its folder.
    run: String,
    /// Why.
    #[arg(long, default_value = "keyward rollback")]
    reason: String,
    /// Unattended; drills only.
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn resume(global: &Global, args: ResumeArgs) -> Result<u8, Diagnostic> {
    let (session, driver) = open(global, args.run.as_deref(), args.yes).await?;
    attend(global, &session, driver, args.yes).await
}

pub(crate) async fn rollback(global: &Global, args: RollbackArgs) -> Result<u8, Diagnostic> {
    let (session, mut driver) = open(global, Some(&args.run), args.yes).await?;
    if let Err(why) = driver.first(Decision::RollBack { reason: args.reason.clone() }).await? {
        // Nothing was changed, so there is nothing to undo; a run that can't go back for another reason stays as it is.
        let reason = format!("{}: nothing had been changed", args.reason);
        if driver.changed() || driver.first(Decision::Abort { reason }).await?.is_err() {
            return Err(Diagnostic::new(why).hint("keyward resume shows where it stands"));
        }
    }
    attend(global, &session, driver, args.yes).await
}

pub(super) async fn open(global: &Global, run: Option<&str>, yes: bool) -> Result<(Session, Driver), Diagnostic> {
    let session = global.session()?;
    let folder = match run {
        Some(run) => session.store.find(run)?,
        None => {
            let runs = session.store.runs()?;
            let open = |status| matches!(status, RunStatus::Suspended | RunStatus::InDoubt | RunStatus::Open);
            let mut open = runs.into_iter().filter(|run| open(run.status));
            let Some(newest) = open.next() else {
                return Err(Diagnostic::new("no run is open").hint("keyward runs lists all"));
            };
            // The newest is taken even if another process has it: going on with an older one unasked would surprise.
            newest.path
        }
    };
    if yes && !was_unattended(&folder) {
        return Err(Diagnostic::new("this run has an operator, and --yes would confirm in their place")
            .hint("leave out --yes; only a drill that was opened with it goes on with it"));
    }
    let driver = go_on(session.clone(), &folder, None).await?;
    Ok((session, driver))
}

/// Nobody was asked from the beginning. What can't be read is refused later, with the reason.
fn was_unattended(folder: &std::path::Path) -> bool {
    let first = entries(folder).ok().and_then(|mut all| all.next()?.ok());
    match first.map(|entry| entry.body) {
        Some(Body::Opened(opened)) => opened.environment.unattended,
        _ => true,
    }
}
