//! What is inside the binary: runbooks, connectors and the SOP's document, so that an installed keyward works from any
//! folder. A file of the same name in the workspace wins; who reads it says so on screen.

use std::collections::BTreeMap;

use super::connector::Connector;
use super::yaml::parse_connector;

static RUNBOOKS: &[(&str, &str)] = &[
    ("aws-iam-access-key", include_str!("../../runbooks/aws-iam-access-key.yaml")),
    ("aws-iam-cadence", include_str!("../../runbooks/aws-iam-cadence.yaml")),
];

static DOCUMENTS: &[(&str, &str)] =
    &[("sop-aws-iam-access-key", include_str!("../../runbooks/sop-aws-iam-access-key.md"))];

static CONNECTORS: &[(&str, &str)] = &[
    ("env_file", include_str!("../../assets/connectors/env_file.yaml")),
    ("github_actions", include_str!("../../assets/connectors/github_actions.yaml")),
    ("heroku", include_str!("../../assets/connectors/heroku.yaml")),
    ("infisical", include_str!("../../assets/connectors/infisical.yaml")),
];

/// The shipped runbooks: name and text.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    RUNBOOKS
}

/// The text of a shipped SOP document, by the name that `sop.document` gives.
pub fn document(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".md").unwrap_or(name);
    DOCUMENTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The shipped connectors' texts: holder kind and YAML.
pub fn connector_texts() -> &'static [(&'static str, &'static str)] {
    CONNECTORS
}

/// The shipped connectors by holder kind.
pub fn connectors() -> BTreeMap<String, Connector> {
    // That each of them can be read is asserted by a test below, so none is ever left out.
    let read = CONNECTORS.iter().filter_map(|(kind, text)| parse_connector(&format!("built in: {kind}"), text).ok());
    read.map(|connector| (connector.kind.clone(), connector)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Source, render};
    use crate::runbook::check::check;
    use crate::runbook::yaml::parse;

    #[test]
    fn every_shipped_connector_can_be_read_and_has_the_kind_of_its_name() {
        for (kind, text) in CONNECTORS {
            let source = Source::new(*kind, *text);
            match parse_connector(kind, text) {
                Ok(connector) => assert_eq!(connector.kind, *kind),
                Err(findings) => panic!("{}", render(&source, &findings, false)),
            }
        }
        assert_eq!(connectors().len(), CONNECTORS.len());
    }

    #[test]
    fn every_shipped_runbook_passes_the_check_without_a_finding() {
        for (name, text) in RUNBOOKS {
            let source = Source::new(*name, *text);
            let runbook = match parse(name, text) {
                Ok(runbook) => runbook,
                Err(findings) => panic!("{}", render(&source, &findings, false)),
            };
            assert_eq!(runbook.name, *name);
            let sop = document(runbook.sop.document.as_deref().unwrap());
            assert!(sop.is_some(), "{name} names a document that ships");
            let findings = check(&runbook, sop, &connectors());
            assert!(findings.is_empty(), "{}", render(&source, &findings, false));
        }
    }
}
