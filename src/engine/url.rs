//! URLs of systems, built so that a value can't change where a request goes.

use thiserror::Error;

/// Why a URL can't be built.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum UrlError {
    /// The base is none.
    #[error("“{0}” is no http(s) URL; see `systems` in keyward.yaml")]
    Base(String),
    /// The path has parts that would lead elsewhere.
    #[error("the path “{0}” has to begin with `/` and to have no `..`, `?`, `#` or control character in it")]
    Path(String),
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    encode_into(text, b"-._~", &mut out);
    out
}

/// Percent-encodes everything but letters, digits and `safe` into a buffer of the caller's (one that is wiped, say).
pub fn encode_into(text: &str, safe: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || safe.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Base, path (already encoded) and query.
pub fn join(base: &str, path: &str, query: &[(String, String)]) -> Result<String, UrlError> {
    let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['?', '#', '@', ' '])) {
        return Err(UrlError::Base(base.to_owned()));
    }
    let strange = path.contains(['?', '#', '\\']) || path.chars().any(|c| c.is_control() || c == ' ');
    if !path.starts_with('/') || strange || path.split('/').any(|part| part == ".." || part == ".") {
        return Err(UrlError::Path(path.to_owned()));
    }
    let mut url = format!("{}{path}", base.trim_end_matches('/'));
    for (i, (name, value)) in query.iter().enumerate() {
        url.push(if i == 0 { '?' } else { '&' });
        url.push_str(&format!("{}={}", encode(name), encode(value)));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_lead_elsewhere() {
        assert_eq!(join("http://h:1/", "/a/b", &[("x y".into(), "&=".into())]).unwrap(), "http://h:1/a/b?x%20y=%26%3D");
        for path in ["a", "/../x", "/a?b", "/a#b", "/a b", "/a\n"] {
            assert!(matches!(join("https://h", path, &[]), Err(UrlError::Path(_))), "{path}");
        }
        for base in ["ftp://h", "https://", "https://user@h", "h"] {
            assert!(matches!(join(base, "/", &[]), Err(UrlError::Base(_))), "{base}");
        }
        assert_eq!(encode("a/../b"), "a%2F..%2Fb");
    }
}
