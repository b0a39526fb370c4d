//! Access keys as IAM keeps them: a history of changes, each with the time from which it counts, and the uses.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use super::world::{KeyStatus, Pair, Spread};
use crate::secret::Secret;

/// A use that follows a recorded one within this is not recorded (`GetAccessKeyLastUsed`: "typically within 15 minutes").
const GRANULARITY_MS: i64 = 15 * 60 * 1000;

/// What happened to a key. Times are milliseconds since the Unix epoch on the run's clock.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Change {
    at: i64,
    /// From then on it counts for authentication.
    counts: i64,
    /// `None`: deleted.
    status: Option<KeyStatus>,
}

/// A recorded use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Use {
    pub(super) at: i64,
    /// From then on it is told.
    pub(super) told: i64,
    pub(super) service: String,
    pub(super) region: String,
}

/// A key, deleted ones included: they authenticate a little longer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LiveKey {
    pub(super) pair: Pair,
    pub(super) user: String,
    pub(super) created: i64,
    /// S3 knows the key's policy from then on.
    pub(super) policy_from: i64,
    changes: Vec<Change>,
    uses: Vec<Use>,
}

impl LiveKey {
    /// A key that has been there for long, used at `used`.
    pub(super) fn old(pair: Pair, user: &str, created: i64, status: KeyStatus, used: Option<i64>) -> Self {
        let uses = used.map(|at| Use { at, told: at, service: "s3".into(), region: "us-east-1".into() });
        let changes = vec![Change { at: created, counts: created, status: Some(status) }];
        Self { pair, user: user.into(), created, policy_from: created, changes, uses: uses.into_iter().collect() }
    }

    /// A key made now. `spreads` is false for one that never becomes usable.
    pub(super) fn new(pair: Pair, user: &str, now: i64, spread: &Spread, spreads: bool, rng: &mut StdRng) -> Self {
        let counts = if spreads { now + between(rng, spread.on) } else { i64::MAX / 2 };
        let policy_from = counts + between(rng, spread.policy);
        let changes = vec![Change { at: now, counts, status: Some(KeyStatus::Active) }];
        Self { pair, user: user.into(), created: now, policy_from, changes, uses: Vec::new() }
    }

    /// Changes the status, or deletes.
    pub(super) fn change(&mut self, now: i64, status: Option<KeyStatus>, spread: &Spread, rng: &mut StdRng) {
        if self.status_now() == status {
            return;
        }
        let wait = if status == Some(KeyStatus::Active) { spread.on } else { spread.off };
        // Changes arrive in the order they were made.
        let before = self.changes.last().map_or(i64::MIN, |change| change.counts);
        let counts = (now + between(rng, wait)).max(before);
        self.changes.push(Change { at: now, counts, status });
    }

    /// The truth, which writes are judged by. `None`: deleted.
    pub(super) fn status_now(&self) -> Option<KeyStatus> {
        self.changes.last().and_then(|change| change.status)
    }

    /// The status as a replica of that age sees it. `None`: not there.
    pub(super) fn status_at(&self, at: i64) -> Option<KeyStatus> {
        self.changes.iter().rev().find(|change| change.at <= at).and_then(|change| change.status)
    }

    /// True if it authenticates at that time.
    pub(super) fn authenticates(&self, at: i64) -> bool {
        let last = self.changes.iter().rev().find(|change| change.counts <= at);
        last.and_then(|change| change.status) == Some(KeyStatus::Active)
    }

    /// Notes a use.
    pub(super) fn used(&mut self, at: i64, service: &str, region: &str, spread: &Spread, rng: &mut StdRng) {
        if self.uses.last().is_none_or(|last| at >= last.at + GRANULARITY_MS) {
            let told = at + between(rng, spread.last_used);
            self.uses.push(Use { at, told, service: service.to_owned(), region: region.to_owned() });
        }
    }

    /// The last use that is told at that time.
    pub(super) fn last_used(&self, at: i64) -> Option<&Use> {
        self.uses.iter().rev().find(|used| used.told <= at)
    }

    /// The last recorded use, told or not.
    pub(super) fn last_recorded(&self) -> Option<i64> {
        self.uses.last().map(|used| used.at)
    }
}

/// Milliseconds of a duration; centuries at most.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// Milliseconds from the range.
pub(super) fn between(rng: &mut StdRng, (from, to): (Duration, Duration)) -> i64 {
    rng.random_range(millis(from)..=millis(to).max(millis(from)))
}

/// 40 characters of the base64 alphabet, as AWS makes them.
pub(super) fn random_secret(rng: &mut StdRng) -> Secret {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    Secret::new(random_text(rng, ALPHABET, 40))
}

/// A key id: it shows that it is none of a real account.
pub(super) fn random_key_id(rng: &mut StdRng) -> String {
    format!("AKIAEXAMPLE{}", random_text(rng, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 9))
}

/// `N` characters of an alphabet.
pub(super) fn random_text(rng: &mut StdRng, alphabet: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(alphabet[rng.random_range(0..alphabet.len())])).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn key(spread: &Spread) -> (LiveKey, StdRng) {
        let mut rng = StdRng::seed_from_u64(1);
        let pair = Pair { access_key_id: random_key_id(&mut rng), secret_access_key: random_secret(&mut rng) };
        (LiveKey::new(pair, "u", 1_000_000, spread, true, &mut rng), rng)
    }

    #[test]
    fn a_change_counts_only_after_it_has_spread() {
        let spread = Spread::default();
        let (mut key, mut rng) = key(&spread);
        assert!(!key.authenticates(1_000_000 + 2_999));
        assert!(key.authenticates(1_000_000 + 15_000));
        key.change(1_100_000, Some(KeyStatus::Inactive), &spread, &mut rng);
        assert_eq!(key.status_now(), Some(KeyStatus::Inactive));
        assert_eq!(key.status_at(1_099_999), Some(KeyStatus::Active));
        assert!(key.authenticates(1_100_000 + 1_999));
        assert!(!key.authenticates(1_100_000 + 4_000));
        key.change(1_200_000, None, &spread, &mut rng);
        assert_eq!(key.status_at(1_200_000), None);
        assert!(!key.authenticates(2_000_000));
    }

    #[test]
    fn a_quick_deactivate_of_a_key_that_has_not_spread_never_lets_it_in() {
        let spread = Spread { on: (Duration::from_secs(15), Duration::from_secs(15)), ..Spread::default() };
        let (mut key, mut rng) = key(&spread);
        key.change(1_000_001, Some(KeyStatus::Inactive), &spread, &mut rng);
        assert!((1_000_000..1_100_000).step_by(500).all(|at| !key.authenticates(at)));
    }

    #[test]
    fn uses_are_told_late_and_not_closer_than_a_quarter_of_an_hour() {
        let spread = Spread::default();
        let (mut key, mut rng) = key(&spread);
        assert!(key.last_used(i64::MAX).is_none());
        let t = 2_000_000;
        key.used(t, "s3", "us-east-1", &spread, &mut rng);
        key.used(t + 60_000, "s3", "us-east-1", &spread, &mut rng);
        assert!(key.last_used(t + 29_000).is_none());
        assert_eq!(key.last_used(t + 400_000).map(|used| used.at), Some(t));
        key.used(t + GRANULARITY_MS, "sts", "us-east-1", &spread, &mut rng);
        assert_eq!(
            key.last_used(i64::MAX).map(|used| (used.at, used.service.as_str())),
            Some((t + GRANULARITY_MS, "sts"))
        );
    }
}
