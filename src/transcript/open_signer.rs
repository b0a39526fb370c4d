//! Which way to sign with the key that the operator configured.

use std::path::Path;

use secrecy::SecretString;
use ssh_key::{Algorithm, PublicKey};

use super::agent::Agent;
use super::key_file::KeyFile;
use super::sign::{SignError, Signer};
use super::ssh_keygen::{SshKeygen, public_half};

/// Opens the key at `key`, a private key's file or a public key's whose private half is in the agent.
///
/// In this order: the file itself; an encrypted file with its passphrase, or through the agent at `agent`
/// (`SSH_AUTH_SOCK`) where that holds it; a key on a device through the agent, or through `ssh-keygen`.
///
/// # Errors
/// [`SignError::NeedsPassphrase`] where a passphrase would do; else why the key can't sign.
pub fn open_signer(
    key: &Path,
    principal: &str,
    agent: Option<&Path>,
    passphrase: Option<&SecretString>,
) -> Result<Box<dyn Signer>, SignError> {
    match KeyFile::open(key, principal) {
        Ok(signer) => return Ok(Box::new(signer)),
        Err(SignError::NeedsPassphrase(path)) => {
            if let Some(passphrase) = passphrase {
                return Ok(Box::new(KeyFile::open_encrypted(key, principal, passphrase)?));
            }
            let signer = public_half(key).ok().and_then(|public| through_agent(agent, public, principal));
            return signer.ok_or(SignError::NeedsPassphrase(path));
        }
        Err(error @ SignError::Principal(_)) => return Err(error),
        // A public key's file, or a private key's that can't sign in this process.
        Err(error) if public_half(key).is_err() => return Err(error),
        Err(_) => {}
    }
    let by_program = SshKeygen::open(key, principal)?;
    match through_agent(agent, by_program.public_key().clone(), principal) {
        Some(signer) => Ok(signer),
        None => Ok(Box::new(by_program)),
    }
}

fn through_agent(agent: Option<&Path>, public: PublicKey, principal: &str) -> Option<Box<dyn Signer>> {
    // The agent's crate garbles signatures of such keys; ssh-keygen talks to the agent itself.
    if matches!(public.algorithm(), Algorithm::SkEcdsaSha2NistP256) || public.key_data().is_certificate() {
        return None;
    }
    Agent::open(agent?, public, principal).ok().map(|signer| Box::new(signer) as Box<dyn Signer>)
}
