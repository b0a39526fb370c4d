use serde_json::json;

use super::*;
use crate::engine::entry::Reading;
use crate::transcript::KeyFile;
use crate::transcript::fixtures::*;
use crate::transcript::line::{decode, reading};
use crate::transcript::sign::SignError;

fn note(text: &str) -> Body {
    Body::Noted { text: text.into() }
}

type Does = fn(&dyn Signer, &str, &Message<'_>) -> Result<String, SignError>;

/// A signer that does as told.
struct Puppet<'a> {
    of: &'a dyn Signer,
    does: Does,
}

impl Signer for Puppet<'_> {
    fn principal(&self) -> &str {
        self.of.principal()
    }

    fn public_key(&self) -> &ssh_key::PublicKey {
        self.of.public_key()
    }

    fn sign(&self, namespace: &str, message: &Message<'_>) -> Result<String, SignError> {
        (self.does)(self.of, namespace, message)
    }
}

/// A signer that signs with another key than it says.
struct Mixed<'a> {
    of: &'a dyn Signer,
    says: &'a dyn Signer,
}

impl Signer for Mixed<'_> {
    fn principal(&self) -> &str {
        self.says.principal()
    }

    fn public_key(&self) -> &ssh_key::PublicKey {
        self.says.public_key()
    }

    fn sign(&self, namespace: &str, message: &Message<'_>) -> Result<String, SignError> {
        self.of.sign(namespace, message)
    }
}

fn text(run: &Path) -> Vec<u8> {
    fs::read(run.join(TRANSCRIPT)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    file_names(folder).unwrap()
}

#[test]
fn what_append_gave_back_is_on_disk_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let mut writer = open_run(&run, &alice);
    let entry = writer.append(stamp(4), None, ALICE, note("on disk")).unwrap();
    let last = text(&run).split_inclusive(|b| *b == b'\n').next_back().unwrap().to_vec();
    assert_eq!(decode(&last).unwrap(), entry);
    let back: Vec<Entry> = entries(&run).unwrap().map(Result::unwrap).collect();
    assert_eq!(back.len(), 5);
    assert_eq!(back[4], entry);
    assert_eq!(back[1].sigs.as_ref().unwrap().keys().collect::<Vec<_>>(), ["000000.alice@example.com.sig"]);
    assert_eq!(back[2].sigs, None);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&run), mode(&run.join(TRANSCRIPT)), mode(&run.join(SIGNATURES))), (0o700, 0o600, 0o700));
    }
}

#[test]
fn a_large_result_is_a_blob_and_whole_for_who_applies_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&dir.path().join("run")).unwrap();
    let mut put = |result: serde_json::Value| {
        let reading = Reading { result: Some(result), ..Reading::default() };
        let body = Body::Resolved { what: "capture".into(), name: "x".into(), row: String::new(), attempt: 0, reading };
        writer.append(stamp(0), None, ALICE, body).unwrap()
    };
    // Its JSON is the text and two quotes.
    let fits = put(json!("x".repeat(4094)));
    assert_eq!(reading(&fits.body).unwrap().blob, None);
    let large = put(json!("x".repeat(4095)));
    assert!(reading(&large.body).unwrap().blob.is_some());
    let float = put(json!({"ratio": 0.5}));
    assert!(reading(&float.body).unwrap().blob.is_some(), "a float can't stand in a line");
    let back: Vec<Entry> = entries(&dir.path().join("run")).unwrap().map(Result::unwrap).collect();
    assert_eq!(back, [fits, large.clone(), float]);
    assert!(text(&dir.path().join("run")).len() < 6000);
    fs::remove_file(dir.path().join("run/blobs").join(reading(&large.body).unwrap().blob.as_ref().unwrap())).unwrap();
    let mut all = entries(&dir.path().join("run")).unwrap();
    assert!(all.next().unwrap().is_ok());
    assert!(all.next().unwrap().is_err());
    assert!(all.next().is_none(), "nothing is read past what is missing");
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let writer = open_run(&run, &alice);
    let error = Writer::open(&run, |_| {}).unwrap_err().to_string();
    assert!(error.contains("process") && error.contains("since"), "{error}");
    drop(writer);
    Writer::open(&run, |_| {}).unwrap();
    assert!(Writer::create(&run).is_err(), "a transcript that is there is never begun again");
}

