//! Takes held secrets out of text before it leaves the effect layer, in every form that they usually travel in.
//!
//! Fingerprints protect what is *known* to be secret; this protects the rest: a server that quotes a value in its
//! error, a program that prints its environment. It works on a stream, so that a secret that is cut by a read's border
//! is found too.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::{Zeroize, Zeroizing};

use crate::engine::url::encode_into;

/// Shorter values are not looked for: they would turn ordinary text into noise, and hiding a text that everybody could
/// guess protects nothing. (They are still never written on purpose: references and fingerprints take care of that.)
const SHORTEST: usize = 4;
/// Encoded forms are looked for from this many bytes of the form on.
const SHORTEST_ENCODED: usize = 6;

struct Pattern {
    bytes: Zeroizing<Vec<u8>>,
    name: usize,
}

/// The secrets to look for, in all their forms.
#[derive(Default)]
pub struct Masker {
    names: Vec<String>,
    patterns: Vec<Pattern>,
    /// For each first byte: the patterns that begin with it, longest first.
    by_first: Vec<Vec<usize>>,
}

impl Masker {
    /// For these values, each with the name that is shown in its place.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut masker = Self { by_first: vec![Vec::new(); 256], ..Self::default() };
        for (name, value) in secrets {
            if value.len() < SHORTEST {
                continue;
            }
            let index = masker.names.len();
            masker.names.push(format!("[secret {name}]"));
            for form in forms(value) {
                if masker.patterns.iter().all(|p| *p.bytes != *form) {
                    masker.patterns.push(Pattern { bytes: form, name: index });
                }
            }
        }
        for (i, pattern) in masker.patterns.iter().enumerate() {
            masker.by_first[usize::from(pattern.bytes[0])].push(i);
        }
        for list in &mut masker.by_first {
            list.sort_by_key(|&i| std::cmp::Reverse(masker.patterns[i].bytes.len()));
        }
        masker
    }

    /// The text without secrets.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.patterns.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut stream = self.stream();
        let mut out = Vec::with_capacity(text.len());
        stream.push(text.as_bytes(), &mut out);
        stream.finish(&mut out);
        if out == text.as_bytes() {
            return Cow::Borrowed(text);
        }
        // A pattern is whole UTF-8 text, so cutting one out leaves UTF-8; lossy costs nothing then.
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }

    /// The same for text that comes in pieces.
    pub fn stream(&self) -> Stream<'_> {
        Stream { masker: self, held: Zeroizing::new(Vec::new()) }
    }
}

/// Text that comes in pieces. What might be the start of a secret is held back until more is known.
pub struct Stream<'m> {
    masker: &'m Masker,
    held: Zeroizing<Vec<u8>>,
}

impl Stream<'_> {
    /// Takes the next piece; appends to `out` what is known to be clean.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(piece);
        self.drain(false, out);
    }

    /// The text is at its end: what was held back is no secret.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.drain(true, out);
    }

    /// The text goes on, but nobody will read it: what was held back may be a secret's first part, and is dropped.
    pub fn cut(self) {}

    fn drain(&mut self, end: bool, out: &mut Vec<u8>) {
        let Masker { names, patterns, by_first } = self.masker;
        if patterns.is_empty() {
            out.append(&mut self.held);
            return;
        }
        let mut at = 0;
        'scan: while at < self.held.len() {
            let rest = &self.held[at..];
            for &i in &by_first[usize::from(rest[0])] {
                let pattern = &patterns[i].bytes;
                if rest.starts_with(pattern) {
                    out.extend_from_slice(names[patterns[i].name].as_bytes());
                    at += pattern.len();
                    continue 'scan;
                }
                // The longest come first, so a shorter match is not taken while a longer one may still come.
                if !end && pattern.starts_with(rest) {
                    break 'scan;
                }
            }
            out.push(rest[0]);
            at += 1;
        }
        let kept = self.held.len() - at;
        self.held.copy_within(at.., 0);
        self.held[kept..].zeroize();
        self.held.truncate(kept);
    }
}

/// A value as it is, and as it looks in JSON, URLs, XML, shell words, hex and base64 (at any offset of a longer text).
fn forms(value: &str) -> Vec<Zeroizing<Vec<u8>>> {
    let mut all: Vec<Zeroizing<String>> = vec![Zeroizing::new(value.to_owned())];
    let json = Zeroizing::new(serde_json::Value::from(value).to_string());
    let json = Zeroizing::new(json[1..json.len() - 1].to_owned());
    all.push(Zeroizing::new(json.replace('/', "\\/")));
    let ascii = Zeroizing::new(crate::engine::call::canonical(&serde_json::Value::from(value)));
    all.push(Zeroizing::new(ascii[1..ascii.len() - 1].to_owned()));
    all.push(json);
    for safe in [&b"-._~"[..], b"-._~/", b"-._~/:@+=,"] {
        let mut url = Zeroizing::new(String::new());
        encode_into(value, safe, &mut url);
        all.push(Zeroizing::new(lower_escapes(&url)));
        all.push(Zeroizing::new(url.replace("%20", "+")));
        all.push(url);
    }
    all.push(Zeroizing::new(
        value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
    ));
    all.push(Zeroizing::new(value.replace('\'', "'\\''")));
    let hex = Zeroizing::new(hex::encode(value));
    all.push(Zeroizing::new(hex.to_uppercase()));
    all.push(hex);
    for offset in 0..3 {
        // Bytes before and after the value share characters with its first and last ones; those are left out.
        let mut padded = Zeroizing::new(vec![0; offset]);
        padded.extend_from_slice(value.as_bytes());
        let skip = [0, 2, 3][offset];
        let sure = padded.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = Zeroizing::new(engine.encode(&*padded));
            if sure >= skip + SHORTEST_ENCODED {
                all.push(Zeroizing::new(text[skip..sure].to_owned()));
            }
        }
    }
    all.into_iter()
        .enumerate()
        .filter(|(i, form)| *i == 0 || form.len() >= SHORTEST_ENCODED)
        .map(|(_, form)| Zeroizing::new(form.as_bytes().to_vec()))
        .collect()
}

