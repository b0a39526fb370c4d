//! S3 ListObjectsV2: prefixes, delimiters, pages.

use std::collections::BTreeMap;

use super::answer::{Answer, AwsError};
use super::form::{Form, encode};
use super::s3::etag;
use super::state::Object;
use super::{iam, xml};

enum Row<'a> {
    Object(&'a str, &'a Object),
    Prefix(String),
}

/// Answers a listing.
pub(super) fn list(objects: &BTreeMap<String, Object>, bucket: &str, query: &Form) -> Result<Answer, AwsError> {
    let prefix = query.get("prefix").unwrap_or("");
    let delimiter = query.get("delimiter").filter(|text| !text.is_empty());
    let invalid = |name: &str| AwsError::new(400, "InvalidArgument", format!("Provided {name} is not valid"));
    let max = match query.get("max-keys") {
        None => 1000,
        Some(text) => text.parse::<usize>().map_err(|_| invalid("max-keys"))?.min(1000),
    };
    let from: usize = match query.get("continuation-token") {
        None => 0,
        Some(token) => {
            token.strip_prefix("page-").and_then(|n| n.parse().ok()).ok_or_else(|| invalid("continuation-token"))?
        }
    };
    let after = query.get("start-after").unwrap_or("");
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (key, object) in objects {
        if !key.starts_with(prefix) || (!after.is_empty() && key.as_str() <= after) {
            continue;
        }
        let below = delimiter.and_then(|d| key[prefix.len()..].find(d).map(|at| prefix.len() + at + d.len()));
        match below {
            None => rows.push(Row::Object(key, object)),
            Some(end) => {
                let common = key[..end].to_owned();
                if !matches!(rows.last(), Some(Row::Prefix(last)) if *last == common) {
                    rows.push(Row::Prefix(common));
                }
            }
        }
    }
    let encoded = query.get("encoding-type") == Some("url");
    let name = |text: &str| if encoded { encode(text, "/") } else { text.to_owned() };
    let next = from.saturating_add(max);
    let more = next < rows.len();
    let page: Vec<&Row<'_>> = rows.iter().skip(from).take(max).collect();
    let mut inner = xml::text("Name", bucket) + &xml::text("Prefix", &name(prefix));
    if let Some(delimiter) = delimiter {
        inner += &xml::text("Delimiter", &name(delimiter));
    }
    inner += &xml::text("MaxKeys", &max.to_string());
    inner += &xml::text("KeyCount", &page.len().to_string());
    inner += &xml::text("IsTruncated", &more.to_string());
    if encoded {
        inner += &xml::text("EncodingType", "url");
    }
    if more {
        inner += &xml::text("NextContinuationToken", &format!("page-{next}"));
    }
    for row in page {
        inner += &match row {
            Row::Prefix(common) => xml::element("CommonPrefixes", &xml::text("Prefix", &name(common))),
            Row::Object(key, object) => {
                let fields = [
                    xml::text("Key", &name(key)),
                    xml::text("LastModified", &iam::time(object.at)),
                    xml::text("ETag", &etag(&object.body)),
                    xml::text("Size", &object.body.len().to_string()),
                    xml::text("StorageClass", "STANDARD"),
                ];
                xml::element("Contents", &fields.concat())
            }
        };
    }
    let body =
        format!("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</ListBucketResult>");
    Ok(Answer::xml(200, body))
}
