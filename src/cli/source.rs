//! A runbook by path or name, read and analysed, with its connectors and its SOP's document.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Finding, render};
use crate::runbook::connector::Connector;
use crate::runbook::shipped::{find, find_connectors, find_document};
use crate::runbook::yaml::parse;
use crate::runbook::{Runbook, Source};

/// A runbook and what belongs to it.
pub(crate) struct Loaded {
    pub runbook: Runbook,
    pub connectors: BTreeMap<String, Connector>,
    pub sop: Option<Source>,
}

/// Reads a runbook.
///
/// # Errors
/// The findings, rendered, where it can't be read.
pub(crate) fn load(name: &str, colour: bool) -> Result<Loaded, Diagnostic> {
    let found = find(name, Path::new("."))?;
    let told = |source: &Source, findings: &[Finding]| Diagnostic::new(render(source, findings, colour));
    let runbook = parse(&found.source.name, &found.source.text).map_err(|findings| told(&found.source, &findings))?;
    let connectors = find_connectors(found.folder.as_deref()).map_err(|wrong| {
        let all: Vec<String> = wrong.iter().map(|(source, findings)| render(source, findings, colour)).collect();
        Diagnostic::new(all.join("\n"))
    })?;
    let sop = runbook.sop.document.as_deref().and_then(|document| find_document(document, found.folder.as_deref()));
    Ok(Loaded { runbook, connectors, sop })
}
