//! The programs that a run may start: found once, when it opens, and named with their digests in entry 0.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::action::Program;
use crate::engine::book::Book;
use crate::runbook::Action;
use crate::runbook::op::Op;
use crate::runbook::template::Node;

/// The first word of every command that the runbook, or a connector of one of these holders, may start.
pub fn needed(book: &Book, values: &serde_json::Map<String, Value>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut take = |action: &Action| {
        if action.op != Op::Command {
            return;
        }
        let Some(argv) = action.param("argv") else { return };
        let first = match argv {
            Node::List(list) => list.first().and_then(|word| word.literal_text().map(str::to_owned)),
            Node::Literal(Value::Array(list)) => list.first().and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        names.extend(first);
    };
    for step in &book.runbook.steps {
        take(&step.run);
        step.probe.iter().for_each(&mut take);
        step.capture.iter().filter_map(|capture| capture.again.as_ref()).for_each(&mut take);
    }
    let kinds: BTreeSet<&str> =
        book.holders(values).into_iter().filter_map(|holder| holder.get("kind")?.as_str()).collect();
    for connector in kinds.into_iter().filter_map(|kind| book.connectors.get(kind)) {
        let read = connector.read.iter().flat_map(|read| &read.calls);
        let prove = connector.prove.iter().flat_map(|prove| &prove.calls);
        for call in connector.put.iter().chain(&connector.restart).chain(read).chain(prove) {
            take(&call.run);
        }
    }
    names
}

/// Finds programs in these folders, in order. One that is not found is left out: the step that needs it says so.
pub fn find(names: &BTreeSet<String>, folders: &[PathBuf]) -> BTreeMap<String, Program> {
    let mut found = BTreeMap::new();
    for name in names {
        let candidates: Vec<PathBuf> = if name.contains('/') {
            vec![PathBuf::from(name)]
        } else {
            folders.iter().map(|folder| folder.join(name)).collect()
        };
        for path in candidates.into_iter().filter(|path| is_program(path)) {
            if let Ok(sha256) = digest(&path) {
                found.insert(name.clone(), Program { path, sha256 });
                break;
            }
        }
    }
    found
}

/// The folders of a PATH.
pub fn path_folders(path: Option<std::ffi::OsString>) -> Vec<PathBuf> {
    path.map(|path| std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()).unwrap_or_default()
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Lower-case hex SHA-256 of a file.
pub fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex::encode(hash.finalize())),
            n => hash.update(&piece[..n]),
        }
    }
}
