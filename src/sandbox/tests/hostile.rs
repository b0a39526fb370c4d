//! Requests that nobody sends by accident: each is answered, none does harm.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use proptest::prelude::*;

use super::super::Pair;
use super::*;

/// A signed request to a query service, with the body that was signed and the one that is sent.
async fn posted(sandbox: &Sandbox, pair: &Pair, service: &str, signed: &str, sent: &str) -> (u16, String) {
    let identity = credentials(pair).into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let url = format!("{}/", sandbox.url());
    let request =
        SignableRequest::new("POST", &url, std::iter::empty(), SignableBody::Bytes(signed.as_bytes())).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let mut request = reqwest::Client::builder().no_proxy().build().unwrap().post(&url).body(sent.to_owned());
    for (name, value) in instructions.headers() {
        request = request.header(name, value);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_body_changed_after_signing_is_refused_and_does_nothing() {
    let sandbox = instant().await;
    let list = "Action=ListAccessKeys&Version=2010-05-08&UserName=raxx-vault-operator";
    let create = "Action=CreateAccessKey&Version=2010-05-08&UserName=raxx-vault-operator";
    let operator = sandbox.operator();
    assert_eq!(posted(&sandbox, operator, "iam", list, list).await.0, 200);
    let (status, text) = posted(&sandbox, operator, "iam", list, create).await;
    assert!(status == 403 && text.contains("<Code>SignatureDoesNotMatch</Code>"), "{text}");
    assert_eq!(keys(&sandbox).len(), 1);
    let (status, text) = posted(&sandbox, operator, "sts", create, create).await;
    assert!(status == 400 && text.contains("<Code>InvalidAction</Code>"), "{text}");
    let (status, text) = posted(&sandbox, operator, "ec2", create, create).await;
    assert!(status == 400 && text.contains("<Code>InvalidAction</Code>"), "{text}");
    assert_eq!(keys(&sandbox).len(), 1);
}

#[tokio::test]
async fn what_a_client_sent_is_not_markup_in_what_it_gets_back() {
    let sandbox = instant().await;
    let body = "Action=UpdateAccessKey&Status=%3CCode%3E%26%22%00&AccessKeyId=AKIAEXAMPLE00000OLD1";
    let (status, text) = posted(&sandbox, sandbox.operator(), "iam", body, body).await;
    assert_eq!(status, 400);
    assert!(text.contains("&lt;Code&gt;&amp;&quot;\u{fffd}") && !text.contains('\0'), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn every_request_is_answered(
        paths in prop::collection::vec("(/-/(infisical/api/v4/secrets|heroku/apps/raxx-api-prod|github/repos/raxx/backup/actions|control|x))?(/[!-~]{0,12}){0,5}(\\?[!-~]{0,40})?", 6),
        body in "[ -~]{0,80}|\\{\"secrets\":\\[\\{\"secretKey\":\"A\"\\}\\],\"projectId\":\"drill-project\",\"environment\":\"prod\"\\}",
        action in "(List|Create|Update|Delete|Get|Simulate)(AccessKeys?|Users?|AccessKeyLastUsed|PrincipalPolicy)",
        fields in "(&(UserName|AccessKeyId|Status|MaxItems|Marker|PolicySourceArn|ActionNames\\.member\\.1|Path)=[!-~]{0,24}){0,4}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sandbox = instant().await;
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            for path in &paths {
                let Ok(url) = format!("{}{path}", sandbox.url()).parse::<reqwest::Url>() else { continue };
                if url.host_str() != Some("127.0.0.1") {
                    continue;
                }
                for method in ["GET", "PATCH", "POST", "PUT", "DELETE"] {
                    let request = client.request(method.parse().unwrap(), url.clone()).body(body.clone());
                    let request = request.header("accept", "application/vnd.heroku+json; version=3");
                    let answer = request.bearer_auth(sandbox.token().expose()).send().await;
                    assert!(answer.is_ok(), "{method} {url}: {answer:?}");
                }
            }
            let form = format!("Action={action}{fields}");
            let (status, _) = posted(&sandbox, sandbox.operator(), "iam", &form, &form).await;
            assert!(status == 200 || (400..500).contains(&status), "{form}: {status}");
        });
    }
}
