//! The keys of an account: their age, use and policy.
//!
//! Reads only, through the effect layer. What could not be read is [`Known::Unknown`] with AWS's reason, at the very
//! place where it is missing: never "never", never "none", never left out.

mod key;
mod policy;
#[cfg(test)]
mod tests;

use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use key::{Key, KeyStatus, LastUse};
pub use policy::{Age, Policy};

use crate::action::Performer;
use crate::engine::call::Call;
use crate::engine::effect::{Ended, error_of};
use crate::engine::entry::Stamp;

/// Users that are asked about at the same time. IAM's rate is small and shared by the whole account.
const AT_ONCE: usize = 4;

/// Something that was read, or why it was not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// As read.
    Known(T),
    /// Not read.
    Unknown(Reason),
}

impl<T> Known<T> {
    /// The value, if it was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// Why something is unknown: AWS's code and words, or keyward's own where AWS was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Like `Throttling`.
    pub code: String,
    /// In words.
    pub message: String,
}

/// One user's keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserKeys {
    /// The user's name.
    pub user: String,
    /// The keys by create date, then id.
    pub keys: Known<Vec<Key>>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// When it was read, on the run's clock.
    pub at: Stamp,
    /// The limits it is judged by.
    pub policy: Policy,
    /// The users, by name; or why there is no list of them.
    pub users: Known<Vec<UserKeys>>,
}

impl Inventory {
    /// The keys of one user.
    pub async fn of_user(performer: &Performer, user: &str, policy: Policy) -> Self {
        let keys = user_keys(performer, user).await;
        Self { at: performer.world().clock.now(), policy, users: Known::Known(vec![keys]) }
    }

    /// The keys of every user of the account.
    pub async fn of_account(performer: &Performer, policy: Policy) -> Self {
        let users = match ask(performer, "iam:ListUsers", json!({})).await {
            Err(reason) => Known::Unknown(reason),
            Ok(answer) => {
                let names = answer["users"].as_array().into_iter().flatten().filter_map(|user| user["user"].as_str());
                let names: Vec<String> = names.map(str::to_owned).collect();
                let reads = names.into_iter().map(|name| async move { user_keys(performer, &name).await });
                let mut users: Vec<UserKeys> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
                users.sort_by(|a, b| a.user.cmp(&b.user));
                Known::Known(users)
            }
        };
        Self { at: performer.world().clock.now(), policy, users }
    }

    /// Every key that was read, with its user.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &Key)> {
        let users = self.users.known().into_iter().flatten();
        users.flat_map(|user| user.keys.known().into_iter().flatten().map(|key| (user.user.as_str(), key)))
    }

    /// The keys that are past the policy's limit.
    pub fn overdue(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.keys().filter(|(_, key)| matches!(self.policy.age(key, self.at), Age::Overdue { .. }))
    }

    /// How many things could not be read: lists of keys, and last uses.
    pub fn unknown(&self) -> usize {
        let lists = match &self.users {
            Known::Unknown(_) => 1,
            Known::Known(users) => users.iter().filter(|user| user.keys.known().is_none()).count(),
        };
        let keys = self.keys().filter(|(_, key)| matches!(key.used, LastUse::Unknown(_)) || key.created.is_none());
        lists + keys.count()
    }
}

async fn user_keys(performer: &Performer, user: &str) -> UserKeys {
    let listed = match ask(performer, "iam:ListAccessKeys", json!({"UserName": user})).await {
        Ok(answer) => answer,
        Err(reason) => return UserKeys { user: user.to_owned(), keys: Known::Unknown(reason) },
    };
    let mut keys = Vec::new();
    for listed in listed["keys"].as_array().into_iter().flatten() {
        let id = listed["id"].as_str().unwrap_or_default();
        let used = ask(performer, "iam:GetAccessKeyLastUsed", json!({"AccessKeyId": id})).await;
        keys.push(Key::read(listed, used));
    }
    UserKeys { user: user.to_owned(), keys: Known::Known(keys) }
}

async fn ask(performer: &Performer, op: &str, params: Value) -> Result<Value, Reason> {
    let aws = performer.world().aws.as_ref();
    let endpoint = aws.and_then(|aws| aws.endpoint("iam")).unwrap_or_default().to_owned();
    let call = Call { call: 0, op: op.to_owned(), endpoint, params };
    let outcome = performer.read(&[call], &[]).await;
    let result = outcome.reading.result.unwrap_or_default();
    if outcome.ended == Ended::Answered {
        return Ok(result);
    }
    let (code, message) = error_of(&result).unwrap_or(("Unknown", "no reason was given"));
    Err(Reason { code: code.to_owned(), message: message.to_owned() })
}
