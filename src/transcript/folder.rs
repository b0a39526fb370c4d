//! Files that are there for good once a call returns: written, fsynced, their folder fsynced.
//!
//! Folders are 0700 and files 0600 (unix): a transcript names accounts and people, and `sealed/` holds secrets.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::path::Path;

use super::error::Error;

/// The entries.
pub const TRANSCRIPT: &str = "transcript.jsonl";
/// Folder of checkpoint signatures.
pub const SIGNATURES: &str = "signatures";
/// Folder of other people's statements.
pub const APPROVALS: &str = "approvals";
/// Folder of what is too large for a line.
pub const BLOBS: &str = "blobs";
/// Folder of sealed secrets; never exported.
pub const SEALED: &str = "sealed";
/// Folder of the connectors' files.
pub const CONNECTORS: &str = "connectors";
/// The runbook's very file.
pub const RUNBOOK: &str = "runbook.yaml";
/// The people, their principals, keys, roles and ARNs.
pub const ROSTER: &str = "roster.json";

/// Creates a folder for its owner alone, parents too, and makes it durable. An existing one is left as it is.
///
/// # Errors
/// What the file system says.
pub fn create_folder(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => {}
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        Err(error) => return Err(Error::io("create", path)(error)),
    }
    sync_parent(path)
}

/// Makes a folder's list of names durable.
///
/// # Errors
/// What the file system says.
pub fn sync_folder(path: &Path) -> Result<(), Error> {
    // On other systems a folder can't be opened as a file; renames are durable there without it.
    if cfg!(unix) {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", path))?;
    }
    Ok(())
}

fn sync_parent(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

/// How files are opened: never readable by anyone else.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file that must not exist yet, durably. Its folder must exist.
///
/// # Errors
/// What the file system says; "already exists" among it.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::io("create", path)(io::ErrorKind::AlreadyExists.into()));
    }
    write_over(path, bytes)
}

/// Writes a file durably and at once: a reader sees the old file or the new one, never half of it.
///
/// # Errors
/// What the file system says. The old file is then still there.
pub fn write_over(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".part");
    let part = path.with_file_name(name);
    // A part is what a crash left of an earlier try; it was never anything.
    let _ = fs::remove_file(&part);
    let written = private()
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&part);
        return Err(Error::io("write", path)(error));
    }
    sync_parent(path)
}

/// Reads a plain file of at most `limit` bytes. What it reads may be anybody's making: a pipe would never end, and a file
/// of any size would fill the memory.
pub(crate) fn read_up_to(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_plain(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is over {limit} bytes")));
    }
    Ok(bytes)
}

/// Opens a plain file for reading, and nothing else.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    File::open(path)
}

/// Names of the plain files in a folder, sorted; none if there is no folder. Parts of unfinished writes are left out.
pub(crate) fn file_names(folder: &Path) -> Result<Vec<String>, Error> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", folder)(error)),
    };
    let mut names = Vec::new();
    for item in listing {
        let item = item.map_err(Error::io("list", folder))?;
        let name = item.file_name().to_string_lossy().into_owned();
        if !(name.starts_with('.') && name.ends_with(".part")) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The files of a run that are evidence, as paths within its folder, sorted: all but what is sealed, locks, and parts of
/// unfinished writes.
///
/// # Errors
/// What the file system says.
pub fn evidence_files(run: &Path) -> Result<Vec<String>, Error> {
    let mut files: Vec<String> =
        [TRANSCRIPT, RUNBOOK, ROSTER].into_iter().filter(|name| run.join(name).is_file()).map(str::to_owned).collect();
    for folder in [SIGNATURES, APPROVALS, BLOBS, CONNECTORS] {
        files.extend(file_names(&run.join(folder))?.into_iter().map(|name| format!("{folder}/{name}")));
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        create_folder(&folder).unwrap();
        write_new(&folder.join("f"), b"one").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(dir.path().join("a")).unwrap().permissions().mode() & 0o777, 0o700);
            assert_eq!(fs::metadata(folder.join("f")).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(write_new(&folder.join("f"), b"two").is_err());
        assert_eq!(fs::read(folder.join("f")).unwrap(), b"one");
        write_over(&folder.join("f"), b"two").unwrap();
        assert_eq!(fs::read(folder.join("f")).unwrap(), b"two");
        assert_eq!(file_names(&folder).unwrap(), ["f"], "no part is left behind");
    }

    #[test]
    fn what_is_sealed_is_no_evidence_and_never_exported() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["transcript.jsonl", ".lock", "sealed/old.age", "blobs/ab", "blobs/.cd.part", "signatures/x.sig"] {
            let path = dir.path().join(name);
            create_folder(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        assert_eq!(evidence_files(dir.path()).unwrap(), ["blobs/ab", "signatures/x.sig", "transcript.jsonl"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write_over(&taken, b"x").is_err());
        assert!(taken.is_dir());
        assert_eq!(file_names(dir.path()).unwrap(), ["taken"]);
        assert!(write_over(&dir.path().join("none/f"), b"x").is_err());
    }

    #[test]
    fn what_is_no_plain_file_or_too_large_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "12345").unwrap();
        assert_eq!(read_up_to(&dir.path().join("f"), 5).unwrap(), b"12345");
        assert!(read_up_to(&dir.path().join("f"), 4).is_err());
        assert!(read_up_to(dir.path(), 4).is_err());
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(read_up_to(&pipe, 4).is_err());
    }
}
