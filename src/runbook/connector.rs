//! Connectors: data that teach keyward a kind of holder.
//!
//! A connector is a YAML file (`assets/connectors/KIND.yaml`, or beside a team's runbooks). Its templates see `holder`
//! (name and fields), `values` (what is put), `was` (what a write-only holder had), `held` (the last read), and for a
//! call that is repeated for each value `name` and `value`.

use std::time::Duration;

use super::model::{Action, Source};
use super::template::{Path, Template};

/// A kind of holder.
#[derive(Clone, Debug)]
pub struct Connector {
    /// The very bytes.
    pub source: Source,
    /// `connector:`, the kind.
    pub kind: String,
    /// What such a holder is called on screen.
    pub title: String,
    /// Fields that a holder of this kind has beside `name`, `kind` and `prove`.
    pub fields: Vec<Field>,
    /// What people or services notice when it is written, before Enter.
    pub affects: Option<String>,
    /// Reading gives no values (GitHub).
    pub write_only: bool,
    /// What is there now.
    pub read: Option<ConnectorRead>,
    /// Writes all values.
    pub put: Vec<ConnectorCall>,
    /// Makes its users take up what was put; sent after `put`.
    pub restart: Vec<ConnectorCall>,
    /// Its own check that it works with the secret.
    pub prove: Option<ConnectorProof>,
    /// How a put is read back.
    pub read_back: ReadBack,
}

/// A field of a holder.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// A sentence.
    pub help: Option<String>,
    /// May be left out.
    pub optional: bool,
}

/// One `http` or `command` of a connector.
#[derive(Clone, Debug)]
pub struct ConnectorCall {
    /// What is sent.
    pub run: Action,
    /// Once for each of `values`.
    pub for_each_value: bool,
    /// Asked again until this template over `result` is true (a started job that has to end).
    pub until: Option<Until>,
}

/// Asking again.
#[derive(Clone, Debug)]
pub struct Until {
    /// Over `result`; a true value ends it.
    pub condition: Template,
    /// Between tries.
    pub every: Duration,
    /// At most so long; then the result is no answer.
    pub within: Duration,
}

/// How a holder is read.
#[derive(Clone, Debug)]
pub struct ConnectorRead {
    /// In order; templates of later ones and of the extraction see `result` (one call) or `results[n]`.
    pub calls: Vec<ConnectorCall>,
    /// Where the values are.
    pub values: Option<ValuesAt>,
    /// The version, a template over `result`.
    pub version: Option<Template>,
    /// Public facts that `put` needs (`held.facts.NAME`), templates over `result`.
    pub facts: Vec<(String, Template)>,
}

/// Where the values stand in an answer. Only names that the run puts or compares are taken.
#[derive(Clone, Debug, PartialEq)]
pub enum ValuesAt {
    /// An object: name to value.
    Map(Path),
    /// A list of objects with a name and a value member.
    List {
        /// The list.
        list: Path,
        /// The member that is the name.
        name: String,
        /// The member that is the value.
        value: String,
    },
    /// Lines `NAME=value`, single or double quotes around a value taken off.
    Lines(Path),
}

/// A holder's proof.
#[derive(Clone, Debug)]
pub struct ConnectorProof {
    /// In order.
    pub calls: Vec<ConnectorCall>,
    /// A template over `result` (the last call's): true, false or null.
    pub works: Template,
    /// Texts of the result that are searched for error codes.
    pub denied_in: Vec<Path>,
    /// The codes.
    pub denied_codes: Vec<String>,
    /// Text and regular expression (group 1, else the whole) that give the key id in use.
    pub key_id: Option<(Path, String)>,
}

/// How a put is read back.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadBack {
    /// Until when it may take.
    pub within: Duration,
    /// Between samples.
    pub every: Duration,
    /// Passes in a row.
    pub consecutive: u32,
}
