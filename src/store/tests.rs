use super::*;
use crate::engine::entry::Body;
use crate::transcript::fixtures::{ALICE, allowed, finish_run, judge, opened, place, sealed_run, signer, stamp};
use crate::transcript::{AllowedSigners, Options, Signer, verify};

fn begin(store: &Store, user: &str) -> Begun {
    let connectors = [("heroku".to_owned(), b"holder: heroku\n".to_vec())].into();
    let roster = Roster::default();
    let new = NewRun {
        runbook: "aws-iam-access-key",
        user,
        at: stamp(0),
        by: ALICE,
        runbook_file: b"runbook: r\n",
        connectors: &connectors,
        roster: &roster,
    };
    store.begin_run(&new).unwrap()
}

/// A run of the store that is opened and nothing more.
fn open(store: &Store, signer: &dyn Signer) -> Begun {
    let mut begun = begin(store, "raxx/vault operator");
    let mut opened = opened();
    opened.run.clone_from(&begun.run);
    opened.register = begun.register.clone();
    opened.runbook.sha256.clone_from(&begun.runbook);
    opened.connectors.clone_from(&begun.connectors);
    opened.roster.clone_from(&begun.roster);
    begun.writer.append_checkpoint(stamp(0), None, ALICE, Body::Opened(Box::new(opened)), signer).unwrap();
    begun
}

#[test]
fn a_run_has_a_number_a_name_and_its_files_before_it_has_an_entry() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::local(Some(&dir.path().join("deep/store"))).unwrap();
    let first = begin(&store, "raxx/vault operator");
    assert!(first.run.starts_with("20261120T031500Z-aws-iam-access-key-raxx-vault-operator-"), "{}", first.run);
    assert_eq!((first.register.number, first.register.prev.as_str()), (1, "0".repeat(64).as_str()));
    for file in ["runbook.yaml", "roster.json", "connectors/heroku.yaml", "transcript.jsonl"] {
        assert!(first.folder.join(file).is_file(), "{file}");
    }
    let second = begin(&store, "../../etc");
    assert_eq!(second.folder.parent(), Some(store.root()));
    assert_eq!(second.register.number, 2);
    assert_ne!(second.register.prev, first.register.prev);
    let statuses: Vec<RunStatus> = store.runs().unwrap().iter().map(|run| run.status).collect();
    assert_eq!(statuses, [RunStatus::NeverOpened, RunStatus::NeverOpened]);
}

#[test]
fn the_status_is_read_from_the_transcript() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let store = Store::local(Some(&dir.path().join("store"))).unwrap();
    let mut begun = open(&store, &alice);
    let status = || store.runs().unwrap().pop().unwrap().status;
    assert_eq!(status(), RunStatus::Open);
    let started = Body::Started { place: place(), digest: "ef".repeat(32) };
    begun.writer.append(stamp(1), None, ALICE, started).unwrap();
    assert_eq!(status(), RunStatus::Open, "its answer may come yet");
    assert_eq!(store.runs().unwrap()[0].held_by.as_ref().unwrap().pid, std::process::id());
    drop(begun.writer);
    assert_eq!(status(), RunStatus::InDoubt);
    begun.writer = Writer::open(&begun.folder, |_| {}).unwrap().0;
    let leave = Body::Suspended { reason: "end of shift".into() };
    begun.writer.append_checkpoint(stamp(2), None, ALICE, leave.clone(), &alice).unwrap();
    drop(begun.writer);
    assert_eq!(status(), RunStatus::InDoubt, "leaving does not answer what was sent");
    begun.writer = Writer::open(&begun.folder, |_| {}).unwrap().0;
    begun.writer.append(stamp(3), None, ALICE, Body::NotSent { place: place(), reason: "x".into() }).unwrap();
    begun.writer.append_checkpoint(stamp(3), None, ALICE, leave, &alice).unwrap();
    assert_eq!(status(), RunStatus::Suspended);
    finish_run(&mut begun.writer, &alice);
    let run = store.runs().unwrap().pop().unwrap();
    assert_eq!((run.status, run.entries, run.operator.as_str()), (RunStatus::Completed, 7, ALICE));
    assert_eq!(run.head, begun.writer.chain().head());
    assert_eq!(run.user.as_deref(), Some("raxx-vault-operator"));
    let json = serde_json::to_value(&run).unwrap();
    for field in ["run", "path", "runbook", "status", "environment", "entries"] {
        assert!(json.get(field).is_some(), "{field}");
    }
    assert_eq!(json["status"], run.status.word());
    let path = begun.folder.join("transcript.jsonl");
    let text = fs::read_to_string(&path).unwrap().replacen("overdue", "overduX", 1);
    fs::write(&path, text).unwrap();
    let run = store.runs().unwrap().pop().unwrap();
    assert_eq!(run.status, RunStatus::Broken);
    assert!(run.why.unwrap().contains("line 2"));
}

