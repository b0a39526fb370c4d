//! The signing key that keyward makes on first use, so that a drill works on a machine where nobody has set up anything.

use std::fs;
use std::path::{Path, PathBuf};

use ssh_key::{Algorithm, LineEnding, PrivateKey};

use super::error::Error;
use super::folder::{create_folder, private, write_new, write_over};
use super::key_file::KeyFile;
use super::principal::{default_principal, is_principal};
use super::sign::{OPERATOR, SignError, Signer as _};

/// A key of keyward's own making, with what a verifier needs of it.
#[derive(Debug)]
pub struct SigningKey {
    /// The key.
    pub key: KeyFile,
    /// True if it was made just now.
    pub made: bool,
    /// The file beside it that trusts it.
    pub allowed_signers: PathBuf,
    /// Its line in that file, without the LF.
    pub line: String,
}

/// The ed25519 key in `folder`, made if there is none, with `KEY.pub` and `allowed_signers` beside it.
///
/// A key file that is there is never replaced. The `allowed_signers` file is made if there is none, and gets the line
/// added if it has not got it. Without a `principal` it is the one that the key was made for, which stands in its
/// comment (a laptop's name changes with its network, its operator does not), else [`default_principal`].
///
/// # Errors
/// What the file system says; a key there that can't sign, an encrypted one among them.
pub fn ensure_signing_key(folder: &Path, principal: Option<&str>) -> Result<SigningKey, Error> {
    let path = folder.join("id_ed25519");
    let principal = &principal.map_or_else(|| made_for(&path), str::to_owned);
    if !is_principal(principal) {
        return Err(SignError::Principal(principal.to_owned()).into());
    }
    create_folder(folder)?;
    // Two first uses at once must not make two keys.
    let _lock = super::lock::Lock::wait(&folder.join(".lock"))?;
    let made = !path.exists();
    if made {
        make(&path, principal)?;
    }
    let key = KeyFile::open(&path, principal)?;
    let public = key.public_key();
    let line = allowed_line(principal, &[OPERATOR], &openssh(public)?);
    let allowed_signers = folder.join("allowed_signers");
    let mut text = match fs::read_to_string(&allowed_signers) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io("read", &allowed_signers)(error)),
    };
    if !text.lines().any(|known| known == line) {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&line);
        text.push('\n');
        write_over(&allowed_signers, text.as_bytes())?;
    }
    Ok(SigningKey { key, made, allowed_signers, line })
}

fn made_for(path: &Path) -> String {
    ssh_key::PublicKey::read_openssh_file(path.with_extension("pub"))
        .ok()
        .map(|key| key.comment().as_str_lossy().to_owned())
        .filter(|comment| is_principal(comment))
        .unwrap_or_else(default_principal)
}

/// `PRINCIPAL namespaces="…" KEYTYPE BASE64`.
pub(super) fn allowed_line(principal: &str, namespaces: &[&str], key: &str) -> String {
    format!("{principal} namespaces=\"{}\" {key}", namespaces.join(","))
}

/// Type and base64 of a key, without its comment.
pub(super) fn openssh(key: &ssh_key::PublicKey) -> Result<String, Error> {
    ssh_key::PublicKey::from(key.key_data().clone())
        .to_openssh()
        .map(|text| text.trim_end().to_owned())
        .map_err(|error| SignError::Invalid(error.to_string()).into())
}

fn make(path: &Path, principal: &str) -> Result<(), Error> {
    let fault = |error: ssh_key::Error| SignError::Key { path: path.to_owned(), why: error.to_string() };
    let mut key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(fault)?;
    key.set_comment(principal);
    let text = key.to_openssh(LineEnding::LF).map_err(fault)?;
    // Not through a part file: a private key has no business under two names.
    private()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| {
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            file.sync_all()
        })
        .map_err(Error::io("create", path))?;
    let public = key.public_key().to_openssh().map_err(fault)?;
    let beside = path.with_extension("pub");
    if !beside.exists() {
        write_new(&beside, format!("{}\n", public.trim_end()).as_bytes())?;
    }
    Ok(())
}
