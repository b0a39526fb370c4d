//! `keyward watch` and `keyward handover`.

use clap::Args;

use super::resume::open;
use super::{Global, say};
use crate::diagnostic::Diagnostic;
use crate::engine::decision::Decision;
use crate::engine::entry::Verdict;
use crate::runbook::duration;
use crate::runtime::driver::Ending;
use crate::runtime::watch::{Watch, fine};

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The run: its last four letters, its id or its folder.
    run: String,
    /// Between looks.
    #[arg(long, default_value = "15m", value_parser = duration::parse)]
    every: std::time::Duration,
    /// Look once.
    #[arg(long)]
    once: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HandoverArgs {
    /// The run: its last four letters, its id or its folder.
    run: String,
    /// To whom: a principal of the roster.
    #[arg(long, value_name = "PRINCIPAL")]
    to: String,
}

/// Exit 7 as soon as something is wrong; 0 once the run waits no more, or its gates can open.
pub(crate) async fn watch(global: &Global, args: WatchArgs) -> Result<u8, Diagnostic> {
    let session = global.session()?;
    let folder = session.store.find(&args.run)?;
    let watch = Watch::open(&session, &folder).await?;
    loop {
        let Some(seen) = watch.look().await? else {
            if !global.json {
                say("The run waits no more.");
            }
            return Ok(0);
        };
        if global.json {
            say(&serde_json::to_string(&seen).unwrap_or_default());
        } else {
            let lists = [("wrong", &seen.wrong), ("unknown", &seen.unknown), ("fine", &seen.fine)];
            for (word, lines) in lists {
                lines.iter().for_each(|line| say(&format!("{} {word}: {line}", seen.at)));
            }
            if let Some(opens) = seen.opens {
                say(&format!("{} step {} opens {opens}", seen.at, seen.step));
            }
        }
        if fine(&seen) == Verdict::Fail {
            return Ok(7);
        }
        if args.once || seen.opens.is_none_or(|opens| opens <= seen.at) {
            return Ok(0);
        }
        tokio::time::sleep(Watch::pause(&seen, args.every)).await;
    }
}

pub(crate) async fn handover(global: &Global, args: HandoverArgs) -> Result<u8, Diagnostic> {
    let (session, mut driver) = open(global, Some(&args.run), false).await?;
    if session.roster.by_principal(&args.to).is_none() {
        return Err(Diagnostic::new(format!("{} is not in the roster", args.to)).hint("keyward keys lists who is"));
    }
    let handle = driver.handle();
    let to = args.to.clone();
    let decided = tokio::spawn(async move { handle.decide(Decision::HandOver { to }).await });
    let ending = driver.run().await?;
    if let Ok(Err(why)) = decided.await {
        return Err(Diagnostic::new(why));
    }
    say(&format!("Handed over to {}. They go on with: keyward resume {}", args.to, args.run));
    Ok(if ending == Ending::Suspended { 0 } else { 1 })
}
