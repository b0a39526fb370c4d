//! What the tests of this module share: entries of every kind, keys, runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, json};

use super::folder::{ROSTER, RUNBOOK, write_new};
use super::sign::Signer;
use super::writer::Writer;
use super::*;
use crate::engine::call::sha256_hex;
use crate::engine::entry::*;

/// A time, `seconds` after the tests' own beginning.
pub fn stamp(seconds: i64) -> Stamp {
    Stamp::from_millis(1_795_144_500_000 + seconds * 1000)
}

pub fn place() -> Place {
    Place { step: "create".into(), attempt: 1, row: "raxx/é".into(), call: 0 }
}

pub fn file_ref() -> FileRef {
    FileRef { name: "blobs/x".into(), sha256: "ab".repeat(32) }
}

pub fn opened() -> Opened {
    let mut inputs = Map::new();
    inputs.insert("target_user".into(), json!("raxx-vault-operator"));
    inputs.insert("pass".into(), json!({"secret": "pass", "fp": "00"}));
    Opened {
        format: FORMAT,
        semantics: SEMANTICS,
        run: "20261120T031500Z-r-u-7f3a".into(),
        register: RegisterRef { number: 1, prev: "0".repeat(64) },
        environment: EnvironmentRef {
            name: "prod".into(),
            kind: EnvironmentKind::Account,
            account: "111122223333".into(),
            region: "us-east-1".into(),
            virtual_clock: false,
            unattended: false,
        },
        endpoints: [("iam".to_owned(), "https://iam.amazonaws.com".to_owned())].into(),
        programs: [("ssh".to_owned(), file_ref())].into(),
        caller: "arn:aws:sts::111122223333:assumed-role/oncall/alice".into(),
        host: "laptop".into(),
        version: "0.1.0".into(),
        binary: "cd".repeat(32),
        runbook: FileRef { name: "r.yaml".into(), sha256: sha256_hex(b"runbook: r\n") },
        connectors: [("heroku".to_owned(), sha256_hex(b"holder: heroku\n"))].into(),
        sop: Some(file_ref()),
        roster: sha256_hex(Roster::default().to_json().as_bytes()),
        inputs,
        reason: "overdue".into(),
        ticket: "OPS-1".into(),
        operator: "alice@example.com".into(),
    }
}

pub fn reading() -> Reading {
    Reading {
        result: Some(json!({"z": [1, -2, true, null, "é\u{1F512}"], "a": {"n": u64::MAX, "m": i64::MIN}})),
        blob: None,
        request_id: Some("req-1".into()),
        date: Some("Fri, 20 Nov 2026 03:15:00 GMT".into()),
    }
}

/// A body of every kind.
pub fn every_body() -> Vec<Body> {
    let (step, reason) = (|| "create".to_owned(), || "why\n\"quoted\"".to_owned());
    let text = |t: &str| t.to_owned();
    vec![
        Body::Opened(Box::new(opened())),
        Body::Resolved { what: text("look"), name: text("x"), row: text(""), attempt: 1, reading: reading() },
        Body::Gate { step: step(), gate: 2, row: text("r"), verdict: Verdict::Unknown, evidence: json!({"a": [null]}) },
        confirmed("create"),
        Body::Started { place: place(), digest: "ef".repeat(32) },
        Body::NotSent { place: place(), reason: reason() },
        Body::Sample { place: place(), verdict: Verdict::Fail, reading: Reading::default() },
        Body::Finished { place: place(), verdict: Verdict::Pass, reading: reading() },
        Body::InDoubt { place: place(), evidence: json!(null) },
        Body::Reconciled { place: place(), outcome: Doubt::DoneLost, evidence: json!({"by": "alice"}) },
        Body::Approved { id: "ab".repeat(32), statement: text("{}\n"), signature: text("-----\n") },
        Body::Override { step: step(), gate: 0, reason: reason(), role: text("superadmin") },
        Body::Skipped { step: step(), reason: reason() },
        Body::Noted { text: text("a note") },
        Body::RowAdded { list: text("consumers"), value: json!({"name": "n"}), reason: reason() },
        Body::WindowRestarted { step: step(), reason: reason() },
        Body::RollbackBegun { reason: reason() },
        Body::Suspended { reason: reason() },
        Body::Resumed { caller: text("arn"), host: text("h"), version: text("0.1.0"), binary: "cd".repeat(32) },
        Body::HandedOver { to: text("bob@example.com") },
        Body::TookOver {
            from: text("alice@example.com"),
            caller: text("arn"),
            host: text("h"),
            version: text("0.1.0"),
            binary: "cd".repeat(32),
        },
        Body::ClockMoved { from: stamp(1), reason: reason() },
        Body::Recovered { what: text("torn_line"), file: file_ref() },
        Body::Aborted { reason: reason() },
        sealed(&["keeper@example.com"]),
    ]
}

