//! Drives an engine over a [`World`] with a clock of its own, as the runtime does over the real one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, json};

use super::world::{Fault, World};
use crate::engine::book::Book;
use crate::engine::decision::{Decision, Input};
use crate::engine::effect::{Effect, Ended, Outcome, Purpose};
use crate::engine::entry::{
    Answer, Body, Entry, EnvironmentKind, EnvironmentRef, FORMAT, FileRef, Opened, Place, RegisterRef, SEMANTICS, Stamp,
};
use crate::engine::focus::Focus;
use crate::engine::machine::{Engine, Refusal};
use crate::runbook::yaml::{parse, parse_connector};

const BOX: &str = r#"
connector: KIND
title: A box
put:
  - run: {http: {system: boxes, method: PATCH, path: "/boxes/{{ holder.name }}", json: "{{ values }}", public: []}}
read:
  calls: [{run: {http: {system: boxes, method: GET, path: "/boxes/{{ holder.name }}"}}}]
  values: {map: body}
  version: "{{ result.headers.etag }}"
prove:
  calls: [{run: {http: {system: boxes, method: POST, path: "/boxes/{{ holder.name }}/prove"}}}]
  works: "{{ result.status == 200 }}"
  denied: {in: [body], codes: [AccessDenied]}
read_back: {within: 30s, every: 2s, consecutive: 3}
"#;

pub const HOLDERS: [&str; 4] = ["infisical prod", "api", "backup", "vault"];

pub fn book() -> Book {
    let text = include_str!("../../../runbooks/aws-iam-access-key.yaml");
    let runbook = parse("test", text).unwrap_or_else(|findings| panic!("{findings:?}"));
    let connector = |kind: &str| parse_connector(kind, &BOX.replace("KIND", kind)).unwrap_or_else(|f| panic!("{f:?}"));
    Book { runbook, connectors: BTreeMap::from([("box".to_owned(), connector("box"))]) }
}

pub struct Harness {
    pub engine: Engine,
    pub entries: Vec<Entry>,
    pub world: World,
    pub now: Stamp,
    /// Who takes over, if somebody does.
    pub taker: String,
    /// An answer that is on its way.
    pub held: Option<(Place, Option<Purpose>, Outcome)>,
}

impl Harness {
    pub fn new(kind: EnvironmentKind) -> Self {
        Self::with_inputs(kind, |_| {})
    }

    pub fn with_inputs(kind: EnvironmentKind, change: impl FnOnce(&mut Map<String, serde_json::Value>)) -> Self {
        Self::over(book(), kind, change)
    }

    /// Over another runbook, with the same holders.
    pub fn of(text: &str) -> Self {
        let runbook = parse("test", text).unwrap_or_else(|findings| panic!("{findings:?}"));
        Self::over(Book { runbook, ..book() }, EnvironmentKind::Sandbox, |_| {})
    }

    fn over(book: Book, kind: EnvironmentKind, change: impl FnOnce(&mut Map<String, serde_json::Value>)) -> Self {
        let book = Arc::new(book);
        // 20:30 UTC is outside the window that the runbook keeps free.
        let now = Stamp::parse("2026-11-20T20:30:00.000Z").unwrap();
        let holder = |name: &str| json!({"name": name, "kind": "box", "prove": "yes"});
        let mut inputs = Map::new();
        inputs.insert("target_user".into(), json!("raxx-vault-operator"));
        inputs.insert("cadence".into(), json!("30d"));
        inputs.insert("bucket".into(), json!("raxx-backups"));
        inputs.insert("store".into(), holder(HOLDERS[0]));
        inputs.insert("consumers".into(), json!(HOLDERS[1..].iter().map(|name| holder(name)).collect::<Vec<_>>()));
        change(&mut inputs);
        let endpoints =
            ["iam", "sts", "s3", "boxes"].map(|name| (name.to_owned(), format!("http://127.0.0.1:1/{name}")));
        let opened = Opened {
            format: FORMAT,
            semantics: SEMANTICS,
            run: "20261120T203000Z-test-7f3a".into(),
            register: RegisterRef { number: 1, prev: "0".repeat(64) },
            environment: EnvironmentRef {
                name: "test".into(),
                kind,
                account: "000000000000".into(),
                region: "us-east-1".into(),
                virtual_clock: kind != EnvironmentKind::Account,
                unattended: kind != EnvironmentKind::Account,
            },
            endpoints: endpoints.into_iter().collect(),
            programs: BTreeMap::new(),
            caller: "arn:aws:iam::000000000000:user/oncall".into(),
            host: "test".into(),
            version: "0".into(),
            binary: String::new(),
            runbook: FileRef { name: "test".into(), sha256: book.runbook.source.sha256.clone() },
            connectors: BTreeMap::new(),
            sop: None,
            roster: String::new(),
            inputs,
            reason: "test".into(),
            ticket: String::new(),
            operator: "alice@example.com".into(),
        };
        let first = Entry {
            n: 0,
            prev: "0".repeat(64),
            at: now,
            by: "alice@example.com".into(),
            body: Body::Opened(Box::new(opened)),
            wall: (kind != EnvironmentKind::Account).then_some(now),
            sigs: None,
        };
        let engine = Engine::open(book, &first).unwrap();
        Self {
            engine,
            entries: vec![first],
            world: World::new(&HOLDERS, now),
            now,
            taker: "bob@example.com".into(),
            held: None,
        }
    }

