//! One access key, as far as it is known.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Reason;
use crate::engine::entry::Stamp;

/// A key's status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// It authenticates.
    Active,
    /// It does not, and counts toward the quota of two.
    Inactive,
    /// A status of AWS's that this keyward does not know.
    Other(String),
}

/// When a key was last used. AWS reports it late, and to about 15 minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastUse {
    /// Then.
    At(Stamp),
    /// AWS says that it has no use of it on record.
    Never,
    /// It could not be read.
    Unknown(Reason),
}

/// One access key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Its id: public.
    pub id: String,
    /// Its status.
    pub status: KeyStatus,
    /// When it was made, if AWS said so.
    pub created: Option<Stamp>,
    /// When it was last used.
    pub used: LastUse,
    /// Where to: the service, if known.
    pub service: Option<String>,
    /// In which region, if known.
    pub region: Option<String>,
}

impl Key {
    /// From one of ListAccessKeys's keys, and what GetAccessKeyLastUsed said of it.
    pub(super) fn read(listed: &Value, used: Result<Value, Reason>) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (used, service, region) = match used {
            Err(reason) => (LastUse::Unknown(reason), None, None),
            Ok(answer) => (last_use(&answer["used"]), text(&answer["service"]), text(&answer["region"])),
        };
        let status = match listed["status"].as_str().unwrap_or_default() {
            "Active" => KeyStatus::Active,
            "Inactive" => KeyStatus::Inactive,
            other => KeyStatus::Other(other.to_owned()),
        };
        Self {
            id: text(&listed["id"]).unwrap_or_default(),
            status,
            created: listed["created"].as_str().and_then(stamp),
            used,
            service,
            region,
        }
    }

    /// Whole days since it was made; `None` if that is not known.
    pub fn age_days(&self, now: Stamp) -> Option<u64> {
        self.created.map(|created| now.since(created).as_secs() / 86_400)
    }
}

fn stamp(text: &str) -> Option<Stamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| Stamp::new(at.with_timezone(&Utc)))
}

fn last_use(used: &Value) -> LastUse {
    match used.as_str() {
        Some("never") => LastUse::Never,
        text => match text.and_then(stamp) {
            Some(at) => LastUse::At(at),
            None => LastUse::Unknown(Reason { code: "Unreadable".into(), message: "AWS's time can't be read".into() }),
        },
    }
}
