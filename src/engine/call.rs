//! One thing that will be sent, exactly as it is confirmed, and the text that a confirmation carries.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One thing that will be sent. It is all that the effect layer gets: executing a call needs no runbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// From 0 within its row.
    pub call: u32,
    /// `iam:CreateAccessKey`, `http:PATCH`, `command`, `holder.read`, …
    pub op: String,
    /// The URL it goes to, or a program's path and digest (`/usr/bin/ssh sha256:…`).
    pub endpoint: String,
    /// Every parameter; secrets as [`crate::secret::SecretRef`] values.
    pub params: Value,
}

/// Where a tainted part of a result is kept, and under which name.
#[derive(Clone, Debug, PartialEq)]
pub struct Keep {
    /// A path in the result.
    pub path: crate::runbook::template::Path,
    /// The secret's name in the vault.
    pub name: String,
}

/// The calls of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowCalls {
    /// The row's key.
    pub row: String,
    /// In the order sent.
    pub calls: Vec<Call>,
}

/// A step's action as it is confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rendered {
    /// The AWS account.
    pub account: String,
    /// From 1.
    pub attempt: u32,
    /// The caller's ARN.
    pub caller: String,
    /// Every row.
    pub rows: Vec<RowCalls>,
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
}

impl Rendered {
    /// Sorted, compact, ASCII-escaped JSON.
    pub fn canonical(&self) -> String {
        canonical(&json!(self))
    }

    /// Lower-case hex SHA-256 of [`Rendered::canonical`], as `jq -rj .action | sha256sum` prints it.
    pub fn digest(&self) -> String {
        sha256_hex(self.canonical().as_bytes())
    }
}

/// Lower-case hex SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// JSON with sorted keys, no spaces, and everything beyond ASCII as `\uXXXX` (UTF-16 code units, RFC 8259 section 7).
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::String(text) => write_text(text, out),
        other => out.push_str(&other.to_string()),
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_is_sorted_compact_and_ascii() {
        let value = json!({"b": [1, true, null], "a": "é\u{1F512}\n\"\\"});
        assert_eq!(canonical(&value), r#"{"a":"\u00e9\ud83d\udd12\u000a\"\\","b":[1,true,null]}"#);
        let back: Value = serde_json::from_str(&canonical(&value)).unwrap();
        assert_eq!(back, value);
    }
}
