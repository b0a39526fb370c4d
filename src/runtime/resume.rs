//! A run from its folder: the entries folded, what was sealed opened again, the world built anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::driver::{Driver, Parts, file_name};
use super::kept::{SealedWorld, is_of_the_sandbox};
use super::open::{AccountAt, Drill, Surroundings, own_digest, surround, who_am_i};
use super::session::Session;
use super::snapshot::Signed;
use crate::action::{Performer, Program};
use crate::config::Environment;
use crate::diagnostic::Diagnostic;
use crate::engine::admit;
use crate::engine::book::Book;
use crate::engine::decision::Input;
use crate::engine::entry::{Body, Entry, EnvironmentKind, Opened};
use crate::engine::machine::Engine;
use crate::engine::state::Phase;
use crate::runbook::yaml::{parse, parse_connector};
use crate::secret::Vault;
use crate::transcript::{CONNECTORS, RUNBOOK, Writer, host_name, sealed_names};

/// The runbook and connectors that a run was opened with, from its own folder.
///
/// # Errors
/// A file that is not there, or that this keyward can't read.
pub fn book_of(folder: &Path) -> Result<Book, Diagnostic> {
    let text = |path: &Path| {
        std::fs::read_to_string(path).map_err(|e| Diagnostic::new(format!("{} can't be read: {e}", path.display())))
    };
    let unreadable = |what: &str, findings: Vec<crate::diagnostic::Finding>| {
        let why = findings.first().map_or(String::new(), |finding| finding.message.clone());
        Diagnostic::new(format!("the run's {what} can't be read by this keyward: {why}"))
            .hint("use the version that opened it; entry 0 names it")
    };
    let source = text(&folder.join(RUNBOOK))?;
    let runbook = parse(RUNBOOK, &source).map_err(|findings| unreadable("runbook", findings))?;
    let mut connectors = BTreeMap::new();
    let listing = std::fs::read_dir(folder.join(CONNECTORS)).into_iter().flatten().filter_map(Result::ok);
    for file in listing.map(|item| item.path()).filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        let name = file.display().to_string();
        let connector = parse_connector(&name, &text(&file)?).map_err(|findings| unreadable("connector", findings))?;
        connectors.insert(connector.kind.clone(), connector);
    }
    Ok(Book { runbook, connectors })
}

