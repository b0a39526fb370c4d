//! From YAML text to the model. The only place that knows the YAML library.
//!
//! Text becomes a `Yaml` tree with a byte span for each value, and the tree is read by hand, so that every finding has
//! a place, and one wrong key does not hide the next.

mod action;
mod connector;
mod gate;
pub mod keys;
pub(crate) mod reader;
mod runbook;
mod step;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Options, Spanned};

use super::codes;
use crate::diagnostic::{Finding, Source, Span};

pub use connector::parse_connector;
pub use runbook::parse;
pub(crate) use runbook::{RESERVED, actions, fits, is_needed};

/// The longest file that is read, in bytes. The SOP whole is 8 KiB.
const LONGEST: usize = 1 << 20;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Yaml {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(Key, Yaml)>),
}

/// A key with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) span: Span,
}

impl Yaml {
    /// What it is, with its article.
    pub(crate) fn described(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Int(_) => "a number",
            Kind::Float(_) => "a number with a fraction",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// As JSON; a number with a fraction has no form there (a transcript has no floats) and gives its place.
    pub(crate) fn to_value(&self) -> Result<Value, Span> {
        Ok(match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(*flag),
            Kind::Int(n) => match (i64::try_from(*n), u64::try_from(*n)) {
                (Ok(n), _) => n.into(),
                (_, Ok(n)) => n.into(),
                _ => return Err(self.span),
            },
            Kind::Float(_) => return Err(self.span),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(list) => Value::Array(list.iter().map(Yaml::to_value).collect::<Result<_, _>>()?),
            Kind::Map(map) => {
                let mut out = Map::new();
                for (key, value) in map {
                    out.insert(key.name.clone(), value.to_value()?);
                }
                Value::Object(out)
            }
        })
    }
}

/// Reads one YAML document.
///
/// # Errors
/// One finding with a place: not YAML, a duplicate key, too long, too deep, an alias bomb.
pub(crate) fn load(source: &Source) -> Result<Yaml, Finding> {
    if source.text.len() > LONGEST {
        let message = format!("the file has {} bytes, at most {LONGEST} are read", source.text.len());
        return Err(Finding::error(codes::UNREADABLE, Span::default(), message));
    }
    let mut budget = serde_saphyr::Budget::default();
    budget.max_depth = 64;
    budget.max_nodes = 50_000;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    options.merge_keys = MergeKeyPolicy::Error;
    options.strict_booleans = true;
    options.with_snippet = false;
    serde_saphyr::from_str_with_options(&source.text, options).map_err(|error| {
        let span = error.location().map_or(Span::default(), |location| span_of(&location));
        let text = error.without_snippet().render();
        let message = text.lines().next().unwrap_or("not YAML").to_owned();
        let mut finding = Finding::error(codes::UNREADABLE, span, message);
        if text.contains("duplicate") {
            finding = finding.hint("keep one of the two");
        } else if source.text[..span.start.min(source.text.len())].lines().last().is_some_and(|l| l.contains('\t')) {
            finding = finding.hint("indent with spaces, not tabs");
        }
        finding
    })
}

fn span_of(location: &Location) -> Span {
    let span = location.span();
    let start = span.byte_offset().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let length = span.byte_len().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    Span { start, end: start + length }
}

/// The library gives a list or map the span of its first token; this one reaches to the end of its last element.
fn around(span: Span, kind: &Kind) -> Span {
    let inside: Vec<Span> = match kind {
        Kind::List(list) => list.iter().map(|item| item.span).collect(),
        Kind::Map(map) => map.iter().flat_map(|(key, value)| [key.span, value.span]).collect(),
        _ => return span,
    };
    // An alias among them has the place of its anchor, which is earlier.
    let end = inside.iter().filter(|part| part.start >= span.start).map(|part| part.end).max();
    Span { start: span.start, end: end.unwrap_or(span.end).max(span.end) }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        // Of an alias, the place where the value stands: that is what has to be mended.
        let span = around(span_of(&spanned.defined), &spanned.value);
        Ok(Self { span, kind: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindVisitor;

        impl<'de> Visitor<'de> for KindVisitor {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Kind, E> {
                Ok(Kind::Null)
            }

            fn visit_none<E>(self) -> Result<Kind, E> {
                Ok(Kind::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Kind, E> {
                Ok(Kind::Bool(flag))
            }

            fn visit_i64<E>(self, n: i64) -> Result<Kind, E> {
                Ok(Kind::Int(n.into()))
            }

            fn visit_u64<E>(self, n: u64) -> Result<Kind, E> {
                Ok(Kind::Int(n.into()))
            }

            fn visit_i128<E>(self, n: i128) -> Result<Kind, E> {
                Ok(Kind::Int(n))
            }

            fn visit_u128<E: serde::de::Error>(self, n: u128) -> Result<Kind, E> {
                i128::try_from(n).map(Kind::Int).map_err(|_| E::custom("a number this large can't be read"))
            }

            fn visit_f64<E>(self, n: f64) -> Result<Kind, E> {
                Ok(Kind::Float(n))
            }

            fn visit_str<E>(self, text: &str) -> Result<Kind, E> {
                Ok(Kind::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Kind, E> {
                Ok(Kind::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(Kind::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Spanned<Kind>>()? {
                    let name = match key.value {
                        Kind::Text(text) => text,
                        Kind::Int(n) => n.to_string(),
                        Kind::Bool(flag) => flag.to_string(),
                        _ => return Err(A::Error::custom("a key has to be a text")),
                    };
                    entries.push((Key { name, span: span_of(&key.defined) }, map.next_value()?));
                }
                Ok(Kind::Map(entries))
            }
        }

        deserializer.deserialize_any(KindVisitor)
    }
}
