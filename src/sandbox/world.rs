//! What a drill starts with: users and their keys, buckets, and who holds which pair.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use super::key;
use super::policy::{self, Statement};
use crate::diagnostic::Diagnostic;
use crate::secret::Secret;

/// The id of the old key in every drill, as in the shipped screens.
pub const OLD_KEY: &str = "AKIAEXAMPLE00000OLD1";
/// The id of the operator's key.
pub const OPERATOR_KEY: &str = "AKIAEXAMPLE00000OPER";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An access key pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pair {
    /// 20 characters, `AKIA…`. Public.
    pub access_key_id: String,
    /// 40 characters.
    #[serde(with = "super::saved::clear")]
    pub secret_access_key: Secret,
}

impl Pair {
    /// True if both halves are equal.
    pub fn same(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id && self.secret_access_key.expose() == other.secret_access_key.expose()
    }
}

/// A key's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// It authenticates.
    Active,
    /// It does not.
    Inactive,
}

impl KeyStatus {
    /// As IAM writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }
}

/// A key that exists when the drill starts.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// The pair.
    pub pair: Pair,
    /// Its status.
    pub status: KeyStatus,
    /// How long ago it was created.
    pub age: Duration,
    /// How long ago it was last used; `None` for never.
    pub used: Option<Duration>,
}

/// An IAM user.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// `/` or `/…/`.
    pub path: String,
    /// How long ago it was created.
    pub age: Duration,
    /// What it may do.
    pub policy: Vec<Statement>,
    /// Under AWS's quarantine policy.
    pub quarantined: bool,
    /// At most two, as IAM has it.
    pub keys: Vec<AccessKey>,
}

/// A bucket and its objects' keys.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Key to content.
    pub objects: BTreeMap<String, Vec<u8>>,
}

/// Where a pair is held, with the fields of the connector of that name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HolderKind {
    /// Secrets of an Infisical project's environment.
    Infisical {
        /// The project's id.
        project: String,
        /// The environment's slug.
        environment: String,
        /// The folder.
        path: String,
    },
    /// An app's config vars.
    Heroku {
        /// The app's name.
        app: String,
    },
    /// A repository's Actions secrets.
    GithubActions {
        /// `owner/name`.
        repo: String,
    },
    /// A host's EnvironmentFile, and the service that reads it at its start.
    EnvFile {
        /// The host's name.
        host: String,
        /// Absolute path there.
        file: String,
        /// The systemd service.
        service: String,
    },
    /// Nobody's list has it: a forgotten consumer.
    Unlisted,
}

/// Anything that holds the pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Its name in the runbook.
    pub name: String,
    /// Where.
    pub kind: HolderKind,
    /// The store: it keeps the pair but uses it for nothing.
    pub store: bool,
    /// Its proof: a command line, a workflow's file, a program's path.
    pub prove: Option<String>,
    /// The pair it holds.
    pub pair: Pair,
    /// The bucket it lists.
    pub bucket: String,
    /// Between two uses of the pair.
    pub uses_every: Duration,
}

/// How long changes take to spread, on the run's clock.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// A new or reactivated key authenticates after this: from, to.
    pub on: (Duration, Duration),
    /// A deactivated or deleted one goes on for this.
    pub off: (Duration, Duration),
    /// S3 knows a new key this much before it knows its policy.
    pub policy: (Duration, Duration),
    /// A list may be this old.
    pub list: Duration,
    /// A use shows in `GetAccessKeyLastUsed` after this.
    pub last_used: (Duration, Duration),
    /// An event shows in CloudTrail after this.
    pub trail: (Duration, Duration),
}

impl Default for Spread {
    /// As seen of real IAM.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            on: (seconds(3), seconds(15)),
            off: (seconds(2), seconds(4)),
            policy: (seconds(0), seconds(3)),
            list: seconds(2),
            last_used: (seconds(30), 5 * MINUTE),
            trail: (2 * MINUTE, 8 * MINUTE),
        }
    }
}

impl Spread {
    /// Everything at once.
    pub fn none() -> Self {
        let none = (Duration::ZERO, Duration::ZERO);
        Self { on: none, off: none, policy: none, list: Duration::ZERO, last_used: none, trail: none }
    }
}

