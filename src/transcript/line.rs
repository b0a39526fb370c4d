//! One entry as one line, strictly: what is read must be, byte for byte, what would be written.
//!
//! Two programs that read the same line differently would read two different transcripts. So duplicate keys, unknown
//! keys, floats (which print differently everywhere), CR, spaces and escapes other than our own are refused.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::engine::entry::{Body, Entry, Reading};

/// Longest line in bytes, its LF included.
pub const MAX_LINE: usize = 64 * 1024;
/// Largest result in bytes of JSON that stands in its line; a larger one is a blob.
pub const INLINE_RESULT: usize = 4 * 1024;

/// An entry as its line, with the LF. A result that is in a blob is left out: the line names the blob.
///
/// # Errors
/// A sentence, if the entry would not be read back as it is: a float, or a line over [`MAX_LINE`].
pub fn encode(entry: &Entry) -> Result<Vec<u8>, String> {
    let line = write(entry)?;
    decode(&line)?;
    Ok(line)
}

fn write(entry: &Entry) -> Result<Vec<u8>, String> {
    let in_blob = reading(&entry.body).is_some_and(|reading| reading.blob.is_some() && reading.result.is_some());
    let mut line = if in_blob {
        let mut entry = entry.clone();
        if let Some(reading) = reading_mut(&mut entry.body) {
            reading.result = None;
        }
        serde_json::to_vec(&entry)
    } else {
        serde_json::to_vec(entry)
    }
    .map_err(|error| error.to_string())?;
    line.push(b'\n');
    Ok(line)
}

/// Reads one raw line, its LF included.
///
/// # Errors
/// A sentence that says why it is not a line that keyward wrote.
pub fn decode(raw: &[u8]) -> Result<Entry, String> {
    if raw.len() > MAX_LINE {
        return Err(format!("the line is over {MAX_LINE} bytes"));
    }
    let text = raw.strip_suffix(b"\n").ok_or("the line has no end")?;
    if let Some(at) = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        return Err(format!("a line break inside the line, at byte {at}"));
    }
    let text = std::str::from_utf8(text).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to()))?;
    serde_json::from_str::<Strict>(text).map_err(|error| plain(&format!("not strict JSON: {error}")))?;
    let entry: Entry = serde_json::from_str(text).map_err(|error| plain(&format!("not an entry: {error}")))?;
    let again = write(&entry)?;
    if again != raw {
        let at = again.iter().zip(raw).position(|(a, b)| a != b).unwrap_or(again.len().min(raw.len()));
        return Err(format!("not written as keyward writes it, from byte {at} on"));
    }
    Ok(entry)
}

/// Text for a terminal that may quote what stood in the folder: no control characters, and not without end.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(500).collect()
}

/// What was read, in the kinds of entries that carry it.
pub(crate) fn reading(body: &Body) -> Option<&Reading> {
    match body {
        Body::Resolved { reading, .. } | Body::Sample { reading, .. } | Body::Finished { reading, .. } => Some(reading),
        _ => None,
    }
}

/// As [`reading`].
pub(crate) fn reading_mut(body: &mut Body) -> Option<&mut Reading> {
    match body {
        Body::Resolved { reading, .. } | Body::Sample { reading, .. } | Body::Finished { reading, .. } => Some(reading),
        _ => None,
    }
}

/// True if the value can't stand in a line: over [`INLINE_RESULT`], or with a float in it.
pub(crate) fn needs_blob(value: &Value) -> bool {
    has_float(value) || serde_json::to_vec(value).map_or(true, |text| text.len() > INLINE_RESULT)
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_float),
        Value::Object(map) => map.values().any(has_float),
        _ => false,
    }
}

