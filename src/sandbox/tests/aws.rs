//! IAM, STS and S3 through the SDK.

use aws_sdk_iam::types::StatusType;
use aws_sdk_s3::primitives::ByteStream;

use super::super::policy::Statement;
use super::super::{Pair, Spread, World};
use super::*;
use crate::secret::Secret;

fn other_secret(pair: &Pair) -> Pair {
    Pair { secret_access_key: Secret::new("A".repeat(40)), ..pair.clone() }
}

#[tokio::test]
async fn a_rotation_by_hand_goes_as_on_the_real_thing() {
    let sandbox = instant().await;
    let operator = iam(&sandbox, sandbox.operator());
    let old = old(&sandbox);
    let me = sts(&sandbox, &old).get_caller_identity().send().await.unwrap();
    assert_eq!(me.arn(), Some("arn:aws:iam::000000000000:user/raxx-vault-operator"));
    assert_eq!(me.account(), Some("000000000000"));
    let new = created(&sandbox).await;
    assert_eq!((new.access_key_id.len(), new.secret_access_key.chars()), (20, 40));
    let again = sts(&sandbox, &new).get_caller_identity().send().await.unwrap();
    assert_eq!(again.arn(), me.arn());
    let listed = s3(&sandbox, &new).list_objects_v2().bucket(BUCKET).max_keys(10).send().await.unwrap();
    assert_eq!((listed.contents().len(), listed.is_truncated()), (10, Some(true)));
    let update = operator.update_access_key().user_name(USER).access_key_id(&old.access_key_id);
    update.status(StatusType::Inactive).send().await.unwrap();
    assert_eq!(code(sts(&sandbox, &old).get_caller_identity().send().await), "InvalidClientTokenId");
    assert_eq!(code(s3(&sandbox, &old).list_objects_v2().bucket(BUCKET).send().await), "InvalidAccessKeyId");
    operator.delete_access_key().user_name(USER).access_key_id(&old.access_key_id).send().await.unwrap();
    assert_eq!(keys(&sandbox), [(new.access_key_id, "Active")]);
}

#[tokio::test]
async fn who_cannot_prove_the_secret_is_refused_with_the_services_own_codes() {
    let sandbox = instant().await;
    let old = old(&sandbox);
    let wrong = other_secret(&old);
    assert_eq!(code(sts(&sandbox, &wrong).get_caller_identity().send().await), "SignatureDoesNotMatch");
    assert_eq!(code(iam(&sandbox, &wrong).list_access_keys().send().await), "SignatureDoesNotMatch");
    assert_eq!(code(s3(&sandbox, &wrong).list_objects_v2().bucket(BUCKET).send().await), "SignatureDoesNotMatch");
    let unknown = Pair { access_key_id: "AKIAEXAMPLE000000000".into(), ..old };
    assert_eq!(code(sts(&sandbox, &unknown).get_caller_identity().send().await), "InvalidClientTokenId");
    assert_eq!(code(iam(&sandbox, &unknown).list_users().send().await), "InvalidClientTokenId");
    assert_eq!(code(s3(&sandbox, &unknown).list_objects_v2().bucket(BUCKET).send().await), "InvalidAccessKeyId");
}

#[tokio::test]
async fn a_request_changed_on_its_way_is_refused() {
    let sandbox = instant().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (headers, body, code) in [
        (vec![], "Action=ListUsers&Version=2010-05-08", "MissingAuthenticationToken"),
        (vec![("authorization", "AWS4-HMAC-SHA256 nonsense")], "Action=ListUsers", "IncompleteSignature"),
        (
            vec![
                (
                    "authorization",
                    "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE00000OPER/20261120/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
                ),
                ("x-amz-date", "20260101T000000Z"),
            ],
            "Action=ListUsers",
            "SignatureDoesNotMatch",
        ),
    ] {
        let mut request = client.post(sandbox.url()).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        assert!(text.contains(&format!("<Code>{code}</Code>")), "{text}");
        assert!(text.contains("<RequestId>"), "{text}");
        if code == "SignatureDoesNotMatch" {
            assert!(text.contains("Signature expired: 20260101T000000Z is now earlier than"), "{text}");
        }
    }
    let anonymous = client.get(format!("{}/{BUCKET}?list-type=2", sandbox.url())).send().await.unwrap();
    assert_eq!(anonymous.status(), 403);
    assert!(anonymous.headers().contains_key("x-amz-request-id"));
    assert!(anonymous.text().await.unwrap().contains("<Code>AccessDenied</Code>"));
}

