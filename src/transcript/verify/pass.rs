//! The one pass over the lines.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::approvals::Seen;
use super::report::FindingKind::{self, Broken, NotInOrder, Note, Open};
use super::report::{Finding, Report, Status};
use super::{Options, Registered, Replay};
use crate::engine::call::sha256_hex;
use crate::engine::entry::{Body, Entry, EnvironmentKind, Opened, Stamp};
use crate::transcript::allowed_signers::AllowedSigners;
use crate::transcript::blobs::Blobs;
use crate::transcript::chain::Chain;
use crate::transcript::error::Error;
use crate::transcript::folder::{SIGNATURES, TRANSCRIPT, file_names};
use crate::transcript::line::{decode, plain, reading};
use crate::transcript::principal::is_principal;
use crate::transcript::reader::{Lines, Raw, fill, links};
use crate::transcript::roster::Roster;
use crate::transcript::writer::number_of;

/// How far a server's `Date` and the entry's own time may be apart, in milliseconds. AWS refuses requests that are
/// signed with a clock that is five minutes off.
const DATES_MAY_DIFFER: i64 = 5 * 60 * 1000;

pub(super) struct Pass<'a> {
    pub folder: PathBuf,
    pub allowed: Option<&'a AllowedSigners>,
    replay: Option<&'a mut dyn Replay>,
    registered: Option<Registered>,
    pub report: Report,
    blobs: Blobs,
    pub kind: Option<EnvironmentKind>,
    pub people: Option<Roster>,
    /// Names in `signatures/` by entry.
    pub signature_names: BTreeMap<u64, Vec<String>>,
    /// What the next entry has to name.
    pub sigs_due: BTreeMap<String, String>,
    /// Fingerprint to principal, of everyone who signed a checkpoint.
    pub operator_keys: BTreeMap<String, String>,
    pub seen: Vec<Seen>,
    pub heads_seen: BTreeMap<(u64, String), Option<u64>>,
    /// True from `rollback_begun` on.
    pub going_back: bool,
    /// The last entry that should have been signed and was let through.
    pub unsigned: Option<u64>,
    cosigners: Vec<String>,
    /// Claimed time of the seal.
    pub sealed_at: Option<Stamp>,
    /// Who runs it, at the entry that is looked at.
    pub operator_now: String,
    last_at: Option<Stamp>,
    virtual_clock: bool,
    heads: BTreeMap<u64, String>,
}

impl<'a> Pass<'a> {
    pub fn new(folder: &std::path::Path, options: Options<'a>) -> Result<Self, Error> {
        let mut signature_names: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for name in file_names(&folder.join(SIGNATURES))? {
            if let Some(n) = number_of(&name) {
                signature_names.entry(n).or_default().push(name);
            }
        }
        let report = Report {
            run: String::new(),
            path: folder.to_owned(),
            status: Status::Broken,
            exit: Status::Broken.exit(),
            environment: String::new(),
            environment_kind: None,
            operator: String::new(),
            ended: None,
            deviations: Vec::new(),
            remaining: Vec::new(),
            entries: 0,
            head: String::new(),
            covered_to: None,
            signatures: Vec::new(),
            order_judged: options.replay.is_some(),
            findings: Vec::new(),
            anchors: Vec::new(),
            not_covered: Vec::new(),
        };
        Ok(Self {
            folder: folder.to_owned(),
            allowed: options.allowed_signers,
            replay: options.replay,
            registered: options.registered,
            report,
            blobs: Blobs::of(folder),
            kind: None,
            people: None,
            signature_names,
            sigs_due: BTreeMap::new(),
            operator_keys: BTreeMap::new(),
            seen: Vec::new(),
            heads_seen: BTreeMap::new(),
            going_back: false,
            unsigned: None,
            cosigners: Vec::new(),
            sealed_at: None,
            operator_now: String::new(),
            last_at: None,
            virtual_clock: false,
            heads: BTreeMap::new(),
        })
    }

    pub fn find(&mut self, kind: FindingKind, n: Option<u64>, text: String) {
        self.report.findings.push(Finding { kind, n, text: plain(&text) });
    }

    /// Order is not judged from here on.
    pub fn order_ends(&mut self, why: String) {
        self.replay = None;
        if std::mem::take(&mut self.report.order_judged) {
            self.find(NotInOrder, None, why);
        }
    }

