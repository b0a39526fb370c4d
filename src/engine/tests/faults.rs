use serde_json::json;

use super::harness::{HOLDERS, Harness};
use super::world::Fault;
use crate::engine::decision::Decision;
use crate::engine::entry::{Answer, Body, Doubt, EndStatus, EnvironmentKind};
use crate::engine::focus::Focus;

const OLD: &str = "AKIAEXAMPLE00000OLD1";

fn upto(step: &str) -> Harness {
    let mut run = Harness::new(EnvironmentKind::Sandbox);
    run.reach(step);
    run
}

fn send_with(run: &mut Harness, fault: Fault) {
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "sign".into(), typed: None, reason: Some("test".into()) };
    run.decide(Decision::Confirm { step: rendered.step.clone(), digest: rendered.digest(), answer }).unwrap();
    let sent = run.world.sent.len();
    while run.world.sent.len() == sent {
        assert!(run.effect(fault), "{:?} {:?}", run.engine.focus(), run.engine.notice());
    }
}

#[test]
fn the_sop_ends_with_one_new_key_held_everywhere() {
    let mut run = Harness::new(EnvironmentKind::Sandbox);
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
    assert_eq!(run.world.keys.len(), 1);
    assert!(run.world.keys[0].id.contains("NEW") && run.world.keys[0].active);
    for name in HOLDERS {
        assert_eq!(run.world.boxes[name].1["AWS_ACCESS_KEY_ID"], json!(run.world.keys[0].id));
    }
    let Some(Body::Sealed { audit, deviations, .. }) = run.entries.last().map(|entry| &entry.body) else { panic!() };
    assert!(audit.as_ref().unwrap().contains("secret.rotate.completed"));
    assert_eq!(deviations, &[]);
    run.restart();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed));
}

#[test]
fn a_lost_create_is_asked_about_and_never_sent_again() {
    let mut run = upto("create");
    send_with(&mut run, Fault::LostAfter);
    run.run_on();
    let Focus::InDoubt { place } = run.engine.focus() else { panic!("{:?}", run.engine.focus()) };
    let id = run.engine.candidate(&place).expect("the key is a candidate");
    let wrong = Decision::Reconcile { place: place.clone(), outcome: Doubt::NotDone, typed: "not sent".into() };
    assert!(run.decide(wrong).is_err(), "a key is there: it can't be said that nothing was sent");
    let typed = id[id.len() - 4..].to_owned();
    run.decide(Decision::Reconcile { place, outcome: Doubt::DoneLost, typed }).unwrap();
    assert!(matches!(run.engine.focus(), Focus::Stopped { .. }));
    assert!(run.decide(Decision::Retry { step: "create".into(), row: None }).is_err());
    run.decide(Decision::RollBack { reason: "secret lost".into() }).unwrap();
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::RolledBack));
    assert_eq!(run.world.keys.len(), 1);
    assert!(run.world.active(OLD));
    assert_eq!(run.world.sent.iter().filter(|(_, _, call)| call.op == "iam:CreateAccessKey").count(), 1);
}

#[test]
fn a_create_that_never_arrived_is_for_the_operator_to_say() {
    let mut run = upto("create");
    send_with(&mut run, Fault::LostBefore);
    let before = run.now;
    run.run_on();
    assert!(run.now.since(before).as_secs() >= 60, "five consistent lists over 60 s");
    let Focus::InDoubt { place } = run.engine.focus() else { panic!("{:?}", run.engine.focus()) };
    assert_eq!(run.engine.candidate(&place), None);
    run.decide(Decision::Reconcile { place, outcome: Doubt::NotDone, typed: "not sent".into() }).unwrap();
    run.decide(Decision::Retry { step: "create".into(), row: None }).unwrap();
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
    assert_eq!(run.world.keys.len(), 1);
}

#[test]
fn a_foreign_key_is_never_up_for_deletion() {
    let mut run = upto("create");
    send_with(&mut run, Fault::LostBefore);
    let at = run.now;
    run.world.keys.push(super::world::Key { id: "AKIAFOREIGN000000001".into(), active: true, created: at, used: None });
    run.run_on();
    let Focus::InDoubt { place } = run.engine.focus() else { panic!("{:?}", run.engine.focus()) };
    run.decide(Decision::Reconcile { place, outcome: Doubt::NotOurs, typed: "not ours".into() }).unwrap();
    assert!(run.decide(Decision::RollBack { reason: "x".into() }).is_err(), "nothing of ours was changed");
    assert!(run.decide(Decision::Retry { step: "create".into(), row: None }).is_err());
    assert!(run.world.active("AKIAFOREIGN000000001"));
}

