//! The entries of a transcript, format version 1: the only state of a run, and its evidence.
//!
//! The order of the fields here is the order in which they are written. An entry is valid only if writing what was read
//! gives the same bytes, which refuses duplicate keys, unknown keys, spaces and floats in one rule.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

/// The format this keyward writes.
pub const FORMAT: u32 = 1;
/// The engine's rules that this keyward judges order by.
pub const SEMANTICS: u32 = 1;

/// A time in UTC, to the millisecond, as `2026-11-20T03:15:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(DateTime<Utc>);

impl Stamp {
    /// Cuts what is finer than a millisecond.
    pub fn new(at: DateTime<Utc>) -> Self {
        let ms = at.timestamp_millis();
        Self(Utc.timestamp_millis_opt(ms).single().unwrap_or(at))
    }

    /// The time.
    pub fn time(self) -> DateTime<Utc> {
        self.0
    }

    /// Milliseconds since the Unix epoch.
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// From milliseconds since the Unix epoch; out of range gives the epoch.
    pub fn from_millis(ms: i64) -> Self {
        Self(Utc.timestamp_millis_opt(ms).single().unwrap_or_default())
    }

    /// Later by a duration (saturating).
    pub fn plus(self, by: std::time::Duration) -> Self {
        let delta = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        Self::new(self.0.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// Time since `earlier`, zero if it is later.
    pub fn since(self, earlier: Stamp) -> std::time::Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }

    /// Reads the exact form that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let stamp = Self::new(DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc));
        (stamp.to_string() == text).then_some(stamp)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("not a UTC time with milliseconds: {text}")))
    }
}

/// Pass, fail, unknown. Unknown never advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As expected.
    Pass,
    /// Not as expected.
    Fail,
    /// The world did not say.
    Unknown,
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 0, without a gap.
    pub n: u64,
    /// SHA-256 of the previous raw line with its LF; 64 zeros at 0.
    pub prev: String,
    /// When, on the run's clock.
    pub at: Stamp,
    /// By whom: a principal.
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub body: Body,
    /// The real time, where the run's clock is virtual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall: Option<Stamp>,
    /// SHA-256 of each signature file made since the last entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigs: Option<BTreeMap<String, String>>,
}

/// Where in a run: a step, its attempt, a row of it (`""` without `for_each`), a call of that row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The step's id; `rollback/STEP/N` on the way back.
    pub step: String,
    /// From 1.
    pub attempt: u32,
    /// The row's key.
    pub row: String,
    /// From 0, in the order sent.
    pub call: u32,
}

/// What was read or answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The result as judged, redacted; `{"error": {code, message}}` where the world refused or did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub result: Option<Value>,
    /// The SHA-256 of the blob that holds it instead, if it is over 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
    /// The server's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The server's `Date` header, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// A result that is there: `null` is a result too, and not the absence of one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A file by name and digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRef {
    /// As named.
    pub name: String,
    /// Lower-case hex.
    pub sha256: String,
}

/// The three kinds of environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentKind {
    /// The embedded sandbox.
    Sandbox,
    /// A foreign server on loopback.
    Rehearsal,
    /// A real account.
    Account,
}

impl EnvironmentKind {
    /// `DRILL` or `REAL`.
    pub fn banner(self) -> &'static str {
        match self {
            Self::Account => "REAL",
            Self::Sandbox | Self::Rehearsal => "DRILL",
        }
    }
}

/// The environment of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentRef {
    /// As configured.
    pub name: String,
    /// Its kind.
    pub kind: EnvironmentKind,
    /// The AWS account id.
    pub account: String,
    /// The region.
    pub region: String,
    /// True where the run's clock is moved by `clock_moved`.
    pub virtual_clock: bool,
    /// True where no person confirms (`--yes`).
    pub unattended: bool,
}

/// A run's place in the register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisterRef {
    /// From 1, gapless in a store.
    pub number: u64,
    /// SHA-256 of the register's line before.
    pub prev: String,
}

