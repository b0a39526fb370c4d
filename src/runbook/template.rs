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