/// How long things take beside AWS, on the run's clock.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Timing {
    /// Old dynos live on after new config vars.
    pub dynos: Duration,
    /// A workflow run waits in the queue.
    pub queue: Duration,
    /// It then takes so long.
    pub run: Duration,
    /// What a slow answer takes, in real time ([`Fault::Slow`]).
    pub slow: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { dynos: seconds(30), queue: seconds(1), run: seconds(3), slow: seconds(2) }
    }
}

/// Everything a drill starts with.
#[derive(Clone, Debug)]
pub struct World {
    /// 12 digits.
    pub account: String,
    /// IAM users.
    pub users: Vec<User>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    /// Holders, the store first.
    pub holders: Vec<Holder>,
    /// The operator's own pair.
    pub operator: Pair,
    /// How changes spread.
    pub spread: Spread,
    /// How long other things take.
    pub timing: Timing,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// Where the consumers call S3, if not at the sandbox itself: AWS is somebody else's server then, and the sandbox is
    /// the holders only.
    pub s3_at: Option<String>,
    target: String,
}

impl World {
    /// The world of the shipped runbook's own `drill:` values.
    pub fn example(seed: u64) -> Self {
        let holder = |name: &str, kind: HolderKind, store: bool, prove: Option<&str>| {
            (name.to_owned(), kind, store, prove.map(str::to_owned))
        };
        let dry_run = "/opt/raxx/bin/s3-dry-run";
        let infisical =
            HolderKind::Infisical { project: "drill-project".into(), environment: "prod".into(), path: "/".into() };
        let host = HolderKind::EnvFile {
            host: "vault.lightsail".into(),
            file: "/etc/raxx/credentials.env".into(),
            service: "raxx-vault".into(),
        };
        let list = vec![
            holder("infisical prod", infisical, true, None),
            holder(
                "raxx-api-prod",
                HolderKind::Heroku { app: "raxx-api-prod".into() },
                false,
                Some("python -m scripts.s3_backup_dry_run"),
            ),
            holder(
                "raxx/backup",
                HolderKind::GithubActions { repo: "raxx/backup".into() },
                false,
                Some("s3-dry-run.yml"),
            ),
            holder("vault host", host, false, Some(dry_run)),
        ];
        Self::build("raxx-vault-operator", "raxx-backups", list, seed)
    }

    /// The world of a runbook's `drill:` values: the user that is rotated, a bucket it lists, its store and consumers
    /// (objects with `name`, `kind`, `prove` and the kind's fields).
    ///
    /// # Errors
    /// A holder without a name, of a kind that the sandbox has no stand-in for, or without one of its fields.
    pub fn for_drill(
        user: &str,
        bucket: &str,
        store: Option<&Value>,
        consumers: &[Value],
        seed: u64,
    ) -> Result<Self, Diagnostic> {
        let mut list = Vec::new();
        for (value, is_store) in
            store.map(|value| (value, true)).into_iter().chain(consumers.iter().map(|v| (v, false)))
        {
            let (name, kind, prove) = read_holder(value)?;
            list.push((name, kind, is_store, prove));
        }
        Ok(Self::build(user, bucket, list, seed))
    }

    fn build(target: &str, bucket: &str, holders: Vec<(String, HolderKind, bool, Option<String>)>, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let old = Pair { access_key_id: OLD_KEY.into(), secret_access_key: key::random_secret(&mut rng) };
        let operator = Pair { access_key_id: OPERATOR_KEY.into(), secret_access_key: key::random_secret(&mut rng) };
        let key = |pair: &Pair, days: u32, used: Duration| AccessKey {
            pair: pair.clone(),
            status: KeyStatus::Active,
            age: days * DAY,
            used: Some(used),
        };
        let bucket_arn = format!("arn:aws:s3:::{bucket}");
        let target_user = User {
            name: target.into(),
            path: "/".into(),
            age: 800 * DAY,
            policy: vec![
                Statement::allow(&["s3:ListBucket"], &[&bucket_arn]),
                Statement::allow(&["s3:GetObject", "s3:PutObject"], &[&format!("{bucket_arn}/*")]),
            ],
            quarantined: false,
            keys: vec![key(&old, 412, 20 * MINUTE)],
        };
        let operator_user = User {
            name: "oncall".into(),
            path: "/".into(),
            age: 300 * DAY,
            policy: vec![Statement::allow(OPERATOR_ACTIONS, &["*"])],
            quarantined: false,
            keys: vec![key(&operator, 30, DAY)],
        };
        let objects = (1..=12).map(|n| (format!("vault/2026-11-{n:02}.tar.age"), vec![b'x'; 64 + n]));
        let holders = holders
            .into_iter()
            .zip(5u32..)
            .map(|((name, kind, store, prove), n)| Holder {
                name,
                kind,
                store,
                prove,
                pair: old.clone(),
                bucket: bucket.into(),
                uses_every: n * MINUTE,
            })
            .collect();
        Self {
            account: "000000000000".into(),
            users: vec![target_user, operator_user],
            buckets: vec![Bucket { name: bucket.into(), objects: objects.collect() }],
            holders,
            operator,
            spread: Spread::default(),
            timing: Timing::default(),
            faults: Vec::new(),
            s3_at: None,
            target: target.into(),
        }
    }