    pub fn append(&mut self, body: Body) {
        let by = match &body {
            Body::TookOver { .. } => self.taker.clone(),
            _ => self.engine.state().operator.clone(),
        };
        let n = self.entries.len() as u64;
        let entry = Entry {
            n,
            prev: String::new(),
            at: self.now,
            by,
            body,
            wall: self.entries[0].wall.map(|_| self.now),
            sigs: None,
        };
        if let Err(why) = self.engine.admit(&entry) {
            panic!(
                "the engine made an entry that it does not admit: {why}\n{entry:?}\nfocus {:?}",
                self.engine.focus()
            );
        }
        self.entries.push(entry);
        let entry = self.entries.last().unwrap();
        self.engine.apply(entry);
        self.engine.started_here(entry);
    }

    pub fn settle_entries(&mut self) {
        let mut guard = 0;
        while let Some(body) = self.engine.due(self.now) {
            self.append(body);
            guard += 1;
            assert!(guard < 200, "the engine never comes to rest: {:?}", self.engine.focus());
        }
    }

    pub fn input(&mut self, input: Input) -> Result<(), Refusal> {
        for body in self.engine.handle(self.now, input)? {
            self.append(body);
        }
        self.settle_entries();
        Ok(())
    }

    pub fn decide(&mut self, decision: Decision) -> Result<(), Refusal> {
        self.input(Input::Decision(decision))
    }

    /// Carries out one effect that is due, if any.
    pub fn effect(&mut self, fault: Fault) -> bool {
        self.settle_entries();
        let Some((place, purpose, outcome)) = self.carried_out(fault) else { return false };
        self.input(Input::Answer { place, purpose, outcome }).unwrap();
        true
    }

    /// As [`Harness::effect`], but the answer stays under way until [`Harness::deliver`].
    pub fn hold(&mut self, fault: Fault) {
        self.settle_entries();
        if self.held.is_none() {
            self.held = self.carried_out(fault);
        }
    }

    /// The answer that was held comes in.
    pub fn deliver(&mut self) {
        if let Some((place, purpose, outcome)) = self.held.take() {
            self.input(Input::Answer { place, purpose, outcome }).unwrap();
        }
    }

