//! A drill's world beside its transcript: sealed, so that none of its secrets stands in clear in a file.
//!
//! The world is written many times in a drill, so it is encrypted to a key of its own, made for this run; that key is
//! sealed once, to whom everything of the run is sealed. Both go when the run is sealed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use zeroize::Zeroizing;

use crate::diagnostic::Diagnostic;
use crate::sandbox::Keep;
use crate::secret::Secret;
use crate::transcript::{SEALED, Sealer, Unsealer};

/// The sealed key's name.
const KEY: &str = "sandbox";
/// The encrypted world, and the one that is being written.
const WORLD: &str = "sandbox-world";
const NEXT: &str = "sandbox-world-next";

/// True for a name under `sealed/` that is the sandbox's and not a secret of the run.
pub fn is_of_the_sandbox(name: &str) -> bool {
    matches!(name, KEY | WORLD | NEXT)
}

/// A world in a run's folder.
pub struct SealedWorld {
    world: PathBuf,
    next: PathBuf,
    identity: Identity,
}

impl std::fmt::Debug for SealedWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedWorld").field("world", &self.world).finish_non_exhaustive()
    }
}

impl SealedWorld {
    fn of(run: &Path, identity: Identity) -> Self {
        let file = |name: &str| run.join(SEALED).join(format!("{name}.age"));
        Self { world: file(WORLD), next: file(NEXT), identity }
    }

    /// For a new run: makes its key, and seals it.
    ///
    /// # Errors
    /// The key can't be sealed.
    pub fn create(run: &Path, sealer: &Sealer) -> Result<Self, Diagnostic> {
        let identity = Identity::generate();
        sealer.seal(run, KEY, &Secret::new(identity.to_string().expose_secret().to_owned()))?;
        Ok(Self::of(run, identity))
    }

    /// Of a run that an earlier process left.
    ///
    /// # Errors
    /// It has none, or its key can't be opened here.
    pub fn open(run: &Path, unsealer: &Unsealer) -> Result<Self, Diagnostic> {
        let gone = |why: String| {
            Diagnostic::new(format!("the sandbox of this drill is gone: {why}"))
                .hint("start the drill again; it takes seconds")
        };
        let key = unsealer.open(run, KEY).map_err(|error| gone(error.to_string()))?;
        let identity = Identity::from_str(key.expose()).map_err(|_| gone("its key is none".to_owned()))?;
        Ok(Self::of(run, identity))
    }
}

impl Keep for SealedWorld {
    fn write(&self, world: &[u8]) -> io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let sealed = age::encrypt(&self.identity.to_public(), world).map_err(io::Error::other)?;
        // A world is made up, so it need not outlive a loss of power: no sync, which would cost more than the drill.
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.next)?;
        io::Write::write_all(&mut file, &sealed)?;
        fs::rename(&self.next, &self.world)
    }

    fn read(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let sealed = fs::read(&self.world)?;
        age::decrypt(&self.identity, &sealed).map(Zeroizing::new).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(folder: &Path) -> SealedWorld {
        fs::create_dir_all(folder.join(SEALED)).unwrap();
        SealedWorld::of(folder, Identity::generate())
    }

    #[test]
    fn what_is_kept_comes_back_and_is_never_in_clear() {
        let folder = tempfile::tempdir().unwrap();
        let world = world(folder.path());
        world.write(b"planted-secret, first").unwrap();
        world.write(b"planted-secret, second").unwrap();
        assert_eq!(world.read().unwrap().as_slice(), b"planted-secret, second");
        for file in fs::read_dir(folder.path().join(SEALED)).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(7).any(|part| part == b"planted"), "{}", path.display());
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn another_key_and_a_changed_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let kept = world(folder.path());
        kept.write(b"world").unwrap();
        assert!(SealedWorld::of(folder.path(), Identity::generate()).read().is_err());
        let mut bytes = fs::read(&kept.world).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&kept.world, bytes).unwrap();
        assert!(kept.read().is_err());
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let kept = world(folder.path());
        drop(folder);
        assert!(kept.write(b"world").is_err() && kept.read().is_err());
    }
}
