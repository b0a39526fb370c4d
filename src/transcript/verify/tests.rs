//! Attacks. Each one must be seen; most of this file is about what must not pass.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::engine::call::sha256_hex;
use crate::engine::entry::{Body, EnvironmentKind, Stamp};
use crate::transcript::fixtures::*;
use crate::transcript::sign::{Message, Signer, signature_file};
use crate::transcript::{APPROVER, KeyFile, OPERATOR, Writer, encode};

mod people;

const RUN: &str = "20261120T031500Z-r-u-7f3a";

/// A sealed run of six entries, and what trusts its signer.
struct Case {
    dir: tempfile::TempDir,
    alice: KeyFile,
    run: PathBuf,
    allowed: String,
}

impl Case {
    fn new() -> Self {
        Self::with(|run, alice| sealed_run(run, alice))
    }

    fn with(make: impl FnOnce(&Path, &KeyFile)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let alice = signer(dir.path(), ALICE);
        let run = dir.path().join(RUN);
        make(&run, &alice);
        let allowed = allowed(&[&alice]);
        Self { dir, alice, run, allowed }
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.run.join("transcript.jsonl")).unwrap();
        text.split_inclusive('\n').map(str::to_owned).collect()
    }

    fn put(&self, lines: &[String]) {
        fs::write(self.run.join("transcript.jsonl"), lines.concat()).unwrap();
    }

    fn judge(&self) -> Report {
        judge(&self.run, &self.allowed)
    }

    fn signature(&self, n: u64) -> PathBuf {
        self.run.join("signatures").join(signature_file(n, ALICE))
    }

    /// Asserts the exit code and that some finding says so.
    fn is(&self, exit: u8, says: &str) -> Report {
        let report = self.judge();
        assert_eq!(report.exit, exit, "{says}: {:?}", report.findings);
        assert!(report.findings.iter().any(|f| f.text.contains(says)), "{says}: {:?}", report.findings);
        report
    }
}

/// Writes the chain anew over edited entries, as a forger without the key would.
fn rechain(lines: &[String], edit: impl Fn(usize, &mut Value)) -> Vec<String> {
    let mut prev = "0".repeat(64);
    let mut out = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let mut value: Value = serde_json::from_str(line).unwrap();
        edit(n, &mut value);
        value["n"] = n.into();
        value["prev"] = prev.into();
        let line = format!("{value}\n");
        prev = sha256_hex(line.as_bytes());
        out.push(line);
    }
    out
}

