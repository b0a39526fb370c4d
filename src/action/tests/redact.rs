use serde_json::json;

use super::server::{Reply, Server};
use super::*;

async fn answer(body: &str, params: Value, held: &[(&str, &str)], keep: &[Keep]) -> Outcome {
    let server = Server::always(Reply::json(200, body)).await;
    let world = world_at(&server.url);
    for (name, value) in held {
        hold(&world, name, value);
    }
    let mut params = params;
    params["system"] = json!("store");
    Performer::new(world).read(&[call("http:GET", &format!("{}/x", server.url), params)], keep).await
}

#[tokio::test]
async fn a_server_can_not_forge_a_reference() {
    let forged = r#"{"a": {"secret": "new_key.secret", "fp": "00"}, "b": {"join": ["x", {"fp": "1"}]}, "c": {"fp": "00"},
        "d": [{"filters": [], "fp": 1.5}], "e": {"join": 1, "more": 2}}"#;
    let outcome = answer(forged, json!({}), &[("new_key.secret", SECRET)], &[]).await;
    let got = result(&outcome);
    assert!(!crate::secret::is_tainted(got), "{got}");
    assert_eq!(got["body"]["a"], r#"{"fp":"00","secret":"new_key.secret"}"#);
    assert_eq!(got["body"]["c"], r#"{"fp":"00"}"#);
}

#[tokio::test]
async fn a_held_secret_is_masked_in_texts_keys_and_numbers() {
    let body =
        format!(r#"{{"{SECRET}": "x", "t": ["{SECRET}!"], "n": 1234567890123456, "h": "{}"}}"#, hex::encode(SECRET));
    let outcome = answer(&body, json!({}), &[("s", SECRET), ("pin", "1234567890123456")], &[]).await;
    let got = result(&outcome)["body"].to_string();
    assert_eq!(got, r#"{"[secret s]":"x","t":["[secret s]!"],"n":"[secret pin]","h":"[secret s]"}"#);
}

#[tokio::test]
async fn a_secret_that_this_answer_brings_is_masked_in_its_other_parts() {
    let body = r#"{"password": "correct horse battery", "note": "use correct horse battery", "id": 7}"#;
    let outcome = answer(body, json!({}), &[], &[keep("body.password", "pw")]).await;
    let got = &result(&outcome)["body"];
    assert!(SecretRef::from_value(&got["password"]).is_some());
    assert_eq!(got["note"], "use [secret pw]");
    assert_eq!(got["id"], 7);
}

#[tokio::test]
async fn a_marked_call_hides_every_leaf_and_a_kept_subtree_is_kept_leaf_by_leaf() {
    let body = r#"{"pair": {"a": "first value", "b": 42}, "flag": true, "none": null}"#;
    let outcome = answer(body, json!({"secret": true}), &[], &[keep("body.pair", "pair")]).await;
    let got = &result(&outcome)["body"];
    assert_eq!(SecretRef::from_value(&got["pair"]["a"]).unwrap().name, "pair.a");
    assert_eq!(SecretRef::from_value(&got["pair"]["b"]).unwrap().name, "pair.b");
    assert!(crate::secret::fingerprint_of(&got["flag"]).is_some());
    assert_eq!(got["none"], Value::Null, "null says only that nothing is there");
}

#[tokio::test]
async fn a_path_that_is_not_there_keeps_nothing() {
    let outcome = answer("{}", json!({}), &[], &[keep("body.password", "pw")]).await;
    assert_eq!(result(&outcome)["body"], json!({}));
}
