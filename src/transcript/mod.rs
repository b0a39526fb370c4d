//! The bytes of a transcript: encoding, chain, signatures, verification, seal, blobs.
//!
//! What it is for: [`Writer`] makes a run's folder durable line by line; [`Entries`] reads one back; [`verify`] judges
//! one without trusting anything in it. Everything here is synchronous and streams, so that memory does not grow with
//! the transcript. It must not know the engine's rules: what may follow what is asked of a [`Replay`].
//!
//! On disk (all of it can be checked with `ssh-keygen`, `sha256sum`, `jq` and `head`):
//!
//! ```text
//! RUN/transcript.jsonl                       entries, one a line, LF
//!     signatures/000014.alice@example.com.sig  SSHSIG over the first 15 lines
//!     approvals/<id>.json, <id>.sig            detached statements of other people
//!     blobs/<sha256>                           what is too large for a line, salted
//!     sealed/<name>.age                        secrets that outlive the process; never exported
//!     runbook.yaml, connectors/<kind>.yaml, roster.json
//! ```

mod agent;
mod allowed_signers;
mod blobs;
mod chain;
mod error;
mod folder;
mod key_file;
mod line;
mod lock;
mod named;
mod open_signer;
mod principal;
mod reader;
mod roster;
mod seal;
mod sign;
mod signing_key;
mod ssh_keygen;
mod statement;
mod stock;
mod verify;
mod writer;

#[cfg(test)]
pub(crate) mod fixtures;

pub use agent::Agent;
pub use allowed_signers::{AllowedSigner, AllowedSigners, Refusal, Trust};
pub use blobs::Blobs;
pub use chain::Chain;
pub use error::Error;
pub use folder::{
    APPROVALS, BLOBS, CONNECTORS, ROSTER, RUNBOOK, SEALED, SIGNATURES, TRANSCRIPT, create_folder, evidence_files,
    sync_folder, write_new, write_over,
};
pub use key_file::KeyFile;
pub use line::{INLINE_RESULT, MAX_LINE, decode, encode};
pub use lock::{Holder, Lock};
pub use open_signer::open_signer;
pub use principal::{default_principal, host_name, is_principal};
pub use reader::{Entries, entries};
pub use roster::{Person, Roster};
pub use seal::{Sealer, Unsealer, destroy, destroy_all, sealed_names};
pub use sign::{APPROVER, KEEPER, Message, OPERATOR, SignError, Signer, signature_file};
pub use signing_key::{SigningKey, ensure_signing_key};
pub use ssh_keygen::SshKeygen;
pub use statement::{Statement, StatementKind};
pub use stock::{stock_check, stock_checks};
pub use verify::{Finding, FindingKind, Options, Registered, Replay, Report, SignatureReport, Status, verify};
pub use writer::{Pending, Recovery, Writer, held_by};
