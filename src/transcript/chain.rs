//! The chain: each entry names the hash of the raw line before it. The same pass keeps the hash that signatures cover.

use sha2::{Digest, Sha256, Sha512};

/// `prev` of entry 0.
pub(crate) const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The state of the chain after some lines.
#[derive(Clone, Debug)]
pub struct Chain {
    lines: u64,
    bytes: u64,
    head: String,
    // SSHSIG signs the SHA-512 of its message; kept as a running state, a checkpoint reads nothing again.
    prefix: Sha512,
}

impl Default for Chain {
    fn default() -> Self {
        Self { lines: 0, bytes: 0, head: FIRST.to_owned(), prefix: Sha512::new() }
    }
}

impl Chain {
    /// Before any line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of lines, which is the next entry's `n`.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Number of bytes in those lines.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lower-case hex SHA-256 of the last raw line with its LF, 64 zeros before the first: the head, and the next
    /// entry's `prev`.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Goes on by one raw line, its LF included.
    pub fn extend(&mut self, raw: &[u8]) {
        self.prefix.update(raw);
        self.extend_hashed(hex::encode(Sha256::digest(raw)), raw.len() as u64);
    }

    /// Goes on by a line that was hashed elsewhere; [`Chain::feed`] has had its bytes.
    pub(crate) fn extend_hashed(&mut self, sha256: String, bytes: u64) {
        self.head = sha256;
        self.lines += 1;
        self.bytes += bytes;
    }

    /// Takes in some of a line's bytes.
    pub(crate) fn feed(&mut self, part: &[u8]) {
        self.prefix.update(part);
    }

    /// SHA-512 of every line so far and then `line`: what a signature at `line` covers.
    pub fn sha512_with(&self, line: &[u8]) -> [u8; 64] {
        self.prefix.clone().chain_update(line).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_prefix_are_what_stock_tools_compute() {
        let mut chain = Chain::new();
        assert_eq!(chain.head(), "0".repeat(64));
        chain.extend(b"one\n");
        // printf 'one\n' | sha256sum
        assert_eq!(chain.head(), "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806");
        assert_eq!((chain.lines(), chain.bytes()), (1, 4));
        let whole: [u8; 64] = Sha512::digest(b"one\ntwo\n").into();
        assert_eq!(chain.sha512_with(b"two\n"), whole);
        chain.extend(b"two\n");
        assert_eq!(chain.sha512_with(b""), whole);
    }
}
