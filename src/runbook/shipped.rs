//! What is inside the binary: runbooks, connectors and the SOP's document, so that an installed keyward works from any
//! folder. A file of the same name in the workspace wins; who reads it says so on screen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::connector::Connector;
use super::yaml::parse_connector;
use crate::diagnostic::{Diagnostic, Finding, Source, did_you_mean};

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

/// A runbook's text, and where it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The text. Its name is the path, or `built in: NAME`.
    pub source: Source,
    /// The folder it lies in, where connectors and the SOP's document are looked for; `None` for a built-in one.
    pub folder: Option<PathBuf>,
}

/// Finds a runbook by path, or by name: in the workspace, in its `runbooks` folder, then among the shipped ones.
///
/// # Errors
/// A path that can't be read, or a name that nobody has.
pub fn find(name: &str, workspace: &Path) -> Result<Found, Diagnostic> {
    let read = |path: &Path, shown: String| match std::fs::read_to_string(path) {
        Ok(text) => Ok(Found { source: Source::new(shown, text), folder: path.parent().map(Path::to_path_buf) }),
        Err(error) => Err(Diagnostic::new(format!("{} can't be read: {error}", path.display()))),
    };
    if name.contains(std::path::is_separator) || name.ends_with(".yaml") || name.ends_with(".yml") {
        return read(&workspace.join(name), name.to_owned());
    }
    for folder in [workspace.to_path_buf(), workspace.join("runbooks")] {
        let path = folder.join(format!("{name}.yaml"));
        if path.is_file() {
            return read(&path, path.display().to_string());
        }
    }
    match RUNBOOKS.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => Ok(Found { source: Source::new(format!("built in: {name}"), *text), folder: None }),
        None => {
            let hint = match did_you_mean(name, RUNBOOKS.iter().map(|(known, _)| *known)) {
                Some(near) => format!("did you mean {near}?"),
                None => "name a file, or one of those that `keyward` alone lists".to_owned(),
            };
            let places = format!("{name}.yaml or runbooks/{name}.yaml");
            Err(Diagnostic::new(format!("there is no runbook {name}: no {places} here, and none is built in"))
                .hint(hint))
        }
    }
}

/// The text of the SOP document that a runbook names, beside it or shipped, and what it was read from.
pub fn find_document(name: &str, folder: Option<&Path>) -> Option<Source> {
    for candidate in folder.iter().flat_map(|folder| [folder.join(name), folder.join(format!("{name}.md"))]) {
        if let Ok(text) = std::fs::read_to_string(&candidate) {
            return Some(Source::new(candidate.display().to_string(), text));
        }
    }
    document(name).map(|text| Source::new(format!("built in: {name}"), text))
}

/// A file that can't be used, and why.
pub type Unusable = (Source, Vec<Finding>);

/// The shipped connectors, and over them those of the `connectors` folder beside a runbook.
///
/// # Errors
/// What is wrong with each file that can't be used, with its text.
pub fn find_connectors(folder: Option<&Path>) -> Result<BTreeMap<String, Connector>, Vec<Unusable>> {
    let mut found = connectors();
    let mut wrong = Vec::new();
    let entries = folder.and_then(|folder| std::fs::read_dir(folder.join("connectors")).ok());
    let mut paths: Vec<PathBuf> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    // A folder has no order of its own, and what is found must not depend on one.
    paths.sort();
    for path in paths {
        let name = path.display().to_string();
        let (text, findings) = match std::fs::read_to_string(&path) {
            Err(error) => {
                let message = format!("{name} can't be read: {error}");
                let finding = Finding::error(super::codes::UNREADABLE, crate::diagnostic::Span::default(), message);
                (String::new(), vec![finding])
            }
            Ok(text) => match parse_connector(&name, &text) {
                Ok(connector) => {
                    found.insert(connector.kind.clone(), connector);
                    continue;
                }
                Err(findings) => (text, findings),
            },
        };
        wrong.push((Source::new(name, text), findings));
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;
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

    #[test]
    fn a_file_in_the_workspace_wins_over_a_built_in_one() {
        let folder = tempfile::tempdir().unwrap();
        let found = find("aws-iam-access-key", folder.path()).unwrap();
        assert_eq!((found.source.name.as_str(), found.folder.is_none()), ("built in: aws-iam-access-key", true));

        std::fs::create_dir_all(folder.path().join("runbooks/connectors")).unwrap();
        std::fs::write(folder.path().join("runbooks/aws-iam-access-key.yaml"), "runbook: ours\n").unwrap();
        let found = find("aws-iam-access-key", folder.path()).unwrap();
        assert_eq!(found.source.text, "runbook: ours\n");
        let beside = found.folder.unwrap();
        assert!(find("runbooks/aws-iam-access-key.yaml", folder.path()).is_ok());

        assert!(find_document("sop-aws-iam-access-key", Some(&beside)).unwrap().name.starts_with("built in"));
        std::fs::write(beside.join("sop-aws-iam-access-key.md"), "## 1. Ours\n").unwrap();
        assert_eq!(find_document("sop-aws-iam-access-key", Some(&beside)).unwrap().text, "## 1. Ours\n");
        assert!(find_document("no-such-sop", Some(&beside)).is_none());

        let ours = "connector: heroku\ntitle: Our own\nwrite_only: true\nput: []\n";
        std::fs::write(beside.join("connectors/heroku.yaml"), ours).unwrap();
        let all = find_connectors(Some(&beside)).unwrap();
        assert_eq!((all["heroku"].title.as_str(), all.len()), ("Our own", CONNECTORS.len()));
        std::fs::write(beside.join("connectors/broken.yaml"), "connector: broken\n").unwrap();
        let wrong = find_connectors(Some(&beside)).unwrap_err();
        assert!(wrong.len() == 1 && wrong[0].0.name.ends_with("broken.yaml") && !wrong[0].1.is_empty());
    }

    #[test]
    fn a_runbook_that_nobody_has() {
        let folder = tempfile::tempdir().unwrap();
        let error = find("aws-iam-acces-key", folder.path()).unwrap_err();
        assert!(error.to_string().contains("did you mean aws-iam-access-key?"), "{error}");
        assert!(find("nowhere/x.yaml", folder.path()).unwrap_err().what.contains("nowhere/x.yaml"));
    }
}
