use serde_json::json;

use super::server::{Reply, Server};
use super::*;
use crate::engine::effect::Ended;
use crate::runbook::connector::{Connector, ConnectorCall, ConnectorProof, ConnectorRead, ReadBack, Until, ValuesAt};
use crate::runbook::op::Op;
use crate::runbook::template::Template;
use crate::runbook::{Action, Source, Span};

fn template(text: &str) -> Template {
    Template::parse(text, Span::default()).unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn one(for_each_value: bool, until: Option<Until>) -> ConnectorCall {
    let run = Action { op: Op::Http, params: vec![], as_: None, span: Span::default() };
    ConnectorCall { run, for_each_value, until }
}

fn connector(read: Option<ConnectorRead>, prove: Option<ConnectorProof>) -> Connector {
    Connector {
        source: Source::default(),
        kind: "thing".into(),
        title: "Thing".into(),
        fields: vec![],
        affects: None,
        write_only: false,
        read,
        put: vec![],
        restart: vec![],
        prove,
        read_back: ReadBack { within: Duration::ZERO, every: Duration::ZERO, consecutive: 1 },
    }
}

fn reading(values: ValuesAt, calls: Vec<ConnectorCall>) -> ConnectorRead {
    ConnectorRead { calls, values: Some(values), version: Some(template("{{ result.body.version }}")), facts: vec![] }
}

fn proof(calls: Vec<ConnectorCall>) -> ConnectorProof {
    ConnectorProof {
        calls,
        works: template("{{ result.body.ok }}"),
        denied_in: vec![path("body.log")],
        denied_codes: vec!["AccessDenied".into(), "InvalidClientTokenId".into()],
        key_id: Some((path("body.log"), "key (\\S+)".into())),
    }
}

fn world_with(server: &Server, connector: Connector) -> World {
    let mut world = world_at(&server.url);
    world.connectors.insert("thing".into(), connector);
    world
}

fn ask(op: &str, server: &Server, paths: &[&str], names: &[&str]) -> Call {
    let calls: Vec<Call> = paths
        .iter()
        .map(|path| call("http:GET", &format!("{}{path}", server.url), json!({"system": "store"})))
        .collect();
    call(op, "", json!({"holder": {"name": "h", "kind": "thing"}, "kind": "thing", "names": names, "calls": calls}))
}

#[tokio::test]
async fn only_the_asked_names_are_taken_and_only_key_ids_are_public() {
    let body = format!(
        r#"{{"version": 112, "vars": {{"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "{SECRET}", "CANARY": "nobody asked"}}}}"#
    );
    let server = Server::always(Reply::json(200, &body)).await;
    let world =
        world_with(&server, connector(Some(reading(ValuesAt::Map(path("body.vars")), vec![one(false, None)])), None));
    let vault = world.vault.clone();
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "MISSING"];
    let kept = [keep("values.AWS_SECRET_ACCESS_KEY", "old_pair.AWS_SECRET_ACCESS_KEY")];
    let performer = Performer::new(world);
    let outcome = performer.read(&[ask("holder.read", &server, &["/x"], &names)], &kept).await;
    let got = result(&outcome);
    let key = vault.lock().unwrap().key().clone();
    assert_eq!(
        *got,
        json!({
            "values": {
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": {"secret": "old_pair.AWS_SECRET_ACCESS_KEY", "fp": key.fingerprint(SECRET)},
            },
            "version": 112, "updated": null, "facts": {},
        })
    );
    assert_eq!(vault.lock().unwrap().get("old_pair.AWS_SECRET_ACCESS_KEY").unwrap().expose(), SECRET);
    // Not kept, it is a fingerprint, by which it can be compared.
    let outcome = performer.read(&[ask("holder.read", &server, &["/x"], &names)], &[]).await;
    assert_eq!(result(&outcome)["values"]["AWS_SECRET_ACCESS_KEY"], json!({"fp": key.fingerprint(SECRET)}));
}

