//! What goes wrong on demand, as a client meets it.

use aws_sdk_iam::types::StatusType;

use super::super::{Fault, Times, World};
use super::*;

async fn faulty(fault: Fault) -> Sandbox {
    started(World::example(1).instant().with_fault(fault)).await
}

#[tokio::test]
async fn a_lost_answer_has_changed_the_world() {
    let sandbox = instant().await;
    let operator = iam(&sandbox, sandbox.operator());
    for fault in [Fault::LostCreate, Fault::LostUpdate, Fault::LostDelete] {
        sandbox.inject(fault).unwrap();
    }
    let error = operator.create_access_key().user_name(USER).send().await.unwrap_err();
    assert!(error.as_service_error().is_none() && error.raw_response().is_none(), "{error:?}");
    let new = keys(&sandbox).pop().unwrap().0;
    assert_eq!(keys(&sandbox).len(), 2);
    let update = || {
        let update = operator.update_access_key().user_name(USER).access_key_id(&new);
        update.status(StatusType::Inactive).send()
    };
    assert!(update().await.unwrap_err().raw_response().is_none());
    assert_eq!(keys(&sandbox)[1].1, "Inactive");
    update().await.unwrap();
    let delete = || operator.delete_access_key().user_name(USER).access_key_id(&new).send();
    assert!(delete().await.unwrap_err().raw_response().is_none());
    assert_eq!(keys(&sandbox).len(), 1);
    assert_eq!(code(delete().await), "NoSuchEntity");
}

#[tokio::test]
async fn a_refused_change_uses_up_no_lost_answer() {
    let sandbox = faulty(Fault::LostDelete).await;
    let operator = iam(&sandbox, sandbox.operator());
    let delete = |id: &str| operator.delete_access_key().user_name(USER).access_key_id(id).send();
    assert_eq!(code(delete("AKIAEXAMPLE000000000").await), "NoSuchEntity");
    assert!(delete(&old(&sandbox).access_key_id).await.unwrap_err().raw_response().is_none());
}

#[tokio::test]
async fn throttling_and_server_errors_come_as_often_as_asked() {
    let sandbox = faulty(Fault::Throttle).await;
    let operator = iam(&sandbox, sandbox.operator());
    for _ in 0..2 {
        assert_eq!(code(operator.list_users().send().await), "Throttling");
    }
    operator.list_users().send().await.unwrap();
    sandbox.inject(Fault::ServerError).unwrap();
    operator.list_users().send().await.unwrap();
    assert_eq!(code(operator.create_access_key().user_name(USER).send().await), "ServiceUnavailable");
    assert_eq!(keys(&sandbox).len(), 1);
    sandbox.inject(Fault::ServerErrorAfter).unwrap();
    assert_eq!(code(operator.create_access_key().user_name(USER).send().await), "InternalFailure");
    assert_eq!(keys(&sandbox).len(), 2);
    sandbox.inject_times(Fault::ThrottledLastUsed, Times::Count(3)).unwrap();
    let id = old(&sandbox).access_key_id;
    for _ in 0..3 {
        assert_eq!(code(operator.get_access_key_last_used().access_key_id(&id).send().await), "Throttling");
    }
    operator.get_access_key_last_used().access_key_id(&id).send().await.unwrap();
}

#[tokio::test]
async fn a_skewed_clock_is_refused_by_each_service_in_its_own_way() {
    let sandbox = faulty(Fault::SkewedClock).await;
    let me = sandbox.operator();
    let error = sts(&sandbox, me).get_caller_identity().send().await.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
    assert!(error.message().unwrap().starts_with("Signature expired: "), "{error:?}");
    let s3 = s3(&sandbox, &old(&sandbox)).list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(code(s3), "RequestTimeTooSkewed");
    sandbox.clear(Fault::SkewedClock);
    iam(&sandbox, me).list_users().send().await.unwrap();
}

#[tokio::test]
async fn a_key_that_never_spreads_never_works() {
    let sandbox = faulty(Fault::NeverSpreads).await;
    let new = created(&sandbox).await;
    wait(&sandbox, 365 * 24 * 3600);
    assert_eq!(code(sts(&sandbox, &new).get_caller_identity().send().await), "InvalidClientTokenId");
}

