//! `keyward plan`: every action as it would be, touching nothing.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Map, Value, json};

use super::run::parse_set;
use super::source::load;
use super::{Global, say};
use crate::action::{Aws, aws_line};
use crate::config::{Config, resolve_inputs};
use crate::diagnostic::Diagnostic;
use crate::engine::book::Book;
use crate::engine::call::canonical;
use crate::engine::entry::{EnvironmentKind, EnvironmentRef, FileRef};
use crate::engine::plan::{PlannedStep, planned};
use crate::runtime::programs;

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
    let mut endpoints = match environment.kind {
        EnvironmentKind::Account => Aws::endpoints_of(&environment.region).await?,
        _ => environment.endpoints.clone(),
    };
    let sandbox = environment.kind == EnvironmentKind::Sandbox;
    for service in ["iam", "sts", "s3"] {
        endpoints.entry(service.into()).or_insert_with(|| "http://127.0.0.1".into());
    }
    for (name, system) in config.systems.iter().chain(&environment.systems) {
        endpoints.insert(name.clone(), system.url.clone());
    }
    if sandbox {
        for name in ["infisical", "heroku", "github"] {
            endpoints.insert(name.into(), format!("http://127.0.0.1/-/{name}"));
        }
    }
    let book = Book { runbook: loaded.runbook, connectors: loaded.connectors };
    let needed = programs::needed(&book, &values);
    // In a drill every program is a stand-in; which it is, is known when the drill is opened.
    let found = if sandbox {
        Default::default()
    } else {
        programs::find(&needed, &programs::path_folders(std::env::var_os("PATH")), false)
    };
    let mut files: BTreeMap<String, FileRef> = found
        .into_iter()
        .map(|(name, p)| (name, FileRef { name: p.path.display().to_string(), sha256: p.sha256 }))
        .collect();
    for name in needed.iter().filter(|_| sandbox) {
        files.insert(name.clone(), FileRef { name: format!("stand-in {name}"), sha256: "unknown".into() });
    }
    let here = EnvironmentRef {
        name: environment.name.clone(),
        kind: environment.kind,
        account: environment.account.clone(),
        region: environment.region.clone(),
        virtual_clock: sandbox,
        unattended: false,
    };
    for step in planned(&book, &values, here, endpoints, files) {
        if global.json {
            say(&json!(step).to_string());
        } else {
            tell(&step);
        }
    }
    Ok(0)
}

fn tell(step: &PlannedStep) {
    say(&format!("{:<11} {}  ({})", step.sop, step.title, step.effect));
    for row in &step.rows {
        if !row.row.is_empty() {
            say(&format!("            Row        {}", row.row));
        }
        for call in &row.calls {
            let words = aws_line(call).unwrap_or_else(|| format!("{} {}", call.op, call.endpoint));
            say(&format!("            Will do    {words}"));
            for name in ["argv", "json", "body", "stdin"] {
                if let Some(value) = call.params.get(name) {
                    say(&format!("                       {name} {}", canonical(value)));
                }
            }
        }
        if let Some(why) = &row.unknown {
            say(&format!("            Will do    known once the step is there: {why}"));
        }
    }
    for line in &step.lines {
        say(&format!("            {line}"));
    }
}
