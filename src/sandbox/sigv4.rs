//! Signature Version 4, the server's side: who says they signed, and whether they did.
//!
//! The signature is computed again with the SDK's own signer over the request as it came, so that both ends can't share
//! a mistake of ours. Only signatures in the Authorization header are taken, and long-term keys only. The signatures of
//! single chunks of a streamed S3 body are not checked; that of the request is.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use axum::http::HeaderMap;
use chrono::{DateTime, NaiveDateTime, Utc};

use super::world::Pair;
use crate::engine::call::sha256_hex;

/// What an Authorization header claims.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) access_key_id: String,
    pub(super) region: String,
    pub(super) service: String,
    signed_headers: Vec<String>,
    signature: String,
    /// `X-Amz-Date`.
    pub(super) time: DateTime<Utc>,
    /// The same, as sent.
    pub(super) amz_date: String,
    scope_date: String,
}

/// Why there is no usable claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoClaim {
    /// No Authorization header.
    Unsigned,
    /// A header that can't be read, and what is wrong with it.
    Malformed(String),
}

/// A request as far as its signature covers it.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// Path and query as they came.
    pub(super) target: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// A header's text; empty if absent or not text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

impl Claim {
    /// Reads the Authorization and X-Amz-Date headers.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, NoClaim> {
        let malformed = |what: &str| NoClaim::Malformed(what.to_owned());
        let text = header(headers, "authorization");
        if text.is_empty() {
            return Err(NoClaim::Unsigned);
        }
        let rest = text.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| {
            malformed("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
        })?;
        let part = |name: &str| {
            let found = rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
            found.ok_or_else(|| malformed(&format!("Authorization header requires '{name}' parameter.")))
        };
        let scope: Vec<&str> = part("Credential")?.split('/').collect();
        let &[access_key_id, scope_date, region, service, "aws4_request"] = scope.as_slice() else {
            return Err(malformed("Credential must have exactly 5 slash-delimited elements."));
        };
        let amz_date = header(headers, "x-amz-date");
        let time = NaiveDateTime::parse_from_str(amz_date, "%Y%m%dT%H%M%SZ")
            .map_err(|_| malformed("Date must be in ISO-8601 'basic format'."))?
            .and_utc();
        Ok(Self {
            access_key_id: access_key_id.into(),
            region: region.into(),
            service: service.into(),
            signed_headers: part("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: part("Signature")?.to_owned(),
            time,
            amz_date: amz_date.into(),
            scope_date: scope_date.into(),
        })
    }

    /// True if this very request was signed with this pair.
    pub(super) fn made_with(&self, request: Signed<'_>, pair: &Pair) -> bool {
        let dated = self.amz_date.starts_with(&self.scope_date);
        let covers_host = self.signed_headers.iter().any(|name| name == "host");
        let covers_all_amz = request.headers.keys().all(|name| {
            let name = name.as_str();
            !name.starts_with("x-amz-") || self.signed_headers.iter().any(|signed| signed == name)
        });
        dated && covers_host && covers_all_amz && self.again(request, pair).is_some_and(|again| again == self.signature)
    }

    /// The signature that this request has under this pair.
    fn again(&self, request: Signed<'_>, pair: &Pair) -> Option<String> {
        let s3 = self.service == "s3";
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        if s3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        if self.signed_headers.iter().any(|name| name == "x-amz-content-sha256") {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity =
            Credentials::new(&pair.access_key_id, pair.secret_access_key.expose(), None, None, "sandbox").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(SystemTime::from(self.time))
            .settings(settings)
            .build()
            .ok()?
            .into();
        let told = header(request.headers, "x-amz-content-sha256");
        let payload = if s3 && !told.is_empty() { told.to_owned() } else { sha256_hex(request.body) };
        let mut headers = Vec::new();
        for name in &self.signed_headers {
            for value in request.headers.get_all(name.as_str()) {
                headers.push((name.as_str(), value.to_str().ok()?));
            }
        }
        let uri = format!("http://{}{}", header(request.headers, "host"), request.target);
        let signable =
            SignableRequest::new(request.method, uri, headers.into_iter(), SignableBody::Precomputed(payload)).ok()?;
        Some(sign(signable, &params).ok()?.into_parts().1)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_header_that_cannot_be_read_is_no_claim() {
        assert_eq!(Claim::read(&headers(&[])).unwrap_err(), NoClaim::Unsigned);
        for bad in [
            "Basic abc",
            "AWS4-HMAC-SHA256 Credential=A/B, SignedHeaders=host, Signature=00",
            "AWS4-HMAC-SHA256 Credential=A/20261120/us-east-1/iam/aws4_request, SignedHeaders=host",
        ] {
            let sent = headers(&[("authorization", bad), ("x-amz-date", "20261120T000000Z")]);
            assert!(matches!(Claim::read(&sent), Err(NoClaim::Malformed(_))), "{bad}");
        }
        let good =
            "AWS4-HMAC-SHA256 Credential=A/20261120/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=00";
        let no_date = headers(&[("authorization", good), ("x-amz-date", "yesterday")]);
        assert!(matches!(Claim::read(&no_date), Err(NoClaim::Malformed(_))));
    }
}
