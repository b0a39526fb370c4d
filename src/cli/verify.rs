//! `keyward verify`.

use std::path::PathBuf;

use clap::Args;

use super::{Global, say};
use crate::diagnostic::Diagnostic;
use crate::runtime::replay::Replayed;
use crate::runtime::resume::book_of;
use crate::transcript::{AllowedSigners, Options, Replay, verify as judge};

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
    // Trust comes from the verifier, never from the folder.
    let trusted = match &args.allowed_signers {
        Some(file) => AllowedSigners::read(file)?,
        None => session.roster.signers()?,
    };
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let registered = session.store.registered(&name)?;
    let mut replayed = book_of(&folder).ok().map(Replayed::new);
    let replay = replayed.as_mut().map(|replayed| replayed as &mut dyn Replay);
    let report = judge(&folder, Options { allowed_signers: Some(&trusted), replay, registered })?;
    if global.json {
        say(&serde_json::to_string(&report).unwrap_or_default());
    } else {
        report.lines().iter().for_each(|line| say(line));
    }
    Ok(report.exit)
}
