//! SSH signatures (SSHSIG, OpenSSH's PROTOCOL.sshsig) over a transcript's prefix, and who can make them.
//!
//! SSHSIG hashes its message with SHA-512 before anything is signed, so a signer in this process needs the hash only.
//! `ssh-keygen` hashes for itself, so a [`Message`] can also be read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ssh_key::public::KeyData;
use ssh_key::{HashAlg, LineEnding, PublicKey, Signature, SshSig};

use sha2::{Digest, Sha512};

/// The namespace of operators: checkpoints.
pub const OPERATOR: &str = "operator@keyward";
/// The namespace of approvers: approvals, and overrides by others than the operator.
pub const APPROVER: &str = "approver@keyward";
/// The namespace of keepers: co-signatures of seals.
pub const KEEPER: &str = "keeper@keyward";

/// Why there is no signature. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The key file is encrypted.
    #[error("{} is encrypted\n  give its passphrase, or add it to the agent with ssh-add", .0.display())]
    NeedsPassphrase(PathBuf),
    /// The passphrase does not open it.
    #[error("this is not the passphrase of {}", .0.display())]
    WrongPassphrase(PathBuf),
    /// No usable key there.
    #[error("{} can't be used to sign: {why}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// No agent, or none that answers.
    #[error("the SSH agent can't be reached: {0}\n  is SSH_AUTH_SOCK set, and ssh-agent running?")]
    NoAgent(String),
    /// The agent has no such key.
    #[error("the SSH agent does not hold the key {0}\n  add it with ssh-add; ssh-add -L lists what it holds")]
    NotInAgent(String),
    /// A person or a device said no, or nobody answered.
    #[error("the signature was refused: {0}\n  touch the key when it blinks, or try again; nothing was sent")]
    Refused(String),
    /// What came back is not a signature of that message by that key.
    #[error("the signature does not fit: {0}\n  nothing was written")]
    Invalid(String),
    /// A signer's name that can't stand in `allowed_signers`.
    #[error("`{0}` can't be a principal\n  use letters, digits and ._@+- only, not beginning with . or -")]
    Principal(String),
}

/// What is to be signed: a file's first bytes and then some more.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    sha512: [u8; 64],
    prefix: Option<(&'a Path, u64)>,
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    /// These bytes.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { sha512: Sha512::digest(bytes).into(), prefix: None, rest: bytes }
    }

    /// The first `len` bytes of a file, then `rest`, whose hash is known.
    pub fn of_prefix(file: &'a Path, len: u64, rest: &'a [u8], sha512: [u8; 64]) -> Self {
        Self { sha512, prefix: Some((file, len)), rest }
    }

    /// SHA-512 of the whole.
    pub fn sha512(&self) -> &[u8; 64] {
        &self.sha512
    }

    /// Writes the whole, for signers that hash themselves.
    ///
    /// # Errors
    /// What the file or the receiver says; a file that is shorter than said.
    pub fn write_to(&self, to: &mut dyn Write) -> io::Result<()> {
        if let Some((file, len)) = self.prefix
            && io::copy(&mut File::open(file)?.take(len), to)? != len
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(self.rest)
    }
}

/// Someone who can sign. A signer may block for as long as a person takes to touch a key.
pub trait Signer: Send + Sync {
    /// The principal, as in `allowed_signers`.
    fn principal(&self) -> &str;

    /// The public key.
    fn public_key(&self) -> &PublicKey;

    /// An armoured signature with LF line ends, as `ssh-keygen -Y sign -n NAMESPACE` prints it.
    ///
    /// # Errors
    /// Why there is none.
    fn sign(&self, namespace: &str, message: &Message<'_>) -> Result<String, SignError>;
}

/// Name of the signature file of entry `n`: `000014.alice@example.com.sig`.
pub fn signature_file(n: u64, principal: &str) -> String {
    format!("{n:06}.{principal}.sig")
}

/// The armour around a raw signature that was made over [`signed_data`].
pub(super) fn armour(key: &KeyData, namespace: &str, signature: Signature) -> Result<String, SignError> {
    SshSig::new(key.clone(), namespace, HashAlg::Sha512, signature)
        .and_then(|sig| sig.to_pem(LineEnding::LF))
        .map(whole_line)
        .map_err(|error| SignError::Invalid(error.to_string()))
}

fn whole_line(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The bytes that a key really signs for a message with that hash.
pub(super) fn signed_data(namespace: &str, message: &Message<'_>) -> Result<Vec<u8>, SignError> {
    SshSig::signed_data_for_prehash(namespace, HashAlg::Sha512, message.sha512())
        .map_err(|error| SignError::Invalid(error.to_string()))
}

/// Largest signature file in bytes: an RSA key of 16384 bits makes less than 7 KiB.
pub(crate) const LARGEST_SIGNATURE: u64 = 64 * 1024;

/// A signature that fits its message. Says nothing yet about whether its key is trusted.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// The key that made it; a certificate's own key for a certificate.
    pub key: PublicKey,
    /// True if the signature names a certificate, which an `allowed_signers` line for a key does not cover.
    pub certificate: bool,
    /// For a key on a device: was it touched?
    pub touched: Option<bool>,
}

/// Checks an armoured signature of a message with that SHA-512, as strictly as stock `ssh-keygen` and then some: the
/// namespace, SHA-512, nothing reserved, and the very text that `ssh-keygen` would write.
pub(crate) fn check(text: &[u8], namespace: &str, sha512: &[u8; 64]) -> Result<Checked, String> {
    let sig = SshSig::from_pem(text).map_err(|error| format!("not an SSH signature: {error}"))?;
    let again = sig.to_pem(LineEnding::LF).map(whole_line).map_err(|error| error.to_string())?;
    if again.as_bytes() != text {
        return Err("not written as ssh-keygen writes it".to_owned());
    }
    if sig.version() != SshSig::VERSION || !sig.reserved().is_empty() || sig.hash_alg() != HashAlg::Sha512 {
        return Err("not an SSHSIG of version 1 over SHA-512".to_owned());
    }
    if sig.namespace() != namespace {
        let other: String = sig.namespace().escape_debug().take(60).collect();
        return Err(format!("signed under `{other}`, not under `{namespace}`"));
    }
    let certificate = sig.public_key().certificate();
    let key = certificate.map_or_else(|| sig.public_key().clone(), |certificate| certificate.public_key().clone());
    let plain = SshSig::new(key.clone(), namespace, HashAlg::Sha512, sig.signature().clone())
        .map_err(|error| error.to_string())?;
    let key = PublicKey::from(key);
    key.verify_prehash(namespace, sha512, &plain)
        .map_err(|_| "it does not fit what it stands for: the text or the signature was changed".to_owned())?;
    let on_device = key.key_data().is_sk_ed25519() || key.key_data().is_sk_ecdsa_p256();
    // The flags byte stands before the four of the counter (PROTOCOL.u2f); bit 0 is user presence.
    let touched = on_device.then(|| {
        let bytes = sig.signature_bytes();
        bytes.len().checked_sub(5).and_then(|at| bytes.get(at)).is_some_and(|flags| flags & 1 == 1)
    });
    Ok(Checked { certificate: certificate.is_some(), key, touched })
}

#[cfg(test)]
mod tests;
