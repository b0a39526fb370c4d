//! Long random histories of decisions, results, faults, restarts and clock jumps. Whatever happens, the promises hold: they
//! are checked on what was sent and written, by rules of their own, not by the engine's.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::harness::Harness;
use super::world::{Fault, Key};
use crate::engine::call::Rendered;
use crate::engine::decision::Decision;
use crate::engine::entry::{Answer, Body, Doubt, EnvironmentKind, Place, Stamp, Verdict};
use crate::engine::focus::Focus;

const OLD: &str = "AKIAEXAMPLE00000OLD1";

#[derive(Clone, Copy, Debug)]
enum Move {
    Effects(u8, Fault),
    Confirm,
    ConfirmBadly(u8),
    Gates,
    Retry,
    Redo(u8),
    Skip,
    Override(u8),
    RollBack,
    Abort(u8),
    AddRow,
    RestartWindow,
    Reconcile(u8),
    Suspend,
    Restart,
    Jump(u32),
    ForeignKey,
    OldUsed,
    Hold(Fault),
    Deliver,
    HandOver,
    TakeOver,
    Throttle(u8),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        12 => Just(Fault::None),
        2 => Just(Fault::LostAfter),
        1 => Just(Fault::LostBefore),
        1 => Just(Fault::Refused),
        1 => Just(Fault::NotSent),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        30 => (1..12u8, fault()).prop_map(|(n, fault)| Move::Effects(n, fault)),
        30 => Just(Move::Confirm),
        20 => Just(Move::Gates),
        3 => (0..4u8).prop_map(Move::ConfirmBadly),
        8 => Just(Move::Retry),
        2 => any::<u8>().prop_map(Move::Redo),
        1 => Just(Move::Skip),
        1 => any::<u8>().prop_map(Move::Override),
        1 => Just(Move::RollBack),
        1 => any::<u8>().prop_map(Move::Abort),
        1 => Just(Move::AddRow),
        1 => Just(Move::RestartWindow),
        6 => (0..5u8).prop_map(Move::Reconcile),
        1 => Just(Move::Suspend),
        4 => Just(Move::Restart),
        4 => (1..200_000u32).prop_map(Move::Jump),
        1 => Just(Move::ForeignKey),
        1 => Just(Move::OldUsed),
        6 => fault().prop_map(Move::Hold),
        6 => Just(Move::Deliver),
        1 => Just(Move::HandOver),
        1 => Just(Move::TakeOver),
        1 => any::<u8>().prop_map(Move::Throttle),
    ];
    proptest::collection::vec(one, 120..300)
}

