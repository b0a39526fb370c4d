//! From text to segments: where `{{ … }}` begins and ends, and whether what is inside is a path with filters.

use super::filter::{self, Argument, Call};
use super::render::environment;
use super::{Expr, Path, PathPart, Segment, Span, Template, TemplateError};

/// Words that look like a name but are not one.
const WORDS: &[&str] =
    &["true", "false", "none", "True", "False", "None", "not", "and", "or", "if", "else", "in", "is"];

/// The longest expression, in bytes. minijinja's parser recurses over a chain of operators, so that a long one would
/// overflow the stack; a person can't read one of that length anyway.
const LONGEST: usize = 2000;

impl Template {
    /// Reads a text with `{{ … }}` in it.
    ///
    /// # Errors
    /// [`super::TemplateErrorKind::Syntax`] for an expression without end, one that can't be read, a statement
    /// (`{% … %}`) or comment; [`super::TemplateErrorKind::Filter`] for a filter's wrong name or arguments.
    pub fn parse(source: &str, span: Span) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut rest = source;
        while let Some(open) = rest.find('{') {
            let after = &rest[open + 1..];
            match after.chars().next() {
                Some('{') => {}
                Some(c @ ('%' | '#')) if source_has_end(after, c) => {
                    return Err(TemplateError::syntax(format!("`{{{c} … {c}}}` is not part of the language"))
                        .hint("only expressions, `{{ … }}`, are"));
                }
                _ => {
                    push_text(&mut segments, &rest[..=open]);
                    rest = after;
                    continue;
                }
            }
            push_text(&mut segments, &rest[..open]);
            let inner = &after[1..];
            let end = end_of_expression(inner)
                .ok_or_else(|| TemplateError::syntax("`{{` without its `}}`".to_owned()).hint("close it with `}}`"))?;
            segments.push(Segment::Expr(Expr::parse(inner[..end].trim())?));
            rest = &inner[end + 2..];
        }
        push_text(&mut segments, rest);
        Ok(Self { source: source.to_owned(), segments, span })
    }

    /// A text that is a template only in form.
    pub fn literal(text: &str) -> Self {
        Self {
            source: text.to_owned(),
            segments: if text.is_empty() { Vec::new() } else { vec![Segment::Text(text.to_owned())] },
            span: Span::default(),
        }
    }

    /// True if there is no expression in it.
    pub fn is_literal(&self) -> bool {
        self.exprs().next().is_none()
    }
}

fn source_has_end(after: &str, mark: char) -> bool {
    after[1..].contains(&format!("{mark}}}"))
}

fn push_text(segments: &mut Vec<Segment>, text: &str) {
    if text.is_empty() {
        return;
    }
    if let Some(Segment::Text(last)) = segments.last_mut() {
        last.push_str(text);
    } else {
        segments.push(Segment::Text(text.to_owned()));
    }
}

/// Byte offset of the `}}` that ends an expression, not counting what stands in quotes or in a map literal.
fn end_of_expression(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0u32;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == open => quote = None,
                _ => {}
            }
            continue;
        }
        match c {
            '\'' | '"' => quote = Some(c),
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' if text[at + 1..].starts_with('}') => return Some(at),
            _ => {}
        }
    }
    None
}

impl Expr {
    /// Every path it looks at, filters' arguments included; of a computed member the part before it.
    pub fn paths(&self) -> Vec<Path> {
        if let Some(path) = &self.path {
            let calls = self.filters.iter().filter_map(|filter| Call::parse(filter).ok());
            let arguments = calls.flat_map(|call| call.arguments).filter_map(|argument| match argument {
                Argument::Path(path) => Some(path),
                Argument::Text(_) => None,
            });
            return std::iter::once(path.clone()).chain(arguments).collect();
        }
        let mut paths = named(&self.source);
        paths.sort();
        paths.dedup();
        paths
    }

    fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.is_empty() {
            return Err(TemplateError::syntax("`{{ }}` is empty").hint("name an input or a capture"));
        }
        if source.len() > LONGEST {
            return Err(TemplateError::syntax(format!(
                "an expression has {} bytes, at most {LONGEST} may be",
                source.len()
            )));
        }
        if let Some((path, calls)) = simple(source)? {
            let mut roots: Vec<String> = path.root().map(str::to_owned).into_iter().collect();
            for argument in calls.iter().flat_map(|call| &call.arguments) {
                if let Argument::Path(path) = argument
                    && let Some(root) = path.root()
                    && !roots.iter().any(|known| known == root)
                {
                    roots.push(root.to_owned());
                }
            }
            let filters = calls.iter().map(|call| call.source.clone()).collect();
            return Ok(Self { source: source.to_owned(), path: Some(path), filters, roots });
        }
        let compiled = environment().compile_expression(source).map_err(|error| {
            let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            TemplateError::syntax(format!("`{source}` can't be read: {reason}"))
        })?;
        let mut roots: Vec<String> = compiled.undeclared_variables(false).into_iter().collect();
        roots.extend(named(source).iter().filter_map(Path::root).map(str::to_owned));
        roots.retain(|root| !environment().globals().any(|(name, _)| name == root));
        roots.sort();
        roots.dedup();
        Ok(Self { source: source.to_owned(), path: None, filters: Vec::new(), roots })
    }
}

/// Every path that stands in an expression, by its letters alone. minijinja 3.0.5 does not report what a slice is taken
/// of (`secret[0:4]`), and a secret that is overlooked is worse than a name too many.
fn named(source: &str) -> Vec<Path> {
    let mut found = Vec::new();
    let mut cursor = Cursor::new(source);
    let mut before = ' ';
    let mut word_before = "";
    while let Some(c) = cursor.peek() {
        if c == '\'' || c == '"' {
            if cursor.quoted(c).is_err() {
                break;
            }
            (before, word_before) = (c, "");
        } else if c.is_ascii_digit() {
            let rest = cursor.rest();
            cursor.at += rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
            (before, word_before) = (c, "");
        } else if before == '.' || before == '|' {
            // A member of what is not a plain path, or a filter's name.
            if cursor.name(false).is_none() {
                cursor.at += c.len_utf8();
            }
            if !c.is_whitespace() {
                before = c;
            }
        } else if c.is_alphabetic() || c == '_' {
            let start = cursor.at;
            // As far as it is one: `a[b].c` is `a`, then `b`.
            let path = cursor.longest_path();
            let word = &source[start..cursor.at];
            let rest = cursor.rest().trim_start();
            let keyword = rest.starts_with('=') && !rest.starts_with("==");
            let test = word_before == "is" || (word_before == "is not");
            if !keyword && !test && path.root().is_some_and(|root| !WORDS.contains(&root)) {
                found.push(path);
            }
            word_before = if word_before == "is" && word == "not" { "is not" } else { word };
            before = 'a';
        } else {
            cursor.at += c.len_utf8();
            if !c.is_whitespace() {
                (before, word_before) = (c, "");
            }
        }
    }
    found
}

/// `path | filter | filter(argument)`, all filters being the language's own; `None` for anything wider.
fn simple(source: &str) -> Result<Option<(Path, Vec<Call>)>, TemplateError> {
    let mut cursor = Cursor::new(source);
    let Ok(path) = cursor.path(false) else { return Ok(None) };
    if path.root().is_none_or(|root| WORDS.contains(&root)) {
        return Ok(None);
    }
    let mut calls = Vec::new();
    while !cursor.at_end() {
        cursor.space();
        if !cursor.eat('|') {
            return Ok(None);
        }
        cursor.space();
        let Some(call) = cursor.call()? else { return Ok(None) };
        calls.push(call);
        cursor.space();
    }
    Ok(Some((path, calls)))
}

