//! The stand-ins: holders over HTTP, and the commands.

use std::process::Stdio;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::super::stand_in::{Done, dry_run, gh, heroku, ssh, systemctl};
use super::super::{Fault, Pair, World};
use super::*;

fn values(pair: &Pair) -> Value {
    json!({"AWS_ACCESS_KEY_ID": pair.access_key_id, "AWS_SECRET_ACCESS_KEY": pair.secret_access_key.expose()})
}

const INFISICAL: &str = "projectId=drill-project&environment=prod&secretPath=/";

fn batch(pair: &Pair) -> Value {
    let secret = |name: &str, value: &str| json!({"secretKey": name, "secretValue": value});
    json!({"projectId": "drill-project", "environment": "prod", "secretPath": "/", "secrets": [
        secret("AWS_ACCESS_KEY_ID", &pair.access_key_id),
        secret("AWS_SECRET_ACCESS_KEY", pair.secret_access_key.expose()),
    ]})
}

#[tokio::test]
async fn infisical_keeps_every_version() {
    let sandbox = instant().await;
    let new = created(&sandbox).await;
    let (status, list) = call(&sandbox, "GET", &format!("infisical/api/v4/secrets?{INFISICAL}"), None).await;
    assert_eq!((status, list["secrets"].as_array().map(Vec::len)), (200, Some(3)));
    let before = list["secrets"][0]["version"].as_u64().unwrap();
    let (status, put) = call(&sandbox, "PATCH", "infisical/api/v4/secrets/batch", Some(batch(&new))).await;
    assert_eq!((status, put["secrets"].as_array().map(Vec::len)), (200, Some(2)));
    let one = |version: String| format!("infisical/api/v4/secrets/AWS_ACCESS_KEY_ID?{INFISICAL}{version}");
    let (_, now) = call(&sandbox, "GET", &one(String::new()), None).await;
    assert_eq!(now["secret"]["secretValue"], new.access_key_id);
    assert_eq!(now["secret"]["version"], before + 1);
    let (_, then) = call(&sandbox, "GET", &one(format!("&version={before}")), None).await;
    assert_eq!(then["secret"]["secretValue"], "AKIAEXAMPLE00000OLD1");
    assert_eq!(sandbox.snapshot().holder("infisical prod").unwrap().key_id, Some(new.access_key_id));
}

#[tokio::test]
async fn infisical_refuses_what_the_real_one_refuses() {
    let sandbox = instant().await;
    let old = old(&sandbox);
    for (method, path, body, status) in [
        ("GET", "secrets?environment=prod".to_owned(), None, 422),
        ("GET", "secrets?projectId=other&environment=prod".to_owned(), None, 404),
        ("GET", format!("secrets/NONE?{INFISICAL}"), None, 404),
        ("GET", format!("secrets/AWS_ACCESS_KEY_ID?{INFISICAL}&version=99"), None, 404),
        ("GET", format!("secrets/AWS_ACCESS_KEY_ID?{INFISICAL}&version=0"), None, 404),
        ("POST", "secrets/batch".to_owned(), Some(batch(&old)), 400),
        ("PATCH", "secrets/batch".to_owned(), Some(json!({"projectId": "drill-project", "environment": "prod"})), 422),
        ("DELETE", "secrets/batch".to_owned(), None, 404),
    ] {
        let (got, answer) = call(&sandbox, method, &format!("infisical/api/v4/{path}"), body).await;
        assert_eq!(got, status, "{method} {path} {answer}");
    }
    // All or nothing: one unknown name, and the known one keeps its value.
    let mut half = batch(&created(&sandbox).await);
    half["secrets"][1]["secretKey"] = json!("AWS_NONE");
    let (status, _) = call(&sandbox, "PATCH", "infisical/api/v4/secrets/batch", Some(half)).await;
    assert_eq!(status, 404);
    assert_eq!(sandbox.snapshot().holder("infisical prod").unwrap().key_id, Some(old.access_key_id));
}

#[tokio::test]
async fn without_its_token_no_stand_in_says_anything() {
    let sandbox = instant().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in [
        "infisical/api/v4/secrets?projectId=drill-project&environment=prod",
        "heroku/apps/raxx-api-prod/config-vars",
        "github/repos/raxx/backup/actions/secrets",
        "control/apps/raxx-api-prod",
    ] {
        for token in ["", "Bearer wrong"] {
            let request = client.get(format!("{}/-/{path}", sandbox.url())).header("authorization", token);
            let answer = request.header("accept", "application/vnd.heroku+json; version=3").send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
        }
    }
}

