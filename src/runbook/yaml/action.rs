//! `run:`, `probe:` and the parameters of each operation.

use serde_json::Value;

use super::reader::{Reader, one_of};
use super::{Kind, Yaml};
use crate::diagnostic::{Finding, Span};
use crate::runbook::codes;
use crate::runbook::duration;
use crate::runbook::model::{Action, EffectKind};
use crate::runbook::op::{Op, TABLE};
use crate::runbook::template::{Node, Path};

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Reader<'_> {
    /// Exactly one action.
    pub(super) fn action(&mut self, yaml: &Yaml) -> Option<Action> {
        let entries = self.entries(yaml, "an action")?;
        let [(key, params)] = entries else {
            let names: Vec<&str> = entries.iter().map(|(key, _)| key.name.as_str()).collect();
            let span = entries.get(1).map_or(yaml.span, |(key, _)| key.span);
            let message = format!("exactly one action is expected, {} are here", names.len());
            self.push(Finding::error(codes::CONTRADICTION, span, message).hint("make a step of each"));
            return None;
        };
        let Some(op) = Op::by_name(&key.name) else {
            let message = format!("there is no action `{}`", key.name);
            self.unknown(codes::UNKNOWN_NAME, key.span, message, &key.name, TABLE.iter().map(|info| info.name));
            return None;
        };
        let mut action = Action { op, params: Vec::new(), as_: None, span: key.span };
        let info = op.info();
        let known: Vec<&str> = info.required.iter().chain(info.optional).copied().collect();
        let empty = Vec::new();
        let given = match &params.kind {
            Kind::Null => &empty,
            Kind::Map(given) => given,
            _ => {
                self.wrong(params, &format!("the parameters of {}, a map", info.name));
                return None;
            }
        };
        for (name, value) in given {
            if !known.contains(&name.name.as_str()) {
                let message = format!("{} has no parameter `{}`", info.name, name.name);
                self.unknown(codes::UNKNOWN_KEY, name.span, message, &name.name, known.iter().copied());
            } else if name.name == "as" {
                action.as_ = self.text(value).filter(|who| who != "operator");
            } else if let Some(node) = self.node(value) {
                self.parameter(op, &name.name, &node, value);
                action.params.push((name.name.clone(), node));
            }
        }
        for name in info.required {
            if !given.iter().any(|(key, _)| key.name == *name) {
                let message = format!("{} needs the parameter `{name}`", info.name);
                self.push(Finding::error(codes::MISSING, key.span, message).hint(format!("it gives: {}", info.result)));
            }
        }
        Some(action)
    }

    /// An action that has to be a read (a probe, a gate's check, `again`).
    pub(super) fn read_action(&mut self, yaml: &Yaml, what: &str) -> Option<Action> {
        let action = self.action(yaml)?;
        if matches!(action.op.info().effect, Some(EffectKind::Mutate | EffectKind::Irreversible)) {
            let message = format!("{what} is a read, and {} changes something", action.op.info().name);
            self.push(Finding::error(codes::CONTRADICTION, action.span, message).hint("make a step of it"));
            return None;
        }
        Some(action)
    }

    /// A read, or a list of reads.
    pub(super) fn probes(&mut self, yaml: Option<&Yaml>) -> Vec<Action> {
        match yaml {
            None => Vec::new(),
            Some(Yaml { kind: Kind::List(list), .. }) => {
                list.iter().filter_map(|item| self.read_action(item, "a probe")).collect()
            }
            Some(one) => self.read_action(one, "a probe").into_iter().collect(),
        }
    }

    /// What can be said of one parameter before it is rendered.
    fn parameter(&mut self, op: Op, name: &str, node: &Node, yaml: &Yaml) {
        match (op, name) {
            (Op::Http, "method") => self.literal_word(node, yaml, "an HTTP method", METHODS),
            (Op::Http | Op::Command, "system") if node.literal_text().is_none() => {
                self.never_templated(yaml.span, "a system");
            }
            (Op::Command, "parse") => self.literal_word(node, yaml, "how output is read", &["json", "lines", "text"]),
            (Op::Http | Op::Command, "public") => self.public(yaml),
            (Op::Command, "argv") => self.argv(node, yaml),
            (Op::Http, "headers" | "query") | (Op::Command, "env") => {
                self.entries(yaml, &format!("`{name}`"));
            }
            (Op::Command, "inherit") => {
                self.texts(yaml, "names of environment variables");
            }
            (Op::IamUpdateAccessKey, "status") => {
                self.literal_word(node, yaml, "a key's status", &["Active", "Inactive"])
            }
            (Op::Wait, "for") => {
                if let Node::Literal(value) = node
                    && value.as_str().is_none_or(|text| duration::parse(text).is_err())
                {
                    self.wrong(yaml, "a duration like 30s, 4m, 24h or 30d");
                }
            }
            (Op::SecretGenerate, "length") => {
                if let Node::Literal(value) = node
                    && !value.as_u64().is_some_and(|n| (8..=4096).contains(&n))
                {
                    self.wrong(yaml, "a length from 8 to 4096 characters");
                }
            }
            (Op::S3ListObjects, "max_keys") => {
                if let Node::Literal(value) = node
                    && !value.as_u64().is_some_and(|n| (1..=1000).contains(&n))
                {
                    self.wrong(yaml, "a number from 1 to 1000");
                }
            }
            (Op::HolderPut, "values") => {
                if let Node::Literal(Value::Object(_)) = node {
                    self.wrong(yaml, "values that come from a capture: a secret never stands in a file");
                }
            }
            (_, "holder") => {
                if let Node::Map(map) = node
                    && map.iter().any(|(key, node)| key == "kind" && node.literal_text().is_none())
                {
                    self.never_templated(yaml.span, "a holder kind");
                }
            }
            (Op::Manual, "enter") => {
                self.entries(yaml, "what the operator enters, by name");
            }
            _ => {}
        }
    }

    fn never_templated(&mut self, span: Span, what: &str) {
        self.push(
            Finding::error(codes::WRONG_VALUE, span, format!("{what} is never templated")).hint("write its name"),
        );
    }

    fn literal_word(&mut self, node: &Node, yaml: &Yaml, what: &str, words: &[&str]) {
        match node.literal_text() {
            Some(text) if words.contains(&text) => {}
            Some(text) => {
                let message = format!("`{text}` is not {what}");
                self.unknown(codes::UNKNOWN_NAME, yaml.span, message, text, words.iter().copied());
            }
            None => self.wrong(yaml, &format!("{what}: {}", one_of(words.iter().copied()))),
        }
    }

    fn public(&mut self, yaml: &Yaml) {
        for item in self.list(yaml, "paths of the result that may be recorded") {
            if let Kind::Text(text) = &item.kind {
                if let Err(error) = Path::parse(text) {
                    self.push(Finding::error(codes::TEMPLATE, item.span, error.to_string()));
                }
            } else {
                self.wrong(item, "a path");
            }
        }
    }

    /// No shell; the program is never templated; what `ssh` would hand to the remote shell isn't either.
    fn argv(&mut self, node: &Node, yaml: &Yaml) {
        let Kind::List(items) = &yaml.kind else {
            self.push(
                Finding::error(
                    codes::WRONG_VALUE,
                    yaml.span,
                    "argv is a list: there is no shell that would split a text",
                )
                .hint("[program, argument, argument]"),
            );
            return;
        };
        let (Some(first), Some(program)) = (items.first(), element(node, 0)) else {
            self.wrong(yaml, "a program and its arguments");
            return;
        };
        let Some(program) = program else {
            self.push(
                Finding::error(codes::WRONG_VALUE, first.span, "a program is never templated")
                    .hint("write its name: its path and digest are part of what is confirmed"),
            );
            return;
        };
        if program.rsplit('/').next() != Some("ssh") {
            return;
        }
        // Options that take an argument of their own, from ssh(1); all others stand alone.
        let mut host = None;
        let mut at = 1;
        while at < items.len() && host.is_none() {
            match element(node, at).flatten() {
                Some(text) if text == "--" => {
                    host = Some(at + 1);
                }
                Some(text) if text.starts_with('-') => {
                    let takes = text.len() == 2 && "BbcDEeFIiJLlmOoPpQRSWw".contains(&text[1..]);
                    at += 1 + usize::from(takes);
                }
                _ => host = Some(at),
            }
        }
        for (index, item) in items.iter().enumerate().skip(host.unwrap_or(items.len()) + 1) {
            if element(node, index).flatten().is_none() {
                self.push(
                    Finding::error(
                        codes::SECRET_IN_ARGV,
                        item.span,
                        "a template after `ssh HOST` would be read by the remote shell",
                    )
                    .hint("hand it over on stdin"),
                );
            }
        }
    }
}

/// The n-th element: `None` if there is none, `Some(None)` if it is templated.
fn element(node: &Node, n: usize) -> Option<Option<String>> {
    match node {
        Node::Literal(Value::Array(list)) => {
            list.get(n).map(|value| Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        }
        Node::List(list) => list.get(n).map(|node| match node {
            Node::Literal(Value::String(text)) => Some(text.clone()),
            Node::Literal(value) => Some(value.to_string()),
            _ => None,
        }),
        _ => None,
    }
}
