//! Reading a transcript line by line. Memory holds one line, whatever the transcript's length.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::blobs::Blobs;
use super::chain::Chain;
use super::error::Error;
use super::folder::{TRANSCRIPT, open_plain};
use super::line::{MAX_LINE, decode, reading_mut};
use crate::engine::entry::Entry;

/// One raw line, and what of it does not depend on what it says.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    /// At most [`MAX_LINE`] and one byte; a longer line is cut, but hashed whole.
    pub bytes: Vec<u8>,
    /// Lower-case hex, of the whole line with its LF.
    pub sha256: String,
    /// Its whole length.
    pub len: u64,
    /// False for bytes after the last LF.
    pub ended: bool,
}

/// The raw lines of a file, with the chain over them.
pub(crate) struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    /// Over every line so far, one that did not end included.
    pub chain: Chain,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = open_plain(path).map_err(Error::io("read", path))?;
        Ok(Self { path: path.to_owned(), file: BufReader::with_capacity(MAX_LINE, file), chain: Chain::new() })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Raw>, Error> {
        let mut raw = Raw::default();
        let mut hash = Sha256::new();
        while !raw.ended {
            let part = match self.file.fill_buf() {
                Ok(part) => part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("read", &self.path)(error)),
            };
            if part.is_empty() {
                break;
            }
            let (take, ended) =
                part.iter().position(|&byte| byte == b'\n').map_or((part.len(), false), |at| (at + 1, true));
            let part = &part[..take];
            let room = (MAX_LINE + 1).saturating_sub(raw.bytes.len());
            raw.bytes.extend_from_slice(&part[..take.min(room)]);
            hash.update(part);
            self.chain.feed(part);
            raw.len += take as u64;
            raw.ended = ended;
            self.file.consume(take);
        }
        if raw.len == 0 {
            return Ok(None);
        }
        raw.sha256 = hex::encode(hash.finalize());
        self.chain.extend_hashed(raw.sha256.clone(), raw.len);
        Ok(Some(raw))
    }
}

/// The entries of a run in order, each checked against the chain, results brought back from their blobs.
///
/// It ends at the first entry that is not as it was written: a fold over half of a broken transcript would be a state
/// that never was. Bytes after the last LF are not an entry; [`Entries::torn`] says if there are any.
pub struct Entries {
    lines: Lines,
    blobs: Blobs,
    torn: bool,
    broken: bool,
    bare: bool,
}

/// Opens a run's transcript for reading. Works while another process writes it.
///
/// # Errors
/// No transcript there, or one that can't be read.
pub fn entries(folder: &Path) -> Result<Entries, Error> {
    Ok(Entries {
        lines: Lines::open(&folder.join(TRANSCRIPT))?,
        blobs: Blobs::of(folder),
        torn: false,
        broken: false,
        bare: false,
    })
}

impl Entries {
    /// Leaves results where they are: enough to list runs by, not to replay one.
    pub fn without_blobs(mut self) -> Self {
        self.bare = true;
        self
    }

    /// True once bytes were met that no LF ends: a crash, or a writer in the middle of a line.
    pub fn torn(&self) -> bool {
        self.torn
    }

    /// Lower-case hex SHA-256 of the last line that was read.
    pub fn head(&self) -> &str {
        self.lines.chain.head()
    }

    /// The chain over what was read. Of use only where nothing was torn.
    pub(crate) fn into_chain(self) -> Chain {
        self.lines.chain
    }

    fn step(&mut self) -> Result<Option<Entry>, Error> {
        let (n, prev) = (self.lines.chain.lines(), self.lines.chain.head().to_owned());
        let before = self.lines.chain.clone();
        let Some(raw) = self.lines.next()? else { return Ok(None) };
        if !raw.ended {
            self.torn = true;
            self.lines.chain = before;
            return Ok(None);
        }
        let broken = |why: String| Error::Broken { file: self.lines.path.clone(), line: n + 1, why };
        let mut entry = decode(&raw.bytes).map_err(broken)?;
        links(&entry, n, &prev).map_err(broken)?;
        if !self.bare {
            fill(&mut entry, &self.blobs)?;
        }
        Ok(Some(entry))
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken || self.torn {
            return None;
        }
        let step = self.step();
        self.broken = step.is_err();
        step.transpose()
    }
}

/// Is this entry number `n`, and does it follow the line with that hash?
pub(crate) fn links(entry: &Entry, n: u64, prev: &str) -> Result<(), String> {
    if entry.n != n {
        return Err(format!("it says that it is entry {}, and stands at {n}", entry.n));
    }
    if entry.prev != prev {
        return Err("its `prev` is not the hash of the line before it".to_owned());
    }
    Ok(())
}

/// Brings a result back from its blob.
pub(crate) fn fill(entry: &mut Entry, blobs: &Blobs) -> Result<(), Error> {
    if let Some(reading) = reading_mut(&mut entry.body)
        && let Some(name) = &reading.blob
    {
        reading.result = Some(blobs.get(name)?);
    }
    Ok(())
}
