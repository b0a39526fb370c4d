//! What goes wrong in the SOP itself: the wrong user, stale keys, a new key that never works, half a pair, a missing
//! permission. Each ends with a sentence, or goes on after it was mended.

use serde_json::json;

use super::harness::Harness;
use super::world::{Fault, Key};
use crate::engine::admit;
use crate::engine::decision::Decision;
use crate::engine::entry::{Answer, Body, DeviationKind, EndStatus, EnvironmentKind, Verdict};
use crate::engine::focus::Focus;

const OLD: &str = "AKIAEXAMPLE00000OLD1";
const STALE: &str = "AKIAEXAMPLE00000STA1";

fn sandbox() -> Harness {
    Harness::new(EnvironmentKind::Sandbox)
}

fn with_key(active: bool) -> Harness {
    let mut run = sandbox();
    run.world.keys.push(Key { id: STALE.into(), active, created: run.now, used: None });
    run
}

/// Confirms as it comes until the run stops; the step that stopped it.
fn stops_at(run: &mut Harness) -> String {
    run.run_through();
    match run.engine.focus() {
        Focus::Stopped { step, .. } => step,
        other => panic!("it does not stop: {other:?}"),
    }
}

/// The runbook's sentences for the reading that stopped a step.
fn sentences(run: &Harness) -> Vec<String> {
    let place = run.entries.iter().rev().find_map(|entry| match &entry.body {
        Body::Finished { place, reading, .. } | Body::Sample { place, reading, .. } => {
            Some((place.clone(), reading.result.clone()?))
        }
        _ => None,
    });
    let (place, result) = place.unwrap();
    run.engine.judgements(&place, &result).into_iter().filter_map(|judgement| judgement.sentence).collect()
}

fn deviations(run: &Harness, kind: DeviationKind) -> usize {
    run.engine.state().deviations.iter().filter(|deviation| deviation.kind == kind).count()
}

#[test]
fn your_own_key_is_not_rotated() {
    let mut run = sandbox();
    run.world.own_key = true;
    assert_eq!(stops_at(&mut run), "identity");
    assert!(sentences(&run)[0].contains("your own key"), "{:?}", sentences(&run));
    assert!(run.world.sent.is_empty());
}

#[test]
fn a_missing_permission_is_said_at_the_start_and_does_not_stop() {
    let mut run = sandbox();
    run.world.denied = vec!["iam:DeleteAccessKey"];
    run.reach("keys");
    assert_eq!(deviations(&run, DeviationKind::Advisory), 1);
    assert!(run.engine.state().deviations[0].text.contains("iam:DeleteAccessKey"));
}

#[test]
fn two_active_keys_stop_with_a_sentence() {
    let mut run = with_key(true);
    assert_eq!(stops_at(&mut run), "keys");
    assert!(sentences(&run)[0].contains("Two active keys"), "{:?}", sentences(&run));
    assert!(run.world.sent.is_empty());
}

#[test]
fn a_store_that_holds_another_key_stops_before_anything_changes() {
    let mut run = sandbox();
    run.world.boxes.get_mut("infisical prod").unwrap().1.insert("AWS_ACCESS_KEY_ID".into(), json!("AKIAOTHER"));
    assert_eq!(stops_at(&mut run), "old-pair");
    assert!(sentences(&run)[0].contains("another key"));
    let mut run = sandbox();
    run.world.user = "somebody-else";
    assert_eq!(stops_at(&mut run), "old-works");
    assert!(run.world.sent.is_empty());
}

#[test]
fn a_stale_key_of_unknown_age_is_observed_anew_and_then_deleted() {
    let mut run = with_key(false);
    run.wait_for_gates();
    run.confirm().unwrap();
    run.confirm().unwrap();
    run.run_on();
    assert!(matches!(run.engine.focus(), Focus::Confirm { step } if step == "cleanup"), "{:?}", run.engine.focus());
    let folded = run.engine.state().step(run.engine.book(), "cleanup").unwrap();
    assert_eq!(folded.gates[&(0, STALE.to_owned())].verdict, Verdict::Unknown, "no sealed run says since when");
    assert!(run.confirm().is_ok() && run.world.deleted.is_empty(), "unknown never advances");
    run.decide(Decision::RestartWindow { step: "cleanup".into(), reason: "nobody knows".into() }).unwrap();
    run.run_on();
    let before = run.now;
    run.confirm().unwrap();
    assert!(run.world.deleted.is_empty(), "the window has only begun");
    run.wait_for_gates();
    assert!(run.now.since(before).as_secs() >= 30 * 24 * 3600 - 60, "the cadence is waited for");
    run.confirm().unwrap();
    assert_eq!(run.world.deleted, [STALE]);
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
}

