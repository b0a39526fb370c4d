//! `keyward check`: what a well-formed runbook would do wrong.
//!
//! Everything is judged from the text alone. Steps run in order and none that a gate names can be skipped, so "dominated
//! by" is "an earlier step that can't be skipped". The codes are in [`super::codes`].

mod coverage;
mod names;
mod safety;
mod taint;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use coverage::problem as holder_problem;

use super::connector::Connector;
use super::model::Runbook;
use crate::diagnostic::Finding;

/// Everything that is to be said about a runbook, in the order of its text. `sop_text` is the SOP's document, where it
/// could be read; `connectors` are the known holder kinds.
pub fn check(runbook: &Runbook, sop_text: Option<&str>, connectors: &BTreeMap<String, Connector>) -> Vec<Finding> {
    let mut findings = Vec::new();
    names::check(runbook, &mut findings);
    taint::check(runbook, &mut findings);
    safety::check(runbook, &mut findings);
    coverage::holders(runbook, connectors, &mut findings);
    if let Some(text) = sop_text {
        coverage::sop(runbook, text, &mut findings);
    }
    findings.sort_by_key(|finding| (finding.span, finding.code));
    // A step that repeats another has its templates, and would say everything twice.
    findings.dedup();
    findings
}
