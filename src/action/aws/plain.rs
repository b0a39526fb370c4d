//! How the SDK reaches a loopback server: plain HTTP, a fresh connection for each request, no TLS.
//!
//! The SDK's own client wants the machine's CA certificates as soon as it is made, and panics where there are none (a
//! slim container). A drill needs no certificate to talk to itself.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

/// A client without TLS, proxies, redirects and retries of its own.
fn web() -> Option<reqwest::Client> {
    reqwest::Client::builder()
        .tls_certs_only(Vec::new())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(Duration::from_secs(5))
        // A kept connection may be closed by the server at the very moment a request goes out: doubt for nothing.
        .pool_max_idle_per_host(0)
        .build()
        .ok()
}

/// For the `http_client` of an SDK configuration whose endpoint is `http://` on this machine. `None` only if the
/// operating system gives no socket resources at all.
pub fn plain_http() -> Option<SharedHttpClient> {
    let connector = SharedHttpConnector::new(Plain(web()?));
    Some(http_client_fn(move |_, _| connector.clone()))
}

#[derive(Clone, Debug)]
struct Plain(reqwest::Client);

impl HttpConnector for Plain {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let bytes =
                body.bytes().ok_or_else(|| ConnectorError::user("a request's body is a stream".into()))?.to_vec();
            let url = parts.uri.to_string();
            let ready = client.request(parts.method, url).headers(parts.headers).body(bytes);
            let answer = ready.send().await.map_err(lost)?;
            let status =
                StatusCode::try_from(answer.status().as_u16()).map_err(|error| ConnectorError::user(error.into()))?;
            let headers = answer.headers().clone();
            let body = answer.bytes().await.map_err(lost)?;
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            for (name, value) in &headers {
                // What is no text can't be a request id or a date, and is left out.
                if let Ok(text) = value.to_str() {
                    response.headers_mut().append(name.as_str().to_owned(), text.to_owned());
                }
            }
            Ok(response)
        })
    }
}

fn lost(error: reqwest::Error) -> ConnectorError {
    let late = error.is_timeout();
    let error = Box::new(error.without_url());
    if late { ConnectorError::timeout(error) } else { ConnectorError::io(error) }
}
