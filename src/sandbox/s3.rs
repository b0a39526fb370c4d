//! S3, path style: enough to list, read and write objects, and to write one only if it is not there.

use axum::http::HeaderMap;

use super::answer::{Answer, AwsError};
use super::form::{Form, decode};
use super::sigv4::header;
use super::state::{Caller, Object, State};
use super::{s3_list, xml};
use crate::engine::call::sha256_hex;

/// A request whose signature was checked.
#[derive(Clone, Copy)]
pub(super) struct S3Request<'a> {
    pub(super) method: &'a str,
    /// As it came, percent-encoded.
    pub(super) path: &'a str,
    pub(super) query: &'a Form,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// Answers one request.
pub(super) fn answer(state: &mut State, caller: &Caller, request: S3Request<'_>, now: i64) -> Result<Answer, AwsError> {
    let path = request.path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let (bucket, key) = (decode(bucket, false), decode(key, false));
    if bucket.is_empty() {
        return if request.method == "GET" { list_buckets(state, caller) } else { Err(method_not_allowed()) };
    }
    let bucket_arn = format!("arn:aws:s3:::{bucket}");
    let object_arn = format!("{bucket_arn}/{key}");
    let (action, arn) = match (request.method, key.is_empty()) {
        ("GET" | "HEAD", true) => ("s3:ListBucket", &bucket_arn),
        ("GET" | "HEAD", false) => ("s3:GetObject", &object_arn),
        ("PUT", false) => ("s3:PutObject", &object_arn),
        _ => return Err(method_not_allowed()),
    };
    state.allow(caller, action, arn, &format!("\"{arn}\""))?;
    let Some(objects) = state.buckets.get_mut(&bucket) else {
        let error = AwsError::new(404, "NoSuchBucket", "The specified bucket does not exist");
        return Err(error.more("BucketName", bucket));
    };
    match (request.method, key.is_empty()) {
        ("HEAD", true) => Ok(Answer::empty(200).header("x-amz-bucket-region", "us-east-1")),
        ("GET", true) => match request.query.get("location") {
            Some(_) => Ok(Answer::xml(200, xml::element("LocationConstraint", ""))),
            None => s3_list::list(objects, &bucket, request.query),
        },
        ("PUT", _) => put(objects, &key, request, now),
        (method, _) => {
            let Some(object) = objects.get(&key) else {
                let error = AwsError::new(404, "NoSuchKey", "The specified key does not exist.");
                return Err(error.more("Key", key));
            };
            let body = if method == "GET" { object.body.clone() } else { Vec::new() };
            let mut answer = Answer { status: 200, body, ..Answer::default() }
                .header("content-type", "binary/octet-stream")
                .header("etag", etag(&object.body))
                .header("last-modified", super::server::http_date(object.at));
            if method == "HEAD" {
                answer = answer.header("content-length", object.body.len().to_string());
            }
            Ok(answer)
        }
    }
}

fn method_not_allowed() -> AwsError {
    AwsError::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

/// An opaque tag: the real one is an MD5 for simple puts, and clients must not rely on that.
pub(super) fn etag(body: &[u8]) -> String {
    format!("\"{}\"", &sha256_hex(body)[..32])
}

fn list_buckets(state: &State, caller: &Caller) -> Result<Answer, AwsError> {
    state.allow(caller, "s3:ListAllMyBuckets", "*", "\"arn:aws:s3:::*\"")?;
    let buckets: Vec<String> = state
        .buckets
        .keys()
        .map(|name| {
            xml::element("Bucket", &(xml::text("Name", name) + &xml::text("CreationDate", "2024-01-01T00:00:00Z")))
        })
        .collect();
    let owner = xml::element("Owner", &xml::text("ID", &state.account));
    let inner = owner + &xml::element("Buckets", &buckets.concat());
    Ok(Answer::xml(200, xml::element("ListAllMyBucketsResult", &inner)))
}

fn put(
    objects: &mut std::collections::BTreeMap<String, Object>,
    key: &str,
    request: S3Request<'_>,
    now: i64,
) -> Result<Answer, AwsError> {
    let body = content(request)?;
    match header(request.headers, "if-none-match") {
        "" => {}
        "*" => {
            if objects.contains_key(key) {
                let message = "At least one of the pre-conditions you specified did not hold";
                return Err(AwsError::new(412, "PreconditionFailed", message).more("Condition", "If-None-Match"));
            }
        }
        _ => {
            let message = "A header you provided implies functionality that is not implemented";
            return Err(AwsError::new(501, "NotImplemented", message).more("Header", "If-None-Match"));
        }
    }
    let tag = etag(&body);
    objects.insert(key.to_owned(), Object { body, at: now });
    Ok(Answer::empty(200).header("etag", tag))
}

/// The object's own bytes: taken out of aws-chunked framing, and compared with the hash that was signed.
fn content(request: S3Request<'_>) -> Result<Vec<u8>, AwsError> {
    let told = header(request.headers, "x-amz-content-sha256");
    if told.starts_with("STREAMING-") {
        let incomplete = || AwsError::new(400, "IncompleteBody", "The request body terminated unexpectedly");
        return unchunk(request.body).ok_or_else(incomplete);
    }
    if told != "UNSIGNED-PAYLOAD" && told != sha256_hex(request.body) {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(AwsError::new(400, "XAmzContentSHA256Mismatch", message));
    }
    Ok(request.body.to_vec())
}

/// `SIZE[;chunk-signature=…]\r\n`, SIZE bytes, `\r\n`, …, a chunk of size 0, then trailers.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..line_end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[line_end + 2..];
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunked_bodies_are_taken_apart_and_torn_ones_refused() {
        let whole = b"5;chunk-signature=00\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        assert_eq!(unchunk(whole).as_deref(), Some(&b"hello world"[..]));
        for torn in [&b""[..], b"5\r\nhel", b"zz\r\nhello\r\n0\r\n", b"5\r\nhello0\r\n", b"ffffffffffffffff\r\nx\r\n"] {
            assert_eq!(unchunk(torn), None);
        }
    }
}
