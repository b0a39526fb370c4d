//! The register: gapless run numbers, one chained line for each start, suspension, end and delivery.
//!
//! It shows what no transcript can show of itself: a run that was hidden, an end that was cut off.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::call::sha256_hex;
use crate::engine::entry::{RegisterRef, Stamp};
use crate::transcript::{Error, Lock, Registered, create_folder, sync_folder, write_over};

/// Longest line in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// What happened to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterEvent {
    /// It is about to begin; it has no entry yet.
    Started,
    /// It was left, to be gone on with.
    Suspended,
    /// It was sealed.
    Ended,
    /// Its audit event was delivered.
    Delivered,
}

/// One line. The order of the fields is the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterLine {
    /// The line's number, from 0.
    pub n: u64,
    /// SHA-256 of the raw line before, with its LF; 64 zeros at 0.
    pub prev: String,
    /// The real time.
    pub at: Stamp,
    /// By whom.
    pub by: String,
    /// What.
    pub event: RegisterEvent,
    /// The run's number, from 1.
    pub number: u64,
    /// The run's id.
    pub run: String,
    /// Number of the run's last entry then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// SHA-256 of that entry's line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Where it was delivered to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The register of a store.
#[derive(Clone, Debug)]
pub struct Register {
    folder: PathBuf,
    path: PathBuf,
}

/// The end of the register as far as it is whole.
struct End {
    next: u64,
    prev: String,
    numbers: u64,
    bytes: u64,
}

