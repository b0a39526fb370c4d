//! What a run is read against: its runbook and the connectors of its holders. Fixed for the life of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::runbook::connector::{Connector, ReadBack};
use crate::runbook::op::Op;
use crate::runbook::template::Node;
use crate::runbook::{EffectKind, InputType, Runbook, Step};

/// A runbook and its connectors.
#[derive(Clone, Debug)]
pub struct Book {
    /// The runbook.
    pub runbook: Runbook,
    /// By holder kind.
    pub connectors: BTreeMap<String, Connector>,
}

/// How a row's samples are taken, and when they decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Before the first one.
    pub settle: Duration,
    /// `None`: the first sample decides.
    pub within: Option<Duration>,
    /// Between two.
    pub every: Duration,
    /// Passes in a row.
    pub consecutive: u32,
}

impl Book {
    /// Every name that the runbook puts into a holder: what is read back from one.
    pub fn value_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for step in &self.runbook.steps {
            if let Some(Node::Map(values)) = step.run.param("values") {
                names.extend(values.iter().map(|(name, _)| name.clone()));
            }
        }
        names
    }

    /// The connector of a holder.
    pub fn connector(&self, holder: &Value) -> Option<&Connector> {
        self.connectors.get(holder.get("kind")?.as_str()?)
    }

    /// Every holder among the inputs: a secret could be held there.
    pub fn holders<'v>(&self, values: &'v serde_json::Map<String, Value>) -> Vec<&'v Value> {
        let mut holders = Vec::new();
        for input in &self.runbook.inputs {
            match (&input.kind, values.get(&input.name)) {
                (InputType::Holder, Some(value @ Value::Object(_))) => holders.push(value),
                (InputType::Holders, Some(Value::Array(list))) => holders.extend(list),
                _ => {}
            }
        }
        holders
    }

    /// True if rows of the step go one after another and stop at the first that fails.
    pub fn one_by_one(step: &Step) -> bool {
        step.effect != EffectKind::Read
    }

    /// How the step's samples are taken in the row that has this holder (or other value).
    pub fn sampling(&self, step: &Step, row: &Value) -> Sampling {
        if step.expect.is_empty() {
            let (within, every, consecutive) = match step.run.op {
                Op::HolderPut => {
                    let back = self.connector(row).map_or_else(default_read_back, |c| c.read_back.clone());
                    (Some(back.within), back.every, back.consecutive)
                }
                Op::IamCreateAccessKey | Op::IamUpdateAccessKey | Op::IamDeleteAccessKey => {
                    // A List after a Create may lie for a while; five in a row is what others settled on.
                    (Some(Duration::from_secs(60)), Duration::from_secs(2), 5)
                }
                Op::IamCreateUser | Op::IamDeleteUser => (Some(Duration::from_secs(60)), Duration::from_secs(2), 3),
                _ => (None, Duration::from_secs(2), 1),
            };
            return Sampling { settle: step.settle, within, every, consecutive };
        }
        let binding = step.expect.iter().filter(|expectation| !expectation.advisory);
        let within = step.expect.iter().filter_map(|expectation| expectation.within).max();
        let every = step.expect.iter().filter(|e| e.within.is_some()).map(|e| e.every).min();
        let consecutive = binding.map(|expectation| expectation.consecutive).max().unwrap_or(1);
        Sampling { settle: step.settle, within, every: every.unwrap_or(Duration::from_secs(2)), consecutive }
    }
}

fn default_read_back() -> ReadBack {
    ReadBack { within: Duration::from_secs(30), every: Duration::from_secs(2), consecutive: 3 }
}
