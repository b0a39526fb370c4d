//! The page of inputs: what a run begins with, who gave each value, and what is missing.

use serde_json::Value;

use super::run::{Inputs, resolve};
use super::source::{Loaded, load};
use super::{Global, inventory};
use crate::config::{Config, InputProblem, ProblemKind, ResolvedInput};
use crate::diagnostic::Diagnostic;
use crate::engine::entry::EnvironmentKind;
use crate::runbook::{InputDecl, InputType};
use crate::secret::Secret;
use crate::view::{Banner, InputItem, InputKind, InputValue, InputsView, Status, Text};

/// Inputs that every runbook has.
const REASON: &str = "reason";
const TICKET: &str = "ticket";
const ENVIRONMENT: &str = "environment";
const REASONS: [&str; 4] = ["scheduled", "exposure suspected", "exposure confirmed", "audit finding"];

/// A run to be.
pub(crate) struct Form {
    runbook: String,
    loaded: Loaded,
    environments: Vec<String>,
    environment: String,
    sets: Vec<(String, String)>,
    secrets: Vec<(String, Secret)>,
}

impl Form {
    /// For a runbook, in the account of the configuration.
    ///
    /// # Errors
    /// The runbook can't be read; there is no account or rehearsal to run it in.
    pub fn open(global: &Global, config: &Config, runbook: &str, user: Option<&str>) -> Result<Self, Diagnostic> {
        let loaded = load(runbook, global.colour())?;
        let real = config.environments.values().filter(|environment| environment.kind != EnvironmentKind::Sandbox);
        let environments: Vec<String> = real.map(|environment| environment.name.clone()).collect();
        let first = inventory::environment_of(config, None).ok().map(|environment| environment.name);
        let environment = first.filter(|name| environments.contains(name)).or_else(|| environments.first().cloned());
        let environment = environment.ok_or_else(|| {
            Diagnostic::new("No account is configured to run this in. D on home drills it, and touches nothing real.")
        })?;
        let mut sets = vec![(REASON.to_owned(), REASONS[0].to_owned())];
        if let Some(user) = user.filter(|_| loaded.runbook.inputs.iter().any(|input| input.name == "target_user")) {
            sets.push(("target_user".into(), user.to_owned()));
        }
        Ok(Self { runbook: runbook.to_owned(), loaded, environments, environment, sets, secrets: Vec::new() })
    }

    /// Takes a value.
    pub fn set(&mut self, name: &str, value: InputValue) {
        match value {
            InputValue::Text(text) if name == ENVIRONMENT => {
                if self.environments.contains(&text) {
                    self.environment = text;
                }
            }
            InputValue::Text(text) => {
                self.sets.retain(|(known, _)| known != name);
                if !text.is_empty() {
                    self.sets.push((name.to_owned(), text));
                }
            }
            InputValue::Secret(secret) => {
                self.secrets.retain(|(known, _)| known != name);
                if secret.chars() > 0 {
                    self.secrets.push((name.to_owned(), secret));
                }
            }
        }
    }

    /// What the run is prepared from.
    pub fn inputs(&self) -> Inputs {
        Inputs {
            runbook: self.runbook.clone(),
            environment: self.environment.clone(),
            sets: self.sets.clone(),
            secrets: self.secrets.clone(),
            drill: false,
            unattended: false,
            faults: Vec::new(),
            seed: rand::random(),
            quiet: true,
        }
    }

    fn said(&self, name: &str) -> &str {
        self.sets.iter().rev().find(|(known, _)| known == name).map_or("", |(_, text)| text)
    }