#[test]
fn no_signature_or_a_wrong_one_appends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (alice, bob) = (signer(dir.path(), ALICE), signer(dir.path(), "bob"));
    let run = dir.path().join("run");
    let mut writer = open_run(&run, &alice);
    let (before, signatures) = (text(&run), names(&run.join(SIGNATURES)));
    let wrong: [Does; 5] = [
        |_, _, _| Err(SignError::Refused("no touch".into())),
        |_, _, _| Ok(String::new()),
        |_, _, _| Ok("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n".into()),
        |of, _, message| of.sign("file", message),
        |of, namespace, _| of.sign(namespace, &Message::of(b"something else")),
    ];
    for does in wrong {
        let signer = Puppet { of: &alice, does };
        let error = writer.append_checkpoint(stamp(9), None, ALICE, sealed(&[]), &signer).unwrap_err();
        assert!(matches!(error, Error::Sign(_)), "{error}");
    }
    assert!(writer.append_checkpoint(stamp(9), None, ALICE, sealed(&[]), &bob).is_err(), "bob can't sign for alice");
    let other = KeyFile::open(bob.path(), ALICE).unwrap();
    let mixed_up = Mixed { of: &other, says: &alice };
    let error = writer.append_checkpoint(stamp(9), None, ALICE, sealed(&[]), &mixed_up).unwrap_err();
    assert!(error.to_string().contains("another key"), "{error}");
    assert_eq!((text(&run), names(&run.join(SIGNATURES))), (before, signatures));
    finish_run(&mut writer, &alice);
    assert_eq!(judge(&run, &allowed(&[&alice])).exit, 0);
}

#[test]
fn a_signature_that_came_too_late_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let mut writer = open_run(&dir.path().join("run"), &alice);
    let pending = writer.prepare(stamp(9), None, ALICE, sealed(&[])).unwrap();
    let signature = pending.sign(&alice).unwrap();
    writer.append(stamp(9), None, ALICE, note("meanwhile")).unwrap();
    assert!(matches!(writer.commit(pending, &signature), Err(Error::Overtaken)));
}

#[test]
fn a_pending_checkpoint_can_be_signed_on_another_thread() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let mut writer = open_run(&run, &alice);
    let pending = writer.prepare(stamp(9), None, ALICE, sealed(&[])).unwrap();
    let (pending, signature) = std::thread::spawn(move || {
        let signature = pending.sign(&alice).unwrap();
        (pending, signature)
    })
    .join()
    .unwrap();
    let entry = writer.commit(pending, &signature).unwrap();
    assert_eq!(entry.n, 4);
}

#[test]
fn an_unsigned_checkpoint_on_the_way_back_is_covered_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let mut writer = open_run(&run, &alice);
    writer.append(stamp(4), None, ALICE, Body::RollbackBegun { reason: "broken".into() }).unwrap();
    writer.append_unsigned_checkpoint(stamp(5), None, ALICE, confirmed("rollback")).unwrap();
    let trusted = allowed(&[&alice]);
    let report = judge(&run, &trusted);
    assert_eq!(report.exit, 10, "{:?}", report.findings);
    assert!(report.findings.iter().any(|f| f.text.contains("no later checkpoint covers it")));
    writer.append_checkpoint(stamp(6), None, ALICE, sealed(&[]), &alice).unwrap();
    let report = judge(&run, &trusted);
    assert_eq!(report.exit, 0, "{:?}", report.findings);
    assert!(report.findings.iter().any(|f| f.text.contains("unsigned")), "it is still told");
}

