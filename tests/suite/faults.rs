//! What goes wrong in a drill, and where it ends: where a careful engineer would end, with a reason on record.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::machine::{Drilled, Machine};
use super::transcript::{Transcript, time};

const OLD: &str = "AKIAEXAMPLE00000OLD1";

/// The end of a drill with a fault, held against what every end has to have.
struct End {
    drilled: Drilled,
    transcript: Transcript,
}

impl End {
    #[track_caller]
    fn of(fault: &str, status: &str, code: i32) -> Self {
        let machine = Machine::new();
        let drilled = machine.drill(&["--seed", "7", "--fault", fault]);
        Self::judged(&machine, drilled, &[(status, code)])
    }

    /// One of these ends, with what every end has to have.
    #[track_caller]
    fn judged(machine: &Machine, drilled: Drilled, ends: &[(&str, i32)]) -> Self {
        let got = (drilled.status.as_str(), drilled.ran.code.unwrap_or(-1));
        assert!(ends.contains(&got), "{got:?} is none of {ends:?}: {}", drilled.ran.err);
        let transcript = drilled.transcript();
        let (verified, report) = machine.verify(&drilled.path);
        if drilled.status == "suspended" {
            assert_eq!(verified, Some(10), "open, in order so far: {report}");
        } else {
            assert_eq!(transcript.seal()["status"], drilled.status);
            assert_eq!(verified, Some(0), "{report}");
        }
        let end = Self { drilled, transcript };
        end.sent_only_what_was_confirmed();
        end.deleted_nothing_early();
        end.touched_no_key_of_others();
        end
    }

    /// Back, with exactly one working key, the old one, and every holder that can be read holding it.
    #[track_caller]
    fn rolled_back(fault: &str) -> Self {
        Self::of(fault, "rolled_back", 4).back_to_the_old_key()
    }

    #[track_caller]
    fn back_to_the_old_key(self) -> Self {
        let end = self;
        assert_eq!(end.active(), ["OLD1"], "{:?}", end.transcript.keys());
        assert!(end.transcript.kind("rollback_begun").next().is_some());
        for (row, id) in end.read_back() {
            assert_eq!(id, OLD, "{row}");
        }
        end
    }

    /// Given up with nothing changed.
    #[track_caller]
    fn untouched(fault: &str) -> Self {
        let end = Self::of(fault, "aborted", 5);
        let applied = end.transcript.kind("finished").filter(|entry| entry["verdict"] == "pass");
        let changing = ["create", "store", "consumers", "deactivate", "delete"];
        let changed: Vec<_> = applied.filter(|entry| changing.iter().any(|step| entry["step"] == *step)).collect();
        assert!(changed.is_empty(), "{changed:?}");
        end
    }

    /// Completed: the new key alone, Active.
    #[track_caller]
    fn completed(fault: &str) -> Self {
        Self::of(fault, "completed", 0).with_the_new_key_alone()
    }

    /// Either end is careful.
    #[track_caller]
    fn rolled_back_or_completed(fault: &str) -> Self {
        let machine = Machine::new();
        let drilled = machine.drill(&["--seed", "7", "--fault", fault]);
        let end = Self::judged(&machine, drilled, &[("completed", 0), ("rolled_back", 4)]);
        if end.drilled.status == "completed" { end.with_the_new_key_alone() } else { end.back_to_the_old_key() }
    }

    #[track_caller]
    fn with_the_new_key_alone(self) -> Self {
        let end = self;
        let new = end.transcript.created().unwrap();
        assert_eq!(end.transcript.keys(), [format!("{} Active", &new[16..])]);
        end
    }

    fn active(&self) -> Vec<String> {
        let keys = self.transcript.keys();
        keys.iter().filter_map(|key| key.strip_suffix(" Active")).map(str::to_owned).collect()
    }

    /// What the last read of each holder showed. One that never shows its values is not there.
    fn read_back(&self) -> Vec<(String, String)> {
        let samples = self.transcript.kind("sample").filter_map(|entry| {
            let id = entry["result"]["values"]["AWS_ACCESS_KEY_ID"].as_str()?;
            let step = entry["step"].as_str()?;
            step.starts_with("rollback/").then(|| (step.to_owned(), id.to_owned()))
        });
        samples.collect::<std::collections::BTreeMap<_, _>>().into_iter().collect()
    }

    #[track_caller]
    fn says(self, sentence: &str) -> Self {
        assert!(
            self.transcript.text().contains(sentence),
            "no {sentence:?} in the transcript of {}",
            self.drilled.status
        );
        self
    }

    /// The reason on record for giving up, going back or pausing: it names the step, and says this.
    #[track_caller]
    fn because(self, sentence: &str) -> Self {
        let ends = ["rollback_begun", "aborted", "suspended"];
        let reasons =
            ends.iter().flat_map(|kind| self.transcript.kind(kind)).filter_map(|entry| entry["reason"].as_str());
        let reasons: Vec<&str> = reasons.collect();
        let fits = |reason: &&str| reason.starts_with("step ") && reason.contains(sentence);
        assert!(reasons.iter().any(fits), "no {sentence:?} in {reasons:?}");
        self
    }

