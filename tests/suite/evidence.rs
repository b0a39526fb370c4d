//! What a transcript proves: every way to tamper with a finished run, and the exit code that finds it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::drills::completed;
use super::forger::{SIGNED, forge, sha256};
use super::machine::{Drilled, KEYWARD, Machine, REPOSITORY, block_on, copy, run};
use super::transcript::time;

const SEALED: i32 = 0;
const OPEN: i32 = 10;
const BROKEN: i32 = 20;
const UNTRUSTED: i32 = 21;
const NOT_IN_ORDER: i32 = 22;

/// Another machine, with a copy of the finished run that may be tampered with.
struct Copied {
    place: Machine,
    run: PathBuf,
}

impl Copied {
    /// The run's folder alone, as an auditor gets it: no register is there.
    fn alone() -> Self {
        let place = Machine::new();
        let original = &completed().1.path;
        let run = place.work().join(original.file_name().unwrap());
        copy(original, &run);
        Self { place, run }
    }

    /// The whole store, register included.
    fn with_store() -> Self {
        let place = Machine::new();
        let (machine, drilled) = completed();
        copy(&machine.store(), &place.store());
        let run = place.store().join(drilled.path.file_name().unwrap());
        Self { place, run }
    }

    fn transcript(&self) -> PathBuf {
        self.run.join("transcript.jsonl")
    }

    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.transcript()).unwrap();
        text.split_inclusive('\n').map(str::to_owned).collect()
    }

    fn write(&self, lines: &[String]) {
        std::fs::write(self.transcript(), lines.concat()).unwrap();
    }

    fn signature(&self, n: usize) -> PathBuf {
        let (_, principal) = completed().0.allowed_signers();
        self.run.join(format!("signatures/{n:06}.{principal}.sig"))
    }

    fn verify(&self) -> (i32, Value) {
        self.verify_trusting(&completed().0.allowed_signers().0)
    }

    fn verify_trusting(&self, allowed: &Path) -> (i32, Value) {
        let allowed = allowed.to_str().unwrap();
        let args = ["--json", "verify", self.run.to_str().unwrap(), "--allowed-signers", allowed];
        let ran = self.place.keyward(&args);
        let code = ran.code.unwrap_or(-1);
        (code, ran.json().into_iter().next().unwrap_or(Value::String(ran.err)))
    }

    #[track_caller]
    fn judged(&self, what: &str, code: i32) -> Value {
        let (got, report) = self.verify();
        assert_eq!(got, code, "{what}: {report}");
        report
    }
}

/// Number of the first entry of a kind at a step.
fn position(entries: &[Value], kind: &str, step: &str) -> usize {
    entries.iter().position(|entry| entry["kind"] == kind && entry["step"] == step).unwrap()
}

#[test]
fn a_copy_of_a_finished_run_is_as_good_as_the_run() {
    let report = Copied::alone().judged("the folder alone", SEALED);
    let alone = report["not_covered"].as_array().unwrap().len();
    let report = Copied::with_store().judged("with its register", SEALED);
    assert!(report["anchors"].as_array().is_some_and(|anchors| !anchors.is_empty()), "{report}");
    assert!(report["not_covered"].as_array().unwrap().len() <= alone, "the register covers a cut tail");
}

/// The auditor's script, which needs nothing of ours.
fn by_script(copied: &Copied, allowed: &Path) -> (i32, String) {
    let mut command = copied.place.command(Path::new(REPOSITORY).join("assets/verify.sh"));
    command.arg(&copied.run).arg(allowed);
    let ran = run(command);
    (ran.code.unwrap_or(-1), ran.out + &ran.err)
}

