//! The rules of a real account, against a server on loopback that stands in its place.

use super::*;
use crate::action::Aws;
use crate::config::{Environment, System, TokenSource};
use crate::engine::decision::Decision;
use crate::engine::entry::{Answer, Verdict};
use crate::engine::focus::Focus;
use crate::runbook::ConfirmKind;
use crate::runtime::clock::Clock;
use crate::runtime::driver::{Ending, Handle};
use crate::runtime::open::{AccountAt, open};
use crate::runtime::resume::resume;
use crate::runtime::snapshot::Snapshot;
use crate::sandbox::{Sandbox, World};
use crate::store::RegisterEvent;

const USER: &str = "raxx-vault-operator";

/// A server with AWS and the systems, in real time.
struct Server {
    sandbox: Sandbox,
}

impl Server {
    async fn start() -> Self {
        let store = serde_json::json!({"name": "infisical prod", "kind": "infisical", "project": "drill-project", "environment": "prod"});
        let consumer = serde_json::json!({"name": "raxx/backup", "kind": "github_actions", "repo": "raxx/backup", "prove": "s3-dry-run.yml"});
        let world = World::for_drill(USER, "raxx-backups", Some(&store), &[consumer], 3).unwrap().instant();
        Self { sandbox: Sandbox::start(world, Clock::real(), 3).await.unwrap() }
    }

    fn account(&self) -> Option<AccountAt> {
        let endpoints = ["iam", "sts", "s3"].map(|name| (name.to_owned(), self.sandbox.url().to_owned()));
        let operator = self.sandbox.operator();
        let aws = Aws::loopback(
            endpoints.into_iter().collect(),
            "us-east-1",
            &operator.access_key_id,
            &operator.secret_access_key,
        );
        Some(AccountAt::loopback(aws.unwrap()))
    }

    fn config(&self, notify: Vec<crate::config::Notify>) -> Config {
        let mut config = Config::default_for_drill();
        let prod = Environment {
            name: "prod".into(),
            kind: EnvironmentKind::Account,
            ..config.environments["sandbox"].clone()
        };
        config.environments.insert("prod".into(), prod);
        for (name, system) in self.sandbox.systems() {
            let token = TokenSource::Command(vec!["/bin/echo".into(), system.token.expose().to_owned()]);
            config.systems.insert(name, System { url: system.url, token: Some(token) });
        }
        config.notify = notify;
        config
    }