    #[track_caller]
    fn deviates(self, kind: &str) -> Self {
        let deviations = self.transcript.seal()["deviations"].as_array().unwrap();
        assert!(deviations.iter().any(|deviation| deviation["kind"] == kind), "no {kind}: {deviations:?}");
        self
    }

    fn calls(&self) -> impl Iterator<Item = (&Value, Value)> {
        self.transcript.kind("confirmed").flat_map(|entry| {
            let action: Value = serde_json::from_str(entry["action"].as_str().unwrap()).unwrap();
            let rows = action["rows"].as_array().cloned().unwrap_or_default();
            let calls = rows.into_iter().flat_map(|row| row["calls"].as_array().cloned().unwrap_or_default());
            calls.map(move |call| (entry, call)).collect::<Vec<_>>()
        })
    }

    /// Each thing sent has its confirmation before it, and none is used twice.
    #[track_caller]
    fn sent_only_what_was_confirmed(&self) {
        let mut used = std::collections::BTreeSet::new();
        for start in self.transcript.kind("started") {
            let confirmed = self.transcript.kind("confirmed").filter(|entry| entry["n"].as_u64() < start["n"].as_u64());
            let fits = confirmed.filter(|entry| entry["digest"] == start["digest"]).count();
            assert_eq!(fits, 1, "{start}");
            let key = ["digest", "step", "row", "call"].map(|name| start[name].to_string());
            assert!(used.insert(key), "sent twice: {start}");
        }
    }

    /// The old key is deleted only a day after its deactivate, on the run's clock.
    #[track_caller]
    fn deleted_nothing_early(&self) {
        for start in self.transcript.at("started", "delete") {
            let off = self.transcript.last("started", "deactivate");
            assert!(time(start, "at") - time(off, "at") >= TimeDelta::hours(24), "{start}");
        }
    }

    /// Keys are changed only if the drill's user had them from the start, or the run created them.
    #[track_caller]
    fn touched_no_key_of_others(&self) {
        let created: Vec<Value> = self
            .transcript
            .entries
            .iter()
            .filter(|entry| entry["step"] == "create")
            .map(|entry| {
                let result = &entry["result"]["id"];
                if result.is_null() { entry["evidence"]["key"].clone() } else { result.clone() }
            })
            .collect();
        let known = [json!(OLD), json!("AKIAEXAMPLE000003KLM")];
        for (entry, call) in self.calls() {
            let op = call["op"].as_str().unwrap_or_default();
            if op.contains("UpdateAccessKey") || op.contains("DeleteAccessKey") {
                let key = &call["params"]["AccessKeyId"];
                assert!(known.contains(key) || created.contains(key), "{key} at {entry}");
            }
        }
    }
}

#[test]
fn one_does_not_rotate_ones_own_key() {
    let end = End::untouched("wrong-identity").because("You would rotate your own key. Take another identity first.");
    assert_eq!(end.transcript.at("confirmed", "keys").count(), 0, "it stops at its first step");
}

#[test]
fn a_store_that_holds_another_key_stops_the_run_before_the_create() {
    End::untouched("wrong-old-pair").because("The store holds another key.").says("AKIAEXAMPLE00000GONE");
}

#[test]
fn a_store_that_holds_a_wrong_secret_stops_the_run_before_the_create() {
    End::untouched("stale-secret").because("half of a pair was replaced");
}

#[test]
fn two_active_keys_are_an_unfinished_rotation() {
    let end = End::untouched("two-active").because("Two active keys. An earlier rotation was not finished.");
    assert_eq!(end.active(), ["OLD1", "OLD2"]);
}

#[test]
fn an_operator_under_quarantine_learns_it_before_the_create_is_tried() {
    let end = End::untouched("quarantined").because("AWSCompromisedKeyQuarantine").deviates("advisory");
    let told = end.transcript.seal()["deviations"].to_string();
    assert!(told.contains("iam:CreateAccessKey"), "{told}");
}

#[test]
fn an_old_inactive_key_goes_first_and_only_after_a_window_of_its_own() {
    let end = End::completed("one-active-one-inactive");
    let restarted = end.transcript.kind("window_restarted").next().expect("the window is observed anew");
    let deleted = end.transcript.first("started", "cleanup");
    assert!(time(deleted, "at") - time(restarted, "at") >= TimeDelta::days(29), "{deleted}");
    assert!(deleted["n"].as_u64() < end.transcript.first("started", "create")["n"].as_u64());
}

#[test]
fn a_key_that_never_spreads_is_taken_back_and_deleted_since_nobody_had_it() {
    let end = End::rolled_back("never-spreads").because("New keys need 3 to 15 s.");
    assert_eq!(end.transcript.keys(), ["OLD1 Active"]);
    assert_eq!(end.transcript.at("confirmed", "store").count(), 0, "it was delivered nowhere");
}

