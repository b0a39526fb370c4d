//! The files that entry 0 names by digest: the runbook, the connectors, the roster. A run is read against these, and
//! against no others, by whoever goes on with it and by whoever checks it.

use std::path::Path;

use super::blobs::{is_sha256, sha256_of_file};
use super::folder::{CONNECTORS, ROSTER, RUNBOOK, file_names};
use super::principal::is_principal;
use crate::engine::entry::Opened;

/// Each file of the run's folder that is not what entry 0 says, by name, with a sentence.
pub(super) fn strange_files(folder: &Path, opened: &Opened) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut digest = |name: String, sha256: &str| {
        let why = match sha256_of_file(&folder.join(&name)) {
            _ if !is_sha256(sha256) => format!("the digest of {name} is no SHA-256"),
            Ok(digest) if digest == sha256 => return,
            Ok(_) => format!("{name} is not the file that entry 0 names: it was changed"),
            Err(error) => format!("{name} can't be read: {error}"),
        };
        found.push((name, why));
    };
    digest(RUNBOOK.to_owned(), &opened.runbook.sha256);
    digest(ROSTER.to_owned(), &opened.roster);
    let (good, bad): (Vec<_>, Vec<_>) = opened.connectors.iter().partition(|(kind, _)| is_principal(kind));
    for (kind, sha256) in good {
        digest(format!("{CONNECTORS}/{kind}.yaml"), sha256);
    }
    for (kind, _) in bad {
        let kind = kind.escape_debug();
        found.push((CONNECTORS.to_owned(), format!("`{kind}` can't name a connector")));
    }
    for name in file_names(&folder.join(CONNECTORS)).unwrap_or_default() {
        let kind = name.strip_suffix(".yaml").unwrap_or(&name);
        if !opened.connectors.contains_key(kind) {
            let name = format!("{CONNECTORS}/{}", name.escape_debug());
            found.push((name.clone(), format!("{name} is not named by entry 0")));
        }
    }
    found
}
