//! Runs of other runbooks than the SOP: what they may count as done, and what their way back may touch.

use serde_json::json;

use super::harness::Harness;
use super::world::Fault;
use crate::engine::decision::Decision;
use crate::engine::entry::{Answer, Body, Doubt, EndStatus, Reading, Verdict};
use crate::engine::focus::Focus;
use crate::engine::rollback;

const HEAD: &str = "runbook: other\ntitle: Another\ninputs:\n  target_user: {type: iam_user, help: whose}\nrollback: {title: Back, after: look}\nsteps:\n";

fn of(steps: &str) -> Harness {
    Harness::of(&format!("{HEAD}{steps}"))
}

fn send_with(run: &mut Harness, fault: Fault) {
    run.run_on();
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "sign".into(), typed: None, reason: Some("test".into()) };
    run.decide(Decision::Confirm { step: rendered.step.clone(), digest: rendered.digest(), answer }).unwrap();
    let sent = run.world.sent.len();
    while run.world.sent.len() == sent {
        assert!(run.effect(fault), "{:?} {:?}", run.engine.focus(), run.engine.notice());
    }
    run.run_on();
}

#[test]
fn what_a_person_saw_is_judged_and_not_taken_as_a_pass() {
    let step = "  - {id: lamp, title: Look, effect: EFFECT, run: {manual: {do: Look, enter: {lamp: text}}}, rollback: {none: it is a look}, expect: [{path: lamp, equals: green}]}\n";
    for effect in ["read", "mutate"] {
        let step = match effect {
            "read" => step.replace("rollback: {none: it is a look}, ", ""),
            _ => step.to_owned(),
        };
        let mut run = of(&step.replace("EFFECT", effect));
        run.run_on();
        run.confirm().unwrap();
        let Focus::Manual { place } = run.engine.focus() else { panic!("{:?}", run.engine.focus()) };
        let reading = Reading { result: Some(json!({"lamp": "red"})), ..Reading::default() };
        let forged = Body::Finished { place: place.clone(), verdict: Verdict::Pass, reading };
        let entry = crate::engine::entry::Entry { n: run.entries.len() as u64, body: forged, ..run.entries[1].clone() };
        let entry = crate::engine::entry::Entry { at: run.now, ..entry };
        assert!(run.engine.admit(&entry).is_err(), "a pass that was not seen is not in order");
        run.decide(Decision::Entered { place, values: json!({"lamp": "red"}) }).unwrap();
        run.run_on();
        assert!(matches!(run.engine.focus(), Focus::Stopped { .. }), "{effect}: {:?}", run.engine.focus());
        run.decide(Decision::Retry { step: "lamp".into(), row: None }).unwrap();
        run.run_on();
        run.confirm().unwrap();
        let Focus::Manual { place } = run.engine.focus() else { panic!("{:?}", run.engine.focus()) };
        run.decide(Decision::Entered { place, values: json!({"lamp": "green"}) }).unwrap();
        run.run_on();
        assert_eq!(run.engine.focus(), Focus::Over(EndStatus::Completed));
    }
}

const CREATE: &str = "  - {id: create, title: Create, run: {iam.create_access_key: {user: \"{{ target_user }}\"}}, capture: {new_key: {path: ., secret: [secret]}}}\n";

#[test]
fn a_key_that_went_out_by_a_request_is_never_deleted_on_the_way_back() {
    let give = "  - {id: give, title: Give it, effect: mutate, rollback: {none: write-only}, run: {http: {system: boxes, method: PATCH, path: /boxes/api, json: {K: \"{{ new_key.secret }}\"}}}, probe: {iam.list_access_keys: {user: \"{{ target_user }}\"}}, expect: [{path: active, at_least: 9}]}\n";
    for (fault, deleted) in [(Fault::LostAfter, false), (Fault::None, false)] {
        let mut run = of(&format!("{CREATE}{give}"));
        run.world.keys.truncate(1);
        run.reach("give");
        let before = rollback::plan(run.engine.book(), run.engine.state());
        assert!(before.acts.iter().any(|act| act.title.starts_with("Delete")), "never delivered yet");
        send_with(&mut run, fault);
        let plan = rollback::plan(run.engine.book(), run.engine.state());
        assert_eq!(plan.acts.iter().any(|act| act.title.starts_with("Delete")), deleted, "{fault:?}");
        assert!(plan.acts.iter().any(|act| act.title.starts_with("Deactivate")));
    }
}

#[test]
fn what_was_answered_otherwise_than_expected_counts_as_done_for_the_way_back() {
    let give = "  - {id: give, title: Give it, effect: mutate, run: {http: {system: boxes, method: PATCH, path: /boxes/api, json: {K: half}}}, expect: [{path: status, equals: 204}], rollback: [{run: {http: {system: boxes, method: PATCH, path: /boxes/api, json: {K: old}}}}]}\n";
    let mut run = of(give);
    send_with(&mut run, Fault::None);
    assert!(matches!(run.engine.focus(), Focus::Stopped { .. }), "{:?}", run.engine.focus());
    let plan = rollback::plan(run.engine.book(), run.engine.state());
    assert_eq!(plan.acts.len(), 1, "it answered 200: something was done");
    let skip = Decision::Skip { step: "give".into(), reason: "no need".into() };
    assert!(run.decide(skip).is_err(), "what has acted is not left out");

    let mut run = of(give);
    send_with(&mut run, Fault::Refused);
    assert!(rollback::plan(run.engine.book(), run.engine.state()).acts.is_empty(), "a refusal did nothing");
}

