//! `keyward verify`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Global, say};
use crate::diagnostic::Diagnostic;
use crate::runtime::replay::Replayed;
use crate::runtime::resume::book_of;
use crate::runtime::session::Session;
use crate::transcript::{AllowedSigners, Options, Replay, Report, verify as judge};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The run: its last four letters, its id or its folder.
    run: String,
    /// Whom you trust. Without it, your own configuration says.
    #[arg(long, value_name = "FILE")]
    allowed_signers: Option<PathBuf>,
}

pub(crate) fn verify(global: &Global, args: &VerifyArgs) -> Result<u8, Diagnostic> {
    let session = global.session()?;
    let folder = session.store.find(&args.run)?;
    let report = judged(&session, &folder, args.allowed_signers.as_deref())?;
    if global.json {
        say(&serde_json::to_string(&report).unwrap_or_default());
    } else {
        report.lines().iter().for_each(|line| say(line));
    }
    Ok(report.exit)
}

/// A run verified with the operator's own trust, for the screen.
///
/// # Errors
/// There is nothing to read.
pub(crate) fn report(global: &Global, folder: &Path) -> Result<Report, Diagnostic> {
    judged(&global.session()?, folder, None)
}

fn judged(session: &Session, folder: &Path, allowed_signers: Option<&Path>) -> Result<Report, Diagnostic> {
    // Trust comes from the verifier, never from the folder.
    let trusted = match allowed_signers {
        Some(file) => AllowedSigners::read(file)?,
        None => session.roster.signers()?,
    };
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let registered = session.store.registered(&name)?;
    let mut replayed = book_of(folder).ok().map(Replayed::new);
    let replay = replayed.as_mut().map(|replayed| replayed as &mut dyn Replay);
    Ok(judge(folder, Options { allowed_signers: Some(&trusted), replay, registered })?)
}
