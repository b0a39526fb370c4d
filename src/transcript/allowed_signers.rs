//! `allowed_signers`, more strictly than `ssh-keygen` reads it (ssh-keygen(1), "ALLOWED SIGNERS").
//!
//! A line counts only with an explicit `namespaces=`, literal principals and times in UTC. Lines that do not count are
//! reported with their numbers: a verifier who believes to trust someone must learn that they don't.

use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::Serialize;
use ssh_key::PublicKey;

use super::error::Error;
use super::folder::read_up_to;
use super::principal::is_principal;

/// One line that counts.
#[derive(Clone, Debug)]
pub struct AllowedSigner {
    /// From 1.
    pub line: usize,
    /// Literal.
    pub principals: Vec<String>,
    /// Literal.
    pub namespaces: Vec<String>,
    /// The key.
    pub key: PublicKey,
    /// Not valid before.
    pub after: Option<DateTime<Utc>>,
    /// Not valid after.
    pub before: Option<DateTime<Utc>>,
}

/// A line that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// From 1.
    pub line: usize,
    /// Why, and what to write instead.
    pub why: String,
}

/// Whether a signature's maker is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By the line of that number.
    Yes(usize),
    /// Not, and why.
    No(String),
}

/// Whom a verifier trusts, for what, and when.
#[derive(Clone, Debug, Default)]
pub struct AllowedSigners {
    /// Lines that count.
    pub signers: Vec<AllowedSigner>,
    /// Lines that don't.
    pub refusals: Vec<Refusal>,
}

impl AllowedSigners {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that can't be read. Bad lines are [`AllowedSigners::refusals`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read_up_to(path, 16 * 1024 * 1024).map_err(Error::io("read", path))?;
        let text = String::from_utf8(bytes).map_err(|_| Error::file(path, "it is not UTF-8"))?;
        Ok(Self::parse(&text))
    }

    /// Reads a file's text.
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for (index, line) in text.split('\n').enumerate() {
            let number = index + 1;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            match parse_line(number, line) {
                Ok(signer) => all.signers.push(signer),
                Err(why) => all.refusals.push(Refusal { line: number, why }),
            }
        }
        all
    }

    /// Is `key` trusted to sign as `principal` under `namespace` at that time?
    pub fn trust(&self, principal: &str, namespace: &str, key: &PublicKey, at: DateTime<Utc>) -> Trust {
        let named: Vec<_> = self.signers.iter().filter(|s| s.principals.iter().any(|p| p == principal)).collect();
        if named.is_empty() {
            return Trust::No(format!("no line that counts names {principal}"));
        }
        let held: Vec<_> = named.into_iter().filter(|s| s.key.key_data() == key.key_data()).collect();
        if held.is_empty() {
            return Trust::No(format!("{principal} has no such key"));
        }
        let role: Vec<_> = held.into_iter().filter(|s| s.namespaces.iter().any(|n| n == namespace)).collect();
        if role.is_empty() {
            return Trust::No(format!("{principal}'s key does not count under {namespace}"));
        }
        for signer in &role {
            // As ssh-keygen: whole seconds, and both ends of the window are inside it.
            let inside = |after: DateTime<Utc>, before: DateTime<Utc>| after.timestamp() <= before.timestamp();
            if signer.after.is_none_or(|after| inside(after, at))
                && signer.before.is_none_or(|before| inside(at, before))
            {
                return Trust::Yes(signer.line);
            }
        }
        Trust::No(format!("{principal}'s key was not valid at {}", at.format("%Y-%m-%dT%H:%M:%SZ")))
    }
}