/// JSON that is read for its faults alone: duplicate keys and floats at any depth.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without floats")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self, E> {
        Err(E::custom(format!("a float or too large a number: {number}")))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Strict>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Strict>()?;
            if let Some(key) = seen.replace(key) {
                return Err(de::Error::custom(format!("duplicate key `{}`", key.escape_debug())));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::engine::entry::Verdict;
    use crate::transcript::fixtures::{every_body, stamp};

    fn entry(body: Body) -> Entry {
        Entry { n: 3, prev: "0".repeat(64), at: stamp(5), by: "alice@example.com".into(), body, wall: None, sigs: None }
    }

    fn noted() -> String {
        String::from_utf8(encode(&entry(Body::Noted { text: "é \u{2028} \" \\ \u{7}".into() })).unwrap()).unwrap()
    }

    #[test]
    fn every_kind_is_read_back_as_it_was_written() {
        let bodies = every_body();
        let kinds: HashSet<&str> = bodies.iter().map(Body::kind).collect();
        assert_eq!(kinds.len(), 25, "a kind of entry without a sample: {kinds:?}");
        for body in bodies {
            let mut entry = entry(body);
            for full in [false, true] {
                if full {
                    entry.wall = Some(stamp(9));
                    entry.sigs = Some([("000002.alice@example.com.sig".to_owned(), "ab".repeat(32))].into());
                }
                let line = encode(&entry).unwrap_or_else(|why| panic!("{}: {why}", entry.body.kind()));
                let text = String::from_utf8(line.clone()).unwrap();
                assert!(text.contains(&format!(r#""kind":"{}""#, entry.body.kind())), "{text}");
                assert_eq!(decode(&line).unwrap(), entry);
            }
        }
    }

    #[test]
    fn a_null_result_is_not_the_absence_of_one() {
        let mut reading = Reading { result: Some(Value::Null), ..Reading::default() };
        for _ in 0..2 {
            let body = Body::Resolved {
                what: "capture".into(),
                name: "x".into(),
                row: String::new(),
                attempt: 0,
                reading: reading.clone(),
            };
            let entry = entry(body);
            assert_eq!(decode(&encode(&entry).unwrap()).unwrap(), entry);
            reading.result = None;
        }
    }

    #[test]
    fn what_another_program_could_read_differently_is_refused() {
        let good = noted();
        assert!(decode(good.as_bytes()).is_ok());
        let edits: [(&str, &str, &str); 9] = [
            (r#""kind""#, r#""by":"mallory","kind""#, "duplicate key `by`"),
            (r#""n":3"#, r#""n":3.0"#, "float"),
            (r#""n":3"#, r#""n": 3"#, "not written as keyward writes it"),
            (r#""n":3"#, r#""n":03"#, "not strict JSON"),
            (r#""n":3"#, r#""n":-0"#, "float"),
            (r#""n":3"#, r#""extra":1,"n":3"#, "not written as keyward writes it"),
            ("é", r"\u00e9", "not written as keyward writes it"),
            (r#""noted""#, r#""notice""#, "not an entry"),
            ("Z\"", "+00:00\"", "not an entry"),
        ];
        for (from, to, why) in edits {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            let error = decode(bad.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert!(decode(good.trim_end().as_bytes()).unwrap_err().contains("no end"));
        assert!(decode(good.replace('\n', "\r\n").as_bytes()).unwrap_err().contains("line break"));
        assert!(decode(format!("{good}{good}").as_bytes()).unwrap_err().contains("line break"));
        let mut bytes = good.clone().into_bytes();
        bytes[40] = 0xff;
        assert!(decode(&bytes).unwrap_err().contains("not UTF-8"));
        assert!(decode(b"\n").is_err());
        assert!(decode(b"").is_err());
        assert!(
            decode(format!("{}\n", "[".repeat(60_000)).as_bytes()).is_err(),
            "deep nesting is refused, not a crash"
        );
    }

    #[test]
    fn duplicates_and_floats_are_seen_at_any_depth() {
        for inner in [r#"{"a":1,"a":1}"#, r#"[{"b":[1.5]}]"#, r#"{"a":1,"\u0061":2}"#, "1e400", "1E2"] {
            let line = format!(
                r#"{{"n":3,"prev":"{}","at":"2026-11-20T03:15:00.000Z","by":"a","kind":"gate","step":"s","gate":0,"row":"","verdict":"pass","evidence":{inner}}}"#,
                "0".repeat(64)
            );
            assert!(decode(format!("{line}\n").as_bytes()).is_err(), "{inner}");
        }
    }

    #[test]
    fn an_entry_that_could_not_be_read_back_is_not_written() {
        let gate =
            |evidence| Body::Gate { step: "s".into(), gate: 0, row: String::new(), verdict: Verdict::Pass, evidence };
        assert!(encode(&entry(gate(json!(0.5)))).unwrap_err().contains("float"));
        assert!(encode(&entry(gate(json!("x".repeat(MAX_LINE))))).unwrap_err().contains("over 65536 bytes"));
    }

    #[test]
    fn a_result_in_a_blob_stands_in_the_line_by_name_only() {
        let reading = Reading { result: Some(json!("long")), blob: Some("ab".repeat(32)), ..Reading::default() };
        let body = Body::Resolved { what: "capture".into(), name: "x".into(), row: String::new(), attempt: 0, reading };
        let line = encode(&entry(body)).unwrap();
        let text = String::from_utf8(line.clone()).unwrap();
        assert!(!text.contains("long"));
        let both = text.replace(r#""blob""#, r#""result":"long","blob""#);
        assert!(decode(both.as_bytes()).is_err(), "a line with both is nobody's");
        assert_eq!(reading_of(&decode(&line).unwrap()).result, None);
    }

    fn reading_of(entry: &Entry) -> &Reading {
        reading(&entry.body).unwrap()
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_result_comes_back(value in json_value()) {
            let reading = Reading { result: Some(value), ..Reading::default() };
            let body = Body::Finished { place: crate::transcript::fixtures::place(), verdict: Verdict::Pass, reading };
            let entry = entry(body);
            prop_assert_eq!(decode(&encode(&entry).unwrap()).unwrap(), entry);
        }

        #[test]
        fn whatever_is_accepted_is_what_would_be_written(at in 0_usize..400, byte: u8, insert: bool) {
            let mut line = noted().into_bytes();
            let at = at % line.len();
            if insert { line.insert(at, byte) } else { line[at] = byte }
            if let Ok(entry) = decode(&line) {
                prop_assert_eq!(encode(&entry).unwrap(), line);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
