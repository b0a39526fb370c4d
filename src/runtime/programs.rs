//! The programs that a run may start: found once, when it opens, and named with their digests in entry 0.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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

/// Finds programs in these folders, in order. One that is not found is left out: the step that needs it says so. Only in
/// a drill, whose programs are keyward itself, may a file that looks unchanged be taken as read.
pub fn find(names: &BTreeSet<String>, folders: &[PathBuf], drill: bool) -> BTreeMap<String, Program> {
    let mut found = BTreeMap::new();
    for name in names {
        let candidates: Vec<PathBuf> = if name.contains('/') {
            vec![PathBuf::from(name)]
        } else {
            folders.iter().map(|folder| folder.join(name)).collect()
        };
        for path in candidates.into_iter().filter(|path| is_program(path)) {
            if let Ok(sha256) = if drill { digest(&path) } else { File::open(&path).and_then(read_digest) } {
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

/// Which file it is, and in which state: device, inode, size, time of its last change.
type Which = (u64, u64, u64, (i64, i64));

/// Digests of this process. The stand-ins of a drill are one file under several names, and large before it is optimised.
static KNOWN: Mutex<BTreeMap<Which, String>> = Mutex::new(BTreeMap::new());

/// Lower-case hex SHA-256 of a file; read once for as long as it looks unchanged.
///
/// # Errors
/// The file can't be read.
pub fn digest(path: &Path) -> io::Result<String> {
    use std::os::unix::fs::MetadataExt;
    let file = File::open(path)?;
    let meta = file.metadata()?;
    // Making a link changes the inode's own time, and not the content's; what replaces a program changes both.
    let which = (meta.dev(), meta.ino(), meta.size(), (meta.mtime(), meta.mtime_nsec()));
    let known = |known: &BTreeMap<Which, String>| known.get(&which).cloned();
    if let Some(found) = known(&KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)) {
        return Ok(found);
    }
    let digest = read_digest(file)?;
    KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(which, digest.clone());
    Ok(digest)
}

fn read_digest(mut file: File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex::encode(hash.finalize())),
            n => hash.update(&piece[..n]),
        }
    }
}