#[test]
fn a_user_that_is_merely_there_is_not_ours_and_never_deleted() {
    let mut run = of("  - {id: user, title: Make, run: {iam.create_user: {user: \"{{ target_user }}\"}}}\n");
    send_with(&mut run, Fault::LostBefore);
    let Focus::InDoubt { place } = run.engine.focus() else { panic!("{:?}", run.engine.focus()) };
    run.decide(Decision::Reconcile { place, outcome: Doubt::Done, typed: "done".into() }).unwrap();
    run.run_on();
    let plan = rollback::plan(run.engine.book(), run.engine.state());
    assert!(plan.acts.is_empty() && plan.missing.len() == 1, "{plan:?}");
}

#[test]
fn a_key_that_was_used_after_its_deactivation_is_not_deleted() {
    let mut run = Harness::new(crate::engine::entry::EnvironmentKind::Sandbox);
    run.reach("delete");
    let used = run.now;
    run.world.keys.iter_mut().find(|key| !key.active).unwrap().used = Some(used);
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "type_back".into(), typed: Some("OLD1".into()), reason: Some("test".into()) };
    run.decide(Decision::Confirm { step: "delete".into(), digest: rendered.digest(), answer }).unwrap();
    run.run_on();
    let gates = &run.engine.state().step(run.engine.book(), "delete").unwrap().gates;
    let own = &gates[&(3, String::new())];
    assert_eq!(own.verdict, Verdict::Fail, "{}", own.evidence);
    assert!(own.evidence["words"].as_str().unwrap().contains("turned it on again"), "{}", own.evidence);
    assert!(run.world.deleted.is_empty());
}

#[test]
fn a_window_that_began_while_the_key_was_active_observed_nothing() {
    let delete = "  - {id: delete, title: Delete, gate: [{inactive_for: {key: AKIAEXAMPLE00000OLD1, at_least: 24h}}], confirm: {type_back: OLD1, reason: true}, run: {iam.delete_access_key: {user: \"{{ target_user }}\", key: AKIAEXAMPLE00000OLD1}}}\n";
    let mut run = of(delete);
    run.run_on();
    run.decide(Decision::RestartWindow { step: "delete".into(), reason: "no record".into() }).unwrap();
    run.run_on();
    run.wait(25 * 3600);
    for key in &mut run.world.keys {
        key.active = false;
    }
    let rendered = run.engine.rendered().unwrap().unwrap();
    let answer = Answer { how: "type_back".into(), typed: Some("OLD1".into()), reason: Some("test".into()) };
    run.decide(Decision::Confirm { step: "delete".into(), digest: rendered.digest(), answer: answer.clone() }).unwrap();
    run.run_on();
    assert!(run.world.deleted.is_empty(), "it was deactivated a moment ago");
    // Observed from now on, it may go a day later.
    run.decide(Decision::RestartWindow { step: "delete".into(), reason: "no record".into() }).unwrap();
    run.run_on();
    run.wait(25 * 3600);
    run.decide(Decision::Confirm { step: "delete".into(), digest: rendered.digest(), answer }).unwrap();
    run.run_on();
    assert_eq!(run.world.deleted.len(), 1, "{:?}", run.engine.notice());
}

#[test]
fn one_of_two_values_written_is_not_both() {
    use crate::engine::expect::judge;
    let before = json!({"facts": {"updated": "2026-11-20T10:00:00Z", "latest": "2026-11-20T10:00:02Z"}});
    let after = |updated: &str| json!({"facts": {"updated": updated, "latest": "2026-11-20T12:00:00Z"}});
    let expected = crate::engine::own::written_since(Some(&before));
    let scope = crate::runbook::template::Scope::default();
    assert_eq!(judge(&expected, &after("2026-11-20T10:00:02Z"), &scope).0, Verdict::Fail, "the second is the old one");
    assert_eq!(judge(&expected, &after("2026-11-20T11:59:59Z"), &scope).0, Verdict::Pass);
}

#[test]
fn a_clock_that_was_set_forward_opens_no_gate_of_a_real_account() {
    use crate::engine::entry::EnvironmentKind;
    use crate::engine::gate::{GateView, gates};
    let mut run = Harness::new(EnvironmentKind::Account);
    for _ in 0..60 {
        run.run_on();
        match run.engine.focus() {
            Focus::Confirm { step } if step == "deactivate" => break,
            Focus::Confirm { .. } => run.confirm().unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let (book, state) = (run.engine.book().clone(), run.engine.state().clone());
    let (step, folded) = (book.runbook.step("deactivate").unwrap(), state.step(&book, "deactivate").unwrap());
    let view = GateView { book: &book, state: &state, step, row: &folded.rows[0] };
    let late = run.now.plus(std::time::Duration::from_secs(2 * 3600));
    let judge =
        |date: &str| view.judge(gates(step)[1], &json!({"reads": [{"used": "never"}], "date": date}), late).verdict;
    let http = |at: crate::engine::entry::Stamp| at.time().to_rfc2822();
    assert_eq!(judge(&http(run.now)), Verdict::Unknown, "AWS says that no time has passed");
    assert_eq!(judge(&http(late)), Verdict::Pass);
}

#[test]
fn a_restart_that_sends_nothing_is_refused_and_does_not_wait_for_ever() {
    let mut run = of(
        "  - {id: re, title: Restart, run: {holder.restart: {holder: {name: api, kind: box}}}, rollback: {none: a restart}}\n",
    );
    run.run_on();
    let why = run.engine.rendered().unwrap().unwrap_err();
    assert!(why.contains("have no `restart`"), "{why}");
    assert_eq!(run.engine.focus(), Focus::Confirm { step: "re".into() });
}
