//! The single writer of a run's folder. Nothing is said to be written before it is on disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::blobs::{Blobs, sha256_of_file};
use super::chain::Chain;
use super::error::Error;
use super::folder::{SIGNATURES, TRANSCRIPT, create_folder, file_names, private, sync_folder, write_over};
use super::line::{encode, needs_blob, reading_mut};
use super::lock::{Holder, Lock};
use super::named::strange_files;
use super::principal::is_principal;
use super::reader::entries;
use super::sign::{self, Message, OPERATOR, SignError, Signer, signature_file};
use crate::engine::entry::{Body, Entry, FileRef, Stamp};

const LOCK: &str = ".lock";

/// What was found and set aside when a run was opened again. The caller records each as `recovered`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    /// Bytes after the last LF, now a blob.
    pub torn_line: Option<FileRef>,
    /// Signatures of lines that were never written, now blobs.
    pub orphan_signatures: Vec<FileRef>,
}

impl Recovery {
    /// The entries to append, in order; none if nothing was found.
    pub fn bodies(&self) -> Vec<Body> {
        let torn = self.torn_line.iter().map(|file| ("torn_line", file));
        let orphans = self.orphan_signatures.iter().map(|file| ("orphan_signature", file));
        torn.chain(orphans).map(|(what, file)| Body::Recovered { what: what.to_owned(), file: file.clone() }).collect()
    }
}

/// A checkpoint whose line is ready and not yet written: it waits for its signature.
///
/// It owns what a signer needs, so that signing (which may wait for a touch) can be done on another thread.
#[derive(Clone, Debug)]
pub struct Pending {
    entry: Entry,
    line: Vec<u8>,
    sha512: [u8; 64],
    file: PathBuf,
    prefix: u64,
}

impl Pending {
    /// What is to be signed under [`OPERATOR`]: every line so far, and this one.
    pub fn message(&self) -> Message<'_> {
        Message::of_prefix(&self.file, self.prefix, &self.line, self.sha512)
    }

    /// The entry as it will stand.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Has it signed. Blocks for as long as the signer does.
    ///
    /// # Errors
    /// Why there is no signature.
    pub fn sign(&self, signer: &dyn Signer) -> Result<String, SignError> {
        if signer.principal() != self.entry.by {
            let why = format!("{} can't sign what {} does", signer.principal(), self.entry.by);
            return Err(SignError::Invalid(why));
        }
        let signature = signer.sign(OPERATOR, &self.message())?;
        let checked = sign::check(signature.as_bytes(), OPERATOR, &self.sha512).map_err(SignError::Invalid)?;
        if !checked.certificate && checked.key.key_data() != signer.public_key().key_data() {
            return Err(SignError::Invalid("it was made with another key than the one that was asked for".to_owned()));
        }
        Ok(signature)
    }
}

/// Appends entries to a run. It holds the run's lock until dropped.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    chain: Chain,
    // Signatures of the last entry, to be named by the next.
    sigs: BTreeMap<String, String>,
    blobs: Blobs,
    poisoned: Option<String>,
    _lock: Lock,
}