    /// With AWS elsewhere: every holder has this pair, and consumers call S3 there.
    pub fn with_aws_at(mut self, s3: &str, pair: &Pair) -> Self {
        for holder in &mut self.holders {
            holder.pair = pair.clone();
        }
        self.s3_at = Some(s3.to_owned());
        self
    }

    /// With changes that take no time to spread and systems that take no time to act.
    pub fn instant(mut self) -> Self {
        self.spread = Spread::none();
        self.timing = Timing { dynos: Duration::ZERO, queue: Duration::ZERO, run: Duration::ZERO, ..self.timing };
        self
    }

    /// With a few more users, whom no holder serves: an account to take inventory of.
    pub fn with_other_users(mut self, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x6f74_6865_7273);
        let hour = 60 * MINUTE;
        for (name, id, status, days, used) in [
            ("raxx-backup-writer", "AKIAEXAMPLE00000W2RT", KeyStatus::Active, 203, Some(2 * hour)),
            ("mail-relay", "AKIAEXAMPLE00000M41L", KeyStatus::Active, 91, Some(5 * hour)),
            ("billing-export", "AKIAEXAMPLE0000081LL", KeyStatus::Active, 88, Some(3 * hour)),
            ("raxx-metrics", "AKIAEXAMPLE00000M3TR", KeyStatus::Active, 1, None),
            ("raxx-ci", "AKIAEXAMPLE00000C1C1", KeyStatus::Inactive, 205, Some(40 * DAY)),
        ] {
            let pair = Pair { access_key_id: id.into(), secret_access_key: key::random_secret(&mut rng) };
            let keys = vec![AccessKey { pair, status, age: days * DAY, used }];
            let path = "/".into();
            self.users.push(User {
                name: name.into(),
                path,
                age: 400 * DAY,
                policy: Vec::new(),
                quarantined: false,
                keys,
            });
        }
        self
    }

    /// With a fault: what a drill starts with is changed here, what strikes later is noted for the start.
    pub fn with_fault(mut self, fault: Fault) -> Self {
        let mut rng = StdRng::seed_from_u64(0x6661_756c_7400 + fault as u64);
        let old = self.old_pair();
        let gone = "AKIAEXAMPLE00000GONE";
        match fault {
            Fault::WrongOldPair | Fault::StaleSecret => {
                let secret_access_key = key::random_secret(&mut rng);
                for store in self.holders.iter_mut().filter(|holder| holder.store) {
                    if fault == Fault::WrongOldPair {
                        store.pair.access_key_id = gone.into();
                    }
                    store.pair.secret_access_key = secret_access_key.clone();
                }
            }
            Fault::TwoActive | Fault::OneActiveOneInactive => {
                let active = fault == Fault::TwoActive;
                let pair = Pair {
                    access_key_id: if active { "AKIAEXAMPLE00000OLD2" } else { "AKIAEXAMPLE000003KLM" }.into(),
                    secret_access_key: key::random_secret(&mut rng),
                };
                let status = if active { KeyStatus::Active } else { KeyStatus::Inactive };
                let used = if active { 3 * DAY } else { 61 * DAY };
                let age = if active { 90 * DAY } else { 390 * DAY };
                if let Some(user) = self.target_mut() {
                    user.keys.push(AccessKey { pair, status, age, used: Some(used) });
                }
            }
            Fault::MissingPermission => {
                for user in self.users.iter_mut().filter(|user| user.name == "oncall") {
                    for statement in &mut user.policy {
                        statement.actions.retain(|action| action != "iam:DeleteAccessKey");
                    }
                }
            }
            Fault::ForgottenConsumer => {
                if let (Some(pair), Some(bucket)) = (old, self.buckets.first()) {
                    self.holders.push(Holder {
                        name: "nightly report".into(),
                        kind: HolderKind::Unlisted,
                        store: false,
                        prove: None,
                        pair,
                        bucket: bucket.name.clone(),
                        uses_every: 11 * MINUTE,
                    });
                }
            }
            Fault::WrongIdentity => {
                if let Some(pair) = old {
                    self.operator = pair;
                    let own = format!("arn:aws:iam::{}:user/{}", self.account, self.target);
                    if let Some(user) = self.target_mut() {
                        user.policy.push(Statement::allow(OPERATOR_ACTIONS, &[&own]));
                    }
                }
            }
            Fault::Quarantined => {
                let id = self.operator.access_key_id.clone();
                let owns = |user: &&mut User| user.keys.iter().any(|key| key.pair.access_key_id == id);
                if let Some(user) = self.users.iter_mut().find(owns) {
                    user.quarantined = true;
                }
            }
            Fault::SlowDynos => self.timing.dynos = 120 * MINUTE,
            later => self.faults.push(later),
        }
        self
    }

    /// The user that is rotated.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The rotated user's first pair.
    pub fn old_pair(&self) -> Option<Pair> {
        let user = self.users.iter().find(|user| user.name == self.target)?;
        user.keys.first().map(|key| key.pair.clone())
    }

    fn target_mut(&mut self) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.name == self.target)
    }
}