#[test]
fn a_torn_last_line_is_kept_as_a_blob_and_the_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let whole = dir.path().join("whole");
    sealed_run(&whole, &alice);
    let all = text(&whole);
    let start = all[..all.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    let trusted = allowed(&[&alice]);
    // At every byte of the last line, which is a checkpoint whose signature is on disk already.
    let cuts: std::collections::BTreeSet<usize> = (start + 1..all.len()).step_by(37).chain([all.len() - 1]).collect();
    for cut in cuts {
        let run = dir.path().join(format!("run-{cut}"));
        assert!(std::process::Command::new("cp").arg("-r").arg(&whole).arg(&run).status().unwrap().success());
        fs::write(run.join(TRANSCRIPT), &all[..cut]).unwrap();
        assert_eq!(judge(&run, &trusted).exit, 10, "torn is open, not broken");
        let mut seen = 0;
        let (mut writer, recovery) = Writer::open(&run, |_| seen += 1).unwrap();
        assert_eq!(seen, 5);
        let torn = recovery.torn_line.clone().unwrap();
        assert_eq!(writer.blobs().get_bytes(&torn.sha256).unwrap(), &all[start..cut]);
        assert_eq!(recovery.orphan_signatures.len(), 1);
        for body in recovery.bodies() {
            writer.append(stamp(8), None, ALICE, body).unwrap();
        }
        writer.append_checkpoint(stamp(9), None, ALICE, sealed(&[]), &alice).unwrap();
        drop(writer);
        let report = judge(&run, &trusted);
        assert_eq!(report.exit, 0, "{:?}", report.findings);
        assert_eq!(report.entries, 8);
        fs::write(run.join(&torn.name), "changed").unwrap();
        assert_eq!(judge(&run, &trusted).exit, 20, "what was set aside is evidence too");
    }
}

#[test]
fn a_signature_without_its_line_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let mut writer = open_run(&run, &alice);
    // The crash: the signature is on disk, the line is not.
    let pending = writer.prepare(stamp(9), None, ALICE, sealed(&[])).unwrap();
    let signature = pending.sign(&alice).unwrap();
    fs::write(run.join(SIGNATURES).join(signature_file(4, ALICE)), &signature).unwrap();
    fs::write(run.join(SIGNATURES).join(".000004.part"), "half").unwrap();
    drop(writer);
    assert_eq!(judge(&run, &allowed(&[&alice])).exit, 10);
    let (mut writer, recovery) = Writer::open(&run, |_| {}).unwrap();
    assert_eq!((recovery.torn_line.clone(), recovery.orphan_signatures.len()), (None, 1));
    let kept = &recovery.orphan_signatures[0];
    assert_eq!(writer.blobs().get_bytes(&kept.sha256).unwrap(), signature.as_bytes());
    for body in recovery.bodies() {
        writer.append(stamp(9), None, ALICE, body).unwrap();
    }
    finish_run(&mut writer, &alice);
    drop(writer);
    assert_eq!(judge(&run, &allowed(&[&alice])).exit, 0);
    assert_eq!(Writer::open(&run, |_| {}).unwrap().1, Recovery::default());
}

#[test]
fn after_opening_again_the_last_signature_is_still_named_by_the_next_entry() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let mut writer = open_run(&run, &alice);
    writer.append_checkpoint(stamp(4), None, ALICE, Body::Suspended { reason: "x".into() }, &alice).unwrap();
    drop(writer);
    let (mut writer, recovery) = Writer::open(&run, |_| {}).unwrap();
    assert_eq!(recovery, Recovery::default());
    let entry = writer.append(stamp(5), None, ALICE, note("back")).unwrap();
    assert_eq!(entry.sigs.unwrap().len(), 1);
    assert_eq!(judge(&run, &allowed(&[&alice])).exit, 10);
}

