//! `keyward run`, and what a drill shares with it: a runbook and its inputs become an opening.

use clap::Args;

use super::attend::attend;
use super::source::{Loaded, load};
use super::{Global, say};
use crate::config::{Config, InputProblem, ResolvedInput, resolve_inputs};
use crate::diagnostic::{Diagnostic, render};
use crate::engine::entry::EnvironmentKind;
use crate::runbook::check::check;
use crate::runtime::open::{Opening, open};
use crate::runtime::session::Session;
use crate::sandbox::Fault;
use crate::secret::Secret;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A runbook's file, or the name of one that is built in.
    runbook: String,
    /// The environment, from keyward.yaml.
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// An input's value; `reason` and `ticket` too.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// Unattended; refused on a real account.
    #[arg(long)]
    yes: bool,
}

/// What a run is prepared from.
pub(crate) struct Inputs {
    pub runbook: String,
    pub environment: String,
    pub sets: Vec<(String, String)>,
    /// Secret inputs, as a person typed them.
    pub secrets: Vec<(String, Secret)>,
    pub drill: bool,
    pub unattended: bool,
    pub faults: Vec<Fault>,
    pub seed: u64,
    /// Nothing is printed: the screen is taken.
    pub quiet: bool,
}

pub(crate) fn parse_set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has to be NAME=VALUE".into()),
    }
}

pub(crate) async fn run(global: &Global, args: RunArgs) -> Result<u8, Diagnostic> {
    let session = global.session()?;
    let inputs = Inputs {
        runbook: args.runbook,
        environment: args.environment,
        sets: args.sets,
        secrets: Vec::new(),
        drill: false,
        unattended: args.yes,
        faults: Vec::new(),
        seed: rand::random(),
        quiet: false,
    };
    let opening = prepare(global, &session, inputs)?;
    let driver = open(session.clone(), opening).await?;
    attend(global, &session, driver, args.yes).await
}

/// Reads and analyses the runbook, and gives every input its value.
///
/// # Errors
/// What the check finds that is an error; inputs without a value.
pub(crate) fn prepare(global: &Global, session: &Session, inputs: Inputs) -> Result<Opening, Diagnostic> {
    let loaded = load(&inputs.runbook, global.colour())?;
    let findings = check(&loaded.runbook, loaded.sop.as_ref().map(|sop| sop.text.as_str()), &loaded.connectors);
    let (errors, warnings): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity == crate::diagnostic::Severity::Error);
    if !errors.is_empty() {
        let shown = render(&loaded.runbook.source, &errors, global.colour());
        return Err(
            Diagnostic::new(format!("{shown}\nthe runbook is not safe to run")).hint("keyward check shows the same")
        );
    }
    if !warnings.is_empty() && !global.json && !inputs.quiet {
        eprintln!("{}", render(&loaded.runbook.source, &warnings, global.colour()));
    }
    let Some(environment) = session.config.environment(&inputs.environment) else {
        let known: Vec<&str> = session.config.environments.keys().map(String::as_str).collect();
        return Err(Diagnostic::new(format!("there is no environment {}", inputs.environment))
            .hint(format!("keyward.yaml has: {}", known.join(", "))));
    };
    if inputs.drill && environment.kind == EnvironmentKind::Account {
        return Err(Diagnostic::new(format!("{} is a real account, and a drill can't touch one", environment.name))
            .hint("keyward run is for that; a drill is in the sandbox unless --environment says otherwise"));
    }
    let reserved = |name: &str| inputs.sets.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone());
    let reason =
        reserved("reason").or_else(|| (environment.kind != EnvironmentKind::Account).then(|| "drill".to_owned()));
    let reason = reason
        .filter(|reason| !reason.trim().is_empty())
        .ok_or_else(|| Diagnostic::new("a run needs its reason").hint("add --set reason='scheduled rotation'"))?;
    let ticket = reserved("ticket").unwrap_or_default();
    let given: Vec<&str> = inputs.secrets.iter().map(|(name, _)| name.as_str()).collect();
    let (resolved, problems) =
        resolve(&loaded, &session.config, &environment.name, environment.kind, &inputs.sets, &given);
    if !problems.is_empty() {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(Diagnostic::new(all.join("\n")));
    }
    if environment.kind == EnvironmentKind::Account && !global.json && !inputs.quiet {
        say(&format!("REAL {} {}", environment.name, environment.account));
    }
    Ok(Opening {
        sop: loaded.sop.map(|sop| (sop.name, sop.text)),
        runbook: loaded.runbook,
        connectors: loaded.connectors,
        environment: environment.clone(),
        inputs: resolved,
        secrets: inputs.secrets,
        reason,
        ticket,
        unattended: inputs.unattended,
        faults: inputs.faults,
        seed: inputs.seed,
        account_at: None,
    })
}

/// Every input that has a value, and what is wrong with the others. Secrets that a person gave are not missing.
pub(crate) fn resolve(
    loaded: &Loaded,
    config: &Config,
    environment: &str,
    kind: EnvironmentKind,
    sets: &[(String, String)],
    given: &[&str],
) -> (Vec<ResolvedInput>, Vec<InputProblem>) {
    let mut runbook = loaded.runbook.clone();
    let mut sets = sets.to_vec();
    for input in runbook.inputs.iter_mut().filter(|input| given.contains(&input.name.as_str())) {
        input.optional = true;
    }
    let mut problems: Vec<InputProblem> = Vec::new();
    // Each round sets the inputs aside that have no usable value, so that the others' values are still seen.
    for _ in 0..=runbook.inputs.len() {
        match resolve_inputs(&runbook, config, environment, kind, &sets, &loaded.connectors) {
            Ok(resolved) => {
                let good = |one: &ResolvedInput| problems.iter().all(|problem| problem.name != one.name);
                return (resolved.into_iter().filter(good).collect(), problems);
            }
            Err(found) => {
                for problem in found {
                    sets.retain(|(name, _)| *name != problem.name);
                    if let Some(input) = runbook.inputs.iter_mut().find(|input| input.name == problem.name) {
                        (input.optional, input.default, input.drill, input.key) = (true, None, None, None);
                    }
                    if problems.iter().all(|known| known.name != problem.name) {
                        problems.push(problem);
                    }
                }
            }
        }
    }
    (Vec::new(), problems)
}