#[test]
fn several_stale_keys_are_typed_and_deleted_one_by_one() {
    let mut run = with_key(false);
    let second = "AKIAEXAMPLE00000STA2";
    run.world.keys.push(Key { id: second.into(), active: false, created: run.now, used: None });
    run.wait_for_gates();
    run.confirm().unwrap();
    run.confirm().unwrap();
    run.decide(Decision::RestartWindow { step: "cleanup".into(), reason: "x".into() }).unwrap();
    for (key, left) in [(STALE, 1), (second, 0)] {
        run.wait_for_gates();
        let rendered = run.engine.rendered().unwrap().unwrap();
        assert_eq!(rendered.rows.iter().map(|row| row.row.as_str()).collect::<Vec<_>>(), [key]);
        let wrong = if left == 1 { "STA2" } else { "STA1" };
        let answer = Answer { how: "type_back".into(), typed: Some(wrong.into()), reason: Some("x".into()) };
        let confirm = Decision::Confirm { step: "cleanup".into(), digest: rendered.digest(), answer };
        assert!(run.decide(confirm).is_err(), "the other key's letters confirm nothing");
        run.confirm().unwrap();
        assert_eq!(run.world.keys.iter().filter(|key| !key.active).count(), left);
    }
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
}

#[test]
fn a_throttled_last_use_never_advances() {
    let mut run = sandbox();
    run.reach("deactivate");
    run.world.throttled = vec!["iam:GetAccessKeyLastUsed"];
    run.confirm().unwrap();
    assert!(run.engine.notice().is_some_and(|notice| notice.contains("gate")));
    assert!(run.world.active(OLD));
    run.world.throttled.clear();
    run.confirm().unwrap();
    assert!(!run.world.active(OLD), "{:?}", run.engine.notice());
}

#[test]
fn a_use_after_the_cut_over_keeps_the_old_key_active() {
    let mut run = sandbox();
    run.reach("deactivate");
    run.world.keys[0].used = Some(run.now);
    run.confirm().unwrap();
    assert!(run.world.active(OLD), "a consumer was forgotten");
    assert!(run.engine.notice().is_some());
}

#[test]
fn a_new_key_that_never_works_ends_with_one_working_old_key() {
    let mut run = sandbox();
    run.world.unspread = true;
    let before = run.now;
    assert_eq!(stops_at(&mut run), "verify");
    assert!(run.now.since(before).as_secs() >= 120, "it had its time");
    run.decide(Decision::RollBack { reason: "never spread".into() }).unwrap();
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::RolledBack));
    assert_eq!(run.world.keys.iter().map(|key| (key.id.as_str(), key.active)).collect::<Vec<_>>(), [(OLD, true)]);
}

#[test]
fn half_a_pair_is_found_by_the_proof_put_again_and_proven() {
    let mut run = sandbox();
    run.reach("proofs");
    run.world.half = vec!["backup"];
    run.confirm().unwrap();
    assert_eq!(run.engine.focus(), Focus::Stopped { step: "proofs".into(), row: "backup".into() });
    run.decide(Decision::Redo { step: "consumers".into(), row: "backup".into() }).unwrap();
    run.run_on();
    let rendered = run.engine.rendered().unwrap().unwrap();
    assert_eq!((rendered.step.as_str(), rendered.rows.len()), ("consumers", 1), "that row alone");
    run.world.half.clear();
    run.confirm().unwrap();
    run.decide(Decision::Retry { step: "proofs".into(), row: None }).unwrap();
    run.run_on();
    let rows: Vec<String> = run.engine.rendered().unwrap().unwrap().rows.into_iter().map(|row| row.row).collect();
    assert_eq!(rows, ["backup"], "what passed is not asked again");
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
    assert!(deviations(&run, DeviationKind::Retry) >= 2);
}

#[test]
fn what_is_put_again_after_its_proof_is_proven_again() {
    let mut run = sandbox();
    run.reach("deactivate");
    run.decide(Decision::Redo { step: "consumers".into(), row: "vault".into() }).unwrap();
    run.run_on();
    run.confirm().unwrap();
    run.run_on();
    let rendered = run.engine.rendered().unwrap().unwrap();
    assert_eq!(rendered.step, "proofs");
    assert_eq!(rendered.rows.iter().map(|row| row.row.as_str()).collect::<Vec<_>>(), ["vault"]);
}

#[test]
fn rows_that_were_overtaken_are_not_forgotten() {
    // A restart between two rows leaves the rest to be confirmed again; doing the first again must not lose them.
    let mut run = sandbox();
    run.reach("consumers");
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "sign".into(), typed: None, reason: Some("x".into()) };
    run.decide(Decision::Confirm { step: "consumers".into(), digest: rendered.digest(), answer }).unwrap();
    while run.world.sent.iter().all(|(_, place, _)| place.row != "backup") {
        if !run.effect(Fault::None) {
            run.now = run.engine.wakeup(run.now).unwrap();
        }
    }
    run.restart();
    assert!(run.world.sent.iter().all(|(_, place, _)| place.row != "vault"));
    run.back("alice@example.com").unwrap();
    run.run_on();
    let left: Vec<String> = run.engine.rendered().unwrap().unwrap().rows.into_iter().map(|row| row.row).collect();
    assert_eq!(left, ["vault"], "backup was under way and is settled by reads");
    run.decide(Decision::Redo { step: "consumers".into(), row: "api".into() }).unwrap();
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
    for name in super::harness::HOLDERS {
        assert_ne!(run.world.boxes[name].1["AWS_ACCESS_KEY_ID"], json!(OLD), "{name}");
    }
}

