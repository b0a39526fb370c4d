//! `gh`: repository secrets and workflow runs, as far as a rotation needs GitHub's own command.

use std::io::Read;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use serde_json::{Value, json};

use super::link::Said;
use super::{Done, Link};

/// A command line: words, flags with their values.
#[derive(Debug, Default)]
struct Line {
    words: Vec<String>,
    flags: Vec<(String, String)>,
}

/// Flags that take no value.
const BARE: &[&str] = &["--log", "--exit-status", "--no-repos-selected"];

impl Line {
    fn parse(args: &[String]) -> Self {
        let mut line = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if BARE.contains(&arg.as_str()) {
                line.flags.push((arg.clone(), String::new()));
            } else if let Some((flag, value)) = arg.strip_prefix("--").and_then(|flag| flag.split_once('=')) {
                line.flags.push((format!("--{flag}"), value.to_owned()));
            } else if arg.starts_with('-') && arg.len() > 1 {
                line.flags.push((arg.clone(), args.next().cloned().unwrap_or_default()));
            } else {
                line.words.push(arg.clone());
            }
        }
        line
    }

    fn flag(&self, names: &[&str]) -> Option<&str> {
        self.flags.iter().find(|(flag, _)| names.contains(&flag.as_str())).map(|(_, value)| value.as_str())
    }
}

fn error(said: &Said) -> Done {
    Done::fail(1, format!("HTTP {}: {}", said.status, said.json["message"].as_str().unwrap_or("")))
}

pub(in crate::sandbox) async fn run(link: &Link, args: &[String], stdin: &mut impl Read) -> anyhow::Result<Done> {
    let line = Line::parse(args);
    let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
    let repo = line.flag(&["-R", "--repo"]).map(str::to_owned).or_else(|| std::env::var("GH_REPO").ok());
    let Some(repo) = repo else {
        return Ok(Done::fail(1, "the sandbox's gh needs --repo OWNER/NAME"));
    };
    let base = format!("github/repos/{repo}/actions");
    match words.as_slice() {
        ["secret", "set", name] => set(link, &base, name, line.flag(&["-b", "--body"]), stdin).await,
        ["secret", "list"] => {
            let said = link.send("GET", &format!("{base}/secrets"), None).await?;
            if said.status != 200 {
                return Ok(error(&said));
            }
            Ok(listed(&said.json["secrets"], line.flag(&["--json"]), &[("name", "name"), ("updatedAt", "updated_at")]))
        }
        ["workflow", "run", workflow] => {
            let git_ref = line.flag(&["-r", "--ref"]).unwrap_or("main");
            let path = format!("{base}/workflows/{workflow}/dispatches");
            let said = link.send("POST", &path, Some(&json!({"ref": git_ref}))).await?;
            Ok(if said.status < 300 { Done::default() } else { error(&said) })
        }
        ["run", "list"] => {
            let workflow =
                line.flag(&["-w", "--workflow"]).map(|name| format!("workflows/{name}/")).unwrap_or_default();
            let limit = line.flag(&["-L", "--limit"]).unwrap_or("20");
            let said = link.send("GET", &format!("{base}/{workflow}runs?per_page={limit}"), None).await?;
            if said.status != 200 {
                return Ok(error(&said));
            }
            let fields = [
                ("databaseId", "id"),
                ("status", "status"),
                ("conclusion", "conclusion"),
                ("createdAt", "created_at"),
                ("event", "event"),
                ("name", "name"),
                ("url", "html_url"),
            ];
            Ok(listed(&said.json["workflow_runs"], line.flag(&["--json"]), &fields))
        }
        ["run", "view", id] => view(link, &base, id, &line).await,
        other => Ok(Done::fail(1, format!("the sandbox's gh does not know {:?}", other.join(" ")))),
    }
}

/// From `--body`, else from stdin without the newline at its end, as gh does.
async fn set(link: &Link, base: &str, name: &str, body: Option<&str>, stdin: &mut impl Read) -> anyhow::Result<Done> {
    let value = match body {
        Some(body) => body.to_owned(),
        None => {
            let mut text = String::new();
            stdin.read_to_string(&mut text).context("the secret's value can't be read from stdin")?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    let said = link.send("GET", &format!("{base}/secrets/public-key"), None).await?;
    let key = said.json["key"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let Some(key) = key.and_then(|bytes| PublicKey::from_slice(&bytes).ok()) else { return Ok(error(&said)) };
    let mut rng = crypto_box::aead::OsRng;
    let sealed = key.seal(&mut rng, value.as_bytes()).map_err(|_| anyhow::anyhow!("the value can't be sealed"))?;
    let body = json!({"encrypted_value": STANDARD.encode(sealed), "key_id": said.json["key_id"]});
    let said = link.send("PUT", &format!("{base}/secrets/{name}"), Some(&body)).await?;
    Ok(if said.status < 300 { Done::default() } else { error(&said) })
}

/// `--json a,b`: those fields under gh's names; else one line for each, tabs between.
fn listed(list: &Value, wanted: Option<&str>, fields: &[(&str, &str)]) -> Done {
    let empty = Vec::new();
    let rows = list.as_array().unwrap_or(&empty);
    let Some(wanted) = wanted else {
        let line = |row: &Value| {
            let cells: Vec<String> = fields
                .iter()
                .map(|(_, field)| row[*field].as_str().map_or_else(|| row[*field].to_string(), str::to_owned))
                .collect();
            cells.join("\t") + "\n"
        };
        return Done::ok(rows.iter().map(line).collect::<String>());
    };
    let wanted: Vec<&str> = wanted.split(',').collect();
    if let Some(unknown) = wanted.iter().find(|name| fields.iter().all(|(field, _)| field != *name)) {
        return Done::fail(1, format!("Unknown JSON field: {unknown:?}"));
    }
    let of = |row: &Value| -> Value {
        let shown = fields.iter().filter(|(name, _)| wanted.contains(name));
        // gh writes an unfinished run's conclusion as empty text.
        let value = |field: &str| if row[field].is_null() { json!("") } else { row[field].clone() };
        Value::Object(shown.map(|(name, field)| ((*name).to_owned(), value(field))).collect())
    };
    Done::ok(Value::Array(rows.iter().map(of).collect()).to_string() + "\n")
}

async fn view(link: &Link, base: &str, id: &str, line: &Line) -> anyhow::Result<Done> {
    let said = link.send("GET", &format!("{base}/runs/{id}"), None).await?;
    if said.status != 200 {
        return Ok(error(&said));
    }
    let failed = line.flag(&["--exit-status"]).is_some() && said.json["conclusion"] == "failure";
    let mut done = if line.flag(&["--log"]).is_some() {
        // The client follows the redirect to the log.
        let log = link.send("GET", &format!("{base}/jobs/{id}/logs"), None).await?;
        if log.status != 200 {
            return Ok(Done::fail(
                1,
                format!("run {id} is still in progress; logs will be available when it is complete"),
            ));
        }
        Done::ok(log.text.lines().map(|text| format!("s3-dry-run\tdry run\t{text}\n")).collect::<String>())
    } else {
        let fields =
            [("databaseId", "id"), ("status", "status"), ("conclusion", "conclusion"), ("createdAt", "created_at")];
        let one = listed(&json!([said.json]), line.flag(&["--json"]), &fields);
        let out = one.out.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(one.out.trim());
        Done { out: format!("{out}\n"), ..one }
    };
    if failed {
        done.code = 1;
    }
    Ok(done)
}
