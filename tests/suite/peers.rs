//! Clients that no one here wrote, against the embedded sandbox: the stock `aws` command and botocore. They must
//! see what AWS documents, the error codes included.

use std::path::Path;

use keyward::engine::entry::Stamp;
use keyward::runtime::clock::Clock;
use keyward::sandbox::{Fault, KeyStatus, Pair, Sandbox, World};
use keyward::secret::Secret;
use serde_json::{Value, json};
use tokio::process::Command;

use super::machine::REPOSITORY;
use super::python::program;

const USER: &str = "raxx-vault-operator";

async fn started(world: World) -> Sandbox {
    // The first test that comes here installs the clients, which takes a while.
    tokio::task::spawn_blocking(|| program("aws")).await.unwrap();
    Sandbox::start(world, Clock::virtual_now(), 7).await.unwrap()
}

async fn instant() -> Sandbox {
    started(World::example(1).instant()).await
}

fn old() -> Pair {
    World::example(1).old_pair().unwrap()
}

fn pair(id: &str, secret: &str) -> Pair {
    Pair { access_key_id: id.into(), secret_access_key: Secret::new(secret.to_owned()) }
}

fn keys(sandbox: &Sandbox) -> Vec<(String, &'static str)> {
    sandbox.snapshot().keys(USER).iter().map(|key| (key.id.clone(), key.status.name())).collect()
}

fn client(sandbox: &Sandbox, pair: &Pair, name: &str) -> Command {
    let mut command = Command::new(program(name));
    command
        .env("AWS_ENDPOINT_URL", sandbox.url())
        .env("AWS_ACCESS_KEY_ID", &pair.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", pair.secret_access_key.expose())
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_PROFILE")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_PAGER", "")
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true);
    command
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

