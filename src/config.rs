//! `keyward.yaml`: environments, systems, consumers, roster, policy.
//!
//! Read with the same care as a runbook: unknown keys are errors, everything has a place. With no file, a drill works by
//! [`Config::default_for_drill`]. This module reads the file and nothing else: it opens no key and asks no server.

mod inputs;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::diagnostic::{Finding, Source, Span};
use crate::engine::entry::EnvironmentKind;
use crate::runbook::codes;

pub use inputs::{InputProblem, ProblemKind, ResolvedInput, resolve_inputs};

/// The name of the file.
pub const FILE: &str = "keyward.yaml";

/// `keyward.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The very bytes; empty where there is no file.
    pub source: Source,
    /// `environments:`, by name.
    pub environments: BTreeMap<String, Environment>,
    /// `systems:`, by name. An environment's own come first: see [`Config::system`].
    pub systems: BTreeMap<String, System>,
    /// `consumers:`, by IAM user.
    pub consumers: BTreeMap<String, Consumers>,
    /// `roster:`.
    pub roster: Vec<Person>,
    /// `signing_key:`, the path of a private or public SSH key; `~/` is not resolved.
    pub signing_key: Option<String>,
    /// `seal_to:`, age or SSH recipients beside the operators of the roster.
    pub seal_to: Vec<String>,
    /// `store:`, a folder or `s3://BUCKET/PREFIX`; `~/` is not resolved.
    pub store: Option<String>,
    /// `policy:`.
    pub policy: Policy,
    /// `notify:`.
    pub notify: Vec<Notify>,
    /// `drill:`.
    pub drill: DrillWorld,
}

/// Where a run takes place.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: EnvironmentKind,
    /// The AWS account id, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// A profile of the AWS configuration.
    pub profile: Option<String>,
    /// Endpoints by service (`iam`, `sts`, …); a `rehearsal`'s only, and on loopback.
    pub endpoints: BTreeMap<String, String>,
    /// The colour of its name on screen.
    pub colour: Option<String>,
    /// Nothing may be changed in it.
    pub read_only: bool,
    /// Systems that are elsewhere in this environment.
    pub systems: BTreeMap<String, System>,
    /// `inputs:`, values that are the same for every run here.
    pub inputs: BTreeMap<String, Located>,
    /// Its place.
    pub span: Span,
}

/// A value and its place in `keyward.yaml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// The value.
    pub value: Value,
    /// Its place.
    pub span: Span,
}

/// An outside service.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Its base URL.
    pub url: String,
    /// Where its token comes from.
    pub token: Option<TokenSource>,
}

/// Where a token comes from. The token itself is never in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// An environment variable.
    Env(String),
    /// The first line that a program writes; no shell.
    Command(Vec<String>),
}

/// What holds the keys of an IAM user.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumers {
    /// The user has elevated privileges, so `sop.elevated_role` counts.
    pub elevated: bool,
    /// The store, a holder.
    pub store: Option<Located>,
    /// The consumers, a list of holders.
    pub consumers: Located,
    /// Its place.
    pub span: Span,
}

/// A person of the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub person: String,
    /// Principals in `allowed_signers`.
    pub principals: Vec<String>,
    /// Public SSH keys, `TYPE BASE64`.
    pub keys: Vec<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// ARNs under which AWS knows them; `*` at the end stands for any session name.
    pub arns: Vec<String>,
}

/// What is overdue when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The age at which an Active key is overdue.
    pub max_age: Duration,
    /// How long before that it is said to be due.
    pub warn_before: Duration,
    /// An Active key that was not used for so long should go.
    pub unused_after: Duration,
    /// Principals who co-sign every seal.
    pub cosigners: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        // 90 and 45 days: CIS AWS Foundations Benchmark, "access keys are rotated every 90 days or less" and
        // "credentials unused for 45 days or more are disabled".
        Self { max_age: DAY * 90, warn_before: DAY * 14, unused_after: DAY * 45, cosigners: Vec::new() }
    }
}

