//! Whole runs, with the real driver, store, signatures and sandbox; only the person is scripted.

mod account;
mod crash;
mod failing;
mod faults;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, resolve_inputs};
use crate::engine::entry::{Body, Entry, EnvironmentKind};
use crate::runbook::Runbook;
use crate::runbook::shipped;
use crate::runbook::yaml::parse;
use crate::runtime::driver::Driver;
use crate::runtime::open::Opening;
use crate::runtime::replay::Replayed;
use crate::runtime::resume::book_of;
use crate::runtime::session::Session;
use crate::sandbox::Fault;
use crate::store::Store;
use crate::transcript::{
    Options, Person, Replay, Roster, Signer, Status, default_principal, ensure_signing_key, entries, verify,
};

/// The program that stands in for others in a drill. The tests' own would run the tests again.
pub(super) fn program() -> std::io::Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let program = exe.parent().and_then(Path::parent).map(|folder| folder.join("keyward")).unwrap_or_default();
    assert!(program.is_file(), "build the program first: cargo build");
    Ok(program)
}

/// Two people and a store in a folder of their own.
struct Office {
    dir: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn key(&self, name: &str) -> crate::transcript::SigningKey {
        ensure_signing_key(&self.dir.path().join(name), Some(&format!("{name}@example.com"))).unwrap()
    }

    /// At the desk of one of them, with this configuration.
    fn desk_with(&self, name: &str, config: Config) -> Session {
        let person = |name: &str| {
            let key = self.key(name);
            let line = key.key.public_key().to_openssh().unwrap();
            let words: Vec<&str> = line.split(' ').take(2).collect();
            Person {
                person: name.into(),
                principals: vec![format!("{name}@example.com")],
                keys: vec![words.join(" ")],
                roles: vec!["ops".into(), "superadmin".into()],
                arns: Vec::new(),
                namespaces: Vec::new(),
            }
        };
        let key = self.key(name);
        Session {
            config: Arc::new(config),
            store: Store::local(Some(&self.store())).unwrap(),
            key: key.key.path().to_owned(),
            allowed_signers: Some(key.allowed_signers),
            signer: Arc::new(key.key),
            roster: Roster { people: vec![person("alice"), person("bob")] },
            passphrase: None,
        }
    }

    fn desk(&self, name: &str) -> Session {
        self.desk_with(name, Config::default_for_drill())
    }

    /// Like [`Office::desk`], with a key that signs so many times and then refuses.
    fn desk_that_signs(&self, times: usize) -> Session {
        let session = self.desk("alice");
        let signer = Arc::new(Tired { key: session.signer.clone(), left: std::sync::atomic::AtomicUsize::new(times) });
        Session { signer, ..session }
    }
}

/// A signer that is unplugged after some signatures.
struct Tired {
    key: Arc<dyn Signer>,
    left: std::sync::atomic::AtomicUsize,
}

impl Signer for Tired {
    fn principal(&self) -> &str {
        self.key.principal()
    }

    fn public_key(&self) -> &ssh_key::PublicKey {
        self.key.public_key()
    }

    fn sign(
        &self,
        namespace: &str,
        message: &crate::transcript::Message<'_>,
    ) -> Result<String, crate::transcript::SignError> {
        use std::sync::atomic::Ordering::SeqCst;
        if self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err() {
            return Err(crate::transcript::SignError::Invalid("the key was not touched".to_owned()));
        }
        self.key.sign(namespace, message)
    }
}

/// The shipped runbook, after some changes to its text.
fn runbook(changes: &[(&str, &str)]) -> Runbook {
    let mut text = shipped::shipped()[0].1.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    parse("aws-iam-access-key", &text).unwrap()
}

/// An unattended drill of it.
fn drill(faults: &[Fault], seed: u64) -> Opening {
    let runbook = runbook(&[]);
    let config = Config::default_for_drill();
    let connectors = shipped::connectors();
    let environment = config.environment("sandbox").unwrap().clone();
    let inputs = resolve_inputs(&runbook, &config, "sandbox", EnvironmentKind::Sandbox, &[], &connectors).unwrap();
    Opening {
        runbook,
        connectors,
        sop: None,
        environment,
        inputs,
        secrets: Vec::new(),
        reason: "drill".into(),
        ticket: String::new(),
        unattended: true,
        faults: faults.to_vec(),
        seed,
        account_at: None,
    }
}

/// Runs to the end under whom nobody asks.
async fn unattended(driver: &mut Driver) -> Result<crate::runtime::driver::Ending, crate::diagnostic::Diagnostic> {
    let answering = tokio::spawn(crate::runtime::unattended::answer(driver.handle()));
    let ending = tokio::time::timeout(Duration::from_secs(120), driver.run()).await.expect("it ends");
    answering.abort();
    ending
}

/// Integrity, signatures and order of a run's folder, as a third person sees them.
fn judged(session: &Session, folder: &Path) -> (Status, u8) {
    let trusted = session.roster.signers().unwrap();
    let mut replayed = Replayed::new(book_of(folder).unwrap());
    let replay = Some(&mut replayed as &mut dyn Replay);
    let report = verify(folder, Options { allowed_signers: Some(&trusted), replay, registered: None }).unwrap();
    if !matches!(report.exit, 0 | 10) {
        panic!("{}", report.lines().join("\n"));
    }
    (report.status, report.exit)
}

/// Every entry of a run.
fn transcript(folder: &Path) -> Vec<Entry> {
    entries(folder).unwrap().map(Result::unwrap).collect()
}

/// The reason that stands in the last entry that has one.
fn reason(all: &[Entry]) -> String {
    let found = all.iter().rev().find_map(|entry| match &entry.body {
        Body::Aborted { reason } | Body::Suspended { reason } | Body::RollbackBegun { reason } => Some(reason.clone()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// Files below a folder that hold this text.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = item.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).unwrap_or_default().windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}

#[test]
fn an_office_has_two_people_with_keys_of_their_own() {
    let office = Office::new();
    let keys: BTreeMap<_, _> = office.desk("alice").roster.people.into_iter().map(|p| (p.person, p.keys)).collect();
    assert_ne!(keys["alice"], keys["bob"]);
    assert_ne!(default_principal(), "");
}
