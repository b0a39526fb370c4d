//! From segments and a scope to a value.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};

use super::filter::{self, Argument, Call};
use super::{Expr, Node, Path, Scope, Segment, Template, TemplateError, TemplateErrorKind};
use crate::secret::{SecretRef, fingerprint_of, is_tainted};

/// Instructions that one expression may use. The longest of the shipped ones needs under fifty.
const FUEL: u64 = 1000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    for (name, _) in filter::FILTERS {
        environment.add_filter(*name, move |value: minijinja::Value, argument: Option<String>| {
            let value = serde_json::to_value(&value).map_err(|error| wrong(&error.to_string()))?;
            let arguments: Vec<&str> = argument.as_deref().into_iter().collect();
            let expected = filter::FILTERS.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
            if arguments.len() != expected {
                return Err(wrong(&format!("`{name}` takes {expected} argument(s)")));
            }
            let value = filter::apply(name, &arguments, &value).map_err(|error| wrong(&error.message))?;
            Ok(minijinja::Value::from(minijinja::value::Serde(value)))
        });
    }
    environment
});

fn wrong(message: &str) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message.to_owned())
}

pub(super) fn environment() -> &'static Environment<'static> {
    &ENVIRONMENT
}

impl Template {
    /// Its value. A lone `{{ … }}` keeps its type; text with secrets in it becomes `{"join": [part, …]}`.
    ///
    /// # Errors
    /// An undefined name, a secret in anything but a whole `{{ path | filter }}`, a filter that fails, used up fuel.
    pub fn render(&self, scope: &Scope) -> Result<Value, TemplateError> {
        if let [Segment::Expr(expr)] = self.segments.as_slice() {
            return expr.value(scope);
        }
        let mut parts: Vec<Value> = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => push(&mut parts, json!(text)),
                Segment::Expr(expr) => match expr.value(scope)? {
                    value if SecretRef::from_value(&value).is_some() => parts.push(value),
                    value if is_tainted(&value) => match value.get("join").and_then(Value::as_array) {
                        Some(joined) => joined.iter().for_each(|part| push(&mut parts, part.clone())),
                        None => return Err(not_here(expr)),
                    },
                    value => push(&mut parts, json!(expr.shown(&value)?)),
                },
            }
        }
        Ok(match parts.as_slice() {
            [] => json!(""),
            [Value::String(_)] => parts.remove(0),
            _ => json!({"join": parts}),
        })
    }

    /// Its text, for screens and reports.
    ///
    /// # Errors
    /// As [`Template::render`]; and any secret at all.
    pub fn text(&self, scope: &Scope) -> Result<String, TemplateError> {
        let mut out = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Expr(expr) => {
                    let value = expr.value(scope)?;
                    if is_tainted(&value) {
                        return Err(TemplateError::tainted(format!("`{}` is secret and can't be shown", expr.source)));
                    }
                    out.push_str(&expr.shown(&value)?);
                }
            }
        }
        Ok(out)
    }
}

/// Appends a part, text to text.
fn push(parts: &mut Vec<Value>, part: Value) {
    if let (Some(Value::String(last)), Value::String(text)) = (parts.last_mut(), &part) {
        last.push_str(text);
    } else {
        parts.push(part);
    }
}

fn not_here(expr: &Expr) -> TemplateError {
    TemplateError::tainted(format!("`{}` is secret", expr.source))
        .hint("a secret may only stand as a whole `{{ name }}` or `{{ name | filter }}`")
}

impl Expr {
    fn value(&self, scope: &Scope) -> Result<Value, TemplateError> {
        match &self.path {
            Some(path) => self.simple(path, scope),
            None => self.wide(scope),
        }
    }