fn lower_escapes(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let mut left = 0_u8;
    for c in url.chars() {
        if c == '%' {
            left = 3;
        }
        out.push(if left > 0 { c.to_ascii_lowercase() } else { c });
        left = left.saturating_sub(1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "wJalr/XUtn+FEMI\"K7'MD&NG é bPxRfi=CY";

    fn encodings(value: &str) -> Vec<String> {
        let mut list = vec![
            value.to_owned(),
            serde_json::to_string(value).unwrap(),
            hex::encode(value),
            hex::encode_upper(value),
            format!("'{}'", value.replace('\'', "'\\''")),
        ];
        let mut url = String::new();
        encode_into(value, b"", &mut url);
        let mut url = String::new();
        encode_into(value, b"-._~", &mut url);
        list.push(url);
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "x", "xy", "\n"] {
                list.push(STANDARD_NO_PAD.encode(format!("{before}{value}{after}")));
                list.push(URL_SAFE_NO_PAD.encode(format!("{before}{value}{after}")));
            }
        }
        list
    }

    #[test]
    fn every_form_is_found_across_every_border() {
        let masker = Masker::new([("new_key.secret", VALUE)]);
        for text in encodings(VALUE) {
            let text = format!("before {text} after");
            let whole = masker.text(&text).into_owned();
            assert!(whole.contains("[secret new_key.secret]"), "{text} → {whole}");
            assert!(whole.starts_with("before ") && whole.ends_with(" after"), "{whole}");
            for border in 0..=text.len() {
                let mut stream = masker.stream();
                let mut out = Vec::new();
                stream.push(&text.as_bytes()[..border], &mut out);
                stream.push(&text.as_bytes()[border..], &mut out);
                stream.finish(&mut out);
                assert_eq!(out, whole.as_bytes(), "cut at {border}");
            }
        }
    }

    #[test]
    fn byte_by_byte_nothing_of_it_appears_early() {
        let masker = Masker::new([("a", VALUE)]);
        let mut stream = masker.stream();
        let mut out = Vec::new();
        for byte in VALUE.bytes() {
            stream.push(&[byte], &mut out);
        }
        stream.finish(&mut out);
        assert_eq!(out, b"[secret a]");
    }

    #[test]
    fn a_part_at_a_cut_is_dropped_and_at_an_end_is_kept() {
        let masker = Masker::new([("a", "hunter2hunter2")]);
        let mut out = Vec::new();
        let mut stream = masker.stream();
        stream.push(b"x hunter2hun", &mut out);
        stream.cut();
        assert_eq!(out, b"x ");
        let mut out = Vec::new();
        let mut stream = masker.stream();
        stream.push(b"x hunter2hun", &mut out);
        stream.finish(&mut out);
        assert_eq!(out, b"x hunter2hun");
    }

    #[test]
    fn a_longer_secret_wins_over_its_own_start() {
        let masker = Masker::new([("short", "hunter2"), ("long", "hunter2hunter3")]);
        assert_eq!(masker.text("hunter2hunter3 hunter2hunter2"), "[secret long] [secret short][secret short]");
    }

    #[test]
    fn text_without_secrets_is_untouched_and_tiny_values_are_not_looked_for() {
        let masker = Masker::new([("pin", "12"), ("pw", "correct horse")]);
        assert!(matches!(masker.text("12 o'clock, correct hors"), Cow::Borrowed(_)));
    }

    proptest::proptest! {
        /// However the text is cut into pieces, the same comes out, and no secret with it.
        #[test]
        fn pieces_do_not_matter(
            secrets in proptest::collection::vec("[ -~é]{6,24}", 1..4),
            parts in proptest::collection::vec((0_usize..4, 0_usize..8, "[ -~]{0,6}"), 0..6),
            cuts in proptest::collection::vec(1_usize..9, 1..40),
        ) {
            let masker = Masker::new(secrets.iter().map(|secret| ("s", secret.as_str())));
            let mut text = String::new();
            for (which, form, between) in parts {
                let secret = &secrets[which % secrets.len()];
                let all = encodings(secret);
                text.push_str(&all[form % all.len()]);
                text.push_str(&between);
            }
            let whole = masker.text(&text).into_owned();
            let (mut stream, mut out, mut rest) = (masker.stream(), Vec::new(), text.as_bytes());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, next) = rest.split_at((*cut).min(rest.len()));
                stream.push(piece, &mut out);
                rest = next;
            }
            stream.finish(&mut out);
            proptest::prop_assert_eq!(String::from_utf8_lossy(&out).into_owned(), whole.clone());
            let cleaned = whole.replace("[secret s]", "\u{0}");
            for secret in &secrets {
                proptest::prop_assert!(!cleaned.contains(secret.as_str()), "{whole:?}");
            }
        }
    }
}
