//! Signing with a key that an SSH agent holds: it may ask for a touch or a PIN, or say no.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ssh_agent_client_rs::{Client, Error as AgentError, Identity};
use ssh_key::{Algorithm, PublicKey, Signature};

use super::principal::is_principal;
use super::sign::{self, Message, SignError, Signer, armour, signed_data};

/// How long an agent may take unless told otherwise: a person has to find and touch a key.
const PATIENCE: Duration = Duration::from_secs(90);

/// A key in an agent.
#[derive(Clone, Debug)]
pub struct Agent {
    principal: String,
    socket: PathBuf,
    key: PublicKey,
    patience: Duration,
}

impl Agent {
    /// The agent at `socket` (`SSH_AUTH_SOCK`) with that key, which it must hold now.
    ///
    /// # Errors
    /// [`SignError::NoAgent`], [`SignError::NotInAgent`], [`SignError::Principal`].
    pub fn open(socket: &Path, key: PublicKey, principal: &str) -> Result<Self, SignError> {
        if !is_principal(principal) {
            return Err(SignError::Principal(principal.to_owned()));
        }
        let agent = Self { principal: principal.to_owned(), socket: socket.to_owned(), key, patience: PATIENCE };
        agent.identity(&mut agent.connect()?)?;
        Ok(agent)
    }

    /// How long to wait for a signature.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The keys that an agent holds, certificates left out.
    ///
    /// # Errors
    /// [`SignError::NoAgent`].
    pub fn keys(socket: &Path) -> Result<Vec<PublicKey>, SignError> {
        let identities = connect(socket, PATIENCE)?.list_all_identities().map_err(unreachable_agent)?;
        // The agent's crate has types of another version of ssh-key, so keys go over as bytes.
        Ok(identities.iter().filter_map(|identity| PublicKey::from_bytes(&plain_bytes(identity)?).ok()).collect())
    }

    fn connect(&self) -> Result<Client, SignError> {
        connect(&self.socket, self.patience)
    }

    fn identity(&self, client: &mut Client) -> Result<Identity<'static>, SignError> {
        let wanted = self.key.to_bytes().map_err(|error| SignError::Invalid(error.to_string()))?;
        client
            .list_all_identities()
            .map_err(unreachable_agent)?
            .into_iter()
            .find(|identity| plain_bytes(identity).is_some_and(|bytes| bytes == wanted))
            .ok_or_else(|| SignError::NotInAgent(self.key.fingerprint(ssh_key::HashAlg::Sha256).to_string()))
    }
}

fn connect(socket: &Path, patience: Duration) -> Result<Client, SignError> {
    #[cfg(unix)]
    {
        let stream = std::os::unix::net::UnixStream::connect(socket)
            .and_then(|stream| {
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                Ok(stream)
            })
            .map_err(|error| SignError::NoAgent(format!("{}: {error}", socket.display())))?;
        Ok(Client::with_read_write(Box::new(stream)))
    }
    #[cfg(not(unix))]
    {
        let _ = patience;
        Client::connect(socket).map_err(unreachable_agent)
    }
}

fn plain_bytes(identity: &Identity<'_>) -> Option<Vec<u8>> {
    match identity {
        Identity::PublicKey(key) => key.to_bytes().ok(),
        Identity::Certificate(_) => None,
    }
}

fn unreachable_agent(error: AgentError) -> SignError {
    SignError::NoAgent(match error {
        AgentError::AgentCommunicationError(error) => error.to_string(),
        other => other.to_string(),
    })
}

impl Signer for Agent {
    fn principal(&self) -> &str {
        &self.principal
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn sign(&self, namespace: &str, message: &Message<'_>) -> Result<String, SignError> {
        // Asked anew each time: an agent that was restarted, or lost its key, is then named as such.
        let mut client = self.connect()?;
        let identity = self.identity(&mut client)?;
        let made = client.sign_with_ref(&identity, &signed_data(namespace, message)?).map_err(|error| match error {
            AgentError::RemoteFailure => SignError::Refused("the agent said no".to_owned()),
            AgentError::AgentCommunicationError(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                SignError::Refused(format!("no answer from the agent within {} s", self.patience.as_secs()))
            }
            other => unreachable_agent(other),
        })?;
        let algorithm = Algorithm::new(made.algorithm().as_str()).map_err(|e| SignError::Invalid(e.to_string()))?;
        let signature = Signature::new(algorithm, made.as_bytes()).map_err(|e| SignError::Invalid(e.to_string()))?;
        let text = armour(self.key.key_data(), namespace, signature)?;
        // The older types are known to garble some signatures of keys on devices; one that does not fit is no signature.
        sign::check(text.as_bytes(), namespace, message.sha512()).map_err(SignError::Invalid)?;
        Ok(text)
    }
}