#[test]
fn the_auditors_script_finds_the_same_without_keyward() {
    type Edit = fn(&Copied);
    let edits: [(&str, i32, Edit); 9] = [
        ("nothing", SEALED, |_| {}),
        ("a byte", BROKEN, |copied| {
            let mut lines = copied.lines();
            lines[60] = lines[60].replacen("\"at\":\"2026", "\"at\":\"2027", 1);
            copied.write(&lines);
        }),
        ("a line less", BROKEN, |copied| {
            let mut lines = copied.lines();
            lines.remove(40);
            copied.write(&lines);
        }),
        ("two swapped", BROKEN, |copied| {
            let mut lines = copied.lines();
            lines.swap(50, 51);
            copied.write(&lines);
        }),
        ("a torn line", BROKEN, |copied| {
            let mut lines = copied.lines();
            lines.push("{\"n\":".into());
            copied.write(&lines);
        }),
        ("a signature less", BROKEN, |copied| {
            std::fs::remove_file(copied.signature(first_signed_after(copied, 1))).unwrap();
        }),
        ("another runbook", BROKEN, |copied| std::fs::write(copied.run.join("runbook.yaml"), "runbook: x\n").unwrap()),
        ("another connector", BROKEN, |copied| std::fs::write(copied.run.join("connectors/heroku.yaml"), "").unwrap()),
        ("a cut tail", OPEN, |copied| {
            let mut lines = copied.lines();
            lines.pop();
            std::fs::remove_file(copied.signature(lines.len())).unwrap();
            copied.write(&lines);
        }),
    ];
    let allowed = completed().0.allowed_signers().0;
    for (what, code, edit) in edits {
        let copied = Copied::alone();
        edit(&copied);
        let (got, said) = by_script(&copied, &allowed);
        assert_eq!(got, code, "{what}: {said}");
    }
    let stranger = Machine::new();
    assert_eq!(by_script(&Copied::alone(), &stranger.allowed_signers().0).0, UNTRUSTED);
}

#[test]
fn every_line_that_is_changed_moved_added_or_lost_is_found() {
    type Edit = fn(&mut Vec<String>);
    let edits: [(&str, Edit); 12] = [
        ("a status", |lines| lines[60] = lines[60].replacen("\"kind\":\"", "\"kind\":\" ", 1)),
        ("a time", |lines| lines[30] = lines[30].replacen("2026", "2025", 1).replacen("202", "203", 1)),
        ("a verdict", |lines| {
            let at = lines.iter().position(|line| line.contains("\"verdict\":\"fail\"")).unwrap();
            lines[at] = lines[at].replacen("\"fail\"", "\"pass\"", 1);
        }),
        ("a space", |lines| lines[10] = lines[10].replacen(':', ": ", 1)),
        ("a line is gone", |lines| drop(lines.remove(40))),
        ("the first is gone", |lines| drop(lines.remove(0))),
        ("two are swapped", |lines| lines.swap(50, 51)),
        ("one stands twice", |lines| lines.insert(20, lines[20].clone())),
        ("an empty line", |lines| lines.insert(20, "\n".into())),
        ("a name twice in an object", |lines| lines[5] = lines[5].replacen("{\"n\":5", "{\"n\":5,\"n\":5", 1)),
        ("other line ends", |lines| lines.iter_mut().for_each(|line| *line = line.replace('\n', "\r\n"))),
        ("a line of somebody else's after the seal", |lines| lines.push(lines[1].clone())),
    ];
    for (what, edit) in edits {
        let copied = Copied::alone();
        let mut lines = copied.lines();
        edit(&mut lines);
        assert_ne!(lines, copied.lines(), "{what} changes nothing");
        copied.write(&lines);
        let report = copied.judged(what, BROKEN);
        assert!(report["findings"].as_array().is_some_and(|findings| !findings.is_empty()), "{what}: {report}");
    }
}

#[test]
fn two_faults_are_both_told() {
    let copied = Copied::alone();
    let mut lines = copied.lines();
    for at in [30, 100] {
        lines[at] = lines[at].replacen("\"at\":\"2026", "\"at\":\"2027", 1);
    }
    copied.write(&lines);
    let report = copied.judged("two lines", BROKEN);
    assert!(report["findings"].as_array().unwrap().len() >= 2, "{report}");
}

