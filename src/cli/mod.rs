//! The commands: one file each, thin.

mod attend;
mod check;
mod drill;
mod form;
mod inventory;
mod keys;
mod plan;
mod resume;
mod run;
mod runs;
mod source;
mod tui;
mod verify;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::{Config, FILE};
use crate::diagnostic::{Diagnostic, render};
use crate::runtime::session::Session;

/// Runs a key-rotation SOP with you: confirmed step by step, verified live, recorded and signed.
#[derive(Debug, Parser)]
#[command(name = "keyward", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Lines instead of a screen: for pipes, CI and screen readers.
    #[arg(long, global = true)]
    plain: bool,
    /// One JSON object a line.
    #[arg(long, global = true)]
    json: bool,
    /// The folder that runs are kept in.
    #[arg(long, global = true, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The configuration; keyward.yaml in this folder if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_parser = ["auto", "always", "never"])]
    color: String,
    /// Write what keyward does to a file, secrets masked.
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The interface: keys, runbooks, runs.
    Tui,
    /// A drill of a runbook in the embedded sandbox.
    Drill(drill::DrillArgs),
    /// A real run.
    Run(run::RunArgs),
    /// Go on with a run.
    Resume(resume::ResumeArgs),
    /// Take a run's way back.
    Rollback(resume::RollbackArgs),
    /// Watch a run that waits: reads only.
    Watch(watch::WatchArgs),
    /// Pass a run on to another person.
    Handover(watch::HandoverArgs),
    /// The runs of the store.
    Runs,
    /// Keys, their age, last use and the policy. Exit 6 if one is overdue.
    Inventory(inventory::InventoryArgs),
    /// Analyse runbooks.
    Check(check::CheckArgs),
    /// Show every action of a runbook as it would be, doing nothing.
    Plan(plan::PlanArgs),
    /// Check a run's integrity, signatures and order.
    Verify(verify::VerifyArgs),
    /// The signing key, its allowed_signers line, the people and roles known.
    Keys,
    /// The JSON Schema of runbooks.
    Schema,
    /// Completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

impl Global {
    /// True where the screen is the interface: a person at a terminal who asked for nothing else.
    fn screen(&self, yes: bool) -> bool {
        use std::io::IsTerminal;
        !yes && !self.plain && !self.json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
    }

    /// True if colour may be written to standard error.
    fn colour(&self) -> bool {
        use std::io::IsTerminal;
        match self.color.as_str() {
            "always" => true,
            "never" => false,
            _ => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && std::io::stderr().is_terminal(),
        }
    }

    /// `keyward.yaml`, or `None` where there is none and none was named.
    fn config(&self) -> Result<Option<Config>, Diagnostic> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None if PathBuf::from(FILE).is_file() => PathBuf::from(FILE),
            None => return Ok(None),
        };
        Config::load(&path).map(Some).map_err(|findings| {
            let source = crate::runbook::Source::new(
                path.display().to_string(),
                std::fs::read_to_string(&path).unwrap_or_default(),
            );
            Diagnostic::new(render(&source, &findings, self.colour()))
        })
    }

    /// The operator's session; a drill's defaults where there is no configuration.
    fn session(&self) -> Result<Session, Diagnostic> {
        let config = self.config()?.unwrap_or_else(Config::default_for_drill);
        Session::open(config, self.store.clone())
    }
}

/// Runs the command line. Exit codes: 0 done, 1 a failure with a diagnostic, 2 a usage error, and each command's own.
pub fn main() -> ExitCode {
    for failed in crate::runtime::hardening::harden() {
        eprintln!("keyward: {failed}");
    }
    let cli = Cli::parse();
    let global = cli.global.clone();
    if let Some(file) = &global.log
        && let Err(error) = log_to(file)
    {
        eprintln!("keyward: {} can't be written: {error}", file.display());
        return ExitCode::from(1);
    }
    let outcome = match cli.command {
        None | Some(Command::Tui) => block_on(tui::tui(&global)),
        Some(Command::Drill(args)) => block_on(drill::drill(&global, args)),
        Some(Command::Run(args)) => block_on(run::run(&global, args)),
        Some(Command::Resume(args)) => block_on(resume::resume(&global, args)),
        Some(Command::Rollback(args)) => block_on(resume::rollback(&global, args)),
        Some(Command::Watch(args)) => block_on(watch::watch(&global, args)),
        Some(Command::Handover(args)) => block_on(watch::handover(&global, args)),
        Some(Command::Runs) => runs::runs(&global),
        Some(Command::Inventory(args)) => block_on(inventory::inventory(&global, args)),
        Some(Command::Check(args)) => check::check(&global, &args),
        Some(Command::Plan(args)) => block_on(plan::plan(&global, args)),
        Some(Command::Verify(args)) => verify::verify(&global, &args),
        Some(Command::Keys) => keys::keys(&global),
        Some(Command::Schema) => {
            say(&crate::runbook::schema::runbook_schema());
            Ok(0)
        }
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "keyward", &mut text);
            say(&String::from_utf8_lossy(&text));
            Ok(0)
        }
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(diagnostic) => {
            if global.json {
                say(&serde_json::json!({"error": diagnostic.what, "hint": diagnostic.hint}).to_string());
            }
            eprintln!("keyward: {diagnostic}");
            ExitCode::from(1)
        }
    }
}

/// Writes to standard output. A reader that has gone away ends keyward's writing, not its work.
pub(crate) fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(out, "{text}{end}");
    let _ = out.flush();
}

fn block_on<T>(work: impl Future<Output = Result<T, Diagnostic>>) -> Result<T, Diagnostic> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Diagnostic::new(format!("the runtime can't be started: {error}")))?;
    let outcome = runtime.block_on(work);
    // A thread that still waits for a signer or a terminal must not keep the process.
    runtime.shutdown_background();
    outcome
}

/// Our own events only: what the SDK logs could hold a request's secrets.
fn log_to(file: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    let ours = Targets::new().with_target("keyward", LevelFilter::DEBUG);
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(std::sync::Mutex::new(file));
    // A second initialisation can't happen: this is called once, from `main`.
    let _ = tracing_subscriber::registry().with(layer).with(ours).try_init();
    Ok(())
}
