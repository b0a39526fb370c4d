//! A run from a runbook: inputs resolved, the world built, entry 0 written and signed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

use super::clock::Clock;
use super::driver::{Driver, Parts};
use super::kept::SealedWorld;
use super::programs;
use super::session::Session;
use super::snapshot::Signed;
use crate::action::{Aws, DrillHost, Limits, Performer, System, World};
use crate::config::{Environment, ResolvedInput, TokenSource};
use crate::diagnostic::Diagnostic;
use crate::engine::book::Book;
use crate::engine::call::Call;
use crate::engine::effect::{Ended, error_of};
use crate::engine::entry::{Body, Entry, EnvironmentKind, EnvironmentRef, FORMAT, FileRef, Opened, SEMANTICS};
use crate::engine::machine::Engine;
use crate::runbook::connector::Connector;
use crate::runbook::{InputType, Runbook};
use crate::sandbox::{Fault, Pair, Sandbox};
use crate::secret::{FingerprintKey, Secret, Vault};
use crate::store::NewRun;
use crate::transcript::host_name;

/// What a run is opened from.
pub struct Opening {
    /// The runbook, read.
    pub runbook: Runbook,
    /// Every connector that is known, by kind.
    pub connectors: BTreeMap<String, Connector>,
    /// The SOP's document, if it could be read: name and text.
    pub sop: Option<(String, String)>,
    /// Where.
    pub environment: Environment,
    /// Inputs with their values; secrets apart.
    pub inputs: Vec<ResolvedInput>,
    /// Secret inputs.
    pub secrets: Vec<(String, Secret)>,
    /// Why.
    pub reason: String,
    /// The ticket, or empty.
    pub ticket: String,
    /// Nobody is asked (drills only).
    pub unattended: bool,
    /// What goes wrong in the drill.
    pub faults: Vec<Fault>,
    /// The drill's random numbers.
    pub seed: u64,
    /// For tests of the account rules against a server on loopback; it can't be made in a release build.
    pub account_at: Option<AccountAt>,
}

/// A server on loopback in the place of AWS. What is done there counts as done on a real account: no `--yes`, no virtual
/// clock, every window real.
#[derive(Clone, Debug)]
pub struct AccountAt(Aws);

#[cfg(debug_assertions)]
impl AccountAt {
    /// That server. Only in builds with debug assertions: an installed keyward has no way to be told of another AWS.
    pub fn loopback(aws: Aws) -> Self {
        Self(aws)
    }
}

/// What surrounds a run: made anew by [`open`] and by a resume.
pub(super) struct Surroundings {
    pub world: World,
    pub sandbox: Option<Sandbox>,
    pub scratch: Option<PathBuf>,
    pub clock: Clock,
}

