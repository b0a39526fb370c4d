//! What can go wrong with a transcript's bytes, in sentences for the person who has to act on it.

use std::io;
use std::path::{Path, PathBuf};

use super::lock::Holder;
use super::sign::SignError;

/// A failure to read, write or sign a transcript. Nothing was appended unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system said no.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// `write`, `read`, `create`, …
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Another process writes this run.
    #[error("{}", Holder::sentence(folder, holder.as_deref()))]
    Held {
        /// The run's folder.
        folder: PathBuf,
        /// Who, if the lock file says so.
        holder: Option<Box<Holder>>,
    },
    /// An entry that can't be written as one strict line.
    #[error(
        "this entry can't be written down: {0}\n  nothing was written; this is a fault of keyward, please report it"
    )]
    Entry(String),
    /// A transcript that is not as it was written.
    #[error("{}, line {line}: {why}\n  keyward verify lists all that is wrong; this run can't be gone on with", file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// From 1, as `sed -n 15p` counts.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A file of the run's folder that is not what its digest says.
    #[error("{}: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No signature was made, so nothing was appended.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// An earlier write failed in a way that leaves the file's end unknown.
    #[error(
        "{} can't be written any more: {why}\n  nothing new is started; go on with keyward resume when the disk works",
        file.display()
    )]
    Poisoned {
        /// The file.
        file: PathBuf,
        /// The first failure.
        why: String,
    },
    /// A checkpoint was prepared, and then something else was appended.
    #[error("the transcript went on while the signature was made; sign again\n  nothing was appended")]
    Overtaken,
    /// What was asked for is not there, or not unique.
    #[error("{0}")]
    NotFound(String),
}

impl Error {
    /// For `map_err`: what was being done to which file.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    /// A file that is not what it should be.
    pub(crate) fn file(path: &Path, why: impl Into<String>) -> Self {
        Self::File { file: path.to_owned(), why: why.into() }
    }
}
