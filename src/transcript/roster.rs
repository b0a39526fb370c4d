//! The roster, `roster.json`: who the people are. One person is one entry, whatever number of keys and names they have;
//! that is what keeps a second key from being a second person.

use serde::{Deserialize, Serialize};
use ssh_key::PublicKey;

use super::allowed_signers::AllowedSigners;
use super::error::Error;
use super::sign::{APPROVER, KEEPER, OPERATOR};
use super::signing_key::{allowed_line, openssh};

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person, by a name that is unique in the roster.
    pub person: String,
    /// What they sign as.
    pub principals: Vec<String>,
    /// Public keys as OpenSSH writes them: type, base64, comment.
    pub keys: Vec<String>,
    /// `ops`, `superadmin`, …
    pub roles: Vec<String>,
    /// The ARNs that they call AWS as.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arns: Vec<String>,
    /// Namespaces that their keys count under; all three unless said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

/// Everybody who may take part in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// The people.
    pub people: Vec<Person>,
}

impl Roster {
    /// A roster of one, for a run without any configured.
    pub fn of_one(principal: &str, key: &PublicKey, roles: &[&str], arn: &str) -> Result<Self, Error> {
        let person = Person {
            person: principal.to_owned(),
            principals: vec![principal.to_owned()],
            keys: vec![openssh(key)?],
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            arns: if arn.is_empty() { Vec::new() } else { vec![arn.to_owned()] },
            namespaces: Vec::new(),
        };
        Ok(Self { people: vec![person] })
    }

    /// Reads `roster.json`, and checks that no name and no key belongs to two people.
    ///
    /// # Errors
    /// A sentence.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let roster: Self = serde_json::from_slice(text).map_err(|error| format!("not a roster: {error}"))?;
        roster.check()?;
        Ok(roster)
    }

    /// As `roster.json` is written: pretty, with an LF at its end.
    pub fn to_json(&self) -> String {
        // Strings and lists alone: nothing here can fail to be written.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Says what is wrong with it: a name or key of two people, a name that is no principal, a key that is none.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        let mut seen = std::collections::HashMap::new();
        for person in &self.people {
            let mut names = vec![format!("person {}", person.person)];
            for principal in &person.principals {
                if !super::principal::is_principal(principal) {
                    return Err(format!(
                        "roster: `{}` can't be a principal; use letters, digits and ._@+-",
                        principal.escape_debug()
                    ));
                }
                names.push(format!("principal {principal}"));
            }
            for key in &person.keys {
                let key = PublicKey::from_openssh(key)
                    .map_err(|error| format!("roster: a key of {} can't be read: {error}", person.person))?;
                names.push(format!("key {}", key.fingerprint(ssh_key::HashAlg::Sha256)));
            }
            for name in names {
                if let Some(other) = seen.insert(name.clone(), &person.person) {
                    return Err(format!("roster: {name} stands twice, at {other} and at {}", person.person));
                }
            }
        }
        Ok(())
    }

    /// The person who signs as `principal`.
    pub fn by_principal(&self, principal: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.principals.iter().any(|p| p == principal))
    }

    /// The person whose key it is.
    pub fn by_key(&self, key: &PublicKey) -> Option<&Person> {
        self.people.iter().find(|person| {
            person.keys.iter().any(|k| PublicKey::from_openssh(k).is_ok_and(|k| k.key_data() == key.key_data()))
        })
    }

    /// The person who calls AWS under that ARN.
    pub fn by_arn(&self, arn: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.arns.iter().any(|a| a == arn))
    }

    /// The `allowed_signers` file that says the same, for verifiers to take from a place that they trust.
    ///
    /// # Errors
    /// A key that can't be read.
    pub fn allowed_signers(&self) -> Result<String, Error> {
        let mut text = String::new();
        for person in &self.people {
            let all = [OPERATOR, APPROVER, KEEPER];
            let namespaces: Vec<&str> = if person.namespaces.is_empty() {
                all.to_vec()
            } else {
                person.namespaces.iter().map(String::as_str).collect()
            };
            for key in &person.keys {
                let key = PublicKey::from_openssh(key)
                    .map_err(|error| Error::NotFound(format!("a key of {} can't be read: {error}", person.person)))?;
                text.push_str(&allowed_line(&person.principals.join(","), &namespaces, &openssh(&key)?));
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// [`Roster::allowed_signers`], parsed.
    ///
    /// # Errors
    /// A key that can't be read.
    pub fn signers(&self) -> Result<AllowedSigners, Error> {
        Ok(AllowedSigners::parse(&self.allowed_signers()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Trust;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn person(name: &str, key: &str) -> Person {
        Person {
            person: name.into(),
            principals: vec![format!("{name}@example.com"), name.into()],
            keys: vec![key.into()],
            roles: vec!["ops".into()],
            arns: vec![format!("arn:aws:iam::111122223333:user/{name}")],
            namespaces: Vec::new(),
        }
    }

    #[test]
    fn one_key_is_one_person() {
        let roster = Roster { people: vec![person("alice", KEY), person("bob", &format!("{KEY} again"))] };
        assert!(Roster::from_json(roster.to_json().as_bytes()).unwrap_err().contains("stands twice"));
        let mut twice = Roster { people: vec![person("alice", KEY), person("bob", KEY)] };
        twice.people[1].keys.clear();
        twice.people[1].principals = vec!["alice".into()];
        assert!(twice.check().unwrap_err().contains("principal alice"));
        for bad in ["{\"people\":[{\"person\":\"a\"}]}", "{\"people\":[],\"more\":1}", "[]", ""] {
            assert!(Roster::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Roster { people: vec![person("*", KEY)] }.check().unwrap_err().contains("principal"));
        assert!(Roster { people: vec![person("al", "ssh-ed25519 x")] }.check().unwrap_err().contains("can't be read"));
    }

    #[test]
    fn people_are_found_by_name_key_and_arn_and_trusted_by_its_allowed_signers() {
        let roster = Roster { people: vec![person("alice", KEY)] };
        assert_eq!(Roster::from_json(roster.to_json().as_bytes()).unwrap(), roster);
        let key = PublicKey::from_openssh(KEY).unwrap();
        assert_eq!(roster.by_principal("alice").unwrap().person, "alice");
        assert_eq!(roster.by_key(&key).unwrap().person, "alice");
        assert_eq!(roster.by_arn("arn:aws:iam::111122223333:user/alice").unwrap().person, "alice");
        assert!(roster.by_principal("alic").is_none());
        let trust = roster.signers().unwrap().trust("alice", OPERATOR, &key, chrono::Utc::now());
        assert_eq!(trust, Trust::Yes(1));
    }
}