#[test]
fn a_made_key_that_is_not_listed_is_never_made_twice() {
    let mut run = sandbox();
    run.reach("create");
    run.world.throttled = vec!["iam:ListAccessKeys"];
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "sign".into(), typed: None, reason: Some("x".into()) };
    run.decide(Decision::Confirm { step: "create".into(), digest: rendered.digest(), answer }).unwrap();
    run.run_on();
    assert!(matches!(run.engine.focus(), Focus::Stopped { step, .. } if step == "create"), "{:?}", run.engine.focus());
    let refused = run.decide(Decision::Retry { step: "create".into(), row: None }).unwrap_err().0;
    assert!(refused.contains("second"), "{refused}");
    run.world.throttled.clear();
    run.decide(Decision::RollBack { reason: "x".into() }).unwrap();
    run.run_through();
    assert_eq!(run.world.keys.len(), 1);
    assert!(run.world.active(OLD));
}

#[test]
fn an_unread_look_keeps_a_change_from_being_confirmed() {
    let mut run = sandbox();
    run.reach("representative");
    run.world.throttled = vec!["holder.read"];
    run.confirm().unwrap();
    for _ in 0..3 {
        run.effect(Fault::None);
    }
    let refused = run.confirm().unwrap_err().0;
    assert!(refused.contains("could not be read"), "{refused}");
    run.world.throttled.clear();
    run.wait(11);
    run.run_on();
    run.confirm().unwrap();
    assert_ne!(run.world.boxes["infisical prod"].1["AWS_ACCESS_KEY_ID"], json!(OLD));
}

#[test]
fn an_empty_list_that_was_given_needs_a_reason() {
    let mut run = Harness::with_inputs(EnvironmentKind::Sandbox, |inputs| {
        inputs.insert("consumers".into(), json!([]));
    });
    run.run_through();
    let Focus::Blocked { step, why } = run.engine.focus() else { panic!("{:?}", run.engine.focus()) };
    assert!(step == "consumers" && why.contains("empty"), "{why}");
    assert!(run.decide(Decision::Skip { step: step.clone(), reason: " ".into() }).is_err());
    run.decide(Decision::Skip { step, reason: "nobody uses it".into() }).unwrap();
    assert_eq!(deviations(&run, DeviationKind::Skip), 1);
    assert!(!matches!(run.engine.focus(), Focus::Blocked { step, .. } if step == "consumers"));
}

#[test]
fn a_write_without_a_way_back_wants_a_reason() {
    let mut run = sandbox();
    run.world.boxes.get_mut("api").unwrap().1.remove("AWS_SECRET_ACCESS_KEY");
    run.reach("consumers");
    // Its own copy is not whole, but the store's pair is, so there is a way back.
    let step = run.engine.book().runbook.step("consumers").unwrap().clone();
    assert_eq!(admit::way_back(run.engine.book(), run.engine.state(), &step), Ok(()));
    let mut run = sandbox();
    run.reach("representative");
    run.world.boxes.get_mut("infisical prod").unwrap().1.remove("AWS_SECRET_ACCESS_KEY");
    run.confirm().unwrap();
    let step = run.engine.book().runbook.step("store").unwrap().clone();
    assert!(admit::way_back(run.engine.book(), run.engine.state(), &step).is_err());
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = |reason: Option<&str>| Answer { how: "sign".into(), typed: None, reason: reason.map(str::to_owned) };
    let confirm =
        |reason| Decision::Confirm { step: "store".into(), digest: rendered.digest(), answer: answer(reason) };
    assert!(run.decide(confirm(None)).unwrap_err().0.contains("reason"));
    run.decide(confirm(Some("its history has it"))).unwrap();
}

#[test]
fn a_refused_look_is_asked_again_but_not_all_the_time() {
    let mut run = sandbox();
    run.reach("representative");
    run.confirm().unwrap();
    run.wait(60);
    run.restart();
    run.back("alice@example.com").unwrap();
    run.world.refusing = vec!["holder.read"];
    let asked = (0..50).take_while(|_| run.effect(Fault::None)).count();
    assert_eq!(asked, 1, "once, then not before its time");
    assert!(run.engine.wakeup(run.now).is_some_and(|at| at > run.now));
    assert!(run.confirm().is_err());
    run.world.refusing.clear();
    run.wait(11);
    run.reach("consumers");
}

#[test]
fn what_was_looked_at_before_a_break_is_looked_at_again() {
    let mut run = sandbox();
    run.reach("create");
    run.wait(3600);
    run.restart();
    run.back("alice@example.com").unwrap();
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "sign".into(), typed: None, reason: None };
    let confirm = Decision::Confirm { step: "create".into(), digest: rendered.digest(), answer };
    assert!(run.decide(confirm.clone()).unwrap_err().0.contains("read again"));
    run.run_on();
    run.decide(confirm).unwrap();
}