#[test]
fn every_file_beside_the_transcript_is_covered() {
    type Edit = fn(&Copied);
    let append =
        |path: &Path| std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"# x\n").unwrap();
    for file in ["runbook.yaml", "connectors/heroku.yaml", "roster.json"] {
        let copied = Copied::alone();
        append(&copied.run.join(file));
        copied.judged(file, BROKEN);
        let copied = Copied::alone();
        std::fs::remove_file(copied.run.join(file)).unwrap();
        copied.judged(&format!("{file} is gone"), BROKEN);
    }
    let edits: [(&str, Edit); 3] = [
        ("a signature is gone", |copied| std::fs::remove_file(copied.signature(20)).unwrap()),
        ("a signature stands for another", |copied| {
            let n = first_signed_after(copied, 20);
            std::fs::copy(copied.signature(0), copied.signature(n)).map(drop).unwrap();
        }),
        ("a signature is empty", |copied| std::fs::write(copied.signature(0), "").unwrap()),
    ];
    for (what, edit) in edits {
        let copied = Copied::alone();
        if what == "a signature is gone" {
            std::fs::remove_file(copied.signature(first_signed_after(&copied, 1))).unwrap();
        } else {
            edit(&copied);
        }
        copied.judged(what, BROKEN);
    }
}

fn first_signed_after(copied: &Copied, from: usize) -> usize {
    (from..copied.lines().len()).find(|n| copied.signature(*n).exists()).unwrap()
}

#[test]
fn a_cut_tail_is_an_open_run_and_the_register_shows_the_cut() {
    for (copied, code) in [(Copied::alone(), OPEN), (Copied::with_store(), BROKEN)] {
        let mut lines = copied.lines();
        let last = lines.len() - 1;
        lines.pop();
        copied.write(&lines);
        std::fs::remove_file(copied.signature(last)).unwrap();
        let report = copied.judged("the seal is cut off", code);
        assert_ne!(report["status"], "sealed");
    }
}

#[test]
fn a_signer_nobody_trusts_is_told_from_a_broken_run() {
    let copied = Copied::alone();
    let (stranger, _) = Machine::new().allowed_signers();
    // The machine is gone with its file; one that stays is made by hand.
    assert!(!stranger.exists());
    let other = Machine::new();
    assert_eq!(copied.verify_trusting(&other.allowed_signers().0).0, UNTRUSTED, "somebody else's key");
    let empty = other.work().join("nobody");
    std::fs::write(&empty, "").unwrap();
    assert_eq!(copied.verify_trusting(&empty).0, UNTRUSTED, "nobody is trusted");
    let line = std::fs::read_to_string(completed().0.allowed_signers().0).unwrap();
    for (what, line) in [
        ("for another purpose", line.replace("operator@keyward", "approver@keyward")),
        ("under another name", line.replacen("alice", "alicia", 1)),
        ("a pattern for a name", line.replacen("alice", "*", 1)),
        ("not valid yet", line.replacen(" namespaces", " valid-after=\"20990101Z\",namespaces", 1)),
    ] {
        let file = other.work().join("allowed");
        std::fs::write(&file, line).unwrap();
        assert_eq!(copied.verify_trusting(&file).0, UNTRUSTED, "{what}");
    }
    let mut lines = copied.lines();
    lines.swap(50, 51);
    copied.write(&lines);
    assert_eq!(copied.verify_trusting(&empty).0, BROKEN, "broken goes before untrusted");
}

#[test]
fn rewriting_nothing_gives_the_same_bytes() {
    let copied = Copied::alone();
    let before = copied.lines();
    forge(&completed().0, &copied.run, |_| {});
    assert_eq!(copied.lines(), before, "the forger of the tests below knows the format");
    copied.judged("forged without a change", SEALED);
}