/// Opens a run: its number in the register, its folder, its signed entry 0.
///
/// # Errors
/// What is missing, with what to do; nothing of the run is left but its number where it fails after that.
pub async fn open(session: Session, opening: Opening) -> Result<Driver, Diagnostic> {
    let Opening {
        runbook,
        connectors,
        sop,
        environment,
        inputs,
        secrets,
        reason,
        ticket,
        unattended,
        faults,
        seed,
        account_at,
    } = opening;
    let real = environment.kind == EnvironmentKind::Account;
    if real && unattended {
        return Err(Diagnostic::new("nothing is confirmed by a flag on a real account")
            .hint("leave out --yes, or drill it: keyward drill"));
    }
    let key = FingerprintKey::random();
    let vault = Arc::new(Mutex::new(Vault::new(key.clone())));
    let values = values_of(&runbook, &inputs, secrets, &vault);
    let kinds = kinds_of(&runbook, &values);
    let used: BTreeMap<String, Connector> =
        connectors.into_iter().filter(|(kind, _)| kinds.contains(&kind.as_str())).collect();
    let book = Arc::new(Book { runbook, connectors: used });
    let sealer = session.sealer()?;

    let files: BTreeMap<String, Vec<u8>> =
        book.connectors.iter().map(|(kind, c)| (kind.clone(), c.source.text.clone().into_bytes())).collect();
    let begun = session.store.begin_run(&NewRun {
        runbook: &book.runbook.name,
        user: values.get("target_user").and_then(Value::as_str).unwrap_or(""),
        at: Clock::wall(),
        by: session.signer.principal(),
        runbook_file: book.runbook.source.text.as_bytes(),
        connectors: &files,
        roster: &session.roster,
    })?;
    sealer.seal_fingerprint_key(&begun.folder, &key)?;

    let kept = match environment.kind {
        EnvironmentKind::Account => None,
        _ => Some(SealedWorld::create(&begun.folder, &sealer)?),
    };
    let surroundings = surround(
        &session,
        &book,
        &environment,
        &values,
        Drill { faults, seed, unattended, kept, again: false },
        &begun.run,
        &vault,
        account_at,
    )
    .await?;
    let Surroundings { mut world, sandbox, scratch, clock } = surroundings;
    world.connectors.clone_from(&book.connectors);
    let programs: BTreeMap<String, FileRef> = world
        .programs
        .iter()
        .map(|(name, program)| {
            let path = program.path.display().to_string();
            (name.clone(), FileRef { name: path, sha256: program.sha256.clone() })
        })
        .collect();
    let endpoints = world.endpoints();
    let performer = Performer::new(world);
    let (caller, account) = who_am_i(&performer, &endpoints).await?;
    if real && account != environment.account {
        return Err(Diagnostic::new(format!(
            "you are in account {account}, and {} is {}",
            environment.name, environment.account
        ))
        .hint("take the right profile, or correct `account:` in keyward.yaml"));
    }
    for (name, secret) in vault_inputs(&vault) {
        sealer.seal(&begun.folder, &super::driver::file_name(&name), &secret)?;
    }

    let at = clock.now();
    let opened = Opened {
        format: FORMAT,
        semantics: SEMANTICS,
        run: begun.run.clone(),
        register: begun.register.clone(),
        environment: EnvironmentRef {
            name: environment.name.clone(),
            kind: environment.kind,
            account: if real { environment.account.clone() } else { account },
            region: environment.region.clone(),
            virtual_clock: clock.is_virtual(),
            unattended,
        },
        endpoints,
        programs,
        caller,
        host: host_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary: own_digest(),
        runbook: FileRef { name: book.runbook.source.name.clone(), sha256: begun.runbook.clone() },
        connectors: begun.connectors.clone(),
        sop: sop.map(|(name, text)| FileRef { name, sha256: crate::engine::call::sha256_hex(text.as_bytes()) }),
        roster: begun.roster.clone(),
        inputs: values,
        reason,
        ticket,
        operator: session.signer.principal().to_owned(),
    };
    let body = Body::Opened(Box::new(opened));
    let mut writer = begun.writer;
    let wall = clock.is_virtual().then(Clock::wall);
    let entry = first_entry(&mut writer, &session, at, wall, body).await?;
    let engine = Engine::open(book, &entry).ok_or_else(|| Diagnostic::new("entry 0 is not what opens a run"))?;
    let signed = Some(Signed { n: 0, at: entry.at, by: entry.by.clone() });
    let entries = vec![entry];
    Ok(Driver::new(Parts {
        engine,
        writer,
        session,
        sealer,
        performer,
        vault,
        clock,
        sandbox,
        scratch,
        entries,
        signed,
    }))
}

async fn first_entry(
    writer: &mut crate::transcript::Writer,
    session: &Session,
    at: crate::engine::entry::Stamp,
    wall: Option<crate::engine::entry::Stamp>,
    body: Body,
) -> Result<Entry, Diagnostic> {
    let by = session.signer.principal().to_owned();
    let pending = writer.prepare(at, wall, &by, body)?;
    crate::engine::admit::admit_first(pending.entry()).map_err(Diagnostic::new)?;
    let (signer, to_sign) = (session.signer.clone(), pending.clone());
    let signature = tokio::task::spawn_blocking(move || to_sign.sign(&*signer))
        .await
        .map_err(|_| Diagnostic::new("the signer stopped"))??;
    Ok(writer.commit(pending, &signature)?)
}

/// Inputs as entry 0 records them: secrets as references, their values in the vault.
fn values_of(
    runbook: &Runbook,
    inputs: &[ResolvedInput],
    secrets: Vec<(String, Secret)>,
    vault: &Mutex<Vault>,
) -> Map<String, Value> {
    let mut given: BTreeMap<String, Secret> = secrets.into_iter().collect();
    let mut values = Map::new();
    for declared in &runbook.inputs {
        let value = match given.remove(&declared.name) {
            Some(secret) => {
                let mut vault = vault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                vault.keep(&declared.name, secret).to_value()
            }
            None => inputs.iter().find(|input| input.name == declared.name).map_or(Value::Null, |i| i.value.clone()),
        };
        values.insert(declared.name.clone(), value);
    }
    values
}

