//! A drill that goes on in another process: after a kill at any entry, and from its own seal on not at all.

use super::*;
use crate::engine::decision::Decision;
use crate::engine::entry::EndStatus;
use crate::runtime::driver::Ending;
use crate::runtime::open::open;
use crate::runtime::resume::resume;
use crate::sandbox::KeyStatus;

const USER: &str = "raxx-vault-operator";

/// Lets a drill run up to that many entries, and drops everything there: nothing of the process is left but its files.
async fn stopped_at(office: &Office, entries: u64, faults: &[Fault]) -> PathBuf {
    let mut driver = open(office.desk("alice"), drill(faults, 5)).await.unwrap();
    let folder = driver.folder().to_owned();
    let answering = tokio::spawn(crate::runtime::unattended::answer(driver.handle()));
    let mut news = driver.handle().news;
    tokio::select! {
        ended = driver.run() => panic!("{ended:?} before entry {entries}"),
        _ = news.wait_for(|now| now.state.entries >= entries) => {}
    }
    answering.abort();
    drop(driver);
    folder
}

async fn again(office: &Office, folder: &Path) -> Driver {
    // The port is free again when the server's task has ended.
    for _ in 0..50 {
        match resume(office.desk("alice"), folder, None).await {
            Ok(driver) => return driver,
            Err(error) if error.what.contains("can't be had again") => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the port was never free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_that_was_stopped_anywhere_goes_on_to_its_end() {
    for entries in [1, 4, 18, 22, 31, 58, 66, 84, 112, 130, 158] {
        let office = Office::new();
        let folder = stopped_at(&office, entries, &[]).await;
        let mut driver = again(&office, &folder).await;
        let ending = unattended(&mut driver).await.unwrap();
        let world = driver.sandbox().unwrap().snapshot();
        // A key whose secret was lost with the process can't be used: back, and it is deleted.
        let lost = transcript(&folder).iter().any(|entry| matches!(entry.body, Body::RollbackBegun { .. }));
        let expected = if lost { EndStatus::RolledBack } else { EndStatus::Completed };
        assert_eq!(ending, Ending::Sealed(expected), "from {entries}");
        assert!(!lost || entries == 22, "from {entries}: {}", reason(&transcript(&folder)));
        assert_eq!(world.keys(USER).len(), 1, "from {entries}");
        assert!(world.broken().is_empty(), "from {entries}: {:?}", world.broken());
        drop(driver);
        assert_eq!(judged(&office.desk("alice"), &folder), (Status::Sealed, 0), "from {entries}");
        assert!(std::fs::read_dir(folder.join("sealed")).unwrap().next().is_none(), "nothing sealed is left");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_that_was_stopped_anywhere_goes_back_to_one_old_key() {
    for entries in [22, 26, 58, 70, 84, 100, 114, 140] {
        let office = Office::new();
        let folder = stopped_at(&office, entries, &[]).await;
        let mut driver = again(&office, &folder).await;
        driver.first(Decision::RollBack { reason: "not today".into() }).await.unwrap().unwrap();
        let ending = unattended(&mut driver).await.unwrap();
        let world = driver.sandbox().unwrap().snapshot();
        // A create that never left changed nothing.
        let unsent = entries == 22 && world.keys(USER).len() == 1 && ending == Ending::Sealed(EndStatus::Aborted);
        assert!(
            unsent || ending == Ending::Sealed(EndStatus::RolledBack),
            "from {entries}: {ending:?}, {:?}: {}",
            world.keys(USER),
            reason(&transcript(&folder))
        );
        let active: Vec<_> = world.keys(USER).iter().filter(|key| key.status == KeyStatus::Active).collect();
        assert!(active.len() == 1 && active[0].id.ends_with("OLD1"), "from {entries}: {active:?}");
        assert!(world.broken().is_empty(), "from {entries}: {:?}", world.broken());
        drop(driver);
        assert_eq!(judged(&office.desk("alice"), &folder).1, 0, "from {entries}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_killed_drill_holds_no_secret_in_clear() {
    let office = Office::new();
    let mut driver = open(office.desk("alice"), drill(&[], 5)).await.unwrap();
    let secret = driver.sandbox().unwrap().operator().secret_access_key.clone();
    let old = crate::sandbox::World::example(5).old_pair().unwrap().secret_access_key;
    let folder = driver.folder().to_owned();
    let answering = tokio::spawn(crate::runtime::unattended::answer(driver.handle()));
    let mut news = driver.handle().news;
    tokio::select! {
        ended = driver.run() => panic!("{ended:?}"),
        _ = news.wait_for(|now| now.state.entries >= 60) => {}
    }
    answering.abort();
    assert!(folder.join("sealed/sandbox-world.age").is_file());
    for planted in [secret.expose(), old.expose(), "drill-canary"] {
        assert_eq!(files_with(&folder, planted), Vec::<PathBuf>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_somebody_else_has_now_is_named_and_nothing_is_written() {
    let office = Office::new();
    let folder = stopped_at(&office, 30, &[]).await;
    let Body::Opened(opened) = transcript(&folder)[0].body.clone() else { panic!("no entry 0") };
    let port: u16 = opened.endpoints["iam"].rsplit(':').next().unwrap().parse().unwrap();
    let before = transcript(&folder).len();
    let squatter = loop {
        match std::net::TcpListener::bind(("127.0.0.1", port)) {
            Ok(squatter) => break squatter,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let error = resume(office.desk("alice"), &folder, None).await.err().expect("the port is taken");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert_eq!(transcript(&folder).len(), before);
    drop(squatter);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_whose_world_was_changed_or_taken_away_is_not_gone_on_with() {
    let office = Office::new();
    let folder = stopped_at(&office, 30, &[]).await;
    let world = folder.join("sealed/sandbox-world.age");
    let mut bytes = std::fs::read(&world).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&world, bytes).unwrap();
    assert!(resume(office.desk("alice"), &folder, None).await.is_err());
    std::fs::remove_file(folder.join("sealed/sandbox.age")).unwrap();
    let error = resume(office.desk("alice"), &folder, None).await.err().unwrap().to_string();
    assert!(error.contains("start the drill again"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_in_doubt_across_a_stop_is_asked_about_before_anything_else() {
    let office = Office::new();
    let folder = stopped_at(&office, 22, &[Fault::LostCreate]).await;
    let mut driver = again(&office, &folder).await;
    let ending = unattended(&mut driver).await.unwrap();
    assert_eq!(ending, Ending::Sealed(EndStatus::RolledBack));
    let world = driver.sandbox().unwrap().snapshot();
    assert_eq!(world.keys(USER).len(), 1);
    let sent = transcript(&folder)
        .iter()
        .filter(|e| matches!(&e.body, Body::Started { place, .. } if place.step == "create"))
        .count();
    assert_eq!(sent, 1);
}
