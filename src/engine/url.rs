//! URLs from a system's base, a path in plain words and query pairs. Pure.
//!
//! The path of an `http` action is written and confirmed in plain words; here each of its parts becomes bytes of a URL
//! in exactly one way (RFC 3986), so that a value can't reach another path, host or query than the one on screen.

use std::fmt::Write as _;

/// Why a URL can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The system's base is not an absolute `http` or `https` URL without user, query and fragment.
    #[error("the system's URL {0:?} is not a plain http:// or https:// URL; mend it under `systems` in keyward.yaml")]
    Base(String),
    /// The path has a part that would lead elsewhere.
    #[error("the path {path:?} has {what}; write the path out, starting with a slash")]
    Path {
        /// As rendered.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A system's base URL with a path (plain words, `/` between parts) and query pairs, percent-encoded.
///
/// `%` in the path is a plain per cent sign and is encoded too. Empty, `.` and `..` parts are refused, as servers and
/// proxies disagree about them.
pub fn join_url(base: &str, path: &str, query: &[(String, String)]) -> Result<String, UrlError> {
    let refuse = |what| Err(UrlError::Path { path: path.to_owned(), what });
    let base = base.strip_suffix('/').unwrap_or(base);
    let authority = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '\\' | '"' | '<' | '>');
    match authority {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain) => {}
        _ => return Err(UrlError::Base(base.to_owned())),
    }
    let Some(parts) = path.strip_prefix('/') else { return refuse("no slash at its start") };
    let mut url = base.to_owned();
    let last = parts.split('/').count() - 1;
    for (i, part) in parts.split('/').enumerate() {
        match part {
            // "/" itself and a closing slash are legal.
            "" if i == last => {}
            "" => return refuse("an empty part"),
            "." | ".." => return refuse("a part of dots"),
            _ if part.chars().any(char::is_control) => return refuse("a control character"),
            _ => {}
        }
        url.push('/');
        encode(part, b"-._~!$&'()*+,;=:@", &mut url);
    }
    for (i, (name, value)) in query.iter().enumerate() {
        url.push(if i == 0 { '?' } else { '&' });
        encode(name, b"-._~", &mut url);
        url.push('=');
        encode(value, b"-._~", &mut url);
    }
    Ok(url)
}

/// Percent-encodes every byte but letters, digits and those of `safe`.
pub fn encode(text: &str, safe: &[u8], out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || safe.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn parts_are_encoded_once_and_in_one_way() {
        let url = join_url("https://api.example.com/", "/apps/a b?c#d%2f/é", &pairs(&[("q", "x&y=/ +")])).unwrap();
        assert_eq!(url, "https://api.example.com/apps/a%20b%3Fc%23d%252f/%C3%A9?q=x%26y%3D%2F%20%2B");
        assert_eq!(join_url("http://127.0.0.1:80/v1", "/", &[]).unwrap(), "http://127.0.0.1:80/v1/");
    }

    #[test]
    fn a_path_can_not_lead_elsewhere() {
        for path in ["", "apps", "/a//b", "/a/../b", "/./a", "/..", "/a\nb", "//evil.example.com"] {
            assert!(join_url("https://api.example.com", path, &[]).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_base_is_absolute_and_plain() {
        for base in [
            "",
            "api.example.com",
            "ftp://x",
            "https://",
            "https:///x",
            "https://u:p@x",
            "https://x?y",
            "https://x#y",
            "https://x y",
        ] {
            assert!(matches!(join_url(base, "/a", &[]), Err(UrlError::Base(_))), "{base:?}");
        }
    }
}