    /// A real run of the shipped runbook, with one consumer and without the waits that are not gates.
    fn opening(&self, config: &Config) -> Opening {
        let runbook = runbook(&[
            ("settle: 60s", "settle: 0s"),
            ("every: 2s", "every: 1s"),
            ("every: 5s", "every: 1s"),
            ("consecutive: 5", "consecutive: 2"),
            ("consecutive: 3", "consecutive: 1"),
        ]);
        let connectors = shipped::connectors();
        let sets = [("target_user", USER), ("bucket", "raxx-backups")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let mut inputs =
            resolve_inputs(&runbook, &drill_config(config), "sandbox", EnvironmentKind::Sandbox, &sets, &connectors)
                .unwrap();
        for input in inputs.iter_mut().filter(|input| input.name == "consumers") {
            input.value.as_array_mut().unwrap().retain(|holder| holder["kind"] == "github_actions");
        }
        Opening {
            runbook,
            connectors,
            environment: config.environment("prod").unwrap().clone(),
            inputs,
            reason: "scheduled".into(),
            unattended: false,
            account_at: self.account(),
            ..drill(&[], 3)
        }
    }
}

/// The holders come from the runbook's own `drill:` values, as the server has them.
fn drill_config(config: &Config) -> Config {
    Config { systems: config.systems.clone(), ..Config::default_for_drill() }
}

/// A person who confirms whatever the screen shows, as the step wants it, until something else is shown.
async fn confirm_until(handle: &Handle, stop: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut news = handle.news.clone();
    let work = async {
        loop {
            let now = news.borrow_and_update().clone();
            if stop(&now) {
                return now;
            }
            if let (Focus::Confirm { step }, Some(Ok(rendered)), false) = (&now.focus, &now.rendered, now.busy) {
                let declared = now.book.runbook.step(step).unwrap();
                let (how, typed) = match &declared.confirm.kind {
                    ConfirmKind::Enter => ("enter", None),
                    ConfirmKind::Sign => ("sign", None),
                    ConfirmKind::TypeBack(_) => ("type_back", Some("OLD1".to_owned())),
                };
                let answer = Answer { how: how.into(), typed, reason: Some("as planned".into()) };
                let digest = rendered.digest();
                // Refused while what is there now is still being read: there will be news.
                let _ = handle.decide(Decision::Confirm { step: step.clone(), digest, answer }).await;
            }
            if news.changed().await.is_err() {
                panic!("the run ended");
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(90), work).await.expect("it gets there")
}

fn at_the_deactivate(now: &Snapshot) -> bool {
    let gates = now.state.step(&now.book, "deactivate").map_or(0, |step| step.gates.len());
    matches!(&now.focus, Focus::Confirm { step } if step == "deactivate") && gates == 3 && !now.busy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_run_waits_for_real_windows_is_left_gone_on_with_and_taken_over() {
    let (office, server) = (Office::new(), Server::start().await);
    let told = office.dir.path().join("told");
    std::fs::create_dir(&told).unwrap();
    let script = format!("cat > {}/$$", told.display());
    let notify = vec![crate::config::Notify {
        command: vec!["/bin/sh".into(), "-c".into(), script],
        on: vec!["suspended".into()],
    }];
    let config = server.config(notify);
    let session = office.desk_with("alice", config.clone());
    let mut driver = open(session.clone(), server.opening(&config)).await.unwrap();
    let (folder, handle) = (driver.folder().to_owned(), driver.handle());
    let running = tokio::spawn(async move { (driver.run().await, driver.undelivered().to_vec()) });

    let now = confirm_until(&handle, at_the_deactivate).await;
    assert!(!now.state.opened.environment.virtual_clock && !now.state.opened.environment.unattended);
    let gates = &now.state.step(&now.book, "deactivate").unwrap().gates;
    let unused = &gates[&(1, String::new())];
    assert_eq!(unused.verdict, Verdict::Unknown, "an hour of real time has to pass: {unused:?}");
    assert!(now.wakeup.is_some_and(|at| at > now.now), "and the screen can say when");
    // Neither the clock nor a flag helps.
    assert!(handle.move_on("no patience").await.is_err());
    let Some(Ok(rendered)) = &now.rendered else { panic!("it is shown") };
    let yes = |how: &str| Answer { how: how.into(), typed: None, reason: None };
    let confirm = |how| Decision::Confirm { step: "deactivate".into(), digest: rendered.digest(), answer: yes(how) };
    assert!(handle.decide(confirm("yes")).await.is_err());
    // With the right answer it is taken, its gates are read again, and they hold it.
    let _ = handle.decide(confirm("sign")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        !transcript(&folder)
            .iter()
            .any(|e| matches!(&e.body, Body::Started { place, .. } if place.step == "deactivate"))
    );

    handle.decide(Decision::Suspend { reason: "the window is open in an hour".into() }).await.unwrap();
    let (ending, undelivered) = running.await.unwrap();
    assert_eq!((ending.unwrap(), undelivered), (Ending::Suspended, Vec::<String>::new()));
    let lines = session.store.register().lines().unwrap();
    let of = |event| lines.iter().filter(|line| line.event == event).collect::<Vec<_>>();
    let (suspended, delivered) = (of(RegisterEvent::Suspended), of(RegisterEvent::Delivered));
    assert_eq!((suspended.len(), delivered.len()), (1, 1));
    let event = std::fs::read_dir(&told).unwrap().next().unwrap().unwrap().path();
    let event: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(event).unwrap()).unwrap();
    assert_eq!(event["id"].as_str(), delivered[0].head.as_deref());
    assert_eq!(event["event"], "suspended");
    let _ = handle;

    // The same person, another process.
    let mut driver = resume(session.clone(), &folder, server.account()).await.unwrap();
    let handle = driver.handle();
    let running = tokio::spawn(async move { driver.run().await });
    confirm_until(&handle, at_the_deactivate).await;
    handle.decide(Decision::Suspend { reason: "home".into() }).await.unwrap();
    running.await.unwrap().unwrap();

    // Another person takes it over: signed by them, and theirs from there on.
    let bob = office.desk_with("bob", server.config(Vec::new()));
    // Alice's secrets were sealed to every operator of the roster.
    let mut driver = resume(bob.clone(), &folder, server.account()).await.unwrap();
    let handle = driver.handle();
    let running = tokio::spawn(async move { driver.run().await });
    let now = confirm_until(&handle, at_the_deactivate).await;
    assert_eq!(now.state.operator, "bob@example.com");
    assert_eq!(now.signed.as_ref().unwrap().by, "bob@example.com");
    handle.decide(Decision::Suspend { reason: "until the window".into() }).await.unwrap();
    running.await.unwrap().unwrap();
    let all = transcript(&folder);
    assert!(all.iter().any(|e| matches!(&e.body, Body::TookOver { from, .. } if from == "alice@example.com")));
    assert!(all.iter().all(|entry| entry.wall.is_none() && !matches!(entry.body, Body::ClockMoved { .. })));
    assert_eq!(judged(&bob, &folder), (Status::Open, 10));
    for planted in [&server.sandbox.operator().secret_access_key, server.sandbox.token()] {
        assert_eq!(files_with(&office.store(), planted.expose()), Vec::<PathBuf>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_account_is_never_left_unasked() {
    let (office, server) = (Office::new(), Server::start().await);
    let config = server.config(Vec::new());
    let opening = Opening { unattended: true, ..server.opening(&config) };
    let error = open(office.desk_with("alice", config), opening).await.err().expect("refused").to_string();
    assert!(error.contains("flag"), "{error}");
    assert_eq!(std::fs::read_dir(office.store()).into_iter().flatten().count(), 0, "nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_account_than_the_configured_one_is_refused() {
    let (office, server) = (Office::new(), Server::start().await);
    let config = server.config(Vec::new());
    let mut opening = server.opening(&config);
    opening.environment.account = "111122223333".into();
    let error = open(office.desk_with("alice", config), opening).await.err().expect("refused").to_string();
    assert!(error.contains("111122223333") && error.contains("000000000000"), "{error}");
}
