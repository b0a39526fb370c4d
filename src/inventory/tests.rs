use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;

use super::*;
use crate::action::{Aws, World};
use crate::engine::entry::EnvironmentKind;
use crate::secret::{FingerprintKey, Secret, Vault};

/// IAM with three users: one with an old and an Inactive key, one whose keys may not be listed, one without keys.
async fn iam(body: String) -> impl IntoResponse {
    let field = |name: &str| {
        let pair = body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        pair.unwrap_or_default().to_owned()
    };
    let error = |status: u16, code: &str| {
        let xml = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
        );
        (StatusCode::from_u16(status).unwrap(), xml)
    };
    let (status, xml) = match (field("Action").as_str(), field("UserName").as_str(), field("AccessKeyId").as_str()) {
        ("ListUsers", ..) => {
            let user = |name: &str| {
                format!(
                    "<member><Path>/</Path><UserName>{name}</UserName><UserId>AIDA{name}</UserId>\
                     <Arn>arn:aws:iam::000000000000:user/{name}</Arn><CreateDate>2020-01-01T00:00:00Z</CreateDate></member>"
                )
            };
            let users = format!("{}{}{}", user("raxx"), user("empty"), user("denied"));
            let xml = format!(
                "<ListUsersResponse><ListUsersResult><Users>{users}</Users><IsTruncated>false</IsTruncated></ListUsersResult></ListUsersResponse>"
            );
            (StatusCode::OK, xml)
        }
        ("ListAccessKeys", "denied", _) => error(403, "AccessDenied"),
        ("ListAccessKeys", name, _) => {
            let key = |id: &str, status: &str, created: &str| {
                format!(
                    "<member><UserName>raxx</UserName><AccessKeyId>{id}</AccessKeyId><Status>{status}</Status>\
                     <CreateDate>{created}</CreateDate></member>"
                )
            };
            let keys = match name {
                "raxx" => {
                    key("AKIAOLD", "Active", "2024-01-01T00:00:00Z")
                        + &key("AKIADEAD", "Inactive", "2023-01-01T00:00:00Z")
                }
                _ => String::new(),
            };
            let xml = format!(
                "<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata>{keys}</AccessKeyMetadata>\
                 <IsTruncated>false</IsTruncated></ListAccessKeysResult></ListAccessKeysResponse>"
            );
            (StatusCode::OK, xml)
        }
        ("GetAccessKeyLastUsed", _, "AKIADEAD") => error(403, "AccessDenied"),
        ("GetAccessKeyLastUsed", ..) => {
            let xml = "<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult><UserName>raxx</UserName><AccessKeyLastUsed>\
                       <LastUsedDate>2024-02-01T10:00:00Z</LastUsedDate><Region>eu-central-1</Region><ServiceName>s3</ServiceName>\
                       </AccessKeyLastUsed></GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>";
            (StatusCode::OK, xml.to_owned())
        }
        _ => error(400, "InvalidAction"),
    };
    (status, [(header::CONTENT_TYPE, "text/xml")], xml)
}

async fn performer() -> Performer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(iam))).await });
    let vault = Arc::new(Mutex::new(Vault::new(FingerprintKey::from_bytes([1; 32]))));
    let mut world = World::new(EnvironmentKind::Sandbox, "run", vault);
    let endpoints: BTreeMap<_, _> = ["iam", "sts", "s3"].map(|service| (service.to_owned(), url.clone())).into();
    world.aws = Some(Aws::loopback(endpoints, "eu-central-1", "AKIAOPERATOR", &Secret::new("secret".into())).unwrap());
    Performer::new(world)
}

#[tokio::test]
async fn one_users_keys_with_what_is_unknown_said() {
    let inventory = Inventory::of_user(&performer().await, "raxx", Policy::default()).await;
    let keys: Vec<&Key> = inventory.keys().map(|(_, key)| key).collect();
    assert_eq!((keys[0].id.as_str(), keys[1].id.as_str()), ("AKIADEAD", "AKIAOLD"), "oldest first");
    assert!(matches!(&keys[0].used, LastUse::Unknown(reason) if reason.code == "AccessDenied"), "unknown is not never");
    assert_eq!(keys[1].service.as_deref(), Some("s3"));
    assert!(matches!(&keys[1].used, LastUse::At(at) if at.to_string() == "2024-02-01T10:00:00.000Z"));
    let overdue: Vec<&str> = inventory.overdue().map(|(_, key)| key.id.as_str()).collect();
    assert_eq!(overdue, ["AKIAOLD"], "an Inactive key is not overdue");
    assert_eq!(inventory.unknown(), 1);
}

#[tokio::test]
async fn a_user_whose_keys_can_not_be_listed_is_unknown_and_not_empty() {
    let inventory = Inventory::of_account(&performer().await, Policy::default()).await;
    let users = inventory.users.known().unwrap();
    let names: Vec<&str> = users.iter().map(|user| user.user.as_str()).collect();
    assert_eq!(names, ["denied", "empty", "raxx"]);
    assert!(matches!(&users[0].keys, Known::Unknown(reason) if reason.code == "AccessDenied"));
    assert_eq!(users[1].keys, Known::Known(vec![]));
    assert_eq!(inventory.unknown(), 2);
    let json = serde_json::to_string(&inventory).unwrap();
    assert_eq!(serde_json::from_str::<Inventory>(&json).unwrap(), inventory);
}

#[test]
fn age_is_judged_to_the_day_and_only_where_known() {
    let now = Stamp::parse("2026-11-20T00:00:00.000Z").unwrap();
    let key = |status: KeyStatus, created: Option<&str>| Key {
        id: "AKIA".into(),
        status,
        created: created.map(|text| Stamp::parse(text).unwrap()),
        used: LastUse::Never,
        service: None,
        region: None,
    };
    let policy = Policy::default();
    let at = |created| policy.age(&key(KeyStatus::Active, Some(created)), now);
    assert_eq!(at("2026-08-22T00:00:00.000Z"), Age::Fine { left: 0 });
    assert_eq!(at("2026-08-21T00:00:00.000Z"), Age::Overdue { by: 1 });
    assert_eq!(at("2027-01-01T00:00:00.000Z"), Age::Fine { left: 90 }, "a clock that is behind is no reason to panic");
    assert_eq!(policy.age(&key(KeyStatus::Active, None), now), Age::Unknown);
    assert_eq!(
        policy.age(&key(KeyStatus::Other("Expired".into()), Some("2020-01-01T00:00:00.000Z")), now),
        Age::Unknown
    );
    assert_eq!(policy.age(&key(KeyStatus::Inactive, Some("2020-01-01T00:00:00.000Z")), now), Age::Inactive);
}
