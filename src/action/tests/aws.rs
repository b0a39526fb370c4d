use serde_json::json;

use super::server::{Reply, Server};
use super::*;
use crate::engine::effect::Ended;

const CREATED: &str = "<CreateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateAccessKeyResult><AccessKey>\
    <UserName>raxx</UserName><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status>\
    <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY</SecretAccessKey><CreateDate>2026-11-20T03:15:00Z</CreateDate>\
    </AccessKey></CreateAccessKeyResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></CreateAccessKeyResponse>";

fn create(url: &str) -> Call {
    call("iam:CreateAccessKey", url, json!({"UserName": "raxx"}))
}

fn list(url: &str) -> Call {
    call("iam:ListAccessKeys", url, json!({"UserName": "raxx"}))
}

fn identity(url: &str) -> Call {
    call("sts:GetCallerIdentity", url, json!({}))
}

fn page(keys: &[(&str, &str, &str)], marker: Option<&str>) -> Reply {
    let members: String = keys
        .iter()
        .map(|(id, status, at)| {
            format!(
                "<member><UserName>raxx</UserName><AccessKeyId>{id}</AccessKeyId><Status>{status}</Status><CreateDate>{at}</CreateDate></member>"
            )
        })
        .collect();
    let more = marker.map_or("<IsTruncated>false</IsTruncated>".to_owned(), |marker| {
        format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>")
    });
    let xml = format!(
        "<ListAccessKeysResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListAccessKeysResult><AccessKeyMetadata>\
         {members}</AccessKeyMetadata>{more}</ListAccessKeysResult></ListAccessKeysResponse>"
    );
    Reply::xml(200, &xml)
}

#[tokio::test]
async fn a_created_key_comes_with_its_secret_kept_and_its_evidence() {
    let server = Server::always(Reply::xml(200, CREATED)).await;
    let world = world_at(&server.url);
    let vault = world.vault.clone();
    let outcome = Performer::new(world).send(&create(&server.url), &[keep("secret", "new_key.secret")]).await;
    let got = result(&outcome);
    assert_eq!(got["id"], "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(got["created"], "2026-11-20T03:15:00Z");
    let stands = SecretRef::from_value(&got["secret"]).expect("a reference");
    let vault = vault.lock().unwrap();
    assert_eq!(vault.get("new_key.secret").unwrap().expose(), SECRET);
    assert_eq!(stands.fp, vault.key().fingerprint(SECRET));
    assert!(!format!("{outcome:?}").contains("wJalr"));
    assert_eq!(outcome.reading.request_id.as_deref(), Some("7a62c49f-347e-4fc4-9331-6e8eEXAMPLE"));
    assert_eq!(outcome.reading.date.as_deref(), Some("Fri, 20 Nov 2026 03:15:00 GMT"));
    let request = &server.requests()[0];
    let agent = request.lines().find(|line| line.to_lowercase().starts_with("user-agent:")).unwrap();
    assert!(agent.contains("app/keyward") && agent.ends_with("run/20261120T031500Z-test-7f3a"), "{agent}");
}

#[tokio::test]
async fn a_secret_that_nobody_keeps_is_a_fingerprint() {
    let server = Server::always(Reply::xml(200, CREATED)).await;
    let outcome = Performer::new(world_at(&server.url)).send(&create(&server.url), &[]).await;
    assert!(crate::secret::fingerprint_of(&result(&outcome)["secret"]).is_some());
}

#[tokio::test]
async fn a_mutation_is_sent_once_whatever_goes_wrong() {
    for (reply, ended, expected) in [
        (Reply::Drop, Ended::NoAnswer, "ConnectionLost"),
        (Reply::Silence, Ended::NoAnswer, "TimedOut"),
        (Reply::Torn("<CreateAccessKeyResponse".into()), Ended::NoAnswer, "ConnectionLost"),
        (Reply::aws_error(500, "ServiceFailure", "internal"), Ended::NoAnswer, "ServiceFailure"),
        (Reply::aws_error(503, "ServiceUnavailable", "later"), Ended::NoAnswer, "ServiceUnavailable"),
        (Reply::Whole(502, vec![], "<html>bad gateway".into()), Ended::NoAnswer, "HTTP 502"),
        (Reply::Whole(429, vec![], "<html>slow down".into()), Ended::NoAnswer, "HTTP 429"),
        (Reply::Whole(200, vec![], "<html>a captive portal</html>".into()), Ended::NoAnswer, "Unreadable"),
        (Reply::xml(200, "<CreateAccessKeyResponse></CreateAccessKeyResponse>"), Ended::NoAnswer, "Unreadable"),
        (Reply::aws_error(400, "Throttling", "Rate exceeded"), Ended::Refused, "Throttling"),
        (
            Reply::aws_error(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"),
            Ended::Refused,
            "LimitExceeded",
        ),
        (Reply::aws_error(403, "AccessDenied", "no"), Ended::Refused, "AccessDenied"),
        (
            Reply::aws_error(403, "InvalidClientTokenId", "The security token is invalid"),
            Ended::Refused,
            "InvalidClientTokenId",
        ),
        (Reply::aws_error(404, "NoSuchEntity", "no user"), Ended::Refused, "NoSuchEntity"),
    ] {
        let server = Server::always(reply).await;
        let outcome = Performer::new(world_at(&server.url)).send(&create(&server.url), &[keep("secret", "s")]).await;
        assert_eq!((outcome.ended, code(&outcome).as_str()), (ended, expected), "{}", message(&outcome));
        assert_eq!(server.requests().len(), 1, "{expected}: sent once");
    }
}

#[tokio::test]
async fn nothing_listening_is_not_sent() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let performer = Performer::new(world_at(&url));
    for outcome in [performer.send(&create(&url), &[]).await, performer.read(&[list(&url)], &[]).await] {
        assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "ConnectionFailed"));
    }
}