/// Reads a text from left to right.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let is = self.peek() == Some(c);
        if is {
            self.at += c.len_utf8();
        }
        is
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += self.peek().map_or(0, char::len_utf8);
        }
    }

    /// A name; hyphens inside it only where `hyphens` (in an expression the first name can't have one: `a-b` is a
    /// difference there, while `a.b-c` is a member such as a header's or a step's).
    fn name(&mut self, hyphens: bool) -> Option<&'a str> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        if !(first.is_alphabetic() || first == '_') {
            return None;
        }
        let end =
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || (hyphens && c == '-'))).unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches('-');
        self.at += name.len();
        Some(name)
    }

    /// The path that begins here with a name, leaving alone what does not belong to it.
    fn longest_path(&mut self) -> Path {
        let mut parts = Vec::new();
        let mut end = self.at;
        if let Some(name) = self.name(false) {
            parts.push(PathPart::Name(name.to_owned()));
            end = self.at;
        }
        loop {
            let part = if self.eat('.') {
                self.name(false).map(|name| PathPart::Name(name.to_owned()))
            } else {
                self.subscript()
            };
            let Some(part) = part else { break };
            parts.push(part);
            end = self.at;
        }
        self.at = end;
        Path(parts)
    }

    /// `[n]`, `['name']` or `["name"]`.
    fn subscript(&mut self) -> Option<PathPart> {
        if !self.eat('[') {
            return None;
        }
        let part = match self.peek()? {
            quote @ ('\'' | '"') => PathPart::Name(self.quoted(quote).ok()?),
            _ => {
                let rest = self.rest();
                let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                self.at += digits;
                PathPart::Index(rest[..digits].parse().ok()?)
            }
        };
        self.eat(']').then_some(part)
    }

    /// `name(.name|[n])*`.
    pub(super) fn path(&mut self, hyphens: bool) -> Result<Path, TemplateError> {
        let wrong = |cursor: &Self| {
            TemplateError::syntax(format!("`{}` is not a path: a name was expected", cursor.text))
                .hint("a path is `.` or `name.name[0]`")
        };
        let first = self.name(hyphens).ok_or_else(|| wrong(self))?;
        let mut parts = vec![PathPart::Name(first.to_owned())];
        loop {
            if self.eat('.') {
                let name = self.name(true).ok_or_else(|| wrong(self))?;
                parts.push(PathPart::Name(name.to_owned()));
            } else if self.eat('[') {
                let rest = self.rest();
                let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let index = rest[..digits].parse().map_err(|_| wrong(self))?;
                self.at += digits;
                if !self.eat(']') {
                    return Err(wrong(self));
                }
                parts.push(PathPart::Index(index));
            } else {
                return Ok(Path(parts));
            }
        }
    }

    /// A filter and its arguments; `None` if it is not one of the language's own.
    pub(super) fn call(&mut self) -> Result<Option<Call>, TemplateError> {
        let start = self.at;
        let Some(name) = self.name(false) else { return Ok(None) };
        let mut arguments = Vec::new();
        if self.eat('(') {
            self.space();
            while !self.eat(')') {
                let argument = match self.peek() {
                    Some(quote @ ('\'' | '"')) => Argument::Text(self.quoted(quote)?),
                    _ => match self.path(false) {
                        Ok(path) if path.root().is_some_and(|root| !WORDS.contains(&root)) => Argument::Path(path),
                        _ => return Ok(None),
                    },
                };
                arguments.push(argument);
                self.space();
                if self.eat(',') {
                    self.space();
                } else if self.peek() != Some(')') {
                    return Ok(None);
                }
            }
        }
        let call = Call { name: name.to_owned(), arguments, source: self.text[start..self.at].to_owned() };
        if filter::known(&call)? { Ok(Some(call)) } else { Ok(None) }
    }

    /// A quoted text. In double quotes escapes are JSON's; in single quotes only `\'` and `\\` are escapes, and any other
    /// backslash stands for itself, so that a regular expression can be written as it is.
    fn quoted(&mut self, quote: char) -> Result<String, TemplateError> {
        let open = self.at;
        self.eat(quote);
        let mut raw = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                let end = self.at + at + 1;
                let whole = &self.text[open..end];
                self.at = end;
                if quote == '"'
                    && let Ok(text) = serde_json::from_str(whole)
                {
                    return Ok(text);
                }
                return Ok(raw);
            }
            raw.push(c);
            if c == '\\'
                && let Some((_, next)) = chars.next()
            {
                if next == quote || next == '\\' {
                    raw.pop();
                }
                raw.push(next);
            }
        }
        Err(TemplateError::syntax(format!("a quote is not closed in `{}`", self.text)))
    }
}
