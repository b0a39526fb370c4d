//! A run in one line, from its transcript.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engine::entry::{Body, Doubt, EndStatus, Entry, EnvironmentKind, Stamp};
use crate::transcript::{Error, Holder, entries, held_by};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Sealed: every step passed.
    Completed,
    /// Sealed: back to the old key.
    RolledBack,
    /// Sealed: given up.
    Aborted,
    /// Left on purpose, to be gone on with.
    Suspended,
    /// Nobody writes it, and a call that was sent has no answer.
    InDoubt,
    /// Not at its end: under way, or ended without a word.
    Open,
    /// Has a folder and no entry: its opening was never signed.
    NeverOpened,
    /// Not as it was written.
    Broken,
}

impl RunStatus {
    /// As in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::RolledBack => "rolled_back",
            Self::Aborted => "aborted",
            Self::Suspended => "suspended",
            Self::InDoubt => "in_doubt",
            Self::Open => "open",
            Self::NeverOpened => "never_opened",
            Self::Broken => "broken",
        }
    }
}

/// A run in one line. As JSON: what `keyward runs --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub run: String,
    /// Its folder.
    pub path: PathBuf,
    /// The runbook, as entry 0 names it.
    pub runbook: String,
    /// Where it stands.
    pub status: RunStatus,
    /// The environment's name.
    pub environment: String,
    /// Its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_kind: Option<EnvironmentKind>,
    /// Number of entries.
    pub entries: u64,
    /// Lower-case hex SHA-256 of the last entry's line.
    pub head: String,
    /// Number in the register; 0 if entry 0 can't be read.
    pub number: u64,
    /// Who opened it, or took it over last.
    pub operator: String,
    /// Its inputs' `target_user`, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Opened, on the run's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<Stamp>,
    /// The last entry's time, on the run's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Stamp>,
    /// Who writes it now: then what has no answer yet is under way, not in doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<Holder>,
    /// Why it is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl RunSummary {
    /// Reads a run. What can't be read is said in the summary, so that a list has no holes.
    pub fn read(folder: &Path) -> Self {
        let mut summary = Self {
            run: folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            path: folder.to_owned(),
            runbook: String::new(),
            status: RunStatus::NeverOpened,
            environment: String::new(),
            environment_kind: None,
            entries: 0,
            head: String::new(),
            number: 0,
            operator: String::new(),
            user: None,
            opened: None,
            last: None,
            held_by: held_by(folder),
            why: None,
        };
        if let Err(error) = summary.fold(folder) {
            summary.status = RunStatus::Broken;
            summary.why = Some(error.to_string());
        }
        summary
    }

    fn fold(&mut self, folder: &Path) -> Result<(), Error> {
        let mut all = entries(folder)?.without_blobs();
        let mut unanswered = BTreeSet::new();
        while let Some(entry) = all.next() {
            let entry = entry?;
            self.entries += 1;
            all.head().clone_into(&mut self.head);
            self.last = Some(entry.at);
            self.status = RunStatus::Open;
            self.take(entry, &mut unanswered);
        }
        let idle = self.held_by.is_none();
        if idle && !unanswered.is_empty() && matches!(self.status, RunStatus::Open | RunStatus::Suspended) {
            self.status = RunStatus::InDoubt;
        }
        Ok(())
    }

    fn take(&mut self, entry: Entry, unanswered: &mut BTreeSet<crate::engine::entry::Place>) {
        match entry.body {
            Body::Opened(opened) => {
                self.runbook = opened.runbook.name;
                self.environment = opened.environment.name;
                self.environment_kind = Some(opened.environment.kind);
                self.number = opened.register.number;
                self.operator = opened.operator;
                self.user = opened.inputs.get("target_user").and_then(|user| user.as_str()).map(str::to_owned);
                self.opened = Some(entry.at);
            }
            Body::Started { place, .. } => {
                unanswered.insert(place);
            }
            Body::Finished { place, .. } | Body::NotSent { place, .. } => {
                unanswered.remove(&place);
            }
            Body::Reconciled { place, outcome, .. } if outcome != Doubt::Unknown => {
                unanswered.remove(&place);
            }
            Body::TookOver { .. } => self.operator = entry.by,
            Body::Suspended { .. } | Body::HandedOver { .. } => self.status = RunStatus::Suspended,
            Body::Sealed { status, .. } => {
                self.status = match status {
                    EndStatus::Completed => RunStatus::Completed,
                    EndStatus::RolledBack => RunStatus::RolledBack,
                    EndStatus::Aborted => RunStatus::Aborted,
                };
            }
            _ => {}
        }
    }
}
