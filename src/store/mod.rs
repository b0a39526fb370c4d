//! Where runs are kept, and the register of all of them.
//!
//! A store is one folder: a folder for each run, and `register.jsonl`. What a run's status is, is read from its
//! transcript each time; there is no second place that could say otherwise. The register is not a state either: it
//! proves that no run is missing and no tail was cut.

mod place;
mod register;
mod summary;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub use place::{default_folder, default_key_folder};
pub use register::{Register, RegisterEvent, RegisterLine};
pub use summary::{RunStatus, RunSummary};

use crate::engine::call::sha256_hex;
use crate::engine::entry::{RegisterRef, Stamp};
use crate::transcript::{
    CONNECTORS, Error, ROSTER, RUNBOOK, Registered, Roster, TRANSCRIPT, Writer, create_folder, write_new,
};

/// A store on the local disk.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A run that is about to begin.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// The runbook's identifier (`runbook:`).
    pub runbook: &'a str,
    /// What it is about: the IAM user.
    pub user: &'a str,
    /// The real time, also in a drill: it names the folder.
    pub at: Stamp,
    /// The operator's principal.
    pub by: &'a str,
    /// The runbook's very bytes.
    pub runbook_file: &'a [u8],
    /// The connectors' very bytes by holder kind.
    pub connectors: &'a BTreeMap<String, Vec<u8>>,
    /// The people.
    pub roster: &'a Roster,
}

/// A run that has a folder, its files, a number in the register, and no entry yet.
#[derive(Debug)]
pub struct Begun {
    /// For entry 0 and everything after it.
    pub writer: Writer,
    /// The run's id: the folder's name.
    pub run: String,
    /// The folder.
    pub folder: PathBuf,
    /// For entry 0.
    pub register: RegisterRef,
    /// SHA-256 of the runbook, for entry 0.
    pub runbook: String,
    /// SHA-256 of each connector, for entry 0.
    pub connectors: BTreeMap<String, String>,
    /// SHA-256 of `roster.json`, for entry 0.
    pub roster: String,
}

