//! Who may do what: overrides, hand-overs, take-overs, suspensions, and a way back that is broken off.

use serde_json::json;

use super::harness::Harness;
use super::world::Fault;
use crate::engine::decision::Decision;
use crate::engine::entry::{Answer, Body, Doubt, EndStatus, Entry, EnvironmentKind};
use crate::engine::focus::Focus;

const OLD: &str = "AKIAEXAMPLE00000OLD1";

fn upto(step: &str) -> Harness {
    let mut run = Harness::new(EnvironmentKind::Sandbox);
    run.reach(step);
    run
}

fn sign(run: &mut Harness) {
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "sign".into(), typed: None, reason: Some("x".into()) };
    run.decide(Decision::Confirm { step: rendered.step.clone(), digest: rendered.digest(), answer }).unwrap();
}

/// Until a call of that step, or act, was handed out with this fault.
fn send(run: &mut Harness, fault: Fault) {
    let sent = run.world.sent.len();
    while run.world.sent.len() == sent {
        if !run.effect(fault) {
            run.now = run.engine.wakeup(run.now).expect("something to wait for");
        }
    }
}

fn break_gate(step: &str, gate: u32, reason: &str) -> Decision {
    Decision::Override { step: step.into(), gate, reason: reason.into(), role: "ops".into() }
}

fn statement(run: &Harness, by: &str, kind: &str, digest: &str) -> Body {
    let said = json!({"type": kind, "run": run.engine.state().opened.run, "head_n": 1, "head": "", "action": "", "digest": digest,
        "attempt": 1, "seen": [], "expires": "2027-01-01T00:00:00.000Z", "by": by});
    Body::Approved { id: by.into(), statement: said.to_string(), signature: String::new() }
}

fn allowed(run: &Harness, body: Body) -> bool {
    let state = run.engine.state();
    let (n, by) = (state.entries, state.operator.clone());
    let entry = Entry { n, prev: String::new(), at: run.now, by, body, wall: Some(run.now), sigs: None };
    run.engine.admit(&entry).is_ok()
}

#[test]
fn a_gate_is_broken_with_a_reason_and_for_that_attempt_only() {
    let mut run = upto("proofs-after");
    run.confirm().unwrap();
    assert!(run.decide(break_gate("proofs-final", 0, "")).is_err());
    assert!(run.decide(break_gate("proofs-final", 9, "x")).is_err());
    assert!(run.decide(break_gate("delete", 0, "x")).is_err(), "it does not wait yet");
    run.world.half = vec!["api"];
    run.decide(break_gate("proofs-final", 0, "an incident")).unwrap();
    run.confirm().unwrap();
    assert_eq!(run.engine.focus(), Focus::Stopped { step: "proofs-final".into(), row: "api".into() });
    run.decide(Decision::Retry { step: "proofs-final".into(), row: None }).unwrap();
    run.run_on();
    let asked = run.world.sent.len();
    run.confirm().unwrap();
    assert!(run.engine.notice().is_some_and(|notice| notice.contains("gate")), "the next attempt has its gate again");
    assert_eq!(run.world.sent.len(), asked);
}

#[test]
fn a_gate_before_a_delete_is_broken_by_two_people_and_its_own_never() {
    let mut run = upto("proofs-after");
    run.confirm().unwrap();
    run.decide(break_gate("proofs-final", 0, "x")).unwrap();
    run.confirm().unwrap();
    run.run_on();
    assert!(matches!(run.engine.focus(), Focus::Confirm { step } if step == "delete"));
    assert!(run.decide(break_gate("delete", 1, "x")).is_err(), "alone");
    let digest = run.engine.rendered().unwrap().unwrap().digest();
    assert!(!allowed(&run, statement(&run, "alice@example.com", "override", &digest)), "the operator's own word");
    run.append(statement(&run, "bob@example.com", "override", &"0".repeat(64)));
    assert!(run.decide(break_gate("delete", 1, "x")).is_err(), "bob spoke of another action");
    run.append(statement(&run, "bob@example.com", "override", &digest));
    run.decide(break_gate("delete", 1, "x")).unwrap();
    assert!(run.decide(break_gate("delete", 3, "x")).is_err(), "what guards the delete itself stays");
}

#[test]
fn after_a_hand_over_only_a_take_over_goes_on() {
    let mut run = upto("create");
    run.decide(Decision::HandOver { to: "bob@example.com".into() }).unwrap();
    assert!(run.decide(Decision::Note { text: "still here".into() }).is_err(), "the owner is out");
    let resumed = Body::Resumed { caller: "c".into(), host: "h".into(), version: "0".into(), binary: String::new() };
    assert!(!allowed(&run, resumed));
    run.back("bob@example.com").unwrap();
    assert_eq!(run.engine.state().operator, "bob@example.com");
    assert_eq!(run.engine.state().handed_to, None);
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
    assert!(run.entries.last().unwrap().by.starts_with("bob"));
}

#[test]
fn a_take_over_asks_for_everything_anew() {
    let mut run = upto("consumers");
    sign(&mut run);
    send(&mut run, Fault::None);
    let sent = run.world.sent.len();
    run.restart();
    run.back("carol@example.com").unwrap();
    run.run_on();
    assert_eq!(run.world.sent.len(), sent, "what alice confirmed is not sent by carol");
    let rendered = run.engine.rendered().unwrap().unwrap();
    assert!(rendered.caller.ends_with("user/carol"));
    assert_eq!(rendered.rows.iter().map(|row| row.row.as_str()).collect::<Vec<_>>(), ["backup", "vault"]);
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
}