#[tokio::test]
async fn a_throttled_read_is_tried_three_times_and_then_unknown() {
    let server = Server::always(Reply::aws_error(400, "Throttling", "Rate exceeded")).await;
    let mut world = world_at(&server.url);
    world.limits.read = Duration::from_secs(10);
    let outcome = Performer::new(world).read(&[list(&server.url)], &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NoAnswer, "Throttling"));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_read_that_fails_once_is_asked_again() {
    let server = Server::start(|n, _| match n {
        0 => Reply::aws_error(500, "InternalFailure", "oops"),
        _ => page(&[("AKIA0000000000000001", "Active", "2026-01-01T00:00:00Z")], None),
    })
    .await;
    let mut world = world_at(&server.url);
    world.limits.read = Duration::from_secs(10);
    let outcome = Performer::new(world).read(&[list(&server.url)], &[]).await;
    assert_eq!(result(&outcome)["active"][0]["id"], "AKIA0000000000000001");
}

#[tokio::test]
async fn all_pages_are_read_and_sorted() {
    let server = Server::start(|_, request| {
        if request.contains("Marker=next") {
            page(
                &[
                    ("AKIA0000000000000002", "Inactive", "2025-01-01T00:00:00Z"),
                    ("AKIA0000000000000001", "Active", "2026-01-01T00:00:00Z"),
                ],
                None,
            )
        } else {
            page(&[("AKIA0000000000000003", "Active", "2026-01-01T00:00:00Z")], Some("next"))
        }
    })
    .await;
    let outcome = Performer::new(world_at(&server.url)).read(&[list(&server.url)], &[]).await;
    let got = result(&outcome);
    let ids: Vec<&str> = got["keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["AKIA0000000000000002", "AKIA0000000000000001", "AKIA0000000000000003"]);
    assert_eq!(got["active"].as_array().unwrap().len(), 2);
    assert_eq!(got["inactive"][0]["id"], "AKIA0000000000000002");
}

#[tokio::test]
async fn half_a_list_is_no_list() {
    let looping = Server::start(|_, _| page(&[], Some("same"))).await;
    let outcome = Performer::new(world_at(&looping.url)).read(&[list(&looping.url)], &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NoAnswer, "Unreadable"));
}

#[tokio::test]
async fn never_used_is_said_only_where_aws_says_it() {
    let xml = |inner: &str| {
        format!(
            "<GetAccessKeyLastUsedResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetAccessKeyLastUsedResult>\
             <UserName>raxx</UserName>{inner}</GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>"
        )
    };
    let never = "<AccessKeyLastUsed><Region>N/A</Region><ServiceName>N/A</ServiceName></AccessKeyLastUsed>";
    let then = "<AccessKeyLastUsed><LastUsedDate>2026-11-19T22:10:00Z</LastUsedDate><Region>eu-central-1</Region>\
                <ServiceName>s3</ServiceName></AccessKeyLastUsed>";
    for (inner, used) in [(never, Some("never")), (then, Some("2026-11-19T22:10:00Z")), ("", None)] {
        let server = Server::always(Reply::xml(200, &xml(inner))).await;
        let ask = call("iam:GetAccessKeyLastUsed", &server.url, json!({"AccessKeyId": "AKIA0000000000000001"}));
        let outcome = Performer::new(world_at(&server.url)).read(&[ask], &[]).await;
        match used {
            Some(used) => assert_eq!(result(&outcome)["used"], used),
            None => assert_eq!(outcome.ended, Ended::NoAnswer),
        }
    }
}