#[test]
fn what_the_signer_rewrites_must_still_be_a_run_that_could_have_been() {
    type Edit = fn(&mut Vec<Value>);
    let edits: [(&str, Edit); 9] = [
        ("a create that nobody confirmed", |entries| {
            let at = position(entries, "confirmed", "create");
            entries.remove(at);
        }),
        ("a create for another user than was confirmed", |entries| {
            let at = position(entries, "confirmed", "create");
            let action = entries[at]["action"].as_str().unwrap().replace("raxx-vault-operator\"", "raxx-root\"");
            let digest = sha256(action.as_bytes());
            let start = position(entries, "started", "create");
            entries[start]["digest"] = json!(digest);
            entries[at]["action"] = json!(action);
            entries[at]["digest"] = json!(digest);
        }),
        ("a delete without its deactivate", |entries| {
            entries.retain(|entry| entry["step"] != "deactivate" || entry["kind"] == "gate");
        }),
        ("a delete before its day is over", |entries| {
            let from = position(entries, "confirmed", "proofs-final");
            let early = |text: &Value| {
                let at = chrono::DateTime::parse_from_rfc3339(text.as_str().unwrap()).unwrap()
                    - chrono::TimeDelta::hours(20);
                json!(at.to_utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
            };
            let last = entries[..from].iter().rposition(|entry| entry["kind"] == "clock_moved").unwrap();
            for (n, entry) in entries.iter_mut().enumerate().skip(last) {
                entry["at"] = early(&entry["at"]);
                if entry["kind"] == "clock_moved" && n != last {
                    entry["from"] = early(&entry["from"]);
                }
            }
        }),
        ("a proof that failed and is called passed", |entries| {
            let of = |entry: &Value| entry["kind"] == "finished" && entry["step"] == "proofs-final";
            let at = entries.iter().position(of).unwrap();
            entries[at]["result"]["works"] = json!(false);
        }),
        ("a proof of one consumer left out", |entries| {
            let of = |entry: &Value| entry["step"] == "proofs" && entry["row"] == "vault host";
            entries.retain(|entry| !of(entry));
        }),
        ("a drill passed off as a run in an account", |entries| {
            entries[0]["environment"]["kind"] = json!("account");
            entries[0]["environment"]["name"] = json!("prod");
        }),
        ("a stranger's entry", |entries| {
            let at = position(entries, "started", "store");
            entries[at]["by"] = json!("mallory@example.com");
        }),
        ("an entry after the seal", |entries| {
            let mut after = entries[position(entries, "finished", "delete")].clone();
            after[SIGNED] = json!(true);
            entries.push(after);
        }),
    ];
    for (what, edit) in edits {
        let copied = Copied::alone();
        forge(&completed().0, &copied.run, edit);
        let report = copied.judged(what, NOT_IN_ORDER);
        assert!(report["findings"].as_array().is_some_and(|findings| !findings.is_empty()), "{what}: {report}");
    }
}

#[test]
fn what_was_confirmed_has_the_digest_that_jq_and_sha256sum_give() {
    let (machine, drilled) = completed();
    let transcript = drilled.transcript();
    let confirmed: Vec<&Value> = transcript.kind("confirmed").collect();
    assert!(confirmed.len() >= 12);
    for entry in confirmed {
        let line = machine.work().join(format!("confirmed-{}.txt", entry["n"]));
        std::fs::write(&line, entry.to_string()).unwrap();
        let mut command = machine.command("sh");
        command.args(["-ec", "jq -rj .action <\"$0\" | { sha256sum 2>/dev/null || shasum -a 256; }"]).arg(&line);
        let digest = run(command).ended(0).out;
        assert_eq!(Some(digest.split_whitespace().next().unwrap()), entry["digest"].as_str(), "{entry}");
        let action = entry["action"].as_str().unwrap();
        assert!(action.is_ascii());
        let parsed: Value = serde_json::from_str(action).unwrap();
        assert_eq!(
            (&parsed["step"], &parsed["caller"]),
            (&entry["step"], &json!("arn:aws:iam::000000000000:user/oncall"))
        );
    }
}

/// A drill that ends by this signal as soon as it has written an entry of that kind at that step.
fn stopped(machine: &Machine, signal: &str, kind: &str, step: &str) -> Vec<Value> {
    block_on(async {
        let mut command = machine.command(KEYWARD);
        command.arg("--store").arg(machine.store()).args(["drill", "--yes", "--json", "--seed", "7"]);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            let entry: Value = serde_json::from_str(&line).unwrap();
            let there = entry["kind"] == kind && entry["step"] == step;
            seen.push(entry);
            if there {
                let pid = child.id().unwrap().to_string();
                let status = tokio::process::Command::new("kill").args([signal, &pid]).status().await.unwrap();
                assert!(status.success());
            }
        }
        child.wait().await.unwrap();
        seen
    })
}