#[test]
fn a_broken_transcript_is_not_gone_on_with_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    drop(open_run(&run, &alice));
    let good = String::from_utf8(text(&run)).unwrap();
    for bad in [good.replacen("overdue", "overduE", 1), format!("{good}{{}}\n"), good.replacen('\n', "\r\n", 1)] {
        fs::write(run.join(TRANSCRIPT), &bad).unwrap();
        let error = Writer::open(&run, |_| {}).unwrap_err();
        assert!(matches!(error, Error::Broken { .. }), "{error}");
        assert_eq!(text(&run), bad.as_bytes());
    }
    assert!(matches!(Writer::open(&dir.path().join("none"), |_| {}), Err(Error::NotFound(_))));
}

#[test]
fn an_entry_that_no_reader_would_take_is_refused_before_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&dir.path().join("run")).unwrap();
    assert!(matches!(writer.append(stamp(0), None, "not a principal", note("x")), Err(Error::Sign(_))));
    assert!(matches!(writer.append(stamp(0), None, ALICE, note(&"x".repeat(70_000))), Err(Error::Entry(_))));
    assert!(text(&dir.path().join("run")).is_empty());
    assert_eq!(writer.append(stamp(0), None, ALICE, note("y")).unwrap().n, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_appends_nothing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&dir.path().join("run")).unwrap();
    writer.append(stamp(0), None, ALICE, note("x")).unwrap();
    // Every write to it fails with "no space left", as on a full disk; it can't be cut either.
    writer.file = File::options().write(true).open("/dev/full").unwrap();
    let error = writer.append(stamp(1), None, ALICE, note("y")).unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    let error = writer.append(stamp(1), None, ALICE, note("z")).unwrap_err();
    assert!(matches!(error, Error::Poisoned { .. }), "after a write of unknown end nothing more is written: {error}");
    assert_eq!(writer.chain().lines(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_checkpoint_that_found_no_room_leaves_no_signature_behind() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let mut writer = open_run(&run, &alice);
    let (before, signatures) = (text(&run), names(&run.join(SIGNATURES)));
    writer.file = File::options().write(true).open("/dev/full").unwrap();
    assert!(writer.append_checkpoint(stamp(9), None, ALICE, sealed(&[]), &alice).is_err());
    assert_eq!((text(&run), names(&run.join(SIGNATURES))), (before, signatures));
    drop(writer);
    let (mut writer, recovery) = Writer::open(&run, |_| {}).unwrap();
    assert_eq!(recovery, Recovery::default());
    finish_run(&mut writer, &alice);
    assert_eq!(judge(&run, &allowed(&[&alice])).exit, 0);
}

#[test]
fn while_a_signature_is_made_neither_it_nor_its_line_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let mut writer = open_run(&run, &alice);
    let before = text(&run);
    let pending = writer.prepare(stamp(9), None, ALICE, sealed(&[])).unwrap();
    let signature = pending.sign(&alice).unwrap();
    // What was signed is what stock tools will hash: the file so far, and the line to come.
    let mut message = Vec::new();
    pending.message().write_to(&mut message).unwrap();
    assert_eq!(text(&run), before);
    assert!(!run.join(SIGNATURES).join(signature_file(4, ALICE)).exists());
    writer.commit(pending, &signature).unwrap();
    assert_eq!(text(&run), message);
}

#[test]
fn a_run_whose_runbook_or_connector_was_changed_is_not_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    drop(open_run(&run, &alice));
    drop(Writer::open(&run, |_| {}).unwrap());
    for name in ["runbook.yaml", "connectors/heroku.yaml", "roster.json"] {
        let path = run.join(name);
        let before = fs::read(&path).unwrap();
        fs::write(&path, [&before[..], b"# one gate less\n"].concat()).unwrap();
        let why = Writer::open(&run, |_| {}).unwrap_err().to_string();
        assert!(why.contains(name) && why.contains("it was changed"), "{why}");
        fs::write(&path, before).unwrap();
    }
    fs::write(run.join("connectors/other.yaml"), "connector: other\n").unwrap();
    assert!(Writer::open(&run, |_| {}).unwrap_err().to_string().contains("not named by entry 0"));
    fs::remove_file(run.join("connectors/other.yaml")).unwrap();
    Writer::open(&run, |_| {}).unwrap();
}
