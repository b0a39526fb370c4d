//! Who holds which pair while a drill runs, and what their running processes use.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::world::{Holder, HolderKind, Pair};
use crate::secret::Secret;

/// The names under which every holder keeps the pair.
pub(super) const NAME_ID: &str = "AWS_ACCESS_KEY_ID";
/// See [`NAME_ID`].
pub(super) const NAME_SECRET: &str = "AWS_SECRET_ACCESS_KEY";

/// A holder as it runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LiveHolder {
    pub(super) spec: Holder,
    pub(super) held: Held,
    /// Its processes use the pair next at this time.
    pub(super) next_use: i64,
}

/// What a kind of holder keeps. Times are milliseconds on the run's clock.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Held {
    Infisical(BTreeMap<String, Vec<Version>>),
    Heroku(App),
    Github(Repo),
    Host(Service),
    Unlisted,
}

/// A version of a secret; the first is 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Version {
    #[serde(with = "super::saved::clear")]
    pub(super) value: Secret,
    pub(super) at: i64,
}

/// A Heroku app.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct App {
    #[serde(with = "super::saved::clear_map")]
    pub(super) vars: BTreeMap<String, Secret>,
    pub(super) releases: Vec<Release>,
    /// Dynos of earlier releases, and until when they live.
    pub(super) old_dynos: Vec<(Pair, i64)>,
}

/// A release of an app.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Release {
    pub(super) version: u32,
    pub(super) at: i64,
    pub(super) what: String,
}

/// A repository's secrets and workflow runs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Repo {
    pub(super) secrets: BTreeMap<String, RepoSecret>,
    pub(super) runs: Vec<Run>,
}

/// A repository's secret.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RepoSecret {
    #[serde(with = "super::saved::clear")]
    pub(super) value: Secret,
    pub(super) created: i64,
    pub(super) updated: i64,
}

/// A workflow run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) number: usize,
    pub(super) workflow: String,
    pub(super) git_ref: String,
    pub(super) created: i64,
    /// The secrets as the job got them.
    pub(super) pair: Option<Pair>,
    pub(super) stuck: bool,
    /// Filled when the job has run: its log, and whether it passed.
    pub(super) outcome: Option<(bool, String)>,
}

/// A host's service.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Service {
    /// What it read at its last start.
    pub(super) running: Option<Pair>,
    /// The folder that stands for the host's root, once the stand-ins are installed.
    pub(super) root: Option<PathBuf>,
    /// Its EnvironmentFile as it was when the world was last kept.
    #[serde(default, with = "super::saved::clear_option")]
    pub(super) file: Option<Secret>,
}

/// The pair in a set of variables.
pub(super) fn pair_in(vars: &BTreeMap<String, Secret>) -> Option<Pair> {
    let access_key_id = vars.get(NAME_ID)?.expose().to_owned();
    Some(Pair { access_key_id, secret_access_key: vars.get(NAME_SECRET)?.clone() })
}

/// The lines of an EnvironmentFile as systemd reads them (`NAME=value`, `#` and `;` comments, one layer of quotes).
pub(super) fn parse_env_file(text: &str) -> BTreeMap<String, Secret> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim();
        let inner = ['"', '\''].iter().find_map(|&q| value.strip_prefix(q)?.strip_suffix(q));
        Some((name.trim().to_owned(), Secret::new(inner.unwrap_or(value).to_owned())))
    });
    pairs.collect()
}

impl LiveHolder {
    pub(super) fn new(spec: Holder, now: i64) -> Self {
        let id = Secret::new(spec.pair.access_key_id.clone());
        let secret = spec.pair.secret_access_key.clone();
        let month_ago = now - 30 * 24 * 3_600_000;
        let held = match &spec.kind {
            HolderKind::Infisical { .. } => {
                let versions = |value: Secret, older: usize| {
                    let gone = (0..older).map(|n| Version {
                        value: Secret::new(format!("replaced-{n}")),
                        at: month_ago - 86_400_000 * i64::try_from(older - n).unwrap_or(0),
                    });
                    gone.chain([Version { value, at: month_ago }]).collect::<Vec<_>>()
                };
                let canary = Secret::new("postgres://raxx:drill-canary@db.invalid/raxx".into());
                Held::Infisical(BTreeMap::from([
                    (NAME_ID.into(), versions(id, 3)),
                    (NAME_SECRET.into(), versions(secret, 3)),
                    ("DATABASE_URL".into(), versions(canary, 0)),
                ]))
            }
            HolderKind::Heroku { .. } => {
                let canary = Secret::new("drill-canary-session-key".into());
                let rack = Secret::new("production".into());
                let vars = BTreeMap::from([
                    (NAME_ID.into(), id),
                    (NAME_SECRET.into(), secret),
                    ("SESSION_KEY".into(), canary),
                    ("S3_BUCKET".into(), Secret::new(spec.bucket.clone())),
                    ("APP_ENV".into(), rack),
                ]);
                let release = |version, what: &str| Release { version, at: month_ago, what: what.into() };
                let releases = vec![release(111, "Deploy 4f1c2ab0"), release(112, "Set APP_ENV config vars")];
                Held::Heroku(App { vars, releases, old_dynos: Vec::new() })
            }
            HolderKind::GithubActions { .. } => {
                let secret_of = |value| RepoSecret { value, created: month_ago, updated: month_ago };
                let secrets =
                    BTreeMap::from([(NAME_ID.into(), secret_of(id)), (NAME_SECRET.into(), secret_of(secret))]);
                Held::Github(Repo { secrets, runs: Vec::new() })
            }
            HolderKind::EnvFile { .. } => {
                Held::Host(Service { running: Some(spec.pair.clone()), root: None, file: None })
            }
            HolderKind::Unlisted => Held::Unlisted,
        };
        let every = super::key::millis(spec.uses_every).max(1000);
        Self { spec, held, next_use: now + every / 2 }
    }