#[tokio::test]
async fn a_call_is_signed_as_the_pair_it_names_and_the_secret_goes_nowhere() {
    let server = Server::always(Reply::xml(
        200,
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::000000000000:user/raxx</Arn><UserId>AIDA</UserId><Account>000000000000</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>",
    ))
    .await;
    let world = world_at(&server.url);
    let stands = hold(&world, "new_key.secret", SECRET);
    let performer = Performer::new(world);
    let params = json!({"as": {"access_key_id": "AKIANEWKEY0000000001", "secret_access_key": stands.to_value()}});
    let outcome = performer.read(&[call("sts:GetCallerIdentity", &server.url, params)], &[]).await;
    assert_eq!(result(&outcome)["user"], "raxx");
    performer.read(&[identity(&server.url)], &[]).await;
    let requests = server.requests();
    assert!(requests[0].contains("Credential=AKIANEWKEY0000000001/"), "{}", requests[0]);
    assert!(requests[1].contains("Credential=AKIAOPERATOR00000001/"), "and the next one as the operator again");
    assert!(!requests[0].contains(SECRET));
}

#[tokio::test]
async fn a_secret_that_is_not_held_is_not_sent() {
    let server = Server::always(Reply::Drop).await;
    let world = world_at(&server.url);
    let stands = SecretRef { name: "gone".into(), fp: "00".into(), filters: vec![] };
    let params = json!({"as": {"access_key_id": "AKIANEWKEY0000000001", "secret_access_key": stands.to_value()}});
    let outcome = Performer::new(world).read(&[call("sts:GetCallerIdentity", &server.url, params)], &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "SecretNotHeld"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn another_endpoint_or_operation_than_the_environments_is_not_sent() {
    let server = Server::always(Reply::Drop).await;
    let performer = Performer::new(world_at(&server.url));
    for (wrong, expected) in [
        (call("iam:CreateAccessKey", "https://iam.amazonaws.com", json!({"UserName": "raxx"})), "OtherEndpoint"),
        (call("iam:CreateAccessKey", "", json!({"UserName": "raxx"})), "OtherEndpoint"),
        (call("iam:CreateAccessKey", &server.url, json!({})), "BadParameter"),
        (call("iam:CreateAccessKey", &server.url, json!({"UserName": {"fp": "00"}})), "BadParameter"),
        (call("iam:AttachUserPolicy", &server.url, json!({"UserName": "raxx"})), "UnknownOperation"),
        (
            call(
                "iam:UpdateAccessKey",
                &server.url,
                json!({"UserName": "a", "AccessKeyId": "b", "Status": "inactive"}),
            ),
            "BadParameter",
        ),
    ] {
        let outcome = performer.send(&wrong, &[]).await;
        assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, expected), "{wrong:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_mutation_is_no_read() {
    let server = Server::always(Reply::xml(200, CREATED)).await;
    let outcome = Performer::new(world_at(&server.url)).read(&[create(&server.url)], &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "NotARead"));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_drill_has_no_aws_beyond_this_machine() {
    let endpoints = ["iam", "sts", "s3"].map(|service| (service.to_owned(), "https://iam.amazonaws.com".to_owned()));
    let error = Aws::loopback(endpoints.into(), "eu-central-1", "AKIA", &Secret::new("x".into())).unwrap_err();
    assert!(error.what.contains("not on this machine"), "{error}");
    let mut world = world();
    world.aws = Some(Aws::account(Some("eu-central-1"), None).await.unwrap());
    let outcome = Performer::new(world).read(&[identity("https://sts.eu-central-1.amazonaws.com")], &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "NotLoopback"));
}

#[tokio::test]
async fn an_account_has_awss_own_endpoints() {
    let aws = Aws::account(Some("eu-central-1"), None).await.unwrap();
    assert_eq!(aws.endpoint("iam"), Some("https://iam.amazonaws.com"));
    assert_eq!(aws.endpoint("sts"), Some("https://sts.eu-central-1.amazonaws.com"));
    assert_eq!(aws.endpoint("s3"), Some("https://s3.eu-central-1.amazonaws.com"));
    assert!(Aws::account(Some("not a region"), None).await.is_err());
}

#[tokio::test]
async fn an_error_that_quotes_a_secret_is_masked() {
    let text = format!("cannot use {SECRET} here");
    let server = Server::always(Reply::aws_error(400, "ValidationError", &text)).await;
    let world = world_at(&server.url);
    hold(&world, "new_key.secret", SECRET);
    let outcome = Performer::new(world).send(&create(&server.url), &[]).await;
    assert_eq!(message(&outcome), "cannot use [secret new_key.secret] here");
}

#[tokio::test]
async fn several_reads_are_one_list_and_the_first_failure_is_all() {
    let server = Server::start(|_, request| {
        if request.contains("UserName=bad") {
            Reply::aws_error(404, "NoSuchEntity", "no user")
        } else {
            page(&[("AKIA0000000000000001", "Active", "2026-01-01T00:00:00Z")], None)
        }
    })
    .await;
    let performer = Performer::new(world_at(&server.url));
    let kept = [keep("[1].active[0].created", "made"), keep("[1].active[0].id", "id")];
    let outcome = performer.read(&[list(&server.url), list(&server.url)], &kept).await;
    let got = result(&outcome);
    assert_eq!(got[0]["active"][0]["created"], "[secret made]", "what one answer brings is masked in all");
    assert!(
        SecretRef::from_value(&got[1]["active"][0]["created"]).is_some(),
        "a kept path begins with the call's number"
    );
    assert_eq!(got[1]["active"][0]["id"], "AKIA0000000000000001", "an access key id is never kept as a secret");
    let bad = call("iam:ListAccessKeys", &server.url, json!({"UserName": "bad"}));
    let outcome = performer.read(&[list(&server.url), bad], &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::Refused, "NoSuchEntity"));
    assert!(message(&outcome).starts_with("iam:ListAccessKeys: "));
}

