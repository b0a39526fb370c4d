//! `keyward inventory`: the keys of a user or of the account, their age, last use and the policy.

use std::sync::{Arc, Mutex};

use clap::Args;
use serde_json::json;

use super::{Global, say};
use crate::action::{Aws, Performer, World};
use crate::config::{Config, Environment};
use crate::diagnostic::Diagnostic;
use crate::engine::entry::EnvironmentKind;
use crate::inventory::{Age, Inventory, Known, Policy};
use crate::plain;
use crate::runtime::clock::Clock;
use crate::sandbox::Sandbox;
use crate::secret::{FingerprintKey, Secret, Vault};
use crate::view::project::{Order, account_view, user_view};
use crate::view::{Banner, Mode, Text, View};

#[derive(Debug, Args)]
pub(crate) struct InventoryArgs {
    /// The IAM user; without one, every user of the account.
    user: Option<String>,
    /// Every user of the account.
    #[arg(long, conflicts_with = "user")]
    all: bool,
    /// The environment, from keyward.yaml; the only account there if there is one, else the sandbox of a drill.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

/// Something to read keys from, for as long as it is kept.
pub(crate) struct Source {
    pub performer: Performer,
    pub environment: Environment,
    /// The embedded account, where it is one.
    _sandbox: Option<Sandbox>,
}

/// The environment that is meant where none is named: the account, if there is exactly one, else the sandbox.
pub(crate) fn environment_of(config: &Config, named: Option<&str>) -> Result<Environment, Diagnostic> {
    if let Some(name) = named {
        let known: Vec<&str> = config.environments.keys().map(String::as_str).collect();
        return config.environment(name).cloned().ok_or_else(|| {
            Diagnostic::new(format!("there is no environment {name}"))
                .hint(format!("keyward.yaml has: {}", known.join(", ")))
        });
    }
    let accounts: Vec<&Environment> =
        config.environments.values().filter(|environment| environment.kind == EnvironmentKind::Account).collect();
    match accounts[..] {
        [one] => Ok(one.clone()),
        [] => {
            let sandbox = config.environment("sandbox").cloned();
            sandbox.or_else(|| Config::default_for_drill().environment("sandbox").cloned()).ok_or_else(|| {
                Diagnostic::new("there is no environment to read").hint("name one under `environments` in keyward.yaml")
            })
        }
        _ => {
            let names: Vec<&str> = accounts.iter().map(|environment| environment.name.as_str()).collect();
            Err(Diagnostic::new("keyward.yaml has several accounts")
                .hint(format!("--environment, one of: {}", names.join(", "))))
        }
    }
}

/// Opens an environment for reading.
///
/// # Errors
/// No credentials, no certificates, no free port.
pub(crate) async fn source(environment: Environment) -> Result<Source, Diagnostic> {
    let vault = Arc::new(Mutex::new(Vault::new(FingerprintKey::random())));
    let mut world = World::new(environment.kind, "inventory", vault);
    let mut sandbox = None;
    world.aws = Some(match environment.kind {
        EnvironmentKind::Account => Aws::account(Some(&environment.region), environment.profile.as_deref()).await?,
        EnvironmentKind::Rehearsal => {
            let var = |name: &str| {
                std::env::var(name).map_err(|_| {
                    Diagnostic::new(format!("{name} is not set")).hint("a rehearsal takes its operator's pair from it")
                })
            };
            let (id, secret) = (var("AWS_ACCESS_KEY_ID")?, Secret::new(var("AWS_SECRET_ACCESS_KEY")?));
            Aws::loopback(environment.endpoints.clone(), &environment.region, &id, &secret)?
        }
        EnvironmentKind::Sandbox => {
            let clock = Clock::virtual_now();
            let drill = crate::sandbox::World::for_drill("raxx-vault-operator", "raxx-backups", None, &[], 1)?;
            let started = Sandbox::start(drill, clock.clone(), 1)
                .await
                .map_err(|error| Diagnostic::new(format!("the sandbox can't be started on 127.0.0.1: {error}")))?;
            let services = ["iam", "sts", "s3"].map(|name| (name.to_owned(), started.url().to_owned()));
            let operator = started.operator();
            let aws = Aws::loopback(
                services.into_iter().collect(),
                &environment.region,
                &operator.access_key_id,
                &operator.secret_access_key,
            )?;
            world.clock = clock;
            sandbox = Some(started);
            aws
        }
    });
    Ok(Source { performer: Performer::new(world), environment, _sandbox: sandbox })
}

/// The policy of keyward.yaml, in days.
pub(crate) fn policy(config: &Config) -> Policy {
    Policy { max_age_days: config.policy.max_age.as_secs() / 86_400 }
}

/// Where the keys are.
pub(crate) fn banner(environment: &Environment) -> Banner {
    let real = environment.kind == EnvironmentKind::Account;
    Banner {
        mode: if real { Mode::Real } else { Mode::Drill },
        environment: environment.name.clone(),
        account: environment.account.clone(),
        user: String::new(),
        title: String::new(),
        right: Text::new(),
        now: String::new(),
    }
}

pub(crate) async fn inventory(global: &Global, args: InventoryArgs) -> Result<u8, Diagnostic> {
    let config = global.config()?.unwrap_or_else(Config::default_for_drill);
    let source = source(environment_of(&config, args.environment.as_deref())?).await?;
    let policy = policy(&config);
    let read = match (&args.user, args.all) {
        (Some(user), false) => Inventory::of_user(&source.performer, user, policy).await,
        _ => Inventory::of_account(&source.performer, policy).await,
    };
    if global.json {
        for (user, key) in read.keys() {
            let overdue = matches!(policy.age(key, read.at), Age::Overdue { .. });
            say(&json!({"user": user, "key": key, "age_days": key.age_days(read.at), "overdue": overdue}).to_string());
        }
        for user in read.users.known().into_iter().flatten() {
            if let Known::Unknown(reason) = &user.keys {
                say(&json!({"user": user.user, "unknown": reason}).to_string());
            }
        }
        let unread = match &read.users {
            Known::Unknown(reason) => json!(reason),
            Known::Known(_) => json!(null),
        };
        let summary =
            json!({"at": read.at, "overdue": read.overdue().count(), "unknown": read.unknown(), "unread": unread});
        say(&summary.to_string());
    } else {
        let banner = banner(&source.environment);
        let view = match &args.user {
            Some(user) => View::UserKeys(user_view(
                &read,
                banner,
                user,
                ("aws-iam-access-key", "Rotate it: keyward run aws-iam-access-key"),
            )),
            None => View::AccountKeys(account_view(&read, banner, Order::default(), |_| None)),
        };
        plain::page(&view).iter().for_each(|line| say(line));
    }
    // A list with holes is not a list without overdue keys, but it is not one with them either: the lines say which.
    Ok(if read.overdue().next().is_some() { 6 } else { 0 })
}