    fn carried_out(&mut self, fault: Fault) -> Option<(Place, Option<Purpose>, Outcome)> {
        let effect = self.engine.poll_effect(self.now)?;
        let (place, purpose, mut outcome) = match effect {
            Effect::Read { place, purpose, calls, .. } => {
                let throttled = self.world.throttled.iter().any(|op| calls.iter().any(|call| call.op == *op));
                let fault = if throttled { Fault::NotSent } else { fault };
                let refused = self.world.refusing.iter().any(|op| calls.iter().any(|call| call.op == *op));
                let outcome = match fault {
                    _ if refused => Outcome::error(Ended::Refused, "AccessDenied", "not allowed"),
                    Fault::None | Fault::LostAfter => self.world.read(&calls),
                    _ => Outcome::error(Ended::NoAnswer, "Throttling", "slow down"),
                };
                (place, Some(purpose), outcome)
            }
            Effect::Send { place, call, .. } => {
                let outcome = self.world.send(self.now, &place, &call, fault);
                (place, None, outcome)
            }
        };
        if outcome.ended == Ended::Answered {
            outcome.reading.date = Some(self.now.time().format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        }
        Some((place, purpose, outcome))
    }

    /// Carries out effects, moving the clock where one is due later, until a person is needed.
    pub fn run_on(&mut self) {
        for _ in 0..2000 {
            if self.effect(Fault::None) {
                continue;
            }
            let gated = matches!(self.engine.focus(), Focus::Confirm { .. }) && !self.engine.confirming();
            match self.engine.wakeup(self.now) {
                Some(at) if at > self.now && !gated && self.held.is_none() => self.now = at,
                _ => return,
            }
        }
        panic!("it never comes to rest: {:?}", self.engine.focus());
    }

    /// Waits until all gates of the step in focus can hold.
    pub fn wait_for_gates(&mut self) {
        for _ in 0..20 {
            self.run_on();
            let Focus::Confirm { step } = self.engine.focus() else { return };
            let state = self.engine.state().step(self.engine.book(), &step).unwrap().clone();
            let shut = state.gates.values().any(|gate| gate.verdict != crate::engine::entry::Verdict::Pass);
            match self.engine.wakeup(self.now) {
                Some(at) if shut => self.now = at.max(self.now),
                _ => return,
            }
        }
    }

    /// Confirms everything as it comes until that step waits for its confirmation.
    pub fn reach(&mut self, step: &str) {
        for _ in 0..60 {
            self.wait_for_gates();
            match self.engine.focus() {
                Focus::Confirm { step: id } if id == step => return,
                Focus::Confirm { .. } => self.confirm().unwrap(),
                other => panic!("{step} is never reached: {other:?}"),
            }
        }
        panic!("{step} is never reached");
    }

    pub fn confirm(&mut self) -> Result<(), Refusal> {
        let rendered = self.engine.rendered().expect("something to confirm").map_err(Refusal)?;
        let step = rendered.step.clone();
        let answer = match self.engine.book().runbook.step(&step).map(|step| step.confirm.kind.clone()) {
            Some(crate::runbook::ConfirmKind::Enter) => Answer { how: "enter".into(), ..Answer::default() },
            Some(crate::runbook::ConfirmKind::TypeBack(_)) => {
                let wanted = crate::engine::admit::type_back(
                    self.engine.book(),
                    self.engine.state(),
                    self.engine.book().runbook.step(&step).unwrap(),
                );
                Answer { how: "type_back".into(), typed: wanted.unwrap().pop(), reason: Some("test".into()) }
            }
            _ => Answer { how: "sign".into(), typed: None, reason: Some("test".into()) },
        };
        self.decide(Decision::Confirm { step, digest: rendered.digest(), answer })?;
        self.run_on();
        Ok(())
    }

    /// Everything confirmed as it comes, until the run is over or stops.
    pub fn run_through(&mut self) {
        for _ in 0..60 {
            self.wait_for_gates();
            match self.engine.focus() {
                Focus::Confirm { .. } | Focus::ConfirmBack => self.confirm().unwrap(),
                _ => return,
            }
        }
    }

    pub fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    /// A new process: nothing but the entries is left.
    pub fn restart(&mut self) {
        let engine = self.replayed(false);
        assert_eq!(engine.state(), self.engine.state(), "the state rebuilt from the entries is another");
        self.engine = engine;
        self.held = None;
    }

    /// Somebody comes back to the run, or takes it over.
    pub fn back(&mut self, by: &str) -> Result<(), Refusal> {
        by.clone_into(&mut self.taker);
        let caller = format!("arn:aws:iam::000000000000:user/{}", by.split('@').next().unwrap_or(by));
        let (host, version, binary) = ("h".into(), "0".into(), String::new());
        self.input(Input::Back { by: by.to_owned(), caller, host, version, binary })
    }

    /// The engine that only read the entries; `judging` each of them, as `verify` does.
    pub fn replayed(&self, judging: bool) -> Engine {
        let book = self.engine.book().clone();
        let mut engine = Engine::open(book, &self.entries[0]).unwrap();
        for entry in &self.entries[1..] {
            if judging {
                engine.admit(entry).unwrap_or_else(|why| panic!("replay refuses entry {}: {why}\n{entry:?}", entry.n));
            }
            engine.apply(entry);
        }
        engine
    }
}