fn play(run: &mut Harness, step: Move) {
    match step {
        Move::Effects(n, fault) => {
            for _ in 0..n {
                if !run.effect(fault) {
                    let Some(at) = run
                        .engine
                        .wakeup(run.now)
                        .filter(|at| *at > run.now && at.since(run.now) < Duration::from_secs(400))
                    else {
                        break;
                    };
                    run.now = at;
                }
            }
        }
        Move::Confirm => {
            if let Some(Ok(_)) = run.engine.rendered() {
                let _ = run.confirm();
            }
        }
        Move::ConfirmBadly(how) => {
            let Some(Ok(rendered)) = run.engine.rendered() else { return };
            let (digest, how, typed) = match how {
                0 => ("0".repeat(64), "sign", None),
                1 => (rendered.digest(), "enter", None),
                2 => (rendered.digest(), "type_back", Some("XXXX".to_owned())),
                _ => (rendered.digest(), "shout", None),
            };
            let answer = Answer { how: how.into(), typed, reason: Some("x".into()) };
            let _ = run.decide(Decision::Confirm { step: rendered.step, digest, answer });
        }
        Move::Gates => run.wait_for_gates(),
        Move::Retry => {
            let step = match run.engine.focus() {
                Focus::Stopped { step, .. } if step.starts_with("rollback/") => "rollback".to_owned(),
                Focus::Stopped { step, .. } | Focus::Confirm { step } => step,
                Focus::InDoubt { place } => place.step,
                _ => return,
            };
            let _ = run.decide(Decision::Retry { step, row: None });
        }
        Move::Redo(n) => {
            let rows = ["api", "backup", "vault"];
            let row = rows[usize::from(n) % rows.len()].to_owned();
            let _ = run.decide(Decision::Redo { step: "consumers".into(), row });
        }
        Move::Skip => {
            if let Focus::Stopped { step, .. } | Focus::Confirm { step } = run.engine.focus() {
                let _ = run.decide(Decision::Skip { step, reason: "x".into() });
            }
        }
        Move::Override(n) => {
            if let Focus::Confirm { step } = run.engine.focus() {
                let _ = run.decide(Decision::Override {
                    step,
                    gate: u32::from(n % 4),
                    reason: "x".into(),
                    role: "ops".into(),
                });
            }
        }
        Move::RollBack => {
            let _ = run.decide(Decision::RollBack { reason: "x".into() });
        }
        // Rarer than one weight can say, or few histories would be long.
        Move::Abort(n) if n >= 64 => {}
        Move::Abort(_) => {
            let _ = run.decide(Decision::Abort { reason: "x".into() });
        }
        Move::AddRow => {
            let late = run.world.boxes["api"].clone();
            run.world.boxes.entry("late".into()).or_insert(late);
            let value = serde_json::json!({"name": "late", "kind": "box", "prove": "yes"});
            let _ = run.decide(Decision::AddRow { list: "consumers".into(), value, reason: "x".into() });
        }
        Move::RestartWindow => {
            let _ = run.decide(Decision::RestartWindow { step: "deactivate".into(), reason: "x".into() });
        }
        Move::Reconcile(n) => {
            let Focus::InDoubt { place } = run.engine.focus() else { return };
            let candidate = run.engine.candidate(&place);
            let (outcome, typed) = match n {
                0 => (Doubt::NotDone, "not sent".to_owned()),
                1 => (Doubt::NotOurs, "not ours".to_owned()),
                2 => (Doubt::DoneLost, "nonsense".to_owned()),
                _ => (Doubt::DoneLost, candidate.map_or(String::new(), |id| id[id.len() - 4..].to_owned())),
            };
            let _ = run.decide(Decision::Reconcile { place, outcome, typed });
        }
        Move::Suspend => {
            if run.decide(Decision::Suspend { reason: "x".into() }).is_ok() {
                back(run);
            }
        }
        Move::Restart => {
            run.restart();
            back(run);
        }
        Move::Jump(seconds) => run.wait(u64::from(seconds)),
        Move::ForeignKey => {
            if run.world.keys.len() < 2 {
                let at = run.now;
                run.world.keys.push(Key { id: "AKIAFOREIGN000000001".into(), active: true, created: at, used: None });
            }
        }
        Move::Hold(fault) => run.hold(fault),
        Move::Deliver => run.deliver(),
        Move::HandOver => {
            if run.decide(Decision::HandOver { to: "bob@example.com".into() }).is_ok() {
                let _ = run.back("bob@example.com");
            }
        }
        Move::TakeOver => {
            run.restart();
            let _ = run.back("carol@example.com");
        }
        Move::Throttle(n) => {
            let ops = ["iam:GetAccessKeyLastUsed", "iam:ListAccessKeys", "holder.prove", "holder.read"];
            run.world.throttled = ops.get(usize::from(n % 8)).copied().into_iter().collect();
        }
        Move::OldUsed => {
            let at = run.now;
            run.world.keys.iter_mut().filter(|key| key.id == OLD).for_each(|key| key.used = Some(at));
        }
    }
}

fn back(run: &mut Harness) {
    let by = run.engine.state().operator.clone();
    let _ = run.back(&by);
}

