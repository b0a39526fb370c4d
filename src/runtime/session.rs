//! Whom and what a run works with: the operator's signature, the store, what is sealed to whom.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use super::passphrase::ask;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::store::{Store, default_key_folder};
use crate::transcript::{
    KeyFile, Person, Roster, Sealer, SignError, Signer, Unsealer, default_principal, ensure_signing_key, open_signer,
};

/// The operator and their store.
#[derive(Clone)]
pub struct Session {
    /// `keyward.yaml`, or what a drill needs without one.
    pub config: Arc<Config>,
    /// Where runs are kept.
    pub store: Store,
    /// Who signs.
    pub signer: Arc<dyn Signer>,
    /// The file with the signing key, and the `allowed_signers` beside it where keyward made both.
    pub key: PathBuf,
    /// See [`Session::key`].
    pub allowed_signers: Option<PathBuf>,
    /// Who takes part.
    pub roster: Roster,
    /// The key file's passphrase, where it was asked for.
    pub(super) passphrase: Option<SecretString>,
}

impl Session {
    /// Opens the operator's key (the configured one, else one made on first use) and the store.
    ///
    /// # Errors
    /// A key that can't sign; no folder for it.
    pub fn open(config: Config, store: Option<PathBuf>) -> Result<Self, Diagnostic> {
        let chosen = store.or_else(|| config.store.as_deref().map(home));
        if let Some(remote) = chosen.as_ref().and_then(|store| store.to_str()).filter(|store| store.contains("://")) {
            return Err(Diagnostic::new(format!("a store at {remote} is not supported yet"))
                .hint("use a local folder: --store DIR"));
        }
        let store = Store::local(chosen.as_deref())?;
        let mut passphrase = None;
        let (signer, key, allowed_signers): (Arc<dyn Signer>, PathBuf, Option<PathBuf>) = match &config.signing_key {
            Some(path) => {
                let path = home(path);
                let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
                let principal = principal_of(&config, &path).unwrap_or_else(default_principal);
                let signer = match open_signer(&path, &principal, agent.as_deref(), None) {
                    Err(SignError::NeedsPassphrase(_)) => {
                        passphrase = ask(&format!("Passphrase of {}", path.display()));
                        open_signer(&path, &principal, agent.as_deref(), passphrase.as_ref())?
                    }
                    other => other?,
                };
                (Arc::from(signer), path, None)
            }
            None => {
                let made = ensure_signing_key(&default_key_folder()?, None)?;
                let path = made.key.path().to_owned();
                (Arc::new(made.key), path, Some(made.allowed_signers))
            }
        };
        let roster = roster(&config, &*signer)?;
        Ok(Self { config: Arc::new(config), store, signer, key, allowed_signers, roster, passphrase })
    }

    /// What seals to everybody who may need it; under a passphrase, asked for now and never in the middle of a run,
    /// where the operator has no key that can open anything (one on a device, or an ecdsa one).
    ///
    /// # Errors
    /// No key, and nobody to ask.
    pub fn sealer(&self) -> Result<Sealer, Diagnostic> {
        let public = self.signer.public_key();
        let mine = matches!(public.algorithm(), ssh_key::Algorithm::Ed25519 | ssh_key::Algorithm::Rsa { .. });
        let in_file = mine && std::fs::read(&self.key).is_ok_and(|bytes| bytes.starts_with(b"-----BEGIN"));
        let to_keys = Sealer::to_roster(&self.roster, &self.config.seal_to);
        if let (Some(sealer), true) = (to_keys, in_file || !self.config.seal_to.is_empty()) {
            return Ok(sealer);
        }
        let why = "your signing key can't open what is sealed to it";
        let asked = ask(&format!("A passphrase for this run's sealed values ({why})"));
        asked.map(Sealer::under).ok_or_else(|| {
            Diagnostic::new(why)
                .hint("name an age recipient under `seal_to` in keyward.yaml, or start it at a terminal, where it asks for a passphrase")
        })
    }

    /// What opens it again here: the operator's key file (its passphrase is asked for, even where an agent signs), else
    /// the passphrase that the run was opened with.
    ///
    /// # Errors
    /// Neither is to be had.
    pub fn unsealer(&self) -> Result<Unsealer, Diagnostic> {
        let principal = self.signer.principal();
        let opened = match KeyFile::open(&self.key, principal) {
            Err(SignError::NeedsPassphrase(path)) => {
                let prompt = format!("Passphrase of {}, to open what this run sealed", path.display());
                match self.passphrase.clone().or_else(|| ask(&prompt)) {
                    Some(passphrase) => KeyFile::open_encrypted(&self.key, principal, &passphrase),
                    None => Err(SignError::NeedsPassphrase(path)),
                }
            }
            other => other,
        };
        match opened.map(|key| Unsealer::with_key(&key)) {
            Ok(Ok(unsealer)) => Ok(unsealer),
            Err(error @ (SignError::NeedsPassphrase(_) | SignError::WrongPassphrase(_))) => Err(error.into()),
            Ok(Err(_)) | Err(_) => ask("The passphrase that this run's values were sealed under")
                .map(Unsealer::with_passphrase)
                .ok_or_else(|| {
                    Diagnostic::new("what this run sealed can't be opened here")
                        .hint("resume it at a terminal, where the passphrase is asked for, or with the key file that it was opened with")
                }),
        }
    }
}

/// `~/` at the beginning stands for the home folder.
fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

fn principal_of(config: &Config, key: &std::path::Path) -> Option<String> {
    let mut beside = key.as_os_str().to_owned();
    beside.push(".pub");
    let public =
        std::fs::read_to_string(key).ok().filter(|text| text.starts_with("ssh-") || text.starts_with("ecdsa-"));
    let public = public.or_else(|| std::fs::read_to_string(PathBuf::from(beside)).ok())?;
    let body = public.split_whitespace().nth(1)?;
    let person = config
        .roster
        .iter()
        .find(|person| person.keys.iter().any(|known| known.split_whitespace().nth(1) == Some(body)))?;
    person.principals.first().cloned()
}

fn roster(config: &Config, signer: &dyn Signer) -> Result<Roster, Diagnostic> {
    if config.roster.is_empty() {
        let roles = ["ops", "superadmin"];
        return Ok(Roster::of_one(signer.principal(), signer.public_key(), &roles, "")?);
    }
    let people = config.roster.iter().map(|person| Person {
        person: person.person.clone(),
        principals: person.principals.clone(),
        keys: person.keys.clone(),
        roles: person.roles.clone(),
        arns: person.arns.clone(),
        namespaces: Vec::new(),
    });
    let roster = Roster { people: people.collect() };
    roster.check().map_err(|why| Diagnostic::new(why).hint("see `roster` in keyward.yaml"))?;
    if roster.by_principal(signer.principal()).is_none() {
        return Err(Diagnostic::new(format!("{} is not in the roster", signer.principal()))
            .hint("add the person, their principal and their public key under `roster` in keyward.yaml"));
    }
    Ok(roster)
}
