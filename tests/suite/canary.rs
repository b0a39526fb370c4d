//! Every secret of a drill is looked for in every place that outlives it or can be seen meanwhile. The sandbox makes its
//! secrets from the seed; the pair that the run itself creates is opened from its sealed file, as only the operator can.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use age::ssh::Identity;
use base64::Engine as _;
use keyward::sandbox::World;

use super::machine::{KEYWARD, Machine, block_on, files_below};

const SEED: u64 = 4711;
/// What the sandbox's holders keep beside the pair; nothing of it is keyward's business.
const BYSTANDERS: [&str; 2] = ["postgres://raxx:drill-canary@db.invalid/raxx", "drill-canary-session-key"];

/// A way to write a secret, and the secret so written.
fn disguises(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let percent = |lower: bool| -> String {
        let one = |byte: &u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
            _ if lower => format!("%{byte:02x}"),
            _ => format!("%{byte:02X}"),
        };
        bytes.iter().map(one).collect()
    };
    let mut all = vec![
        ("plain", secret.to_owned()),
        ("its first half", secret[..secret.len() / 2].to_owned()),
        ("its second half", secret[secret.len() / 2..].to_owned()),
        ("hex", hex::encode(bytes)),
        ("capital hex", hex::encode_upper(bytes)),
        ("URL", percent(false)),
        ("URL in small letters", percent(true)),
        ("escaped JSON", secret.replace('/', "\\/")),
        ("backwards", secret.chars().rev().collect()),
    ];
    // Within a longer text base64 has three forms; their middles don't depend on what is around.
    for (name, before) in [("base64", 0), ("base64 one off", 1), ("base64 two off", 2)] {
        let mut shifted = vec![b'.'; before];
        shifted.extend(bytes);
        let whole = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&shifted);
        all.push((name, whole[4..whole.len() - 4].to_owned()));
        let whole = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&shifted);
        all.push((name, whole[4..whole.len() - 4].to_owned()));
    }
    all.into_iter().map(|(name, text)| (name, text.into_bytes())).collect()
}

fn contains(place: &[u8], needle: &[u8]) -> bool {
    place.windows(needle.len()).any(|window| window == needle)
}

/// The place, the disguise: for each secret that is found.
fn found_in(places: &BTreeMap<String, Vec<u8>>, secrets: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for (n, secret) in secrets.iter().enumerate() {
        for (name, needle) in disguises(secret) {
            for (place, _) in places.iter().filter(|(_, bytes)| contains(bytes, &needle)) {
                found.push(format!("secret {n} as {name} in {place}"));
            }
        }
    }
    found
}

/// What others see of a drill while it runs: the arguments of its processes, and its sealed files.
#[derive(Default)]
struct Seen {
    arguments: BTreeSet<Vec<u8>>,
    sealed: BTreeMap<PathBuf, Vec<u8>>,
}

/// Command lines of all processes below that one.
fn arguments_below(pid: u32) -> BTreeSet<Vec<u8>> {
    if !Path::new("/proc/self/cmdline").exists() {
        let listed = std::process::Command::new("ps").args(["-axww", "-o", "args="]).output().unwrap();
        return listed.stdout.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    }
    let mut parents = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process that has just ended has no files any more.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let after = stat.rsplit(')').next().unwrap_or_default();
        parents.insert(pid, after.split_whitespace().nth(1).and_then(|p| p.parse::<u32>().ok()).unwrap_or(0));
    }
    let below = |mut one: u32| {
        while let Some(parent) = parents.get(&one) {
            if one == pid || *parent == pid {
                return true;
            }
            one = *parent;
        }
        false
    };
    let ours = parents.keys().filter(|one| below(**one));
    ours.filter_map(|one| std::fs::read(format!("/proc/{one}/cmdline")).ok()).filter(|line| !line.is_empty()).collect()
}

/// Drills, looking on all the while. Standard output, standard error, and what was seen.
fn drill_watched(machine: &Machine, arguments: &[&str]) -> (Vec<u8>, Vec<u8>, Seen) {
    let store = machine.store();
    let done = Arc::new(AtomicBool::new(false));
    block_on(async {
        let mut command = machine.command(KEYWARD);
        command.arg("--store").arg(&store).arg("--log").arg(machine.work().join("keyward.log")).arg("drill");
        command.args(["--yes", "--seed", &SEED.to_string()]).args(arguments).stdin(Stdio::null());
        let child = command.spawn().unwrap();
        let pid = child.id().unwrap();
        let watcher = {
            let done = Arc::clone(&done);
            std::thread::spawn(move || {
                let mut seen = Seen::default();
                while !done.load(Ordering::SeqCst) {
                    seen.arguments.extend(arguments_below(pid));
                    let sealed = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "age");
                    seen.sealed.extend(files_below(&store).into_iter().filter(|(path, _)| sealed(path)));
                }
                seen
            })
        };
        let output = tokio::time::timeout(std::time::Duration::from_secs(240), child.wait_with_output()).await;
        done.store(true, Ordering::SeqCst);
        let output = output.expect("the drill hangs").unwrap();
        (output.stdout, output.stderr, watcher.join().unwrap())
    })
}