impl Writer {
    /// Makes the folder (if need be) and an empty transcript in it. Entry 0 is then appended as a checkpoint.
    ///
    /// # Errors
    /// A transcript that is already there; what the file system says.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        create_folder(folder)?;
        create_folder(&folder.join(SIGNATURES))?;
        let lock = Lock::take(&folder.join(LOCK), folder)?;
        let path = folder.join(TRANSCRIPT);
        let file = private()
            .read(true)
            .append(true)
            .create_new(true)
            .open(&path)
            .and_then(|file| file.sync_all().map(|()| file))
            .map_err(Error::io("create", &path))?;
        sync_folder(folder)?;
        Ok(Self::new(folder, path, file, Chain::new(), BTreeMap::new(), lock))
    }

    fn new(folder: &Path, path: PathBuf, file: File, chain: Chain, sigs: BTreeMap<String, String>, lock: Lock) -> Self {
        let blobs = Blobs::of(folder);
        Self { folder: folder.to_owned(), path, file, chain, sigs, blobs, poisoned: None, _lock: lock }
    }

    /// Opens a run again, and sets aside what a crash left: a torn last line, signatures of lines that never came.
    ///
    /// `each` sees every entry in order, with results from blobs: the fold that gives the run's state.
    ///
    /// # Errors
    /// [`Error::Held`] by another process; [`Error::Broken`] where the transcript is not as it was written (then
    /// nothing is changed); what the file system says.
    pub fn open(folder: &Path, mut each: impl FnMut(Entry)) -> Result<(Self, Recovery), Error> {
        let path = folder.join(TRANSCRIPT);
        if !path.is_file() {
            return Err(Error::NotFound(format!("there is no run in {}", folder.display())));
        }
        let lock = Lock::take(&folder.join(LOCK), folder)?;
        let mut all = entries(folder)?;
        for entry in all.by_ref() {
            let entry = entry?;
            // Gates and later steps are read from these files: one that was changed since would make another run of it.
            if let Body::Opened(opened) = &entry.body
                && let Some((file, why)) = strange_files(folder, opened).into_iter().next()
            {
                let hint = "put it back as it was, or start a new run; nothing was done";
                return Err(Error::file(&folder.join(file), format!("{why}\n  {hint}")));
            }
            each(entry);
        }
        let torn = all.torn();
        let chain = all.into_chain();
        let file = private().read(true).append(true).open(&path).map_err(Error::io("open", &path))?;
        let mut writer = Self::new(folder, path, file, chain, BTreeMap::new(), lock);
        let mut recovery = Recovery::default();
        if torn {
            recovery.torn_line = Some(writer.set_torn_line_aside()?);
        }
        recovery.orphan_signatures = writer.set_orphans_aside()?;
        Ok((writer, recovery))
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The chain so far: number of entries, head.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The run's blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Appends an entry; when this returns it is on disk.
    ///
    /// The entry that is given back is whole: a result that went to a blob is in it beside the blob's name.
    ///
    /// # Errors
    /// Nothing was appended, unless it is [`Error::Poisoned`].
    pub fn append(&mut self, at: Stamp, wall: Option<Stamp>, by: &str, body: Body) -> Result<Entry, Error> {
        let (entry, line) = self.draft(at, wall, by, body)?;
        self.write(&line)?;
        Ok(entry)
    }

    /// Appends a checkpoint that could not be signed, which only the way back may do: a deviation `unsigned`, covered
    /// by the next checkpoint.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append_unsigned_checkpoint(
        &mut self,
        at: Stamp,
        wall: Option<Stamp>,
        by: &str,
        body: Body,
    ) -> Result<Entry, Error> {
        self.append(at, wall, by, body)
    }

    /// Has a checkpoint signed and appends it: the signature is on disk first, then the line.
    ///
    /// # Errors
    /// [`Error::Sign`] if there is no signature; as [`Writer::append`]. Nothing was appended.
    pub fn append_checkpoint(
        &mut self,
        at: Stamp,
        wall: Option<Stamp>,
        by: &str,
        body: Body,
        signer: &dyn Signer,
    ) -> Result<Entry, Error> {
        let pending = self.prepare(at, wall, by, body)?;
        let signature = pending.sign(signer)?;
        self.commit(pending, &signature)
    }

    /// The first half of [`Writer::append_checkpoint`]: the line, in memory.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn prepare(&mut self, at: Stamp, wall: Option<Stamp>, by: &str, body: Body) -> Result<Pending, Error> {
        let (entry, line) = self.draft(at, wall, by, body)?;
        let sha512 = self.chain.sha512_with(&line);
        Ok(Pending { entry, line, sha512, file: self.path.clone(), prefix: self.chain.bytes() })
    }

    /// The second half: checks the signature, writes it, then the line.
    ///
    /// # Errors
    /// [`Error::Overtaken`] if anything was appended since; [`Error::Sign`] if the signature does not fit; as
    /// [`Writer::append`]. Nothing was appended.
    pub fn commit(&mut self, pending: Pending, signature: &str) -> Result<Entry, Error> {
        if pending.entry.n != self.chain.lines() || pending.entry.prev != self.chain.head() {
            return Err(Error::Overtaken);
        }
        self.healthy()?;
        sign::check(signature.as_bytes(), OPERATOR, &pending.sha512).map_err(SignError::Invalid)?;
        let name = signature_file(pending.entry.n, &pending.entry.by);
        let path = self.folder.join(SIGNATURES).join(&name);
        write_over(&path, signature.as_bytes())?;
        if let Err(error) = self.write(&pending.line) {
            // Else it would be found as an orphan, which it is; but a tidy folder asks fewer questions.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        let digest = sha256_of_file(&path).map_err(Error::io("read", &path))?;
        self.sigs.insert(name, digest);
        Ok(pending.entry)
    }

    fn healthy(&self) -> Result<(), Error> {
        match &self.poisoned {
            None => Ok(()),
            Some(why) => Err(Error::Poisoned { file: self.path.clone(), why: why.clone() }),
        }
    }

    fn draft(&mut self, at: Stamp, wall: Option<Stamp>, by: &str, mut body: Body) -> Result<(Entry, Vec<u8>), Error> {
        self.healthy()?;
        if !is_principal(by) {
            return Err(SignError::Principal(by.to_owned()).into());
        }
        if let Some(reading) = reading_mut(&mut body)
            && let Some(result) = &reading.result
            && reading.blob.is_none()
            && needs_blob(result)
        {
            reading.blob = Some(self.blobs.put(result)?);
        }
        let sigs = (!self.sigs.is_empty()).then(|| self.sigs.clone());
        let (n, prev) = (self.chain.lines(), self.chain.head().to_owned());
        let entry = Entry { n, prev, at, by: by.to_owned(), body, wall, sigs };
        let line = encode(&entry).map_err(Error::Entry)?;
        Ok((entry, line))
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Error> {
        self.healthy()?;
        if let Err(error) = self.file.write_all(line).and_then(|()| self.file.sync_data()) {
            // Half a line may be there, and after a failed fsync nobody knows what is on disk. If it can be cut off
            // for certain, the writer stays of use (a full disk gets room again); else nothing more is written.
            if let Err(cut) = self.file.set_len(self.chain.bytes()).and_then(|()| self.file.sync_all()) {
                self.poisoned = Some(format!("{error}; and what was half written can't be cut off: {cut}"));
            }
            return Err(Error::io("write", &self.path)(error));
        }
        self.chain.extend(line);
        self.sigs.clear();
        Ok(())
    }

    fn set_torn_line_aside(&mut self) -> Result<FileRef, Error> {
        let whole = self.chain.bytes();
        let mut torn = Vec::new();
        self.file
            .seek(SeekFrom::Start(whole))
            .and_then(|_| std::io::Read::read_to_end(&mut self.file, &mut torn))
            .map_err(Error::io("read", &self.path))?;
        // First the blob, then the cut: a crash in between leaves both, and the next opening makes another blob.
        let sha256 = self.blobs.put_bytes(&torn)?;
        self.file.set_len(whole).and_then(|()| self.file.sync_all()).map_err(Error::io("cut", &self.path))?;
        Ok(FileRef { name: format!("blobs/{sha256}"), sha256 })
    }

    fn set_orphans_aside(&mut self) -> Result<Vec<FileRef>, Error> {
        let folder = self.folder.join(SIGNATURES);
        create_folder(&folder)?;
        let mut orphans = Vec::new();
        for name in file_names(&folder)? {
            let path = folder.join(&name);
            match number_of(&name) {
                Some(n) if n + 1 < self.chain.lines() => {}
                Some(n) if n + 1 == self.chain.lines() => {
                    let digest = sha256_of_file(&path).map_err(Error::io("read", &path))?;
                    self.sigs.insert(name, digest);
                }
                _ => {
                    let content = fs::read(&path).map_err(Error::io("read", &path))?;
                    let sha256 = self.blobs.put_bytes(&content)?;
                    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                    orphans.push(FileRef { name: format!("blobs/{sha256}"), sha256 });
                }
            }
        }
        sync_folder(&folder)?;
        Ok(orphans)
    }
}

/// Who writes the run in that folder now, if anyone does.
pub fn held_by(folder: &Path) -> Option<Holder> {
    Lock::holder(&folder.join(LOCK))
}

/// The entry's number in a signature file's name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let (digits, rest) = name.split_once('.')?;
    let principal = rest.strip_suffix(".sig")?;
    let n = digits.parse().ok()?;
    (is_principal(principal) && signature_file(n, principal) == name).then_some(n)
}

#[cfg(test)]
mod tests;