impl Register {
    /// Of the store in that folder.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), path: folder.join("register.jsonl") }
    }

    /// Gives a run its number, durably, before it has any entry.
    ///
    /// # Errors
    /// A broken register; what the file system says.
    pub fn start(&self, at: Stamp, by: &str, run: &str) -> Result<RegisterRef, Error> {
        let mut given = None;
        self.append(|end| {
            let number = end.numbers + 1;
            given = Some(RegisterRef { number, prev: end.prev.clone() });
            Ok(RegisterLine {
                n: end.next,
                prev: end.prev.clone(),
                at,
                by: by.to_owned(),
                event: RegisterEvent::Started,
                number,
                run: run.to_owned(),
                entry: None,
                head: None,
                to: None,
            })
        })?;
        given.ok_or_else(|| Error::NotFound("the register gave no number".to_owned()))
    }

    /// Notes a suspension, an end or a delivery, with the run's last entry and its head.
    ///
    /// # Errors
    /// A run that never started here; a broken register; what the file system says.
    pub fn note(
        &self,
        event: RegisterEvent,
        at: Stamp,
        by: &str,
        run: &str,
        last: (u64, &str),
        to: Option<&str>,
    ) -> Result<(), Error> {
        let Some(known) = self.registered(run)? else {
            let why = format!("the register of {} has no run {run}", self.folder.display());
            return Err(Error::NotFound(why));
        };
        self.append(|end| {
            Ok(RegisterLine {
                n: end.next,
                prev: end.prev.clone(),
                at,
                by: by.to_owned(),
                event,
                number: known.number,
                run: run.to_owned(),
                entry: Some(last.0),
                head: Some(last.1.to_owned()),
                to: to.map(str::to_owned),
            })
        })
    }

    /// Every line, checked: the chain, the numbers without a gap, each run started once.
    ///
    /// # Errors
    /// [`Error::Broken`] with the line. Bytes after the last LF are a crash's, and no line.
    pub fn lines(&self) -> Result<Vec<RegisterLine>, Error> {
        let mut lines = Vec::new();
        self.read(|line| lines.push(line))?;
        Ok(lines)
    }

    /// What is known of a run.
    ///
    /// # Errors
    /// As [`Register::lines`].
    pub fn registered(&self, run: &str) -> Result<Option<Registered>, Error> {
        let mut known: Option<Registered> = None;
        self.read(|line| {
            if line.run == run {
                let known = known.get_or_insert_with(|| Registered {
                    number: line.number,
                    prev: line.prev,
                    ..Default::default()
                });
                if let (Some(entry), Some(head)) = (line.entry, line.head) {
                    known.heads.insert(entry, head);
                }
            }
        })?;
        Ok(known)
    }

    fn read(&self, mut each: impl FnMut(RegisterLine)) -> Result<End, Error> {
        let mut end = End { next: 0, prev: "0".repeat(64), numbers: 0, bytes: 0 };
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(end),
            Err(source) => return Err(Error::Io { what: "read", path: self.path.clone(), source }),
        };
        let mut file = BufReader::new(file);
        let mut names = std::collections::HashMap::new();
        loop {
            let broken = |why: &str| Error::Broken { file: self.path.clone(), line: end.next + 1, why: why.to_owned() };
            let mut raw = Vec::new();
            (&mut file).take(MAX_LINE).read_until(b'\n', &mut raw).map_err(|source| Error::Io {
                what: "read",
                path: self.path.clone(),
                source,
            })?;
            if raw.last() != Some(&b'\n') {
                if raw.len() as u64 == MAX_LINE {
                    return Err(broken("a line that is too long"));
                }
                return Ok(end);
            }
            let line: RegisterLine =
                serde_json::from_slice(&raw).map_err(|error| broken(&format!("not a line of a register: {error}")))?;
            if encode(&line) != raw {
                return Err(broken("not written as keyward writes it"));
            }
            if line.n != end.next || line.prev != end.prev {
                return Err(broken("it does not follow the line before it: lines were changed or removed"));
            }
            let starts = line.event == RegisterEvent::Started;
            if starts && (line.number != end.numbers + 1 || names.contains_key(&line.run)) {
                return Err(broken("run numbers have a gap, or a run starts twice"));
            }
            if starts {
                names.insert(line.run.clone(), line.number);
                end.numbers += 1;
            } else if names.get(&line.run) != Some(&line.number) || line.head.is_none() || line.entry.is_none() {
                return Err(broken("it is about a run that did not start"));
            }
            end.next += 1;
            end.prev = sha256_hex(&raw);
            end.bytes += raw.len() as u64;
            each(line);
        }
    }

    fn append(&self, line: impl FnOnce(&End) -> Result<RegisterLine, Error>) -> Result<(), Error> {
        create_folder(&self.folder)?;
        let _lock = Lock::wait(&self.folder.join(".register.lock"))?;
        let end = self.read(|_| {})?;
        let io = |source| Error::Io { what: "write", path: self.path.clone(), source };
        let raw = encode(&line(&end)?);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path).map_err(io)?;
        self.set_torn_line_aside(&mut file, end.bytes)?;
        let written =
            file.seek(SeekFrom::Start(end.bytes)).and_then(|_| file.write_all(&raw)).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = file.set_len(end.bytes);
            return Err(io(error));
        }
        sync_folder(&self.folder)
    }

    /// A crash in the middle of a line leaves half of it. It is kept beside the register, and never read again.
    fn set_torn_line_aside(&self, file: &mut File, whole: u64) -> Result<(), Error> {
        let io = |source| Error::Io { what: "mend", path: self.path.clone(), source };
        let mut torn = Vec::new();
        file.seek(SeekFrom::Start(whole)).and_then(|_| file.read_to_end(&mut torn)).map_err(io)?;
        if torn.is_empty() {
            return Ok(());
        }
        write_over(&self.folder.join(format!("register.torn-{}", &sha256_hex(&torn)[..16])), &torn)?;
        file.set_len(whole).and_then(|()| file.sync_all()).map_err(io)
    }
}

fn encode(line: &RegisterLine) -> Vec<u8> {
    // Strings and numbers alone: nothing here can fail to be written, and an empty line is refused when read.
    let mut raw = serde_json::to_vec(line).unwrap_or_default();
    raw.push(b'\n');
    raw
}