async fn end(mut command: Command) -> Ran {
    let output = command.output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

async fn aws(sandbox: &Sandbox, pair: &Pair, args: &str) -> Ran {
    let mut command = client(sandbox, pair, "aws");
    command.args(args.split(' '));
    end(command).await
}

fn json(ran: Ran) -> Value {
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sop_by_hand_with_the_stock_command() {
    let sandbox = instant().await;
    let operator = sandbox.operator().clone();
    let listed = json(aws(&sandbox, &operator, "iam list-access-keys --user-name raxx-vault-operator").await);
    assert_eq!(listed["AccessKeyMetadata"][0]["Status"], "Active");
    let key = json(aws(&sandbox, &operator, "iam create-access-key --user-name raxx-vault-operator").await);
    let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
    let new = pair(&text("AccessKeyId"), &text("SecretAccessKey"));
    assert_eq!(new.secret_access_key.expose().len(), 40);
    let me = json(aws(&sandbox, &new, "sts get-caller-identity").await);
    assert_eq!(
        (&me["Arn"], &me["Account"]),
        (&json!("arn:aws:iam::000000000000:user/raxx-vault-operator"), &json!("000000000000"))
    );
    let ls = aws(&sandbox, &new, "s3 ls s3://raxx-backups/").await;
    assert!(ls.code == 0 && ls.out.contains("PRE vault/"), "{}", ls.err);
    let old = old().access_key_id;
    let off = format!("iam update-access-key --user-name raxx-vault-operator --status Inactive --access-key-id {old}");
    json(aws(&sandbox, &operator, &off).await);
    let used = json(aws(&sandbox, &operator, &format!("iam get-access-key-last-used --access-key-id {old}")).await);
    assert_eq!((&used["UserName"], &used["AccessKeyLastUsed"]["ServiceName"]), (&json!(USER), &json!("s3")));
    let delete = format!("iam delete-access-key --user-name raxx-vault-operator --access-key-id {old}");
    json(aws(&sandbox, &operator, &delete).await);
    assert_eq!(keys(&sandbox), [(new.access_key_id, KeyStatus::Active.name())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_command_names_each_refusal() {
    let sandbox = started(World::example(1).instant().with_fault(Fault::OneActiveOneInactive)).await;
    let (old, operator) = (old(), sandbox.operator().clone());
    let wrong = pair(&old.access_key_id, &"B".repeat(40));
    let nobodys = pair("AKIAEXAMPLE00000NONE", &"B".repeat(40));
    for (pair, args, says) in [
        (&operator, "iam create-access-key --user-name raxx-vault-operator", "(LimitExceeded)"),
        (&operator, "iam list-access-keys --user-name nobody", "(NoSuchEntity)"),
        (
            &operator,
            "iam delete-access-key --user-name raxx-vault-operator --access-key-id AKIAEXAMPLE00000NONE",
            "(NoSuchEntity)",
        ),
        (&operator, "iam create-user --user-name oncall", "(EntityAlreadyExists)"),
        (&operator, "iam delete-user --user-name raxx-vault-operator", "(DeleteConflict)"),
        (&operator, "s3 ls s3://raxx-backups/", "(AccessDenied)"),
        (&old, "iam list-users", "(AccessDenied)"),
        (&old, "s3 ls s3://no-such-bucket/", "("),
        (&wrong, "sts get-caller-identity", "(SignatureDoesNotMatch)"),
        (&wrong, "s3 ls s3://raxx-backups/", "(SignatureDoesNotMatch)"),
        (&nobodys, "sts get-caller-identity", "(InvalidClientTokenId)"),
        (&nobodys, "iam list-users", "(InvalidClientTokenId)"),
        (&nobodys, "s3 ls s3://raxx-backups/", "(InvalidAccessKeyId)"),
    ] {
        let ran = aws(&sandbox, pair, args).await;
        assert!(ran.code != 0 && ran.err.contains(says), "{args}: {} {}", ran.code, ran.err);
    }
    assert_eq!(keys(&sandbox).len(), 2, "nothing of all that changed a key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inactive_and_a_deleted_key_are_refused_alike_and_a_reactivated_one_works() {
    let sandbox = instant().await;
    let (old, operator) = (old(), sandbox.operator().clone());
    let id = &old.access_key_id;
    let set = |status: &str| format!("iam update-access-key --user-name {USER} --access-key-id {id} --status {status}");
    json(aws(&sandbox, &operator, &set("Inactive")).await);
    let refused = aws(&sandbox, &old, "sts get-caller-identity").await;
    assert!(refused.err.contains("(InvalidClientTokenId)"), "{}", refused.err);
    json(aws(&sandbox, &operator, &set("Active")).await);
    json(aws(&sandbox, &old, "sts get-caller-identity").await);
    json(aws(&sandbox, &operator, &format!("iam delete-access-key --user-name {USER} --access-key-id {id}")).await);
    let gone = aws(&sandbox, &old, "sts get-caller-identity").await;
    assert!(gone.err.contains("(InvalidClientTokenId)"), "{}", gone.err);
    assert_eq!(keys(&sandbox), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_reach_the_stock_command_as_awss_own() {
    let sandbox = instant().await;
    let operator = sandbox.operator().clone();
    let list = format!("iam list-access-keys --user-name {USER}");
    for (fault, args, says) in [
        (Fault::Throttle, list.as_str(), "(Throttling)"),
        (Fault::ThrottledLastUsed, "iam get-access-key-last-used --access-key-id AKIAEXAMPLE00000OLD1", "(Throttling)"),
        (Fault::ServerError, "iam create-access-key --user-name raxx-vault-operator", "(ServiceUnavailable)"),
    ] {
        sandbox.inject(fault).unwrap();
        let ran = aws(&sandbox, &operator, args).await;
        assert!(ran.code != 0 && ran.err.contains(says), "{args}: {}", ran.err);
        sandbox.clear(fault);
        assert_eq!(keys(&sandbox).len(), 1, "{says}");
    }
    sandbox.inject(Fault::LostCreate).unwrap();
    let lost = aws(&sandbox, &operator, "iam create-access-key --user-name raxx-vault-operator").await;
    assert!(lost.code != 0 && !lost.err.contains("An error occurred ("), "{}", lost.err);
    assert_eq!(keys(&sandbox).len(), 2, "the key is there, and its secret with nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_takes_its_time_and_lists_are_paged() {
    let sandbox = started(World::example(1).with_other_users(1)).await;
    let operator = sandbox.operator().clone();
    let key = json(aws(&sandbox, &operator, &format!("iam create-access-key --user-name {USER}")).await);
    let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
    let new = pair(&text("AccessKeyId"), &text("SecretAccessKey"));
    let early = aws(&sandbox, &new, "sts get-caller-identity").await;
    assert!(early.err.contains("(InvalidClientTokenId)"), "{}", early.err);
    let clock = sandbox.clock();
    clock.move_to(Stamp::new(clock.now().time() + std::time::Duration::from_secs(30)));
    json(aws(&sandbox, &new, "sts get-caller-identity").await);
    let all = json(aws(&sandbox, &operator, "iam list-users --page-size 2").await);
    assert_eq!(all["Users"].as_array().map(Vec::len), Some(7), "{all}");
    let some = json(aws(&sandbox, &operator, "iam list-users --max-items 3").await);
    assert!(some["Users"].as_array().map(Vec::len) == Some(3) && some["NextToken"].is_string(), "{some}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_command_copies_files_there_and_back() {
    let sandbox = instant().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("up.txt");
    std::fs::write(&file, "hello, backups\n").unwrap();
    let up = aws(&sandbox, &old(), &format!("s3 cp {} s3://raxx-backups/up.txt", file.display())).await;
    assert_eq!(up.code, 0, "{}", up.err);
    let down = aws(&sandbox, &old(), "s3 cp s3://raxx-backups/up.txt -").await;
    assert_eq!((down.code, down.out.as_str()), (0, "hello, backups\n"), "{}", down.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boto3_rotates_a_key_and_sees_the_codes_it_knows() {
    let sandbox = instant().await;
    let mut command = client(&sandbox, sandbox.operator(), "python");
    command.arg(Path::new(REPOSITORY).join("tests/python/rotate.py")).args([USER, "raxx-backups"]);
    let told = json(end(command).await);
    assert_eq!(
        told["refused"],
        json!(["LimitExceeded", "NoSuchEntity", "SignatureDoesNotMatch", "InvalidClientTokenId"])
    );
    assert_eq!(told["objects"], 12);
    let new = told["new"].as_str().unwrap().to_owned();
    assert_eq!(keys(&sandbox), [(new, "Active")]);
}