#[tokio::test]
async fn each_values_own_version_stands_in_one_text_and_half_a_version_is_none() {
    let server = Server::start(|_, request| {
        let (name, version) = if request.starts_with("GET /A") { ("A", "3") } else { ("B", "4") };
        let version = if request.starts_with("GET /B/none") { "null" } else { version };
        Reply::json(200, &format!(r#"{{"version": {version}, "s": {{"k": "{name}", "v": "value of {name}"}}}}"#))
    })
    .await;
    let values = ValuesAt::List { list: path("results"), name: "body.s.k".into(), value: "body.s.v".into() };
    let world = world_with(&server, connector(Some(reading(values, vec![one(true, None)])), None));
    let performer = Performer::new(world);
    let outcome = performer.read(&[ask("holder.read", &server, &["/A", "/B"], &["A", "B"])], &[]).await;
    assert_eq!(result(&outcome)["version"], "A=3 B=4");
    assert_eq!(result(&outcome)["values"].as_object().unwrap().len(), 2);
    let outcome = performer.read(&[ask("holder.read", &server, &["/A", "/B/none"], &["A", "B"])], &[]).await;
    assert_eq!(result(&outcome)["version"], Value::Null);
}

#[tokio::test]
async fn a_holder_that_refuses_or_does_not_answer_is_that_and_not_empty() {
    for (reply, ended) in [
        (Reply::json(404, "{\"message\": \"no app\"}"), Ended::Refused),
        (Reply::json(500, "{}"), Ended::NoAnswer),
        (Reply::Drop, Ended::NoAnswer),
    ] {
        let server = Server::always(reply).await;
        let world =
            world_with(&server, connector(Some(reading(ValuesAt::Map(path("body")), vec![one(false, None)])), None));
        let outcome = Performer::new(world).read(&[ask("holder.read", &server, &["/x"], &["A"])], &[]).await;
        assert_eq!(outcome.ended, ended);
        assert!(!message(&outcome).contains("no app"), "a store's words are its own");
    }
}

#[tokio::test]
async fn what_can_not_be_asked_is_not_sent() {
    let server = Server::always(Reply::json(200, "{}")).await;
    let performer = Performer::new(world_with(&server, connector(None, None)));
    let mut unknown = ask("holder.read", &server, &["/x"], &["A"]);
    unknown.params["kind"] = json!("other");
    for (wrong, expected) in [
        (unknown, "UnknownHolder"),
        (ask("holder.read", &server, &["/x"], &["A"]), "CannotRead"),
        (ask("holder.prove", &server, &["/x"], &["A"]), "NoProof"),
        (ask("holder.prove", &server, &[], &["A"]), "NothingToAsk"),
    ] {
        let outcome = performer.read(&[wrong], &[]).await;
        assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, expected));
    }
}

#[tokio::test]
async fn a_proof_says_true_false_or_null_with_codes_and_key() {
    for (body, expected) in [
        (
            r#"{"ok": true, "log": "key AKIAIOSFODNN7EXAMPLE ok"}"#,
            json!({"works": true, "denied": [], "key_id": "AKIAIOSFODNN7EXAMPLE"}),
        ),
        (
            r#"{"ok": false, "log": "key sk-not-a-key-id, An error occurred (AccessDenied)"}"#,
            json!({"works": false, "denied": ["AccessDenied"], "key_id": null}),
        ),
        ("{}", json!({"works": null, "denied": [], "key_id": null})),
        (r#"{"ok": "true"}"#, json!({"works": null, "denied": [], "key_id": null})),
    ] {
        let server = Server::always(Reply::json(200, body)).await;
        let world = world_with(&server, connector(None, Some(proof(vec![one(false, None)]))));
        let outcome = Performer::new(world).read(&[ask("holder.prove", &server, &["/x"], &[])], &[]).await;
        assert_eq!(*result(&outcome), expected);
    }
}

fn until(within: u64) -> Option<Until> {
    let condition = template("{{ result.body.count > results[0].body.count and result.body.done }}");
    Some(Until { condition, every: Duration::from_millis(10), within: Duration::from_millis(within) })
}

#[tokio::test]
async fn a_started_job_is_polled_and_an_older_ones_end_does_not_count() {
    let calls = vec![one(false, None), one(false, None), one(false, until(5000))];
    // Before; the start; the older job, done; a lost answer; ours, not done; ours, done.
    let server = Server::start(|n, _| match n {
        0 | 2 => Reply::json(200, r#"{"count": 1, "done": true, "ok": false}"#),
        1 => Reply::Whole(204, vec![], String::new()),
        3 => Reply::Drop,
        4 => Reply::json(200, r#"{"count": 2, "done": false, "ok": null}"#),
        _ => Reply::json(200, r#"{"count": 2, "done": true, "ok": true}"#),
    })
    .await;
    let world = world_with(&server, connector(None, Some(proof(calls))));
    let asked = ask("holder.prove", &server, &["/runs", "/start", "/runs"], &[]);
    let outcome = Performer::new(world).read(&[asked], &[]).await;
    assert_eq!(result(&outcome)["works"], true);
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_poll_that_is_refused_is_not_asked_again() {
    let server =
        Server::start(|n, _| if n == 0 { Reply::json(200, r#"{"count": 1}"#) } else { Reply::json(403, "{}") }).await;
    let calls = vec![one(false, None), one(false, until(5000))];
    let world = world_with(&server, connector(None, Some(proof(calls))));
    let outcome = Performer::new(world).read(&[ask("holder.prove", &server, &["/runs", "/runs"], &[])], &[]).await;
    assert_eq!((outcome.ended, server.requests().len()), (Ended::Refused, 2));
}

#[tokio::test]
async fn a_job_that_never_ends_is_no_answer() {
    let server = Server::always(Reply::json(200, r#"{"count": 1, "done": false}"#)).await;
    let calls = vec![one(false, None), one(false, until(60))];
    let world = world_with(&server, connector(None, Some(proof(calls))));
    let performer = Performer::new(world);
    let asked = ask("holder.prove", &server, &["/runs", "/runs"], &[]);
    let outcome = performer.read(std::slice::from_ref(&asked), &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NoAnswer, "NotYet"));
    assert_eq!(performer.due(&asked), Duration::from_millis(60) + 2 * performer.world().limits.send);
}
