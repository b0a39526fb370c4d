//! What is seen of a request on its way: was it sent, what did the server call it, what time did the server have. And
//! what a failed request proves.

use std::error::Error;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::engine::effect::Ended;

/// Watches one operation. Clones watch the same.
#[derive(Clone, Debug)]
pub(in crate::action) struct Trace {
    seen: Arc<Mutex<Seen>>,
    run: String,
    pub mutating: bool,
}

#[derive(Debug, Default)]
struct Seen {
    handed_over: bool,
    request_id: Option<String>,
    date: Option<String>,
}

impl Trace {
    pub fn new(run: &str, mutating: bool) -> Self {
        // A header has printable ASCII only.
        let run = run.chars().filter(|c| c.is_ascii_graphic()).collect();
        Self { seen: Arc::default(), run, mutating }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Seen) -> T) -> T {
        f(&mut crate::action::lock(&self.seen))
    }

    pub fn request_id(&self) -> Option<String> {
        self.with(|seen| seen.request_id.clone())
    }

    pub fn date(&self) -> Option<String> {
        self.with(|seen| seen.date.clone())
    }
}

impl Intercept for Trace {
    fn name(&self) -> &'static str {
        "keyward"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // User-Agent is not among the signed headers, so adding to it after signing is sound.
        let headers = context.request_mut().headers_mut();
        let agent = headers.get("user-agent").unwrap_or_default().to_owned();
        headers.insert("user-agent", format!("{agent} run/{}", self.run).trim().to_owned());
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.with(|seen| *seen = Seen { handed_over: true, ..Seen::default() });
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let text = |name: &str| headers.get(name).map(str::to_owned);
        let id = text("x-amzn-requestid").or_else(|| text("x-amz-request-id"));
        self.with(|seen| {
            seen.request_id = id;
            seen.date = text("date");
        });
        Ok(())
    }
}

/// A failed operation: what it proves, and in whose words.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::action) struct Failed {
    pub ended: Ended,
    pub code: String,
    pub message: String,
}

impl Failed {
    pub fn new(ended: Ended, code: &str, message: &str) -> Self {
        Self { ended, code: code.to_owned(), message: message.to_owned() }
    }

    pub fn not_sent(code: &str, message: &str) -> Self {
        Self::new(Ended::NotSent, code, message)
    }

    /// An answer that lacks what it must have.
    pub fn unreadable(what: &str) -> Self {
        Self::new(Ended::NoAnswer, "Unreadable", &format!("AWS answered without {what}; the answer proves nothing"))
    }
}

/// The codes by which AWS says that a request was turned away for its rate, before its operation began: the API's front
/// end decides it ("The request was denied due to request throttling", IAM's and EC2's Common Errors; S3's SlowDown,
/// "Please reduce your request rate"). So nothing was done. A 503 or 429 without one of these codes may come from
/// anywhere between here and the service, and proves nothing.
fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "SlowDown"
    )
}

/// What an SDK error proves.
pub(in crate::action) fn failure<E>(error: SdkError<E, HttpResponse>, trace: &Trace) -> Failed
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let handed_over = trace.with(|seen| seen.handed_over);
    let chain = chain_of(&error);
    match &error {
        _ if !handed_over => Failed::not_sent(credentials_code(&chain), &format!("nothing was sent: {chain}")),
        SdkError::DispatchFailure(failure) => {
            let source: Option<&dyn Error> = failure.as_connector_error().map(|e| e as &dyn Error);
            if source.is_some_and(never_connected) {
                Failed::not_sent("ConnectionFailed", &format!("no connection, so nothing was sent: {chain}"))
            } else {
                Failed::new(Ended::NoAnswer, "ConnectionLost", &format!("sent, and no answer came: {chain}"))
            }
        }
        SdkError::TimeoutError(_) => {
            Failed::new(Ended::NoAnswer, "TimedOut", &format!("sent, and no answer came in time: {chain}"))
        }
        SdkError::ResponseError(_) => {
            Failed::new(Ended::NoAnswer, "Unreadable", &format!("an answer came that can't be read: {chain}"))
        }
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            if (200..300).contains(&status) {
                // A success whose text is none of AWS's: a captive portal, a proxy's page.
                let message = "an answer came that can't be read; it proves nothing";
                return Failed::new(Ended::NoAnswer, "Unreadable", message);
            }
            let code = service.err().code().map_or_else(|| format!("HTTP {status}"), str::to_owned);
            let message = service.err().message().unwrap_or_default();
            let ended = match status {
                _ if is_throttling(&code) => {
                    if trace.mutating {
                        Ended::Refused
                    } else {
                        Ended::NoAnswer
                    }
                }
                // 408: the server gave up waiting; 425: it did not want to decide yet.
                408 | 425 => Ended::NoAnswer,
                // A gateway's 429 without AWS's code says nothing about what was done.
                429 => Ended::NoAnswer,
                400..=499 => Ended::Refused,
                _ => Ended::NoAnswer,
            };
            Failed::new(ended, &code, message)
        }
        _ => Failed::new(Ended::NoAnswer, "Unknown", &chain),
    }
}

/// True if an error's chain shows that no connection was ever had. Everything else is taken as "may have been sent".
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
    let mut at = Some(error);
    while let Some(one) = at {
        if let Some(io) = one.downcast_ref::<std::io::Error>()
            && matches!(io.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable)
        {
            return true;
        }
        // hyper-util's stage names: its client error's type is not public by way of the SDK, its text is.
        let text = one.to_string();
        if text.starts_with("client error (Connect)") || text.starts_with("dns error") {
            return true;
        }
        at = one.source();
    }
    false
}

fn credentials_code(chain: &str) -> &'static str {
    if chain.to_ascii_lowercase().contains("credential") { "NoCredentials" } else { "NotSent" }
}

/// An error and its causes in one line, each said once.
pub(in crate::action) fn chain_of(error: &dyn Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut at = Some(error);
    while let Some(one) = at {
        let text = one.to_string();
        if !text.is_empty() && parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        at = one.source();
    }
    parts.join(": ")
}