#[test]
fn a_sealed_run_is_good_and_says_what_it_does_not_show() {
    let case = Case::new();
    let report = case.judge();
    assert_eq!(report.findings, []);
    assert_eq!((report.status, report.exit, report.entries), (Status::Sealed, 0, 6));
    assert_eq!((report.run.as_str(), report.operator.as_str()), (RUN, ALICE));
    assert_eq!(report.head, sha256_hex(case.lines()[5].as_bytes()));
    assert_eq!(report.signatures.iter().map(|s| s.n).collect::<Vec<_>>(), [0, 2, 5]);
    assert!(report.signatures.iter().all(|s| s.trusted && s.key.starts_with("SHA256:")));
    assert_eq!(report.covered_to, Some(5));
    assert!(report.not_covered.iter().any(|text| text.contains("CloudTrail")));
    let lines = report.lines().join("\n");
    assert!(lines.starts_with(&format!("{RUN}: sealed, in order, every signer trusted.\n")), "{lines}");
    for said in [&report.head, "deviation: entry 4: late", "remains: rotate again", "0 to 5", "Not shown: "] {
        assert!(lines.contains(said), "{said}: {lines}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["status"], &json["exit"]), (&Value::from("sealed"), &Value::from(0)));
}

#[test]
fn entries_that_were_edited_deleted_swapped_duplicated_or_inserted_break_it() {
    let case = Case::new();
    let good = case.lines();
    let edited = |n: usize, from: &str, to: &str| {
        let mut lines = good.clone();
        lines[n] = lines[n].replacen(from, to, 1);
        assert_ne!(lines, good, "{from}");
        lines
    };
    let mut attacks = vec![
        ("edited", edited(0, "overdue", "planned")),
        ("edited", edited(5, "completed", "rolled_back")),
        ("time", edited(3, ":03.000Z", ":04.000Z")),
        ("duplicate key", edited(4, r#""kind""#, r#""by":"bob","kind""#)),
        ("CR", edited(2, "\n", "\r\n")),
        ("blank", edited(2, r#""n":2"#, r#""n": 2"#)),
        ("trailing", edited(5, "}\n", "} \n")),
        ("empty line", edited(5, "}\n", "}\n\n")),
        (
            "forged chain",
            rechain(&good, |n, entry| {
                if n == 0 {
                    entry["reason"] = "planned".into()
                }
            }),
        ),
    ];
    for n in 0..good.len() {
        let (mut deleted, mut duplicated) = (good.clone(), good.clone());
        deleted.remove(n);
        duplicated.insert(n, good[n].clone());
        if n + 1 < good.len() {
            let mut swapped = good.clone();
            swapped.swap(n, n + 1);
            attacks.push(("swapped", swapped));
            attacks.push(("deleted", deleted.clone()));
            attacks.push(("deleted, chain forged", rechain(&deleted, |_, _| {})));
        }
        attacks.push(("duplicated, chain forged", rechain(&duplicated, |_, _| {})));
        attacks.push(("duplicated", duplicated));
    }
    for (what, lines) in attacks {
        case.put(&lines);
        assert_eq!(case.judge().exit, 20, "{what}");
    }
    case.put(&good);
    assert_eq!(case.judge().exit, 0);
}

#[test]
fn it_goes_on_past_a_bad_entry_and_lists_all() {
    let case = Case::new();
    let mut lines = case.lines();
    lines[1] = "not JSON\n".into();
    lines[4] = lines[4].replacen("req-1", "req-2", 1);
    case.put(&lines);
    let report = case.judge();
    let at: Vec<Option<u64>> = report.findings.iter().map(|finding| finding.n).collect();
    for n in [1, 2, 5] {
        assert!(at.contains(&Some(n)), "entry {n}: {:?}", report.findings);
    }
    assert_eq!((report.exit, report.entries, report.order_judged), (20, 6, false));
}

/// The shortest sealed run.
fn short() -> Case {
    let case = Case::with(|run, alice| {
        let mut writer = Writer::create(run).unwrap();
        files(run);
        writer.append_checkpoint(stamp(0), None, ALICE, Body::Opened(Box::new(opened())), alice).unwrap();
        writer.append_checkpoint(stamp(5), None, ALICE, sealed(&[]), alice).unwrap();
    });
    assert_eq!(case.judge().exit, 0);
    case
}

/// Flips bits of a file, `stride` apart, and judges each time.
fn flip(case: &Case, file: &Path, stride: usize) {
    let good = fs::read(file).unwrap();
    for bit in (0..good.len() * 8).step_by(stride) {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(file, &bytes).unwrap();
        assert_ne!(case.judge().exit, 0, "bit {bit} of {}", file.display());
    }
    fs::write(file, &good).unwrap();
}

#[test]
fn no_bit_of_a_short_run_can_be_flipped() {
    let case = short();
    // A stride that is prime visits every bit of a byte.
    flip(&case, &case.run.join("transcript.jsonl"), 499);
    flip(&case, &case.signature(0), 241);
    flip(&case, &case.signature(1), 241);
    flip(&case, &case.run.join("runbook.yaml"), 17);
    flip(&case, &case.run.join("roster.json"), 17);
    flip(&case, &case.run.join("connectors/heroku.yaml"), 17);
}

#[test]
#[ignore = "every single bit takes a quarter of an hour unless optimised; run with --release --ignored"]
fn no_single_bit_of_a_short_run_can_be_flipped() {
    let case = short();
    for file in ["transcript.jsonl", "runbook.yaml", "roster.json", "connectors/heroku.yaml"] {
        flip(&case, &case.run.join(file), 1);
    }
    flip(&case, &case.signature(0), 1);
    flip(&case, &case.signature(1), 1);
}

#[test]
fn every_bit_of_the_chain_is_seen_without_any_signature() {
    let case = Case::new();
    let good = case.lines().concat().into_bytes();
    let last = good[..good.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    let path = case.run.join("transcript.jsonl");
    // One bit of every third byte: which one turns with the place, so each of the eight has its share.
    for at in (0..last).step_by(3) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        let mut all = crate::transcript::entries(&case.run).unwrap().without_blobs();
        assert!(all.any(|entry| entry.is_err()), "byte {at}");
    }
}

#[test]
fn a_cut_tail_is_an_open_run() {
    let case = Case::new();
    let good = case.lines();
    case.put(&good[..4]);
    case.is(20, "000005");
    case.put(&good[..5]);
    case.is(10, "never written");
    for keep in (1..6).rev() {
        let _ = fs::remove_file(case.signature(keep as u64));
        case.put(&good[..keep]);
        case.is(10, "there is no seal");
    }
    case.put(&[]);
    case.is(20, "never opened");
}

#[test]
fn an_open_run_is_never_good() {
    let case = Case::with(|run, alice| drop(open_run(run, alice)));
    let report = case.is(10, "there is no seal");
    let lines = report.lines().join("\n");
    assert!(lines.contains("open, in order so far") && !lines.to_lowercase().contains("ok"), "{lines}");
    assert_eq!(report.covered_to, Some(2));
    assert!(report.findings.iter().any(|f| f.text.contains("entries 3 to 3 are not covered")));
    let torn = format!("{}{{\"n\":4", case.lines().concat());
    fs::write(case.run.join("transcript.jsonl"), torn).unwrap();
    case.is(10, "6 bytes after the last entry");
}

#[test]
fn bytes_after_a_seal_are_not_a_crash() {
    let case = Case::new();
    fs::write(case.run.join("transcript.jsonl"), format!("{}x", case.lines().concat())).unwrap();
    case.is(20, "1 bytes after the last entry");
}

#[test]
fn a_signature_that_was_removed_moved_or_added_is_seen() {
    let case = Case::new();
    let two = fs::read(case.signature(2)).unwrap();
    fs::remove_file(case.signature(2)).unwrap();
    case.is(20, "removed");
    fs::write(case.signature(2), fs::read(case.signature(0)).unwrap()).unwrap();
    case.is(20, "does not fit");
    fs::write(case.signature(2), &two).unwrap();
    fs::write(case.signature(3), &two).unwrap();
    case.is(20, "000003");
    fs::remove_file(case.signature(3)).unwrap();
    for stray in ["000009.alice@example.com.sig", "000006.bob.sig", "2.alice@example.com.sig", "x"] {
        let path = case.run.join("signatures").join(stray);
        fs::write(&path, &two).unwrap();
        case.is(20, stray);
        fs::remove_file(path).unwrap();
    }
    assert_eq!(case.judge().exit, 0);
    fs::rename(case.signature(5), case.run.join("signatures/000005.bob.sig")).unwrap();
    case.is(20, "not by the one who made the entry");
}

#[test]
fn a_seal_without_its_signature_is_open() {
    let case = Case::new();
    fs::remove_file(case.signature(5)).unwrap();
    case.is(10, "the seal has no signature");
}

#[test]
fn a_change_that_was_confirmed_without_a_signature_is_not_in_order() {
    for unsigned in [confirmed("create"), Body::Suspended { reason: "x".into() }] {
        let case = Case::with(|run, alice| {
            let mut writer = open_run(run, alice);
            writer.append(stamp(4), None, ALICE, unsigned).unwrap();
            writer.append_checkpoint(stamp(5), None, ALICE, sealed(&[]), alice).unwrap();
        });
        case.is(22, "has no signature");
    }
}

#[test]
fn a_signature_by_a_stranger_is_whole_and_not_trusted() {
    let case = Case::new();
    let stranger = signer(case.dir.path(), "mallory");
    let others = allowed(&[&stranger]);
    let report = judge(&case.run, &others);
    assert_eq!((report.exit, report.status), (21, Status::Untrusted));
    let options = Options { replay: Some(&mut Lenient::default()), ..Options::default() };
    let report = verify(&case.run, options).unwrap();
    assert_eq!(report.exit, 21, "nobody is trusted where nobody was named");
    // Mallory signs a run in alice's name, with a key of their own.
    let forged = KeyFile::open(stranger.path(), ALICE).unwrap();
    let run = case.dir.path().join("forged");
    sealed_run(&run, &forged);
    let report = judge(&run, &case.allowed);
    assert_eq!(report.exit, 21, "{:?}", report.findings);
    assert!(report.findings.iter().any(|f| f.text.contains("has no such key")));
    // And puts one signature of their own beside alice's line.
    let lines = case.lines();
    let sha512 = crate::transcript::sign::Message::of(lines.concat().as_bytes()).sha512().to_owned();
    let all = lines.concat();
    let message = Message::of(all.as_bytes());
    assert_eq!(message.sha512(), &sha512);
    fs::write(case.signature(5), forged.sign(OPERATOR, &message).unwrap()).unwrap();
    case.is(21, "has no such key");
}

#[test]
fn a_signature_under_another_role_does_not_count() {
    let case = Case::new();
    let all = case.lines().concat();
    for namespace in [APPROVER, "file"] {
        fs::write(case.signature(5), case.alice.sign(namespace, &Message::of(all.as_bytes())).unwrap()).unwrap();
        case.is(20, "signed under");
    }
    let approver = case.allowed.replace("operator@keyward,", "");
    fs::write(case.signature(5), case.alice.sign(OPERATOR, &Message::of(all.as_bytes())).unwrap()).unwrap();
    assert_eq!(case.judge().exit, 0);
    assert_eq!(judge(&case.run, &approver).exit, 21);
}

#[test]
fn a_key_counts_in_its_time_only_and_a_drill_is_judged_by_the_real_one() {
    let case = Case::new();
    let window = |from: &str, to: &str| {
        let times = format!("\",valid-after=\"{from}\",valid-before=\"{to}\" ssh-");
        judge(&case.run, &case.allowed.replacen("\" ssh-", &times, 1)).exit
    };
    assert_eq!(window("20261120031500Z", "20261120031505Z"), 0);
    assert_eq!(window("20261120031501Z", "20271120031505Z"), 21);
    assert_eq!(window("20201120031501Z", "20261120031504Z"), 21);
    // As stock tools see the same windows, with the seal's own check.
    let check = case.judge().signatures[2].check.clone();
    for (from, to, good) in [
        ("20261120031505Z", "20261120031506Z", true),
        ("20261120031504Z", "20261120031505Z", true),
        ("20261120031506Z", "20261120031507Z", false),
        ("20261120031503Z", "20261120031504Z", false),
        ("202611200315Z", "202611200316Z", true),
        ("20261120Z", "20261121Z", true),
    ] {
        let times = format!("\",valid-after=\"{from}\",valid-before=\"{to}\" ssh-");
        let text = case.allowed.replacen("\" ssh-", &times, 1);
        fs::write(case.run.join("allowed_signers"), &text).unwrap();
        let stock = std::process::Command::new("sh").args(["-c", &check]).current_dir(&case.run).output().unwrap();
        assert_eq!(stock.status.success(), good, "{from} {to}: {}", String::from_utf8_lossy(&stock.stderr));
        assert_eq!(judge(&case.run, &text).signatures[2].trusted, good, "{from} {to}");
    }
    let drill = Case::with(|run, alice| {
        let mut writer = Writer::create(run).unwrap();
        files(run);
        let mut opened = opened();
        opened.environment.kind = EnvironmentKind::Sandbox;
        opened.environment.virtual_clock = true;
        let (virtual_, wall) = (stamp(1_000_000), Some(stamp(0)));
        writer.append_checkpoint(virtual_, wall, ALICE, Body::Opened(Box::new(opened)), alice).unwrap();
        writer.append_checkpoint(virtual_, wall, ALICE, sealed(&[]), alice).unwrap();
    });
    let times = "\",valid-before=\"20261120031500Z\" ssh-";
    let report = judge(&drill.run, &drill.allowed.replacen("\" ssh-", times, 1));
    assert_eq!(report.exit, 0, "{:?}", report.findings);
    assert!(report.signatures[0].check.contains("verify-time=20261120031500Z"), "{}", report.signatures[0].check);
    assert!(report.not_covered.iter().any(|text| text.contains("a drill")));
}

#[test]
fn what_a_drill_may_do_a_real_account_may_not() {
    let open_as = |change: fn(&mut crate::engine::entry::Opened), wall: Option<Stamp>, more: Vec<Body>| {
        Case::with(|run, alice| {
            let mut writer = Writer::create(run).unwrap();
            files(run);
            let mut opened = opened();
            change(&mut opened);
            writer.append_checkpoint(stamp(0), wall, ALICE, Body::Opened(Box::new(opened)), alice).unwrap();
            for body in more {
                writer.append_checkpoint(stamp(1), wall, ALICE, body, alice).unwrap();
            }
            writer.append_checkpoint(stamp(5), wall, ALICE, sealed(&[]), alice).unwrap();
        })
    };
    open_as(|o| o.environment.virtual_clock = true, Some(stamp(0)), vec![]).is(22, "a virtual clock");
    open_as(|o| o.environment.unattended = true, None, vec![]).is(22, "nobody to confirm");
    open_as(|_| {}, Some(stamp(0)), vec![]).is(22, "two clocks");
    open_as(|_| {}, None, vec![Body::ClockMoved { from: stamp(0), reason: "x".into() }]).is(22, "clock was moved");
    let Body::Confirmed { step, attempt, action, digest, mut answer } = confirmed("create") else { unreachable!() };
    answer.how = "yes".into();
    let by_flag =
        Body::Confirmed { step: step.clone(), attempt, action: action.clone(), digest, answer: answer.clone() };
    open_as(|_| {}, None, vec![by_flag]).is(22, "confirmed by a flag");
    answer.how = "sign".into();
    let other = Body::Confirmed { step, attempt, action, digest: "00".repeat(32), answer };
    open_as(|_| {}, None, vec![other]).is(20, "not that of the action");
    open_as(|o| o.format = 2, None, vec![]).is(20, "format 2");
    open_as(|o| o.semantics = 2, None, vec![]).is(22, "order not judged: semantics 2");
    open_as(|o| o.operator = "bob".into(), None, vec![]).is(22, "whose operator is bob");
    open_as(|_| {}, None, vec![Body::Opened(Box::new(opened()))]).is(22, "a second time");
}

#[test]
fn order_is_what_the_engine_says_and_without_it_nothing_is_good() {
    let case = Case::with(|run, alice| {
        let mut writer = open_run(run, alice);
        writer.append(stamp(4), None, ALICE, Body::Noted { text: "not in order".into() }).unwrap();
        finish_run(&mut writer, alice);
        writer.append(stamp(6), None, ALICE, Body::Noted { text: "after the end".into() }).unwrap();
    });
    let report = case.is(22, "the engine would not have");
    assert!(report.findings.iter().any(|f| f.text.contains("after the seal") && f.n == Some(7)));
    let case = Case::new();
    let signers = crate::transcript::AllowedSigners::parse(&case.allowed);
    let report = verify(&case.run, Options { allowed_signers: Some(&signers), ..Options::default() }).unwrap();
    assert_eq!((report.exit, report.order_judged), (22, false));
    let mut replay = Lenient::default();
    let options = Options { allowed_signers: Some(&signers), replay: Some(&mut replay), registered: None };
    verify(&case.run, options).unwrap();
    let Body::Resolved { reading, .. } = &replay.seen[1].body else { panic!("{:?}", replay.seen[1]) };
    assert!(reading.result.is_some() && reading.blob.is_some(), "the engine is given what is in blobs");
}

#[test]
fn broken_comes_before_not_in_order_before_untrusted_before_open() {
    let case = Case::with(|run, alice| {
        let mut writer = open_run(run, alice);
        writer.append(stamp(4), None, ALICE, Body::Noted { text: "not in order".into() }).unwrap();
    });
    let stranger = allowed(&[&signer(case.dir.path(), "mallory")]);
    assert_eq!(judge(&case.run, &stranger).exit, 22);
    fs::write(case.run.join("runbook.yaml"), "other").unwrap();
    assert_eq!(judge(&case.run, &stranger).exit, 20);
    let open = Case::with(|run, alice| drop(open_run(run, alice)));
    assert_eq!(judge(&open.run, &stranger).exit, 21);
}

#[test]
fn files_beside_the_transcript_are_the_ones_it_names() {
    let case = Case::new();
    for name in ["runbook.yaml", "roster.json", "connectors/heroku.yaml"] {
        let path = case.run.join(name);
        let good = fs::read(&path).unwrap();
        fs::write(&path, [&good[..], b"\n"].concat()).unwrap();
        case.is(20, name);
        fs::remove_file(&path).unwrap();
        case.is(20, name);
        fs::write(&path, &good).unwrap();
    }
    fs::write(case.run.join("connectors/extra.yaml"), "x").unwrap();
    case.is(20, "extra.yaml is not named");
    fs::remove_file(case.run.join("connectors/extra.yaml")).unwrap();
    let blob = fs::read_dir(case.run.join("blobs")).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&blob).unwrap();
    fs::write(&blob, [&good[..], b" "].concat()).unwrap();
    case.is(20, "changed");
    fs::remove_file(&blob).unwrap();
    case.is(20, "blobs");
}

#[test]
fn a_line_of_any_length_does_not_fill_the_memory() {
    let case = Case::new();
    let mut lines = case.lines();
    lines[3] = format!("{{\"n\":\"{}\"}}\n", "x".repeat(3_000_000));
    case.put(&lines);
    case.is(20, "over 65536 bytes");
}

#[test]
fn an_entry_that_leaves_out_a_signature_or_names_one_too_many_is_broken() {
    let case = Case::new();
    let mut entry = crate::transcript::decode(case.lines()[1].as_bytes()).unwrap();
    let sigs = entry.sigs.clone();
    entry.sigs = None;
    let mut lines = case.lines();
    lines[1] = String::from_utf8(encode(&entry).unwrap()).unwrap();
    case.put(&lines);
    case.is(20, "does not name it");
    let mut many = sigs.unwrap();
    many.insert("000000.bob.sig".into(), "00".repeat(32));
    entry.sigs = Some(many);
    lines[1] = String::from_utf8(encode(&entry).unwrap()).unwrap();
    case.put(&lines);
    case.is(20, "not there: removed");
}

#[test]
fn text_from_the_folder_does_not_reach_the_terminal_as_it_is() {
    let case = Case::new();
    let escape = "\u{1b}[2J";
    let lines = rechain(&case.lines(), |n, entry| {
        if n == 0 {
            entry["by"] = escape.into();
            entry["operator"] = escape.into();
            entry["environment"]["name"] = escape.into();
        }
        if n == 3 {
            entry["kind"] = escape.into();
        }
    });
    case.put(&lines);
    let report = case.is(20, "can't be a principal");
    assert!(report.findings.iter().all(|f| !f.text.contains('\u{1b}')), "{:?}", report.findings);
    assert!(!report.environment.contains('\u{1b}'));
}

#[test]
fn lines_of_allowed_signers_that_do_not_count_are_told() {
    let case = Case::new();
    let text = format!("{}bob {}", case.allowed, case.allowed.split_once("\" ").unwrap().1);
    let signers = crate::transcript::AllowedSigners::parse(&text);
    let mut replay = Lenient::default();
    let options = Options { allowed_signers: Some(&signers), replay: Some(&mut replay), registered: None };
    let report = verify(&case.run, options).unwrap();
    assert_eq!(report.exit, 0);
    assert!(report.findings[0].text.contains("line 2 does not count"), "{:?}", report.findings);
}

#[test]
fn times_that_contradict_each_other_are_told() {
    let case = Case::with(|run, alice| {
        let mut writer = open_run(run, alice);
        let mut reading = reading();
        reading.date = Some("Fri, 20 Nov 2026 09:15:00 GMT".into());
        let finished = Body::Finished { place: place(), verdict: crate::engine::entry::Verdict::Pass, reading };
        writer.append(stamp(2), None, ALICE, finished).unwrap();
        writer.append_checkpoint(stamp(5), None, ALICE, sealed(&[]), alice).unwrap();
    });
    let report = case.is(0, "before that of the entry before it");
    assert!(report.findings.iter().any(|f| f.text.contains("the server's clock said")), "{:?}", report.findings);
}

#[test]
fn a_pipe_or_a_link_in_the_folder_does_not_hold_it_up() {
    let case = Case::new();
    fs::remove_file(case.signature(2)).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(case.signature(2)).status().unwrap().success());
    case.is(20, "not a plain file");
}