    pub fn run(mut self) -> Result<Report, Error> {
        let path = self.folder.join(TRANSCRIPT);
        let mut lines = Lines::open(&path)?;
        let refusals = self.allowed.map(|allowed| allowed.refusals.clone()).unwrap_or_default();
        for refusal in refusals {
            self.find(Note, None, format!("allowed_signers, line {} does not count: {}", refusal.line, refusal.why));
        }
        if self.replay.is_none() {
            self.find(NotInOrder, None, "order not judged: the runbook could not be replayed".to_owned());
        }
        self.heads = self.registered.as_ref().map(|known| known.heads.clone()).unwrap_or_default();
        loop {
            let (n, prev, before) = (lines.chain.lines(), lines.chain.head().to_owned(), lines.chain.clone());
            let Some(raw) = lines.next()? else { break };
            if !raw.ended {
                let text = format!("{} bytes after the last entry: a crash, or a writer at work", raw.len);
                let kind = if self.report.ended.is_some() { Broken } else { Open };
                self.find(kind, None, text);
                lines.chain = before;
                break;
            }
            let entry = self.entry(n, &prev, &raw);
            self.judge(n, entry, &lines.chain);
            if let Some(head) = self.heads.remove(&n)
                && head != raw.sha256
            {
                self.find(Broken, Some(n), "the register knows another head here".to_owned());
            }
        }
        self.report.entries = lines.chain.lines();
        self.report.head = lines.chain.head().to_owned();
        for n in std::mem::take(&mut self.heads).into_keys() {
            self.find(
                Broken,
                None,
                format!("the register knows an entry {n}, which is not there: the end was cut off"),
            );
        }
        self.end()?;
        Ok(self.report)
    }

    fn entry(&mut self, n: u64, prev: &str, raw: &Raw) -> Option<Entry> {
        let mut entry = match decode(&raw.bytes) {
            Ok(entry) => entry,
            Err(why) => {
                self.find(Broken, Some(n), why);
                return None;
            }
        };
        if let Err(why) = links(&entry, n, prev) {
            self.find(Broken, Some(n), why);
        }
        if let Err(error) = fill(&mut entry, &self.blobs) {
            self.find(Broken, Some(n), error.to_string());
        }
        Some(entry)
    }

    fn judge(&mut self, n: u64, entry: Option<Entry>, chain: &Chain) {
        let Some(entry) = entry else {
            self.signature(n, None, false, chain);
            return self.order_ends(format!("order not judged from entry {n} on, which can't be read"));
        };
        if self.report.ended.is_some() {
            self.find(NotInOrder, Some(n), "an entry after the seal".to_owned());
        }
        self.content(n, &entry);
        self.sigs_named(n, &entry);
        let must = self.admit(n, &entry);
        self.signature(n, Some(&entry), must, chain);
        if self.report.covered_to == Some(n) {
            self.unsigned = None;
        }
    }

    fn admit(&mut self, n: u64, entry: &Entry) -> bool {
        let Some(replay) = self.replay.as_mut() else { return false };
        let admitted = replay.admit(entry);
        let must = matches!(entry.body, Body::Confirmed { .. }) && replay.must_be_signed(entry);
        if let Err(why) = admitted {
            self.find(NotInOrder, Some(n), why);
        }
        must
    }

    /// What needs no engine to be judged.
    fn content(&mut self, n: u64, entry: &Entry) {
        if (n == 0) != matches!(entry.body, Body::Opened(_)) {
            let text = if n == 0 { "the first entry does not open a run" } else { "a run is opened a second time" };
            self.find(NotInOrder, Some(n), text.to_owned());
        }
        if let Body::Opened(opened) = &entry.body
            && n == 0
        {
            self.virtual_clock = opened.environment.virtual_clock;
            self.opened(opened, &entry.by);
            self.register(opened);
        }
        if !is_principal(&entry.by) {
            self.find(Broken, Some(n), format!("`{}` can't be a principal", entry.by));
        }
        self.times(n, entry);
        let account = self.kind == Some(EnvironmentKind::Account);
        if account && entry.wall.is_some() {
            self.find(NotInOrder, Some(n), "two clocks on a real account".to_owned());
        }
        if self.virtual_clock && entry.wall.is_none() {
            self.find(NotInOrder, Some(n), "no real time beside a virtual clock".to_owned());
        }
        match &entry.body {
            Body::ClockMoved { .. } if account || !self.virtual_clock => {
                self.find(NotInOrder, Some(n), "the clock was moved, and it is a real one".to_owned());
            }
            Body::Confirmed { action, digest, answer, .. } => {
                if account && answer.how == "yes" {
                    self.find(NotInOrder, Some(n), "confirmed by a flag on a real account".to_owned());
                }
                if sha256_hex(action.as_bytes()) != *digest {
                    self.find(Broken, Some(n), "the digest is not that of the action".to_owned());
                }
            }
            Body::Recovered { file, .. } => {
                if let Err(error) = self.blobs.check(&file.sha256) {
                    self.find(Broken, Some(n), error.to_string());
                }
            }
            Body::Approved { id, statement, signature } => self.approved(n, entry, id, statement, signature),
            Body::RollbackBegun { .. } => self.going_back = true,
            Body::TookOver { .. } => self.operator_now.clone_from(&entry.by),
            Body::Sealed { status, deviations, remaining, cosigners, .. } => {
                self.report.ended = Some(*status);
                self.sealed_at = Some(entry.wall.unwrap_or(entry.at));
                self.report.deviations.clone_from(deviations);
                self.report.remaining.clone_from(remaining);
                self.cosigners.clone_from(cosigners);
            }
            _ => {}
        }
    }

