//! Other people's statements: approvals in the transcript, co-signatures beside it.

use super::pass::Pass;
use super::report::FindingKind::{Broken, NotInOrder, Note, Open, Untrusted};
use crate::engine::call::sha256_hex;
use crate::engine::entry::Entry;
use crate::transcript::allowed_signers::Trust;
use crate::transcript::sign;
use crate::transcript::statement::{Statement, StatementKind};
use sha2::{Digest, Sha512};

/// An approval that is good in itself, to be compared with the whole run.
pub(super) struct Seen {
    /// The entry that embeds it, or `None` for a co-signature.
    pub n: Option<u64>,
    /// Who ran it when the approval came; empty for a co-signature, which is about all of them.
    pub operator: String,
    pub head_n: u64,
    pub head: String,
    pub by: String,
    pub key: String,
}

impl Pass<'_> {
    /// Judges an embedded statement. What it approves is for the engine; who signed it, over what, is for here.
    pub(super) fn approved(&mut self, n: u64, entry: &Entry, id: &str, line: &str, signature: &str) {
        if sha256_hex(line.as_bytes()) != id {
            self.find(Broken, Some(n), "the statement's id is not its hash".to_owned());
        }
        let statement = match Statement::parse(line) {
            Ok(statement) => statement,
            Err(why) => return self.find(Broken, Some(n), format!("the statement: {why}")),
        };
        if statement.kind == StatementKind::Cosign {
            self.find(NotInOrder, Some(n), "a co-signature is no approval".to_owned());
        }
        if statement.run != self.report.run {
            self.find(NotInOrder, Some(n), format!("the statement is about run {}", clean(&statement.run)));
        }
        if statement.head_n >= n {
            self.find(NotInOrder, Some(n), "the statement saw entries that came after it".to_owned());
        }
        let at = entry.wall.unwrap_or(entry.at);
        if let Some(key) = self.statement_key(Some(n), &statement, line, signature, at.time()) {
            let Statement { head_n, head, by, .. } = statement;
            let operator = self.operator_now.clone();
            self.seen.push(Seen { n: Some(n), operator, head_n, head, by, key });
        }
    }

    /// The fingerprint of the key that signed a statement, if it did.
    fn statement_key(
        &mut self,
        n: Option<u64>,
        statement: &Statement,
        line: &str,
        signature: &str,
        at: chrono::DateTime<chrono::Utc>,
    ) -> Option<String> {
        let by = clean(&statement.by);
        let namespace = statement.kind.namespace();
        let checked = match sign::check(signature.as_bytes(), namespace, &Sha512::digest(line.as_bytes()).into()) {
            Ok(checked) => checked,
            Err(why) => {
                self.find(Broken, n, format!("the signature of {by}'s statement: {why}"));
                return None;
            }
        };
        let trust = match self.allowed {
            None => Trust::No("no allowed_signers were given, so nobody is trusted".to_owned()),
            Some(all) => all.trust(&statement.by, namespace, &checked.key, at),
        };
        if let Trust::No(why) = trust {
            self.find(Untrusted, n, format!("{by} is not trusted: {why}"));
        } else if checked.certificate || checked.touched == Some(false) {
            self.find(Untrusted, n, format!("{by} is not trusted: signed with a certificate, or without a touch"));
        }
        Some(checked.key.fingerprint(ssh_key::HashAlg::Sha256).to_string())
    }

    /// Co-signatures of the seal that it asks for.
    pub(super) fn cosigners(&mut self, wanted: &[String], n: u64) {
        let lying = match Statement::lying_in(&self.folder) {
            Ok(lying) => lying,
            Err(error) => {
                self.find(Note, None, format!("approvals: {error}"));
                Vec::new()
            }
        };
        let mut by: Vec<String> = Vec::new();
        for (id, line, signature) in &lying {
            let Ok(statement) = Statement::parse(line) else {
                self.find(Note, None, format!("approvals/{}.json is no statement", clean(id)));
                continue;
            };
            let about_us = statement.kind == StatementKind::Cosign
                && statement.run == self.report.run
                && statement.head_n == n
                && statement.head == self.report.head;
            if !about_us {
                continue;
            }
            // A co-signature says no time of its own; the seal that it is about does.
            let at = self.sealed_at.map_or(statement.expires, |at| at).time();
            if let Some(key) = self.statement_key(None, &statement, line, signature, at) {
                let Statement { head_n, head, by: who, .. } = statement;
                self.report.anchors.push(format!("co-signed by {}, {key}", clean(&who)));
                by.push(who.clone());
                self.seen.push(Seen { n: None, operator: String::new(), head_n, head, by: who, key });
            }
        }
        for missing in wanted.iter().filter(|wanted| !by.contains(wanted)) {
            self.find(Open, Some(n), format!("the co-signature of {} is missing", clean(missing)));
        }
    }

    /// Approver and operator differ by principal, by key, and (by the roster) as people.
    ///
    /// An approver may take the run over later, as themselves: that voids what they approved, which is the engine's to
    /// judge. Nobody may vouch for a run by a key that runs it under another name.
    pub(super) fn strangers(&mut self) {
        for seen in std::mem::take(&mut self.seen) {
            let owner = self.operator_keys.get(&seen.key).filter(|owner| **owner != seen.by).cloned();
            if let Some(operator) = owner {
                let text = format!("{} signed with the key of {operator}, who runs this", clean(&seen.by));
                self.find(NotInOrder, seen.n, text);
            }
            let operators: Vec<String> = match seen.n {
                Some(_) => vec![seen.operator.clone()],
                None => self.operator_keys.values().cloned().collect(),
            };
            for operator in operators {
                let same = operator == seen.by
                    || self.people.as_ref().is_some_and(|roster| {
                        let person = roster.by_principal(&operator);
                        person.is_some() && person == roster.by_principal(&seen.by)
                    });
                if same {
                    let text = format!("{} is {operator}, who runs this, and can't also vouch for it", clean(&seen.by));
                    self.find(NotInOrder, seen.n, text);
                }
            }
            self.heads_seen.insert((seen.head_n, seen.head), seen.n);
        }
    }
}

/// For text that came from the folder and goes to a terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}