#[tokio::test]
async fn stale_lists_hide_a_new_key_for_a_while() {
    let sandbox = faulty(Fault::StaleLists).await;
    let operator = iam(&sandbox, sandbox.operator());
    created(&sandbox).await;
    let count = async || operator.list_access_keys().user_name(USER).send().await.unwrap().access_key_metadata().len();
    let mut seen = Vec::new();
    for _ in 0..10 {
        seen.push(count().await);
    }
    assert!(seen.contains(&1), "{seen:?}");
    wait(&sandbox, 31);
    for _ in 0..10 {
        assert_eq!(count().await, 2);
    }
}

#[tokio::test]
async fn somebody_else_may_be_quicker() {
    let sandbox = faulty(Fault::ForeignKey).await;
    let operator = iam(&sandbox, sandbox.operator());
    let listed = operator.list_access_keys().user_name(USER).send().await.unwrap();
    assert_eq!(listed.access_key_metadata().len(), 1);
    assert_eq!(code(operator.create_access_key().user_name(USER).send().await), "LimitExceeded");
    sandbox.inject(Fault::EarlyDelete).unwrap();
    let id = old(&sandbox).access_key_id;
    let update = |status| operator.update_access_key().user_name(USER).access_key_id(&id).status(status).send();
    update(StatusType::Inactive).await.unwrap();
    assert_eq!(code(update(StatusType::Active).await), "NoSuchEntity");
}

#[tokio::test]
async fn worlds_that_a_drill_can_start_with() {
    let two = faulty(Fault::TwoActive).await;
    assert!(keys(&two).iter().all(|(_, status)| *status == "Active") && keys(&two).len() == 2);
    let one = faulty(Fault::OneActiveOneInactive).await;
    assert!(keys(&one).iter().any(|(_, status)| *status == "Inactive"));

    let lacking = faulty(Fault::MissingPermission).await;
    let operator = iam(&lacking, lacking.operator());
    let delete = operator.delete_access_key().user_name(USER).access_key_id(old(&lacking).access_key_id);
    assert_eq!(code(delete.send().await), "AccessDenied");
    created(&lacking).await;

    let wrong = faulty(Fault::WrongIdentity).await;
    let me = sts(&wrong, wrong.operator()).get_caller_identity().send().await.unwrap();
    assert!(me.arn().unwrap().ends_with(USER));
    created(&wrong).await;

    let quarantined = faulty(Fault::Quarantined).await;
    let operator = iam(&quarantined, quarantined.operator());
    operator.list_access_keys().user_name(USER).send().await.unwrap();
    assert_eq!(code(operator.create_access_key().user_name(USER).send().await), "AccessDenied");

    let store = |sandbox: &Sandbox| sandbox.snapshot().holder("infisical prod").cloned().unwrap();
    let other = store(&faulty(Fault::WrongOldPair).await);
    assert_eq!((other.key_id.as_deref(), other.error), (Some("AKIAEXAMPLE00000GONE"), Some("InvalidAccessKeyId")));
    let stale = store(&faulty(Fault::StaleSecret).await);
    assert_eq!((stale.whole, stale.error), (false, Some("SignatureDoesNotMatch")));
    assert!(instant().await.inject(Fault::TwoActive).is_err());
}

#[tokio::test]
async fn a_forgotten_consumer_shows_in_last_use_and_breaks_at_the_deactivate() {
    let sandbox = started(World::example(1).with_fault(Fault::ForgottenConsumer)).await;
    let old = old(&sandbox);
    let cut_over = sandbox.clock().now().millis() / 1000;
    wait(&sandbox, 3600);
    let operator = iam(&sandbox, sandbox.operator());
    let used = operator.get_access_key_last_used().access_key_id(&old.access_key_id).send().await.unwrap();
    let used = used.access_key_last_used().cloned().unwrap();
    assert!(used.last_used_date().unwrap().secs() > cut_over + 1800);
    assert_eq!(used.service_name(), "s3");
    let update = operator.update_access_key().user_name(USER).access_key_id(&old.access_key_id);
    update.status(StatusType::Inactive).send().await.unwrap();
    wait(&sandbox, 60);
    let snapshot = sandbox.snapshot();
    assert!(snapshot.broken().contains(&"nightly report"));
    assert_eq!(snapshot.holder("nightly report").unwrap().error, Some("InvalidAccessKeyId"));
}

#[tokio::test]
async fn a_slow_answer_comes_late_but_the_change_is_made() {
    let sandbox = faulty(Fault::Slow).await;
    let operator = iam(&sandbox, sandbox.operator());
    let create = operator.create_access_key().user_name(USER).send();
    assert!(tokio::time::timeout(Duration::from_millis(300), create).await.is_err());
    assert_eq!(keys(&sandbox).len(), 2);
}