fn vault_inputs(vault: &Mutex<Vault>) -> Vec<(String, Secret)> {
    let vault = vault.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    vault.names().filter_map(|name| Some((name.to_owned(), vault.get(name)?.clone()))).collect()
}

fn kinds_of<'v>(runbook: &Runbook, values: &'v Map<String, Value>) -> Vec<&'v str> {
    let mut kinds = Vec::new();
    for input in &runbook.inputs {
        let value = values.get(&input.name);
        let holders: Vec<&Value> = match (&input.kind, value) {
            (InputType::Holder, Some(holder)) => vec![holder],
            (InputType::Holders, Some(Value::Array(list))) => list.iter().collect(),
            _ => Vec::new(),
        };
        kinds.extend(holders.into_iter().filter_map(|holder| holder.get("kind")?.as_str()));
    }
    kinds
}

/// The drill's own settings.
pub(super) struct Drill {
    pub faults: Vec<Fault>,
    pub seed: u64,
    /// Nobody is asked.
    pub unattended: bool,
    /// Where its world is kept.
    pub kept: Option<SealedWorld>,
    /// It goes on with the world that an earlier process kept there.
    pub again: bool,
}

/// Builds the world of an environment.
#[allow(clippy::too_many_arguments)] // What a world is made of; both callers have exactly these.
pub(super) async fn surround(
    session: &Session,
    book: &Book,
    environment: &Environment,
    values: &Map<String, Value>,
    drill: Drill,
    run: &str,
    vault: &Arc<Mutex<Vault>>,
    account_at: Option<AccountAt>,
) -> Result<Surroundings, Diagnostic> {
    let mut world = World::new(environment.kind, run, vault.clone());
    let needed = programs::needed(book, values);
    match environment.kind {
        EnvironmentKind::Sandbox => {
            let clock = Clock::virtual_now();
            let scratch = scratch_of(session, run);
            let sandbox = sandbox(book, values, &clock, drill, None).await?;
            let services = ["iam", "sts", "s3"].map(|name| (name.to_owned(), sandbox.url().to_owned()));
            let operator = sandbox.operator();
            let endpoints = services.into_iter().collect();
            world.aws = Some(Aws::loopback(
                endpoints,
                &environment.region,
                &operator.access_key_id,
                &operator.secret_access_key,
            )?);
            stand_ins(&mut world, &sandbox, &scratch, &needed)?;
            world.limits = drill_limits();
            world.clock = clock.clone();
            Ok(Surroundings { world, sandbox: Some(sandbox), scratch: Some(scratch), clock })
        }
        EnvironmentKind::Rehearsal => {
            let clock = Clock::virtual_now();
            world.aws = Some(rehearsal_aws(environment)?);
            world.clock = clock.clone();
            let here = |system: &crate::config::System| crate::action::is_loopback(&system.url);
            let mut named = systems(session, environment, &here)?;
            if ["infisical", "heroku", "github"].iter().all(|system| named.contains_key(*system)) {
                world.systems = named;
                return Ok(Surroundings { world, sandbox: None, scratch: None, clock });
            }
            let scratch = scratch_of(session, run);
            let s3 = environment.endpoints.get("s3").cloned().unwrap_or_default();
            let elsewhere = Some((s3, rehearsed_pair(drill.again)?));
            let sandbox = sandbox(book, values, &clock, drill, elsewhere).await?;
            stand_ins(&mut world, &sandbox, &scratch, &needed)?;
            world.systems.append(&mut named);
            Ok(Surroundings { world, sandbox: Some(sandbox), scratch: Some(scratch), clock })
        }
        EnvironmentKind::Account => {
            let aws = match account_at {
                Some(AccountAt(aws)) => aws,
                None => Aws::account(Some(&environment.region), environment.profile.as_deref()).await?,
            };
            world.aws = Some(aws);
            world.systems = systems(session, environment, &|_| true)?;
            world.programs = programs::find(&needed, &programs::path_folders(std::env::var_os("PATH")), false);
            Ok(Surroundings { world, sandbox: None, scratch: None, clock: Clock::real() })
        }
    }
}

