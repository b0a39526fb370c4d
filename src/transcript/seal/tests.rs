use std::process::Command;

use super::*;
use crate::transcript::fixtures::{ALICE, make_key, signer};
use crate::transcript::sign::Signer as _;

fn public(key: &KeyFile) -> String {
    key.public_key().to_openssh().unwrap()
}

fn secret() -> Secret {
    Secret::new("{\"id\":\"AKIA\",\"secret\":\"hunter2hunter2\"}".into())
}

#[test]
fn what_is_sealed_to_a_key_opens_with_that_key_only() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let rsa = make_key(dir.path(), "rsa", &["-t", "rsa", "-b", "2048", "-N", ""]);
    let (alice, bob) = (signer(dir.path(), ALICE), KeyFile::open(&rsa, "bob").unwrap());
    let stranger = signer(dir.path(), "mallory");
    let keys = [public(&alice), public(&bob)];
    let sealer = Sealer::to_keys(keys.iter().map(String::as_str)).unwrap();
    assert_eq!(sealer.keys(), Some(2));
    sealer.seal(&run, "new_key.pair", &secret()).unwrap();
    let file = run.join("sealed/new_key.pair.age");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(run.join("sealed")).unwrap().permissions().mode() & 0o777, 0o700);
    }
    assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains("hunter2"));
    for key in [&alice, &bob] {
        let opened = Unsealer::with_key(key).unwrap().open(&run, "new_key.pair").unwrap();
        assert_eq!(opened.expose(), secret().expose());
    }
    let error = Unsealer::with_key(&stranger).unwrap().open(&run, "new_key.pair").unwrap_err().to_string();
    assert!(error.contains("sealed to other keys"), "{error}");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert!(Unsealer::with_key(&alice).unwrap().open(&run, "new_key.pair").is_err());
    bytes.truncate(bytes.len() - 20);
    fs::write(&file, &bytes).unwrap();
    assert!(Unsealer::with_key(&alice).unwrap().open(&run, "new_key.pair").is_err());
    fs::write(&file, "not age").unwrap();
    assert!(Unsealer::with_key(&alice).unwrap().open(&run, "new_key.pair").is_err());
}

#[test]
fn an_encrypted_key_opens_sealed_files_once_its_passphrase_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let path = make_key(dir.path(), "key", &["-t", "ed25519", "-N", "correct horse", "-a", "1"]);
    let key = KeyFile::open_encrypted(&path, ALICE, &SecretString::from("correct horse")).unwrap();
    let sealer = Sealer::to_keys([public(&key).as_str()]).unwrap();
    sealer.seal(dir.path(), "old", &secret()).unwrap();
    assert_eq!(Unsealer::with_key(&key).unwrap().open(dir.path(), "old").unwrap().expose(), secret().expose());
}

#[test]
fn a_passphrase_is_the_way_where_no_key_can() {
    let dir = tempfile::tempdir().unwrap();
    let path = make_key(dir.path(), "key", &["-t", "ecdsa", "-N", ""]);
    let key = KeyFile::open(&path, ALICE).unwrap();
    assert!(Sealer::to_keys([public(&key).as_str(), "ssh-ed25519 broken"]).is_none());
    assert!(Unsealer::with_key(&key).is_err());
    let sealer = Sealer::under(SecretString::from("correct horse"));
    assert_eq!(sealer.keys(), None);
    sealer.seal(dir.path(), "old", &secret()).unwrap();
    let right = Unsealer::with_passphrase(SecretString::from("correct horse"));
    assert_eq!(right.open(dir.path(), "old").unwrap().expose(), secret().expose());
    assert!(Unsealer::with_passphrase(SecretString::from("wrong")).open(dir.path(), "old").is_err());
    assert!(!format!("{sealer:?} {right:?}").contains("horse"));
}

#[test]
fn the_fingerprint_key_comes_back_and_everything_can_be_destroyed() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("run");
    let roster = Roster::of_one(ALICE, alice.public_key(), &["ops"], "").unwrap();
    let sealer = Sealer::to_roster(&roster, &[]).unwrap();
    let key = FingerprintKey::random();
    sealer.seal_fingerprint_key(&run, &key).unwrap();
    for name in ["old.raxx-backup", "new_key"] {
        sealer.seal(&run, name, &secret()).unwrap();
    }
    let with = Unsealer::with_key(&alice).unwrap();
    assert_eq!(with.open_fingerprint_key(&run).unwrap().expose(), key.expose());
    assert_eq!(sealed_names(&run).unwrap(), ["new_key", "old.raxx-backup"]);
    destroy(&run, "new_key").unwrap();
    destroy(&run, "new_key").unwrap();
    assert!(with.open(&run, "new_key").is_err());
    destroy_all(&run).unwrap();
    assert_eq!(fs::read_dir(run.join("sealed")).unwrap().count(), 0);
    destroy_all(&dir.path().join("no run")).unwrap();
}

#[test]
fn a_key_for_an_emergency_can_be_one_of_ages_own() {
    use age::secrecy::ExposeSecret as _;
    let dir = tempfile::tempdir().unwrap();
    let safe = age::x25519::Identity::generate();
    let sealer = Sealer::to_roster(&Roster::default(), &[safe.to_public().to_string()]).unwrap();
    sealer.seal(dir.path(), "old", &secret()).unwrap();
    let file = fs::read(dir.path().join("sealed/old.age")).unwrap();
    assert_eq!(age::decrypt(&safe, &file).unwrap(), secret().expose().as_bytes());
    assert!(Sealer::to_keys([safe.to_string().expose_secret()]).is_none(), "a private key is no recipient");
}

#[test]
fn a_name_does_not_lead_out_of_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let sealer = Sealer::to_keys([public(&alice).as_str()]).unwrap();
    for name in ["../x", "a/b", "", ".hidden", "a\nb"] {
        let error = sealer.seal(dir.path(), name, &secret()).unwrap_err().to_string();
        assert!(error.contains("can't name a sealed file") && !error.contains("hunter2"), "{error}");
        assert!(destroy(dir.path(), name).is_err());
    }
}

#[test]
fn stock_age_reads_it_where_it_is_installed() {
    if Command::new("age").arg("--version").output().is_err() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    Sealer::to_keys([public(&alice).as_str()]).unwrap().seal(dir.path(), "old", &secret()).unwrap();
    let done = Command::new("age")
        .arg("-d")
        .arg("-i")
        .arg(alice.path())
        .arg(dir.path().join("sealed/old.age"))
        .output()
        .unwrap();
    assert_eq!(done.stdout, secret().expose().as_bytes());
}
