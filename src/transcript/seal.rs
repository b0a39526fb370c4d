//! Sealed files, `sealed/<name>.age`: the only secrets that outlive the process.
//!
//! Encrypted with age (age-encryption.org/v1) to SSH keys, else under a passphrase, so that a resumed run can go back,
//! and stock `age -d -i ~/.ssh/id_ed25519` can too. Never exported, destroyed when there is no way back any more.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use age::ssh::{Identity, Recipient};
use age::{Decryptor, Encryptor, scrypt};
use secrecy::SecretString;
use zeroize::{Zeroize as _, Zeroizing};

use super::error::Error;
use super::folder::{SEALED, create_folder, file_names, sync_folder, write_over};
use super::key_file::KeyFile;
use super::principal::is_principal;
use super::roster::Roster;
use crate::secret::{FingerprintKey, Secret};

const SUFFIX: &str = ".age";
/// Name of the sealed [`FingerprintKey`].
const FINGERPRINT_KEY: &str = "fingerprint-key";
/// Largest sealed content in bytes: an old value may be a whole environment file, not a disk.
const LARGEST: u64 = 16 * 1024 * 1024;

/// To whom it is sealed.
#[derive(Clone)]
pub struct Sealer {
    to: To,
}

#[derive(Clone)]
enum To {
    Keys(Vec<Key>),
    Passphrase(SecretString),
}

#[derive(Clone)]
enum Key {
    Ssh(Recipient),
    Age(age::x25519::Recipient),
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Recipient::from_str(text).map(Self::Ssh).ok().or_else(|| text.parse().map(Self::Age).ok())
    }

    fn recipient(&self) -> &dyn age::Recipient {
        match self {
            Self::Ssh(key) => key,
            Self::Age(key) => key,
        }
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.to {
            To::Keys(keys) => write!(f, "Sealer(to {} keys)", keys.len()),
            To::Passphrase(_) => f.write_str("Sealer(under a passphrase)"),
        }
    }
}

impl Sealer {
    /// To those of the keys that age can encrypt to: OpenSSH's ed25519, and RSA of 2048 to 4096 bits; age's own `age1…`.
    /// `None` if there is none; then a passphrase has to be asked for.
    pub fn to_keys<'a>(keys: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let keys: Vec<_> = keys.into_iter().filter_map(Key::parse).collect();
        (!keys.is_empty()).then_some(Self { to: To::Keys(keys) })
    }

    /// To everyone in the roster with a usable key, and to `seal_to`.
    pub fn to_roster(roster: &Roster, seal_to: &[String]) -> Option<Self> {
        let people = roster.people.iter().flat_map(|person| &person.keys);
        Self::to_keys(people.chain(seal_to).map(String::as_str))
    }

    /// Under a passphrase. Each sealing takes about a second (scrypt).
    pub fn under(passphrase: SecretString) -> Self {
        Self { to: To::Passphrase(passphrase) }
    }

    /// How many keys can open what it seals; `None` under a passphrase.
    pub fn keys(&self) -> Option<usize> {
        match &self.to {
            To::Keys(keys) => Some(keys.len()),
            To::Passphrase(_) => None,
        }
    }

    /// Seals a secret under a name, durably; one of that name that was there is replaced at once.
    ///
    /// # Errors
    /// A name that can't be a file's; what age or the file system says.
    pub fn seal(&self, run: &Path, name: &str, secret: &Secret) -> Result<(), Error> {
        self.seal_bytes(run, name, secret.expose().as_bytes())
    }

    /// Seals the run's fingerprint key.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn seal_fingerprint_key(&self, run: &Path, key: &FingerprintKey) -> Result<(), Error> {
        self.seal_bytes(run, FINGERPRINT_KEY, key.expose())
    }

    fn seal_bytes(&self, run: &Path, name: &str, content: &[u8]) -> Result<(), Error> {
        let path = path(run, name)?;
        let fault = |why: String| Error::file(&path, format!("can't be sealed: {why}"));
        let encryptor = match &self.to {
            To::Keys(keys) => {
                Encryptor::with_recipients(keys.iter().map(Key::recipient)).map_err(|error| fault(error.to_string()))?
            }
            To::Passphrase(passphrase) => Encryptor::with_user_passphrase(passphrase.clone()),
        };
        let mut file = Vec::new();
        encryptor
            .wrap_output(&mut file)
            .and_then(|mut stream| stream.write_all(content).and_then(|()| stream.finish()))
            .map_err(|error| fault(error.to_string()))?;
        create_folder(&run.join(SEALED))?;
        write_over(&path, &file)
    }
}

/// What opens sealed files.
pub struct Unsealer {
    with: With,
}

enum With {
    Key(Box<Identity>),
    Passphrase(SecretString),
}

impl std::fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsealer(…)")
    }
}