impl Store {
    /// The store in that folder, or in the default place. It is created when something is written.
    ///
    /// # Errors
    /// No home folder to put it in.
    pub fn local(folder: Option<&Path>) -> Result<Self, Error> {
        let root = match folder {
            Some(folder) => folder.to_owned(),
            None => default_folder()?,
        };
        Ok(Self { root })
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its register.
    pub fn register(&self) -> Register {
        Register::at(&self.root)
    }

    /// Begins a run: its start stands in the register before there is anything else of it.
    ///
    /// # Errors
    /// A connector's kind that can't be a file's name; a broken register; what the file system says.
    pub fn begin_run(&self, new: &NewRun<'_>) -> Result<Begun, Error> {
        create_folder(&self.root)?;
        if let Some(kind) = new.connectors.keys().find(|kind| !crate::transcript::is_principal(kind)) {
            return Err(Error::NotFound(format!(
                "a connector can't be called `{}`; use letters, digits and ._@+-",
                kind.escape_debug()
            )));
        }
        let run = self.free_name(new)?;
        let register = self.register().start(new.at, new.by, &run)?;
        let folder = self.root.join(&run);
        let writer = Writer::create(&folder)?;
        write_new(&folder.join(RUNBOOK), new.runbook_file)?;
        let roster = new.roster.to_json();
        write_new(&folder.join(ROSTER), roster.as_bytes())?;
        create_folder(&folder.join(CONNECTORS))?;
        for (kind, bytes) in new.connectors {
            write_new(&folder.join(CONNECTORS).join(format!("{kind}.yaml")), bytes)?;
        }
        Ok(Begun {
            writer,
            run,
            folder,
            register,
            runbook: sha256_hex(new.runbook_file),
            connectors: new.connectors.iter().map(|(kind, bytes)| (kind.clone(), sha256_hex(bytes))).collect(),
            roster: sha256_hex(roster.as_bytes()),
        })
    }

    /// `20261120T031500Z-RUNBOOK-USER-7f3a`, of which the last part is told from that of every other run.
    fn free_name(&self, new: &NewRun<'_>) -> Result<String, Error> {
        let taken = self.run_names()?;
        let at = new.at.time().format("%Y%m%dT%H%M%SZ");
        let (runbook, user) = (word(new.runbook, "runbook"), word(new.user, "none"));
        // Four digits are what a person types; with thousands of runs they run out, so they grow.
        for try_ in 0..1000_u32 {
            let random: u64 = rand::random();
            let digits = 4 + (try_ / 100) as usize;
            let short = &format!("{random:016x}")[..digits.min(16)];
            if !taken.iter().any(|name| short_of(name) == short) {
                return Ok(format!("{at}-{runbook}-{user}-{short}"));
            }
        }
        Err(Error::NotFound(format!("no free name for a run in {}", self.root.display())))
    }

    fn run_names(&self) -> Result<Vec<String>, Error> {
        let listing = match fs::read_dir(&self.root) {
            Ok(listing) => listing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::Io { what: "list", path: self.root.clone(), source }),
        };
        let mut names: Vec<String> = listing
            .filter_map(Result::ok)
            .filter(|item| item.path().join(TRANSCRIPT).is_file())
            .map(|item| item.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Every run, newest first, from their transcripts. One that can't be read is listed as broken, with the reason.
    ///
    /// # Errors
    /// The store can't be listed.
    pub fn runs(&self) -> Result<Vec<RunSummary>, Error> {
        Ok(self.run_names()?.iter().rev().map(|name| RunSummary::read(&self.root.join(name))).collect())
    }

    /// The folder of a run that a person named: by path, by id, by its last part, or by any part that only one run has.
    ///
    /// # Errors
    /// None such, or several; both say what there is.
    pub fn find(&self, named: &str) -> Result<PathBuf, Error> {
        let path = Path::new(named);
        if path.join(TRANSCRIPT).is_file() {
            return Ok(path.to_owned());
        }
        if path.file_name().is_some_and(|name| name == TRANSCRIPT) && path.is_file() {
            return Ok(path.parent().unwrap_or(Path::new(".")).to_owned());
        }
        let names = self.run_names()?;
        let exact = |name: &&String| *name == named || short_of(name) == named;
        let mut hits: Vec<&String> = names.iter().filter(exact).collect();
        if hits.is_empty() && !named.is_empty() {
            hits = names.iter().filter(|name| name.contains(named)).collect();
        }
        match hits[..] {
            [one] => Ok(self.root.join(one)),
            [] => Err(Error::NotFound(format!(
                "there is no run `{}` in {}\n  keyward runs lists all {} of them",
                named.escape_debug(),
                self.root.display(),
                names.len()
            ))),
            _ => {
                let list: Vec<&str> = hits.iter().take(10).map(|name| name.as_str()).collect();
                Err(Error::NotFound(format!(
                    "`{}` can be any of {} runs\n  {}",
                    named.escape_debug(),
                    hits.len(),
                    list.join("\n  ")
                )))
            }
        }
    }

    /// What the register knows of a run, for [`crate::transcript::Options::registered`]; `None` if it is of another
    /// store.
    ///
    /// # Errors
    /// A broken register.
    pub fn registered(&self, run: &str) -> Result<Option<Registered>, Error> {
        self.register().registered(run)
    }
}

/// The last part of a run's id.
pub fn short_of(run: &str) -> &str {
    run.rsplit('-').next().unwrap_or(run)
}

/// A part of a folder's name.
fn word(text: &str, otherwise: &str) -> String {
    let kept: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "._@+-".contains(c) { c } else { '-' }).take(48).collect();
    let kept = kept.trim_matches(['-', '.']);
    if kept.is_empty() { otherwise.to_owned() } else { kept.to_owned() }
}

#[cfg(test)]
mod tests;
