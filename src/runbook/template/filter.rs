//! The language's own filters. The same code serves a rendering and the effect layer, which alone has real secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use crypto_box::aead::rand_core::{CryptoRng, Error as RandError, RngCore};
use hmac::{Hmac, KeyInit, Mac};
use regex::Regex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::expression::Cursor;
use super::{Path, TemplateError};
use crate::runbook::duration;

/// A filter's name, and how many arguments it takes.
pub static FILTERS: &[(&str, usize)] =
    &[("json", 0), ("last4", 0), ("regex", 1), ("sealed_box", 1), ("seconds", 0), ("ses_smtp_password", 1), ("sh", 0)];

/// An argument as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    Text(String),
    Path(Path),
}

/// A filter with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    /// As written.
    pub(super) source: String,
}

impl Call {
    pub(super) fn parse(source: &str) -> Result<Self, TemplateError> {
        let mut cursor = Cursor::new(source);
        match cursor.call()? {
            Some(call) if cursor.at_end() => Ok(call),
            _ => Err(TemplateError::filter(format!("`{source}` is not a filter"))),
        }
    }

    /// With its arguments' values, as it stands in a [`crate::secret::SecretRef`].
    pub(super) fn resolved(&self, arguments: &[String]) -> String {
        if arguments.is_empty() {
            return self.name.clone();
        }
        let arguments: Vec<String> = arguments.iter().map(|text| json!(text).to_string()).collect();
        format!("{}({})", self.name, arguments.join(", "))
    }
}

/// True if it is one of [`FILTERS`]; an error if it is, with wrong arguments.
pub(super) fn known(call: &Call) -> Result<bool, TemplateError> {
    let Some((_, count)) = FILTERS.iter().find(|(name, _)| *name == call.name) else { return Ok(false) };
    if call.arguments.len() != *count {
        let given = call.arguments.len();
        return Err(TemplateError::filter(format!("`{}` takes {count} argument(s), {given} given", call.name)));
    }
    if let ("regex", [Argument::Text(pattern)]) = (call.name.as_str(), call.arguments.as_slice()) {
        compile(pattern)?;
    }
    Ok(true)
}

fn compile(pattern: &str) -> Result<Regex, TemplateError> {
    Regex::new(pattern).map_err(|error| {
        let reason = error.to_string().lines().last().unwrap_or("").trim().to_owned();
        TemplateError::filter(format!("`{pattern}` is not a regular expression: {reason}"))
    })
}

/// Applies one filter, written as in [`crate::secret::SecretRef::filters`], to a real value.
///
/// # Errors
/// [`super::TemplateErrorKind::Filter`] for what is no filter, or can't take this value. The error never has the value.
pub fn apply_filter(filter: &str, value: &str) -> Result<String, TemplateError> {
    let call = Call::parse(filter)?;
    let argument = call.arguments.iter().map(|argument| match argument {
        Argument::Text(text) => Ok(text.as_str()),
        Argument::Path(path) => Err(TemplateError::filter(format!("`{path}` was not resolved"))),
    });
    let arguments = argument.collect::<Result<Vec<_>, _>>()?;
    if call.name == "sealed_box" {
        return sealed_box(arguments[0], value, &mut OsRng);
    }
    apply_text(&call.name, &arguments, value)
}

/// Applies a filter to an untainted value.
pub(super) fn apply(name: &str, arguments: &[&str], value: &Value) -> Result<Value, TemplateError> {
    if name == "json" {
        return Ok(json!(value.to_string()));
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return Err(TemplateError::filter(format!("`{name}` takes a text, not {}", kind(value)))),
    };
    match name {
        "seconds" => Ok(json!(seconds(&text)?)),
        "sealed_box" => sealed_box(arguments[0], &text, &mut Repeatable::new(arguments[0], &text)).map(Value::String),
        _ => apply_text(name, arguments, &text).map(Value::String),
    }
}

