//! What stands beside the act on a wide terminal: the user's keys, the last samples, deviations.

use serde_json::Value;

use super::act::key_line;
use super::look::{Look, number};
use super::running;
use crate::engine::entry::{Body, Stamp};
use crate::view::{Row, Side, Status, Text};

/// Everything beside the act.
pub(super) fn side(look: &Look<'_>) -> Side {
    let mut side = Side { deviations: deviations(look), ..Side::default() };
    if let Some((at, keys)) = last_keys(look) {
        side.keys_tag = format!("read {}", look.clock.time(at)).into();
        side.keys = keys.iter().map(|key| Row::line(&key_line(look, key, false))).collect();
        side.keys.push(Row::line(match keys.len() {
            0 => "none",
            1 => "1 of 2: room for one more",
            _ => "2 of 2: no room for a third",
        }));
    }
    let steps = look.book().runbook.steps.iter().zip(&look.state().steps);
    let mut sampled = steps.filter(|(_, folded)| folded.rows.iter().any(|row| !row.samples.is_empty()));
    if let Some((step, folded)) = sampled.next_back()
        && let Some(row) = folded.rows.iter().rev().find(|row| !row.samples.is_empty())
    {
        let word = super::steps::row_status(row).word();
        side.samples_tag = format!("step {}, {word}", number(step)).into();
        side.samples = running::samples(look, &step.id, row);
    }
    side
}

/// `≠ 16 advisory  03:14:09  step 0: …`.
pub(super) fn deviations(look: &Look<'_>) -> Vec<Text> {
    let log = look.now.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let one = |deviation: &crate::engine::entry::Deviation| {
        let at = usize::try_from(deviation.n).ok().and_then(|n| log.get(n)).map(|entry| look.clock.time(entry.at));
        let step = look.step(&deviation.step).map(|step| format!("step {}: ", number(step))).unwrap_or_default();
        let kind = super::transcript::kind_word(deviation.kind);
        let text = format!(" {} {kind}  {}  {step}{}", deviation.n, at.unwrap_or_default(), deviation.text);
        Text::from(Status::Deviation).say(&text)
    };
    look.state().deviations.iter().map(one).collect()
}

/// The newest list of the user's keys that the run has read.
fn last_keys(look: &Look<'_>) -> Option<(Stamp, Vec<Value>)> {
    let log = look.now.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    log.iter().rev().find_map(|entry| {
        let reading = match &entry.body {
            Body::Resolved { what, reading, .. } if what == "look" => reading,
            Body::Sample { reading, .. } | Body::Finished { reading, .. } => reading,
            _ => return None,
        };
        let keys = reading.result.as_ref()?.get("keys")?.as_array()?;
        Some((entry.at, keys.clone()))
    })
}