/// What answers is on this machine, and a drill takes seconds.
fn drill_limits() -> Limits {
    let seconds = std::time::Duration::from_secs;
    Limits { send: seconds(8), read: seconds(9), connect: seconds(2), command: seconds(30), ..Limits::default() }
}

/// A drill's own folder: its programs, its home, its hosts. Absolute: programs are started from elsewhere.
fn scratch_of(session: &Session, run: &str) -> PathBuf {
    let scratch = session.store.root().join(".drill").join(run);
    std::path::absolute(&scratch).unwrap_or(scratch)
}

/// Systems and programs of a drill: the sandbox's stand-ins, and no others.
fn stand_ins(
    world: &mut World,
    sandbox: &Sandbox,
    scratch: &Path,
    needed: &std::collections::BTreeSet<String>,
) -> Result<(), Diagnostic> {
    let io = |error: std::io::Error| {
        Diagnostic::new(format!("the drill's folder {} can't be made: {error}", scratch.display()))
    };
    let (bin, home) = (scratch.join("bin"), scratch.join("home"));
    #[cfg(not(test))]
    let exe = std::env::current_exe();
    #[cfg(test)]
    let exe = super::tests::program();
    let exe = exe.map_err(|e| Diagnostic::new(format!("keyward can't find itself: {e}")))?;
    std::fs::create_dir_all(&home).map_err(io)?;
    sandbox.install_stand_ins(&bin, &exe).map_err(io)?;
    for (name, system) in sandbox.systems() {
        let system = System { url: system.url, token: Some(system.token), scheme: Default::default() };
        world.systems.insert(name, system);
    }
    let env = sandbox.child_environment().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    world.programs = programs::find(needed, std::slice::from_ref(&bin), true);
    world.drill = Some(DrillHost { path: bin, home, env });
    Ok(())
}

/// The embedded sandbox; with an S3 elsewhere and the pair that is rotated there, only its holders are used.
async fn sandbox(
    book: &Book,
    values: &Map<String, Value>,
    clock: &Clock,
    drill: Drill,
    elsewhere: Option<(String, Pair)>,
) -> Result<Sandbox, Diagnostic> {
    let kept = drill.kept.map(Arc::new);
    if let (true, Some(kept)) = (drill.again, &kept) {
        return Sandbox::restore(kept.clone(), clock.clone()).await.map_err(|error| {
            Diagnostic::new(format!("the sandbox of this drill can't go on: {error}"))
                .hint("the transcript names its addresses, so it must be there again; else start the drill anew")
        });
    }
    let text = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or("");
    // Every holder among the inputs has its stand-in, whatever the runbook calls it; the store is what is called so.
    let store = values.get("store").filter(|store| store.is_object());
    let all = book.holders(values).into_iter().filter(|holder| Some(*holder) != store);
    let consumers: Vec<Value> = all.cloned().collect();
    let mut world =
        crate::sandbox::World::for_drill(text("target_user"), text("bucket"), store, &consumers, drill.seed)?;
    if let Some((s3, pair)) = elsewhere {
        world = world.with_aws_at(&s3, &pair);
    }
    // A stand-in's workflow is waited for in real time, and a drill takes seconds.
    world.timing.queue = std::time::Duration::from_millis(20);
    world.timing.run = std::time::Duration::from_millis(40);
    if drill.unattended {
        // Two seconds are for a person to see; nobody sees these.
        world.timing.slow = std::time::Duration::from_millis(100);
    }
    let (at_start, later): (Vec<Fault>, Vec<Fault>) = drill.faults.into_iter().partition(|fault| fault.at_start());
    for fault in at_start {
        world = world.with_fault(fault);
    }
    let io = |error: std::io::Error| Diagnostic::new(format!("the sandbox can't be started on 127.0.0.1: {error}"));
    let sandbox = Sandbox::start(world, clock.clone(), drill.seed).await.map_err(io)?;
    for fault in later {
        sandbox.inject(fault)?;
    }
    if let Some(kept) = kept {
        let unkept = |error| Diagnostic::new(format!("the sandbox's world can't be kept: {error}"));
        sandbox.keep(kept).map_err(unkept)?;
    }
    Ok(sandbox)
}