#[tokio::test]
async fn two_keys_are_the_limit_and_inactive_ones_count() {
    let sandbox = instant().await;
    let operator = iam(&sandbox, sandbox.operator());
    let new = created(&sandbox).await;
    let update = operator.update_access_key().user_name(USER).access_key_id(&new.access_key_id);
    update.status(StatusType::Inactive).send().await.unwrap();
    let third = operator.create_access_key().user_name(USER).send().await.unwrap_err().into_service_error();
    assert!(third.is_limit_exceeded_exception(), "{third:?}");
    assert_eq!(third.message(), Some("Cannot exceed quota for AccessKeysPerUser: 2"));
    assert_eq!(keys(&sandbox).len(), 2);
}

#[tokio::test]
async fn what_is_not_there_or_not_valid_is_named() {
    let sandbox = instant().await;
    let operator = iam(&sandbox, sandbox.operator());
    assert_eq!(code(operator.list_access_keys().user_name("nobody").send().await), "NoSuchEntity");
    assert_eq!(code(operator.get_user().user_name("nobody").send().await), "NoSuchEntity");
    assert_eq!(code(operator.get_user().user_name("no body").send().await), "ValidationError");
    let update = |id: &str, status: &str| {
        operator.update_access_key().user_name(USER).access_key_id(id).status(StatusType::from(status)).send()
    };
    let id = old(&sandbox).access_key_id;
    assert_eq!(code(update(&id, "Off").await), "ValidationError");
    assert_eq!(code(update("AKIAEXAMPLE000000000", "Inactive").await), "NoSuchEntity");
    assert_eq!(code(update("short", "Inactive").await), "ValidationError");
    // Another user's key is not this user's.
    let delete = operator.delete_access_key().user_name("oncall").access_key_id(&id);
    assert_eq!(code(delete.send().await), "NoSuchEntity");
    assert_eq!(
        code(operator.get_access_key_last_used().access_key_id("AKIAEXAMPLE000000000").send().await),
        "NoSuchEntity"
    );
    assert_eq!(code(operator.list_users().max_items(0).send().await), "ValidationError");
    assert_eq!(keys(&sandbox), [(id, "Active")]);
}

#[tokio::test]
async fn lists_are_given_page_by_page() {
    let sandbox = instant().await;
    let operator = iam(&sandbox, sandbox.operator());
    let new = created(&sandbox).await;
    let first = operator.list_access_keys().user_name(USER).max_items(1).send().await.unwrap();
    assert!(first.is_truncated());
    let second =
        operator.list_access_keys().user_name(USER).max_items(1).marker(first.marker().unwrap()).send().await.unwrap();
    let ids: Vec<_> = [first, second].iter().flat_map(|page| page.access_key_metadata().to_vec()).collect();
    let ids: Vec<_> = ids.iter().filter_map(|key| key.access_key_id()).collect();
    assert_eq!(ids, [old(&sandbox).access_key_id, new.access_key_id]);
    for n in 0..5 {
        operator.create_user().user_name(format!("user-{n}")).path("/test/").send().await.unwrap();
    }
    let all = operator.list_users().into_paginator().page_size(2).items().send();
    let all = all.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(all.len(), 7);
    let some = operator.list_users().path_prefix("/test/").send().await.unwrap();
    assert_eq!(some.users().len(), 5);
}

#[tokio::test]
async fn a_user_goes_only_without_its_keys() {
    let sandbox = instant().await;
    let operator = iam(&sandbox, sandbox.operator());
    operator.create_user().user_name("rehearsal").send().await.unwrap();
    assert_eq!(code(operator.create_user().user_name("Rehearsal").send().await), "EntityAlreadyExists");
    let key = operator.create_access_key().user_name("rehearsal").send().await.unwrap();
    assert_eq!(code(operator.delete_user().user_name("rehearsal").send().await), "DeleteConflict");
    let id = key.access_key().unwrap().access_key_id().to_owned();
    operator.delete_access_key().user_name("rehearsal").access_key_id(id).send().await.unwrap();
    operator.delete_user().user_name("rehearsal").send().await.unwrap();
    assert_eq!(code(operator.delete_user().user_name("rehearsal").send().await), "NoSuchEntity");
}

