//! A snapshot with its clock, and the questions that every page asks of it.

use serde_json::Value;

use super::clock::Clock;
use crate::engine::admit;
use crate::engine::book::Book;
use crate::engine::entry::{Body, Entry, EnvironmentKind};
use crate::engine::rollback::{self, Plan};
use crate::engine::scope;
use crate::engine::state::{RowState, State, StepState};
use crate::runbook::template::Scope;
use crate::runbook::{EffectKind, Step};
use crate::runtime::snapshot::Snapshot;
use crate::store::short_of;
use crate::view::{Banner, Footer, Mode, Text};

/// What a run's pages need to know that is not in the run.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Principals who may take the run over.
    pub people: Vec<String>,
    /// How many runs the register has, if it was read.
    pub runs: Option<u64>,
    /// The home folder, for which `~` stands on screen.
    pub home: Option<String>,
}

/// A run, looked at.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub now: &'a Snapshot,
    pub around: &'a Around,
    pub clock: Clock,
}

impl<'a> Look<'a> {
    pub fn new(now: &'a Snapshot, around: &'a Around) -> Self {
        Self { now, around, clock: Clock::at(now.now) }
    }

    pub fn book(&self) -> &'a Book {
        &self.now.book
    }

    pub fn state(&self) -> &'a State {
        &self.now.state
    }

    pub fn mode(&self) -> Mode {
        match self.state().opened.environment.kind {
            EnvironmentKind::Account => Mode::Real,
            EnvironmentKind::Sandbox | EnvironmentKind::Rehearsal => Mode::Drill,
        }
    }

    /// `CHANGES AWS · DRILL`.
    pub fn tag(&self, words: &str) -> Text {
        Text::marked(&format!("{words} · {}", self.mode().word()))
    }

    pub fn step(&self, id: &str) -> Option<&'a Step> {
        self.book().runbook.step(id)
    }

    pub fn folded(&self, id: &str) -> Option<&'a StepState> {
        self.state().step(self.book(), id)
    }

    /// The rows of the open attempt.
    pub fn open_rows(&self, id: &str) -> Vec<&'a RowState> {
        let Some(folded) = self.folded(id) else { return Vec::new() };
        folded.rows.iter().filter(|row| row.attempt == folded.attempt).collect()
    }

    pub fn scope(&self, step: &Step, row: Option<&RowState>) -> Scope {
        scope::scope(self.state(), self.book(), Some(step), row)
    }

    /// The last four of the run's id: what `keyward resume` takes.
    pub fn short(&self) -> &'a str {
        short_of(&self.state().opened.run)
    }

    pub fn user(&self) -> &'a str {
        self.state().values.get("target_user").and_then(Value::as_str).unwrap_or("")
    }

    /// The way back from here.
    pub fn plan(&self) -> &'a Plan {
        rollback::planned(self.book(), self.state())
    }

    /// Would the engine write this now? Else its sentence.
    pub fn allowed(&self, body: Body) -> Result<(), String> {
        let state = self.state();
        let at = self.now.now.max(state.at);
        let by = state.operator.clone();
        let entry = Entry { n: state.entries, prev: String::new(), at, by, body, wall: None, sigs: None };
        admit::admit(self.book(), state, &entry)
    }

    /// A sent call whose answer is not in.
    pub fn sent(&self) -> Option<&'a crate::runtime::snapshot::Due> {
        self.now.due.iter().find(|due| due.sent)
    }

    /// Something was sent that may have acted.
    pub fn changed(&self) -> bool {
        let steps = self.book().runbook.steps.iter().zip(&self.state().steps);
        let changing = steps.filter(|(step, _)| step.effect != EffectKind::Read);
        changing.flat_map(|(_, folded)| &folded.rows).any(rollback::acted)
    }

    pub fn banner(&self) -> Banner {
        let environment = &self.state().opened.environment;
        Banner {
            mode: self.mode(),
            environment: environment.name.clone(),
            account: environment.account.clone(),
            user: self.user().to_owned(),
            title: self.book().runbook.title.clone(),
            right: Text::new(),
            now: self.clock.moment(self.now.now),
        }
    }

    pub fn footer(&self) -> Footer {
        let left = match &self.now.signed {
            Some(signed) => Text::marked("signed ◆ ").say(&format!("{} {}", signed.by, self.clock.time(signed.at))),
            None => "not signed yet".into(),
        };
        let head = super::exact::digits(&self.now.head);
        let entries = self.state().entries;
        let s = if entries == 1 { "entry" } else { "entries" };
        Footer { left, right: format!("{entries} {s} · head {head}").into() }
    }
}

/// The SOP's own number of a step, or its id.
pub(super) fn number(step: &Step) -> &str {
    step.sop.as_deref().unwrap_or(&step.id)
}

/// `2  Create the new key`.
pub(super) fn title(step: &Step) -> Text {
    Text::from(format!("{}  {}", number(step), step.title))
}

/// A row as people call it: its name, or the step's own words where it has none.
pub(super) fn row_name<'r>(row: &'r RowState, otherwise: &'r str) -> &'r str {
    if row.key.is_empty() { otherwise } else { &row.key }
}