    /// The page.
    pub fn view(&self, config: &Config) -> InputsView {
        let environment = config.environment(&self.environment);
        let kind = environment.map_or(EnvironmentKind::Account, |environment| environment.kind);
        let names: Vec<&str> = self.secrets.iter().map(|(name, _)| name.as_str()).collect();
        let (resolved, problems) = resolve(&self.loaded, config, &self.environment, kind, &self.sets, &names);
        let mut items = vec![
            choice(ENVIRONMENT, &self.environments, &self.environment),
            choice(REASON, &REASONS.map(str::to_owned), self.said(REASON)),
            InputItem {
                name: TICKET.into(),
                status: Status::ToDo,
                kind: InputKind::Text(self.said(TICKET).to_owned()),
                origin: "optional".into(),
                notes: Vec::new(),
            },
        ];
        for declared in &self.loaded.runbook.inputs {
            let found = resolved.iter().find(|one| one.name == declared.name);
            let problem = problems.iter().find(|problem| problem.name == declared.name);
            items.push(self.item(declared, found, problem));
        }
        let missing: Vec<&str> = problems.iter().map(|problem| problem.name.as_str()).collect();
        let words = match missing.len() {
            0 => String::new(),
            1 => format!("1 input is missing: {}", missing[0]),
            n => format!("{n} inputs are missing: {}", missing.join(", ")),
        };
        let banner = environment.map_or_else(
            || Banner {
                mode: crate::view::Mode::Real,
                environment: self.environment.clone(),
                account: String::new(),
                user: String::new(),
                title: String::new(),
                right: Text::new(),
                now: String::new(),
            },
            inventory::banner,
        );
        let user = resolved.iter().find(|one| one.name == "target_user").and_then(|one| one.value.as_str());
        InputsView {
            banner: Banner { user: user.unwrap_or("").to_owned(), title: self.loaded.runbook.title.clone(), ..banner },
            inputs: items,
            missing: words,
            off: missing.first().map(|name| format!("{name} is missing")),
            enter: "goes on to step 0".into(),
        }
    }

    fn item(&self, declared: &InputDecl, found: Option<&ResolvedInput>, problem: Option<&InputProblem>) -> InputItem {
        let name = &declared.name;
        let value = found.map_or(Value::Null, |found| found.value.clone());
        let origin = match found.map(|found| found.origin.as_str()) {
            Some("--set") => "you".to_owned(),
            Some("") | None if declared.optional => "optional".into(),
            Some(origin) => origin.to_owned(),
            None => "you".into(),
        };
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Null => self.said(name).to_owned(),
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        };
        let kind = match &declared.kind {
            InputType::Secret => {
                let held = self.secrets.iter().find(|(known, _)| known == name);
                InputKind::Secret { chars: held.map_or(0, |(_, secret)| secret.chars()), fingerprint: None }
            }
            InputType::Holder | InputType::Holders => InputKind::Fixed(holders(&value, &origin)),
            InputType::Choice(options) => InputKind::Choice {
                options: options.clone(),
                chosen: options.iter().position(|one| *one == text).unwrap_or(0),
            },
            _ => InputKind::Text(text),
        };
        let mut notes = Vec::new();
        if let Some(problem) = problem {
            let words = match (problem.kind, &declared.help) {
                // What the command line would take is of no use here.
                (ProblemKind::Missing | ProblemKind::Secret, Some(help)) => format!("missing: {help}"),
                (ProblemKind::Missing | ProblemKind::Secret, None) => format!("missing: {}", problem.message),
                (ProblemKind::Wrong, _) => format!("{}; {}", problem.message, problem.hint),
            };
            notes.push(words.into());
        } else if matches!(declared.kind, InputType::Secret) {
            notes.push("Not shown, not written, gone at the end. Paste works.".into());
        }
        let status = match problem.map(|problem| problem.kind) {
            Some(ProblemKind::Secret) => Status::ToDo,
            Some(_) => Status::Fail,
            None => Status::Pass,
        };
        let origin = if matches!(kind, InputKind::Fixed(_)) { String::new() } else { origin };
        InputItem { name: name.clone(), status, kind, origin, notes }
    }
}

fn choice(name: &str, options: &[String], chosen: &str) -> InputItem {
    InputItem {
        name: name.into(),
        status: Status::Pass,
        kind: InputKind::Choice {
            options: options.to_vec(),
            chosen: options.iter().position(|one| one == chosen).unwrap_or(0),
        },
        origin: "you, h l to change".into(),
        notes: Vec::new(),
    }
}

fn holders(value: &Value, origin: &str) -> Vec<(Text, String)> {
    let one = |holder: &Value| {
        let text = |name: &str| holder.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        format!("{} ({})", text("name"), text("kind"))
    };
    match value {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(n, holder)| {
                let from = if n == 0 { origin.to_owned() } else { String::new() };
                (Text::from(format!("{} {}", n + 1, one(holder))), from)
            })
            .collect(),
        Value::Object(_) => vec![(one(value).into(), origin.to_owned())],
        _ => vec![("missing".into(), String::new())],
    }
}
