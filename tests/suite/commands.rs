//! Every other command: what it prints, and the exit code a script can rely on.

use std::path::Path;

use serde_json::Value;

use super::machine::{Machine, REPOSITORY, files_below};

const SHIPPED: [&str; 2] = ["aws-iam-access-key", "aws-iam-cadence"];

/// An account that nobody owns, for the rules that hold before anything is sent.
const ACCOUNT: &str = "environments:\n  prod: {kind: account, account: '111122223333', region: eu-central-1}\n";

#[test]
fn keys_names_the_key_and_a_file_that_stock_ssh_keygen_reads() {
    let machine = Machine::new();
    let (allowed, principal) = machine.allowed_signers();
    assert!(principal.starts_with("alice"), "{principal}");
    let line = std::fs::read_to_string(&allowed).unwrap();
    assert!(line.starts_with(&principal) && line.contains("namespaces=\"") && line.contains("ssh-ed25519"), "{line}");
    let first = std::fs::read(machine.signing_key()).unwrap();
    machine.keyward(&["keys"]).ended(0);
    assert_eq!(std::fs::read(machine.signing_key()).unwrap(), first, "a second call makes no second key");
    let plain = machine.keyward(&["keys"]).ended(0).out;
    assert!(plain.contains("SHA256:") && !plain.contains("PRIVATE KEY"), "{plain}");
}

#[test]
fn check_finds_nothing_in_what_ships_and_points_at_what_is_wrong_elsewhere() {
    let machine = Machine::new();
    for name in SHIPPED {
        let file = format!("{REPOSITORY}/runbooks/{name}.yaml");
        let ran = machine.keyward(&["check", &file]).ended(0);
        assert!(ran.out.contains("no findings"), "{}", ran.out);
        machine.keyward(&["check", name]).ended(0);
    }
    let good = std::fs::read_to_string(format!("{REPOSITORY}/runbooks/aws-iam-access-key.yaml")).unwrap();
    let gate = "      - unused_since: {key: \"{{ old_key.id }}\", since: deactivate}\n";
    let changed = [
        ("unknown-key", good.replacen("    skip: never", "    skp: never", 1), "skp"),
        ("early-delete", good.replacen("at_least: 24h", "at_least: 1h", 3), "24"),
        ("skippable-proof", good.replacen("advisory: true}\n    skip: never", "advisory: true}", 1), "proof"),
        ("two-titles", good.replacen("title: Rotate", "title: Twice\ntitle: Rotate", 1), "duplicate"),
        ("deleted-first", good.replacen("status: Inactive", "status: Active", 1), "deactivate"),
        ("unresolved", good.replacen("{{ new_key.id }}", "{{ new_kee.id }}", 1), "new_kee"),
    ];
    assert!(good.contains(gate), "the edits below are of a runbook that has this gate");
    for (name, text, says) in changed {
        assert_ne!(text, good, "{name} changes nothing");
        let file = machine.work().join(format!("{name}.yaml"));
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let ran = machine.keyward(&["check", file]).ended(1);
        assert!(ran.out.contains(says), "{name}: {}", ran.out);
        assert!(ran.out.contains(name) && ran.out.contains('^'), "the place, with a caret: {}", ran.out);
        let found = machine.keyward(&["--json", "check", file]).ended(1).json();
        assert!(!found.is_empty() && found.iter().all(|finding| finding["line"].as_u64() > Some(0)), "{found:?}");
    }
}

#[test]
fn a_runbook_that_is_not_safe_is_not_run() {
    let machine = Machine::new();
    let good = std::fs::read_to_string(format!("{REPOSITORY}/runbooks/aws-iam-access-key.yaml")).unwrap();
    let file = machine.work().join("wrong.yaml");
    std::fs::write(&file, good.replacen("status: Inactive", "status: Active", 1)).unwrap();
    let ran = machine.keyward(&["drill", "--yes", file.to_str().unwrap()]).ended(1);
    assert!(ran.err.contains("not safe"), "{}", ran.err);
    assert_eq!(machine.keyward(&["--json", "runs"]).out, "", "no run was begun");
}

