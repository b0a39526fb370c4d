//! `systemctl` on a host of the sandbox: restarting a service makes it read its EnvironmentFile.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::{Done, ENV_HOST, ENV_ROOT, Link};
use crate::sandbox::holder::{NAME_ID, NAME_SECRET, parse_env_file};

/// The host that it runs on.
#[derive(Debug)]
pub(in crate::sandbox) struct Place {
    pub(in crate::sandbox) host: String,
    pub(in crate::sandbox) root: PathBuf,
}

impl Place {
    pub(super) fn from_environment() -> anyhow::Result<Self> {
        let get = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set: not on a drill's host"));
        Ok(Self { host: get(ENV_HOST)?, root: get(ENV_ROOT)?.into() })
    }
}

pub(in crate::sandbox) async fn run(link: &Link, place: &Place, args: &[String]) -> anyhow::Result<Done> {
    let mut words = args.iter().map(String::as_str).filter(|arg| !arg.starts_with('-'));
    let (verb, unit) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let service = unit.strip_suffix(".service").unwrap_or(unit);
    if verb == "daemon-reload" {
        return Ok(Done::default());
    }
    let unit_file = place.root.join(format!("etc/systemd/system/{service}.service"));
    let unit_text = std::fs::read_to_string(&unit_file).ok().filter(|_| !service.is_empty() && !service.contains('/'));
    let Some(unit_text) = unit_text else {
        return Ok(match verb {
            "is-active" => Done { code: 3, out: "inactive\n".into(), err: String::new() },
            _ => Done::fail(5, format!("Failed to {verb} {service}.service: Unit {service}.service not found.")),
        });
    };
    match verb {
        "is-active" => Ok(Done::ok("active\n")),
        "status" | "show" => Ok(Done::ok(format!("{service}.service: active (running)\n"))),
        "restart" | "try-restart" | "reload-or-restart" | "start" => restart(link, place, service, &unit_text).await,
        other => Ok(Done::fail(1, format!("Unknown command verb {other}."))),
    }
}

/// The files that a unit reads: whether each may be missing (a `-` before its path, systemd.exec), and the path.
pub(super) fn environment_files(unit: &str) -> impl Iterator<Item = (bool, &str)> {
    let files = unit.lines().filter_map(|line| line.trim().strip_prefix("EnvironmentFile="));
    files.map(|file| file.strip_prefix('-').map_or((false, file), |file| (true, file)))
}

async fn restart(link: &Link, place: &Place, service: &str, unit: &str) -> anyhow::Result<Done> {
    let failed = || {
        let why = "because the control process exited with error code.";
        Done::fail(1, format!("Job for {service}.service failed {why}\nSee \"systemctl status {service}.service\"."))
    };
    let mut values = Map::new();
    for (optional, file) in environment_files(unit) {
        match std::fs::read_to_string(place.root.join(file.trim_start_matches('/'))) {
            Ok(text) => {
                let vars = parse_env_file(&text);
                let pair = vars.iter().filter(|(name, _)| [NAME_ID, NAME_SECRET].contains(&name.as_str()));
                values.extend(pair.map(|(name, value)| (name.clone(), Value::from(value.expose()))));
            }
            Err(_) if optional => {}
            Err(_) => return Ok(failed()),
        }
    }
    let path = format!("control/hosts/{}/services/{service}", place.host);
    let said = link.send("POST", &path, Some(&json!({"values": values}))).await?;
    // 404: a unit of the host that no holder of this world is.
    Ok(if said.status < 300 || said.status == 404 { Done::default() } else { failed() })
}
