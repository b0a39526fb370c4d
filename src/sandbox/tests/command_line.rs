//! The stock `aws` command, as the SOP uses it.

use tokio::process::Command;

use super::super::{Pair, World};
use super::*;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

async fn aws(sandbox: &Sandbox, pair: &Pair, args: &str) -> Ran {
    let output = Command::new("aws")
        .args(args.split(' '))
        .env("AWS_ENDPOINT_URL", sandbox.url())
        .env("AWS_ACCESS_KEY_ID", &pair.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", pair.secret_access_key.expose())
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .await
        .expect("the stock aws command is installed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sop_by_hand_with_the_stock_command() {
    let sandbox = instant().await;
    let operator = sandbox.operator().clone();
    let json = |ran: Ran| -> Value {
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).unwrap_or_default()
    };
    let listed = json(aws(&sandbox, &operator, "iam list-access-keys --user-name raxx-vault-operator").await);
    assert_eq!(listed["AccessKeyMetadata"][0]["Status"], "Active");
    let key = json(aws(&sandbox, &operator, "iam create-access-key --user-name raxx-vault-operator").await);
    let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
    let new = Pair {
        access_key_id: text("AccessKeyId"),
        secret_access_key: crate::secret::Secret::new(text("SecretAccessKey")),
    };
    let me = json(aws(&sandbox, &new, "sts get-caller-identity").await);
    assert_eq!(me["Arn"], "arn:aws:iam::000000000000:user/raxx-vault-operator");
    let ls = aws(&sandbox, &new, "s3 ls s3://raxx-backups/").await;
    assert!(ls.code == 0 && ls.out.contains("PRE vault/"), "{}", ls.err);
    let old = old(&sandbox).access_key_id;
    let off = format!("iam update-access-key --user-name raxx-vault-operator --status Inactive --access-key-id {old}");
    json(aws(&sandbox, &operator, &off).await);
    let used = json(aws(&sandbox, &operator, &format!("iam get-access-key-last-used --access-key-id {old}")).await);
    assert_eq!(used["UserName"], USER);
    let delete = format!("iam delete-access-key --user-name raxx-vault-operator --access-key-id {old}");
    json(aws(&sandbox, &operator, &delete).await);
    assert_eq!(keys(&sandbox), [(new.access_key_id, "Active")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_command_names_each_refusal() {
    let sandbox = started(World::example(1).instant().with_fault(super::super::Fault::OneActiveOneInactive)).await;
    let old = old(&sandbox);
    let wrong = Pair { secret_access_key: crate::secret::Secret::new("B".repeat(40)), ..old.clone() };
    let operator = sandbox.operator().clone();
    for (pair, args, says) in [
        (&operator, "iam create-access-key --user-name raxx-vault-operator", "(LimitExceeded)"),
        (&operator, "iam list-access-keys --user-name nobody", "(NoSuchEntity)"),
        (&operator, "s3 ls s3://raxx-backups/", "(AccessDenied)"),
        (&old, "iam list-users", "(AccessDenied)"),
        (&wrong, "sts get-caller-identity", "(SignatureDoesNotMatch)"),
        (&wrong, "s3 ls s3://raxx-backups/", "(SignatureDoesNotMatch)"),
    ] {
        let ran = aws(&sandbox, pair, args).await;
        assert!(ran.code != 0 && ran.err.contains(says), "{args}: {} {}", ran.code, ran.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_command_copies_files_there_and_back() {
    let sandbox = instant().await;
    let old = old(&sandbox);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("up.txt");
    std::fs::write(&file, "hello, backups\n").unwrap();
    let up = aws(&sandbox, &old, &format!("s3 cp {} s3://raxx-backups/up.txt", file.display())).await;
    assert_eq!(up.code, 0, "{}", up.err);
    let down = aws(&sandbox, &old, "s3 cp s3://raxx-backups/up.txt -").await;
    assert_eq!((down.code, down.out.as_str()), (0, "hello, backups\n"), "{}", down.err);
}
