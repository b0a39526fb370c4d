//! The truth of the sandbox, for tests and for a drill's end: who holds what, and who fails. No secrets in it.

use super::holder::{Held, LiveHolder};
use super::iam;
use super::state::State;
use super::world::{KeyStatus, Pair};

/// A key in truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Its id.
    pub id: String,
    /// Its status.
    pub status: KeyStatus,
    /// RFC 3339, to the second.
    pub created: String,
    /// The last recorded use, told already or not; RFC 3339.
    pub last_used: Option<String>,
}

/// A user in truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserView {
    /// Its name.
    pub name: String,
    /// Its keys, oldest first.
    pub keys: Vec<KeyView>,
}

/// A holder in truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerView {
    /// Its name in the runbook.
    pub name: String,
    /// The store: it uses the pair for nothing.
    pub store: bool,
    /// The key id it keeps.
    pub key_id: Option<String>,
    /// What it keeps is a whole pair: the secret is that of the key id.
    pub whole: bool,
    /// The key ids that its running processes use.
    pub in_use: Vec<String>,
    /// What S3 says to the pair it keeps: `None` for welcome, else the error's code.
    pub error: Option<&'static str>,
    /// What S3 says to the first of its running processes that fails.
    pub failing: Option<&'static str>,
}

impl ConsumerView {
    /// True if what it keeps and everything that runs there works.
    pub fn works(&self) -> bool {
        self.error.is_none() && self.failing.is_none()
    }
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// By name.
    pub users: Vec<UserView>,
    /// In the order of the world.
    pub holders: Vec<ConsumerView>,
}

impl Snapshot {
    /// The keys of a user; none if there is no such user.
    pub fn keys(&self, user: &str) -> &[KeyView] {
        self.users.iter().find(|view| view.name == user).map(|view| view.keys.as_slice()).unwrap_or_default()
    }

    /// The holder of that name.
    pub fn holder(&self, name: &str) -> Option<&ConsumerView> {
        self.holders.iter().find(|view| view.name == name)
    }

    /// Names of all holders that do not work.
    pub fn broken(&self) -> Vec<&str> {
        self.holders.iter().filter(|view| !view.works()).map(|view| view.name.as_str()).collect()
    }
}

pub(super) fn consumers(state: &mut State, now: i64) -> Vec<ConsumerView> {
    state.settle(now);
    state.holders.iter().map(|holder| view(state, holder, now)).collect()
}

fn view(state: &State, holder: &LiveHolder, now: i64) -> ConsumerView {
    let kept = holder.kept();
    let bucket = &holder.spec.bucket;
    let verdict = |pair: &Pair| state.try_pair(pair, bucket, now).err();
    let whole = kept.as_ref().is_some_and(|kept| state.keys.iter().any(|key| key.pair.same(kept)));
    let in_use = holder.in_use(now);
    // A repository runs nothing between its workflow runs.
    let running = !matches!(holder.held, Held::Github(_));
    ConsumerView {
        name: holder.spec.name.clone(),
        store: holder.spec.store,
        error: kept.as_ref().map_or(Some("NoPair"), verdict),
        key_id: kept.map(|kept| kept.access_key_id),
        whole,
        failing: in_use.iter().filter(|_| running).find_map(verdict),
        in_use: in_use.into_iter().map(|pair| pair.access_key_id).collect(),
    }
}

pub(super) fn take(state: &mut State, now: i64) -> Snapshot {
    let holders = consumers(state, now);
    let mut users: Vec<UserView> = state
        .users
        .iter()
        .map(|user| {
            let mut keys: Vec<_> = state.keys.iter().filter(|key| key.user == user.name).collect();
            keys.sort_by_key(|key| key.created);
            let keys = keys.into_iter().filter_map(|key| {
                Some(KeyView {
                    id: key.pair.access_key_id.clone(),
                    status: key.status_now()?,
                    created: iam::time(key.created),
                    last_used: key.last_recorded().map(iam::time),
                })
            });
            UserView { name: user.name.clone(), keys: keys.collect() }
        })
        .collect();
    users.sort_by(|a, b| a.name.cmp(&b.name));
    Snapshot { users, holders }
}
