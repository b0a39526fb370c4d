//! The world in a file, so that a drill goes on in another process: after a suspension, or after a crash.
//!
//! The file holds the drill's made-up pairs in clear, and is for its owner only. It is written whole beside itself and
//! renamed, so that a torn one is never read.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::state::State;
use super::world::Pair;
use crate::secret::Secret;

/// What a sandbox is made of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    /// It serves there again, if the port is free.
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
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("new");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(beside, path)
    }
}

impl Saved {
    /// # Errors
    /// The file can't be read, or is none of ours.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut saved: Self = serde_json::from_slice(&fs::read(path)?)?;
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
