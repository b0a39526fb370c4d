//! What is too large for a line: `blobs/<sha256>`, a line of 32 random bytes in base64, LF, then the content.
//!
//! The name is the SHA-256 of the whole file. The random line keeps a name from confirming a guess of the content.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::Error;
use super::folder::{BLOBS, create_folder, open_plain, read_up_to, write_new};

/// Length of the first line: 44 characters of base64 and an LF.
const SALT_LINE: usize = 45;
/// Largest blob in bytes, its first line included: an answer of a server, not a disk.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The blobs of one run.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Of the run in that folder. Nothing is created until something is put.
    pub fn of(run: &Path) -> Self {
        Self { folder: run.join(BLOBS) }
    }

    /// Puts a value, durably; gives its name.
    ///
    /// # Errors
    /// What the file system says.
    pub fn put(&self, value: &Value) -> Result<String, Error> {
        self.put_bytes(value.to_string().as_bytes())
    }

    /// As [`Blobs::put`], for any bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn put_bytes(&self, content: &[u8]) -> Result<String, Error> {
        if content.len() + SALT_LINE > LARGEST as usize {
            return Err(Error::Entry(format!("a result of {} bytes; {LARGEST} are the most", content.len())));
        }
        create_folder(&self.folder)?;
        let salt: [u8; 32] = rand::random();
        let mut file = STANDARD.encode(salt).into_bytes();
        file.push(b'\n');
        file.extend_from_slice(content);
        let name = hex::encode(Sha256::digest(&file));
        write_new(&self.folder.join(&name), &file)?;
        Ok(name)
    }

    /// Gets a value, after checking that the file is what its name says.
    ///
    /// # Errors
    /// No such blob, a changed one, or one that holds no JSON.
    pub fn get(&self, name: &str) -> Result<Value, Error> {
        let path = self.path(name)?;
        let content = self.get_bytes(name)?;
        serde_json::from_slice(&content).map_err(|error| Error::file(&path, format!("holds no JSON: {error}")))
    }

    /// As [`Blobs::get`], for any bytes.
    ///
    /// # Errors
    /// No such blob, or a changed one.
    pub fn get_bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(name)?;
        let mut file = read_up_to(&path, LARGEST).map_err(Error::io("read", &path))?;
        if hex::encode(Sha256::digest(&file)) != name {
            return Err(Error::file(&path, "its content is not what its name says: it was changed"));
        }
        if file.get(SALT_LINE - 1) != Some(&b'\n') {
            return Err(Error::file(&path, "its first line is not 32 random bytes in base64"));
        }
        Ok(file.split_off(SALT_LINE))
    }

    /// Checks a blob without holding it in memory.
    ///
    /// # Errors
    /// No such blob, or a changed one.
    pub fn check(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name)?;
        if sha256_of_file(&path).map_err(Error::io("read", &path))? != name {
            return Err(Error::file(&path, "its content is not what its name says: it was changed"));
        }
        Ok(())
    }

    fn path(&self, name: &str) -> Result<PathBuf, Error> {
        // A name comes from a transcript, which may be anybody's: it must not lead out of the folder.
        if is_sha256(name) {
            Ok(self.folder.join(name))
        } else {
            Err(Error::file(&self.folder, format!("`{}` is not a blob's name", name.escape_debug())))
        }
    }
}

/// 64 lower-case hex digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Lower-case hex SHA-256 of a file, read in pieces.
pub(crate) fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut file = BufReader::new(open_plain(path)?);
    let mut hash = Sha256::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex::encode(hash.finalize())),
            n => hash.update(&part[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_comes_back_and_its_name_is_the_hash_of_the_file() {
        let run = tempfile::tempdir().unwrap();
        let blobs = Blobs::of(run.path());
        let value = json!({"list": [1, "é", null], "b": 0.25});
        let name = blobs.put(&value).unwrap();
        assert_eq!(blobs.get(&name).unwrap(), value);
        assert_eq!(sha256_of_file(&run.path().join("blobs").join(&name)).unwrap(), name);
        assert_ne!(blobs.put(&value).unwrap(), name, "the same content twice has two names");
    }

    #[test]
    fn a_changed_or_foreign_blob_is_refused() {
        let run = tempfile::tempdir().unwrap();
        let blobs = Blobs::of(run.path());
        let name = blobs.put(&json!("x")).unwrap();
        let path = run.path().join("blobs").join(&name);
        let mut file = fs::read(&path).unwrap();
        file[0] ^= 1;
        fs::write(&path, &file).unwrap();
        assert!(blobs.get(&name).unwrap_err().to_string().contains("changed"));
        assert!(blobs.check(&name).is_err());
        fs::remove_file(&path).unwrap();
        assert!(blobs.get(&name).is_err());
        for bad in ["../transcript.jsonl", "", &"A".repeat(64), &"a".repeat(63)] {
            assert!(blobs.get(bad).unwrap_err().to_string().contains("not a blob's name"), "{bad}");
        }
    }
}