#[tokio::test]
async fn heroku_makes_a_release_and_old_dynos_live_on_with_the_old_pair() {
    let mut world = World::example(1).instant();
    world.timing.dynos = Duration::from_secs(90);
    let sandbox = started(world).await;
    let new = created(&sandbox).await;
    let old = old(&sandbox).access_key_id;
    let path = "heroku/apps/raxx-api-prod/config-vars";
    let (_, vars) = call(&sandbox, "GET", path, None).await;
    assert!(vars["SESSION_KEY"].is_string() && vars["AWS_ACCESS_KEY_ID"] == old);
    let (status, vars) = call(&sandbox, "PATCH", path, Some(values(&new))).await;
    assert!(status == 200 && vars["SESSION_KEY"].is_string() && vars["AWS_ACCESS_KEY_ID"] == new.access_key_id);
    let (_, releases) = call(&sandbox, "GET", "heroku/apps/raxx-api-prod/releases", None).await;
    let last = releases.as_array().unwrap().last().unwrap().clone();
    assert_eq!((last["version"].as_u64(), last["current"].as_bool()), (Some(113), Some(true)));
    let app = |sandbox: &Sandbox| sandbox.snapshot().holder("raxx-api-prod").unwrap().in_use.clone();
    assert_eq!(app(&sandbox), [new.access_key_id.clone(), old]);
    wait(&sandbox, 91);
    assert_eq!(app(&sandbox), [new.access_key_id]);
}

#[tokio::test]
async fn heroku_refuses_what_the_real_one_refuses() {
    let sandbox = instant().await;
    let path = "heroku/apps/raxx-api-prod/config-vars";
    assert_eq!(call(&sandbox, "GET", "heroku/apps/none/config-vars", None).await.0, 404);
    assert_eq!(call(&sandbox, "PATCH", path, Some(json!({"A": 1}))).await.0, 422);
    assert_eq!(call(&sandbox, "PATCH", path, Some(json!([]))).await.0, 400);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let unversioned = client.get(format!("{}/-/{path}", sandbox.url())).bearer_auth(sandbox.token().expose());
    assert_eq!(unversioned.send().await.unwrap().status(), 406);
    sandbox.inject(Fault::HolderDown).unwrap();
    assert_eq!(call(&sandbox, "PATCH", path, Some(json!({"A": "1"}))).await.0, 503);
    let (_, vars) = call(&sandbox, "PATCH", path, Some(json!({"SESSION_KEY": null}))).await;
    assert!(vars.get("SESSION_KEY").is_none() && vars.get("A").is_none());
}