/// Entry 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// [`FORMAT`].
    pub format: u32,
    /// [`SEMANTICS`].
    pub semantics: u32,
    /// The run's id: the folder's name.
    pub run: String,
    /// Its register line.
    pub register: RegisterRef,
    /// Where.
    pub environment: EnvironmentRef,
    /// Resolved endpoints: `iam`, `sts`, `s3`, and each system.
    pub endpoints: BTreeMap<String, String>,
    /// Programs that steps may start: name to path and digest.
    pub programs: BTreeMap<String, FileRef>,
    /// The operator's ARN at AWS.
    pub caller: String,
    /// The machine's name.
    pub host: String,
    /// keyward's version.
    pub version: String,
    /// SHA-256 of keyward's binary.
    pub binary: String,
    /// The runbook.
    pub runbook: FileRef,
    /// Connectors by holder kind: the SHA-256 of each.
    pub connectors: BTreeMap<String, String>,
    /// The SOP's document, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sop: Option<FileRef>,
    /// SHA-256 of `roster.json`.
    pub roster: String,
    /// Inputs, secrets as references.
    pub inputs: Map<String, Value>,
    /// Why.
    pub reason: String,
    /// The ticket, or empty.
    pub ticket: String,
    /// The operator's principal.
    pub operator: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndStatus {
    /// Every step passed.
    Completed,
    /// Back to the old key.
    RolledBack,
    /// Given up as it stands.
    Aborted,
}

/// What is known of a mutating call that had no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It happened.
    Done,
    /// It did not happen.
    NotDone,
    /// It happened, and what it gave is lost for good (a created key's secret).
    DoneLost,
    /// Something is there that may be another person's; it is left alone.
    NotOurs,
    /// The world does not say.
    Unknown,
}

/// A deviation's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviationKind {
    /// A step was skipped.
    Skip,
    /// A gate was broken.
    Override,
    /// A step was tried again.
    Retry,
    /// Later than the runbook says.
    Late,
    /// A checkpoint without a signature.
    Unsigned,
    /// An advisory expectation did not hold.
    Advisory,
    /// The runbook or a list was changed.
    Edited,
}

/// Anything not as the runbook says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// The entry that shows it.
    pub n: u64,
    /// Its kind.
    pub kind: DeviationKind,
    /// The step, or empty.
    pub step: String,
    /// A sentence.
    pub text: String,
}