#[test]
fn a_run_is_found_by_what_a_person_types() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::local(Some(dir.path())).unwrap();
    let (one, two) = (begin(&store, "one"), begin(&store, "two"));
    assert_eq!(store.find(&one.run).unwrap(), one.folder);
    assert_eq!(store.find(short_of(&two.run)).unwrap(), two.folder);
    assert_eq!(store.find("-two-").unwrap(), two.folder);
    assert_eq!(store.find(one.folder.to_str().unwrap()).unwrap(), one.folder);
    assert_eq!(store.find(one.folder.join("transcript.jsonl").to_str().unwrap()).unwrap(), one.folder);
    let several = store.find("access-key").unwrap_err().to_string();
    assert!(several.contains("any of 2 runs") && several.contains(&one.run), "{several}");
    for none in ["", "zzzz", "../x", "/"] {
        assert!(store.find(none).unwrap_err().to_string().contains("2") || none.is_empty(), "{none}");
    }
}

#[test]
fn a_cut_tail_is_valid_by_itself_and_the_register_shows_it() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let store = Store::local(Some(&dir.path().join("store"))).unwrap();
    let mut begun = open(&store, &alice);
    finish_run(&mut begun.writer, &alice);
    let register = store.register();
    let head = begun.writer.chain().head().to_owned();
    register.note(RegisterEvent::Ended, stamp(9), ALICE, &begun.run, (2, &head), None).unwrap();
    register.note(RegisterEvent::Delivered, stamp(9), ALICE, &begun.run, (2, &head), Some("logs")).unwrap();
    let trusted = allowed(&[&alice]);
    let signers = AllowedSigners::parse(&trusted);
    let ask = || {
        let mut replay = crate::transcript::fixtures::Lenient::default();
        let registered = store.registered(&begun.run).unwrap();
        assert!(registered.is_some());
        verify(&begun.folder, Options { allowed_signers: Some(&signers), replay: Some(&mut replay), registered })
            .unwrap()
    };
    let whole = ask();
    assert_eq!((whole.exit, whole.anchors.len()), (0, 1), "{:?}", whole.findings);
    let path = begun.folder.join("transcript.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let cut: String = text.split_inclusive('\n').take(2).collect();
    fs::write(&path, cut).unwrap();
    fs::remove_file(begun.folder.join("signatures").join(format!("000002.{ALICE}.sig"))).unwrap();
    assert_eq!(judge(&begun.folder, &trusted).exit, 10, "without the register it is an open run");
    let report = ask();
    assert_eq!(report.exit, 20);
    assert!(report.findings.iter().any(|f| f.text.contains("cut off")), "{:?}", report.findings);
}

#[test]
fn a_run_that_claims_another_number_is_not_the_registers() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("20261120T031500Z-r-u-7f3a");
    sealed_run(&run, &alice);
    let signers = AllowedSigners::parse(&allowed(&[&alice]));
    let mut replay = crate::transcript::fixtures::Lenient::default();
    let registered = Some(Registered { number: 2, prev: "0".repeat(64), ..Default::default() });
    let options = Options { allowed_signers: Some(&signers), replay: Some(&mut replay), registered };
    assert_eq!(verify(&run, options).unwrap().exit, 20);
}

#[test]
fn a_hidden_run_or_a_changed_line_breaks_the_register() {
    let dir = tempfile::tempdir().unwrap();
    let register = Register::at(dir.path());
    for (n, run) in ["a", "b", "c"].iter().enumerate() {
        assert_eq!(register.start(stamp(0), ALICE, run).unwrap().number, n as u64 + 1);
    }
    register.note(RegisterEvent::Suspended, stamp(1), ALICE, "b", (4, &"ab".repeat(32)), None).unwrap();
    assert!(register.note(RegisterEvent::Ended, stamp(1), ALICE, "z", (4, "x"), None).is_err());
    let path = dir.path().join("register.jsonl");
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    assert_eq!(register.lines().unwrap().len(), 4);
    let edits = [
        [lines[0], lines[2], lines[3]].concat(),
        [lines[1], lines[2], lines[3]].concat(),
        [lines[0], lines[2], lines[1], lines[3]].concat(),
        [lines[0], lines[1], lines[1], lines[2]].concat(),
        good.replacen(r#""run":"b""#, r#""run":"x""#, 1),
        good.replacen("suspended", "delivered", 1).replacen(ALICE, "mallory@x", 1),
        good.replacen(r#""n":0"#, r#""n":0,"n":0"#, 1),
        good.replacen(r#""n":0"#, r#""n": 0"#, 1),
        good.replace('\n', "\r\n"),
        format!("\n{good}"),
    ];
    for edit in edits {
        fs::write(&path, &edit).unwrap();
        assert!(register.lines().is_err(), "{edit}");
        assert!(register.start(stamp(2), ALICE, "d").is_err(), "nothing is added to a broken register");
        assert_eq!(fs::read_to_string(&path).unwrap(), edit);
    }
    fs::write(&path, format!("{good}{{\"n\":4,\"pre")).unwrap();
    assert_eq!(register.lines().unwrap().len(), 4, "half a line is a crash's");
    assert_eq!(register.start(stamp(2), ALICE, "d").unwrap().number, 4);
    assert_eq!(register.lines().unwrap().len(), 5);
    assert_eq!(
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().contains("torn"))
            .count(),
        1
    );
}

#[test]
fn runs_that_begin_at_once_get_numbers_without_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let register = Register::at(dir.path());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let register = &register;
            scope.spawn(move || {
                for i in 0..5 {
                    register.start(stamp(0), ALICE, &format!("{thread}-{i}")).unwrap();
                }
            });
        }
    });
    let numbers: Vec<u64> = register.lines().unwrap().iter().map(|line| line.number).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<u64>>());
}
