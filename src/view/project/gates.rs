//! The gates of a step, in words.

use super::look::{Look, number};
use crate::engine::entry::{Stamp, Verdict};
use crate::engine::gate::{self, GateRef};
use crate::engine::state::GateReading;
use crate::runbook::{Step, duration};
use crate::view::{Status, Text};

/// A gate as it stands.
pub(super) struct Standing<'a> {
    pub index: u32,
    pub row: &'a str,
    pub reading: Option<&'a GateReading>,
    pub broken: Option<&'a str>,
    /// What guards a delete itself.
    pub own: bool,
}

impl Standing<'_> {
    pub fn holds(&self) -> bool {
        self.broken.is_some() || self.reading.is_some_and(|reading| reading.verdict == Verdict::Pass)
    }

    /// When it can next hold, where that is still to come.
    pub fn opens(&self, look: &Look<'_>) -> Option<Stamp> {
        let reading = self.reading.filter(|_| !self.holds())?;
        gate::opens_at(&reading.evidence).filter(|at| *at > look.now.now)
    }

    pub fn words(&self) -> String {
        let said = self.reading.and_then(|reading| reading.evidence.get("words")?.as_str()).unwrap_or("not read yet");
        match self.broken {
            Some(reason) => format!("{said}; broken by override: {reason}"),
            None => said.to_owned(),
        }
    }

    pub fn status(&self, look: &Look<'_>) -> Status {
        match self.reading.map(|reading| reading.verdict) {
            _ if self.broken.is_some() => Status::Deviation,
            Some(Verdict::Pass) => Status::Pass,
            _ if self.opens(look).is_some() => Status::Waits,
            Some(Verdict::Fail) => Status::Fail,
            Some(Verdict::Unknown) | None => Status::Unknown,
        }
    }

    pub fn line(&self, look: &Look<'_>) -> Text {
        let row = if self.row.is_empty() { String::new() } else { format!("{}: ", self.row) };
        Text::from(self.status(look)).say(&format!(" {row}{}", times(look, &self.words())))
    }
}

/// The engine's words as people here read them: times in the local zone, steps by the SOP's number, a day as 24 h.
pub(super) fn times(look: &Look<'_>, words: &str) -> String {
    let mut after_step = false;
    let mut told = Vec::new();
    for word in words.split(' ') {
        let bare = word.trim_end_matches([',', ';', ':', '.']);
        let rest = &word[bare.len()..];
        let step = look.step(bare).filter(|_| after_step);
        after_step = bare == "step";
        told.push(match (Stamp::parse(bare), step, duration::parse(bare)) {
            (Some(at), ..) => format!("{}{rest}", look.clock.time(at)),
            (_, Some(step), _) => format!("{}{rest}", number(step)),
            (_, _, Ok(time)) => format!("{}{rest}", super::steps::duration_words(time)),
            _ => word.to_owned(),
        });
    }
    told.join(" ")
}

/// Every gate of the open rows.
pub(super) fn standing<'a>(look: &Look<'a>, step: &'a Step) -> Vec<Standing<'a>> {
    let Some(folded) = look.folded(&step.id) else { return Vec::new() };
    let mut all = Vec::new();
    for row in look.open_rows(&step.id) {
        for (gate, index) in gate::gates(step).into_iter().zip(0..) {
            all.push(Standing {
                index,
                row: &row.key,
                reading: folded.gates.get(&(index, row.key.clone())),
                broken: folded.overridden.get(&index).map(String::as_str),
                own: matches!(gate, GateRef::Delete),
            });
        }
    }
    all
}

/// The gates that were read and do not hold; `None` if there is no such gate.
pub(super) fn closed<'a>(look: &Look<'a>, step: &'a Step) -> Option<Vec<Standing<'a>>> {
    let shut: Vec<Standing<'a>> =
        standing(look, step).into_iter().filter(|gate| gate.reading.is_some() && !gate.holds()).collect();
    (!shut.is_empty()).then_some(shut)
}

/// Some gate has not been read yet.
pub(super) fn unread(look: &Look<'_>, step: &Step) -> bool {
    standing(look, step).iter().any(|gate| gate.reading.is_none())
}

/// When all that is a matter of time is over; `None` if nothing waits for time.
pub(super) fn opens(look: &Look<'_>, step: &Step) -> Option<Stamp> {
    closed(look, step)?.iter().filter_map(|gate| gate.opens(look)).max()
}
