//! A stand-in's way to the sandbox.

use anyhow::{Context, bail};
use serde_json::Value;

use super::{ENV_S3, ENV_TOKEN, ENV_URL};
use crate::secret::Secret;

/// An answer: its status, and its body as JSON (null if it is none) and as text.
pub(in crate::sandbox) struct Said {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) json: Value,
    pub(in crate::sandbox) text: String,
}

/// Where the sandbox is, and what it takes.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Link {
    pub(in crate::sandbox) url: String,
    pub(in crate::sandbox) token: Secret,
    /// Where consumers call S3.
    pub(in crate::sandbox) s3: String,
    client: reqwest::Client,
}

impl Link {
    /// # Errors
    /// The URL is not on loopback.
    pub(in crate::sandbox) fn new(url: &str, token: Secret) -> anyhow::Result<Self> {
        let port = url.strip_prefix("http://127.0.0.1:").and_then(|port| port.parse::<u16>().ok());
        if port.is_none() {
            bail!("{ENV_URL} is {url:?}, and a sandbox is at http://127.0.0.1:PORT");
        }
        let client = reqwest::Client::builder().no_proxy().build().context("no HTTP client")?;
        Ok(Self { url: url.to_owned(), token, s3: url.to_owned(), client })
    }

    /// With an S3 of somebody else.
    ///
    /// # Errors
    /// It is not on loopback.
    pub(in crate::sandbox) fn with_s3(mut self, s3: String) -> anyhow::Result<Self> {
        if !crate::action::is_loopback(&s3) {
            bail!("{ENV_S3} is {s3:?}, and a drill reaches this machine only");
        }
        self.s3 = s3;
        Ok(self)
    }

    pub(super) fn from_environment() -> anyhow::Result<Self> {
        let get = |name: &str| {
            std::env::var(name).with_context(|| format!("{name} is not set; this stand-in works only inside a drill"))
        };
        let link = Self::new(&get(ENV_URL)?, Secret::new(get(ENV_TOKEN)?))?;
        std::env::var(ENV_S3).map_or(Ok(link.clone()), |s3| link.with_s3(s3))
    }

    /// Sends a request to `/-/PATH`.
    pub(in crate::sandbox) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Said> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request =
            self.client.request(method, format!("{}/-/{path}", self.url)).bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        // The error of a request names its URL, which holds no secret.
        let response = request.send().await.context("the sandbox does not answer")?;
        let status = response.status().as_u16();
        let text = response.text().await.context("the sandbox's answer is torn")?;
        Ok(Said { status, json: serde_json::from_str(&text).unwrap_or_default(), text })
    }
}