/// Opens what was sealed to the operator.
fn opened(machine: &Machine, sealed: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<String, String> {
    let key = std::fs::read(machine.signing_key()).unwrap();
    let identity = Identity::from_buffer(&key[..], None).unwrap();
    let mut all = BTreeMap::new();
    for (path, bytes) in sealed {
        // One that was read while it was written, or is no text, is none to look for.
        let Ok(content) = age::decrypt(&identity, bytes) else { continue };
        let Ok(text) = String::from_utf8(content) else { continue };
        all.insert(path.file_name().unwrap().to_string_lossy().into_owned(), text);
    }
    all
}

/// Everything that is left of a drill, by place.
fn left(machine: &Machine, out: &[u8], err: &[u8], seen: &Seen) -> BTreeMap<String, Vec<u8>> {
    let mut places =
        BTreeMap::from([("standard output".to_owned(), out.to_vec()), ("standard error".into(), err.to_vec())]);
    for folder in [machine.store(), machine.home(), machine.work()] {
        let files = files_below(&folder).into_iter();
        places.extend(files.map(|(path, bytes)| (path.display().to_string(), bytes)));
    }
    places.extend(seen.arguments.iter().enumerate().map(|(n, line)| (format!("arguments {n}"), line.clone())));
    places
}

fn no_secret_is_left(arguments: &[&str]) {
    let machine = Machine::new();
    machine.signing_key();
    let (out, err, seen) = drill_watched(&machine, arguments);
    let world = World::example(SEED);
    let mut secrets: BTreeSet<String> = BYSTANDERS.iter().map(|secret| (*secret).to_owned()).collect();
    secrets.insert(world.operator.secret_access_key.expose().to_owned());
    secrets.insert(world.old_pair().unwrap().secret_access_key.expose().to_owned());
    let opened = opened(&machine, &seen.sealed);
    let made = |text: &&String| text.len() == 40 && !secrets.contains(*text);
    let new: BTreeSet<String> = opened.values().filter(made).cloned().collect();
    assert!(!new.is_empty(), "the new pair was sealed while the drill ran: {:?}", opened.keys());
    let old = world.old_pair().unwrap();
    assert!(
        opened.values().any(|text| text == old.secret_access_key.expose()),
        "the old pair was sealed, as the way back"
    );
    secrets.extend(new);
    let programs = seen.arguments.iter().filter(|line| contains(line, b"ssh") || contains(line, b"heroku"));
    assert!(programs.count() > 0, "children were seen: {}", seen.arguments.len());
    let places = left(&machine, &out, &err, &seen);
    for place in ["transcript.jsonl", "keyward.log", "runbook.yaml", "register.jsonl"] {
        assert!(
            places.iter().any(|(name, bytes)| name.ends_with(place) && (!bytes.is_empty() || place == "keyward.log")),
            "{place}"
        );
    }
    let found = found_in(&places, &secrets);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_completed_drill_leaves_its_secrets_nowhere() {
    no_secret_is_left(&["--json"]);
}

#[test]
fn a_drill_told_in_lines_leaves_its_secrets_nowhere() {
    no_secret_is_left(&["--plain"]);
}

#[test]
fn a_drill_that_goes_wrong_leaves_its_secrets_nowhere() {
    no_secret_is_left(&["--json", "--fault", "half-pair", "--fault", "holder-down"]);
}

#[test]
fn the_search_would_find_a_secret_in_each_of_its_disguises() {
    let secret = "Zr3/kX+0aB9cD8eF7gH6iJ5kL4mN3oP2qR1sT0uV".to_owned();
    for (name, disguised) in disguises(&secret) {
        let mut place = b"{\"at\":\"x\",\"value\":\"".to_vec();
        place.extend(disguised);
        place.extend(b"\"}\n");
        let places = BTreeMap::from([("here".to_owned(), place)]);
        assert!(!found_in(&places, &BTreeSet::from([secret.clone()])).is_empty(), "{name}");
    }
    for before in ["", "a", "ab", "abc"] {
        let place = base64::engine::general_purpose::STANDARD.encode(format!("{before}{secret}:tail"));
        let places = BTreeMap::from([("there".to_owned(), place.into_bytes())]);
        assert!(!found_in(&places, &BTreeSet::from([secret.clone()])).is_empty(), "after {before:?}");
    }
}