#[test]
fn a_forgotten_consumer_is_seen_by_its_use_of_the_old_key() {
    let end = End::rolled_back("forgotten-consumer").because("a consumer was forgotten");
    assert_eq!(end.transcript.at("started", "deactivate").count(), 0, "the old key was never switched off");
    assert!(end.read_back().len() >= 3, "{:?}", end.read_back());
    let keys = end.transcript.keys();
    assert!(keys.len() == 2 && keys.iter().any(|key| key.ends_with(" Inactive")), "a delivered key stays: {keys:?}");
}

#[test]
fn half_a_pair_fails_its_proof_and_is_mended() {
    let end = End::completed("half-pair").deviates("retry");
    let failed =
        end.transcript.entries.iter().filter(|entry| entry["row"] == "vault host" && entry["verdict"] == "fail");
    assert!(failed.count() > 0, "the half pair was seen");
}

#[test]
fn an_unknown_last_use_never_counts_as_unused() {
    let end = End::rolled_back("throttled-last-used").because("AWS did not say when it was last used");
    assert_eq!(end.transcript.at("confirmed", "deactivate").count(), 0);
    let gates = end.transcript.at("gate", "deactivate").filter(|gate| gate["verdict"] == "unknown");
    assert!(gates.count() > 0);
}

#[test]
fn a_missing_permission_is_told_before_anything_changes_and_pauses_where_it_is_needed() {
    let end = End::of("missing-permission", "suspended", 3)
        .because("is not authorized to perform: iam:DeleteAccessKey")
        .because("`keyward resume` goes on");
    let told = end.transcript.first("finished", "identity");
    assert!(told["result"]["denied"].to_string().contains("iam:DeleteAccessKey"), "{told}");
    let new = end.transcript.created().unwrap();
    assert_eq!(end.active(), [&new[16..]], "the new key works, and whoever may can go on with the delete");
}

#[test]
fn a_skewed_clock_is_no_reason_to_fail() {
    End::completed("skewed-clock");
}

#[test]
fn what_stopped_a_drill_is_told_in_its_lines_too() {
    for (fault, says) in [
        ("two-active", "Two active keys. An earlier rotation was not finished."),
        ("forgotten-consumer", "a consumer was forgotten"),
        ("wrong-identity", "You would rotate your own key."),
    ] {
        let ran = Machine::new().keyward(&["drill", "--yes", "--plain", "--fault", fault]);
        assert!(ran.code.is_some_and(|code| code != 0) && ran.out.contains(says), "{fault}: {}", ran.out);
        assert!(ran.out.lines().any(|line| line.starts_with("DRILL ")), "{}", ran.out);
    }
}

#[test]
fn a_create_whose_answer_is_lost_is_asked_about_and_never_sent_again_blindly() {
    let end = End::rolled_back_or_completed("lost-create");
    assert!(end.transcript.at("in_doubt", "create").next().is_some());
    assert!(end.transcript.at("reconciled", "create").next().is_some());
    for (earlier, later) in end.transcript.at("started", "create").zip(end.transcript.at("started", "create").skip(1)) {
        assert_ne!(earlier["attempt"], later["attempt"], "a second create is a new attempt, confirmed anew");
    }
}

#[test]
fn a_change_whose_answer_is_an_error_is_asked_about_first() {
    let end = End::rolled_back_or_completed("5xx-after");
    assert!(end.transcript.at("in_doubt", "create").next().is_some());
}

#[test]
fn lost_answers_to_other_changes_are_settled_by_reads() {
    for (fault, step) in [("lost-update", "deactivate"), ("lost-delete", "delete")] {
        let end = End::completed(fault);
        let settled = end.transcript.last("reconciled", step);
        assert_eq!(settled["evidence"]["by"], "reads", "{settled}");
        assert_eq!(end.transcript.at("started", step).count(), 1, "{fault}: sent once");
    }
}

#[test]
fn a_delete_tried_by_somebody_else_too_early_leaves_the_key_that_consumers_hold() {
    let end = End::of("early-delete", "aborted", 5).because("somebody else deleted it");
    let new = end.transcript.created().unwrap();
    assert_eq!(end.transcript.keys(), [format!("{} Active", &new[16..])]);
    let remaining = end.transcript.seal()["remaining"].to_string();
    assert!(remaining.contains("not done"), "what was not brought back is listed: {remaining}");
}

#[test]
fn a_key_of_somebody_else_fills_the_quota_and_is_left_alone() {
    End::of("foreign-key", "aborted", 5).because("two keys already");
}

#[test]
fn old_dynos_that_outlive_the_put_hold_up_the_deactivate() {
    let end = End::rolled_back("slow-dynos").because("after step proofs passed");
    assert_eq!(end.transcript.at("started", "deactivate").count(), 0);
}

#[test]
fn a_service_that_did_not_restart_is_seen_before_the_deactivate() {
    let end = End::rolled_back("restart-fails").because("after step proofs passed");
    assert_eq!(end.transcript.at("started", "deactivate").count(), 0);
}

#[test]
fn throttling_stale_lists_a_holder_that_is_down_and_a_503_are_waited_out() {
    for fault in ["throttle", "stale-lists", "holder-down", "5xx", "lost-put"] {
        End::completed(fault);
    }
}