impl User {
    /// Every statement that applies to it.
    pub(super) fn statements(&self) -> Vec<Statement> {
        let mut all = self.policy.clone();
        if self.quarantined {
            all.push(policy::quarantine());
        }
        all
    }
}

/// What the SOP needs of its operator, with what a rehearsal on a user of its own needs.
const OPERATOR_ACTIONS: &[&str] = &[
    "iam:ListAccessKeys",
    "iam:CreateAccessKey",
    "iam:UpdateAccessKey",
    "iam:DeleteAccessKey",
    "iam:GetAccessKeyLastUsed",
    "iam:GetUser",
    "iam:ListUsers",
    "iam:CreateUser",
    "iam:DeleteUser",
    "iam:SimulatePrincipalPolicy",
    "cloudtrail:LookupEvents",
];

fn read_holder(value: &Value) -> Result<(String, HolderKind, Option<String>), Diagnostic> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let name = text("name").ok_or_else(|| {
        Diagnostic::new("a holder of the drill has no name").hint("give each holder `name`, `kind` and its fields")
    })?;
    let need = |field: &str| {
        text(field).ok_or_else(|| {
            Diagnostic::new(format!("the drill's holder {name:?} has no `{field}`"))
                .hint(format!("add `{field}:` to the holder in the runbook's `drill:` values"))
        })
    };
    let kind = match need("kind")?.as_str() {
        "infisical" => HolderKind::Infisical {
            project: need("project")?,
            environment: need("environment")?,
            path: text("path").unwrap_or_else(|| "/".into()),
        },
        "heroku" => HolderKind::Heroku { app: need("app")? },
        "github_actions" => HolderKind::GithubActions { repo: need("repo")? },
        "env_file" => {
            let file = need("file")?;
            let plain = file.starts_with('/') && !file.split('/').any(|part| part == "..");
            if !plain {
                return Err(Diagnostic::new(format!("the drill's holder {name:?} has a `file` that is not absolute"))
                    .hint("write a path from the root of the host, without `..`"));
            }
            HolderKind::EnvFile { host: need("host")?, file, service: need("service")? }
        }
        other => {
            return Err(Diagnostic::new(format!("the sandbox has no stand-in for holders of kind `{other}`"))
                .hint("drill with holders of the kinds infisical, heroku, github_actions, env_file"));
        }
    };
    Ok((name, kind, text("prove")))
}