impl Unsealer {
    /// With the operator's key file, which is open already: its passphrase, if any, was given to [`KeyFile`].
    ///
    /// # Errors
    /// A key that age does not know.
    pub fn with_key(key: &KeyFile) -> Result<Self, Error> {
        let fault = |why: &str| Error::file(key.path(), format!("can't open sealed files: {why}"));
        let text = key.identity()?;
        let identity =
            Identity::from_buffer(io::Cursor::new(text.as_bytes()), None).map_err(|error| fault(&error.to_string()))?;
        match identity {
            Identity::Unencrypted(_) => Ok(Self { with: With::Key(Box::new(identity)) }),
            _ => Err(fault("age knows ed25519 and RSA keys only")),
        }
    }

    /// With a passphrase.
    pub fn with_passphrase(passphrase: SecretString) -> Self {
        Self { with: With::Passphrase(passphrase) }
    }

    /// Opens a sealed secret.
    ///
    /// # Errors
    /// No such file, not sealed to this key or passphrase, or changed.
    pub fn open(&self, run: &Path, name: &str) -> Result<Secret, Error> {
        let mut content = self.open_bytes(run, name)?;
        let text = String::from_utf8(std::mem::take(&mut *content)).map_err(|error| {
            error.into_bytes().zeroize();
            Error::file(&run.join(SEALED).join(name), "holds no text")
        })?;
        Ok(Secret::new(text))
    }

    /// Opens the run's fingerprint key.
    ///
    /// # Errors
    /// As [`Unsealer::open`].
    pub fn open_fingerprint_key(&self, run: &Path) -> Result<FingerprintKey, Error> {
        let content = self.open_bytes(run, FINGERPRINT_KEY)?;
        let bytes: [u8; 32] = content
            .as_slice()
            .try_into()
            .map_err(|_| Error::file(&run.join(SEALED).join(FINGERPRINT_KEY), "is not a key of 32 bytes"))?;
        Ok(FingerprintKey::from_bytes(bytes))
    }

    fn open_bytes(&self, run: &Path, name: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let path = path(run, name)?;
        let fault = |why: String| Error::file(&path, format!("can't be opened: {why}"));
        let file = fs::read(&path).map_err(Error::io("read", &path))?;
        let decryptor = Decryptor::new_buffered(&file[..]).map_err(|error| fault(error.to_string()))?;
        let stream = match &self.with {
            With::Key(identity) => decryptor.decrypt(std::iter::once(&**identity as &dyn age::Identity)),
            With::Passphrase(passphrase) => {
                let identity = scrypt::Identity::new(passphrase.clone());
                decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
            }
        }
        .map_err(|error| fault(format!("{error}; it was sealed to other keys, or under a passphrase")))?;
        // Room for all of it at once: a vector that grows leaves copies behind that nobody wipes.
        let mut content = Zeroizing::new(Vec::with_capacity(file.len()));
        stream
            .take(LARGEST)
            .read_to_end(&mut content)
            .map_err(|error| fault(format!("{error}: it was changed or cut")))?;
        Ok(content)
    }
}

/// Names of all sealed secrets of a run, the fingerprint key left out.
///
/// # Errors
/// What the file system says.
pub fn sealed_names(run: &Path) -> Result<Vec<String>, Error> {
    let names = file_names(&run.join(SEALED))?;
    let names = names.iter().filter_map(|name| name.strip_suffix(SUFFIX)).filter(|name| *name != FINGERPRINT_KEY);
    Ok(names.map(str::to_owned).collect())
}

/// Destroys a sealed secret; one that is not there is destroyed already.
///
/// The file is unlinked and its folder synced. It was encrypted, so what a disk keeps of it is of use only to those
/// whom it was sealed to.
///
/// # Errors
/// What the file system says.
pub fn destroy(run: &Path, name: &str) -> Result<(), Error> {
    let path = path(run, name)?;
    match fs::remove_file(&path) {
        Ok(()) => sync_folder(&run.join(SEALED)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", &path)(error)),
    }
}

/// Destroys everything sealed of a run, the fingerprint key too.
///
/// # Errors
/// What the file system says.
pub fn destroy_all(run: &Path) -> Result<(), Error> {
    for name in sealed_names(run)? {
        destroy(run, &name)?;
    }
    destroy(run, FINGERPRINT_KEY)
}

fn path(run: &Path, name: &str) -> Result<PathBuf, Error> {
    // Names are captures' and holders' (`new_key.secret`, `old.raxx-backup`), made by runbooks: no way out of the folder.
    if is_principal(name) {
        Ok(run.join(SEALED).join(format!("{name}{SUFFIX}")))
    } else {
        let why = format!("`{}` can't name a sealed file; use letters, digits and ._@+-", name.escape_debug());
        Err(Error::file(&run.join(SEALED), why))
    }
}

#[cfg(test)]
mod tests;
