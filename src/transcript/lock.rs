//! One writer: a lock on a file beside what is written. Who loses is told who holds it, where and since when.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::folder::private;
use super::principal::host_name;
use crate::engine::entry::Stamp;

/// Who holds a lock, as written in its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The login name.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// Since when.
    pub since: Stamp,
}

impl Holder {
    fn this() -> Self {
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".into());
        Self { user, host: host_name(), pid: std::process::id(), since: Stamp::new(Utc::now()) }
    }

    pub(super) fn sentence(folder: &Path, holder: Option<&Self>) -> String {
        let who = match holder {
            Some(Holder { user, host, pid, since }) => {
                format!("{} on {}, process {pid}, since {since}", clean(user), clean(host))
            }
            None => "another process that did not say who it is".to_owned(),
        };
        format!(
            "{} is being written by {who}\n  end that keyward, or wait for it; nothing was changed here",
            folder.display()
        )
    }
}

fn read(file: File) -> Option<Holder> {
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

// The file may be anybody's, and its text goes to a terminal.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// A held lock; let go when dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    // Held for its lock alone.
    _file: File,
}

impl Lock {
    /// Takes the lock at `file` for `folder`, at once or not at all.
    ///
    /// # Errors
    /// [`Error::Held`] if another holds it; else what the file system says.
    pub fn take(file: &Path, folder: &Path) -> Result<Self, Error> {
        let mut held = Self::open(file)?;
        let mut locked = held.try_lock();
        if let Err(TryLockError::WouldBlock) = locked {
            // It may be someone who only looks, in [`Lock::holder`], and is gone at once.
            std::thread::sleep(Duration::from_millis(30));
            locked = held.try_lock();
        }
        match locked {
            Ok(()) => {
                // On a full disk the next one is not told who holds it; that is no reason not to hold it.
                let _ = Self::sign_in(&mut held);
                Ok(Self { _file: held })
            }
            Err(TryLockError::WouldBlock) => {
                Err(Error::Held { folder: folder.to_owned(), holder: read(held).map(Box::new) })
            }
            Err(TryLockError::Error(error)) => Err(Error::io("lock", file)(error)),
        }
    }

    /// Who holds the lock at `file` now; `None` if nobody does, or if they did not say who they are.
    pub fn holder(file: &Path) -> Option<Holder> {
        let looked = File::open(file).ok()?;
        match looked.try_lock_shared() {
            Err(TryLockError::WouldBlock) => read(looked),
            _ => None,
        }
    }

    /// Takes the lock, waiting for a holder that keeps it for one line only.
    ///
    /// # Errors
    /// What the file system says.
    pub fn wait(file: &Path) -> Result<Self, Error> {
        let held = Self::open(file)?;
        held.lock().map_err(Error::io("lock", file))?;
        Ok(Self { _file: held })
    }

    fn open(file: &Path) -> Result<File, Error> {
        private().read(true).write(true).create(true).truncate(false).open(file).map_err(Error::io("open", file))
    }

    fn sign_in(file: &mut File) -> std::io::Result<()> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(serde_json::to_string(&Holder::this())?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loser_is_told_who_where_and_since_when() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".lock");
        let first = Lock::take(&file, dir.path()).unwrap();
        let error = Lock::take(&file, dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(error.contains(&clean(&host_name())) && error.contains("since 20"), "{error}");
        assert_eq!(Lock::holder(&file).unwrap().pid, std::process::id());
        drop(first);
        assert_eq!(Lock::holder(&file), None, "the file is still there, and nobody holds it");
        Lock::take(&file, dir.path()).unwrap();
    }

    #[test]
    fn a_lock_file_of_anybodys_making_is_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".lock");
        std::fs::write(&file, "\u{1b}[2J not JSON").unwrap();
        let foreign = File::open(&file).unwrap();
        foreign.lock().unwrap();
        let error = Lock::take(&file, dir.path()).unwrap_err().to_string();
        assert!(error.contains("did not say") && !error.contains('\u{1b}'), "{error}");
    }
}
