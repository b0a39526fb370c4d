//! A run as the fold of its entries: the only state there is.
//!
//! `apply` believes what it is given; whether an entry was allowed is [`super::admit`]'s question, asked before.

mod apply;
mod derived;
pub(super) mod row;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::book::Book;
use super::entry::{Body, Deviation, EndStatus, Entry, Opened, Place, Stamp};

use derived::Derived;
pub use row::{CallState, Confirmation, GateReading, RowState, Sample, StepState};

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Going forward.
    Forward,
    /// Going back.
    Back,
    /// Given up, not yet sealed.
    Aborted,
    /// Over.
    Sealed(EndStatus),
}

/// A run, folded.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Entry 0.
    pub opened: Opened,
    /// Number of entries.
    pub entries: u64,
    /// Time of the last entry.
    pub at: Stamp,
    /// Time of entry 0.
    pub opened_at: Stamp,
    /// Forward, back, over.
    pub phase: Phase,
    /// Suspended since.
    pub suspended: Option<Stamp>,
    /// Who operates now.
    pub operator: String,
    /// The operator's ARN now.
    pub caller: String,
    /// To whom it was handed over.
    pub handed_to: Option<String>,
    /// Inputs and captures by name.
    pub values: Map<String, Value>,
    /// By index in the runbook.
    pub steps: Vec<StepState>,
    /// The acts of the way back, as pseudo-steps by id, once it has begun.
    pub back: BTreeMap<String, StepState>,
    /// The confirmation of the way back, and its attempt.
    pub back_confirmed: Option<Confirmation>,
    /// Attempts of the way back so far.
    pub back_attempt: u32,
    /// Why it was begun.
    pub back_reason: Option<String>,
    /// Embedded approvals: id and statement.
    pub approvals: Vec<(String, Value)>,
    /// Deviations so far.
    pub deviations: Vec<Deviation>,
    /// Entry and time of the last resumption: readings before it do not count for a confirmation.
    pub resumed_n: u64,
    /// When that was.
    pub resumed_at: Option<Stamp>,
    /// Answers that were worked out already.
    pub(super) derived: Derived,
}

impl State {
    /// The state after entry 0; `None` if it is none.
    pub fn open(book: &Book, entry: &Entry) -> Option<Self> {
        let Body::Opened(opened) = &entry.body else { return None };
        Some(Self {
            entries: 1,
            at: entry.at,
            opened_at: entry.at,
            phase: Phase::Forward,
            suspended: None,
            operator: opened.operator.clone(),
            caller: opened.caller.clone(),
            handed_to: None,
            values: opened.inputs.clone(),
            steps: vec![StepState::default(); book.runbook.steps.len()],
            back: BTreeMap::new(),
            back_confirmed: None,
            back_attempt: 0,
            back_reason: None,
            approvals: Vec::new(),
            deviations: Vec::new(),
            resumed_n: 0,
            resumed_at: None,
            derived: Derived::default(),
            opened: (**opened).clone(),
        })
    }

    /// The step of that id, also one of the way back.
    pub fn step(&self, book: &Book, id: &str) -> Option<&StepState> {
        match book.runbook.position(id) {
            Some(index) => self.steps.get(index),
            None => self.back.get(id),
        }
    }

    fn step_mut(&mut self, book: &Book, id: &str) -> Option<&mut StepState> {
        match book.runbook.position(id) {
            Some(index) => self.steps.get_mut(index),
            None => self.back.get_mut(id),
        }
    }

    fn row_mut(&mut self, book: &Book, place: &Place) -> Option<&mut RowState> {
        self.step_mut(book, &place.step)?.row_mut(&place.row)
    }
}
