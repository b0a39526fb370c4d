use serde_json::json;

use super::server::{Reply, Server};
use super::*;
use crate::engine::effect::Ended;

fn ask(method: &str, server: &Server, path: &str, mut params: Value) -> Call {
    params["system"] = json!("store");
    call(&format!("http:{method}"), &format!("{}{path}", server.url), params)
}

#[tokio::test]
async fn an_answer_is_recorded_whole_with_its_evidence_where_nothing_is_secret() {
    let headers = vec![
        ("content-type", "application/vnd.x+json".to_owned()),
        ("x-request-id", "r-1".to_owned()),
        ("set-cookie", "session=abc".to_owned()),
    ];
    let server = Server::always(Reply::Whole(200, headers, r#"{"a": [1, 2.5], "b": null}"#.into())).await;
    let outcome = Performer::new(world_at(&server.url)).read(&[ask("GET", &server, "/x", json!({}))], &[]).await;
    let got = result(&outcome);
    assert_eq!(got["status"], 200);
    assert_eq!(got["body"], json!({"a": [1, "2.5"], "b": null}), "no floats in a transcript");
    assert!(got["headers"].get("set-cookie").is_none());
    assert_eq!(outcome.reading.request_id.as_deref(), Some("r-1"));
    assert!(server.requests()[0].contains("authorization: Bearer st.token-of-the-store"));
    assert!(server.requests()[0].to_lowercase().contains("run/20261120t031500z-test-7f3a"));
}

#[tokio::test]
async fn a_secret_reaches_the_body_and_its_answer_is_fingerprints_but_for_public_paths() {
    let body = format!(r#"{{"echo": "{SECRET}", "version": 7, "name": "app", "said": "got {SECRET}"}}"#);
    let server = Server::always(Reply::json(200, &body)).await;
    let world = world_at(&server.url);
    let stands = hold(&world, "new", SECRET);
    let fp = stands.fp.clone();
    let params = json!({"json": {"KEY": stands.to_value()}, "public": ["body.version", "body.said", "not a path["]});
    let outcome = Performer::new(world).send(&ask("PATCH", &server, "/vars", params), &[]).await;
    let got = result(&outcome);
    assert_eq!(got["status"], 200);
    assert_eq!(got["body"]["version"], 7);
    assert_eq!(got["body"]["said"], "got [secret new]");
    assert_eq!(got["body"]["echo"], json!({"fp": fp}), "the same value has the same fingerprint");
    assert!(crate::secret::fingerprint_of(&got["body"]["name"]).is_some());
    assert!(crate::secret::fingerprint_of(&got["headers"]["content-type"]).is_some());
    assert!(!format!("{outcome:?}").contains(SECRET));
    assert!(server.requests()[0].ends_with(&format!("{{\"KEY\":\"{SECRET}\"}}")));
}

#[tokio::test]
async fn several_secrets_go_in_one_list() {
    let server = Server::always(Reply::json(200, "{}")).await;
    let world = world_at(&server.url);
    let stands = hold(&world, "new", SECRET);
    let values = json!({"ID": "AKIA", "SECRET": stands.to_value()});
    let params = json!({"json": {"secrets": {"entries_of": values, "name": "secretKey", "value": "secretValue"}}});
    Performer::new(world).send(&ask("PATCH", &server, "/batch", params), &[]).await;
    let request = server.requests().remove(0);
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let sent: Value = serde_json::from_str(body).unwrap();
    let expected = json!([{"secretKey": "ID", "secretValue": "AKIA"}, {"secretKey": "SECRET", "secretValue": SECRET}]);
    assert_eq!(sent["secrets"], expected);
}

#[tokio::test]
async fn what_a_mutation_proves() {
    for (reply, ended, expected) in [
        (Reply::Drop, Ended::NoAnswer, "ConnectionLost"),
        (Reply::Silence, Ended::NoAnswer, "TimedOut"),
        (Reply::Torn("{".into()), Ended::NoAnswer, "Unreadable"),
        (Reply::json(200, "{\"half\":"), Ended::NoAnswer, "Unreadable"),
        (Reply::json(500, "{}"), Ended::NoAnswer, "HTTP 500"),
        (Reply::json(503, "{}"), Ended::NoAnswer, "HTTP 503"),
        (Reply::json(408, "{}"), Ended::NoAnswer, "HTTP 408"),
        (Reply::json(401, "{}"), Ended::Refused, "HTTP 401"),
        (Reply::json(422, "not json"), Ended::Refused, "HTTP 422"),
        (Reply::json(429, "{}"), Ended::Refused, "HTTP 429"),
        (Reply::Whole(302, vec![("location", "/elsewhere".into())], String::new()), Ended::NoAnswer, "HTTP 302"),
        (Reply::Whole(307, vec![("location", "/elsewhere".into())], String::new()), Ended::NoAnswer, "HTTP 307"),
    ] {
        let server = Server::always(reply).await;
        let outcome =
            Performer::new(world_at(&server.url)).send(&ask("PUT", &server, "/x", json!({"json": {}})), &[]).await;
        assert_eq!((outcome.ended, code(&outcome).as_str()), (ended, expected), "{}", message(&outcome));
        assert_eq!(server.requests().len(), 1, "{expected}: sent once, and no redirect followed");
    }
}

#[tokio::test]
async fn a_get_is_asked_again_and_a_post_is_not_even_as_a_read() {
    let server = Server::start(|n, _| if n < 2 { Reply::json(503, "{}") } else { Reply::json(200, "{}") }).await;
    let performer = Performer::new(world_at(&server.url));
    let outcome = performer.read(&[ask("GET", &server, "/x", json!({}))], &[]).await;
    assert_eq!((outcome.ended, server.requests().len()), (Ended::Answered, 3));
    let busy = Server::always(Reply::json(429, "{}")).await;
    let outcome = Performer::new(world_at(&busy.url)).read(&[ask("GET", &busy, "/x", json!({}))], &[]).await;
    assert_eq!((outcome.ended, busy.requests().len()), (Ended::NoAnswer, 3), "throttled is unknown");
    let failing = Server::always(Reply::json(503, "{}")).await;
    let performer = Performer::new(world_at(&failing.url));
    let outcome = performer.read(&[ask("POST", &failing, "/x", json!({}))], &[]).await;
    assert_eq!((outcome.ended, failing.requests().len()), (Ended::NoAnswer, 1));
}

#[tokio::test]
async fn an_endless_body_is_not_kept() {
    let server = Server::always(Reply::json(200, &format!("\"{}\"", "x".repeat(5000)))).await;
    let mut world = world_at(&server.url);
    world.limits.body = 1000;
    let outcome = Performer::new(world).send(&ask("POST", &server, "/x", json!({})), &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NoAnswer, "Unreadable"));
}

#[tokio::test]
async fn the_token_goes_to_its_own_system_only() {
    let server = Server::always(Reply::json(200, "{}")).await;
    let mut world = world_at(&server.url);
    world.systems.get_mut("store").unwrap().url = format!("{}/api", server.url);
    let performer = Performer::new(world);
    for (path, system, expected) in [
        ("/other", "store", "OtherEndpoint"),
        ("/apix", "store", "OtherEndpoint"),
        ("/api/../admin", "store", "OtherEndpoint"),
        ("/api/a b", "store", "OtherEndpoint"),
        ("/api/a", "nowhere", "UnknownSystem"),
    ] {
        let ask = call("http:GET", &format!("{}{path}", server.url), json!({"system": system}));
        let outcome = performer.read(&[ask], &[]).await;
        assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, expected), "{path}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_drill_reaches_only_this_machine() {
    let mut world = world();
    world.systems.insert(
        "api".into(),
        System { url: "https://api.example.com".into(), token: None, scheme: TokenScheme::Bearer },
    );
    let ask = call("http:GET", "https://api.example.com/x", json!({"system": "api"}));
    let outcome = Performer::new(world).read(&[ask], &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "NotLoopback"));
}

#[tokio::test]
async fn an_error_of_a_secret_call_says_its_public_paths_only() {
    let body = format!(r#"{{"message": "bad value {SECRET}", "id": "invalid_params", "other": "canary"}}"#);
    let server = Server::always(Reply::json(422, &body)).await;
    let world = world_at(&server.url);
    let stands = hold(&world, "new", SECRET);
    let performer = Performer::new(world);
    let params = json!({"json": {"KEY": stands.to_value()}, "public": ["body.message"]});
    let outcome = performer.send(&ask("PATCH", &server, "/x", params), &[]).await;
    assert!(message(&outcome).ends_with("bad value [secret new]"), "{}", message(&outcome));
    let outcome = performer.send(&ask("PATCH", &server, "/x", json!({"json": {"KEY": stands.to_value()}})), &[]).await;
    assert!(!message(&outcome).contains("canary") && !message(&outcome).contains("bad value"));
    // And where nothing is secret, the server's words help.
    let outcome = performer.send(&ask("PATCH", &server, "/x", json!({"json": {}})), &[]).await;
    assert!(message(&outcome).contains("bad value [secret new]"), "{}", message(&outcome));
}

#[tokio::test]
async fn a_system_that_quotes_its_token_is_masked() {
    let server = Server::always(Reply::json(200, r#"{"you": "Bearer st.token-of-the-store"}"#)).await;
    let outcome = Performer::new(world_at(&server.url)).read(&[ask("GET", &server, "/x", json!({}))], &[]).await;
    assert_eq!(result(&outcome)["body"]["you"], "Bearer [secret token of store]");
}
