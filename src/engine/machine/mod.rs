//! Inputs to entries, and the effects that the state asks for.
//!
//! The engine holds no state of the run beside the fold. What it remembers besides is about this process only: which
//! effects are out, which confirmation waits for its gates, when a read is due again.

mod answer;
mod decide;
mod due;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::book::Book;
use super::decision::Input;
use super::effect::{Effect, Purpose};
use super::entry::{Answer, Body, EndStatus, Entry, Place, Reading, Stamp};
use super::focus::{Focus, focus};
use super::render::Renderer;
use super::state::{Phase, State};
use super::{admit, expect, rollback};

/// Why an input is refused: a sentence for the operator. Nothing was changed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Refusal(pub String);

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// A confirmation that waits until every gate of its step was read again.
#[derive(Clone, Debug)]
struct Pending {
    step: String,
    digest: String,
    answer: Answer,
    /// Gate readings count from this entry on.
    since: u64,
}

/// What was wanted last, and of which state.
#[derive(Clone, Debug)]
struct Memo {
    /// Entries, the confirmation that waits, reads of doubts that were asked for.
    key: (u64, Option<u64>, usize),
    wanted: Vec<(Stamp, Effect)>,
}

/// The state machine of one run.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) book: Arc<Book>,
    pub(super) state: State,
    /// Effects that are out.
    flying: BTreeSet<(Place, Option<Purpose>)>,
    /// Calls whose `started` this process wrote and that are still to be handed out.
    to_send: BTreeSet<Place>,
    pending: Option<Pending>,
    /// Reads that gave nothing, and when they are due again.
    later: BTreeMap<(Place, Purpose), Stamp>,
    /// How many reads of a doubt a person asked for.
    asked: BTreeMap<Place, usize>,
    notice: Option<String>,
    memo: Option<Memo>,
}

/// Before a look or a gate that gave no answer is read again.
const AGAIN: Duration = Duration::from_secs(10);

impl Engine {
    /// The engine of a run that was opened by this entry; `None` if that is none.
    pub fn open(book: Arc<Book>, entry: &Entry) -> Option<Self> {
        let state = State::open(&book, entry)?;
        Some(Self {
            book,
            state,
            flying: BTreeSet::new(),
            to_send: BTreeSet::new(),
            pending: None,
            later: BTreeMap::new(),
            asked: BTreeMap::new(),
            notice: None,
            memo: None,
        })
    }

    /// The run so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What it is read against.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Why the last confirmation was not taken, until the next input.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// True while an answer is due.
    pub fn under_way(&self) -> bool {
        self.flying.iter().any(|(_, purpose)| purpose.is_none()) || !self.to_send.is_empty()
    }

    /// True while any effect is out.
    pub fn busy(&self) -> bool {
        !self.flying.is_empty() || !self.to_send.is_empty() || self.pending.is_some()
    }

    /// True while a confirmation waits for its gates.
    pub fn confirming(&self) -> bool {
        self.pending.is_some()
    }

    /// Would this entry be allowed now? The same question that `verify` asks.
    pub fn admit(&self, entry: &Entry) -> Result<(), String> {
        admit::admit(&self.book, &self.state, entry)
    }

    /// Folds in an entry that is on disk.
    pub fn apply(&mut self, entry: &Entry) {
        self.state.apply(&self.book, entry);
        if let Body::Resumed { .. } | Body::TookOver { .. } = entry.body {
            self.pending = None;
            self.later.clear();
        }
        // A confirmation waits only as long as its step does.
        let waits = self
            .pending
            .as_ref()
            .is_none_or(|pending| matches!(self.focus(), Focus::Confirm { step } if step == pending.step));
        if !waits {
            self.pending = None;
        }
    }

    /// A `started` of this process is on disk: its call may be handed out now.
    pub fn started_here(&mut self, entry: &Entry) {
        if let Body::Started { place, .. } = &entry.body {
            self.to_send.insert(place.clone());
        }
    }

    /// Where the run stands.
    pub fn focus(&self) -> Focus {
        focus(&self.book, &self.state)
    }

    /// Takes an input: the entries that it makes, to be appended in order before anything else is asked.
    pub fn handle(&mut self, now: Stamp, input: Input) -> Result<Vec<Body>, Refusal> {
        match input {
            Input::Timer => Ok(Vec::new()),
            Input::Answer { place, purpose, outcome } => {
                if !self.flying.remove(&(place.clone(), purpose.clone())) {
                    return Ok(Vec::new());
                }
                let read = purpose.is_some();
                let bodies = self.answer(now, place, purpose, outcome);
                // A read that comes back when the run has moved on says nothing any more.
                let late =
                    read && bodies.first().is_some_and(|body| self.admit(&self.draft(body.clone(), now)).is_err());
                Ok(if late { Vec::new() } else { bodies })
            }
            Input::Back { by, caller, host, version, binary } => {
                if let Phase::Sealed(_) = self.state.phase {
                    return refuse("The run is sealed. There is nothing to go on with.");
                }
                if by == self.state.operator && self.state.handed_to.is_none() {
                    Ok(vec![Body::Resumed { caller, host, version, binary }])
                } else {
                    let from = self.state.operator.clone();
                    Ok(vec![Body::TookOver { from, caller, host, version, binary }])
                }
            }
            Input::Decision(decision) => {
                self.notice = None;
                if let Phase::Sealed(_) = self.state.phase {
                    return refuse("The run is sealed. Nothing can be added to it.");
                }
                if self.state.suspended.is_some() {
                    return refuse(match &self.state.handed_to {
                        Some(to) => format!("The run was handed over to {to}. Take it over first."),
                        None => "The run is suspended. Resume it first.".to_owned(),
                    });
                }
                self.decide(now, decision)
            }
        }
    }

    /// The action of the step in focus, as it is to be confirmed.
    pub fn rendered(&self) -> Option<Result<super::call::Rendered, String>> {
        match self.focus() {
            Focus::Confirm { step } => {
                let step = self.book.runbook.step(&step)?;
                let renderer = Renderer { book: &self.book, state: &self.state };
                Some(renderer.step(step).map_err(|why| why.to_string()))
            }
            Focus::ConfirmBack => Some(Ok(rollback::rendered(&self.book, &self.state, self.state.back_attempt))),
            _ => None,
        }
    }

    /// How one reading of a row was judged, expectation by expectation: for the screen and the report.
    pub fn judgements(&self, place: &Place, result: &Value) -> Vec<expect::Judgement> {
        admit::judgements(&self.book, &self.state, place, result).1
    }

    /// How the run would end if it were sealed now; `None` if it can't be.
    pub fn end(&self) -> Option<EndStatus> {
        match self.state.phase {
            Phase::Sealed(status) => Some(status),
            _ => None,
        }
    }
}

/// The entry that opens an attempt of a step with these rows.
pub(super) fn rows_body(step: &str, attempt: u32, rows: Vec<Value>) -> Body {
    Body::Resolved {
        what: "rows".into(),
        name: step.to_owned(),
        row: String::new(),
        attempt,
        reading: Reading { result: Some(Value::Array(rows)), ..Reading::default() },
    }
}