#[tokio::test]
async fn policies_refuse_in_awss_words() {
    let mut world = World::example(1).instant();
    world.users[1].policy.push(Statement::deny(&["iam:CreateAccessKey"], &["*"]));
    let sandbox = started(world).await;
    let operator = iam(&sandbox, sandbox.operator());
    let denied = operator.create_access_key().user_name(USER).send().await.unwrap_err().into_service_error();
    assert_eq!(denied.code(), Some("AccessDenied"));
    assert_eq!(
        denied.message(),
        Some(
            "User: arn:aws:iam::000000000000:user/oncall is not authorized to perform: iam:CreateAccessKey on resource: \
             user raxx-vault-operator with an explicit deny in an identity-based policy"
        )
    );
    let own = iam(&sandbox, &old(&sandbox)).list_access_keys().send().await.unwrap_err().into_service_error();
    let message = own.message().unwrap();
    assert!(message.ends_with("because no identity-based policy allows the iam:ListAccessKeys action"), "{message}");
    let elsewhere = s3(&sandbox, &old(&sandbox)).list_objects_v2().bucket("other").send().await;
    assert_eq!(code(elsewhere), "AccessDenied");
    let simulated = operator
        .simulate_principal_policy()
        .policy_source_arn("arn:aws:iam::000000000000:user/oncall")
        .action_names("iam:CreateAccessKey")
        .action_names("iam:DeleteAccessKey")
        .action_names("ec2:RunInstances")
        .send()
        .await
        .unwrap();
    let decisions: Vec<_> = simulated.evaluation_results().iter().map(|r| r.eval_decision().as_str()).collect();
    assert_eq!(decisions, ["explicitDeny", "allowed", "implicitDeny"]);
}

#[tokio::test]
async fn a_new_key_works_only_after_it_has_spread_on_the_runs_clock() {
    let sandbox = example().await;
    let new = created(&sandbox).await;
    assert_eq!(code(sts(&sandbox, &new).get_caller_identity().send().await), "InvalidClientTokenId");
    assert_eq!(code(s3(&sandbox, &new).list_objects_v2().bucket(BUCKET).send().await), "InvalidAccessKeyId");
    wait(&sandbox, 20);
    sts(&sandbox, &new).get_caller_identity().send().await.unwrap();
    s3(&sandbox, &new).list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let operator = iam(&sandbox, sandbox.operator());
    let update = operator.update_access_key().user_name(USER).access_key_id(&new.access_key_id);
    update.status(StatusType::Inactive).send().await.unwrap();
    // It lives on a little, then does not.
    sts(&sandbox, &new).get_caller_identity().send().await.unwrap();
    wait(&sandbox, 5);
    assert_eq!(code(sts(&sandbox, &new).get_caller_identity().send().await), "InvalidClientTokenId");
}

#[tokio::test]
async fn s3_knows_a_new_key_before_its_policy() {
    let seconds = Duration::from_secs;
    let mut world = World::example(1).instant();
    world.spread = Spread { policy: (seconds(60), seconds(60)), ..Spread::none() };
    let sandbox = started(world).await;
    let new = created(&sandbox).await;
    sts(&sandbox, &new).get_caller_identity().send().await.unwrap();
    assert_eq!(code(s3(&sandbox, &new).list_objects_v2().bucket(BUCKET).send().await), "AccessDenied");
    wait(&sandbox, 61);
    s3(&sandbox, &new).list_objects_v2().bucket(BUCKET).send().await.unwrap();
}

#[tokio::test]
async fn last_use_is_told_late_and_never_used_says_so() {
    let sandbox = example().await;
    let operator = iam(&sandbox, sandbox.operator());
    let new = created(&sandbox).await;
    let used = async || {
        let answer = operator.get_access_key_last_used().access_key_id(&new.access_key_id).send().await.unwrap();
        assert_eq!(answer.user_name(), Some(USER));
        answer.access_key_last_used().cloned().unwrap()
    };
    let never = used().await;
    assert_eq!((never.last_used_date(), never.service_name(), never.region()), (None, "N/A", "N/A"));
    wait(&sandbox, 20);
    sts(&sandbox, &new).get_caller_identity().send().await.unwrap();
    assert_eq!(used().await.last_used_date(), None);
    wait(&sandbox, 600);
    let seen = used().await;
    assert_eq!((seen.service_name(), seen.region()), ("sts", "eu-central-1"));
    let age = sandbox.clock().now().millis() / 1000 - seen.last_used_date().unwrap().secs();
    assert!((600..=605).contains(&age), "{age}");
}

#[tokio::test]
async fn days_later_on_the_runs_clock_the_same_client_still_signs_well() {
    let sandbox = instant().await;
    let operator = iam(&sandbox, sandbox.operator());
    operator.list_users().send().await.unwrap();
    for _ in 0..3 {
        wait(&sandbox, 24 * 3600);
        // The SDK follows the Date header, which shows the run's clock.
        operator.list_users().send().await.unwrap();
        iam(&sandbox, sandbox.operator()).list_users().send().await.unwrap();
    }
    let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(sandbox.url()).send().await.unwrap();
    let date = answer.headers()["date"].to_str().unwrap().to_owned();
    let date = chrono::DateTime::parse_from_rfc2822(&date).unwrap().timestamp();
    assert!((date - sandbox.clock().now().millis() / 1000).abs() <= 1);
}

