//! A transcript read as an outsider would: JSON lines, without keyward's own types.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

/// The entries of a run.
pub(crate) struct Transcript {
    pub entries: Vec<Value>,
}

pub(crate) fn lines_of_json(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// A time of an entry.
#[track_caller]
pub(crate) fn time(entry: &Value, name: &str) -> DateTime<Utc> {
    let text = entry[name].as_str().unwrap_or_else(|| panic!("no {name} in {entry}"));
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

impl Transcript {
    pub(crate) fn read(run: &Path) -> Self {
        let text = std::fs::read_to_string(run.join("transcript.jsonl")).unwrap();
        let entries = lines_of_json(&text);
        assert_eq!(entries.len(), text.lines().count(), "every line is JSON");
        Self { entries }
    }

    /// Entries of a kind.
    pub(crate) fn kind<'a>(&'a self, kind: &'a str) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.entries.iter().filter(move |entry| entry["kind"] == kind)
    }

    /// Entries of a kind at a step.
    pub(crate) fn at<'a>(&'a self, kind: &'a str, step: &'a str) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.kind(kind).filter(move |entry| entry["step"] == step)
    }

    #[track_caller]
    pub(crate) fn first<'a>(&'a self, kind: &'a str, step: &'a str) -> &'a Value {
        self.at(kind, step).next().unwrap_or_else(|| panic!("no {kind} at {step}"))
    }

    #[track_caller]
    pub(crate) fn last<'a>(&'a self, kind: &'a str, step: &'a str) -> &'a Value {
        self.at(kind, step).next_back().unwrap_or_else(|| panic!("no {kind} at {step}"))
    }

    pub(crate) fn seal(&self) -> &Value {
        let last = self.entries.last().unwrap();
        assert_eq!(last["kind"], "sealed", "{last}");
        last
    }

    /// The user's keys as AWS listed them last: last four letters and status.
    pub(crate) fn keys(&self) -> Vec<String> {
        let lists = self.entries.iter().rev().filter_map(|entry| entry["result"].get("keys")?.as_array());
        let list = lists.into_iter().find(|list| list.iter().all(|key| key["id"].is_string()));
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let four = |id: &str| id[id.len().saturating_sub(4)..].to_owned();
        list.iter()
            .map(|key| format!("{} {}", four(key["id"].as_str().unwrap()), key["status"].as_str().unwrap()))
            .collect()
    }

    /// The id of the key that the run created last.
    pub(crate) fn created(&self) -> Option<&str> {
        self.at("finished", "create").filter_map(|entry| entry["result"]["id"].as_str()).next_back()
    }

    /// How much virtual time went by between two entries, and how much real time.
    pub(crate) fn between(&self, from: &Value, to: &Value) -> (TimeDelta, TimeDelta) {
        (time(to, "at") - time(from, "at"), time(to, "wall") - time(from, "wall"))
    }

    /// The whole as text, to look for a sentence.
    pub(crate) fn text(&self) -> String {
        self.entries.iter().map(|entry| format!("{entry}\n")).collect()
    }
}
