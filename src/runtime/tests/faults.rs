//! Every fault, unattended, with several seeds: where it ends, and what is true in the world then.
//!
//! `KEYWARD_BLESS=1 cargo test --lib every_fault -- --ignored` writes `docs/faults.md` anew.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::runtime::driver::Ending;
use crate::runtime::open::open;
use crate::sandbox::{KeyStatus, Snapshot};

const USER: &str = "raxx-vault-operator";
const OLD: &str = "AKIAEXAMPLE00000OLD1";

/// How a drill ended.
struct Ended {
    words: &'static str,
    reason: String,
    entries: usize,
    keys: String,
    broken: String,
}

async fn end_of(fault: Fault, seed: u64) -> Ended {
    let office = Office::new();
    let session = office.desk("alice");
    let mut driver = open(session.clone(), drill(&[fault], seed)).await.unwrap();
    let ending = unattended(&mut driver).await.unwrap();
    let world = driver.sandbox().unwrap().snapshot();
    let folder = driver.folder().to_owned();
    drop(driver);
    let all = transcript(&folder);
    let (words, exit) = match ending {
        Ending::Sealed(crate::engine::entry::EndStatus::Completed) => ("completed", 0),
        Ending::Sealed(crate::engine::entry::EndStatus::RolledBack) => ("rolled back", 0),
        Ending::Sealed(crate::engine::entry::EndStatus::Aborted) => ("aborted", 0),
        Ending::Suspended => ("paused", 10),
        Ending::Left => panic!("{fault}: left"),
    };
    assert_eq!(judged(&session, &folder).1, exit, "{fault}");
    let reason = reason(&all);
    assert_eq!(reason.is_empty(), words == "completed", "{fault}: {reason}");
    careful(fault, words, &world, &all);
    let broken = world.broken();
    Ended {
        words,
        reason,
        entries: all.len(),
        keys: keys(fault, &world),
        broken: if broken.is_empty() { "all".into() } else { format!("all but {}", broken.join(", ")) },
    }
}

fn keys(fault: Fault, world: &Snapshot) -> String {
    let name = |id: &str| match id {
        OLD => "old".to_owned(),
        "AKIAEXAMPLE00000OLD2" | "AKIAEXAMPLE000003KLM" => "another old one".to_owned(),
        _ if fault == Fault::ForeignKey => "somebody else's".to_owned(),
        _ => "new".to_owned(),
    };
    let words: Vec<String> =
        world.keys(USER).iter().map(|key| format!("{} {}", name(&key.id), key.status.name())).collect();
    if words.is_empty() { "none".into() } else { words.join(", ") }
}

/// What holds at every end.
fn careful(fault: Fault, words: &str, world: &Snapshot, all: &[Entry]) {
    let active: Vec<&str> =
        world.keys(USER).iter().filter(|key| key.status == KeyStatus::Active).map(|key| key.id.as_str()).collect();
    assert!(!active.is_empty(), "{fault}: no key works any more");
    match words {
        "rolled back" => assert_eq!(active, [OLD], "{fault}"),
        "completed" => assert!(active.len() == 1 && active[0] != OLD, "{fault}: {active:?}"),
        _ => {}
    }
    // Whom the list forgot breaks only with the old key; a world that starts broken is not our doing.
    let started_broken = matches!(fault, Fault::StaleSecret | Fault::WrongOldPair);
    if !started_broken {
        // Dynos that outlive the put by two hours hold the new pair that long after the way back, which switches it off.
        let outlived = |name: &str| fault == Fault::SlowDynos && name == "raxx-api-prod";
        let broken: Vec<&str> = world.broken().into_iter().filter(|name| !outlived(name)).collect();
        assert!(broken.is_empty(), "{fault}: {words}, and {broken:?} do not work");
    }
    if words == "aborted" && fault != Fault::EarlyDelete {
        let acted = all.iter().any(|entry| {
            matches!(&entry.body, Body::Finished { place, verdict: crate::engine::entry::Verdict::Pass, .. }
                if matches!(place.step.as_str(), "create" | "store" | "consumers" | "deactivate" | "delete"))
        });
        assert!(!acted, "{fault}: given up after something was changed");
    }
}

/// Ids and times differ from drill to drill.
fn steady(text: &str) -> String {
    let id = regex::Regex::new(r"AKIAEXAMPLE[A-Z0-9]{9}").unwrap();
    let text = id.replace_all(text, |found: &regex::Captures<'_>| match &found[0] {
        known if known.contains("0000") => known.to_owned(),
        _ => "AKIA…NEW".to_owned(),
    });
    let id = regex::Regex::new(r"AKIAEXAMPLE(\w{9})").unwrap();
    let text = id.replace_all(&text, "AKIA…$1");
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    time.replace_all(&text, "…").replace('|', "\\|")
}

fn table() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")
}

/// All faults with one seed, a few at a time.
async fn all(seed: u64) -> BTreeMap<&'static str, Ended> {
    use futures_util::StreamExt;
    let each = futures_util::stream::iter(Fault::all())
        .map(|fault| async move { (fault.name(), tokio::spawn(end_of(fault, seed)).await.unwrap()) });
    each.buffer_unordered(3).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a minute: every fault, and docs/faults.md held against it"]
async fn every_fault_ends_where_a_careful_engineer_would_end() {
    let ended = all(7).await;
    let mut text = String::from(
        "# What goes wrong in a drill, and how it ends\n\n\
         `keyward drill --yes --fault NAME`. Written by a test; `KEYWARD_BLESS=1 cargo test --lib every_fault -- --ignored` writes it anew.\n\
         Keys are those of the rotated user at the end, as they are in truth; whoever works was really tried.\n\n\
         | fault | what goes wrong | ends | why, in the transcript's words | entries | keys left | who works |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for fault in Fault::all() {
        let end = &ended[fault.name()];
        let reason = match fault {
            // Whether the list shows the other key already is chance.
            Fault::ForeignKey => {
                "step 2, “Create the new key”: the user has two keys already: so the list says, or AWS".into()
            }
            _ => steady(&end.reason),
        };
        let entries = end.entries.div_ceil(50) * 50;
        text.push_str(&format!(
            "| `{}` | {} | {} | {reason} | < {entries} | {} | {} |\n",
            fault.name(),
            fault.what(),
            end.words,
            end.keys,
            end.broken
        ));
    }
    if std::env::var_os("KEYWARD_BLESS").is_some() {
        std::fs::create_dir_all(table().parent().unwrap()).unwrap();
        std::fs::write(table(), &text).unwrap();
    }
    // How many reads it took depends on the time of day and on chance.
    let count = regex::Regex::new(r"\| < \d+ \|").unwrap();
    let plain = |text: &str| count.replace_all(text, "").into_owned();
    let kept = std::fs::read_to_string(table()).unwrap_or_default();
    assert_eq!(plain(&text), plain(&kept), "KEYWARD_BLESS=1 writes docs/faults.md anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: every fault with more seeds"]
async fn chance_changes_nothing_of_how_a_fault_ends() {
    let first = all(7).await;
    for seed in [8, 9, 4711] {
        for (fault, end) in all(seed).await {
            assert_eq!((end.words, &end.keys), (first[fault].words, &first[fault].keys), "{fault}, seed {seed}");
        }
    }
}
