//! A drill of the shipped runbook: what it says at its end, what the world is then, and what its files prove.

use std::path::Path;
use std::sync::OnceLock;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::machine::{Drilled, KEYWARD, Machine, REPOSITORY, files_below, run};
use super::transcript::time;

/// One completed drill that several tests look at; none of them changes it.
pub(crate) fn completed() -> &'static (Machine, Drilled) {
    static DRILL: OnceLock<(Machine, Drilled)> = OnceLock::new();
    DRILL.get_or_init(|| {
        sweep();
        let machine = Machine::new();
        let drilled = machine.drill(&["--seed", "7"]);
        (machine, drilled)
    })
}

/// Removes what `completed` left in earlier runs of these tests: a static is never dropped.
fn sweep() {
    let hour = std::time::Duration::from_secs(3600);
    for entry in std::fs::read_dir(env!("CARGO_TARGET_TMPDIR")).unwrap().filter_map(Result::ok) {
        let ours = entry.file_name().to_string_lossy().starts_with("machine-");
        let age = entry.metadata().ok().and_then(|meta| meta.modified().ok()?.elapsed().ok());
        if ours && age.is_some_and(|age| age > hour) {
            // Another run may be at it too.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[test]
fn a_drill_says_at_its_end_what_became_of_it_and_where_it_is() {
    let (machine, drilled) = completed();
    assert_eq!(drilled.ran.code, Some(0), "{}\n{}", drilled.ran.out, drilled.ran.err);
    assert_eq!(drilled.status, "completed");
    let last = drilled.ran.json().pop().unwrap();
    assert_eq!(last["run"].as_str(), drilled.path.file_name().unwrap().to_str());
    assert_eq!(drilled.path.parent().unwrap(), machine.store());
    assert_eq!(drilled.ran.out.lines().count(), drilled.ran.json().len(), "every line is one JSON object");
}

#[test]
fn the_sandbox_ends_with_the_new_key_alone_and_every_consumer_holds_it() {
    let (_, drilled) = completed();
    let transcript = drilled.transcript();
    assert_eq!(transcript.seal()["status"], "completed");
    let new = transcript.created().unwrap();
    assert_ne!(new, "AKIAEXAMPLE00000OLD1");
    assert_eq!(transcript.keys(), [format!("{} Active", &new[new.len() - 4..])]);
    let secret = &transcript.last("finished", "create")["result"]["secret"]["fp"];
    assert!(secret.as_str().is_some_and(|fp| fp.len() == 64), "the secret is recorded as a fingerprint");
    let store = &transcript.last("sample", "store")["result"]["values"];
    assert_eq!((&store["AWS_ACCESS_KEY_ID"], &store["AWS_SECRET_ACCESS_KEY"]["fp"]), (&json!(new), secret));
    let held: Vec<&Value> = transcript.entries[0]["inputs"]["consumers"].as_array().unwrap().iter().collect();
    assert_eq!(held.len(), 3);
    for consumer in held {
        let of = |kind, step| transcript.at(kind, step).rfind(|entry| entry["row"] == consumer["name"]).cloned();
        let proof = of("finished", "proofs-final").unwrap()["result"].clone();
        // With the old key Inactive, only the new one can work; no step after this changes a consumer.
        assert_eq!((&proof["works"], &proof["denied"]), (&json!(true), &json!([])), "{consumer}");
        let kept = of("sample", "consumers").unwrap()["result"]["values"].clone();
        // GitHub never gives a secret back: there the proof is all there is.
        if consumer["kind"] != "github_actions" {
            assert_eq!((&kept["AWS_ACCESS_KEY_ID"], &kept["AWS_SECRET_ACCESS_KEY"]["fp"]), (&json!(new), secret));
        }
    }
}

#[test]
fn the_day_of_observation_passes_on_a_clock_that_the_transcript_calls_virtual() {
    let (_, drilled) = completed();
    let transcript = drilled.transcript();
    assert_eq!(transcript.entries[0]["environment"]["virtual_clock"], true);
    assert_eq!(transcript.entries[0]["environment"]["kind"], "sandbox");
    let (off, gone) = (transcript.last("finished", "deactivate"), transcript.first("started", "delete"));
    let (virtual_time, real) = transcript.between(off, gone);
    assert!(virtual_time >= TimeDelta::hours(24), "{virtual_time}");
    assert!(real < TimeDelta::minutes(5), "{real}");
    let within = |entry: &&Value| entry["n"].as_u64() > off["n"].as_u64() && entry["n"].as_u64() < gone["n"].as_u64();
    let moved = transcript.kind("clock_moved").filter(within);
    let moved: TimeDelta = moved.map(|entry| time(entry, "at") - time(entry, "from")).sum();
    assert!(virtual_time - moved < TimeDelta::minutes(5), "all but what really passed was moved: {moved}");
    let shut =
        transcript.at("gate", "proofs-final").find(|gate| gate["verdict"] != "pass").expect("the window is shut");
    assert!(time(&shut["evidence"], "opens") >= time(off, "at") + TimeDelta::hours(24));
}

#[test]
fn verify_is_content_and_says_what_it_did_not_cover() {
    let (machine, drilled) = completed();
    let (code, report) = machine.verify(&drilled.path);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!((&report["ended"], &report["order_judged"]), (&json!("completed"), &json!(true)));
    assert_eq!(report["findings"], json!([]));
    let not_covered = report["not_covered"].to_string();
    assert!(not_covered.contains("drill"), "{not_covered}");
    let plain = machine.keyward(&["verify", drilled.path.to_str().unwrap()]).ended(0);
    assert!(plain.out.contains("ssh-keygen -Y verify"), "the stock command is told:\n{}", plain.out);
}

#[test]
fn stock_ssh_keygen_accepts_every_checkpoint_and_no_other_prefix() {
    let (machine, drilled) = completed();
    let (allowed, principal) = machine.allowed_signers();
    let text = std::fs::read_to_string(drilled.path.join("transcript.jsonl")).unwrap();
    let transcript = drilled.transcript();
    let check = |n: usize, prefix: &str| {
        let wall = time(&transcript.entries[n], "wall").format("%Y%m%d%H%M%SZ");
        let signature = drilled.path.join(format!("signatures/{n:06}.{principal}.sig"));
        let signed = machine.work().join(format!("{n}-{}.txt", prefix.len()));
        std::fs::write(&signed, prefix).unwrap();
        let mut command = machine.command("sh");
        command.args(["-c", "exec ssh-keygen -Y verify -n operator@keyward \"$@\" <\"$0\""]).arg(signed);
        command.arg("-f").arg(&allowed).arg("-s").arg(signature);
        command.args(["-I", &principal, &format!("-Overify-time={wall}")]);
        run(command).code == Some(0)
    };
    let effects = ["create", "store", "consumers", "deactivate", "delete"];
    let must_be_signed = |entry: &&Value| match entry["kind"].as_str().unwrap() {
        "opened" | "sealed" => true,
        "confirmed" => effects.iter().any(|step| entry["step"] == *step),
        _ => false,
    };
    let checkpoints = transcript.entries.iter().filter(must_be_signed);
    let checkpoints: Vec<usize> = checkpoints.map(|entry| entry["n"].as_u64().unwrap() as usize).collect();
    assert_eq!(checkpoints.len(), 2 + effects.len());
    assert_eq!(std::fs::read_dir(drilled.path.join("signatures")).unwrap().count(), checkpoints.len());
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    for n in checkpoints {
        let prefix = &text[..ends[n]];
        assert!(check(n, prefix), "checkpoint {n}");
        let middle = prefix.len() / 2;
        let other = if prefix.as_bytes()[middle] == b'0' { "1" } else { "0" };
        let changed = format!("{}{other}{}", &prefix[..middle], &prefix[middle + 1..]);
        assert!(!check(n, &changed), "one byte was changed before checkpoint {n}");
        assert!(n == 0 || !check(n, &text[..ends[n - 1]]), "its last line is missing: {n}");
    }
}

#[test]
fn the_commands_that_verify_prints_work_as_they_stand() {
    let (machine, drilled) = completed();
    let (_, report) = machine.verify(&drilled.path);
    let checks: Vec<&str> =
        report["signatures"].as_array().unwrap().iter().filter_map(|s| s["check"].as_str()).collect();
    assert!(checks.len() >= 7, "{report}");
    let auditor = Machine::new();
    super::machine::copy(&drilled.path, &auditor.work());
    std::fs::copy(machine.allowed_signers().0, auditor.work().join("allowed_signers")).unwrap();
    for check in checks {
        let mut command = auditor.command("sh");
        let ran = run({
            command.args(["-ec", check]);
            command
        });
        assert!(ran.code == Some(0) && ran.out.contains("Good"), "{check}\n{}{}", ran.out, ran.err);
    }
}

#[test]
fn with_a_store_nothing_is_written_elsewhere_but_the_signing_key() {
    let (machine, drilled) = completed();
    assert_eq!(
        files_below(&machine.work()).iter().filter(|(path, _)| path.extension().is_none_or(|e| e != "txt")).count(),
        0
    );
    let key = machine.signing_key();
    let beside = key.parent().unwrap();
    let elsewhere: Vec<_> =
        files_below(&machine.home()).into_iter().filter(|(path, _)| !path.starts_with(beside)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&key), 0o600);
    assert_eq!(mode(&drilled.path) & 0o077, 0, "a run's folder is its owner's");
    let kept = std::fs::read(drilled.path.join("runbook.yaml")).unwrap();
    assert_eq!(kept, std::fs::read(Path::new(REPOSITORY).join("runbooks/aws-iam-access-key.yaml")).unwrap());
    assert!(
        !machine.store().join(".drill").join(drilled.path.file_name().unwrap()).exists(),
        "the drill's hosts are gone"
    );
    assert_eq!(files_below(&drilled.path.join("sealed")), [], "what was sealed is destroyed at the seal");
}

#[test]
fn an_installed_keyward_drills_from_any_folder_without_configuration() {
    let machine = Machine::new();
    let drilled = Drilled::of(machine.keyward(&["drill", "--yes", "--json"]).ended(0));
    assert_eq!(drilled.status, "completed");
    let runbook = std::fs::read(Path::new(REPOSITORY).join("runbooks/aws-iam-access-key.yaml")).unwrap();
    assert_eq!(std::fs::read(drilled.path.join("runbook.yaml")).unwrap(), runbook);
    assert!(Path::new(KEYWARD).is_absolute());
}

#[test]
fn the_runbook_for_tight_cadences_completes_too() {
    let machine = Machine::new();
    for fault in [&[][..], &["--fault", "one-active-one-inactive"]] {
        let mut args = vec!["drill", "--yes", "--json", "--seed", "3"];
        args.extend(fault);
        args.push("aws-iam-cadence");
        let drilled = Drilled::of(machine.keyward(&args).ended(0));
        let transcript = drilled.transcript();
        // This SOP leaves the old key Inactive; the next rotation deletes it.
        let keys = transcript.keys();
        assert_eq!(keys.iter().filter(|key| key.ends_with(" Active")).count(), 1, "{fault:?} {keys:?}");
        assert_eq!(machine.verify(&drilled.path).0, Some(0));
    }
}

#[test]
fn drills_are_found_again_in_the_list_of_runs() {
    let machine = Machine::new();
    assert!(machine.keyward(&["runs"]).ended(0).out.contains("No runs"));
    let one = machine.drill(&[]);
    let two = machine.drill(&["--fault", "two-active"]);
    let runs = machine.keyward(&["--json", "runs"]).ended(0).json();
    assert_eq!(runs.len(), 2);
    for (drilled, status) in [(&one, "completed"), (&two, "aborted")] {
        let run = runs.iter().find(|run| run["path"] == drilled.path.to_str().unwrap()).unwrap();
        assert_eq!((&run["status"], &run["environment"]), (&json!(status), &json!("sandbox")));
        assert!(run["runbook"].as_str().unwrap().contains("aws-iam-access-key"));
        assert_eq!(run["entries"], json!(drilled.transcript().entries.len()));
        assert_eq!(run["run"].as_str(), drilled.path.file_name().unwrap().to_str());
    }
}
