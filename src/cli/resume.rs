//! `keyward resume` and `keyward rollback`.

use clap::Args;

use super::Global;
use super::attend::attend;
use crate::diagnostic::Diagnostic;
use crate::engine::decision::Decision;
use crate::runtime::driver::Driver;
use crate::runtime::resume::resume as go_on;
use crate::store::RunStatus;

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
    let driver = open(global, args.run.as_deref()).await?;
    attend(global, driver, args.yes).await
}

pub(crate) async fn rollback(global: &Global, args: RollbackArgs) -> Result<u8, Diagnostic> {
    let driver = open(global, Some(&args.run)).await?;
    let handle = driver.handle();
    tokio::spawn(async move {
        // A refusal (nothing was changed, no way back) is shown by the interface as what it is.
        if let Err(why) = handle.decide(Decision::RollBack { reason: args.reason }).await {
            eprintln!("keyward: {why}");
        }
    });
    attend(global, driver, args.yes).await
}

pub(super) async fn open(global: &Global, run: Option<&str>) -> Result<Driver, Diagnostic> {
    let session = global.session()?;
    let folder = match run {
        Some(run) => session.store.find(run)?,
        None => {
            let runs = session.store.runs()?;
            let open = |status| matches!(status, RunStatus::Suspended | RunStatus::InDoubt | RunStatus::Open);
            let newest = runs.into_iter().find(|run| open(run.status) && run.held_by.is_none());
            newest
                .map(|run| run.path)
                .ok_or_else(|| Diagnostic::new("no run is open").hint("keyward runs lists all"))?
        }
    };
    go_on(session, &folder, None).await
}