#[tokio::test]
async fn preflight_says_unknown_for_what_it_could_not_read() {
    let server = Server::start(|_, request| {
        let has = |action: &str| request.contains(&format!("Action={action}&"));
        if has("GetCallerIdentity") {
            Reply::xml(
                200,
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::000000000000:user/raxx</Arn><UserId>AIDA</UserId><Account>000000000000</Account>\
                 </GetCallerIdentityResult></GetCallerIdentityResponse>",
            )
        } else if has("ListAccessKeys") {
            page(&[("AKIA0000000000000001", "Active", "2026-01-01T00:00:00Z"), ("AKIA0000000000000002", "Inactive", "2026-01-01T00:00:00Z")], None)
        } else if request.starts_with("GET /up") {
            Reply::json(200, "{}")
        } else if request.starts_with("GET /down") {
            Reply::json(404, "{\"message\": \"none\"}")
        } else {
            Reply::aws_error(403, "AccessDenied", "you may not")
        }
    })
    .await;
    let url = &server.url;
    let at = |path: &str| json!([call("http:GET", &format!("{url}{path}"), json!({"system": "store"}))]);
    let ask = call(
        "iam.preflight",
        "",
        json!({
            "user": "raxx",
            "actions": ["iam:CreateAccessKey"],
            "holders": [
                {"name": "a", "kind": "x", "calls": at("/up")},
                {"name": "b", "kind": "x", "calls": at("/down")},
                {"name": "c", "kind": "x", "calls": []},
            ],
        }),
    );
    let outcome = Performer::new(world_at(url)).read(&[ask], &[]).await;
    let got = result(&outcome);
    assert_eq!(got["caller"]["is_target"], true);
    assert_eq!(got["denied"], json!(null), "AccessDenied on the question is no answer to it");
    assert_eq!(got["quota"], json!({"used": 2, "limit": 2}));
    assert!(got["clock_skew_seconds"].is_i64());
    let reachable: Vec<&serde_json::Value> =
        got["holders"].as_array().unwrap().iter().map(|h| &h["reachable"]).collect();
    assert_eq!(reachable, [&json!(true), &json!(false), &json!(null)]);
    assert!(got["notes"].to_string().contains("AccessDenied"));
}
