//! The signatures of checkpoints: there, fitting, by the right person, trusted.

use std::collections::BTreeMap;

use super::pass::Pass;
use super::report::FindingKind::{Broken, NotInOrder, Note, Open, Untrusted};
use super::report::SignatureReport;
use crate::engine::call::sha256_hex;
use crate::engine::entry::{Body, Entry};
use crate::transcript::allowed_signers::Trust;
use crate::transcript::chain::Chain;
use crate::transcript::folder::{SIGNATURES, read_up_to};
use crate::transcript::sign::{self, LARGEST_SIGNATURE, OPERATOR, signature_file};
use crate::transcript::stock::stock_check;

/// True for the kinds that are always checkpoints.
fn always(body: &Body) -> bool {
    matches!(
        body,
        Body::Opened(_)
            | Body::Override { .. }
            | Body::HandedOver { .. }
            | Body::TookOver { .. }
            | Body::Suspended { .. }
            | Body::Sealed { .. }
    )
}

impl Pass<'_> {
    /// Looks at the signature files of entry `n` and judges them.
    pub(super) fn signature(&mut self, n: u64, entry: Option<&Entry>, confirmed_must: bool, chain: &Chain) {
        let files = self.signature_files(n);
        let by = entry.map(|entry| entry.by.as_str());
        let mut good = false;
        for (name, bytes) in &files {
            let expected = by.map(|by| signature_file(n, by));
            if expected.as_deref() != Some(name.as_str()) {
                self.find(Broken, Some(n), format!("signatures/{name} is not by the one who made the entry"));
                continue;
            }
            if let (Some(entry), Some(bytes)) = (entry, bytes) {
                // Of every line so far, this one included.
                good |= self.one_signature(n, entry, name, bytes, &chain.sha512_with(b""));
            }
        }
        // What the next entry has to name: digests of the very files.
        self.sigs_due = files.into_iter().map(|(name, bytes)| (name, sha256_hex(&bytes.unwrap_or_default()))).collect();
        let Some(entry) = entry else { return };
        if good {
            self.report.covered_to = Some(n);
            self.by_operator(n, entry);
            return;
        }
        let kind = entry.body.kind();
        match &entry.body {
            // The way back never waits for a signature; the next checkpoint covers it.
            Body::Confirmed { step, .. } if confirmed_must && self.on_way_back(step) => {
                self.unsigned = Some(n);
                self.find(Note, Some(n), "unsigned on the way back; the next checkpoint has to cover it".to_owned());
            }
            Body::Suspended { .. } if self.going_back => {
                self.unsigned = Some(n);
                self.find(Note, Some(n), "suspended unsigned on the way back".to_owned());
            }
            Body::Sealed { .. } => self.find(Open, Some(n), "the seal has no signature of its operator".to_owned()),
            Body::Confirmed { .. } if confirmed_must => {
                self.find(NotInOrder, Some(n), "a confirmation of a change has no signature".to_owned());
            }
            body if always(body) => self.find(NotInOrder, Some(n), format!("{kind} has no signature")),
            _ => {}
        }
    }

    /// Whoever is trusted to run things is not therefore the one who runs this.
    fn by_operator(&mut self, n: u64, entry: &Entry) {
        let theirs = matches!(
            entry.body,
            Body::Confirmed { .. } | Body::Override { .. } | Body::Suspended { .. } | Body::Sealed { .. }
        );
        if theirs && entry.by != self.operator_now {
            let text = format!("signed by {}; it is {} who runs this", entry.by, self.operator_now);
            self.find(NotInOrder, Some(n), text);
        }
    }

    fn on_way_back(&self, step: &str) -> bool {
        self.going_back && (step == "rollback" || step.starts_with("rollback/"))
    }

    fn signature_files(&mut self, n: u64) -> Vec<(String, Option<Vec<u8>>)> {
        let names = self.signature_names.get(&n).cloned().unwrap_or_default();
        let mut files = Vec::new();
        for name in names {
            let path = self.folder.join(SIGNATURES).join(&name);
            match read_up_to(&path, LARGEST_SIGNATURE) {
                Ok(bytes) => files.push((name, Some(bytes))),
                Err(error) => {
                    self.find(Broken, Some(n), format!("signatures/{name} can't be read: {error}"));
                    files.push((name, None));
                }
            }
        }
        files
    }

    fn one_signature(&mut self, n: u64, entry: &Entry, name: &str, bytes: &[u8], sha512: &[u8; 64]) -> bool {
        let checked = match sign::check(bytes, OPERATOR, sha512) {
            Ok(checked) => checked,
            Err(why) => {
                self.find(Broken, Some(n), format!("signatures/{name}: {why}"));
                return false;
            }
        };
        let at = entry.wall.unwrap_or(entry.at);
        let key = checked.key.fingerprint(ssh_key::HashAlg::Sha256).to_string();
        let (mut trusted, mut why) = match self.allowed {
            None => (false, "no allowed_signers were given, so nobody is trusted".to_owned()),
            Some(all) => match all.trust(&entry.by, OPERATOR, &checked.key, at.time()) {
                Trust::Yes(line) => (true, format!("line {line} of allowed_signers")),
                Trust::No(why) => (false, why),
            },
        };
        if checked.certificate {
            (trusted, why) = (false, "signed with a certificate; only a person's own key counts".to_owned());
        }
        if checked.touched == Some(false) {
            (trusted, why) = (false, "made by a key on a device without a touch".to_owned());
        }
        if !trusted {
            self.find(Untrusted, Some(n), format!("{} is not trusted: {why}", entry.by));
        }
        self.operator_keys.insert(key.clone(), entry.by.clone());
        self.report.signatures.push(SignatureReport {
            n,
            kind: entry.body.kind().to_owned(),
            principal: entry.by.clone(),
            key,
            at,
            trusted,
            why,
            check: stock_check(n, &entry.by, at),
        });
        true
    }

    /// Does the entry name exactly the signatures of the entry before it?
    pub(super) fn sigs_named(&mut self, n: u64, entry: &Entry) {
        let named = entry.sigs.clone().unwrap_or_default();
        let due: BTreeMap<String, String> = std::mem::take(&mut self.sigs_due);
        for (name, digest) in &named {
            let name_shown = name.escape_debug();
            match due.get(name) {
                Some(found) if found == digest => {}
                Some(_) => self.find(Broken, Some(n), format!("signatures/{name_shown} was changed after this entry")),
                None => {
                    self.find(Broken, Some(n), format!("signatures/{name_shown} is named here and not there: removed"))
                }
            }
        }
        for name in due.keys().filter(|name| !named.contains_key(*name)) {
            self.find(
                Broken,
                Some(n),
                format!("signatures/{name} was there before this entry, which does not name it"),
            );
        }
        if entry.sigs.as_ref().is_some_and(BTreeMap::is_empty) {
            self.find(Broken, Some(n), "names no signatures, in so many words".to_owned());
        }
    }
}
