//! How old a key may be.

use serde::{Deserialize, Serialize};

use super::{Key, KeyStatus};
use crate::engine::entry::Stamp;

/// The limits that keys are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Days that an Active key may be old.
    pub max_age_days: u64,
}

impl Default for Policy {
    /// 90 days: CIS AWS Foundations Benchmark v5, 1.13.
    fn default() -> Self {
        Self { max_age_days: 90 }
    }
}

/// What a key's age means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Age {
    /// Within the limit, for so many days more.
    Fine {
        /// Days left.
        left: u64,
    },
    /// Past the limit.
    Overdue {
        /// Days past it.
        by: u64,
    },
    /// Inactive: no age makes it overdue, but it counts toward the quota of two.
    Inactive,
    /// Its create date or status is not known.
    Unknown,
}

impl Policy {
    /// What a key's age means at this time.
    pub fn age(&self, key: &Key, now: Stamp) -> Age {
        match (&key.status, key.age_days(now)) {
            (KeyStatus::Inactive, _) => Age::Inactive,
            (KeyStatus::Active, Some(days)) if days > self.max_age_days => {
                Age::Overdue { by: days - self.max_age_days }
            }
            (KeyStatus::Active, Some(days)) => Age::Fine { left: self.max_age_days - days },
            _ => Age::Unknown,
        }
    }
}
