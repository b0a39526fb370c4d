//! Signing with a private key file, in this process.

use std::fs;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey};
use zeroize::Zeroizing;

use super::principal::is_principal;
use super::sign::{Message, SignError, Signer};

/// An ed25519, ECDSA or RSA key in an OpenSSH file. RSA signs with SHA-512.
pub struct KeyFile {
    principal: String,
    path: PathBuf,
    key: PrivateKey,
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyFile").field("principal", &self.principal).field("path", &self.path).finish_non_exhaustive()
    }
}

impl KeyFile {
    /// Opens a key that is not encrypted.
    ///
    /// # Errors
    /// [`SignError::NeedsPassphrase`] if it is encrypted; [`SignError::Key`] if it can't sign here.
    pub fn open(path: &Path, principal: &str) -> Result<Self, SignError> {
        let key = read(path)?;
        if key.is_encrypted() {
            return Err(SignError::NeedsPassphrase(path.to_owned()));
        }
        Self::new(path, principal, key)
    }

    /// Opens a key with its passphrase, which a key that is not encrypted ignores.
    ///
    /// # Errors
    /// [`SignError::WrongPassphrase`]; [`SignError::Key`] if it can't sign here.
    pub fn open_encrypted(path: &Path, principal: &str, passphrase: &SecretString) -> Result<Self, SignError> {
        let mut key = read(path)?;
        if key.is_encrypted() {
            key = key.decrypt(passphrase.expose_secret()).map_err(|_| SignError::WrongPassphrase(path.to_owned()))?;
        }
        Self::new(path, principal, key)
    }

    fn new(path: &Path, principal: &str, key: PrivateKey) -> Result<Self, SignError> {
        if !is_principal(principal) {
            return Err(SignError::Principal(principal.to_owned()));
        }
        let algorithm = key.algorithm();
        if !matches!(algorithm, Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. }) {
            let why = format!("{algorithm} keys sign through the agent or ssh-keygen only");
            return Err(SignError::Key { path: path.to_owned(), why });
        }
        Ok(Self { principal: principal.to_owned(), path: path.to_owned(), key })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key in OpenSSH's form, without a passphrase: what opens a sealed file.
    pub(super) fn identity(&self) -> Result<Zeroizing<String>, SignError> {
        self.key
            .to_openssh(LineEnding::LF)
            .map_err(|error| SignError::Key { path: self.path.clone(), why: error.to_string() })
    }
}

fn read(path: &Path) -> Result<PrivateKey, SignError> {
    let fault = |why: String| SignError::Key { path: path.to_owned(), why };
    let text = Zeroizing::new(fs::read(path).map_err(|error| fault(error.to_string()))?);
    PrivateKey::from_openssh(&*text).map_err(|error| fault(format!("not an OpenSSH private key: {error}")))
}

impl Signer for KeyFile {
    fn principal(&self) -> &str {
        &self.principal
    }

    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign(&self, namespace: &str, message: &Message<'_>) -> Result<String, SignError> {
        let fault = |error: ssh_key::Error| SignError::Key { path: self.path.clone(), why: error.to_string() };
        let sig = self.key.sign_prehash(namespace, HashAlg::Sha512, message.sha512()).map_err(fault)?;
        let mut text = sig.to_pem(LineEnding::LF).map_err(fault)?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }
}
