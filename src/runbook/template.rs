//! Templates as typed segments, and the scope they are rendered in.
//!
//! A template never becomes a string with a placeholder in it: a secret stays a [`crate::secret::SecretRef`] all the
//! way to the effect layer.

use std::fmt;

use serde_json::{Map, Value};

use super::model::Span;

/// `.` or `name(.name|[n])*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<PathPart>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathPart {
    /// A member of an object.
    Name(String),
    /// An element of a list.
    Index(usize),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for (i, part) in self.0.iter().enumerate() {
            match part {
                PathPart::Name(name) if i == 0 => write!(f, "{name}")?,
                PathPart::Name(name) => write!(f, ".{name}")?,
                PathPart::Index(n) => write!(f, "[{n}]")?,
            }
        }
        Ok(())
    }
}

/// Text with `{{ … }}` in it, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// As written.
    pub source: String,
    /// Its parts.
    pub segments: Vec<Segment>,
    /// Its place in the runbook.
    pub span: Span,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Segment {
    /// Plain text.
    Text(String),
    /// `{{ path | filter … }}`, or a wider minijinja expression over untainted values.
    Expr(Expr),
}

/// What stands between the braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// The expression as written, trimmed.
    pub source: String,
    /// Set where it is no more than a path and filters, the only form that may name a secret.
    pub path: Option<Path>,
    /// The filters after that path, with their arguments as written.
    pub filters: Vec<String>,
    /// First names of every path in it.
    pub roots: Vec<String>,
}

/// A tree of templates: JSON whose texts may be templates.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A value without templates.
    Literal(Value),
    /// A text with templates.
    Template(Template),
    /// A list.
    List(Vec<Node>),
    /// A map, in order.
    Map(Vec<(String, Node)>),
}

/// The names a template can see.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// By first name.
    pub values: Map<String, Value>,
}

// Stand-in until the language's own implementation is merged over this file: the names below are the agreed ones.

/// Why a template could not be read or rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

impl Path {
    /// Reads `.` or `name(.name|[n])*`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text == "." {
            return Ok(Self::default());
        }
        let mut parts = Vec::new();
        for piece in text.split('.') {
            let (name, rest) = piece.split_at(piece.find('[').unwrap_or(piece.len()));
            if name.is_empty() {
                return Err(TemplateError(format!("not a path: {text}")));
            }
            parts.push(PathPart::Name(name.to_owned()));
            for index in rest.split_terminator(']') {
                let n = index.strip_prefix('[').and_then(|n| n.parse().ok());
                parts.push(PathPart::Index(n.ok_or_else(|| TemplateError(format!("not a path: {text}")))?));
            }
        }
        Ok(Self(parts))
    }

    /// The part of a value that this path names.
    pub fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |at, part| match part {
            PathPart::Name(name) => at.get(name),
            PathPart::Index(n) => at.get(n),
        })
    }
}

impl Template {
    /// Compiles a text with `{{ … }}` in it.
    pub fn parse(text: &str, span: Span) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            let end = rest[at..].find("}}").ok_or_else(|| TemplateError("an expression is not closed".into()))? + at;
            if at > 0 {
                segments.push(Segment::Text(rest[..at].to_owned()));
            }
            let source = rest[at + 2..end].trim().to_owned();
            segments.push(Segment::Expr(Expr { source, path: None, filters: Vec::new(), roots: Vec::new() }));
            rest = &rest[end + 2..];
        }
        if !rest.is_empty() {
            segments.push(Segment::Text(rest.to_owned()));
        }
        Ok(Self { source: text.to_owned(), segments, span })
    }

    /// Renders it; a lone expression keeps its type.
    pub fn render(&self, scope: &Scope) -> Result<Value, TemplateError> {
        let mut env = minijinja::Environment::new();
        env.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        env.set_fuel(Some(50_000));
        env.add_filter("sh", |value: String| apply_filter("sh", &value).unwrap_or_default());
        let eval = |expr: &Expr| -> Result<Value, TemplateError> {
            let bad = |e: &dyn fmt::Display| TemplateError(e.to_string());
            let compiled = env.compile_expression(&expr.source).map_err(|e| bad(&e))?;
            let value = compiled
                .eval(minijinja::Value::from(minijinja::value::Serde(scope.values.clone())))
                .map_err(|e| bad(&e))?;
            if value.is_undefined() {
                return Err(TemplateError(format!("{} is not defined", expr.source)));
            }
            serde_json::to_value(&value).map_err(|e| bad(&e))
        };
        if let [Segment::Expr(expr)] = self.segments.as_slice() {
            return eval(expr);
        }
        let mut out = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Expr(expr) => match eval(expr)? {
                    Value::String(text) => out.push_str(&text),
                    other => out.push_str(&other.to_string()),
                },
            }
        }
        Ok(Value::String(out))
    }
}

/// Applies a filter of a secret reference to the secret's value: the effect layer alone does this.
pub fn apply_filter(filter: &str, value: &str) -> Result<String, TemplateError> {
    match filter {
        "sh" => Ok(format!("'{}'", value.replace('\'', "'\\''"))),
        "json" => Ok(Value::String(value.to_owned()).to_string()),
        "last4" => Ok(value.chars().skip(value.chars().count().saturating_sub(4)).collect()),
        other => Err(TemplateError(format!("unknown filter: {other}"))),
    }
}