/// A rehearsal's operator: the standard variables, since its server is nobody's account.
fn rehearsal_aws(environment: &Environment) -> Result<Aws, Diagnostic> {
    let var = |name: &str| {
        std::env::var(name).map_err(|_| {
            Diagnostic::new(format!("{name} is not set"))
                .hint("a rehearsal takes its operator's pair from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        })
    };
    let (id, secret) = (var("AWS_ACCESS_KEY_ID")?, Secret::new(var("AWS_SECRET_ACCESS_KEY")?));
    Aws::loopback(environment.endpoints.clone(), &environment.region, &id, &secret)
}

/// The variables with the pair that a rehearsal rotates.
const REHEARSED: [&str; 2] = ["REHEARSAL_ACCESS_KEY_ID", "REHEARSAL_SECRET_ACCESS_KEY"];

/// The pair that the stand-ins hold when a rehearsal begins; a world that was kept has it already.
fn rehearsed_pair(kept: bool) -> Result<Pair, Diagnostic> {
    let [id, secret] = REHEARSED.map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    match (id, secret) {
        (Some(access_key_id), Some(secret)) => Ok(Pair { access_key_id, secret_access_key: Secret::new(secret) }),
        _ if kept => Ok(Pair { access_key_id: String::new(), secret_access_key: Secret::new(String::new()) }),
        _ => Err(Diagnostic::new(format!("{} and {} are not set", REHEARSED[0], REHEARSED[1])).hint(
            "they hold the pair that is rotated, as the rehearsal's server knows it: what the stand-ins of store and \
             consumers hold at the start. Or name every system of the environment in keyward.yaml",
        )),
    }
}

fn systems(
    session: &Session,
    environment: &Environment,
    wanted: &dyn Fn(&crate::config::System) -> bool,
) -> Result<BTreeMap<String, System>, Diagnostic> {
    let mut all = session.config.systems.clone();
    all.extend(environment.systems.clone());
    let mut systems = BTreeMap::new();
    for (name, system) in all.into_iter().filter(|(_, system)| wanted(system)) {
        let token = match &system.token {
            None => None,
            Some(TokenSource::Env(variable)) => match std::env::var(variable) {
                Ok(value) => Some(Secret::new(value)),
                Err(_) => {
                    return Err(Diagnostic::new(format!("the token of {name} is missing: {variable} is not set"))
                        .hint("set it, or change `token` in keyward.yaml"));
                }
            },
            Some(TokenSource::Command(argv)) => Some(token_of(&name, argv)?),
        };
        systems.insert(name, System { url: system.url, token, scheme: Default::default() });
    }
    Ok(systems)
}

fn token_of(name: &str, argv: &[String]) -> Result<Secret, Diagnostic> {
    let [program, arguments @ ..] = argv else {
        return Err(Diagnostic::new(format!("the token of {name} names no program")));
    };
    let out = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output()
        .map_err(|error| Diagnostic::new(format!("the token of {name}: {program} can't be started: {error}")))?;
    if !out.status.success() {
        return Err(Diagnostic::new(format!("the token of {name}: {program} ended with {}", out.status)));
    }
    let text = zeroize::Zeroizing::new(String::from_utf8_lossy(&out.stdout).into_owned());
    match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
        Some(line) => Ok(Secret::new(line.to_owned())),
        None => Err(Diagnostic::new(format!("the token of {name}: {program} wrote nothing"))),
    }
}

/// The caller's ARN and account, read from AWS.
pub(super) async fn who_am_i(
    performer: &Performer,
    endpoints: &BTreeMap<String, String>,
) -> Result<(String, String), Diagnostic> {
    let endpoint = endpoints.get("sts").cloned().unwrap_or_default();
    let call = Call { call: 0, op: "sts:GetCallerIdentity".into(), endpoint, params: Value::Object(Map::new()) };
    let outcome = performer.read(&[call], &[]).await;
    let result = outcome.reading.result.unwrap_or(Value::Null);
    if outcome.ended != Ended::Answered {
        let (code, message) = error_of(&result).unwrap_or(("NoAnswer", ""));
        return Err(Diagnostic::new(format!("AWS did not say who you are: {code} {message}"))
            .hint("are your credentials there, and valid? aws sts get-caller-identity asks the same"));
    }
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((text("arn"), text("account")))
}

/// SHA-256 of this binary; empty where it can't be read.
pub(super) fn own_digest() -> String {
    std::env::current_exe().ok().and_then(|exe| programs::digest(Path::new(&exe)).ok()).unwrap_or_default()
}
