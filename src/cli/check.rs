//! `keyward check`.

use std::path::Path;

use clap::Args;

use super::{Global, say};
use crate::diagnostic::{Diagnostic, render, to_json};
use crate::runbook::check::check as analyse;
use crate::runbook::shipped::{find, find_connectors, find_document};
use crate::runbook::yaml::parse;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Runbooks: files, or names of those that are built in.
    #[arg(required = true)]
    files: Vec<String>,
}

pub(crate) fn check(global: &Global, args: &CheckArgs) -> Result<u8, Diagnostic> {
    let mut found = false;
    for file in &args.files {
        let source = find(file, Path::new("."))?;
        let connectors = find_connectors(source.folder.as_deref());
        let mut sets = Vec::new();
        match (parse(&source.source.name, &source.source.text), connectors) {
            (Err(findings), _) => sets.push((source.source.clone(), findings)),
            (Ok(_), Err(wrong)) => sets.extend(wrong),
            (Ok(runbook), Ok(connectors)) => {
                let sop = runbook.sop.document.as_deref().and_then(|d| find_document(d, source.folder.as_deref()));
                let findings = analyse(&runbook, sop.as_ref().map(|sop| sop.text.as_str()), &connectors);
                sets.push((runbook.source, findings));
            }
        }
        for (source, findings) in sets {
            found |= !findings.is_empty();
            if global.json {
                findings.iter().for_each(|finding| say(&to_json(&source, finding).to_string()));
            } else if findings.is_empty() {
                say(&format!("{}: no findings", source.name));
            } else {
                say(&render(&source, &findings, global.colour()));
            }
        }
    }
    Ok(u8::from(found))
}
