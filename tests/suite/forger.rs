//! The strongest forger there is: the signer, who rewrites a run and makes chain and signatures anew with stock tools.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::machine::{Machine, run};
use super::transcript::lines_of_json;

/// Stands in an entry that has a signature, while it is edited.
pub(crate) const SIGNED: &str = "is signed";

/// Lower-case hex SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Edits the entries of a run and makes everything that can be made again match them.
pub(crate) fn forge(signer: &Machine, folder: &Path, edit: impl FnOnce(&mut Vec<Value>)) {
    let (_, principal) = signer.allowed_signers();
    let key = signer.signing_key();
    let transcript = folder.join("transcript.jsonl");
    let signature = |n: usize| format!("{n:06}.{principal}.sig");
    let signatures = folder.join("signatures");
    let mut entries = lines_of_json(&std::fs::read_to_string(&transcript).unwrap());
    for (n, entry) in entries.iter_mut().enumerate() {
        if signatures.join(signature(n)).exists() {
            entry[SIGNED] = json!(true);
        }
    }
    edit(&mut entries);
    std::fs::remove_dir_all(&signatures).unwrap();
    std::fs::create_dir(&signatures).unwrap();
    let (mut text, mut before, mut prev) = (String::new(), None::<(String, String)>, "0".repeat(64));
    for (n, entry) in entries.iter_mut().enumerate() {
        let fields = entry.as_object_mut().unwrap();
        let signed = fields.shift_remove(SIGNED).is_some();
        fields.insert("n".into(), json!(n));
        fields.insert("prev".into(), json!(prev));
        fields.shift_remove("sigs");
        if let Some((name, digest)) = before.take() {
            fields.insert("sigs".into(), json!({name: digest}));
        }
        let line = format!("{entry}\n");
        prev = sha256(line.as_bytes());
        text.push_str(&line);
        std::fs::write(&transcript, &text).unwrap();
        if signed {
            let mut sign = signer.command("ssh-keygen");
            sign.args(["-q", "-Y", "sign", "-n", "operator@keyward", "-f"]).arg(&key).arg(&transcript);
            run(sign).ended(0);
            let made = folder.join("transcript.jsonl.sig");
            before = Some((signature(n), sha256(&std::fs::read(&made).unwrap())));
            std::fs::rename(made, signatures.join(signature(n))).unwrap();
        }
    }
}
