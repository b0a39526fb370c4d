//! The world outside the process, so that a drill goes on in another one: after a suspension, or after a crash.
//!
//! What is kept holds the drill's made-up pairs in clear. Where it is kept, and that nobody else can read it there, is
//! the business of whoever implements [`Keep`].

use std::fmt::Debug;
use std::io;

use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::state::State;
use super::world::Pair;
use crate::secret::Secret;

/// Where a world is kept.
pub trait Keep: Debug + Send + Sync {
    /// Replaces what is kept, at once: a process that is killed leaves the old or the new, never half of it.
    ///
    /// # Errors
    /// It can't be written; then the sandbox refuses the request that would have changed the world.
    fn write(&self, world: &[u8]) -> io::Result<()>;

    /// What is kept.
    ///
    /// # Errors
    /// Nothing is kept there, or it can't be read.
    fn read(&self) -> io::Result<Zeroizing<Vec<u8>>>;
}

/// What a sandbox is made of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    /// It serves there again.
    pub(super) port: u16,
    #[serde(with = "clear")]
    pub(super) token: Secret,
    pub(super) operator: Pair,
    /// The run's clock, in milliseconds.
    pub(super) now: i64,
    /// For the ids and secrets that are made from here on.
    seed: u64,
    pub(super) state: State,
}

/// What [`Saved`] is, by reference, for writing.
#[derive(Debug, Serialize)]
pub(super) struct Saving<'a> {
    pub(super) port: u16,
    #[serde(with = "clear")]
    pub(super) token: &'a Secret,
    pub(super) operator: &'a Pair,
    pub(super) now: i64,
    pub(super) seed: u64,
    pub(super) state: &'a State,
}

impl Saving<'_> {
    pub(super) fn write(&self, to: &dyn Keep) -> io::Result<()> {
        to.write(&Zeroizing::new(serde_json::to_vec(self)?))
    }
}

impl Saved {
    /// # Errors
    /// It can't be read, or is no world.
    pub(super) fn read(from: &dyn Keep) -> io::Result<Self> {
        let mut saved: Self = serde_json::from_slice(&from.read()?)?;
        saved.state.rng = rand::rngs::StdRng::seed_from_u64(saved.seed);
        Ok(saved)
    }
}

/// A seed for what comes after.
pub(super) fn next_seed(state: &mut State) -> u64 {
    state.rng.random()
}

/// A secret of the sandbox, in clear.
pub(super) mod clear {
    use std::borrow::Borrow;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::secret::Secret;

    pub(in crate::sandbox) fn serialize<T: Borrow<Secret>, S: Serializer>(
        secret: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.borrow().expose())
    }

    pub(in crate::sandbox) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

/// A secret of the sandbox that may not be there, in clear.
pub(super) mod clear_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::secret::Secret;

    pub(in crate::sandbox) fn serialize<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(to)
    }

    pub(in crate::sandbox) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Secret::new))
    }
}

/// Secrets by name, in clear.
pub(super) mod clear_map {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::secret::Secret;

    pub(in crate::sandbox) fn serialize<S: Serializer>(
        map: &BTreeMap<String, Secret>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(map.iter().map(|(name, secret)| (name, secret.expose())))
    }

    pub(in crate::sandbox) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<String, Secret>, D::Error> {
        let map = BTreeMap::<String, String>::deserialize(from)?;
        Ok(map.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
    }
}

/// The key that repository secrets are sealed to.
pub(super) mod box_key {
    use crypto_box::SecretKey;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::sandbox) fn serialize<S: Serializer>(key: &SecretKey, to: S) -> Result<S::Ok, S::Error> {
        key.to_bytes().serialize(to)
    }

    pub(in crate::sandbox) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SecretKey, D::Error> {
        <[u8; 32]>::deserialize(from).map(SecretKey::from)
    }
}