    /// Times are claimed. What they contradict is worth knowing, and clocks do jump.
    fn times(&mut self, n: u64, entry: &Entry) {
        if self.last_at.is_some_and(|last| entry.at < last) {
            self.find(Note, Some(n), "its time is before that of the entry before it".to_owned());
        }
        self.last_at = Some(entry.at);
        if self.kind == Some(EnvironmentKind::Account)
            && let Some(date) = reading(&entry.body).and_then(|reading| reading.date.as_deref())
            && let Ok(date) = chrono::DateTime::parse_from_rfc2822(date)
            && (date.timestamp_millis() - entry.at.millis()).abs() > DATES_MAY_DIFFER
        {
            self.find(Note, Some(n), format!("the server's clock said {date}, the entry says {}", entry.at));
        }
    }

    /// What the store's register says of this run, compared with what the run says of the register.
    fn register(&mut self, opened: &Opened) {
        let Some(known) = &self.registered else { return };
        let (number, heads) = (known.number, known.heads.len());
        if number != opened.register.number || known.prev != opened.register.prev {
            let text = format!("the register's run {number} is not the one that this run says it is");
            self.find(Broken, Some(0), text);
        }
        self.report.anchors.push(format!("the register: run {number}, {heads} heads known"));
    }

    fn end(&mut self) -> Result<(), Error> {
        let entries = self.report.entries;
        if entries == 0 {
            self.find(Broken, None, "there is no entry: the run was never opened".to_owned());
        }
        self.stray_signatures(&self.folder.join(SIGNATURES), entries);
        if let Some(n) = self.unsigned {
            self.find(Open, Some(n), "unsigned, and no later checkpoint covers it yet".to_owned());
        }
        let wanted = std::mem::take(&mut self.cosigners);
        if self.report.ended.is_some() {
            self.cosigners(&wanted, entries.saturating_sub(1));
        } else {
            self.find(Open, None, "there is no seal".to_owned());
        }
        self.strangers();
        self.heads_stated()?;
        if let Some(replay) = self.replay.as_mut() {
            for why in replay.finish() {
                self.find(NotInOrder, None, why);
            }
        }
        if let Some(covered) = self.report.covered_to
            && covered + 1 < entries
        {
            let text = format!("entries {} to {} are not covered by a signature yet", covered + 1, entries - 1);
            self.find(Note, None, text);
        }
        self.limits();
        self.report.conclude();
        Ok(())
    }

    /// A second look at the lines, only where a statement names a head: is it an ancestor?
    fn heads_stated(&mut self) -> Result<(), Error> {
        let mut wanted = std::mem::take(&mut self.heads_seen);
        if wanted.is_empty() {
            return Ok(());
        }
        let mut lines = Lines::open(&self.folder.join(TRANSCRIPT))?;
        while let Some(raw) = lines.next()? {
            wanted.remove(&(lines.chain.lines() - 1, raw.sha256));
        }
        for ((head_n, _), n) in wanted {
            self.find(NotInOrder, n, format!("the statement saw another entry {head_n} than the one that stands here"));
        }
        Ok(())
    }

    fn limits(&mut self) {
        let has = |what: &str| self.report.anchors.iter().any(|anchor| anchor.starts_with(what));
        let mut limits = Vec::new();
        if !has("the register") {
            limits
                .push("A tail cut off at a line's end leaves a valid open run; the store's register was not at hand.");
        }
        if !has("co-signed") {
            limits.push("Whoever holds the signing keys could have rewritten the whole run; nobody co-signed it.");
        }
        limits.push("Times are claimed by the signer; there is no time-stamp of another's.");
        limits.push("What was done outside keyward, or by a keyward that lies, shows only in CloudTrail.");
        if self.kind != Some(EnvironmentKind::Account) {
            limits.push("This was a drill: no account was touched.");
        }
        self.report.not_covered = limits.into_iter().map(str::to_owned).collect();
    }
}
