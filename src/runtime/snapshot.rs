//! What the interfaces see of a run: the folded state and what the engine makes of it, as of one moment.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use crate::engine::book::Book;
use crate::engine::call::Rendered;
use crate::engine::doubt::Finding;
use crate::engine::entry::{Entry, Place, Stamp};
use crate::engine::focus::Focus;
use crate::engine::state::State;

/// The entries so far, read by number.
pub type Log = Arc<RwLock<Vec<Entry>>>;

/// An answer that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// Of which call.
    pub place: Place,
    /// True for a sent call, false for a read.
    pub sent: bool,
    /// Asked at.
    pub since: Stamp,
    /// Answered at the latest.
    pub by: Stamp,
}

/// The last checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// Its entry.
    pub n: u64,
    /// When.
    pub at: Stamp,
    /// By whom.
    pub by: String,
}

/// A run as of one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Runbook and connectors.
    pub book: Arc<Book>,
    /// The fold.
    pub state: State,
    /// Where it stands.
    pub focus: Focus,
    /// The action that waits for a confirmation.
    pub rendered: Option<Result<Rendered, String>>,
    /// What the reads of a call in doubt say.
    pub finding: Option<Finding>,
    /// A confirmation waits for its gates.
    pub confirming: bool,
    /// Effects are out.
    pub busy: bool,
    /// Answers that are due.
    pub due: Vec<Due>,
    /// Why something was not taken.
    pub notice: Option<String>,
    /// When something is due next without anybody's doing.
    pub wakeup: Option<Stamp>,
    /// As of.
    pub now: Stamp,
    /// The run's folder.
    pub folder: PathBuf,
    /// SHA-256 of the last line.
    pub head: String,
    /// The last checkpoint.
    pub signed: Option<Signed>,
    /// Every entry.
    pub log: Log,
}
