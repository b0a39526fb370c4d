//! What a drill starts with.

use serde_json::json;

use super::super::{HolderKind, World};
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
