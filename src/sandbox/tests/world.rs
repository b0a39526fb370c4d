//! What a drill starts with.

use std::sync::Arc;

use serde_json::json;

use super::super::{Fault, HolderKind, Keep, World};
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
    let kept = Arc::new(Kept::default());
    let bin = dir.path().join("bin");
    let sandbox = example().await;
    sandbox.install_stand_ins(&bin, std::path::Path::new("/bin/sh")).unwrap();
    sandbox.keep(kept.clone()).unwrap();
    let new = created(&sandbox).await;
    sandbox.inject(Fault::LostDelete).unwrap();
    wait(&sandbox, 3600);
    let vars = json!({"AWS_ACCESS_KEY_ID": new.access_key_id});
    call(&sandbox, "PATCH", "heroku/apps/raxx-api-prod/config-vars", Some(vars)).await;
    let env_file = bin.join("hosts/vault.lightsail/etc/raxx/credentials.env");
    std::fs::write(&env_file, "AWS_ACCESS_KEY_ID=changed\n").unwrap();
    let before =
        (sandbox.snapshot(), sandbox.clock().now(), sandbox.token().expose().to_owned(), sandbox.url().to_owned());
    drop(sandbox);
    // The server lets go of its port when its task has seen that it is to stop.
    tokio::task::yield_now().await;

    let port = before.3.clone();
    let again = Sandbox::restore(kept, Clock::virtual_now()).await.unwrap();
    assert_eq!(again.url(), port);
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
async fn a_hosts_file_that_was_taken_away_comes_back_with_the_world() {
    let dir = tempfile::tempdir().unwrap();
    let (kept, bin) = (Arc::new(Kept::default()), dir.path().join("bin"));
    let sandbox = example().await;
    sandbox.install_stand_ins(&bin, std::path::Path::new("/bin/sh")).unwrap();
    sandbox.keep(kept.clone()).unwrap();
    let file = bin.join("hosts/vault.lightsail/etc/raxx/credentials.env");
    std::fs::write(&file, "AWS_ACCESS_KEY_ID=changed\n").unwrap();
    sandbox.save().unwrap();
    drop(sandbox);
    std::fs::remove_dir_all(&bin).unwrap();
    tokio::task::yield_now().await;
    let again = Sandbox::restore(kept, Clock::virtual_now()).await.unwrap();
    again.install_stand_ins(&bin, std::path::Path::new("/bin/sh")).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "AWS_ACCESS_KEY_ID=changed\n");
}

#[tokio::test]
async fn what_is_no_world_is_refused_and_so_is_another_port() {
    let kept = Arc::new(Kept::default());
    assert!(Sandbox::restore(kept.clone(), Clock::virtual_now()).await.is_err());
    kept.write(b"{\"port\": 1").unwrap();
    assert!(Sandbox::restore(kept.clone(), Clock::virtual_now()).await.is_err());
    let sandbox = example().await;
    sandbox.keep(kept.clone()).unwrap();
    let error = Sandbox::restore(kept, Clock::virtual_now()).await.unwrap_err().to_string();
    let port = sandbox.url().rsplit(':').next().unwrap();
    assert!(error.contains(port), "{error}");
}

#[tokio::test]
async fn a_change_that_can_not_be_kept_is_not_answered_as_done() {
    #[derive(Debug, Default)]
    struct Full(std::sync::atomic::AtomicBool);
    impl Keep for Full {
        fn write(&self, _: &[u8]) -> std::io::Result<()> {
            match self.0.load(std::sync::atomic::Ordering::SeqCst) {
                true => Err(std::io::ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        }
        fn read(&self) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>> {
            Err(std::io::ErrorKind::NotFound.into())
        }
    }
    let sandbox = example().await;
    let full = Arc::new(Full::default());
    sandbox.keep(full.clone()).unwrap();
    full.0.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(iam(&sandbox, sandbox.operator()).create_access_key().user_name(USER).send().await.is_err());
}

/// A world in memory.
#[derive(Debug, Default)]
struct Kept(std::sync::Mutex<Vec<u8>>);

impl Keep for Kept {
    fn write(&self, world: &[u8]) -> std::io::Result<()> {
        *self.0.lock().unwrap() = world.to_vec();
        Ok(())
    }

    fn read(&self) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>> {
        Ok(zeroize::Zeroizing::new(self.0.lock().unwrap().clone()))
    }
}

#[tokio::test]
async fn an_account_to_take_inventory_of_has_more_users_than_the_one() {
    let sandbox = started(World::example(1).instant().with_other_users(1)).await;
    let users = iam(&sandbox, sandbox.operator()).list_users().send().await.unwrap();
    assert_eq!(users.users().len(), 7);
    assert_eq!(sandbox.snapshot().keys("raxx-ci").len(), 1);
    assert!(sandbox.snapshot().broken().is_empty());
}
