//! AWS through its own SDK: what may be sent, to where, as whom, and how often.
//!
//! A call that changes something is sent once: the SDK's retries are off for it, per operation, whatever environment
//! or profile say. Clients are built from explicit settings only, so no endpoint, retry or proxy setting of the
//! environment or profile reaches them.

mod iam;
mod line;
mod plain;
mod preflight;
mod s3;
mod sts;
mod trace;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use serde_json::Value;

pub use line::aws_line;
pub use plain::plain_http;
pub(super) use preflight::preflight;
pub(super) use trace::{Failed, Trace, chain_of, failure};

use super::raw::{Raw, Taint, Used};
use super::resolve::Resolver;
use super::world::{Limits, World};
use crate::diagnostic::Diagnostic;
use crate::engine::call::Call;
use crate::runbook::template::{Path, PathPart};
use crate::secret::Secret;

/// AWS as this environment has it: whose credentials, which region, which endpoints.
#[derive(Clone)]
pub struct Aws {
    region: String,
    endpoints: BTreeMap<String, String>,
    iam: aws_sdk_iam::Client,
    sts: aws_sdk_sts::Client,
    s3: aws_sdk_s3::Client,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.region).field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

impl Aws {
    /// For a sandbox or a rehearsal: static credentials, and endpoints that are named one by one (`iam`, `sts`, `s3`).
    ///
    /// # Errors
    /// One of the three is missing, or is not on this machine.
    pub fn loopback(
        endpoints: BTreeMap<String, String>,
        region: &str,
        access_key_id: &str,
        secret_access_key: &Secret,
    ) -> Result<Self, Diagnostic> {
        for service in ["iam", "sts", "s3"] {
            let url = endpoints.get(service).ok_or_else(|| {
                Diagnostic::new(format!("the environment names no endpoint for {service}"))
                    .hint(format!("add `endpoints: {{{service}: http://127.0.0.1:PORT}}` to it in keyward.yaml"))
            })?;
            super::loopback::allowed(crate::engine::entry::EnvironmentKind::Rehearsal, url).map_err(Diagnostic::new)?;
        }
        let credentials = Credentials::new(access_key_id, secret_access_key.expose(), None, None, "keyward");
        Ok(Self::build(region, SharedCredentialsProvider::new(credentials), endpoints, true))
    }

    /// For a real account: the operator's own credentials (a named profile, else environment, profile file with SSO and
    /// credential processes, web identity), and AWS's own endpoints for the region.
    ///
    /// The metadata service of a machine is not asked: a run acts as a person, not as the machine it runs on. Endpoint
    /// settings of environment and profile are ignored for every call of a run. (The SDK's own way from a profile to a
    /// role's credentials still reads them; credentials from a false STS are then refused by AWS's own at the first call.)
    ///
    /// # Errors
    /// No CA certificates, no region is known, or AWS has none of that name. Missing credentials show at the first call.
    pub async fn account(region: Option<&str>, profile: Option<&str>) -> Result<Self, Diagnostic> {
        // The SDK panics where it finds no CA certificates; this looks for them in the same places, and says so.
        if reqwest::Client::builder().build().is_err() {
            let what = "this machine has no CA certificates, so AWS's servers can't be told from others";
            return Err(Diagnostic::new(what).hint("install them (Debian: ca-certificates), or set SSL_CERT_FILE"));
        }
        let mut profile_region = ProfileFileRegionProvider::builder();
        let mut profile_credentials = ProfileFileCredentialsProvider::builder();
        if let Some(name) = profile {
            profile_region = profile_region.profile_name(name);
            profile_credentials = profile_credentials.profile_name(name);
        }
        let given = region.map(|region| Region::new(region.to_owned()));
        let chain = match profile {
            // A profile that was asked for by name wins over variables that happen to be set.
            Some(_) => RegionProviderChain::first_try(given).or_else(profile_region.build()),
            None => RegionProviderChain::first_try(given)
                .or_else(EnvironmentVariableRegionProvider::new())
                .or_else(profile_region.build()),
        };
        let region = chain.region().await.ok_or_else(|| {
            Diagnostic::new("no AWS region is known for this environment")
                .hint("add `region:` to the environment in keyward.yaml, or set AWS_REGION")
        })?;
        let conf = aws_config::provider_config::ProviderConfig::without_region().with_region(Some(region.clone()));
        let from_profile = profile_credentials.configure(&conf).build();
        let credentials = match profile {
            Some(_) => CredentialsProviderChain::first_try("Profile", from_profile),
            None => CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
                .or_else("Profile", from_profile)
                .or_else("WebIdentityToken", WebIdentityTokenCredentialsProvider::builder().configure(&conf).build()),
        };
        let region = region.as_ref().to_owned();
        let endpoints = resolved(&region).await?;
        Ok(Self::build(&region, SharedCredentialsProvider::new(credentials), endpoints, false))
    }

