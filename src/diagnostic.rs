//! An error that a person can act on: what happened, where, and what to do next.
//!
//! Two shapes. A [`Diagnostic`] is one failure of a command. A [`Finding`] is one of many that reading or checking a
//! file gives, with a code that can be looked up and a place in the file's text; [`render`] shows it as rustc would,
//! [`to_json`] as one object for a program.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A byte range in [`Source::text`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// The very bytes a file was read from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// As the operator named it: a path, or `built in: NAME`.
    pub name: String,
    /// The text.
    pub text: String,
    /// Lower-case hex SHA-256 of the text.
    pub sha256: String,
}

impl Source {
    /// A source and its digest.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let sha256 = hex::encode(Sha256::digest(text.as_bytes()));
        Self { name: name.into(), text, sha256 }
    }

    /// The place of a byte: line and column from 1, the column in characters. Past the end is the end.
    pub fn place(&self, byte: usize) -> Place {
        let byte = floor_char(&self.text, byte);
        let before = &self.text[..byte];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Place { file: self.name.clone(), line, column }
    }

    /// The text of a span, cut to what there is.
    pub fn slice(&self, span: Span) -> &str {
        let end = floor_char(&self.text, span.end);
        let start = floor_char(&self.text, span.start).min(end);
        &self.text[start..end]
    }
}

/// The nearest character boundary at or before a byte.
fn floor_char(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the person named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file can't be used as it is.
    Error,
    /// It can be used, but somebody should look.
    Warning,
}

impl Severity {
    /// The word shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One of what reading or checking a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable: `KW101`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, one sentence.
    pub message: String,
    /// Where, in the [`Source`] that it was found in.
    pub span: Span,
    /// A few words under the place.
    pub label: Option<String>,
    /// The mend.
    pub hint: Option<String>,
}

impl Finding {
    /// An error.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), span, label: None, hint: None }
    }

    /// A warning.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// With a few words under the place.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With the mend.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Findings as rustc shows them, a blank line between two. Control characters of the file never get through.
pub fn render(source: &Source, findings: &[Finding], colour: bool) -> String {
    // The renderer takes tabs and line ends of the text into account; other control characters are replaced by it.
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(100);
    let mut blocks = Vec::with_capacity(findings.len());
    for finding in findings {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(printable(&finding.message)).id(finding.code);
        let mut report = if source.text.is_empty() {
            vec![title.element(annotate_snippets::Origin::path(source.name.clone()))]
        } else {
            let range = shown_range(&source.text, finding.span);
            let mark = AnnotationKind::Primary.span(range).label(finding.label.as_deref().map(printable));
            vec![title.element(Snippet::source(source.text.as_str()).path(source.name.clone()).annotation(mark))]
        };
        if let Some(hint) = &finding.hint
            && let Some(group) = report.pop()
        {
            report.push(group.element(Level::HELP.message(printable(hint))));
        }
        blocks.push(renderer.render(&report));
    }
    blocks.join("\n\n")
}

/// What is underlined: the span, but no more than its first line.
fn shown_range(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = floor_char(text, span.start);
    let end = floor_char(text, span.end.max(span.start));
    let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    start..end.min(line_end).max(start)
}

/// Text that can go to a terminal: control characters escaped. Line ends stay.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() && c != '\n' { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// A finding as one object: `code`, `severity`, `file`, `line`, `column`, `message`, `hint`.
pub fn to_json(source: &Source, finding: &Finding) -> Value {
    let place = source.place(finding.span.start);
    json!({
        "code": finding.code,
        "severity": finding.severity.word(),
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "message": finding.message,
        "hint": finding.hint,
    })
}

/// The known word that was most likely meant, if one is near enough.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What happened, one sentence.
    pub what: String,
    /// Where: a file's place, or a step and request id in words.
    pub place: Option<Place>,
    /// What to do next.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without a place or hint.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None, hint: None }
    }

    /// With what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A finding as the one failure of a command.
    pub fn from_finding(source: &Source, finding: &Finding) -> Self {
        Self {
            what: finding.message.clone(),
            place: Some(source.place(finding.span.start)),
            hint: finding.hint.clone(),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(place) = &self.place {
            write!(f, " ({}:{}:{})", place.file, place.line, place.column)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source::new("keys.yaml", "runbook: keys\ntitel: Schlüssel\nsteps: []\n")
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        let finding =
            Finding::error("KW002", Span { start: 14, end: 19 }, "unknown key `titel`").hint("did you mean `title`?");
        let text = render(&source(), &[finding], false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "error[KW002]: unknown key `titel`");
        assert!(lines[1].contains("keys.yaml:2:1"), "{text}");
        let code = lines.iter().position(|line| line.contains("titel: Schl")).unwrap();
        let column = lines[code].find("titel").unwrap();
        assert_eq!(lines[code + 1].find("^^^^^"), Some(column), "{text}");
        assert!(text.contains("help: did you mean `title`?"), "{text}");
        assert!(!text.contains('\u{1b}'), "plain has no escapes");
    }

    #[test]
    fn colour_is_only_on_request_and_a_message_cannot_smuggle_escapes() {
        let finding = Finding::warning("KW130", Span { start: 0, end: 3 }, "bad \u{1b}[2J thing");
        assert!(render(&source(), std::slice::from_ref(&finding), true).contains('\u{1b}'));
        assert!(!render(&source(), &[finding], false).contains('\u{1b}'));
    }

    #[test]
    fn places_are_counted_in_characters_and_survive_bad_spans() {
        let source = source();
        let umlaut_end = source.text.find("ssel").unwrap();
        assert_eq!((source.place(umlaut_end).line, source.place(umlaut_end).column), (2, 13));
        assert_eq!(source.place(9999).line, 4);
        let wild = Finding::error("KW001", Span { start: 9999, end: 3 }, "end");
        assert!(render(&source, std::slice::from_ref(&wild), false).contains("KW001"));
        // In the middle of the two bytes of `ü`.
        let inside = source.text.find('ü').unwrap() + 1;
        assert!(
            render(&source, &[Finding { span: Span { start: inside, end: inside }, ..wild }], false).contains("end")
        );
    }

    #[test]
    fn json_names_the_place() {
        let finding = Finding::error("KW002", Span { start: 14, end: 19 }, "unknown key").hint("title");
        let value = to_json(&source(), &finding);
        assert_eq!(value["line"], 2);
        assert_eq!(value["column"], 1);
        assert_eq!(value["file"], "keys.yaml");
        assert_eq!(value["hint"], "title");
    }

    #[test]
    fn only_near_words_are_meant() {
        assert_eq!(did_you_mean("titel", ["title", "steps"]), Some("title"));
        assert_eq!(did_you_mean("xyz", ["title", "steps"]), None);
    }
}
