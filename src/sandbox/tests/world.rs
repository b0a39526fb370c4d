//! What a drill starts with.

use serde_json::json;

use super::super::{Fault, HolderKind, World};
use super::*;

#[test]
fn the_same_seed_gives_the_same_world_and_another_one_another() {
    let secret = |seed| World::example(seed).old_pair().unwrap().secret_access_key.expose().to_owned();
    assert_eq!(secret(3), secret(3));
    assert_ne!(secret(3), secret(4));
    assert!(!format!("{:?}", World::example(3)).contains(&secret(3)));
}

#[tokio::test]
async fn in_the_example_world_everybody_works_with_the_one_old_key() {
    let sandbox = instant().await;
    let consumers = sandbox.consumers();
    let names: Vec<_> = consumers.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, ["infisical prod", "raxx-api-prod", "raxx/backup", "vault host"]);
    assert!(consumers.iter().all(|view| view.works() && view.whole), "{consumers:?}");
    assert!(consumers.iter().all(|view| view.key_id.as_deref() == Some("AKIAEXAMPLE00000OLD1")));
    assert!(consumers[0].store && consumers[0].in_use.is_empty());
}

#[test]
fn a_runbooks_drill_values_make_its_world() {
    let store = json!({"name": "s", "kind": "infisical", "project": "p", "environment": "dev", "path": "/aws"});
    let host = json!({"name": "h", "kind": "env_file", "host": "box", "file": "/etc/x.env", "service": "x", "prove": "/bin/p"});
    let world = World::for_drill("bob", "b", Some(&store), &[host], 1).unwrap();
    assert_eq!(world.target(), "bob");
    assert_eq!(world.holders.len(), 2);
    assert!(world.holders[0].store);
    let path = HolderKind::Infisical { project: "p".into(), environment: "dev".into(), path: "/aws".into() };
    assert_eq!(world.holders[0].kind, path);
}

#[test]
fn drill_values_that_cannot_be_are_refused_by_name() {
    for (value, says) in [
        (json!({"kind": "heroku", "app": "a"}), "has no name"),
        (json!({"name": "x", "kind": "heroku"}), "has no `app`"),
        (json!({"name": "x"}), "has no `kind`"),
        (json!({"name": "x", "kind": "carrier_pigeon"}), "no stand-in for holders of kind `carrier_pigeon`"),
        (json!({"name": "x", "kind": "env_file", "host": "h", "file": "/a/../../b", "service": "s"}), "not absolute"),
        (json!("text"), "has no name"),
    ] {
        let error = World::for_drill("u", "b", None, &[value], 1).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint.is_some());
    }
}

#[tokio::test]
async fn a_world_that_is_kept_goes_on_in_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("world.json");
    let bin = dir.path().join("bin");
    let sandbox = example().await;
    sandbox.install_stand_ins(&bin, std::path::Path::new("/bin/sh")).unwrap();
    sandbox.keep(&file).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let new = created(&sandbox).await;
    sandbox.inject(Fault::LostDelete).unwrap();
    wait(&sandbox, 3600);
    let vars = json!({"AWS_ACCESS_KEY_ID": new.access_key_id});
    call(&sandbox, "PATCH", "heroku/apps/raxx-api-prod/config-vars", Some(vars)).await;
    let env_file = bin.join("hosts/vault.lightsail/etc/raxx/credentials.env");
    std::fs::write(&env_file, "AWS_ACCESS_KEY_ID=changed\n").unwrap();
    let before = (sandbox.snapshot(), sandbox.clock().now(), sandbox.token().expose().to_owned());
    drop(sandbox);

    let again = Sandbox::restore(&file, Clock::virtual_now()).await.unwrap();
    again.install_stand_ins(&bin, std::path::Path::new("/bin/sh")).unwrap();
    assert_eq!(again.token().expose(), before.2);
    assert!((again.clock().now().millis() - before.1.millis()).abs() < 5_000);
    assert_eq!(again.snapshot().users, before.0.users);
    assert_eq!(again.snapshot().holders, before.0.holders);
    assert!(std::fs::read_to_string(env_file).unwrap().contains("changed"));
    // Faults go on too, and so does who may come in.
    sts(&again, &new).get_caller_identity().send().await.unwrap();
    let delete = iam(&again, again.operator()).delete_access_key().user_name(USER).access_key_id(&new.access_key_id);
    assert!(delete.send().await.unwrap_err().raw_response().is_none());
    let other = created(&again).await;
    assert_ne!(other.access_key_id, new.access_key_id);
}

#[tokio::test]
async fn a_file_that_is_no_world_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("world.json");
    assert!(Sandbox::restore(&file, Clock::virtual_now()).await.is_err());
    std::fs::write(&file, "{\"port\": 1").unwrap();
    assert!(Sandbox::restore(&file, Clock::virtual_now()).await.is_err());
}

#[tokio::test]
async fn an_account_to_take_inventory_of_has_more_users_than_the_one() {
    let sandbox = started(World::example(1).instant().with_other_users(1)).await;
    let users = iam(&sandbox, sandbox.operator()).list_users().send().await.unwrap();
    assert_eq!(users.users().len(), 7);
    assert_eq!(sandbox.snapshot().keys("raxx-ci").len(), 1);
    assert!(sandbox.snapshot().broken().is_empty());
}