    fn build(
        region: &str,
        credentials: SharedCredentialsProvider,
        endpoints: BTreeMap<String, String>,
        loopback: bool,
    ) -> Self {
        // Only a loopback endpoint is set on a client: AWS's own come with the region that a signature must name, which
        // for IAM is not the client's.
        let at = |service: &str| loopback.then(|| endpoints.get(service).cloned()).flatten();
        let plain = loopback && endpoints.values().all(|url| url.starts_with("http://"));
        let web = plain.then(plain_http).flatten();
        let app = AppName::new("keyward").ok();
        let here = Region::new(region.to_owned());
        macro_rules! config {
            ($krate:ident, $service:literal) => {{
                let mut config = $krate::config::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(here.clone())
                    .credentials_provider(credentials.clone());
                config.set_http_client(web.clone());
                config.set_app_name(app.clone());
                config.set_endpoint_url(at($service));
                config
            }};
        }
        let iam = aws_sdk_iam::Client::from_conf(config!(aws_sdk_iam, "iam").build());
        let sts = aws_sdk_sts::Client::from_conf(config!(aws_sdk_sts, "sts").build());
        let s3 = aws_sdk_s3::Client::from_conf(config!(aws_sdk_s3, "s3").force_path_style(loopback).build());
        Self { region: region.to_owned(), endpoints, iam, sts, s3 }
    }

    /// AWS's own endpoints in a region, without credentials and without asking anybody.
    ///
    /// # Errors
    /// A region that AWS does not have.
    pub async fn endpoints_of(region: &str) -> Result<BTreeMap<String, String>, Diagnostic> {
        resolved(region).await
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Where a service's calls go.
    pub fn endpoint(&self, service: &str) -> Option<&str> {
        self.endpoints.get(service).map(String::as_str)
    }

    /// All of them, by service.
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        self.endpoints.clone()
    }
}

/// AWS's own endpoints, by the rules that the SDK itself resolves them with.
async fn resolved(region: &str) -> Result<BTreeMap<String, String>, Diagnostic> {
    let unknown = || {
        Diagnostic::new(format!("AWS has no endpoints for the region {region:?}"))
            .hint("mend `region:` of the environment in keyward.yaml")
    };
    let mut all = BTreeMap::new();
    macro_rules! resolve {
        ($krate:ident, $service:literal) => {{
            use $krate::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
            let params = Params::builder().region(region).build().map_err(|_| unknown())?;
            let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.map_err(|_| unknown())?;
            all.insert($service.to_owned(), endpoint.url().to_owned());
        }};
    }
    resolve!(aws_sdk_iam, "iam");
    resolve!(aws_sdk_sts, "sts");
    resolve!(aws_sdk_s3, "s3");
    Ok(all)
}

/// How one operation is asked for.
pub(super) struct Ask<'w> {
    pub aws: &'w Aws,
    pub trace: Trace,
    as_: Option<Credentials>,
    retry: RetryConfig,
    timeout: TimeoutConfig,
}

impl<'w> Ask<'w> {
    fn new(aws: &'w Aws, run: &str, limits: &Limits, mutating: bool, as_: Option<Credentials>) -> Self {
        let (retry, all, each) = if mutating {
            (RetryConfig::disabled(), limits.send, limits.send)
        } else {
            let each = (limits.read / 3).max(Duration::from_millis(100));
            (RetryConfig::standard().with_max_attempts(3), limits.read, each)
        };
        let timeout = TimeoutConfig::builder()
            .connect_timeout(limits.connect)
            .operation_attempt_timeout(each)
            .operation_timeout(all)
            .build();
        Self { aws, trace: Trace::new(run, mutating), as_, retry, timeout }
    }
}

/// Sends one operation with an [`Ask`]'s settings.
macro_rules! send {
    ($krate:ident, $ask:expr, $operation:expr) => {{
        let mut over =
            $krate::config::Config::builder().retry_config($ask.retry.clone()).timeout_config($ask.timeout.clone());
        if let Some(credentials) = &$ask.as_ {
            over = over.credentials_provider(credentials.clone());
        }
        let sent = $operation.customize().config_override(over).interceptor($ask.trace.clone()).send().await;
        sent.map_err(|error| $crate::action::aws::failure(error, &$ask.trace))
    }};
}
pub(super) use send;

/// The operations that change something.
pub(super) fn is_mutating(op: &str) -> bool {
    matches!(
        op,
        "iam:CreateAccessKey" | "iam:UpdateAccessKey" | "iam:DeleteAccessKey" | "iam:CreateUser" | "iam:DeleteUser"
    )
}

