//! The sandbox from outside: through the real SDK, and the stand-ins' own protocols. Stock clients: `tests/suite/peers.rs`.

mod aws;
mod faults;
mod hostile;
mod systems;
mod world;

use std::time::Duration;

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use serde_json::Value;

use super::stand_in::Link;
use super::{Pair, Sandbox, World};
use crate::engine::entry::Stamp;
use crate::runtime::clock::Clock;

pub(super) const USER: &str = "raxx-vault-operator";
pub(super) const BUCKET: &str = "raxx-backups";

pub(super) async fn started(world: World) -> Sandbox {
    Sandbox::start(world, Clock::virtual_now(), 7).await.unwrap()
}

pub(super) async fn example() -> Sandbox {
    started(World::example(1)).await
}

pub(super) async fn instant() -> Sandbox {
    started(World::example(1).instant()).await
}

/// Moves the sandbox's clock on.
pub(super) fn wait(sandbox: &Sandbox, seconds: u64) {
    let to = sandbox.clock().now().time() + Duration::from_secs(seconds);
    sandbox.clock().move_to(Stamp::new(to));
}

fn credentials(pair: &Pair) -> Credentials {
    Credentials::new(&pair.access_key_id, pair.secret_access_key.expose(), None, None, "test")
}

pub(super) fn iam(sandbox: &Sandbox, pair: &Pair) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(sandbox.url())
        .retry_config(RetryConfig::disabled())
        .credentials_provider(credentials(pair));
    aws_sdk_iam::Client::from_conf(config.build())
}

pub(super) fn sts(sandbox: &Sandbox, pair: &Pair) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(sandbox.url())
        .retry_config(RetryConfig::disabled())
        .credentials_provider(credentials(pair));
    aws_sdk_sts::Client::from_conf(config.build())
}

pub(super) fn s3(sandbox: &Sandbox, pair: &Pair) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(sandbox.url())
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .credentials_provider(credentials(pair));
    aws_sdk_s3::Client::from_conf(config.build())
}

/// The service's error code; a panic if the call did not get one.
pub(super) fn code<T: std::fmt::Debug, E, R>(result: Result<T, SdkError<E, R>>) -> String
where
    E: ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    let error = result.expect_err("refused");
    match error.code() {
        Some(code) => code.to_owned(),
        None => panic!("no code: {error:?}"),
    }
}

/// Creates a key for the rotated user.
pub(super) async fn created(sandbox: &Sandbox) -> Pair {
    let answer = iam(sandbox, sandbox.operator()).create_access_key().user_name(USER).send().await.unwrap();
    let key = answer.access_key().unwrap();
    Pair {
        access_key_id: key.access_key_id().to_owned(),
        secret_access_key: crate::secret::Secret::new(key.secret_access_key().to_owned()),
    }
}

pub(super) fn old(_: &Sandbox) -> Pair {
    World::example(1).old_pair().unwrap()
}

/// Ids of the rotated user's keys with their status, as the sandbox has them in truth.
pub(super) fn keys(sandbox: &Sandbox) -> Vec<(String, &'static str)> {
    sandbox.snapshot().keys(USER).iter().map(|key| (key.id.clone(), key.status.name())).collect()
}

pub(super) fn link(sandbox: &Sandbox) -> Link {
    Link::new(sandbox.url(), sandbox.token().clone()).unwrap()
}

/// A request to a stand-in with its token; status and JSON.
pub(super) async fn call(sandbox: &Sandbox, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
        .request(method.parse().unwrap(), format!("{}/-/{path}", sandbox.url()))
        .header("accept", "application/vnd.heroku+json; version=3")
        .bearer_auth(sandbox.token().expose());
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}
