//! `keyward plan`: every action as it would be, touching nothing.

use clap::Args;
use serde_json::{Map, Value, json};

use super::run::parse_set;
use super::source::load;
use super::{Global, say};
use crate::config::{Config, resolve_inputs};
use crate::diagnostic::Diagnostic;
use crate::engine::book::Book;
use crate::engine::plan::planned;

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// A runbook's file, or the name of one that is built in.
    runbook: String,
    /// The environment, from keyward.yaml; a drill's otherwise.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// An input's value.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
}

pub(crate) async fn plan(global: &Global, args: PlanArgs) -> Result<u8, Diagnostic> {
    let mut config = global.config()?.unwrap_or_else(Config::default_for_drill);
    for (name, environment) in Config::default_for_drill().environments {
        config.environments.entry(name).or_insert(environment);
    }
    let loaded = load(&args.runbook, global.colour())?;
    let name = args.environment.unwrap_or_else(|| "sandbox".into());
    let environment = config.environment(&name).ok_or_else(|| {
        Diagnostic::new(format!("there is no environment {name}")).hint("see `environments` in keyward.yaml")
    })?;
    let inputs = resolve_inputs(&loaded.runbook, &config, &name, environment.kind, &args.sets, &loaded.connectors)
        .map_err(|problems| Diagnostic::new(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    let values: Map<String, Value> = inputs.into_iter().map(|input| (input.name, input.value)).collect();
    let mut endpoints = environment.endpoints.clone();
    for service in ["iam", "sts", "s3"] {
        endpoints.entry(service.into()).or_insert_with(|| format!("https://{service}.{}", environment.region));
    }
    for (name, system) in config.systems.iter().chain(&environment.systems) {
        endpoints.insert(name.clone(), system.url.clone());
    }
    let book = Book { runbook: loaded.runbook, connectors: loaded.connectors };
    for step in planned(&book, &values, &endpoints, &environment.account) {
        if global.json {
            say(&json!(step).to_string());
            continue;
        }
        say(&format!("{:<11} {}  ({})", step.sop, step.title, step.effect));
        for line in &step.lines {
            say(&format!("            {line}"));
        }
    }
    Ok(0)
}
