//! `keyward keys`.

use serde_json::json;

use super::{Global, say};
use crate::diagnostic::Diagnostic;

pub(crate) fn keys(global: &Global) -> Result<u8, Diagnostic> {
    let session = global.session()?;
    let principal = session.signer.principal();
    let public = session.signer.public_key();
    let fingerprint = public.fingerprint(ssh_key::HashAlg::Sha256).to_string();
    let lines = session.roster.allowed_signers()?;
    if global.json {
        say(&json!({
            "principal": principal, "key": session.key, "fingerprint": fingerprint,
            "allowed_signers": session.allowed_signers, "lines": lines.lines().collect::<Vec<_>>(),
        })
        .to_string());
        for person in &session.roster.people {
            say(&json!({"person": person.person, "principals": person.principals, "roles": person.roles}).to_string());
        }
        return Ok(0);
    }
    say(&format!("You sign as {principal}, with {}", session.key.display()));
    say(&format!("Its fingerprint: {fingerprint}"));
    if let Some(file) = &session.allowed_signers {
        say(&format!("Whoever checks your transcripts needs {}:", file.display()));
    } else {
        say("Whoever checks your transcripts needs these lines in a file:");
    }
    say(&lines);
    for person in &session.roster.people {
        say(&format!("{}: {} ({})", person.person, person.principals.join(", "), person.roles.join(", ")));
    }
    Ok(0)
}