/// Performs a native call.
pub(super) async fn perform(world: &World, call: &Call) -> Raw {
    let (ask, used) = match prepare(world, call) {
        Ok(pair) => pair,
        Err(raw) => return *raw,
    };
    let params = Params(&call.params);
    let done = match call.op.as_str() {
        "iam:ListAccessKeys" => iam::list_access_keys(&ask, &params).await,
        "iam:GetAccessKeyLastUsed" => iam::get_access_key_last_used(&ask, &params).await,
        "iam:CreateAccessKey" => iam::create_access_key(&ask, &params).await,
        "iam:UpdateAccessKey" => iam::update_access_key(&ask, &params).await,
        "iam:DeleteAccessKey" => iam::delete_access_key(&ask, &params).await,
        "iam:GetUser" => iam::get_user(&ask, &params).await,
        "iam:ListUsers" => iam::list_users(&ask).await,
        "iam:CreateUser" => iam::create_user(&ask, &params).await,
        "iam:DeleteUser" => iam::delete_user(&ask, &params).await,
        "iam:SimulatePrincipalPolicy" => iam::simulate(&ask, &params).await,
        "sts:GetCallerIdentity" => sts::get_caller_identity(&ask).await,
        "s3:ListObjectsV2" => s3::list_objects(&ask, &params).await,
        other => Err(Failed::not_sent("UnknownOperation", &format!("keyward has no operation {other}"))),
    };
    let taint = match call.op.as_str() {
        "iam:CreateAccessKey" => Taint::Only(vec![Path(vec![PathPart::Name("secret".into())])]),
        _ => Taint::Clear,
    };
    let mut raw = match done {
        Ok(result) => Raw::answered(result, taint),
        Err(failed) => Raw::error(failed.ended, &failed.code, &failed.message),
    };
    raw.request_id = ask.trace.request_id();
    raw.date = ask.trace.date();
    raw.used = used;
    raw
}

/// Checks where the call goes and whose signature it bears, before anything is sent.
fn prepare<'w>(world: &'w World, call: &Call) -> Result<(Ask<'w>, Used), Box<Raw>> {
    let refuse = |code: &str, message: String| Box::new(Raw::not_sent(code, &message));
    let aws = world.aws.as_ref().ok_or_else(|| refuse("NoAws", "this environment has no AWS settings".into()))?;
    let service = call.op.split(':').next().unwrap_or_default();
    let endpoint = aws.endpoint(service).unwrap_or_default();
    if call.endpoint.trim_end_matches('/') != endpoint.trim_end_matches('/') {
        let message = format!(
            "the call names {:?}, but this environment's {service} is at {endpoint:?}; look at the step again, nothing was sent",
            call.endpoint
        );
        return Err(refuse("OtherEndpoint", message));
    }
    super::loopback::allowed(world.kind, endpoint).map_err(|text| refuse("NotLoopback", text))?;
    let mut used = Vec::new();
    let as_ = match call.params.get("as") {
        None | Some(Value::Null) => None,
        Some(pair) => {
            let vault = super::lock(&world.vault);
            let mut resolver = Resolver::new(&vault);
            let nothing = Value::Null;
            let part = |name: &str| pair.get(name).unwrap_or(&nothing);
            let id = resolver.text(part("access_key_id"), "as.access_key_id");
            let secret = resolver.text(part("secret_access_key"), "as.secret_access_key");
            let (id, secret) = match (id, secret) {
                (Ok(id), Ok(secret)) => (id, secret),
                (Err(error), _) | (_, Err(error)) => return Err(refuse("SecretNotHeld", error.to_string())),
            };
            used = std::mem::take(&mut resolver.used);
            // Held by the SDK in memory for this one call, wiped by it when dropped, and never cached on disk.
            Some(Credentials::new(id.as_str(), secret.as_str(), None, None, "keyward"))
        }
    };
    Ok((Ask::new(aws, &world.run, &world.limits, is_mutating(&call.op), as_), used))
}

/// A call's parameters, read strictly: what is missing or not text is said, not guessed.
pub(super) struct Params<'c>(pub &'c Value);

impl Params<'_> {
    fn text(&self, name: &str) -> Result<&str, Failed> {
        let missing = || Failed::not_sent("BadParameter", &format!("the parameter {name} is missing or not text"));
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(missing)
    }

    fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

/// RFC 3339 in UTC, as AWS sent it (whole seconds where it has no more).
fn time(at: Option<&DateTime>) -> Value {
    at.and_then(|at| at.fmt(Format::DateTime).ok()).map_or(Value::Null, Value::String)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{ProvideCredentials, future};
    use serde_json::json;

    use super::*;
    use crate::engine::effect::Ended;
    use crate::engine::entry::EnvironmentKind;
    use crate::secret::{FingerprintKey, Vault};

    /// A person who is not signed in.
    #[derive(Debug)]
    struct Nobody;

    impl ProvideCredentials for Nobody {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nobody is signed in")))
        }
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let vault = Arc::new(Mutex::new(Vault::new(FingerprintKey::from_bytes([1; 32]))));
        let mut world = World::new(EnvironmentKind::Rehearsal, "run", vault);
        let endpoints: BTreeMap<_, _> = ["iam", "sts", "s3"].map(|service| (service.to_owned(), url.clone())).into();
        world.aws = Some(Aws::build("eu-central-1", SharedCredentialsProvider::new(Nobody), endpoints, true));
        for (op, params) in [("sts:GetCallerIdentity", json!({})), ("iam:CreateAccessKey", json!({"UserName": "raxx"}))]
        {
            let call = Call { call: 0, op: op.into(), endpoint: url.clone(), params };
            let raw = perform(&world, &call).await;
            assert_eq!(
                (raw.ended, raw.result["error"]["code"].as_str()),
                (Ended::NotSent, Some("NoCredentials")),
                "{op}"
            );
        }
        assert!(listener.accept().is_err(), "nobody knocked");
    }
}