/// What an entry says. Serialised with `kind` and the kind's own fields beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// Entry 0.
    Opened(Box<Opened>),
    /// A value: `input`, `capture`, `rows` of a step, a `look` before a step, a `caller` read again.
    Resolved {
        /// `capture`, `rows`, `look` or `caller`.
        what: String,
        /// The name or the step's id.
        name: String,
        /// The row, for a look.
        row: String,
        /// The attempt, for rows and looks; else 0.
        attempt: u32,
        /// What was read.
        #[serde(flatten)]
        reading: Reading,
    },
    /// A gate's reading.
    Gate {
        /// The step.
        step: String,
        /// Index in the step's list.
        gate: u32,
        /// The row.
        row: String,
        /// Does it hold?
        verdict: Verdict,
        /// From what.
        evidence: Value,
    },
    /// The operator's decision to run a step as rendered.
    Confirmed {
        /// The step, or `rollback`.
        step: String,
        /// From 1.
        attempt: u32,
        /// The action in full, as a JSON text (see TRANSCRIPT "What is confirmed").
        action: String,
        /// SHA-256 of that text.
        digest: String,
        /// How it was answered.
        answer: Answer,
    },
    /// A call is about to be sent.
    Started {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// The confirmation's digest.
        digest: String,
    },
    /// It was not sent after all.
    NotSent {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// Why.
        reason: String,
    },
    /// One try of a probe.
    Sample {
        /// Where; `call` is the try's number from 1.
        #[serde(flatten)]
        place: Place,
        /// As judged.
        verdict: Verdict,
        /// What was read.
        #[serde(flatten)]
        reading: Reading,
    },
    /// A call's answer; for a read, the reading that decides the row.
    Finished {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// As judged.
        verdict: Verdict,
        /// What was answered.
        #[serde(flatten)]
        reading: Reading,
    },
    /// A sent call had no answer.
    InDoubt {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// What happened.
        evidence: Value,
    },
    /// What became of it.
    Reconciled {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// The outcome.
        outcome: Doubt,
        /// From what: reads, or `{"by": principal, "typed": text}`.
        evidence: Value,
    },
    /// Another person's statement, embedded.
    Approved {
        /// Its SHA-256.
        id: String,
        /// The statement's line.
        statement: String,
        /// Its armoured signature.
        signature: String,
    },
    /// A gate is broken by someone with the role for it.
    Override {
        /// The step.
        step: String,
        /// The gate's index.
        gate: u32,
        /// Why.
        reason: String,
        /// The role it was done under.
        role: String,
    },
    /// A step is left out.
    Skipped {
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
    /// A note of the operator.
    Noted {
        /// Its text.
        text: String,
    },
    /// A forgotten row is added.
    RowAdded {
        /// The input's name.
        list: String,
        /// The new element.
        value: Value,
        /// Why it was missing.
        reason: String,
    },
    /// An observation starts anew.
    WindowRestarted {
        /// The step whose gate it is.
        step: String,
        /// Why.
        reason: String,
    },
    /// The way back begins.
    RollbackBegun {
        /// Why.
        reason: String,
    },
    /// Left, to be gone on with.
    Suspended {
        /// Why.
        reason: String,
    },
    /// Gone on with.
    Resumed {
        /// The caller's ARN now.
        caller: String,
        /// The machine.
        host: String,
        /// keyward's version.
        version: String,
        /// SHA-256 of the binary.
        binary: String,
    },
    /// Passed on.
    HandedOver {
        /// To whom.
        to: String,
    },
    /// Taken over.
    TookOver {
        /// From whom.
        from: String,
        /// The caller's ARN now.
        caller: String,
        /// The machine.
        host: String,
        /// keyward's version.
        version: String,
        /// SHA-256 of the binary.
        binary: String,
    },
    /// The virtual clock was moved; `at` of this entry is the new time.
    ClockMoved {
        /// The time before.
        from: Stamp,
        /// Why.
        reason: String,
    },
    /// What was found and set aside after a crash.
    Recovered {
        /// `torn_line` or `orphan_signature`.
        what: String,
        /// Name and digest of where it is kept.
        file: FileRef,
    },
    /// Given up.
    Aborted {
        /// Why.
        reason: String,
    },
    /// The end.
    Sealed {
        /// How it ended.
        status: EndStatus,
        /// All deviations.
        deviations: Vec<Deviation>,
        /// What remains to be done.
        remaining: Vec<String>,
        /// Principals whose co-signature the seal needs.
        cosigners: Vec<String>,
        /// The audit event's exact text, or null.
        audit: Option<String>,
    },
}

impl Body {
    /// The kind, as written.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::Resolved { .. } => "resolved",
            Self::Gate { .. } => "gate",
            Self::Confirmed { .. } => "confirmed",
            Self::Started { .. } => "started",
            Self::NotSent { .. } => "not_sent",
            Self::Sample { .. } => "sample",
            Self::Finished { .. } => "finished",
            Self::InDoubt { .. } => "in_doubt",
            Self::Reconciled { .. } => "reconciled",
            Self::Approved { .. } => "approved",
            Self::Override { .. } => "override",
            Self::Skipped { .. } => "skipped",
            Self::Noted { .. } => "noted",
            Self::RowAdded { .. } => "row_added",
            Self::WindowRestarted { .. } => "window_restarted",
            Self::RollbackBegun { .. } => "rollback_begun",
            Self::Suspended { .. } => "suspended",
            Self::Resumed { .. } => "resumed",
            Self::HandedOver { .. } => "handed_over",
            Self::TookOver { .. } => "took_over",
            Self::ClockMoved { .. } => "clock_moved",
            Self::Recovered { .. } => "recovered",
            Self::Aborted { .. } => "aborted",
            Self::Sealed { .. } => "sealed",
        }
    }
}

/// How a confirmation was answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// `enter`, `sign`, `type_back`, or `yes` where nobody was asked (drills only).
    pub how: String,
    /// What was typed back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    /// The reason given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
