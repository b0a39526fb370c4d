//! `keyward drill`.

use clap::Args;

use super::attend::attend;
use super::run::{Inputs, parse_set, prepare};
use super::{Global, say};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::runtime::open::open;
use crate::runtime::session::Session;
use crate::sandbox::Fault;

#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    /// A runbook's file, or the name of one that is built in.
    #[arg(default_value = "aws-iam-access-key")]
    runbook: String,
    /// Unattended: confirm everything as it comes. Drills only.
    #[arg(long)]
    yes: bool,
    /// Something goes wrong; `--fault list` lists what can.
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// The drill's random numbers, to have the same again.
    #[arg(long)]
    seed: Option<u64>,
    /// The environment: a sandbox (the default) or a rehearsal of keyward.yaml.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// An input's value.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
}

pub(crate) async fn drill(global: &Global, args: DrillArgs) -> Result<u8, Diagnostic> {
    if args.fault.iter().any(|name| name == "list") {
        for fault in Fault::all() {
            if global.json {
                say(&serde_json::json!({"fault": fault.name(), "what": fault.what()}).to_string());
            } else {
                say(&format!("{:<24} {}", fault.name(), fault.what()));
            }
        }
        return Ok(0);
    }
    let mut faults = Vec::new();
    for name in &args.fault {
        faults.push(
            name.parse::<Fault>().map_err(|why| Diagnostic::new(why.to_string()).hint("keyward drill --fault list"))?,
        );
    }
    let mut config = global.config()?.unwrap_or_else(Config::default_for_drill);
    for (name, environment) in Config::default_for_drill().environments {
        config.environments.entry(name).or_insert(environment);
    }
    let session = Session::open(config, global.store.clone())?;
    let inputs = Inputs {
        runbook: args.runbook,
        environment: args.environment.unwrap_or_else(|| "sandbox".into()),
        sets: args.sets,
        secrets: Vec::new(),
        drill: true,
        unattended: args.yes,
        faults,
        seed: args.seed.unwrap_or_else(rand::random),
        quiet: false,
    };
    let opening = prepare(global, &session, inputs)?;
    let driver = open(session.clone(), opening).await?;
    attend(global, &session, driver, args.yes).await
}