#[tokio::test]
async fn objects_are_written_read_and_not_overwritten_where_that_was_asked() {
    let sandbox = instant().await;
    let client = s3(&sandbox, &old(&sandbox));
    let put = |body: &'static str| {
        client.put_object().bucket(BUCKET).key("runs/a b+é.jsonl").body(ByteStream::from_static(body.as_bytes()))
    };
    put("one").if_none_match("*").send().await.unwrap();
    assert_eq!(code(put("two").if_none_match("*").send().await), "PreconditionFailed");
    let get = async || {
        let answer = client.get_object().bucket(BUCKET).key("runs/a b+é.jsonl").send().await.unwrap();
        answer.body.collect().await.unwrap().to_vec()
    };
    assert_eq!(get().await, b"one");
    put("three").send().await.unwrap();
    assert_eq!(get().await, b"three");
    let head = client.head_object().bucket(BUCKET).key("runs/a b+é.jsonl").send().await.unwrap();
    assert_eq!(head.content_length(), Some(5));
    assert_eq!(code(client.get_object().bucket(BUCKET).key("none").send().await), "NoSuchKey");
    client.head_bucket().bucket(BUCKET).send().await.unwrap();
    let folders = client.list_objects_v2().bucket(BUCKET).delimiter("/").send().await.unwrap();
    let folders: Vec<_> = folders.common_prefixes().iter().filter_map(|p| p.prefix()).collect();
    assert_eq!(folders, ["runs/", "vault/"]);
    let all = client.list_objects_v2().bucket(BUCKET).into_paginator().page_size(5).send();
    let all: usize = all.collect::<Result<Vec<_>, _>>().await.unwrap().iter().map(|page| page.contents().len()).sum();
    assert_eq!(all, 13);
}

#[tokio::test]
async fn after_it_is_dropped_nothing_answers() {
    let sandbox = instant().await;
    let client = iam(&sandbox, sandbox.operator());
    client.list_users().send().await.unwrap();
    drop(sandbox);
    tokio::task::yield_now().await;
    let mut refused = false;
    for _ in 0..50 {
        refused = client.list_users().send().await.is_err();
        if refused {
            break;
        }
    }
    assert!(refused);
}

#[tokio::test]
async fn cloudtrail_tells_minutes_later_who_made_the_key_whose_answer_was_lost() {
    use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
    let sandbox = example().await;
    let operator = sandbox.operator();
    sandbox.inject(super::super::Fault::LostCreate).unwrap();
    assert!(iam(&sandbox, operator).create_access_key().user_name(USER).send().await.is_err());
    let id = keys(&sandbox).pop().unwrap().0;
    let client = |pair: &Pair| {
        let config = aws_sdk_cloudtrail::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(sandbox.url())
            .retry_config(RetryConfig::disabled())
            .credentials_provider(credentials(pair));
        aws_sdk_cloudtrail::Client::from_conf(config.build())
    };
    let by = |key, value: &str| LookupAttribute::builder().attribute_key(key).attribute_value(value).build().unwrap();
    let ask = async || {
        let by_key = by(LookupAttributeKey::ResourceName, &id);
        client(operator).lookup_events().lookup_attributes(by_key).send().await.unwrap().events().to_vec()
    };
    assert!(ask().await.is_empty());
    wait(&sandbox, 600);
    let events = ask().await;
    assert_eq!(
        (events.len(), events[0].event_name(), events[0].username()),
        (1, Some("CreateAccessKey"), Some("oncall"))
    );
    let record: Value = serde_json::from_str(events[0].cloud_trail_event().unwrap()).unwrap();
    assert!(record["userAgent"].as_str().unwrap().contains("aws-sdk-rust"));
    assert_eq!(record["responseElements"]["accessKey"]["accessKeyId"], id);
    assert!(!record.to_string().contains("ecretAccessKey"));

    let two = client(operator)
        .lookup_events()
        .lookup_attributes(by(LookupAttributeKey::Username, "oncall"))
        .lookup_attributes(by(LookupAttributeKey::EventName, "ListUsers"));
    assert_eq!(code(two.send().await), "InvalidLookupAttributesException");
    assert_eq!(code(client(operator).lookup_events().max_results(51).send().await), "InvalidMaxResultsException");
    let old = old(&sandbox);
    assert_eq!(code(client(&old).lookup_events().send().await), "AccessDeniedException");
    assert_eq!(code(client(&other_secret(&old)).lookup_events().send().await), "InvalidSignatureException");
}