#[test]
fn lost_updates_puts_and_deletes_are_settled_by_reads() {
    for (step, fault) in [
        ("deactivate", Fault::LostAfter),
        ("delete", Fault::LostAfter),
        ("store", Fault::LostAfter),
        ("consumers", Fault::LostAfter),
    ] {
        let mut run = upto(step);
        if step == "delete" {
            let typed = Some(OLD[16..].to_owned());
            let rendered = run.engine.rendered().unwrap().unwrap();
            let answer = Answer { how: "type_back".into(), typed, reason: Some("done".into()) };
            run.decide(Decision::Confirm { step: step.into(), digest: rendered.digest(), answer }).unwrap();
            let sent = run.world.sent.len();
            while run.world.sent.len() == sent {
                assert!(run.effect(fault));
            }
        } else {
            send_with(&mut run, fault);
        }
        run.run_through();
        assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{step}: {:?}", run.engine.notice());
    }
}

#[test]
fn the_way_back_restores_every_holder_and_leaves_the_new_key_inactive() {
    let mut run = upto("proofs-final");
    assert!(!run.world.active(OLD));
    run.decide(Decision::RollBack { reason: "errors".into() }).unwrap();
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::RolledBack), "{:?}", run.engine.notice());
    assert!(run.world.active(OLD));
    for name in HOLDERS {
        assert_eq!(run.world.boxes[name].1["AWS_ACCESS_KEY_ID"], json!(OLD), "{name}");
    }
    assert_eq!(run.world.keys.len(), 2);
    assert!(run.world.keys.iter().all(|key| key.id == OLD || !key.active), "a delivered key stays, Inactive");
    let order: Vec<&str> = run
        .world
        .sent
        .iter()
        .filter(|(_, place, _)| place.step.starts_with("rollback/"))
        .map(|(_, _, call)| call.op.as_str())
        .collect();
    assert_eq!(order.first(), Some(&"iam:UpdateAccessKey"), "the old key first");
    assert_eq!(order.last(), Some(&"iam:UpdateAccessKey"), "the new one last");
}

#[test]
fn a_delete_can_not_be_confirmed_early_nor_by_wrong_letters() {
    let mut run = upto("delete");
    let rendered = run.engine.rendered().unwrap().unwrap();
    let confirm = |typed: &str, how: &str| Decision::Confirm {
        step: "delete".into(),
        digest: rendered.digest(),
        answer: Answer { how: how.into(), typed: Some(typed.into()), reason: Some("x".into()) },
    };
    assert!(run.decide(confirm("OLD2", "type_back")).unwrap_err().0.contains("You typed OLD2"));
    assert!(run.decide(confirm("OLD1", "enter")).is_err(), "Enter never confirms it");
    let mut early = upto("proofs-after");
    early.confirm().unwrap();
    assert!(matches!(early.engine.focus(), Focus::Confirm { step } if step == "proofs-final"));
    let rendered = early.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "enter".into(), ..Answer::default() };
    early.decide(Decision::Confirm { step: "proofs-final".into(), digest: rendered.digest(), answer }).unwrap();
    early.run_on();
    assert!(early.engine.notice().unwrap().contains("gate"), "24 h are not over");
    assert!(early.world.deleted.is_empty());
}

#[test]
fn a_forgotten_consumer_is_added_and_opens_its_steps_again() {
    let mut run = upto("proofs-after");
    run.world.boxes.insert("late".into(), run.world.boxes["api"].clone());
    run.world.boxes.get_mut("late").unwrap().1.insert("AWS_ACCESS_KEY_ID".into(), json!(OLD));
    let value = json!({"name": "late", "kind": "box", "prove": "yes"});
    run.decide(Decision::AddRow { list: "consumers".into(), value, reason: "found in the logs".into() }).unwrap();
    assert!(matches!(run.engine.focus(), Focus::Confirm { step } if step == "consumers"), "{:?}", run.engine.focus());
    run.run_through();
    assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed), "{:?}", run.engine.notice());
    assert_ne!(run.world.boxes["late"].1["AWS_ACCESS_KEY_ID"], json!(OLD));
}

#[test]
fn a_stranger_action_or_an_old_digest_is_refused() {
    let mut run = upto("create");
    let answer = Answer { how: "sign".into(), ..Answer::default() };
    let confirm = Decision::Confirm { step: "create".into(), digest: "0".repeat(64), answer };
    assert!(run.decide(confirm).unwrap_err().0.contains("changed"));
    assert!(run.world.sent.is_empty());
}

#[test]
fn gates_that_were_read_long_before_the_last_one_are_read_again() {
    let mut run = upto("deactivate");
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "sign".into(), ..Answer::default() };
    run.decide(Decision::Confirm { step: "deactivate".into(), digest: rendered.digest(), answer }).unwrap();
    run.hold(Fault::None);
    run.wait(300);
    run.deliver();
    run.run_on();
    assert!(!run.world.active(OLD), "{:?}", run.engine.notice());
}