#[test]
fn plan_shows_every_step_under_the_sops_number_and_begins_no_run() {
    let machine = Machine::new();
    let plain = machine.keyward(&["plan", "aws-iam-access-key"]).ended(0).out;
    for says in
        ["Create the new key", "Deactivate the old key", "Delete the old key", "7a", "7b", "raxx-vault-operator"]
    {
        assert!(plain.contains(says), "{says} is missing from\n{plain}");
    }
    let steps = machine.keyward(&["--json", "plan", "aws-iam-access-key"]).ended(0).json();
    let text = std::fs::read_to_string(format!("{REPOSITORY}/runbooks/aws-iam-access-key.yaml")).unwrap();
    assert_eq!(steps.len(), text.lines().filter(|line| line.starts_with("  - id: ")).count());
    let effect =
        |id: &str| steps.iter().find(|step| step["step"] == id || step["id"] == id).map(|s| s["effect"].clone());
    assert_eq!(effect("create"), Some(Value::from("changes")));
    assert_eq!(effect("delete"), Some(Value::from("no way back")));
    assert_eq!(effect("proofs"), Some(Value::from("reads")));
    assert_eq!(files_below(&machine.store()).len(), 0);
}

#[test]
fn the_schema_in_the_repository_is_the_programs_own() {
    let printed = Machine::new().keyward(&["schema"]).ended(0).out;
    let kept = std::fs::read_to_string(Path::new(REPOSITORY).join("assets/runbook.schema.json")).unwrap();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&printed), json(&kept), "make it anew: keyward schema > assets/runbook.schema.json");
}

#[test]
fn completions_know_the_commands_in_every_shell() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = machine.keyward(&["completions", shell]).ended(0).out;
        for command in ["drill", "rollback", "verify", "--store"] {
            assert!(text.contains(command.trim_start_matches("--")), "{shell} lacks {command}");
        }
    }
    machine.keyward(&["completions", "tcsh"]).ended(2);
}

#[test]
fn a_wrong_command_line_is_told_apart_from_a_failure() {
    let machine = Machine::new();
    for usage in [
        &["frobnicate"][..],
        &["run"],
        &["run", "aws-iam-access-key"],
        &["drill", "--set", "novalue"],
        &["--color", "mauve", "runs"],
        &["drill", "--seed", "minus one"],
    ] {
        machine.keyward(usage).ended(2);
    }
    for (failure, says) in [
        (&["drill", "--yes", "no-such-runbook"][..], "no-such-runbook"),
        (&["drill", "--yes", "--fault", "lost-creat"], "did you mean lost-create?"),
        (&["drill", "--yes", "--environment", "moon"], "moon"),
        (&["verify", "7f3a"], "7f3a"),
        (&["resume", "--yes"], "no run is open"),
        (&["--config", "absent.yaml", "runs"], "absent.yaml"),
    ] {
        let ran = machine.keyward(failure).ended(1);
        assert!(ran.err.contains(says), "{failure:?}: {}", ran.err);
    }
}

#[test]
fn a_real_account_takes_no_flag_for_a_confirmation_and_no_drill() {
    let machine = Machine::new();
    std::fs::write(machine.work().join("keyward.yaml"), ACCOUNT).unwrap();
    let consumers = "--set=consumers=[]";
    let given = ["--set=target_user=ci", "--set=bucket=b", consumers, "--set=reason=test"];
    let mut yes = vec!["run", "aws-iam-access-key", "--environment", "prod", "--yes"];
    yes.extend(given);
    let ran = machine.keyward(&yes).ended(1);
    assert!(!ran.err.is_empty());
    let ran = machine.keyward(&["drill", "--yes", "--environment", "prod"]).ended(1);
    assert!(ran.err.contains("real account"), "{}", ran.err);
    assert_eq!(machine.keyward(&["--json", "runs"]).ended(0).out, "", "no run was begun");
}

#[test]
fn a_real_run_needs_its_reason() {
    let machine = Machine::new();
    std::fs::write(machine.work().join("keyward.yaml"), ACCOUNT).unwrap();
    let ran = machine.keyward(&["run", "aws-iam-access-key", "--environment", "prod", "--set=target_user=ci"]).ended(1);
    assert!(ran.err.contains("reason"), "{}", ran.err);
}

#[test]
fn every_fault_that_is_listed_can_be_asked_for() {
    let machine = Machine::new();
    let listed = machine.keyward(&["--json", "drill", "--fault", "list"]).ended(0).json();
    assert!(listed.len() >= 20);
    for fault in &listed {
        assert!(fault["fault"].is_string() && fault["what"].as_str().is_some_and(|what| !what.is_empty()), "{fault}");
    }
}