    fn simple(&self, path: &Path, scope: &Scope) -> Result<Value, TemplateError> {
        if scope.inside_secret(path) {
            return Err(not_here(self));
        }
        let value = scope.at(path).ok_or_else(|| TemplateError::undefined(path))?;
        if self.filters.is_empty() {
            return Ok(value.clone());
        }
        let mut calls = Vec::with_capacity(self.filters.len());
        for filter in &self.filters {
            let call = Call::parse(filter)?;
            let arguments = call.arguments.iter().map(|argument| resolve(argument, scope));
            let arguments = arguments.collect::<Result<Vec<String>, _>>()?;
            calls.push((call, arguments));
        }
        if is_tainted(value) {
            let mut secret = SecretRef::from_value(value).ok_or_else(|| {
                if fingerprint_of(value).is_some() {
                    TemplateError::tainted(format!("`{path}` is secret, and its value is not kept"))
                        .hint("capture it with `secret:` to use it")
                } else {
                    not_here(self)
                }
            })?;
            secret.filters.extend(calls.iter().map(|(call, arguments)| call.resolved(arguments)));
            return Ok(secret.to_value());
        }
        calls.iter().try_fold(value.clone(), |value, (call, arguments)| {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            filter::apply(&call.name, &arguments, &value)
        })
    }

    fn wide(&self, scope: &Scope) -> Result<Value, TemplateError> {
        let failed = |error: minijinja::Error| {
            let kind = match error.kind() {
                minijinja::ErrorKind::UndefinedError => TemplateErrorKind::Undefined,
                minijinja::ErrorKind::UnknownFilter => TemplateErrorKind::Filter,
                _ => TemplateErrorKind::Evaluation,
            };
            let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            TemplateError::new(kind, format!("`{}`: {reason}", self.source))
        };
        let compiled = ENVIRONMENT.compile_expression(&self.source).map_err(failed)?;
        // What it looks at, as far as that can be told beforehand: `new_key.secret`, or `new_key` where the member is
        // computed. Touching a secret is an error even if the result would not show it.
        for path in self.paths() {
            if scope.inside_secret(&path) || scope.at(&path).is_some_and(is_tainted) {
                return Err(not_here(self));
            }
        }
        let mut visible = Map::new();
        for root in &self.roots {
            if let Some(value) = scope.get(root) {
                visible.insert(root.clone(), without_secrets(value));
            }
        }
        let value = compiled.eval(minijinja::value::Serde(&visible)).map_err(failed)?;
        if value.is_undefined() {
            return Err(TemplateError::undefined(&self.source));
        }
        serde_json::to_value(&value)
            .map_err(|error| TemplateError::new(TemplateErrorKind::Evaluation, format!("`{}`: {error}", self.source)))
    }

    /// A value within text. A list of plain values is joined by commas; null has no text.
    fn shown(&self, value: &Value) -> Result<String, TemplateError> {
        Ok(match value {
            Value::Null => {
                return Err(TemplateError::new(
                    TemplateErrorKind::Undefined,
                    format!("`{}` is null and has no text", self.source),
                ));
            }
            Value::String(text) => text.clone(),
            Value::Array(list) if list.iter().all(|item| !item.is_object() && !item.is_array()) => {
                let items: Vec<String> =
                    list.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
                items.join(", ")
            }
            other => other.to_string(),
        })
    }
}

fn resolve(argument: &Argument, scope: &Scope) -> Result<String, TemplateError> {
    match argument {
        Argument::Text(text) => Ok(text.clone()),
        Argument::Path(path) => match scope.at(path) {
            None => Err(TemplateError::undefined(path)),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) if is_tainted(value) => {
                Err(TemplateError::tainted(format!("`{path}` is secret and can't be a filter's argument")))
            }
            Some(value) => Err(TemplateError::filter(format!(
                "a filter's argument is a text, `{path}` is {}",
                filter::kind(value)
            ))),
        },
    }
}

/// A copy from which tainted values are missing, so that looking at one is an undefined name.
fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, member)| !is_secret(member))
            .map(|(key, member)| (key.clone(), without_secrets(member)))
            .collect(),
        Value::Array(list) => {
            list.iter().map(|item| if is_secret(item) { Value::Null } else { without_secrets(item) }).collect()
        }
        other => other.clone(),
    }
}

pub(super) fn is_secret(value: &Value) -> bool {
    fingerprint_of(value).is_some()
        || value.as_object().is_some_and(|map| map.contains_key("join") && is_tainted(value))
}

impl Node {
    /// Its value with every template rendered.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render(&self, scope: &Scope) -> Result<Value, TemplateError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Template(template) => template.render(scope),
            Self::List(list) => list.iter().map(|node| node.render(scope)).collect(),
            Self::Map(map) => map.iter().map(|(key, node)| Ok((key.clone(), node.render(scope)?))).collect(),
        }
    }
}
