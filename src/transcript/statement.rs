//! Detached statements of other people: one line of JSON, signed over its own bytes, its LF included.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::folder::{APPROVALS, create_folder, read_up_to, write_new};
use super::sign::{APPROVER, KEEPER, Message, Signer};
use crate::engine::call::sha256_hex;
use crate::engine::entry::Stamp;

/// What a statement states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// The action may be run.
    Approval,
    /// The gate may be broken.
    Override,
    /// The run was seen as it stands.
    Cosign,
}

impl StatementKind {
    /// The namespace that it is signed under.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Approval | Self::Override => APPROVER,
            Self::Cosign => KEEPER,
        }
    }
}

/// A statement. The order of the fields is the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What it states.
    #[serde(rename = "type")]
    pub kind: StatementKind,
    /// The run.
    pub run: String,
    /// Number of the last entry that was seen.
    pub head_n: u64,
    /// Lower-case hex SHA-256 of that entry's line.
    pub head: String,
    /// The action in full, as a confirmation carries it; empty for a co-signature.
    pub action: String,
    /// Lower-case hex SHA-256 of `action`; empty for a co-signature.
    pub digest: String,
    /// The attempt; 0 for a co-signature.
    pub attempt: u32,
    /// The gates and deviations that were shown, as sentences.
    pub seen: Vec<String>,
    /// Not valid from then on.
    pub expires: Stamp,
    /// The principal who states it.
    pub by: String,
}

impl Statement {
    /// Its line, LF included: the bytes that are signed.
    pub fn line(&self) -> String {
        // Strings, numbers and lists alone: nothing here can fail to be written.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Its id: lower-case hex SHA-256 of its line.
    pub fn id(&self) -> String {
        sha256_hex(self.line().as_bytes())
    }

    /// Reads a line as strictly as an entry is read: it must be what [`Statement::line`] writes.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(line: &str) -> Result<Self, String> {
        let statement: Self = serde_json::from_str(line).map_err(|error| format!("not a statement: {error}"))?;
        if statement.line() != line {
            return Err("not written as keyward writes a statement".to_owned());
        }
        if statement.action.is_empty() != statement.digest.is_empty()
            || (!statement.action.is_empty() && sha256_hex(statement.action.as_bytes()) != statement.digest)
        {
            return Err("its digest is not that of its action".to_owned());
        }
        Ok(statement)
    }

    /// Signs it and puts both files into the run's `approvals/`; gives (id, line, signature).
    ///
    /// # Errors
    /// No signature; what the file system says. A statement that is already there is an error too.
    pub fn sign_into(&self, folder: &Path, signer: &dyn Signer) -> Result<(String, String, String), Error> {
        let (id, line) = (self.id(), self.line());
        let signature = signer.sign(self.kind.namespace(), &Message::of(line.as_bytes()))?;
        let approvals = folder.join(APPROVALS);
        create_folder(&approvals)?;
        // The signature first: whoever finds the statement finds it signed.
        write_new(&approvals.join(format!("{id}.sig")), signature.as_bytes())?;
        write_new(&approvals.join(format!("{id}.json")), line.as_bytes())?;
        Ok((id, line, signature))
    }

    /// Every statement that lies in the run's `approvals/`, as (id, line, signature), whether good or not.
    ///
    /// # Errors
    /// What the file system says.
    pub fn lying_in(folder: &Path) -> Result<Vec<(String, String, String)>, Error> {
        let approvals = folder.join(APPROVALS);
        let read = |name: String| {
            let path = approvals.join(name);
            read_up_to(&path, 256 * 1024)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .map_err(Error::io("read", &path))
        };
        let mut all = Vec::new();
        for name in super::folder::file_names(&approvals)? {
            if let Some(id) = name.strip_suffix(".json") {
                let signature = read(format!("{id}.sig")).unwrap_or_default();
                all.push((id.to_owned(), read(name.clone())?, signature));
            }
        }
        Ok(all)
    }
}
