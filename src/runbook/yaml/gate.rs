//! `gate:` and `expect:`.

use std::time::Duration;

use super::keys;
use super::reader::{Fields, Reader, one_of};
use super::{Kind, Yaml};
use crate::diagnostic::{Finding, Span};
use crate::runbook::codes;
use crate::runbook::model::{Expectation, Gate, GateKind, Predicate};
use crate::runbook::template::Template;

/// Between samples, unless `every` says otherwise.
const EVERY: Duration = Duration::from_secs(2);
/// How long a key is observed, unless `for` says otherwise: AWS's last-used lags by up to four hours.
const OBSERVED: Duration = Duration::from_secs(4 * 3600);
/// The shortest observation that can say anything: last-used has a granularity of about 15 minutes.
const OBSERVED_AT_LEAST: Duration = Duration::from_secs(3600);
/// How long an approval counts, unless `expires` says otherwise.
const EXPIRES: Duration = Duration::from_secs(4 * 3600);

impl Reader<'_> {
    pub(super) fn gates(&mut self, yaml: Option<&Yaml>) -> Vec<Gate> {
        let Some(yaml) = yaml else { return Vec::new() };
        self.list(yaml, "gates").iter().filter_map(|item| self.gate(item)).collect()
    }

    fn gate(&mut self, yaml: &Yaml) -> Option<Gate> {
        let entries = self.entries(yaml, "a gate")?;
        let [(key, body)] = entries else {
            let span = entries.get(1).map_or(yaml.span, |(key, _)| key.span);
            self.push(Finding::error(codes::CONTRADICTION, span, "each gate is an element of the list, with one key"));
            return None;
        };
        let Some((name, known)) = keys::GATES.iter().find(|(name, _)| *name == key.name) else {
            let known = keys::GATES.iter().map(|(name, _)| *name);
            self.unknown(codes::UNKNOWN_NAME, key.span, format!("there is no gate `{}`", key.name), &key.name, known);
            return None;
        };
        let fields = self.fields(body, &format!("the gate `{name}`"), known)?;
        let kind = self.gate_kind(name, &fields)?;
        Some(Gate { kind, span: key.span })
    }

    fn gate_kind(&mut self, name: &str, fields: &Fields<'_>) -> Option<GateKind> {
        let what = format!("the gate `{name}`");
        Some(match name {
            "passed" => match (fields.get("step"), fields.get("group")) {
                (Some(one), None) | (None, Some(one)) => GateKind::Passed(self.text(one)?),
                _ => {
                    let message = "the gate `passed` names a step or a group";
                    self.push(Finding::error(codes::CONTRADICTION, fields.span, message));
                    return None;
                }
            },
            "after" => GateKind::After {
                step: self.required_text(fields, "step", &what)?,
                at_least: self.required_duration(fields, "at_least", &what)?,
                recommended: self.optional_duration(fields, "recommended"),
            },
            "unused_since" => {
                let observed = self.optional_duration(fields, "for");
                if let (Some(time), Some(yaml)) = (observed, fields.get("for"))
                    && time < OBSERVED_AT_LEAST
                {
                    self.push(
                        Finding::error(codes::WRONG_VALUE, yaml.span, "a key has to be observed for at least 1h")
                            .hint("AWS reports last use in steps of about 15 minutes, and late"),
                    );
                }
                GateKind::UnusedSince {
                    key: self.required_template(fields, "key", &what)?,
                    since: self.required_text(fields, "since", &what)?,
                    for_: observed.unwrap_or(OBSERVED),
                }
            }
            "inactive_for" => GateKind::InactiveFor {
                key: self.required_template(fields, "key", &what)?,
                at_least: self.duration_template(fields, &what)?,
            },
            "unused_for" => GateKind::UnusedFor {
                key: self.required_template(fields, "key", &what)?,
                at_least: self.duration_template(fields, &what)?,
            },
            "not_during" => {
                let window = self.required_text(fields, "window", &what);
                let zone = self.required_text(fields, "zone", &what);
                let (window, zone) = (window?, zone?);
                GateKind::NotDuring { window: self.window(fields, &window)?, zone: self.zone(fields, &zone)? }
            }
            "approval" => {
                let people = match fields.get("people") {
                    None => 1,
                    Some(yaml) => self.number::<u32>(yaml)?,
                };
                if people == 0 {
                    self.push(Finding::error(codes::WRONG_VALUE, fields.span, "an approval by nobody is no gate"));
                }
                GateKind::Approval {
                    people,
                    role: self.required_text(fields, "role", &what)?,
                    expires: self.optional_duration(fields, "expires").unwrap_or(EXPIRES),
                }
            }
            "check" => {
                let run = match fields.get("run") {
                    Some(yaml) => self.read_action(yaml, "a gate's check"),
                    None => {
                        self.missing(fields, "run", &what);
                        None
                    }
                };
                let expect = self.expectations(fields.get("expect"));
                if expect.is_empty() && fields.get("expect").is_none() {
                    self.missing(fields, "expect", &what);
                }
                GateKind::Check { run: run?, expect }
            }
            "identity" => {
                let account = self.optional_template(fields, "account");
                let arn = self.optional_template(fields, "arn");
                let not_user = self.optional_template(fields, "not_user");
                if !(fields.has("account") || fields.has("arn") || fields.has("not_user")) {
                    let message = "the gate `identity` says nothing";
                    self.push(
                        Finding::error(codes::MISSING, fields.span, message)
                            .hint(one_of(["account", "arn", "not_user"])),
                    );
                }
                GateKind::Identity { account, arn, not_user }
            }
            // `drilled`, the last of `keys::GATES`.
            _ => GateKind::Drilled(self.required_duration(fields, "within", &what)?),
        })
    }

    pub(super) fn required_duration(&mut self, fields: &Fields<'_>, name: &str, what: &str) -> Option<Duration> {
        match fields.get(name) {
            Some(yaml) => self.duration(yaml),
            None => {
                self.missing(fields, name, what);
                None
            }
        }
    }

    /// `at_least:`, a duration or a template of one.
    fn duration_template(&mut self, fields: &Fields<'_>, what: &str) -> Option<Template> {
        let template = self.required_template(fields, "at_least", what)?;
        if template.is_literal()
            && let Some(yaml) = fields.get("at_least")
        {
            self.duration(yaml)?;
        }
        Some(template)
    }

    /// `08:00-20:00` as minutes of the day.
    fn window(&mut self, fields: &Fields<'_>, text: &str) -> Option<(u16, u16)> {
        let minutes = |text: &str| {
            let (hours, minutes) = text.trim().split_once(':')?;
            let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
            (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let window = text.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
        match window {
            Some((from, to)) if from != to => window,
            _ => {
                let span = fields.get("window").map_or(fields.span, |yaml| yaml.span);
                let message = format!("`{text}` is not a window of the day");
                self.push(Finding::error(codes::WRONG_VALUE, span, message).hint("write it like \"08:00-20:00\""));
                None
            }
        }
    }

    fn zone(&mut self, fields: &Fields<'_>, text: &str) -> Option<chrono_tz::Tz> {
        match text.parse::<chrono_tz::Tz>() {
            Ok(zone) => Some(zone),
            Err(_) => {
                let span = fields.get("zone").map_or(fields.span, |yaml| yaml.span);
                let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
                let near = crate::diagnostic::did_you_mean(text, known);
                let hint = near
                    .map_or("write its IANA name, like Europe/Berlin".into(), |near| format!("did you mean `{near}`?"));
                self.push(
                    Finding::error(codes::UNKNOWN_NAME, span, format!("there is no time zone `{text}`")).hint(hint),
                );
                None
            }
        }
    }

    pub(super) fn expectations(&mut self, yaml: Option<&Yaml>) -> Vec<Expectation> {
        let Some(yaml) = yaml else { return Vec::new() };
        let items = self.list(yaml, "expectations");
        if items.is_empty() && matches!(yaml.kind, Kind::List(_)) {
            self.push(Finding::error(codes::MISSING, yaml.span, "an empty list expects nothing"));
        }
        items.iter().filter_map(|item| self.expectation(item)).collect()
    }

    fn expectation(&mut self, yaml: &Yaml) -> Option<Expectation> {
        let known: Vec<&str> = keys::EXPECT.iter().chain(keys::PREDICATES).copied().collect();
        let fields = self.fields(yaml, "an expectation", &known)?;
        let named: Vec<&str> = keys::PREDICATES.iter().copied().filter(|name| fields.has(name)).collect();
        let path = match fields.get("path") {
            Some(yaml) => self.path(yaml),
            None => {
                self.missing(&fields, "path", "an expectation");
                None
            }
        };
        let predicate = match named.as_slice() {
            [name] => self.predicate(&fields, name),
            [] => {
                let finding = Finding::error(codes::MISSING, fields.span, "an expectation needs a predicate");
                self.push(finding.hint(one_of(keys::PREDICATES.iter().copied())));
                None
            }
            [_, second, ..] => {
                let span = fields.key(second).unwrap_or(fields.span);
                let finding = Finding::error(codes::CONTRADICTION, span, "an expectation has one predicate");
                self.push(finding.hint("write one expectation for each"));
                None
            }
        };
        let within = self.optional_duration(&fields, "within");
        let every = self.optional_duration(&fields, "every");
        let consecutive = fields.get("consecutive").and_then(|yaml| self.number::<u32>(yaml)).unwrap_or(1);
        self.polling(&fields, within, every, consecutive);
        Some(Expectation {
            path: path?,
            predicate: predicate?,
            within,
            every: every.unwrap_or(EVERY),
            consecutive,
            else_: self.optional_template(&fields, "else"),
            offer: self.optional_text(&fields, "offer"),
            advisory: self.flag(&fields, "advisory"),
            span: Span { start: yaml.span.start, end: fields.span.end },
        })
    }

    /// What of `within`, `every` and `consecutive` makes no sense together.
    fn polling(&mut self, fields: &Fields<'_>, within: Option<Duration>, every: Option<Duration>, consecutive: u32) {
        let at = |name: &str| fields.get(name).map_or(fields.span, |yaml| yaml.span);
        if consecutive == 0 {
            self.push(Finding::error(codes::WRONG_VALUE, at("consecutive"), "`consecutive` is at least 1"));
        }
        if every == Some(Duration::ZERO) {
            self.push(Finding::error(codes::WRONG_VALUE, at("every"), "`every` is at least 1s"));
        }
        match within {
            None if every.is_some() || consecutive > 1 => {
                let name = if every.is_some() { "every" } else { "consecutive" };
                let message = format!("`{name}` without `within`: only one sample would be taken");
                self.push(Finding::error(codes::MISSING, at(name), message).hint("say until when it may take"));
            }
            Some(within) if every.unwrap_or(EVERY).saturating_mul(consecutive.saturating_sub(1)) > within => {
                let message = format!("{consecutive} samples in a row don't fit into `within`");
                self.push(Finding::error(codes::CONTRADICTION, at("within"), message));
            }
            _ => {}
        }
    }

    fn predicate(&mut self, fields: &Fields<'_>, name: &str) -> Option<Predicate> {
        // `equals: null` is null for `get`: nothing equals null, it is unknown.
        let Some(yaml) = fields.get(name) else {
            let span = fields.key(name).unwrap_or(fields.span);
            let finding = Finding::error(codes::WRONG_VALUE, span, "null compares as unknown, so this can't hold");
            self.push(finding.hint("`exists: false` is: absent or null"));
            return None;
        };
        Some(match name {
            "equals" => Predicate::Equals(self.node(yaml)?),
            "not" => Predicate::Not(self.node(yaml)?),
            "matches" => Predicate::Matches(self.pattern(yaml)?),
            "not_matches" => Predicate::NotMatches(self.pattern(yaml)?),
            "contains" => Predicate::Contains(self.node(yaml)?),
            "lacks" => Predicate::Lacks(self.node(yaml)?),
            "has_id" => Predicate::HasId(self.node(yaml)?),
            "lacks_id" => Predicate::LacksId(self.node(yaml)?),
            "count" => Predicate::Count(self.number(yaml)?),
            "at_least" => Predicate::AtLeast(self.number(yaml)?),
            "at_most" => Predicate::AtMost(self.number(yaml)?),
            "before" => Predicate::Before(self.node(yaml)?),
            "after" => Predicate::After(self.node(yaml)?),
            // `exists`, the last of `keys::PREDICATES`.
            _ => match yaml.kind {
                Kind::Bool(flag) => Predicate::Exists(flag),
                _ => {
                    self.wrong(yaml, "true or false");
                    return None;
                }
            },
        })
    }

    fn pattern(&mut self, yaml: &Yaml) -> Option<Template> {
        let template = self.template(yaml)?;
        if template.is_literal()
            && let Err(error) = regex::Regex::new(&template.source)
        {
            let reason = error.to_string().lines().last().unwrap_or("").trim().to_owned();
            let message = format!("not a regular expression: {reason}");
            self.push(Finding::error(codes::WRONG_VALUE, yaml.span, message));
            return None;
        }
        Some(template)
    }
}
