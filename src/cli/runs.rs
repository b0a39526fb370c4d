//! `keyward runs`.

use super::{Global, say};
use crate::diagnostic::Diagnostic;
use crate::store::short_of;

pub(crate) fn runs(global: &Global) -> Result<u8, Diagnostic> {
    let session = global.session()?;
    let runs = session.store.runs()?;
    for run in &runs {
        if global.json {
            say(&serde_json::to_string(run).unwrap_or_default());
        } else {
            let user = run.user.as_deref().unwrap_or("–");
            let why = run.why.as_deref().map(|why| format!("  {why}")).unwrap_or_default();
            let at = run.opened.map(|at| at.to_string()).unwrap_or_default();
            say(&format!(
                "{:<6} {:<12} {:<24} {:<20} {:<10} {at}{why}",
                short_of(&run.run),
                run.status.word(),
                user,
                run.runbook,
                run.environment
            ));
        }
    }
    if runs.is_empty() && !global.json {
        say(&format!("No runs in {}. To begin with: keyward drill", session.store.root().display()));
    }
    Ok(0)
}