/// Goes on with a run.
///
/// # Errors
/// Another process has it; its transcript is broken; its secrets or its world can't be had here.
pub async fn resume(session: Session, folder: &Path, account_at: Option<AccountAt>) -> Result<Driver, Diagnostic> {
    let book = Arc::new(book_of(folder)?);
    let mut log: Vec<Entry> = Vec::new();
    let (writer, recovery) = Writer::open(folder, |entry| log.push(entry))?;
    let first = log.first().ok_or_else(|| {
        Diagnostic::new("the run was never opened: it has a number, and no entry").hint("start a new one")
    })?;
    let Body::Opened(opened) = first.body.clone() else { return Err(Diagnostic::new("entry 0 does not open a run")) };
    let mut engine = Engine::open(book.clone(), first).ok_or_else(|| Diagnostic::new("entry 0 does not open a run"))?;
    let mut signed = Some(Signed { n: 0, at: first.at, by: first.by.clone() });
    for entry in &log[1..] {
        engine.admit(entry).map_err(|why| {
            Diagnostic::new(format!("entry {} is not what keyward would have written: {why}", entry.n))
                .hint("keyward verify lists everything; such a run is not gone on with")
        })?;
        engine.apply(entry);
        if admit::must_be_signed(&book, &entry.body) {
            signed = Some(Signed { n: entry.n, at: entry.at, by: entry.by.clone() });
        }
    }
    if let Phase::Sealed(_) = engine.state().phase {
        return Err(Diagnostic::new("the run is sealed: nothing can be added to it").hint("keyward verify checks it"));
    }
    let unsealer = session.unsealer()?;
    let key = unsealer.open_fingerprint_key(folder)?;
    let mut vault = Vault::new(key);
    let names = sealed_names(folder)?;
    for name in names.iter().filter(|name| !is_of_the_sandbox(name)) {
        let secret = unsealer.open(folder, name)?;
        vault.keep(&secret_name(name), secret);
    }
    let vault = Arc::new(Mutex::new(vault));
    let environment = environment_of(&session, &opened)?;
    let kept = match opened.environment.kind {
        EnvironmentKind::Account => None,
        _ => Some(SealedWorld::open(folder, &unsealer)?),
    };
    let unattended = opened.environment.unattended;
    let drill = Drill { faults: Vec::new(), seed: 0, unattended, kept, again: true };
    let values = engine.state().values.clone();
    let Surroundings { mut world, sandbox, scratch, clock } =
        surround(&session, &book, &environment, &values, drill, &opened.run, &vault, account_at).await?;
    clock.move_to(engine.state().at);
    world.connectors.clone_from(&book.connectors);
    if opened.environment.kind == EnvironmentKind::Account {
        // What was named in entry 0 is what may be started; a program that changed since is refused when it is needed.
        let named = opened.programs.iter();
        world.programs = named
            .map(|(name, file)| (name.clone(), Program { path: file.name.clone().into(), sha256: file.sha256.clone() }))
            .collect();
    }
    let endpoints = world.endpoints();
    same_endpoints(&opened.endpoints, &endpoints)?;
    let performer = Performer::new(world);
    let (caller, account) = who_am_i(&performer, &endpoints).await?;
    if account != opened.environment.account {
        return Err(Diagnostic::new(format!(
            "the run is in account {}, and you are in {account}",
            opened.environment.account
        ))
        .hint("take the right credentials"));
    }
    let sealer = session.sealer()?;
    let by = session.signer.principal().to_owned();
    let parts =
        Parts { engine, writer, session, sealer, performer, vault, clock, sandbox, scratch, entries: log, signed };
    let mut driver = Driver::new(parts);
    for body in recovery.bodies() {
        driver.append(body).await?;
    }
    let back = Input::Back {
        by,
        caller,
        host: host_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary: own_digest(),
    };
    let now = driver.clock.now();
    let bodies = driver.engine.handle(now, back).map_err(|refusal| Diagnostic::new(refusal.to_string()))?;
    for body in bodies {
        if !driver.append(body).await? {
            return Err(Diagnostic::new(driver.notice.clone().unwrap_or_default()));
        }
    }
    Ok(driver)
}

/// What was recorded of where calls go has to stay true: every action names it.
fn same_endpoints(recorded: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Result<(), Diagnostic> {
    for (name, url) in recorded {
        if now.get(name) != Some(url) {
            let found = now.get(name).map_or("nowhere", String::as_str);
            return Err(Diagnostic::new(format!("{name} was at {url} when the run was opened, and is at {found} now"))
                .hint("put it back into keyward.yaml as it was, or abort this run and start anew"));
        }
    }
    Ok(())
}

/// The inverse of [`file_name`].
fn secret_name(file: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = file.bytes();
    while let Some(byte) = rest.next() {
        let hex: Option<u8> = (byte == b'+')
            .then(|| [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')])
            .and_then(|pair| u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok());
        bytes.push(hex.unwrap_or(byte));
    }
    let name = String::from_utf8_lossy(&bytes).into_owned();
    debug_assert_eq!(file_name(&name), file);
    name
}

pub(super) fn environment_of(session: &Session, opened: &Opened) -> Result<Environment, Diagnostic> {
    let recorded = &opened.environment;
    if let Some(environment) = session.config.environment(&recorded.name) {
        if environment.kind != recorded.kind {
            return Err(Diagnostic::new(format!(
                "{} is of another kind in keyward.yaml than in the run",
                recorded.name
            )));
        }
        return Ok(environment.clone());
    }
    let config = crate::config::Config::default_for_drill();
    match config.environment("sandbox") {
        Some(sandbox) if recorded.kind == EnvironmentKind::Sandbox => Ok(sandbox.clone()),
        _ => Err(Diagnostic::new(format!("the environment {} is not in keyward.yaml", recorded.name))
            .hint("run it where it is configured, or give --config")),
    }
}