/// Who is told. The event is handed to the program on stdin, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The program and its arguments; no shell.
    pub command: Vec<String>,
    /// Events (`gate_open`, `wrong`, `suspended`, `ended`); empty for all.
    pub on: Vec<String>,
}

/// Events that [`Notify::on`] can name.
pub const EVENTS: &[&str] = &["gate_open", "wrong", "suspended", "ended"];

/// The world that a drill starts with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DrillWorld {
    /// IAM users.
    pub users: Vec<DrillUser>,
    /// Holders beside those of the runbook's `drill:` values.
    pub holders: Vec<Value>,
}

/// A user of the sandbox.
#[derive(Clone, Debug, PartialEq)]
pub struct DrillUser {
    /// Its name.
    pub name: String,
    /// Its keys.
    pub keys: Vec<DrillKey>,
}

/// A key of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillKey {
    /// Active, or Inactive.
    pub active: bool,
    /// How long ago it was made.
    pub age: Duration,
    /// How long ago it was last used; `None` is never.
    pub last_used: Option<Duration>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong with it; one finding without a place where it can't be opened.
    pub fn load(path: &Path) -> Result<Self, Vec<Finding>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("{name} can't be read: {error}");
            vec![Finding::error(codes::UNREADABLE, Span::default(), message).hint("see --config")]
        })?;
        Self::parse(&name, &text)
    }

    /// Reads the text of a file. `name` is how the operator named it.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Finding>> {
        read::config(name, text)
    }

    /// This file, with what a drill needs where it says nothing: the environment `sandbox`, and a world to start with.
    pub fn for_drill(mut self) -> Self {
        let default = Self::default_for_drill();
        for (name, environment) in default.environments {
            self.environments.entry(name).or_insert(environment);
        }
        if self.drill.users.is_empty() {
            self.drill.users = default.drill.users;
        }
        self
    }

    /// What a drill needs when there is no file: one sandbox, and a user whose key is overdue.
    pub fn default_for_drill() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        const HOUR: Duration = Duration::from_secs(3600);
        let key = DrillKey { active: true, age: DAY * 412, last_used: Some(HOUR) };
        let environment = Environment {
            name: "sandbox".into(),
            kind: EnvironmentKind::Sandbox,
            account: "000000000000".into(),
            region: "eu-central-1".into(),
            profile: None,
            endpoints: BTreeMap::new(),
            colour: None,
            read_only: false,
            systems: BTreeMap::new(),
            inputs: BTreeMap::new(),
            span: Span::default(),
        };
        Self {
            environments: BTreeMap::from([("sandbox".to_owned(), environment)]),
            drill: DrillWorld {
                users: vec![DrillUser { name: "raxx-vault-operator".into(), keys: vec![key] }],
                holders: Vec::new(),
            },
            ..Self::default()
        }
    }

    /// The environment of that name.
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.get(name)
    }

    /// The system of that name, as it is in an environment.
    pub fn system(&self, environment: &str, name: &str) -> Option<&System> {
        let own = self.environments.get(environment).and_then(|environment| environment.systems.get(name));
        own.or_else(|| self.systems.get(name))
    }

    /// The person who has a principal.
    pub fn person(&self, principal: &str) -> Option<&Person> {
        self.roster.iter().find(|person| person.principals.iter().any(|known| known == principal))
    }

    /// The roster as it is kept with a run (`roster.json`).
    pub fn roster_json(&self) -> Value {
        let people = self.roster.iter().map(|person| {
            json!({
                "person": person.person,
                "principals": person.principals,
                "keys": person.keys,
                "roles": person.roles,
                "arns": person.arns,
            })
        });
        Value::Array(people.collect())
    }

    /// `keyward.yaml:41`, for a place in the file.
    pub fn origin(&self, span: Span) -> String {
        let place = self.source.place(span.start);
        let file = Path::new(&place.file).file_name().map_or(place.file.clone(), |name| name.to_string_lossy().into());
        format!("{file}:{}", place.line)
    }
}
