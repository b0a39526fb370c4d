//! Reading a tree by hand: every helper takes what it needs, or writes a finding and goes on.

use std::time::Duration;

use serde_json::Value;

use super::{Key, Kind, Yaml};
use crate::diagnostic::{Finding, Source, Span, did_you_mean};
use crate::runbook::codes;
use crate::runbook::duration;
use crate::runbook::template::{Node, Path, Template, TemplateError, TemplateErrorKind};

/// A file being read, and what was found wrong so far.
pub(crate) struct Reader<'s> {
    pub(crate) source: &'s Source,
    pub(crate) findings: Vec<Finding>,
}

/// A map whose keys were checked.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'y> {
    entries: &'y [(Key, Yaml)],
    pub(crate) span: Span,
}

impl<'y> Fields<'y> {
    /// The value, unless it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'y Yaml> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value).filter(|v| v.kind != Kind::Null)
    }

    pub(crate) fn key(&self, name: &str) -> Option<Span> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.span)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.key(name).is_some()
    }
}

/// "one of `a`, `b`".
pub(crate) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    format!("one of {}", words.join(", "))
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        Self { source, findings: Vec::new() }
    }

    pub(crate) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// A value of another kind than `wanted`.
    pub(crate) fn wrong(&mut self, yaml: &Yaml, wanted: &str) {
        let label = format!("this is {}", yaml.described());
        self.push(Finding::error(codes::WRONG_VALUE, yaml.span, format!("expected {wanted}")).label(label));
    }

    /// A name that is not one of `known`.
    pub(crate) fn unknown<'k>(
        &mut self,
        code: &'static str,
        span: Span,
        message: String,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let hint = match did_you_mean(word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there is none that could be named here".into(),
            None => one_of(known),
        };
        self.push(Finding::error(code, span, message).hint(hint));
    }

    pub(crate) fn missing(&mut self, fields: &Fields<'_>, name: &str, what: &str) {
        let finding = Finding::error(codes::MISSING, head(fields.span, self.source), format!("{what} needs `{name}`"));
        self.push(finding);
    }

    /// The entries of a map of any keys.
    pub(crate) fn entries<'y>(&mut self, yaml: &'y Yaml, what: &str) -> Option<&'y [(Key, Yaml)]> {
        match &yaml.kind {
            Kind::Map(entries) => Some(entries),
            _ => {
                self.wrong(yaml, &format!("{what}, a map"));
                None
            }
        }
    }

    /// A map of these keys only.
    pub(crate) fn fields<'y>(&mut self, yaml: &'y Yaml, what: &str, known: &[&str]) -> Option<Fields<'y>> {
        let entries = self.entries(yaml, what)?;
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let message = format!("{what} has no key `{}`", key.name);
                self.unknown(codes::UNKNOWN_KEY, key.span, message, &key.name, known.iter().copied());
            }
        }
        let start = entries.first().map_or(yaml.span.start, |(key, _)| yaml.span.start.min(key.span.start));
        Some(Fields { entries, span: Span { start, end: yaml.span.end.max(start) } })
    }

    pub(crate) fn list<'y>(&mut self, yaml: &'y Yaml, what: &str) -> &'y [Yaml] {
        match &yaml.kind {
            Kind::List(list) => list,
            _ => {
                self.wrong(yaml, &format!("{what}, a list"));
                &[]
            }
        }
    }

    /// A text. A number is taken as it is written, so that `sop: 0` and an account's leading zeros need no quotes.
    pub(crate) fn text(&mut self, yaml: &Yaml) -> Option<String> {
        match &yaml.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Int(_) | Kind::Float(_) => Some(self.source.slice(yaml.span).trim().to_owned()),
            _ => {
                self.wrong(yaml, "a text");
                None
            }
        }
    }

    pub(crate) fn required_text(&mut self, fields: &Fields<'_>, name: &str, what: &str) -> Option<String> {
        match fields.get(name) {
            Some(yaml) => self.text(yaml),
            None => {
                self.missing(fields, name, what);
                None
            }
        }
    }

    pub(crate) fn optional_text(&mut self, fields: &Fields<'_>, name: &str) -> Option<String> {
        self.text(fields.get(name)?)
    }

    pub(crate) fn texts(&mut self, yaml: &Yaml, what: &str) -> Vec<String> {
        self.list(yaml, what).iter().filter_map(|item| self.text(item)).collect()
    }

    pub(crate) fn flag(&mut self, fields: &Fields<'_>, name: &str) -> bool {
        match fields.get(name) {
            None => false,
            Some(Yaml { kind: Kind::Bool(flag), .. }) => *flag,
            Some(yaml) => {
                self.wrong(yaml, "true or false");
                false
            }
        }
    }

    pub(crate) fn number<N: TryFrom<i128>>(&mut self, yaml: &Yaml) -> Option<N> {
        if let Kind::Int(n) = yaml.kind {
            if let Ok(n) = N::try_from(n) {
                return Some(n);
            }
            self.push(Finding::error(codes::WRONG_VALUE, yaml.span, format!("{n} is out of range here")));
        } else {
            self.wrong(yaml, "a whole number");
        }
        None
    }

    pub(crate) fn duration(&mut self, yaml: &Yaml) -> Option<Duration> {
        let text = match &yaml.kind {
            Kind::Text(text) => text.clone(),
            Kind::Int(n) => n.to_string(),
            _ => {
                self.wrong(yaml, "a duration like 30s, 4m, 24h or 30d");
                return None;
            }
        };
        duration::parse(&text).map_err(|message| self.push(Finding::error(codes::WRONG_VALUE, yaml.span, message))).ok()
    }

    pub(crate) fn optional_duration(&mut self, fields: &Fields<'_>, name: &str) -> Option<Duration> {
        self.duration(fields.get(name)?)
    }

    /// One word of a closed set.
    pub(crate) fn word<T: Copy>(&mut self, yaml: &Yaml, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(yaml)?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Some(*value),
            None => {
                let known = words.iter().map(|(word, _)| *word);
                self.unknown(codes::UNKNOWN_NAME, yaml.span, format!("`{text}` is not known here"), &text, known);
                None
            }
        }
    }

    fn template_error(&mut self, span: Span, error: TemplateError) {
        let mut finding = Finding::error(codes::TEMPLATE, span, error.message);
        finding.hint = error.hint;
        if error.kind == TemplateErrorKind::Tainted {
            finding.code = codes::SECRET_IN_EXPRESSION;
        }
        self.push(finding);
    }

    pub(crate) fn template(&mut self, yaml: &Yaml) -> Option<Template> {
        let text = self.text(yaml)?;
        Template::parse(&text, yaml.span).map_err(|error| self.template_error(yaml.span, error)).ok()
    }

    pub(crate) fn required_template(&mut self, fields: &Fields<'_>, name: &str, what: &str) -> Option<Template> {
        match fields.get(name) {
            Some(yaml) => self.template(yaml),
            None => {
                self.missing(fields, name, what);
                None
            }
        }
    }

    pub(crate) fn optional_template(&mut self, fields: &Fields<'_>, name: &str) -> Option<Template> {
        self.template(fields.get(name)?)
    }

    pub(crate) fn path(&mut self, yaml: &Yaml) -> Option<Path> {
        let text = self.text(yaml)?;
        Path::parse(&text).map_err(|error| self.template_error(yaml.span, error)).ok()
    }

    /// A literal value.
    pub(crate) fn value(&mut self, yaml: &Yaml) -> Option<Value> {
        let fraction = |span| {
            Finding::error(codes::WRONG_VALUE, span, "a number with a fraction, or too large, can't be recorded")
                .hint("put it in quotes")
        };
        yaml.to_value().map_err(|span| self.push(fraction(span))).ok()
    }

    /// A tree of templates.
    pub(crate) fn node(&mut self, yaml: &Yaml) -> Option<Node> {
        match &yaml.kind {
            Kind::Text(text) => {
                let template = self.template(yaml)?;
                Some(if template.is_literal() {
                    Node::Literal(Value::String(text.clone()))
                } else {
                    Node::Template(template)
                })
            }
            Kind::List(list) => {
                let nodes: Vec<Node> = list.iter().filter_map(|item| self.node(item)).collect();
                let literal = nodes.iter().map(literal).collect::<Option<Vec<Value>>>();
                Some(literal.map_or_else(|| Node::List(nodes), |list| Node::Literal(Value::Array(list))))
            }
            Kind::Map(map) => {
                let mut nodes = Vec::with_capacity(map.len());
                for (key, value) in map {
                    if let Some(node) = self.node(value) {
                        nodes.push((key.name.clone(), node));
                    }
                }
                let plain = nodes.iter().map(|(key, node)| Some((key.clone(), literal(node)?)));
                let plain = plain.collect::<Option<serde_json::Map<String, Value>>>();
                Some(plain.map_or_else(|| Node::Map(nodes), |map| Node::Literal(Value::Object(map))))
            }
            _ => self.value(yaml).map(Node::Literal),
        }
    }

    /// A name for something: lower-case letters, digits, `_`, and `-` where `hyphens`.
    pub(crate) fn name(&mut self, text: &str, span: Span, what: &str, hyphens: bool) -> bool {
        let ok = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || (hyphens && c == '-'));
        if !ok {
            let allowed =
                if hyphens { "lower-case letters, digits, `-` and `_`" } else { "lower-case letters, digits and `_`" };
            self.push(
                Finding::error(codes::WRONG_VALUE, span, format!("`{text}` can't be the name of {what}"))
                    .hint(format!("a letter first, then {allowed}")),
            );
        }
        ok
    }
}

fn literal(node: &Node) -> Option<Value> {
    match node {
        Node::Literal(value) => Some(value.clone()),
        _ => None,
    }
}

/// The beginning of a map, up to the end of its first line.
fn head(span: Span, source: &Source) -> Span {
    let line = source.text.get(span.start..).and_then(|rest| rest.find('\n')).unwrap_or(source.text.len());
    Span { start: span.start, end: span.end.min(span.start.saturating_add(line)).max(span.start) }
}
