//! Signing with `ssh-keygen -Y sign`: for certificates, and for keys on devices whose files can't sign in this process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ssh_key::{Certificate, PublicKey};

use super::principal::is_principal;
use super::sign::{self, Message, SignError, Signer};

/// A key that `ssh-keygen` can use: a private key's file, or a public key's whose private half the agent holds.
#[derive(Clone, Debug)]
pub struct SshKeygen {
    principal: String,
    program: PathBuf,
    path: PathBuf,
    key: PublicKey,
}

impl SshKeygen {
    /// The key at `path`, whose public half is at `path` itself (a certificate among them) or beside it as `path.pub`.
    ///
    /// # Errors
    /// [`SignError::Key`] without a public half; [`SignError::Principal`].
    pub fn open(path: &Path, principal: &str) -> Result<Self, SignError> {
        if !is_principal(principal) {
            return Err(SignError::Principal(principal.to_owned()));
        }
        let key = public_half(path).map_err(|error| SignError::Key {
            path: path.to_owned(),
            why: format!("its public half can't be read: {error}"),
        })?;
        Ok(Self { principal: principal.to_owned(), program: "ssh-keygen".into(), path: path.to_owned(), key })
    }

    /// Another `ssh-keygen` than the one on PATH.
    pub fn program(mut self, program: &Path) -> Self {
        self.program = program.to_owned();
        self
    }
}

/// The public key at `path` or beside it as `path.pub`; of a certificate, the key that it is for.
pub(super) fn public_half(path: &Path) -> Result<PublicKey, ssh_key::Error> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    PublicKey::read_openssh_file(path)
        .or_else(|_| Certificate::read_file(path).map(|certificate| certificate.public_key().clone().into()))
        .or_else(|_| PublicKey::read_openssh_file(PathBuf::from(&beside)))
}

impl Signer for SshKeygen {
    fn principal(&self) -> &str {
        &self.principal
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn sign(&self, namespace: &str, message: &Message<'_>) -> Result<String, SignError> {
        let program = self.program.display();
        let mut child = Command::new(&self.program)
            .args(["-Y", "sign", "-q", "-n", namespace, "-f"])
            .arg(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| SignError::Refused(format!("{program} can't be started: {error}")))?;
        // Dropped at the end of the statement, which closes the pipe. A child that ends early breaks it; its own words
        // say more than the broken pipe does.
        let sent = child.stdin.take().map_or(Ok(()), |mut stdin| message.write_to(&mut stdin));
        let done = child.wait_with_output().map_err(|error| SignError::Refused(format!("{program}: {error}")))?;
        if !done.status.success() {
            let words: String = String::from_utf8_lossy(&done.stderr)
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(300)
                .collect();
            return Err(SignError::Refused(format!("{program} said: {}", words.trim())));
        }
        sent.map_err(|error| SignError::Refused(format!("{program} did not read it all: {error}")))?;
        let text = String::from_utf8(done.stdout).map_err(|error| SignError::Invalid(error.to_string()))?;
        let text = text.replace("\r\n", "\n");
        sign::check(text.as_bytes(), namespace, message.sha512()).map_err(SignError::Invalid)?;
        Ok(text)
    }
}