#[test]
fn nothing_is_written_while_suspended() {
    let mut run = upto("proofs-final");
    run.decide(Decision::Suspend { reason: "until tomorrow".into() }).unwrap();
    assert!(run.decide(Decision::Note { text: "x".into() }).is_err());
    assert_eq!(run.engine.wakeup(run.now), None, "idle");
    assert!(!run.effect(Fault::None));
    run.wait(26 * 3600);
    run.back("alice@example.com").unwrap();
    assert!(run.engine.state().steps.iter().all(|step| step.gates.is_empty() || step.attempt > 0));
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
}

#[test]
fn a_way_back_that_was_broken_off_goes_on_after_a_restart() {
    let mut run = upto("deactivate");
    run.decide(Decision::RollBack { reason: "x".into() }).unwrap();
    run.run_on();
    sign(&mut run);
    send(&mut run, Fault::None);
    send(&mut run, Fault::LostAfter);
    run.restart();
    run.back("alice@example.com").unwrap();
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::RolledBack), "{:?}", run.engine.notice());
    for name in super::harness::HOLDERS {
        assert_eq!(run.world.boxes[name].1["AWS_ACCESS_KEY_ID"], json!(OLD), "{name}");
    }
    assert!(run.world.active(OLD));
}

#[test]
fn an_act_of_the_way_back_that_failed_is_tried_again() {
    let mut run = upto("deactivate");
    run.decide(Decision::RollBack { reason: "x".into() }).unwrap();
    run.run_on();
    sign(&mut run);
    send(&mut run, Fault::Refused);
    run.run_on();
    assert!(matches!(run.engine.focus(), Focus::Stopped { step, .. } if step.starts_with("rollback/")));
    run.decide(Decision::Retry { step: "rollback".into(), row: None }).unwrap();
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::RolledBack), "{:?}", run.engine.notice());
    assert_eq!(run.world.boxes["vault"].1["AWS_ACCESS_KEY_ID"], json!(OLD));
}

#[test]
fn an_act_of_the_way_back_in_doubt_is_not_sent_again_by_a_retry() {
    let mut run = upto("deactivate");
    run.decide(Decision::RollBack { reason: "x".into() }).unwrap();
    run.run_on();
    sign(&mut run);
    send(&mut run, Fault::LostBefore);
    let sent = run.world.sent.len();
    assert!(matches!(run.engine.focus(), Focus::InDoubt { .. }));
    run.decide(Decision::Retry { step: "rollback".into(), row: None }).unwrap();
    assert!(matches!(run.engine.focus(), Focus::InDoubt { .. }), "asked, not sent: {:?}", run.engine.focus());
    assert_eq!(run.world.sent.len(), sent);
}

#[test]
fn a_doubt_is_settled_only_in_words_that_fit_it() {
    let mut run = upto("deactivate");
    sign(&mut run);
    send(&mut run, Fault::LostAfter);
    let Focus::InDoubt { place } = run.engine.focus() else { panic!("{:?}", run.engine.focus()) };
    for (outcome, typed) in
        [(Doubt::NotOurs, "not ours"), (Doubt::DoneLost, "OLD1"), (Doubt::Unknown, ""), (Doubt::Done, "yes")]
    {
        let decision = Decision::Reconcile { place: place.clone(), outcome, typed: typed.into() };
        assert!(run.decide(decision).is_err(), "{outcome:?}");
    }
    let by_hand = |typed: &str| Body::Reconciled {
        place: place.clone(),
        outcome: Doubt::NotOurs,
        evidence: json!({"by": "alice@example.com", "typed": typed, "key": null}),
    };
    assert!(!allowed(&run, by_hand("not ours")), "nor by an edited transcript");
}

#[test]
fn a_confirmation_that_waits_for_its_gates_goes_with_its_step() {
    let mut run = upto("deactivate");
    sign(&mut run);
    assert!(run.engine.confirming());
    run.world.boxes.insert("late".into(), run.world.boxes["api"].clone());
    let value = json!({"name": "late", "kind": "box", "prove": "yes"});
    run.decide(Decision::AddRow { list: "consumers".into(), value, reason: "x".into() }).unwrap();
    assert!(!run.engine.confirming(), "another step waits now");
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
}

#[test]
fn a_read_that_comes_back_too_late_is_left_out() {
    let mut run = upto("verify");
    let answer = Answer { how: "enter".into(), ..Answer::default() };
    let digest = run.engine.rendered().unwrap().unwrap().digest();
    run.decide(Decision::Confirm { step: "verify".into(), digest, answer }).unwrap();
    run.hold(Fault::None);
    run.decide(Decision::RollBack { reason: "x".into() }).unwrap();
    let entries = run.entries.len();
    run.deliver();
    assert_eq!(run.entries.len(), entries);
}

#[test]
fn an_abort_says_what_is_left() {
    let mut run = upto("proofs-after");
    assert!(run.decide(Decision::Abort { reason: " ".into() }).is_err());
    run.decide(Decision::Abort { reason: "the account is closed".into() }).unwrap();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Aborted));
    let Some(Body::Sealed { remaining, audit, .. }) = run.entries.last().map(|entry| &entry.body) else { panic!() };
    assert!(remaining.iter().any(|left| left.contains("Reactivate")), "{remaining:?}");
    assert_eq!(*audit, None, "a run that was given up is not a completed rotation");
}