fn parse_line(number: usize, line: &str) -> Result<AllowedSigner, String> {
    if line.ends_with('\r') {
        return Err("the line ends in CR; write the file with LF line ends".to_owned());
    }
    let line = line.trim_start_matches([' ', '\t']);
    let (principals, rest) = line.split_once([' ', '\t']).ok_or("no key")?;
    let principals: Vec<String> = principals.split(',').map(str::to_owned).collect();
    if let Some(bad) = principals.iter().find(|principal| !is_principal(principal)) {
        return Err(format!(
            "`{}` is not a literal principal; name each person, in letters, digits and ._@+-",
            bad.escape_debug()
        ));
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    let (options, key) = match PublicKey::from_openssh(rest) {
        // A key at once: there are no options.
        Ok(_) => (Vec::new(), rest),
        Err(_) => split_options(rest)?,
    };
    let (mut namespaces, mut after, mut before) = (None, None, None);
    for (name, value) in options {
        match (name.to_ascii_lowercase().as_str(), value) {
            ("cert-authority", None) => {
                return Err("cert-authority is not supported; name each person's own key".to_owned());
            }
            ("namespaces", Some(list)) if namespaces.is_none() => {
                let list: Vec<String> = list.split(',').map(str::to_owned).collect();
                if let Some(bad) = list.iter().find(|name| !is_principal(name)) {
                    return Err(format!("`{}` is not a literal namespace", bad.escape_debug()));
                }
                namespaces = Some(list);
            }
            ("valid-after", Some(time)) if after.is_none() => after = Some(parse_time(&time)?),
            ("valid-before", Some(time)) if before.is_none() => before = Some(parse_time(&time)?),
            ("namespaces" | "valid-after" | "valid-before", Some(_)) => return Err(format!("`{name}` is said twice")),
            _ => return Err(format!("unknown option `{}`", name.escape_debug())),
        }
    }
    let namespaces = namespaces.ok_or("no namespaces=; write for example namespaces=\"operator@keyward\"")?;
    if let (Some(after), Some(before)) = (after, before)
        && before <= after
    {
        return Err("valid-before is not later than valid-after".to_owned());
    }
    let key = PublicKey::from_openssh(key).map_err(|error| format!("not a public key: {error}"))?;
    Ok(AllowedSigner { line: number, principals, namespaces, key, after, before })
}

type NameAndValue = (String, Option<String>);

/// Splits `name="value",flag KEY` at the blank that no quotes hold.
fn split_options(text: &str) -> Result<(Vec<NameAndValue>, &str), String> {
    let mut options = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['=', ',', ' ', '\t']).ok_or("no key after the options")?;
        let name = rest[..end].to_owned();
        let mut value = None;
        rest = &rest[end..];
        if let Some(quoted) = rest.strip_prefix('=') {
            let inner = quoted.strip_prefix('"').ok_or_else(|| format!("the value of `{name}` is not in quotes"))?;
            let close = inner.find('"').ok_or_else(|| format!("the quotes of `{name}` are not closed"))?;
            if inner[..close].contains('\\') {
                return Err(format!("a backslash in the value of `{name}`"));
            }
            value = Some(inner[..close].to_owned());
            rest = &inner[close + 1..];
        }
        options.push((name, value));
        match rest.chars().next() {
            Some(',') => rest = &rest[1..],
            Some(' ' | '\t') => return Ok((options, rest.trim_start_matches([' ', '\t']))),
            _ => return Err("options are separated by commas and end with a blank".to_owned()),
        }
    }
}