/// What the entries say of one sent call.
fn confirmed_and_started(run: &Harness, place: &Place, call: &crate::engine::call::Call) -> Result<(), TestCaseError> {
    let started: Vec<(usize, &String)> = run
        .entries
        .iter()
        .enumerate()
        .filter_map(|(i, entry)| match &entry.body {
            Body::Started { place: at, digest } if at == place => Some((i, digest)),
            _ => None,
        })
        .collect();
    prop_assert_eq!(started.len(), 1, "one `started` for {:?}", place);
    let (at, digest) = started[0];
    let confirmed = run.entries[..at].iter().rev().find_map(|entry| match &entry.body {
        Body::Confirmed { attempt, action, digest: d, .. } if d == digest => Some((*attempt, action)),
        _ => None,
    });
    let Some((attempt, action)) = confirmed else {
        return Err(TestCaseError::fail(format!("no confirmation for {place:?}")));
    };
    let rendered: Rendered = serde_json::from_str(action).unwrap();
    prop_assert_eq!(attempt, place.attempt);
    let key = if place.step.starts_with("rollback/") { &place.step } else { &place.row };
    let row = rendered.rows.iter().find(|row| row.row == *key).expect("the row was confirmed");
    prop_assert!(row.calls.contains(call), "another action than the confirmed one: {:?}", call);
    Ok(())
}

fn check(run: &Harness) -> Result<(), TestCaseError> {
    let mut seen = BTreeMap::new();
    for (at, place, call) in &run.world.sent {
        *seen.entry(place.clone()).or_insert(0) += 1;
        prop_assert_eq!(seen[place], 1, "sent twice: {:?}", place);
        confirmed_and_started(run, place, call)?;
        let key = call.params.get("AccessKeyId").and_then(|id| id.as_str()).unwrap_or("");
        let back = place.step.starts_with("rollback/");
        if call.op == "iam:DeleteAccessKey" {
            prop_assert!(!key.contains("FOREIGN"), "a foreign key was deleted");
            let deactivated = run.world.sent.iter().rev().find(|(then, _, other)| {
                then <= at
                    && other.op == "iam:UpdateAccessKey"
                    && other.params["AccessKeyId"] == key
                    && other.params["Status"] == "Inactive"
            });
            let Some((then, _, _)) = deactivated else {
                return Err(TestCaseError::fail("a delete without a deactivate"));
            };
            if back {
                prop_assert_ne!(key, OLD);
            } else {
                prop_assert!(at.since(*then) >= Duration::from_secs(24 * 3600), "a delete before its window");
            }
        }
        if call.op == "iam:UpdateAccessKey" && !back {
            proven(run, place)?;
        }
    }
    let creates = run.world.sent.iter().filter(|(_, _, call)| call.op == "iam:CreateAccessKey").count();
    let allowed =
        run.entries.iter().filter(|e| matches!(&e.body, Body::Confirmed { step, .. } if step == "create")).count();
    prop_assert!(creates <= allowed, "two creates for one confirmation");
    if let Some(sealed) = run.entries.iter().position(|entry| matches!(entry.body, Body::Sealed { .. })) {
        prop_assert_eq!(sealed + 1, run.entries.len(), "an entry after the seal");
    }
    Ok(())
}

/// Before the old key was deactivated every holder that the run then knew was proven after its last put.
fn proven(run: &Harness, place: &Place) -> Result<(), TestCaseError> {
    let at = run.entries.iter().position(|e| matches!(&e.body, Body::Started { place: p, .. } if p == place)).unwrap();
    let before = &run.entries[..at];
    let mut rows: Vec<String> = ["api", "backup", "vault"].map(str::to_owned).to_vec();
    rows.extend(before.iter().any(|e| matches!(e.body, Body::RowAdded { .. })).then(|| "late".to_owned()));
    let last = |wanted: &dyn Fn(&Body) -> bool| before.iter().rposition(|entry| wanted(&entry.body));
    for row in rows {
        let put =
            last(&|body| matches!(body, Body::Started { place, .. } if place.step == "consumers" && place.row == row));
        let proof = last(
            &|body| matches!(body, Body::Finished { place, verdict: Verdict::Pass, .. } if place.step == "proofs" && place.row == row),
        );
        prop_assert!(put.is_some() && proof > put, "{} was not proven before the deactivate", row);
    }
    Ok(())
}

