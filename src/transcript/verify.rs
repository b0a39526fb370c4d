//! Judges a run's folder without trusting anything in it: integrity, signatures, order, trust.
//!
//! It goes on past a bad entry and lists all that is wrong. Memory holds one line, what was found, and one small record
//! for each signature. Who is trusted comes from the verifier, never from the folder; what may follow what is asked of
//! the engine through [`Replay`].

mod approvals;
mod files;
mod pass;
mod report;
mod signatures;

use std::collections::BTreeMap;
use std::path::Path;

pub use report::{Finding, FindingKind, Report, SignatureReport, Status};

use super::allowed_signers::AllowedSigners;
use super::error::Error;
use crate::engine::entry::Entry;

/// The engine, replaying. Entries come in order, with results brought back from blobs.
pub trait Replay {
    /// Takes the next entry in.
    ///
    /// # Errors
    /// A sentence, if the engine would not have written it in this state. It is still taken in as far as possible, since
    /// later entries are judged too.
    fn admit(&mut self, entry: &Entry) -> Result<(), String>;

    /// Must this `confirmed` entry be signed? Asked right after [`Replay::admit`] had it. Other kinds are not asked for.
    fn must_be_signed(&self, entry: &Entry) -> bool;

    /// What the end lacks, once all entries were admitted: a sentence each.
    fn finish(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// What a verifier brings along.
#[derive(Default)]
pub struct Options<'a> {
    /// Whom they trust. Without it no signer is trusted.
    pub allowed_signers: Option<&'a AllowedSigners>,
    /// The engine. Without it order is not judged.
    pub replay: Option<&'a mut dyn Replay>,
    /// What the store's register knows of the run, if they have it.
    pub registered: Option<Registered>,
}

/// What a register knows of one run. It shows a tail that was cut off, which nothing in the run's own folder can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// The run's number.
    pub number: u64,
    /// Lower-case hex SHA-256 of the register's line before the one that starts the run.
    pub prev: String,
    /// Entry numbers, and the hash of that entry's line.
    pub heads: BTreeMap<u64, String>,
}

/// Verifies the run in that folder.
///
/// # Errors
/// Only if there is no transcript to read at all: everything else is in the report.
pub fn verify(folder: &Path, options: Options<'_>) -> Result<Report, Error> {
    pass::Pass::new(folder, options)?.run()
}

#[cfg(test)]
mod tests;