/// `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`.
fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    let fault = || format!("`{}` is not a time; write YYYYMMDDHHMMSSZ", text.escape_debug());
    let digits = text.strip_suffix('Z').ok_or_else(|| {
        format!("`{}` has no Z; without it each verifier reads its own time zone", text.escape_debug())
    })?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let time = match digits.len() {
        8 => NaiveDate::parse_from_str(digits, "%Y%m%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0)),
        12 => NaiveDateTime::parse_from_str(&format!("{digits}00"), "%Y%m%d%H%M%S").ok(),
        14 => NaiveDateTime::parse_from_str(digits, "%Y%m%d%H%M%S").ok(),
        _ => None,
    };
    time.map(|time| time.and_utc()).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn refusal(line: &str) -> String {
        let all = AllowedSigners::parse(&format!("# a comment\n\n{line}\n"));
        assert!(all.signers.is_empty(), "{line} must not count");
        assert_eq!(all.refusals.len(), 1);
        assert_eq!(all.refusals[0].line, 3);
        all.refusals[0].why.clone()
    }

    #[test]
    fn a_line_that_does_not_say_exactly_whom_and_what_for_does_not_count() {
        for (line, why) in [
            (format!("alice {KEY}"), "no namespaces="),
            (format!("* namespaces=\"operator@keyward\" {KEY}"), "not a literal principal"),
            (format!("alice,*@example.com namespaces=\"operator@keyward\" {KEY}"), "not a literal principal"),
            (format!("!alice namespaces=\"operator@keyward\" {KEY}"), "not a literal principal"),
            (format!("-alice namespaces=\"operator@keyward\" {KEY}"), "not a literal principal"),
            (format!("alice namespaces=\"*\" {KEY}"), "not a literal namespace"),
            (format!("alice namespaces=\"\" {KEY}"), "not a literal namespace"),
            (format!("alice cert-authority,namespaces=\"operator@keyward\" {KEY}"), "cert-authority is not supported"),
            (format!("alice namespaces=\"a\",valid-after=\"20260101\" {KEY}"), "no Z"),
            (format!("alice namespaces=\"a\",valid-after=\"2026-01-01Z\" {KEY}"), "not a time"),
            (format!("alice namespaces=\"a\",valid-after=\"20261301Z\" {KEY}"), "not a time"),
            (format!("alice namespaces=\"a\",valid-after=\"2026Z\" {KEY}"), "not a time"),
            (format!("alice namespaces=\"a\",valid-after=\"20260102Z\",valid-before=\"20260101Z\" {KEY}"), "not later"),
            (format!("alice namespaces=\"a\",namespaces=\"b\" {KEY}"), "said twice"),
            (format!("alice namespaces=a {KEY}"), "not in quotes"),
            (format!("alice namespaces=\"a {KEY}"), "not closed"),
            (format!("alice namespaces=\"a\"{KEY}"), "separated by commas"),
            (format!("alice namespaces=\"a\",no-touch {KEY}"), "unknown option"),
            (format!("alice namespaces=\"a\" {KEY}\r"), "CR"),
            ("alice namespaces=\"a\" ssh-ed25519 AAAA".to_owned(), "not a public key"),
            ("alice".to_owned(), "no key"),
        ] {
            let said = refusal(&line);
            assert!(said.contains(why), "{line}: {said}");
        }
    }

    #[test]
    fn trust_needs_the_principal_the_key_the_role_and_the_time() {
        let all = AllowedSigners::parse(&format!(
            "alice,al namespaces=\"operator@keyward,keeper@keyward\",valid-after=\"20260101Z\",valid-before=\"202606010000Z\" {KEY} a comment\n"
        ));
        assert!(all.refusals.is_empty(), "{:?}", all.refusals);
        let key = PublicKey::from_openssh(KEY).unwrap();
        let other = PublicKey::from_openssh(OTHER).unwrap();
        let ask = |principal, namespace, key, time: &str| all.trust(principal, namespace, key, at(time));
        let spring = "2026-03-01T00:00:00Z";
        assert_eq!(ask("alice", "operator@keyward", &key, spring), Trust::Yes(1));
        assert_eq!(ask("al", "keeper@keyward", &key, spring), Trust::Yes(1));
        for (principal, namespace, key, time, why) in [
            ("bob", "operator@keyward", &key, spring, "names bob"),
            ("alice", "operator@keyward", &other, spring, "no such key"),
            ("alice", "approver@keyward", &key, spring, "does not count under"),
            ("alice", "operator@keyward", &key, "2025-12-31T23:59:59Z", "not valid at"),
            ("alice", "operator@keyward", &key, "2026-06-01T00:00:01Z", "not valid at"),
        ] {
            match ask(principal, namespace, key, time) {
                Trust::No(said) => assert!(said.contains(why), "{said}"),
                Trust::Yes(_) => panic!("{principal} {namespace} {time}"),
            }
        }
    }
}
