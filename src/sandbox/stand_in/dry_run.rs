//! `s3-dry-run`: the consumer's program. It really lists the bucket with the pair it was given.

use std::path::Path;

use anyhow::Context;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};

use super::{Done, ENV_ROOT, Link, systemctl};
use crate::sandbox::holder::{NAME_ID, NAME_SECRET, parse_env_file};
use crate::secret::Secret;

/// Says that a request is of a consumer: it runs on a machine of its own, and the clock of that one is right, whatever
/// this machine's is ([`crate::sandbox::Fault::SkewedClock`]).
pub(in crate::sandbox) const RIGHT_CLOCK: &str = "x-drill-right-clock";

/// With the pair of this process's environment; on a host without one there, with that of its services' files.
pub(super) async fn from_environment(link: &Link) -> anyhow::Result<Done> {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let bucket = match get("S3_BUCKET") {
        Some(bucket) => bucket,
        None => {
            let said = link.send("GET", "control/bucket", None).await?;
            said.json["bucket"].as_str().context("this world has no bucket")?.to_owned()
        }
    };
    let (id, secret) = (get(NAME_ID), get(NAME_SECRET).map(Secret::new));
    let (id, secret) = match (id, secret, get(ENV_ROOT)) {
        (None, None, Some(root)) => host_pair(Path::new(&root)),
        (id, secret, _) => (id, secret),
    };
    Ok(run(link, id, secret, &bucket).await)
}

/// What the EnvironmentFiles of a host's units say, as the program would load them itself.
pub(in crate::sandbox) fn host_pair(root: &Path) -> (Option<String>, Option<Secret>) {
    let units = std::fs::read_dir(root.join("etc/systemd/system")).into_iter().flatten().flatten();
    let texts = units.filter_map(|unit| std::fs::read_to_string(unit.path()).ok());
    for text in texts {
        for (_, file) in systemctl::environment_files(&text) {
            let vars = std::fs::read_to_string(root.join(file.trim_start_matches('/'))).map(|t| parse_env_file(&t));
            if let Ok(vars) = vars
                && vars.contains_key(NAME_ID)
            {
                return (vars.get(NAME_ID).map(|id| id.expose().to_owned()), vars.get(NAME_SECRET).cloned());
            }
        }
    }
    (None, None)
}

/// Lists with this pair. Exit code 0, or 1 with the error as the AWS tools print it.
pub(in crate::sandbox) async fn run(link: &Link, id: Option<String>, secret: Option<Secret>, bucket: &str) -> Done {
    let (Some(id), Some(secret)) = (id, secret) else {
        return Done::fail(1, "Unable to locate credentials");
    };
    let credentials = Credentials::new(&id, secret.expose(), None, None, "s3-dry-run");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&link.s3)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .credentials_provider(credentials)
        .build();
    match aws_sdk_s3::Client::from_conf(config)
        .list_objects_v2()
        .bucket(bucket)
        .max_keys(1)
        .customize()
        .mutate_request(|request| {
            request.headers_mut().insert(RIGHT_CLOCK, "yes");
        })
        .send()
        .await
    {
        Ok(_) => Done::ok(format!("key {id} ok\n")),
        Err(error) => {
            let said = match (error.code(), error.message()) {
                (Some(code), message) => format!(
                    "An error occurred ({code}) when calling the ListObjectsV2 operation: {}",
                    message.unwrap_or("no message")
                ),
                (None, _) => format!("Could not connect to the endpoint URL: {}", DisplayErrorContext(&error)),
            };
            Done { code: 1, out: format!("key {id} failed\n"), err: said + "\n" }
        }
    }
}
