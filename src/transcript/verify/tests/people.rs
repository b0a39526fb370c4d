//! Other people: approvals, co-signatures, and one person who would be two.

use std::fs;

use super::*;
use crate::transcript::{Roster, Statement, StatementKind};

/// What bob states about the run, and a run that embeds it.
fn approval(case: &Case, change: impl Fn(&mut Statement), bob: &KeyFile, namespace: &str) -> Report {
    let run = case.dir.path().join(format!("approved-{:016x}", rand::random::<u64>()));
    let mut writer = open_run(&run, &case.alice);
    let action = r#"{"step":"delete"}"#.to_owned();
    let mut statement = Statement {
        kind: StatementKind::Approval,
        run: opened().run,
        head_n: 3,
        head: writer.chain().head().to_owned(),
        digest: sha256_hex(action.as_bytes()),
        action,
        attempt: 1,
        seen: vec!["gate 1: pass".into()],
        expires: stamp(3600),
        by: bob.principal().to_owned(),
    };
    change(&mut statement);
    let line = statement.line();
    let signature = bob.sign(namespace, &Message::of(line.as_bytes())).unwrap();
    let body = Body::Approved { id: statement.id(), statement: line, signature };
    writer.append(stamp(4), None, ALICE, body).unwrap();
    finish_run(&mut writer, &case.alice);
    let allowed = format!("{}{}", case.allowed, allowed(&[bob]));
    judge(&run, &allowed)
}

#[test]
fn an_approval_is_by_another_person_about_this_run_as_it_was() {
    let case = Case::new();
    let bob = signer(case.dir.path(), "bob@example.com");
    let good = approval(&case, |_| {}, &bob, APPROVER);
    assert_eq!(good.exit, 0, "{:?}", good.findings);
    let says = |report: Report, exit: u8, text: &str| {
        assert_eq!(report.exit, exit, "{text}: {:?}", report.findings);
        assert!(report.findings.iter().any(|f| f.text.contains(text)), "{text}: {:?}", report.findings);
    };
    says(approval(&case, |_| {}, &bob, OPERATOR), 20, "signed under");
    says(approval(&case, |s| s.run = "another".into(), &bob, APPROVER), 22, "about run another");
    says(approval(&case, |s| s.head = "00".repeat(32), &bob, APPROVER), 22, "another entry 3");
    says(approval(&case, |s| s.head_n = 2, &bob, APPROVER), 22, "another entry 2");
    says(approval(&case, |s| s.head_n = 9, &bob, APPROVER), 22, "came after it");
    says(approval(&case, |s| s.digest = "00".repeat(32), &bob, APPROVER), 20, "not that of its action");
    says(approval(&case, |s| s.by = "carol".into(), &bob, APPROVER), 21, "names carol");
    says(approval(&case, |s| s.kind = StatementKind::Cosign, &bob, crate::transcript::KEEPER), 22, "no approval");
    // Alice under another name, with the same key; and with a second key.
    let same_key = KeyFile::open(case.alice.path(), "alicia").unwrap();
    says(approval(&case, |_| {}, &same_key, APPROVER), 22, "with the key of");
    let second_key = KeyFile::open(bob.path(), ALICE).unwrap();
    says(approval(&case, |_| {}, &second_key, APPROVER), 22, "can't also vouch");
}

#[test]
fn one_person_with_two_names_and_two_keys_is_one_person() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, other) = (signer(dir.path(), ALICE), signer(dir.path(), "al"));
    let mut roster = Roster::of_one(ALICE, alice.public_key(), &["ops"], "").unwrap();
    let second = Roster::of_one("al", other.public_key(), &["ops"], "").unwrap();
    roster.people[0].principals.push("al".into());
    roster.people[0].keys.push(second.people[0].keys[0].clone());
    let run = dir.path().join(RUN);
    let mut writer = Writer::create(&run).unwrap();
    files(&run);
    fs::write(run.join("roster.json"), roster.to_json()).unwrap();
    let mut opened = opened();
    opened.roster = sha256_hex(roster.to_json().as_bytes());
    writer.append_checkpoint(stamp(0), None, ALICE, Body::Opened(Box::new(opened)), &alice).unwrap();
    let statement = Statement {
        kind: StatementKind::Approval,
        run: RUN.into(),
        head_n: 0,
        head: writer.chain().head().into(),
        action: "{}".into(),
        digest: sha256_hex(b"{}"),
        attempt: 1,
        seen: vec![],
        expires: stamp(60),
        by: "al".into(),
    };
    let (id, statement, signature) = statement.sign_into(&run, &other).unwrap();
    writer.append(stamp(1), None, ALICE, Body::Approved { id, statement, signature }).unwrap();
    writer.append_checkpoint(stamp(5), None, ALICE, sealed(&[]), &alice).unwrap();
    let trusted = format!("{}{}", allowed(&[&alice]), allowed(&[&other]));
    let report = judge(&run, &trusted);
    assert_eq!(report.exit, 22, "{:?}", report.findings);
}