    /// The pair as it is kept. `None` where a half is missing.
    pub(super) fn kept(&self) -> Option<Pair> {
        match &self.held {
            Held::Infisical(secrets) => {
                let latest = |name| secrets.get(name).and_then(|versions| versions.last()).map(|v| v.value.clone());
                let access_key_id = latest(NAME_ID)?.expose().to_owned();
                Some(Pair { access_key_id, secret_access_key: latest(NAME_SECRET)? })
            }
            Held::Heroku(app) => pair_in(&app.vars),
            Held::Github(repo) => {
                let get = |name| repo.secrets.get(name).map(|secret| secret.value.clone());
                let access_key_id = get(NAME_ID)?.expose().to_owned();
                Some(Pair { access_key_id, secret_access_key: get(NAME_SECRET)? })
            }
            Held::Host(service) => match (&service.root, &self.spec.kind) {
                (Some(root), HolderKind::EnvFile { file, .. }) => {
                    let text = std::fs::read_to_string(root.join(file.trim_start_matches('/'))).ok()?;
                    pair_in(&parse_env_file(&text))
                }
                _ => service.running.clone(),
            },
            Held::Unlisted => Some(self.spec.pair.clone()),
        }
    }

    /// On a host: its file's text is noted, to be kept with the world.
    pub(super) fn note_file(&mut self) {
        let (Held::Host(service), HolderKind::EnvFile { file, .. }) = (&mut self.held, &self.spec.kind) else { return };
        let text = service
            .root
            .as_ref()
            .and_then(|root| std::fs::read_to_string(root.join(file.trim_start_matches('/'))).ok());
        // A file that is being replaced this moment is noted as it was before.
        if let Some(text) = text {
            service.file = Some(Secret::new(text));
        }
    }

    /// On a host: the secret that it had at first is in its file and its service again, beside the key id of now.
    pub(super) fn keep_old_secret(&mut self) {
        let old = self.spec.pair.secret_access_key.clone();
        let (Held::Host(service), HolderKind::EnvFile { file, .. }) = (&mut self.held, &self.spec.kind) else { return };
        if let Some(root) = &service.root {
            let path = root.join(file.trim_start_matches('/'));
            let mend = |line: &str| match line.starts_with(NAME_SECRET) {
                true => format!("{NAME_SECRET}={}\n", old.expose()),
                false => format!("{line}\n"),
            };
            // A file that is gone has no line to put back.
            if let Ok(text) = std::fs::read_to_string(&path) {
                let _ = std::fs::write(&path, text.lines().map(mend).collect::<String>());
            }
        }
        if let Some(pair) = &mut service.running {
            pair.secret_access_key = old;
        }
    }

    /// What its running processes use at that time; nothing for a store.
    pub(super) fn in_use(&self, at: i64) -> Vec<Pair> {
        if self.spec.store {
            return Vec::new();
        }
        match &self.held {
            Held::Host(service) => service.running.iter().cloned().collect(),
            Held::Heroku(app) => {
                let old = app.old_dynos.iter().filter(|(_, until)| at < *until).map(|(pair, _)| pair.clone());
                self.kept().into_iter().chain(old).collect()
            }
            _ => self.kept().into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_file_is_read_as_systemd_reads_it() {
        let vars = parse_env_file("# note\nA=1\n B = \"two words\" \n; c\nnonsense\nC='x=y'\nD=\n");
        let get = |name: &str| vars.get(name).map(|value| value.expose().to_owned());
        assert_eq!(get("A").as_deref(), Some("1"));
        assert_eq!(get("B").as_deref(), Some("two words"));
        assert_eq!(get("C").as_deref(), Some("x=y"));
        assert_eq!(get("D").as_deref(), Some(""));
        assert_eq!(vars.len(), 4);
    }
}
