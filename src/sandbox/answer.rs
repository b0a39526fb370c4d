//! What a request is answered with, before it becomes HTTP.

use std::time::Duration;

use serde_json::Value;

use super::xml;

/// An answer. It has no `Debug`: it may carry a new key's secret.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Sent only after so long, in real time.
    pub(super) delay: Duration,
    /// Not sent at all: the connection is cut instead.
    pub(super) lost: bool,
}

impl Answer {
    /// No body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// XML.
    pub(super) fn xml(status: u16, body: String) -> Self {
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}").into_bytes();
        Self { status, headers: vec![("content-type", "text/xml".into())], body, ..Self::default() }
    }

    /// JSON.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=utf-8".into())];
        Self { status, headers, body: body.to_string().into_bytes(), ..Self::default() }
    }

    /// Plain text.
    pub(super) fn text(status: u16, body: String) -> Self {
        let headers = vec![("content-type", "text/plain; charset=utf-8".into())];
        Self { status, headers, body: body.into_bytes(), ..Self::default() }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An error of an AWS service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AwsError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// More elements of S3's error (`AWSAccessKeyId`, `ServerTime`).
    pub(super) more: Vec<(&'static str, String)>,
}

impl AwsError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), more: Vec::new() }
    }

    pub(super) fn more(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// The query protocol's shape, for IAM and STS (`service` is their XML namespace).
    pub(super) fn query_xml(&self, namespace: &str, request_id: &str) -> Answer {
        let kind = if self.status >= 500 { "Receiver" } else { "Sender" };
        let error = xml::element(
            "Error",
            &[xml::text("Type", kind), xml::text("Code", self.code), xml::text("Message", &self.message)].concat(),
        );
        let body = format!(
            "<ErrorResponse xmlns=\"{namespace}\">{error}{}</ErrorResponse>",
            xml::text("RequestId", request_id)
        );
        Answer::xml(self.status, body)
    }

    /// S3's shape.
    pub(super) fn s3_xml(&self, resource: &str, request_id: &str) -> Answer {
        let mut inner = xml::text("Code", self.code) + &xml::text("Message", &self.message);
        for (name, value) in &self.more {
            inner += &xml::text(name, value);
        }
        inner += &xml::text("Resource", resource);
        inner += &xml::text("RequestId", request_id);
        inner += &xml::text("HostId", "keyward-sandbox");
        let mut answer = Answer::xml(self.status, xml::element("Error", &inner));
        answer.headers = vec![("content-type", "application/xml".into())];
        answer
    }
}
