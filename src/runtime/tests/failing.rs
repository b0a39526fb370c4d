//! Keys that refuse, stores that are full, reads that come too late.

use super::*;
use crate::engine::decision::Decision;
use crate::engine::entry::{Doubt, EndStatus, Verdict};
use crate::engine::focus::Focus;
use crate::runtime::driver::{Ending, Order};
use crate::runtime::open::open;
use crate::runtime::resume::resume;

fn started(all: &[Entry]) -> Vec<String> {
    let names = all.iter().filter_map(|entry| match &entry.body {
        Body::Started { place, .. } => Some(place.step.clone()),
        _ => None,
    });
    names.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_signature_nothing_is_sent_and_the_run_can_be_gone_on_with() {
    let office = Office::new();
    // The opening is signed, and nothing after it.
    let mut driver = open(office.desk_that_signs(1), drill(&[], 3)).await.unwrap();
    let folder = driver.folder().to_owned();
    let error = unattended(&mut driver).await.expect_err("an end without a seal is none");
    assert!(error.to_string().contains("not touched"), "{error}");
    assert_eq!(driver.sandbox().unwrap().snapshot().keys("raxx-vault-operator").len(), 1);
    drop(driver);
    assert_eq!(started(&transcript(&folder)), Vec::<String>::new());
    assert_eq!(judged(&office.desk("alice"), &folder).1, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_back_waits_for_no_signature() {
    let office = Office::new();
    // Opening, create, store and the consumers are signed; the deactivate is not.
    let mut driver = open(office.desk_that_signs(4), drill(&[], 3)).await.unwrap();
    let folder = driver.folder().to_owned();
    // The acts are done, and the seal waits for the key.
    unattended(&mut driver).await.expect_err("an end without a seal is none");
    let world = driver.sandbox().unwrap().snapshot();
    assert!(world.broken().is_empty());
    let active = world.keys("raxx-vault-operator").iter().filter(|key| key.status.name() == "Active").count();
    assert_eq!(active, 1);
    drop(driver);
    let mut driver = loop {
        match resume(office.desk("alice"), &folder, None).await {
            Ok(driver) => break driver,
            Err(error) if error.what.contains("had again") => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(unattended(&mut driver).await.unwrap(), Ending::Sealed(EndStatus::RolledBack));
    assert_eq!(judged(&office.desk("alice"), &folder).1, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_starts_nothing_new_and_says_the_way_back_by_hand() {
    let office = Office::new();
    let mut driver = open(office.desk("alice"), drill(&[], 3)).await.unwrap();
    let folder = driver.folder().to_owned();
    let answering = tokio::spawn(crate::runtime::unattended::answer(driver.handle()));
    let mut news = driver.handle().news;
    let broken = {
        let folder = folder.clone();
        tokio::spawn(async move {
            let _ = news.wait_for(|now| now.state.entries >= 62).await;
            // Signatures can't be written any more, as on a full disk.
            std::fs::rename(folder.join("signatures"), folder.join("gone")).unwrap();
            std::fs::write(folder.join("signatures"), "in the way").unwrap();
        })
    };
    let error = tokio::time::timeout(Duration::from_secs(60), driver.run()).await.unwrap().unwrap_err().to_string();
    answering.abort();
    broken.await.unwrap();
    let created = driver.sandbox().unwrap().snapshot().keys("raxx-vault-operator")[1].id.clone();
    assert!(error.contains("by hand") && error.contains("aws iam update-access-key"), "{error}");
    assert!(error.contains(&created) && error.contains("infisical"), "{error}");
    assert!(!error.contains("AWS_SECRET_ACCESS_KEY="), "{error}");
    let all = transcript(&folder);
    let open = all.iter().filter(|entry| matches!(entry.body, Body::Started { .. })).count();
    let answered =
        all.iter().filter(|e| matches!(&e.body, Body::Finished { place, .. } if started(&all).contains(&place.step)));
    assert!(open <= answered.count(), "nothing is out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_back_while_a_read_is_out_is_no_defect() {
    let office = Office::new();
    let mut driver = open(office.desk("alice"), drill(&[Fault::Slow], 3)).await.unwrap();
    let handle = driver.handle();
    let answering = tokio::spawn(crate::runtime::unattended::answer(driver.handle()));
    let asking = tokio::spawn(async move {
        let mut news = handle.news.clone();
        // Samples of the create are being read.
        let _ = news.wait_for(|now| matches!(&now.focus, Focus::Sample { step } if step == "create") && now.busy).await;
        handle.decide(Decision::RollBack { reason: "no".into() }).await
    });
    assert_eq!(unattended_already(&mut driver).await, Ending::Sealed(EndStatus::RolledBack));
    asking.await.unwrap().unwrap();
    answering.abort();
    assert_eq!(judged(&office.desk("alice"), driver.folder()).1, 0);
}

async fn unattended_already(driver: &mut Driver) -> Ending {
    tokio::time::timeout(Duration::from_secs(60), driver.run()).await.expect("it ends").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_somebody_else_in_a_doubt_is_not_ours_and_stays() {
    let office = Office::new();
    let mut driver = open(office.desk("alice"), drill(&[], 3)).await.unwrap();
    let handle = driver.handle();
    let (sent, foreign) = tokio::sync::oneshot::channel();
    let script = tokio::spawn(async move {
        let mut news = handle.news.clone();
        let answering = tokio::spawn(crate::runtime::unattended::answer(handle.clone()));
        let _ = news.wait_for(|now| matches!(&now.focus, Focus::Confirm { step } if step == "create")).await;
        answering.abort();
        let _ = news
            .wait_for(|now| {
                now.state.step(&now.book, "create").is_some_and(|s| s.rows.iter().any(|r| r.look.is_some()))
            })
            .await;
        let _ = sent.send(());
        handle
    });
    let handle = tokio::select! {
        _ = driver.run() => panic!("it ended"),
        handle = async { foreign.await.unwrap(); script.await.unwrap() } => handle,
    };
    // The create is answered with 503 and not done; at the same time a colleague makes a key.
    let sandbox = driver.sandbox().unwrap();
    sandbox.inject(Fault::ServerError).unwrap();
    sandbox.inject(Fault::ForeignKey).unwrap();
    let answering = tokio::spawn(crate::runtime::unattended::answer(handle));
    let ending = unattended_already(&mut driver).await;
    answering.abort();
    assert_eq!(ending, Ending::Sealed(EndStatus::Aborted));
    let all = transcript(driver.folder());
    let said = all.iter().any(|e| matches!(&e.body, Body::Reconciled { outcome: Doubt::NotOurs, .. }));
    assert!(said, "a doubt about a foreign key");
    let keys = driver.sandbox().unwrap().snapshot().keys("raxx-vault-operator").to_vec();
    assert!(keys.len() == 2 && keys.iter().all(|key| key.status.name() == "Active"), "{keys:?}");
    assert!(reason(&all).contains("not ours"), "{}", reason(&all));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_leaves_in_the_middle_of_a_change_finds_it_in_doubt() {
    let office = Office::new();
    let mut driver = open(office.desk("alice"), drill(&[], 3)).await.unwrap();
    let folder = driver.folder().to_owned();
    let handle = driver.handle();
    let answering = tokio::spawn(crate::runtime::unattended::answer(driver.handle()));
    tokio::spawn(async move {
        let mut news = handle.news.clone();
        let _ = news.wait_for(|now| matches!(&now.focus, Focus::Answer { place } if place.step == "consumers")).await;
        let _ = handle.orders.send(Order::Leave).await;
    });
    assert_eq!(unattended_already(&mut driver).await, Ending::Left);
    answering.abort();
    drop(driver);
    assert!(!office.store().join(".drill").join(folder.file_name().unwrap()).exists(), "hosts' files are gone");
    let mut driver = loop {
        match resume(office.desk("alice"), &folder, None).await {
            Ok(driver) => break driver,
            Err(error) if error.what.contains("had again") => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(unattended(&mut driver).await.unwrap(), Ending::Sealed(EndStatus::Completed));
    let all = transcript(&folder);
    let doubts = all.iter().filter(|entry| matches!(entry.body, Body::InDoubt { .. })).count();
    assert!(doubts > 0);
    let failed = all.iter().any(|e| matches!(&e.body, Body::Finished { verdict: Verdict::Fail, .. }));
    assert!(!failed, "nothing failed, it was only not known");
}
