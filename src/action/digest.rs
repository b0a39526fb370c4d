//! A program's digest, read again before every start: what runs is what was confirmed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Mutex;

use sha2::{Digest, Sha256};

/// What tells one state of a file from another: any write moves the change time, which nobody but the clock sets.
type State = (u64, u64, u64, i64, i64);

/// In a drill the programs are keyward itself, which is large, and a drill takes seconds; an unchanged file is not read
/// twice there. A real run reads it every time.
static KNOWN: Mutex<BTreeMap<State, String>> = Mutex::new(BTreeMap::new());

/// Lower-case hex SHA-256 of a file.
pub(super) fn of_file(path: &Path, trust_unchanged: bool) -> io::Result<String> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let state = (meta.dev(), meta.ino(), meta.size(), meta.ctime(), meta.ctime_nsec());
    if trust_unchanged && let Some(known) = super::lock(&KNOWN).get(&state) {
        return Ok(known.clone());
    }
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            n => hash.update(&piece[..n]),
        }
    }
    let digest = hex::encode(hash.finalize());
    if trust_unchanged {
        super::lock(&KNOWN).insert(state, digest.clone());
    }
    Ok(digest)
}
