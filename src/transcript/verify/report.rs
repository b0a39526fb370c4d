//! What a verification found, for people and (serialised) for programs.

use std::path::PathBuf;

use serde::Serialize;

use crate::engine::entry::{Deviation, EndStatus, EnvironmentKind, Stamp};
use crate::transcript::line::plain;

/// What a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Not as it was written: the evidence is damaged or forged.
    Broken,
    /// Whole, but the engine would not have done this.
    NotInOrder,
    /// Signed well by someone whom the verifier does not trust.
    Untrusted,
    /// Not at its end, or the end lacks something.
    Open,
    /// Worth knowing; changes nothing.
    Note,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it means.
    pub kind: FindingKind,
    /// The entry, by its place in the file from 0; `None` for the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// A sentence.
    pub text: String,
}

/// The verdict. Its order is that of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Sealed, in order, trusted.
    Sealed,
    /// Open, in order so far. Never to be called "OK".
    Open,
    /// A signer is not trusted.
    Untrusted,
    /// Not in order, or order could not be judged.
    NotInOrder,
    /// Broken.
    Broken,
}

impl Status {
    /// The process's exit code.
    pub fn exit(self) -> u8 {
        match self {
            Self::Sealed => 0,
            Self::Open => 10,
            Self::Broken => 20,
            Self::Untrusted => 21,
            Self::NotInOrder => 22,
        }
    }

    /// A sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Sealed => "sealed, in order, every signer trusted",
            Self::Open => "open, in order so far",
            Self::Untrusted => "a signer is not trusted",
            Self::NotInOrder => "not shown to be in order",
            Self::Broken => "broken: this is not what was written",
        }
    }
}

/// One good signature of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignatureReport {
    /// The entry; the signature covers every entry up to it.
    pub n: u64,
    /// That entry's kind.
    pub kind: String,
    /// As whom.
    pub principal: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub key: String,
    /// Claimed time of the signature: the entry's `wall`, else its `at`.
    pub at: Stamp,
    /// Does the verifier trust it?
    pub trusted: bool,
    /// The line of `allowed_signers` that says so, or why not.
    pub why: String,
    /// The stock command that checks it.
    pub check: String,
}

/// All that a verification says.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run's id as entry 0 says it, or empty.
    pub run: String,
    /// The folder.
    pub path: PathBuf,
    /// The verdict.
    pub status: Status,
    /// Its exit code.
    pub exit: u8,
    /// The environment's name, or empty.
    pub environment: String,
    /// Its kind.
    pub environment_kind: Option<EnvironmentKind>,
    /// The operator who opened it, or empty.
    pub operator: String,
    /// How it ended, if it is sealed.
    pub ended: Option<EndStatus>,
    /// The seal's own list.
    pub deviations: Vec<Deviation>,
    /// What the seal says remains to be done.
    pub remaining: Vec<String>,
    /// Number of whole lines.
    pub entries: u64,
    /// Lower-case hex SHA-256 of the last whole line: compare it out of band.
    pub head: String,
    /// The last entry that a good signature covers.
    pub covered_to: Option<u64>,
    /// Good signatures of checkpoints, in order.
    pub signatures: Vec<SignatureReport>,
    /// Was order judged to the end?
    pub order_judged: bool,
    /// What was found, in the order found.
    pub findings: Vec<Finding>,
    /// What stands behind the transcript beside its own signatures: the register, co-signatures.
    pub anchors: Vec<String>,
    /// What this evidence can't show.
    pub not_covered: Vec<String>,
}

impl Report {
    /// As lines for a person: the verdict, what is wrong, what was not as the runbook says, who signed, the head, and
    /// what all this does not show. No control characters.
    pub fn lines(&self) -> Vec<String> {
        let drill =
            if self.environment_kind.is_some_and(|kind| kind != EnvironmentKind::Account) { "DRILL " } else { "" };
        let mut lines = vec![format!("{drill}{}: {}.", plain(&self.run), self.status.sentence())];
        for finding in &self.findings {
            let word = match finding.kind {
                FindingKind::Broken => "broken",
                FindingKind::NotInOrder => "not in order",
                FindingKind::Untrusted => "untrusted",
                FindingKind::Open => "open",
                FindingKind::Note => "note",
            };
            let place = finding.n.map_or_else(String::new, |n| format!("entry {n}: "));
            lines.push(format!("  {word}: {place}{}", finding.text));
        }
        for deviation in &self.deviations {
            lines.push(format!("  deviation: entry {}: {}", deviation.n, plain(&deviation.text)));
        }
        for left in &self.remaining {
            lines.push(format!("  remains: {}", plain(left)));
        }
        let covered = self.covered_to.map_or_else(|| "none".to_owned(), |n| format!("0 to {n}"));
        lines.push(format!("{} entries, signed: {covered}. Head {}", self.entries, self.head));
        for signature in &self.signatures {
            let trusted = if signature.trusted { "trusted" } else { "not trusted" };
            lines.push(format!(
                "  entry {}, {}: {} {}, {trusted}: {}",
                signature.n, signature.kind, signature.principal, signature.key, signature.why
            ));
        }
        if let Some(last) = self.signatures.last() {
            lines.push(format!("With stock tools, in the run's folder: {}", last.check));
        }
        lines.extend(self.anchors.iter().map(|anchor| format!("Backed by {anchor}.")));
        lines.extend(self.not_covered.iter().map(|limit| format!("Not shown: {limit}")));
        lines
    }

    pub(super) fn conclude(&mut self) {
        let has = |kind| self.findings.iter().any(|finding| finding.kind == kind);
        self.status = if has(FindingKind::Broken) {
            Status::Broken
        } else if has(FindingKind::NotInOrder) {
            Status::NotInOrder
        } else if has(FindingKind::Untrusted) {
            Status::Untrusted
        } else if has(FindingKind::Open) || self.ended.is_none() {
            Status::Open
        } else {
            Status::Sealed
        };
        self.exit = self.status.exit();
    }
}