/// Histories that are played, each of up to 300 moves. `KEYWARD_HISTORIES` plays more of them, from another seed each time.
fn config() -> ProptestConfig {
    let more = std::env::var("KEYWARD_HISTORIES").ok().and_then(|n| n.parse().ok());
    let rng_seed = if more.is_some() { RngSeed::Random } else { RngSeed::Fixed(7) };
    ProptestConfig {
        cases: more.unwrap_or(100),
        max_shrink_time: 15_000,
        failure_persistence: None,
        rng_seed,
        ..ProptestConfig::default()
    }
}

/// From wherever a history ends there is a way to the end that needs nothing but a person who decides.
fn comes_to_an_end(mut run: Harness, back_first: bool) -> Result<(), TestCaseError> {
    run.world.throttled.clear();
    run.deliver();
    for _ in 0..200 {
        if let Focus::Over(_) = run.engine.focus() {
            return Ok(());
        }
        run.run_on();
        let ended = match run.engine.focus() {
            Focus::Over(_) => return Ok(()),
            Focus::ConfirmBack => run.confirm().is_ok(),
            Focus::InDoubt { place } => {
                let (outcome, typed) = match run.engine.candidate(&place) {
                    Some(id) if id.contains("FOREIGN") => (Doubt::NotOurs, "not ours".to_owned()),
                    Some(id) => (Doubt::DoneLost, id[id.len() - 4..].to_owned()),
                    None => (Doubt::NotDone, "not sent".to_owned()),
                };
                let step = place.step.clone();
                run.decide(Decision::Reconcile { place, outcome, typed }).is_ok()
                    || run.decide(Decision::Retry { step, row: None }).is_ok()
            }
            Focus::Stopped { step, .. } if step.starts_with("rollback/") => {
                run.decide(Decision::Retry { step: "rollback".into(), row: None }).is_ok()
            }
            _ => false,
        };
        let goes_on = ended || (back_first && run.decide(Decision::RollBack { reason: "x".into() }).is_ok());
        if !goes_on {
            let aborted = run.decide(Decision::Abort { reason: "x".into() });
            prop_assert!(aborted.is_ok(), "no way out of {:?}: {:?}", run.engine.focus(), aborted);
        }
    }
    Err(TestCaseError::fail(format!("it never ends: {:?}", run.engine.focus())))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_promises_hold_over_any_history_of_a_drill(moves in moves(), back in any::<bool>()) {
        history(EnvironmentKind::Sandbox, moves, back)?;
    }

    #[test]
    fn the_promises_hold_over_any_history_of_a_real_account(moves in moves(), back in any::<bool>()) {
        history(EnvironmentKind::Account, moves, back)?;
    }
}

fn history(kind: EnvironmentKind, moves: Vec<Move>, back_first: bool) -> Result<(), TestCaseError> {
    let mut run = Harness::new(kind);
    let mut after_the_end = 0;
    for step in moves {
        play(&mut run, step);
        after_the_end += u32::from(matches!(run.engine.focus(), Focus::Over(_)));
        if after_the_end == 10 {
            break;
        }
    }
    check(&run)?;
    let replayed = run.replayed(true);
    prop_assert_eq!(replayed.state(), run.engine.state(), "the state rebuilt from the entries is another");
    if run.engine.state().suspended.is_none() {
        comes_to_an_end(run, back_first)?;
    }
    Ok(())
}

#[test]
fn time_is_only_ever_what_the_engine_is_told() {
    // A run whose clock stands still waits for ever at a window, and never passes it.
    let mut run = Harness::new(EnvironmentKind::Sandbox);
    let start: Stamp = run.now;
    for _ in 0..200 {
        run.effect(Fault::None);
        if let Some(Ok(rendered)) = run.engine.rendered() {
            let how = if rendered.step == "cleanup" || rendered.step == "delete" { "type_back" } else { "sign" };
            let answer = Answer { how: how.into(), typed: None, reason: Some("x".into()) };
            let _ = run.decide(Decision::Confirm { step: rendered.step.clone(), digest: rendered.digest(), answer });
        }
    }
    assert_eq!(run.now, start);
    assert!(run.world.deleted.is_empty() && run.world.active(OLD));
}