#[test]
fn a_seal_that_asks_for_a_co_signature_is_open_until_it_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, carol) = (signer(dir.path(), ALICE), signer(dir.path(), "carol"));
    let run = dir.path().join(RUN);
    let mut writer = open_run(&run, &alice);
    writer.append_checkpoint(stamp(5), None, ALICE, sealed(&["carol"]), &alice).unwrap();
    let trusted = format!("{}{}", allowed(&[&alice]), allowed(&[&carol]));
    let report = judge(&run, &trusted);
    assert_eq!(report.exit, 10);
    assert!(report.findings.iter().any(|f| f.text.contains("co-signature of carol is missing")));
    let cosign = |head: &str| Statement {
        kind: StatementKind::Cosign,
        run: RUN.into(),
        head_n: 4,
        head: head.into(),
        action: String::new(),
        digest: String::new(),
        attempt: 0,
        seen: vec![],
        expires: stamp(60),
        by: "carol".into(),
    };
    cosign(&"00".repeat(32)).sign_into(&run, &carol).unwrap();
    assert_eq!(judge(&run, &trusted).exit, 10, "of another head");
    let head = writer.chain().head().to_owned();
    let (id, ..) = cosign(&head).sign_into(&run, &carol).unwrap();
    let report = judge(&run, &trusted);
    assert_eq!(report.exit, 0, "{:?}", report.findings);
    assert!(report.anchors.iter().any(|anchor| anchor.contains("co-signed by carol")));
    assert_eq!(judge(&run, &allowed(&[&alice])).exit, 21, "carol is not trusted");
    fs::write(run.join("approvals").join(format!("{id}.sig")), "").unwrap();
    assert_ne!(judge(&run, &trusted).exit, 0);
}

#[test]
fn an_approver_may_take_over_as_themselves_and_not_under_another_name() {
    for (name, exit) in [("bob@example.com", 0), ("robert", 22)] {
        let dir = tempfile::tempdir().unwrap();
        let (alice, bob) = (signer(dir.path(), ALICE), signer(dir.path(), "bob@example.com"));
        let run = dir.path().join(RUN);
        let mut writer = open_run(&run, &alice);
        let statement = Statement {
            kind: StatementKind::Approval,
            run: RUN.into(),
            head_n: 3,
            head: writer.chain().head().into(),
            action: "{}".into(),
            digest: sha256_hex(b"{}"),
            attempt: 1,
            seen: vec![],
            expires: stamp(60),
            by: bob.principal().into(),
        };
        let (id, statement, signature) = statement.sign_into(&run, &bob).unwrap();
        writer.append(stamp(4), None, ALICE, Body::Approved { id, statement, signature }).unwrap();
        let took = Body::TookOver {
            from: ALICE.into(),
            caller: "arn".into(),
            host: "h".into(),
            version: "0.1.0".into(),
            binary: "cd".repeat(32),
        };
        let later = KeyFile::open(bob.path(), name).unwrap();
        writer.append_checkpoint(stamp(5), None, name, took, &later).unwrap();
        writer.append_checkpoint(stamp(6), None, name, sealed(&[]), &later).unwrap();
        let trusted = [allowed(&[&alice]), allowed(&[&bob]), allowed(&[&later])].concat();
        let report = judge(&run, &trusted);
        assert_eq!(report.exit, exit, "{:?}", report.findings);
    }
}

#[test]
fn another_operator_who_is_trusted_does_not_therefore_run_this() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (signer(dir.path(), ALICE), signer(dir.path(), "bob@example.com"));
    let run = dir.path().join(RUN);
    let mut writer = open_run(&run, &alice);
    writer.append_checkpoint(stamp(5), None, bob.principal(), sealed(&[]), &bob).unwrap();
    let report = judge(&run, &[allowed(&[&alice]), allowed(&[&bob])].concat());
    assert_eq!(report.exit, 22);
    assert!(
        report.findings.iter().any(|f| f.text.contains("alice@example.com who runs this")),
        "{:?}",
        report.findings
    );
}
