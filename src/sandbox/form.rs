//! Query strings and form bodies: what comes after `?`, and what the query protocol posts.

/// Names and values in the order sent. Broken escapes stand as they are: the reader then finds no such name or value.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `a=1&b=x%20y`, with `+` for a space.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name, true), decode(value, true))
        });
        Self(pairs.collect())
    }

    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `NAME.member.1`, `NAME.member.2`, …: the query protocol's lists, in the order of their numbers.
    pub(super) fn members(&self, name: &str) -> Vec<&str> {
        let mut found: Vec<(u32, &str)> = self
            .0
            .iter()
            .filter_map(|(key, value)| {
                let number = key.strip_prefix(name)?.strip_prefix(".member.")?.parse().ok()?;
                Some((number, value.as_str()))
            })
            .collect();
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, value)| value).collect()
    }
}

/// Percent-decodes; what is not UTF-8 then is replaced.
pub(super) fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escape = (bytes[i] == b'%')
            .then(|| bytes.get(i + 1..i + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escape {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(if plus && bytes[i] == b'+' { b' ' } else { bytes[i] });
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes all but the unreserved characters of RFC 3986, and what `keep` names.
pub(super) fn encode(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(c) || (byte.is_ascii() && keep.contains(c)) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_sent_and_broken_escapes_do_no_harm() {
        let form = Form::parse("a=x+y%2Fz&b&L.member.2=two&L.member.10=ten&L.member.1=one&bad=%zz%4&u=%ff");
        assert_eq!(form.get("a"), Some("x y/z"));
        assert_eq!(form.get("b"), Some(""));
        assert_eq!(form.members("L"), ["one", "two", "ten"]);
        assert_eq!(form.get("bad"), Some("%zz%4"));
        assert_eq!(form.get("u"), Some("\u{fffd}"));
        assert_eq!(form.get("none"), None);
        assert_eq!(decode(&encode("é /?", "/"), false), "é /?");
    }
}