pub fn confirmed(step: &str) -> Body {
    let action = format!(r#"{{"step":"{step}"}}"#);
    let digest = sha256_hex(action.as_bytes());
    let answer = Answer { how: "sign".into(), typed: Some("OLD1".into()), reason: None };
    Body::Confirmed { step: step.into(), attempt: 1, action, digest, answer }
}

pub fn sealed(cosigners: &[&str]) -> Body {
    Body::Sealed {
        status: EndStatus::Completed,
        deviations: vec![Deviation { n: 4, kind: DeviationKind::Late, step: String::new(), text: "late".into() }],
        remaining: vec!["rotate again in 90 d".into()],
        cosigners: cosigners.iter().map(|c| (*c).to_owned()).collect(),
        audit: Some("{\"action\":\"secret.rotate.completed\"}".into()),
    }
}

/// A key made by the real `ssh-keygen`.
pub fn make_key(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let done = Command::new("ssh-keygen").args(["-q", "-C", name, "-f"]).arg(&path).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    path
}

pub const ALICE: &str = "alice@example.com";

/// An ed25519 signer of that name, in a folder of its own.
pub fn signer(folder: &Path, principal: &str) -> KeyFile {
    let path = make_key(folder, &format!("key-{principal}"), &["-t", "ed25519", "-N", ""]);
    KeyFile::open(&path, principal).unwrap()
}

/// Lines of `allowed_signers` for them, each in every role.
pub fn allowed(signers: &[&dyn Signer]) -> String {
    signers
        .iter()
        .map(|signer| {
            let key = signing_key::openssh(signer.public_key()).unwrap();
            format!("{}\n", signing_key::allowed_line(signer.principal(), &[OPERATOR, APPROVER, KEEPER], &key))
        })
        .collect()
}

/// The files that entry 0 of [`opened`] names.
pub fn files(run: &Path) {
    write_new(&run.join(RUNBOOK), b"runbook: r\n").unwrap();
    write_new(&run.join(ROSTER), Roster::default().to_json().as_bytes()).unwrap();
    create_folder(&run.join(CONNECTORS)).unwrap();
    write_new(&run.join(CONNECTORS).join("heroku.yaml"), b"holder: heroku\n").unwrap();
}

/// A run that ends sealed, with three signed checkpoints and a blob: entries 0 to 5.
pub fn sealed_run(run: &Path, signer: &dyn Signer) {
    let mut writer = open_run(run, signer);
    finish_run(&mut writer, signer);
}

/// As far as its entry 3.
pub fn open_run(run: &Path, signer: &dyn Signer) -> Writer {
    let mut writer = Writer::create(run).unwrap();
    files(run);
    let by = signer.principal().to_owned();
    let mut opened = opened();
    opened.operator = by.clone();
    writer.append_checkpoint(stamp(0), None, &by, Body::Opened(Box::new(opened)), signer).unwrap();
    let long = Reading { result: Some(json!({"list": vec!["x"; 2000]})), ..Reading::default() };
    let look =
        Body::Resolved { what: "look".into(), name: "create".into(), row: String::new(), attempt: 1, reading: long };
    writer.append(stamp(1), None, &by, look).unwrap();
    writer.append_checkpoint(stamp(2), None, &by, confirmed("create"), signer).unwrap();
    writer.append(stamp(3), None, &by, Body::Started { place: place(), digest: "ef".repeat(32) }).unwrap();
    writer
}

/// Entries 4 and 5.
pub fn finish_run(writer: &mut Writer, signer: &dyn Signer) {
    let by = signer.principal().to_owned();
    let finished = Body::Finished { place: place(), verdict: Verdict::Pass, reading: reading() };
    writer.append(stamp(4), None, &by, finished).unwrap();
    writer.append_checkpoint(stamp(5), None, &by, sealed(&[]), signer).unwrap();
}

/// A stand-in for the engine: everything is in order but a note that says "not in order"; confirmations must be signed.
#[derive(Default)]
pub struct Lenient {
    pub seen: Vec<Entry>,
}

impl Replay for Lenient {
    fn admit(&mut self, entry: &Entry) -> Result<(), String> {
        self.seen.push(entry.clone());
        match &entry.body {
            Body::Noted { text } if text == "not in order" => Err("the engine would not have".into()),
            _ => Ok(()),
        }
    }

    fn must_be_signed(&self, _: &Entry) -> bool {
        true
    }
}

/// Verifies with [`Lenient`].
pub fn judge(run: &Path, allowed: &str) -> Report {
    let allowed = AllowedSigners::parse(allowed);
    assert!(allowed.refusals.is_empty(), "{:?}", allowed.refusals);
    let mut replay = Lenient::default();
    let options = Options { allowed_signers: Some(&allowed), replay: Some(&mut replay), registered: None };
    verify(run, options).unwrap()
}
