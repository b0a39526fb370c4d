//! Templates as typed segments, and the scope they are rendered in.
//!
//! A template never becomes a string with a placeholder in it: a secret stays a [`crate::secret::SecretRef`] all the
//! way to the effect layer.
//!
//! An expression that is no more than `path | filter | …` is evaluated here, and is the only form that may touch a
//! secret. Anything wider is minijinja's, over a scope from which every tainted value was taken out.

mod error;
mod expression;
mod filter;
mod render;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::{Map, Value};

use super::model::Span;

pub use error::{TemplateError, TemplateErrorKind};
pub use filter::{FILTERS, apply_filter};

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

impl Path {
    /// Reads `.` or `name(.name|[n])*`. A name is letters, digits, `_` and, after the first character, `-`.
    ///
    /// # Errors
    /// [`TemplateErrorKind::Syntax`] with what was expected where.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text == "." {
            return Ok(Self::default());
        }
        let mut cursor = expression::Cursor::new(text);
        let path = cursor.path(true)?;
        if cursor.at_end() {
            Ok(path)
        } else {
            Err(TemplateError::syntax(format!("`{text}` is not a path: `{}` was not expected", cursor.rest()))
                .hint("a path is `.` or `name.name[0]`"))
        }
    }

    /// What stands there, if anything does.
    pub fn get<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |at, part| match part {
            PathPart::Name(name) => at.as_object()?.get(name),
            PathPart::Index(n) => at.as_array()?.get(*n),
        })
    }

    /// The first name.
    pub fn root(&self) -> Option<&str> {
        match self.0.first() {
            Some(PathPart::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// True if `other` is this path or below it.
    pub fn covers(&self, other: &Path) -> bool {
        other.0.len() >= self.0.len() && other.0[..self.0.len()] == self.0[..]
    }

    /// This path, then that one below it.
    pub fn join(&self, below: &Path) -> Self {
        Self(self.0.iter().chain(&below.0).cloned().collect())
    }
}

impl Template {
    /// First names of every path in it.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.exprs().flat_map(|expr| expr.roots.iter().map(String::as_str))
    }

    /// Its expressions, in order.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Expr(expr) => Some(expr),
            Segment::Text(_) => None,
        })
    }

    /// The path, if it is a lone `{{ path }}` without filters.
    pub fn lone_path(&self) -> Option<&Path> {
        match self.segments.as_slice() {
            [Segment::Expr(Expr { path: Some(path), filters, .. })] if filters.is_empty() => Some(path),
            _ => None,
        }
    }
}

impl Node {
    /// Every template inside, in order.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found.into_iter()
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a Template>) {
        match self {
            Self::Literal(_) => {}
            Self::Template(template) => found.push(template),
            Self::List(list) => list.iter().for_each(|node| node.collect(found)),
            Self::Map(map) => map.iter().for_each(|(_, node)| node.collect(found)),
        }
    }

    /// The text, if it is a literal text.
    pub fn literal_text(&self) -> Option<&str> {
        match self {
            Self::Literal(value) => value.as_str(),
            _ => None,
        }
    }
}

impl Scope {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A copy with one more name.
    pub fn with(&self, name: &str, value: Value) -> Self {
        let mut scope = self.clone();
        scope.set(name, value);
        scope
    }

    /// Sets a name.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// What a path names.
    pub fn at(&self, path: &Path) -> Option<&Value> {
        let below = self.get(path.root()?)?;
        path.0[1..].iter().try_fold(below, |at, part| match part {
            PathPart::Name(name) => at.as_object()?.get(name),
            PathPart::Index(n) => at.as_array()?.get(*n),
        })
    }
    /// True if the path goes on below a secret, into what stands for it.
    fn inside_secret(&self, path: &Path) -> bool {
        (1..path.0.len()).any(|length| self.at(&Path(path.0[..length].to_vec())).is_some_and(render::is_secret))
    }
}