/// The kind of a JSON value, with its article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// `name` and the number of `arguments` were checked when the call was read.
fn apply_text(name: &str, arguments: &[&str], value: &str) -> Result<String, TemplateError> {
    match (name, arguments) {
        ("json", []) => Ok(json!(value).to_string()),
        ("last4", []) => Ok(value.chars().skip(value.chars().count().saturating_sub(4)).collect()),
        ("sh", []) => shell_quote(value),
        ("seconds", []) => Ok(seconds(value)?.to_string()),
        ("regex", [pattern]) => {
            let regex = compile(pattern)?;
            let found = regex
                .captures(value)
                .and_then(|groups| groups.get(1).or_else(|| groups.get(0)).map(|part| part.as_str().to_owned()));
            found.ok_or_else(|| TemplateError::filter(format!("`{pattern}` was not found")))
        }
        ("ses_smtp_password", [region]) => Ok(ses_smtp_password(value, region)),
        _ => Err(TemplateError::filter(format!("`{name}` can't be applied"))),
    }
}

/// POSIX single quotes (XCU 2.2.2): nothing in them is special; a quote itself is put outside. NUL can't be in a word.
fn shell_quote(value: &str) -> Result<String, TemplateError> {
    if value.contains('\0') {
        return Err(TemplateError::filter("`sh` can't quote a NUL character"));
    }
    Ok(format!("'{}'", value.replace('\'', r"'\''")))
}

fn seconds(value: &str) -> Result<u64, TemplateError> {
    duration::parse(value).map(|time| time.as_secs()).map_err(TemplateError::filter)
}

/// The SMTP password that Amazon SES expects for a secret access key ("Obtaining Amazon SES SMTP credentials by
/// converting existing AWS credentials", Amazon SES Developer Guide): a SigV4 signing chain over fixed texts, with a
/// version byte in front.
fn ses_smtp_password(secret_access_key: &str, region: &str) -> String {
    let mut signature = hmac(format!("AWS4{secret_access_key}").as_bytes(), "11111111");
    for part in [region, "ses", "aws4_request", "SendRawEmail"] {
        signature = hmac(&signature, part);
    }
    let mut bytes = vec![4u8];
    bytes.extend_from_slice(&signature);
    BASE64.encode(bytes)
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // An HMAC key may have any length (RFC 2104 section 3), so this can't fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// libsodium's `crypto_box_seal`, base64: what GitHub takes as `encrypted_value`.
fn sealed_box(key: &str, value: &str, random: &mut (impl CryptoRng + RngCore)) -> Result<String, TemplateError> {
    let wrong = || TemplateError::filter("`sealed_box` needs a public key of 32 bytes in base64");
    let bytes: [u8; 32] = BASE64.decode(key).map_err(|_| wrong())?.try_into().map_err(|_| wrong())?;
    let sealed = PublicKey::from(bytes).seal(random, value.as_bytes()).map_err(|_| wrong())?;
    Ok(BASE64.encode(sealed))
}

/// The same bytes each time for the same key and value. Only for a value that is public anyway: an action has to be
/// rendered to the same text when a transcript is verified. A secret is sealed by the effect layer, with real randomness.
struct Repeatable {
    seed: [u8; 32],
    block: u64,
}

impl Repeatable {
    fn new(key: &str, value: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"keyward sealed_box of a public value\0");
        digest.update(key.as_bytes());
        digest.update([0]);
        digest.update(value.as_bytes());
        Self { seed: digest.finalize().into(), block: 0 }
    }
}

impl RngCore for Repeatable {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, into: &mut [u8]) {
        for chunk in into.chunks_mut(32) {
            let mut digest = Sha256::new();
            digest.update(self.seed);
            digest.update(self.block.to_le_bytes());
            self.block += 1;
            chunk.copy_from_slice(&digest.finalize()[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), RandError> {
        self.fill_bytes(into);
        Ok(())
    }
}

impl CryptoRng for Repeatable {}