fn only_run(machine: &Machine) -> PathBuf {
    let runs = machine.keyward(&["--json", "runs"]).ended(0).json();
    assert_eq!(runs.len(), 1, "{runs:?}");
    PathBuf::from(runs[0]["path"].as_str().unwrap())
}

#[test]
fn a_killed_run_is_open_in_order_so_far_and_never_called_good() {
    let machine = Machine::new();
    let seen = stopped(&machine, "-KILL", "finished", "store");
    assert_ne!(seen.last().unwrap()["status"], "completed", "it was killed before its end");
    let run = only_run(&machine);
    let (code, report) = machine.verify(&run);
    assert_eq!(code, Some(OPEN), "{report}");
    let plain = machine.keyward(&["verify", run.to_str().unwrap()]).ended(OPEN).out;
    assert!(!plain.contains("OK") && plain.contains("so far"), "{plain}");
}

#[test]
fn a_torn_last_line_is_no_tampering() {
    let machine = Machine::new();
    stopped(&machine, "-KILL", "finished", "create");
    let run = only_run(&machine);
    let mut file = std::fs::OpenOptions::new().append(true).open(run.join("transcript.jsonl")).unwrap();
    file.write_all(b"{\"n\":24,\"prev\":\"ab").unwrap();
    assert_eq!(machine.verify(&run).0, Some(OPEN));
}

#[test]
fn a_drill_that_is_interrupted_suspends_and_goes_on_to_its_end() {
    let machine = Machine::new();
    let seen = stopped(&machine, "-TERM", "finished", "store");
    let last = seen.last().unwrap();
    assert_eq!(last["status"], "suspended", "{last}");
    let run = only_run(&machine);
    assert_eq!(machine.verify(&run).0, Some(OPEN));
    let on = Drilled::of(machine.keyward(&["resume", "--yes", "--json"]).ended(0));
    assert_eq!((on.status.as_str(), &on.path), ("completed", &run));
    assert_eq!(machine.verify(&run).0, Some(SEALED));
    let transcript = on.transcript();
    assert!(transcript.kind("resumed").next().is_some());
    assert_eq!(transcript.at("started", "create").count(), 1, "nothing was sent twice");
    assert_eq!(transcript.keys().len(), 1);
}

#[test]
fn a_killed_run_goes_on_from_its_transcript_alone() {
    let machine = Machine::new();
    stopped(&machine, "-KILL", "finished", "consumers");
    let on = Drilled::of(machine.keyward(&["resume", "--yes", "--json"]).ended(0));
    assert_eq!(on.status, "completed");
    assert_eq!(machine.verify(&on.path).0, Some(SEALED));
    assert_eq!(on.transcript().keys().len(), 1);
}

#[test]
fn an_open_run_can_be_taken_back_to_the_old_key() {
    let machine = Machine::new();
    stopped(&machine, "-TERM", "finished", "proofs");
    let run = only_run(&machine);
    let back = machine.keyward(&["rollback", run.to_str().unwrap(), "--yes", "--json"]);
    let back = Drilled::of(back.ended(4));
    assert_eq!(back.status, "rolled_back");
    let keys = back.transcript().keys();
    assert!(keys.contains(&"OLD1 Active".to_owned()), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| key.ends_with(" Active")).count(), 1, "{keys:?}");
    assert_eq!(machine.verify(&run).0, Some(SEALED));
    let last = back.transcript();
    assert!(time(last.seal(), "wall") >= time(&last.entries[0], "wall"));
}
