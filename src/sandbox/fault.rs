//! What can be made to go wrong in a drill: `keyward drill --fault NAME`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // Each is named and described by its row of `TABLE`.
pub enum Fault {
    Throttle,
    ThrottledLastUsed,
    LostCreate,
    LostUpdate,
    LostDelete,
    LostPut,
    ServerError,
    ServerErrorAfter,
    Slow,
    SkewedClock,
    HalfPair,
    NeverSpreads,
    StaleLists,
    WrongOldPair,
    StaleSecret,
    TwoActive,
    OneActiveOneInactive,
    MissingPermission,
    ForgottenConsumer,
    WrongIdentity,
    Quarantined,
    EarlyDelete,
    ForeignKey,
    SlowDynos,
    HolderDown,
    RestartFails,
    RunStuck,
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The first request that it fits.
    Once,
    /// The first few.
    Count(u32),
    /// Every one.
    Always,
}

impl Times {
    pub(super) fn left(self) -> Option<u32> {
        match self {
            Self::Once => Some(1),
            Self::Count(n) => Some(n),
            Self::Always => None,
        }
    }
}

struct Row {
    fault: Fault,
    name: &'static str,
    what: &'static str,
    times: Times,
    at_start: bool,
}

const fn row(fault: Fault, name: &'static str, times: Times, what: &'static str) -> Row {
    Row { fault, name, what, times, at_start: false }
}

const fn start(fault: Fault, name: &'static str, what: &'static str) -> Row {
    Row { fault, name, what, times: Times::Always, at_start: true }
}

static TABLE: &[Row] = &[
    row(Fault::Throttle, "throttle", Times::Count(2), "the next IAM requests are throttled"),
    row(
        Fault::ThrottledLastUsed,
        "throttled-last-used",
        Times::Always,
        "every GetAccessKeyLastUsed is throttled, so use stays unknown",
    ),
    row(
        Fault::LostCreate,
        "lost-create",
        Times::Once,
        "the key is created, and the connection drops before the answer",
    ),
    row(
        Fault::LostUpdate,
        "lost-update",
        Times::Once,
        "the key's status is changed, and the connection drops before the answer",
    ),
    row(
        Fault::LostDelete,
        "lost-delete",
        Times::Once,
        "the key is deleted, and the connection drops before the answer",
    ),
    row(Fault::LostPut, "lost-put", Times::Once, "a holder takes the pair, and the connection drops before the answer"),
    row(Fault::ServerError, "5xx", Times::Once, "IAM answers the next change with 503 and does nothing"),
    row(Fault::ServerErrorAfter, "5xx-after", Times::Once, "IAM makes the next change and answers 500"),
    row(Fault::Slow, "slow", Times::Always, "every IAM answer takes two seconds"),
    row(Fault::SkewedClock, "skewed-clock", Times::Always, "AWS's clock is 20 minutes ahead of this machine's"),
    row(Fault::HalfPair, "half-pair", Times::Once, "a consumer keeps the new key id with the old secret"),
    row(Fault::NeverSpreads, "never-spreads", Times::Always, "a new key never becomes usable"),
    row(Fault::StaleLists, "stale-lists", Times::Always, "key lists are up to half a minute old"),
    start(Fault::WrongOldPair, "wrong-old-pair", "the store holds another key than the active one"),
    start(Fault::StaleSecret, "stale-secret", "the store holds the right key id with a wrong secret"),
    start(Fault::TwoActive, "two-active", "the user has two active keys"),
    start(Fault::OneActiveOneInactive, "one-active-one-inactive", "an old Inactive key fills the quota of two"),
    start(Fault::MissingPermission, "missing-permission", "the operator may not delete access keys"),
    start(Fault::ForgottenConsumer, "forgotten-consumer", "a consumer that no list names uses the old key"),
    start(Fault::WrongIdentity, "wrong-identity", "the operator acts with the very key to be rotated"),
    start(Fault::Quarantined, "quarantined", "the operator's own user is under AWS's quarantine policy"),
    row(Fault::EarlyDelete, "early-delete", Times::Once, "somebody else deletes a key as soon as it is Inactive"),
    row(Fault::ForeignKey, "foreign-key", Times::Once, "somebody else creates a key right after the keys are listed"),
    start(Fault::SlowDynos, "slow-dynos", "old dynos outlive a put by two hours, with the old pair"),
    row(Fault::HolderDown, "holder-down", Times::Once, "a holder answers the next put with 503 and takes nothing"),
    row(Fault::RestartFails, "restart-fails", Times::Once, "a host's service does not restart, and keeps the old pair"),
    row(Fault::RunStuck, "run-stuck", Times::Always, "a repository's workflow run stays queued"),
];

impl Fault {
    fn row(self) -> &'static Row {
        // Every variant has its row: asserted by a test below.
        TABLE.iter().find(|row| row.fault == self).expect("every fault stands in the table")
    }

    /// Every fault, in the order of the help.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.fault)
    }

    /// As `--fault` takes it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What happens, half a sentence.
    pub fn what(self) -> &'static str {
        self.row().what
    }

    /// How often it strikes unless told otherwise.
    pub fn times(self) -> Times {
        self.row().times
    }

    /// True for what a drill can only start with (a user with two keys), not meet on the way.
    pub fn at_start(self) -> bool {
        self.row().at_start
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = Diagnostic;

    fn from_str(name: &str) -> Result<Self, Diagnostic> {
        if let Some(row) = TABLE.iter().find(|row| row.name == name) {
            return Ok(row.fault);
        }
        let near = TABLE.iter().map(|row| row.name).max_by(|a, b| {
            strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)) // Never NaN for text.
        });
        let all: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
        let hint = match near.filter(|near| strsim::jaro_winkler(near, name) > 0.8) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("one of: {}", all.join(", ")),
        };
        Err(Diagnostic::new(format!("there is no fault {name:?}")).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name() {
        for fault in Fault::all() {
            assert_eq!(fault.name().parse(), Ok(fault));
            assert!(!fault.what().is_empty());
        }
        // The last variant: one without a row would panic here.
        for n in 0..=Fault::RunStuck as usize {
            assert_eq!(Fault::all().filter(|fault| *fault as usize == n).count(), 1);
        }
    }

    #[test]
    fn an_unknown_name_says_what_there_is() {
        let error = "throtle".parse::<Fault>().unwrap_err();
        assert!(error.to_string().contains("did you mean throttle?"), "{error}");
        let error = "zzz".parse::<Fault>().unwrap_err();
        assert!(error.to_string().contains("lost-create"), "{error}");
    }
}