#[tokio::test]
async fn half_a_pair_really_breaks_the_consumer() {
    let sandbox = instant().await;
    sandbox.inject(Fault::HalfPair).unwrap();
    let new = created(&sandbox).await;
    call(&sandbox, "PATCH", "heroku/apps/raxx-api-prod/config-vars", Some(values(&new))).await;
    let snapshot = sandbox.snapshot();
    let app = snapshot.holder("raxx-api-prod").unwrap();
    assert_eq!((app.key_id.as_ref(), app.whole), (Some(&new.access_key_id), false));
    assert_eq!(snapshot.broken(), ["raxx-api-prod"]);
    let run = "run --exit-code --app raxx-api-prod -- python -m scripts.s3_backup_dry_run";
    let done = heroku::run(&link(&sandbox), &words(run)).await.unwrap();
    assert_eq!(done.code, 1);
    assert!(done.out.contains("An error occurred (SignatureDoesNotMatch)"), "{done:?}");
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn heroku_run_proves_with_the_apps_own_vars() {
    let sandbox = instant().await;
    let link = link(&sandbox);
    let run = async |line: &str| heroku::run(&link, &words(line)).await.unwrap();
    let good = run("run --exit-code --app raxx-api-prod -- python -m scripts.s3_backup_dry_run").await;
    assert_eq!((good.code, good.out.as_str()), (0, "key AKIAEXAMPLE00000OLD1 ok\n"));
    assert_eq!(run("run -x -a raxx-api-prod -- python -m nothing").await.code, 127);
    // Without --exit-code a zero proves nothing: as the real one.
    assert_eq!(run("run -a raxx-api-prod -- python -m nothing").await.code, 0);
    assert_eq!(run("run -x -a none -- python -m x").await.code, 1);
    assert_eq!(run("config -a raxx-api-prod").await.code, 2);
}

async fn gh_run(sandbox: &Sandbox, line: &str, stdin: &str) -> Done {
    gh::run(&link(sandbox), &words(line), &mut stdin.as_bytes()).await.unwrap()
}

#[tokio::test]
async fn github_opens_the_sealed_boxes_and_its_runs_use_what_was_in_them() {
    let sandbox = instant().await;
    let new = created(&sandbox).await;
    let set =
        async |name: &str, value: &str| gh_run(&sandbox, &format!("secret set {name} -R raxx/backup"), value).await;
    assert_eq!(set("AWS_ACCESS_KEY_ID", &new.access_key_id).await.code, 0);
    let dispatched = gh_run(&sandbox, "workflow run s3-dry-run.yml -R raxx/backup", "").await;
    assert_eq!(dispatched.code, 0, "{dispatched:?}");
    let runs = "github/repos/raxx/backup/actions/workflows/s3-dry-run.yml/runs?event=workflow_dispatch";
    let (_, list) = call(&sandbox, "GET", runs, None).await;
    // The new id with the old secret.
    assert_eq!(list["workflow_runs"][0]["conclusion"], "failure");
    assert_eq!(set("AWS_SECRET_ACCESS_KEY", new.secret_access_key.expose()).await.code, 0);
    gh_run(&sandbox, "workflow run s3-dry-run.yml -R raxx/backup", "").await;
    let (_, list) = call(&sandbox, "GET", runs, None).await;
    assert_eq!(
        (list["total_count"].as_u64(), list["workflow_runs"][0]["conclusion"].as_str()),
        (Some(2), Some("success"))
    );
    let id = list["workflow_runs"][0]["id"].as_u64().unwrap();
    let log = gh_run(&sandbox, &format!("run view {id} -R raxx/backup --log"), "").await;
    assert!(log.out.contains(&format!("key {} ok", new.access_key_id)), "{log:?}");
    let (status, _) = call(&sandbox, "GET", &format!("github/repos/raxx/backup/actions/jobs/{id}/logs"), None).await;
    assert_eq!(status, 302);
    let (_, meta) = call(&sandbox, "GET", "github/repos/raxx/backup/actions/secrets/AWS_ACCESS_KEY_ID", None).await;
    assert!(meta["updated_at"].as_str() > meta["created_at"].as_str() && meta.get("value").is_none());
}

#[tokio::test]
async fn github_refuses_what_the_real_one_refuses() {
    let sandbox = instant().await;
    let base = "github/repos/raxx/backup/actions";
    let put =
        async |name: &str, body: Value| call(&sandbox, "PUT", &format!("{base}/secrets/{name}"), Some(body)).await.0;
    let (_, key) = call(&sandbox, "GET", &format!("{base}/secrets/public-key"), None).await;
    assert_eq!(put("A", json!({"encrypted_value": "AAAA", "key_id": "1"})).await, 422);
    assert_eq!(put("A", json!({"encrypted_value": "AAAA", "key_id": key["key_id"]})).await, 422);
    assert_eq!(put("GITHUB_X", json!({})).await, 422);
    assert_eq!(call(&sandbox, "GET", &format!("{base}/secrets/NONE"), None).await.0, 404);
    assert_eq!(call(&sandbox, "GET", "github/repos/raxx/other/actions/secrets", None).await.0, 404);
    let dispatch = async |workflow: &str, body: Value| {
        call(&sandbox, "POST", &format!("{base}/workflows/{workflow}/dispatches"), Some(body)).await.0
    };
    assert_eq!(dispatch("none.yml", json!({"ref": "main"})).await, 404);
    assert_eq!(dispatch("s3-dry-run.yml", json!({})).await, 422);
    sandbox.inject(Fault::RunStuck).unwrap();
    assert_eq!(dispatch("s3-dry-run.yml", json!({"ref": "main"})).await, 204);
    wait(&sandbox, 3600);
    let (_, list) = call(&sandbox, "GET", &format!("{base}/runs"), None).await;
    assert_eq!(
        (list["workflow_runs"][0]["status"].as_str(), list["workflow_runs"][0]["conclusion"].is_null()),
        (Some("queued"), true)
    );
}

#[tokio::test]
async fn a_lost_put_was_taken_all_the_same() {
    let sandbox = instant().await;
    sandbox.inject(Fault::LostPut).unwrap();
    let new = created(&sandbox).await;
    let lost = link(&sandbox).send("PATCH", "infisical/api/v4/secrets/batch", Some(&batch(&new))).await;
    assert!(lost.is_err());
    assert_eq!(sandbox.snapshot().holder("infisical prod").unwrap().key_id, Some(new.access_key_id));
}

/// What the env_file connector does, in its own words: replace two lines, keep the rest and the mode.
const SCRIPT: &str = r#"set -eu
f="${KEYWARD_ROOT}/etc/raxx/credentials.env"
grep -v -e '^AWS_ACCESS_KEY_ID=' -e '^AWS_SECRET_ACCESS_KEY=' "$f" > "$f.new"
printf 'AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$ID" "$SECRET" >> "$f.new"
mv "$f.new" "$f"
"#;

async fn ssh_run(sandbox: &Sandbox, line: &str, script: &str) -> std::process::Output {
    let mut shell = ssh::prepare(&link(sandbox), &words(line)).await.unwrap().expect("the host is known");
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
    child.wait_with_output().await.unwrap()
}

#[tokio::test]
async fn a_hosts_file_is_really_changed_and_its_service_goes_on_with_the_old_pair_until_restarted() {
    let sandbox = instant().await;
    let dir = tempfile::tempdir().unwrap();
    // Any program stands for keyward here: what runs on the host is the shell.
    sandbox.install_stand_ins(&dir.path().join("bin"), std::path::Path::new("/bin/sh")).unwrap();
    let new = created(&sandbox).await;
    let given = format!("ID='{}'\nSECRET='{}'\n", new.access_key_id, new.secret_access_key.expose());
    let ran = ssh_run(&sandbox, "-oBatchMode=yes vault.lightsail sh -s", &(given + SCRIPT)).await;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let host = |sandbox: &Sandbox| sandbox.snapshot().holder("vault host").cloned().unwrap();
    let view = host(&sandbox);
    assert_eq!(view.key_id.as_ref(), Some(&new.access_key_id));
    assert_eq!(view.in_use, ["AKIAEXAMPLE00000OLD1"]);
    let root = dir.path().canonicalize().unwrap().join("bin/hosts/vault.lightsail");
    let file = std::fs::read_to_string(root.join("etc/raxx/credentials.env")).unwrap();
    assert!(file.contains("VAULT_NOTE=drill-canary"));
    let (id, secret) = dry_run::host_pair(&root);
    assert_eq!(id.as_ref(), Some(&new.access_key_id));
    let proved = dry_run::run(&link(&sandbox), id.clone(), secret, BUCKET).await;
    assert_eq!(proved, Done::ok(format!("key {} ok\n", new.access_key_id)));
    assert_eq!(dry_run::run(&link(&sandbox), id, None, BUCKET).await.err, "Unable to locate credentials\n");
    let place = systemctl::Place { host: "vault.lightsail".into(), root };
    let systemctl = async |line: &str| systemctl::run(&link(&sandbox), &place, &words(line)).await.unwrap();
    sandbox.inject(Fault::RestartFails).unwrap();
    assert_eq!(systemctl("restart raxx-vault").await.code, 1);
    assert_eq!(host(&sandbox).in_use, ["AKIAEXAMPLE00000OLD1"]);
    assert_eq!(systemctl("restart raxx-vault.service").await, Done::default());
    assert_eq!(host(&sandbox).in_use, [new.access_key_id]);
    sandbox.inject(Fault::HalfPair).unwrap();
    systemctl("restart raxx-vault").await;
    assert_eq!(
        (host(&sandbox).error, host(&sandbox).failing),
        (Some("SignatureDoesNotMatch"), Some("SignatureDoesNotMatch"))
    );
    assert_eq!(systemctl("restart nothing").await.code, 5);
    assert_eq!(systemctl("is-active nothing").await.code, 3);
    assert_eq!(systemctl("is-active raxx-vault").await.out, "active\n");
}

#[tokio::test]
async fn a_host_sees_nothing_of_the_operators_machine_and_an_unknown_one_is_unknown() {
    let sandbox = instant().await;
    let dir = tempfile::tempdir().unwrap();
    sandbox.install_stand_ins(dir.path(), std::path::Path::new("/bin/sh")).unwrap();
    let ran = ssh_run(&sandbox, "vault.lightsail env", "").await;
    let env = String::from_utf8_lossy(&ran.stdout).into_owned();
    let names: Vec<&str> = env.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(
        names.contains(&"KEYWARD_ROOT") && !names.contains(&"USER") && !names.contains(&"CARGO_MANIFEST_DIR"),
        "{names:?}"
    );
    let path = env.lines().find(|line| line.starts_with("PATH=")).unwrap();
    assert!(path.ends_with("/usr/local/sbin:/usr/bin:/bin"), "{path}");
    assert_eq!(ssh_run(&sandbox, "vault.lightsail exit 7", "").await.status.code(), Some(7));
    let unknown = ssh::prepare(&link(&sandbox), &words("db.lightsail true")).await.unwrap().unwrap_err();
    assert_eq!(unknown.code, 255);
    assert!(unknown.err.contains("Could not resolve hostname db.lightsail"));
}

#[test]
fn a_stand_in_reaches_loopback_only() {
    for url in ["http://example.com", "https://127.0.0.1:1", "http://127.0.0.1:1@example.com", "http://127.0.0.1:x"] {
        assert!(super::super::stand_in::Link::new(url, crate::secret::Secret::new("t".into())).is_err(), "{url}");
    }
}

#[test]
fn other_names_are_no_stand_ins() {
    for name in ["keyward", "/usr/local/bin/keyward", "sshd", ""] {
        assert!(super::super::stand_in(name, &[]).is_none());
    }
}
