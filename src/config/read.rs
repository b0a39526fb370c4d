//! From YAML to [`Config`].

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::{
    Config, Consumers, DrillKey, DrillUser, DrillWorld, EVENTS, Environment, Located, Notify, Person, Policy, System,
    TokenSource,
};
use crate::diagnostic::{Finding, Severity, Source, Span};
use crate::engine::entry::EnvironmentKind;
use crate::runbook::codes;
use crate::runbook::model::InputType;
use crate::runbook::yaml::reader::{Fields, Reader};
use crate::runbook::yaml::{Kind, Yaml, fits, load};

const TOP: &[&str] =
    &["environments", "systems", "consumers", "roster", "signing_key", "seal_to", "store", "policy", "notify", "drill"];
const ENVIRONMENT: &[&str] =
    &["kind", "account", "region", "profile", "endpoints", "colour", "read_only", "systems", "inputs"];
const COLOURS: &[&str] = &["red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const SERVICES: &[&str] = &["iam", "sts", "s3", "ssm", "secretsmanager", "cloudtrail", "logs"];

pub(super) fn config(name: &str, text: &str) -> Result<Config, Vec<Finding>> {
    let source = Source::new(name, text);
    if text.trim().is_empty() {
        return Ok(Config { source, ..Config::default() });
    }
    let tree = load(&source).map_err(|finding| vec![finding])?;
    let mut reader = Reader::new(&source);
    let config = reader.config(&tree);
    let findings = reader.findings;
    match config {
        Some(config) if !findings.iter().any(|finding| finding.severity == Severity::Error) => {
            Ok(Config { source, ..config })
        }
        _ => Err(findings),
    }
}

impl Reader<'_> {
    fn config(&mut self, tree: &Yaml) -> Option<Config> {
        // A file of nothing but comments.
        if tree.kind == Kind::Null {
            return Some(Config::default());
        }
        let fields = self.fields(tree, "keyward.yaml", TOP)?;
        let mut environments = BTreeMap::new();
        for (name, span, value) in self.named(&fields, "environments") {
            if let Some(environment) = self.environment(&name, span, value) {
                environments.insert(name, environment);
            }
        }
        let mut consumers = BTreeMap::new();
        for (user, span, value) in self.named(&fields, "consumers") {
            if let Err(message) = fits(&InputType::IamUser, &Value::String(user.clone())) {
                self.push(Finding::error(codes::WRONG_VALUE, span, message));
            }
            consumers.extend(self.consumers(span, value).map(|found| (user, found)));
        }
        let roster = self.roster(fields.get("roster"));
        let policy = self.policy(fields.get("policy"), &roster);
        Some(Config {
            source: Source::default(),
            environments,
            systems: self.systems(&fields),
            consumers,
            roster,
            signing_key: self.optional_text(&fields, "signing_key"),
            seal_to: fields.get("seal_to").map(|yaml| self.texts(yaml, "recipients")).unwrap_or_default(),
            store: self.optional_text(&fields, "store"),
            policy,
            notify: self.notify(fields.get("notify")),
            drill: self.drill(fields.get("drill")),
        })
    }

    /// The entries of a map by name.
    fn named<'y>(&mut self, fields: &Fields<'y>, key: &str) -> Vec<(String, Span, &'y Yaml)> {
        let Some(entries) = fields.get(key).and_then(|yaml| self.entries(yaml, &format!("`{key}`"))) else {
            return Vec::new();
        };
        entries.iter().map(|(key, value)| (key.name.clone(), key.span, value)).collect()
    }

    fn environment(&mut self, name: &str, span: Span, yaml: &Yaml) -> Option<Environment> {
        self.name(name, span, "an environment", true);
        let fields = self.fields(yaml, "an environment", ENVIRONMENT)?;
        const KINDS: &[(&str, EnvironmentKind)] = &[
            ("sandbox", EnvironmentKind::Sandbox),
            ("rehearsal", EnvironmentKind::Rehearsal),
            ("account", EnvironmentKind::Account),
        ];
        let kind = match fields.get("kind") {
            Some(yaml) => self.word(yaml, KINDS),
            None => {
                self.missing(&fields, "kind", "an environment");
                None
            }
        }?;
        let real = kind == EnvironmentKind::Account;
        let account = match (fields.get("account"), real) {
            (Some(yaml), _) => self.account(yaml)?,
            (None, true) => {
                self.missing(&fields, "account", "an environment of the kind account");
                return None;
            }
            (None, false) => "000000000000".into(),
        };
        let region = match (self.optional_text(&fields, "region"), real) {
            (Some(region), _) => region,
            (None, true) => {
                self.missing(&fields, "region", "an environment of the kind account");
                return None;
            }
            (None, false) => "eu-central-1".into(),
        };
        let colour = self.optional_text(&fields, "colour");
        if let (Some(colour), Some(at)) = (&colour, fields.get("colour"))
            && !COLOURS.contains(&colour.as_str())
        {
            let message = format!("`{colour}` is not a colour of a terminal");
            self.unknown(codes::UNKNOWN_NAME, at.span, message, colour, COLOURS.iter().copied());
        }
        if kind == EnvironmentKind::Sandbox
            && let Some(span) = fields.key("profile")
        {
            self.push(Finding::error(
                codes::SETTING_REFUSED,
                span,
                "a sandbox takes no profile: it can't reach an account",
            ));
        }
        let endpoints = self.endpoints(kind, &fields);
        let mut inputs = BTreeMap::new();
        for (name, _, yaml) in self.named(&fields, "inputs") {
            inputs.extend(self.value(yaml).map(|value| (name, Located { value, span: yaml.span })));
        }
        Some(Environment {
            name: name.to_owned(),
            kind,
            account,
            region,
            profile: self.optional_text(&fields, "profile"),
            endpoints,
            colour,
            read_only: self.flag(&fields, "read_only"),
            systems: self.systems(&fields),
            inputs,
            span,
        })
    }

    fn account(&mut self, yaml: &Yaml) -> Option<String> {
        let text = self.text(yaml)?;
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(text);
        }
        self.push(Finding::error(codes::WRONG_VALUE, yaml.span, format!("`{text}` is not an account id of 12 digits")));
        None
    }

    fn endpoints(&mut self, kind: EnvironmentKind, fields: &Fields<'_>) -> BTreeMap<String, String> {
        let mut endpoints = BTreeMap::new();
        let refused = match kind {
            EnvironmentKind::Account => Some("an account has no endpoints but AWS's own: a real run can't be fooled"),
            EnvironmentKind::Sandbox => Some("a sandbox is embedded and has its own endpoints"),
            EnvironmentKind::Rehearsal => None,
        };
        if let (Some(reason), Some(span)) = (refused, fields.key("endpoints")) {
            let finding = Finding::error(codes::SETTING_REFUSED, span, reason);
            self.push(finding.hint("leave it out, or say `kind: rehearsal`"));
            return endpoints;
        }
        for (service, span, yaml) in self.named(fields, "endpoints") {
            if !SERVICES.contains(&service.as_str()) {
                let message = format!("there is no service `{service}`");
                self.unknown(codes::UNKNOWN_NAME, span, message, &service, SERVICES.iter().copied());
            }
            let Some(url) = self.url(yaml) else { continue };
            if !is_loopback(&url) {
                let message = "a rehearsal reaches nothing but this machine";
                self.push(Finding::error(codes::SETTING_REFUSED, yaml.span, message).hint("http://127.0.0.1:PORT"));
            }
            endpoints.insert(service, url);
        }
        endpoints
    }

    /// A base URL without credentials in it.
    fn url(&mut self, yaml: &Yaml) -> Option<String> {
        let text = self.text(yaml)?;
        let (message, hint) = match authority(&text) {
            None => (format!("`{text}` is not a URL that begins with https:// or http://"), "https://HOST"),
            // The URL is not repeated: what stands before the @ may be a password.
            Some(authority) if authority.contains('@') => {
                ("a URL with credentials in it".to_owned(), "say by `token` where they come from")
            }
            Some(_) if text.contains(['?', '#']) => {
                ("a base URL has no query or fragment".to_owned(), "https://HOST/PATH")
            }
            Some(_) => return Some(text.trim_end_matches('/').to_owned()),
        };
        self.push(Finding::error(codes::WRONG_VALUE, yaml.span, message).hint(hint));
        None
    }

    fn systems(&mut self, fields: &Fields<'_>) -> BTreeMap<String, System> {
        let mut systems = BTreeMap::new();
        for (name, span, yaml) in self.named(fields, "systems") {
            self.name(&name, span, "a system", true);
            let Some(fields) = self.fields(yaml, "a system", &["url", "token"]) else { continue };
            let Some(at) = fields.get("url") else {
                self.missing(&fields, "url", "a system");
                continue;
            };
            let Some(url) = self.url(at) else { continue };
            if url.starts_with("http://") && !is_loopback(&url) {
                let message = "secrets would go over the network in clear";
                self.push(Finding::error(codes::SETTING_REFUSED, at.span, message).hint("use https://"));
            }
            let token = fields.get("token").and_then(|yaml| self.token(yaml));
            systems.insert(name, System { url, token });
        }
        systems
    }

    fn token(&mut self, yaml: &Yaml) -> Option<TokenSource> {
        if matches!(yaml.kind, Kind::Text(_)) {
            let finding = Finding::error(codes::WRONG_VALUE, yaml.span, "a token never stands in a file");
            self.push(finding.hint("{env: NAME}, or {command: [program, argument]}"));
            return None;
        }
        let fields = self.fields(yaml, "`token`", &["env", "command"])?;
        match (fields.get("env"), fields.get("command")) {
            (Some(name), None) => self.text(name).map(TokenSource::Env),
            (None, Some(argv)) => Some(TokenSource::Command(self.argv_of(argv)?)),
            _ => {
                let message = "a token comes from `env` or from a `command`";
                self.push(Finding::error(codes::CONTRADICTION, yaml.span, message));
                None
            }
        }
    }

    fn argv_of(&mut self, yaml: &Yaml) -> Option<Vec<String>> {
        let argv = self.texts(yaml, "a program and its arguments");
        if argv.is_empty() {
            self.push(Finding::error(codes::MISSING, yaml.span, "a command names a program"));
            return None;
        }
        Some(argv)
    }

    fn consumers(&mut self, span: Span, yaml: &Yaml) -> Option<Consumers> {
        let fields = self.fields(yaml, "a user's consumers", &["elevated", "store", "consumers"])?;
        let store = fields.get("store").and_then(|yaml| self.located(yaml, &InputType::Holder));
        let Some(at) = fields.get("consumers") else {
            self.missing(&fields, "consumers", "a user's consumers");
            return None;
        };
        let consumers = self.located(at, &InputType::Holders)?;
        Some(Consumers { elevated: self.flag(&fields, "elevated"), store, consumers, span })
    }

    fn located(&mut self, yaml: &Yaml, kind: &InputType) -> Option<Located> {
        let value = self.value(yaml)?;
        if let Err(message) = fits(kind, &value) {
            self.push(Finding::error(codes::WRONG_VALUE, yaml.span, message));
            return None;
        }
        Some(Located { value, span: yaml.span })
    }

    fn roster(&mut self, yaml: Option<&Yaml>) -> Vec<Person> {
        let Some(yaml) = yaml else { return Vec::new() };
        let mut people: Vec<Person> = Vec::new();
        for item in self.list(yaml, "people") {
            let known = ["person", "principals", "keys", "roles", "arns"];
            let Some(fields) = self.fields(item, "a person", &known) else { continue };
            let name = self.required_text(&fields, "person", "a person").unwrap_or_default();
            let mut list = |key: &str| fields.get(key).map(|yaml| self.texts(yaml, key)).unwrap_or_default();
            let (principals, keys) = (list("principals"), list("keys"));
            let (roles, arns) = (list("roles"), list("arns"));
            let at = |key: &str| fields.get(key).map_or(item.span, |yaml| yaml.span);
            if principals.is_empty() {
                self.missing(&fields, "principals", "a person");
            }
            for principal in &principals {
                if !is_principal(principal) {
                    let message = format!("`{principal}` can't be a principal");
                    let finding = Finding::error(codes::WRONG_VALUE, at("principals"), message);
                    self.push(finding.hint("letters, digits and ._@+- only, neither . nor - first"));
                }
                if people.iter().any(|other| other.principals.contains(principal)) {
                    let message = format!("two people have the principal `{principal}`");
                    self.push(Finding::error(codes::NAME_TAKEN, at("principals"), message));
                }
            }
            let mut public = Vec::new();
            for key in &keys {
                if key.contains("PRIVATE KEY") {
                    let message = "this is a private key; it never stands in a file of ours";
                    let finding = Finding::error(codes::WRONG_VALUE, at("keys"), message);
                    self.push(finding.hint("take the line of the .pub file"));
                    continue;
                }
                let Ok(parsed) = ssh_key::PublicKey::from_openssh(key) else {
                    let finding = Finding::error(codes::WRONG_VALUE, at("keys"), "not a public SSH key");
                    self.push(finding.hint("take the line of the .pub file: ssh-ed25519 AAAA…"));
                    continue;
                };
                // Without its comment: the same key with another comment is the same key.
                let bare = parsed.to_openssh().unwrap_or_else(|_| key.clone());
                let bare = bare.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
                if people.iter().any(|other| other.keys.contains(&bare)) {
                    let message = format!("{name} has the key of another person");
                    let finding = Finding::error(codes::NAME_TAKEN, at("keys"), message);
                    self.push(finding.hint("nobody could tell who signed"));
                }
                public.push(bare);
            }
            people.push(Person { person: name, principals, keys: public, roles, arns });
        }
        people
    }

    fn policy(&mut self, yaml: Option<&Yaml>, roster: &[Person]) -> Policy {
        let default = Policy::default();
        let known = ["max_age", "warn_before", "unused_after", "cosigners"];
        let Some(fields) = yaml.and_then(|yaml| self.fields(yaml, "`policy`", &known)) else { return default };
        let cosigners = fields.get("cosigners").map(|yaml| self.texts(yaml, "principals")).unwrap_or_default();
        let principals: Vec<&str> = roster.iter().flat_map(|person| &person.principals).map(String::as_str).collect();
        for principal in cosigners.iter().filter(|principal| !principals.contains(&principal.as_str())) {
            let at = fields.get("cosigners").map_or(fields.span, |yaml| yaml.span);
            let message = format!("`{principal}` is nobody on the roster");
            self.unknown(codes::UNKNOWN_NAME, at, message, principal, principals.iter().copied());
        }
        Policy {
            max_age: self.optional_duration(&fields, "max_age").unwrap_or(default.max_age),
            warn_before: self.optional_duration(&fields, "warn_before").unwrap_or(default.warn_before),
            unused_after: self.optional_duration(&fields, "unused_after").unwrap_or(default.unused_after),
            cosigners,
        }
    }

    fn notify(&mut self, yaml: Option<&Yaml>) -> Vec<Notify> {
        let Some(yaml) = yaml else { return Vec::new() };
        let mut out = Vec::new();
        for item in self.list(yaml, "who is told") {
            let Some(fields) = self.fields(item, "`notify`", &["command", "on"]) else { continue };
            let Some(argv) = fields.get("command") else {
                self.missing(&fields, "command", "`notify`");
                continue;
            };
            let Some(command) = self.argv_of(argv) else { continue };
            let on = fields.get("on").map(|yaml| self.texts(yaml, "events")).unwrap_or_default();
            for event in on.iter().filter(|event| !EVENTS.contains(&event.as_str())) {
                let at = fields.get("on").map_or(item.span, |yaml| yaml.span);
                let message = format!("there is no event `{event}`");
                self.unknown(codes::UNKNOWN_NAME, at, message, event, EVENTS.iter().copied());
            }
            out.push(Notify { command, on });
        }
        out
    }

    fn drill(&mut self, yaml: Option<&Yaml>) -> DrillWorld {
        let Some(fields) = yaml.and_then(|yaml| self.fields(yaml, "`drill`", &["users", "holders"])) else {
            return DrillWorld::default();
        };
        let mut users = Vec::new();
        for item in fields.get("users").map(|yaml| self.list(yaml, "users")).unwrap_or_default() {
            let Some(fields) = self.fields(item, "a user", &["name", "keys"]) else { continue };
            let Some(name) = self.required_text(&fields, "name", "a user") else { continue };
            if let Err(message) = fits(&InputType::IamUser, &Value::String(name.clone())) {
                self.push(Finding::error(codes::WRONG_VALUE, item.span, message));
            }
            let keys = fields.get("keys").map(|yaml| self.list(yaml, "keys")).unwrap_or_default();
            if keys.len() > 2 {
                let at = fields.get("keys").map_or(item.span, |yaml| yaml.span);
                self.push(Finding::error(codes::WRONG_VALUE, at, "AWS allows a user two keys"));
            }
            let keys = keys.iter().filter_map(|key| self.drill_key(key)).collect();
            users.push(DrillUser { name, keys });
        }
        let holders = fields.get("holders").and_then(|yaml| self.located(yaml, &InputType::Holders));
        let holders = holders.and_then(|located| located.value.as_array().cloned()).unwrap_or_default();
        DrillWorld { users, holders }
    }

    fn drill_key(&mut self, yaml: &Yaml) -> Option<DrillKey> {
        let fields = self.fields(yaml, "a key", &["status", "age", "last_used"])?;
        let status =
            fields.get("status").map_or(Some(true), |yaml| self.word(yaml, &[("Active", true), ("Inactive", false)]));
        let age = fields.get("age").map_or(Some(std::time::Duration::ZERO), |yaml| self.duration(yaml));
        let last_used = match fields.get("last_used") {
            Some(Yaml { kind: Kind::Text(text), .. }) if text == "never" => None,
            Some(yaml) => Some(self.duration(yaml)?),
            None => None,
        };
        Some(DrillKey { active: status?, age: age?, last_used })
    }
}

/// TRANSCRIPT "Checkpoints": literal principals, so that no line of `allowed_signers` can mean more than one.
fn is_principal(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['.', '-'])
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._@+-".contains(c))
}

/// What stands between the scheme and the path.
fn authority(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let plain = |c: char| c.is_ascii_graphic() && !"\\\"<>^`{|}".contains(c);
    (!authority.is_empty() && url.chars().all(plain)).then_some(authority)
}

/// True if a URL's host is this machine: `localhost`, 127.0.0.0/8 or ::1.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Some(authority) = authority(url).filter(|authority| !authority.contains('@')) else { return false };
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
