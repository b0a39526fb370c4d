//! What can be wrong with a template.

use std::fmt;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// It can't be read.
    Syntax,
    /// A name or member that is not there.
    Undefined,
    /// A secret where none may stand.
    Tainted,
    /// A filter that does not exist, or can't take this value or argument.
    Filter,
    /// Evaluation failed, or used up its fuel.
    Evaluation,
}

/// A template that can't be read or rendered. Never contains a value, only names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Why.
    pub kind: TemplateErrorKind,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl TemplateError {
    pub(super) fn new(kind: TemplateErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(super) fn syntax(message: impl Into<String>) -> Self {
        Self::new(TemplateErrorKind::Syntax, message)
    }

    pub(super) fn undefined(path: impl fmt::Display) -> Self {
        Self::new(TemplateErrorKind::Undefined, format!("`{path}` is not there"))
    }

    pub(super) fn tainted(message: impl Into<String>) -> Self {
        Self::new(TemplateErrorKind::Tainted, message)
    }

    pub(super) fn filter(message: impl Into<String>) -> Self {
        Self::new(TemplateErrorKind::Filter, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}
