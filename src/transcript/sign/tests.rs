//! Against the real `ssh-keygen` and `ssh-agent`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use secrecy::SecretString;

use super::*;
use crate::transcript::fixtures::*;
use crate::transcript::{Agent, KeyFile, SshKeygen, ensure_signing_key, open_signer, stock_check, stock_checks};

/// Runs a check's very text in the run's folder, as an auditor would paste it.
fn shell(folder: &Path, line: &str) -> bool {
    let done = Command::new("sh").args(["-c", line]).current_dir(folder).output().unwrap();
    done.status.success() && String::from_utf8_lossy(&done.stdout).contains("Good")
}

/// Every signed prefix of a run by that signer passes with stock tools and with ours, and fails for a changed line.
fn stock_agrees(folder: &Path, signer: &dyn Signer) {
    let run = folder.join("20261120T031500Z-r-u-7f3a");
    sealed_run(&run, signer);
    let allowed = allowed(&[signer]);
    fs::write(run.join("allowed_signers"), &allowed).unwrap();
    let report = judge(&run, &allowed);
    assert_eq!(report.exit, 0, "{:?}", report.findings);
    let checks = stock_checks(&report);
    assert_eq!(checks.len(), 3);
    for check in &checks {
        assert!(shell(&run, check), "{check}");
    }
    assert_eq!(checks[1], stock_check(2, ALICE, stamp(2)));
    let path = run.join("transcript.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("overdue", "overduE", 1)).unwrap();
    for check in &checks {
        assert!(!shell(&run, check), "{check}");
    }
    assert_eq!(judge(&run, &allowed).exit, 20);
}

#[test]
fn every_prefix_verifies_with_stock_tools_for_every_kind_of_key() {
    for arguments in [
        &["-t", "ed25519", "-N", ""][..],
        &["-t", "ecdsa", "-b", "256", "-N", ""],
        &["-t", "ecdsa", "-b", "384", "-N", ""],
        &["-t", "ecdsa", "-b", "521", "-N", ""],
        &["-t", "rsa", "-b", "2048", "-N", ""],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = make_key(dir.path(), "key", arguments);
        stock_agrees(dir.path(), &KeyFile::open(&path, ALICE).unwrap());
    }
}

#[test]
fn ssh_keygen_signs_too_and_its_signature_has_the_same_form() {
    let dir = tempfile::tempdir().unwrap();
    let path = make_key(dir.path(), "key", &["-t", "ed25519", "-N", ""]);
    stock_agrees(dir.path(), &SshKeygen::open(&path, ALICE).unwrap());
    // ed25519 is deterministic, so both make the very same file.
    let message = Message::of(b"one line\n");
    let ours = KeyFile::open(&path, ALICE).unwrap().sign(OPERATOR, &message).unwrap();
    assert_eq!(ours, SshKeygen::open(&path, ALICE).unwrap().sign(OPERATOR, &message).unwrap());
}

#[test]
fn ssh_keygens_refusal_is_told_in_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = make_key(dir.path(), "key", &["-t", "ed25519", "-N", ""]);
    let signer = SshKeygen::open(&path, ALICE).unwrap();
    fs::remove_file(&path).unwrap();
    let error = signer.sign(OPERATOR, &Message::of(b"x")).unwrap_err();
    assert!(matches!(&error, SignError::Refused(why) if why.contains("said")), "{error}");
    let none = signer.program(Path::new("/nonexistent/ssh-keygen")).sign(OPERATOR, &Message::of(b"x"));
    assert!(none.unwrap_err().to_string().contains("can't be started"));
    fs::remove_file(dir.path().join("key.pub")).unwrap();
    assert!(matches!(SshKeygen::open(&path, ALICE), Err(SignError::Key { .. })));
}

#[test]
fn an_encrypted_key_says_so_and_opens_with_its_passphrase_only() {
    let dir = tempfile::tempdir().unwrap();
    // One round of the KDF: this is about the words, not the strength.
    let path = make_key(dir.path(), "key", &["-t", "ed25519", "-N", "correct horse", "-a", "1"]);
    assert_eq!(KeyFile::open(&path, ALICE).unwrap_err(), SignError::NeedsPassphrase(path.clone()));
    let wrong = KeyFile::open_encrypted(&path, ALICE, &SecretString::from("wrong")).unwrap_err();
    assert_eq!(wrong, SignError::WrongPassphrase(path.clone()));
    let right = KeyFile::open_encrypted(&path, ALICE, &SecretString::from("correct horse")).unwrap();
    assert!(!format!("{right:?}").contains("horse"));
    right.sign(OPERATOR, &Message::of(b"x")).unwrap();
}

#[test]
fn what_is_no_key_is_named_and_nothing_of_it_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    assert!(matches!(KeyFile::open(&path, ALICE), Err(SignError::Key { .. })));
    fs::write(&path, "AWS_SECRET_ACCESS_KEY=wJalr").unwrap();
    let error = KeyFile::open(&path, ALICE).unwrap_err().to_string();
    assert!(error.contains("not an OpenSSH private key") && !error.contains("wJalr"), "{error}");
    let good = make_key(dir.path(), "good", &["-t", "ed25519", "-N", ""]);
    assert!(matches!(KeyFile::open(&good, "alice *"), Err(SignError::Principal(_))));
}

/// A real agent on a socket of its own; it ends with the test.
struct RealAgent {
    child: Child,
    socket: std::path::PathBuf,
}

impl RealAgent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent");
        let mut child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It prints its environment once it listens.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
        Self { child, socket }
    }

    fn add(&self, arguments: &[&str], key: &Path) {
        let done = Command::new("ssh-add")
            .args(arguments)
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket)
            .env("SSH_ASKPASS", "/bin/false")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_real_agent_signs_with_every_kind_of_key() {
    for arguments in
        [&["-t", "ed25519", "-N", ""][..], &["-t", "ecdsa", "-N", ""], &["-t", "rsa", "-b", "2048", "-N", ""]]
    {
        let dir = tempfile::tempdir().unwrap();
        let agent = RealAgent::start(dir.path());
        let path = make_key(dir.path(), "key", arguments);
        agent.add(&["-q"], &path);
        let keys = Agent::keys(&agent.socket).unwrap();
        assert_eq!(keys.len(), 1);
        let signer = Agent::open(&agent.socket, keys[0].clone(), ALICE).unwrap();
        fs::remove_file(&path).unwrap();
        stock_agrees(dir.path(), &signer);
    }
}

#[test]
fn an_agent_that_refuses_lacks_the_key_or_is_gone_appends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let agent = RealAgent::start(dir.path());
    let path = make_key(dir.path(), "key", &["-t", "ed25519", "-N", ""]);
    let public = ssh_key::PublicKey::read_openssh_file(dir.path().join("key.pub")).unwrap();
    let error = Agent::open(&agent.socket, public.clone(), ALICE).unwrap_err();
    assert!(matches!(error, SignError::NotInAgent(_)), "{error}");
    // -c: each use is to be confirmed, and the program that asks says no.
    agent.add(&["-q", "-c"], &path);
    let signer = Agent::open(&agent.socket, public.clone(), ALICE).unwrap().patience(Duration::from_secs(20));
    let run = dir.path().join("run");
    let local = KeyFile::open(&path, ALICE).unwrap();
    let mut writer = open_run(&run, &local);
    let before = fs::read(run.join("transcript.jsonl")).unwrap();
    let error = writer.append_checkpoint(stamp(9), None, ALICE, sealed(&[]), &signer).unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    drop(agent);
    let error = writer.append_checkpoint(stamp(9), None, ALICE, sealed(&[]), &signer).unwrap_err();
    assert!(error.to_string().contains("can't be reached"), "{error}");
    assert!(matches!(Agent::open(&dir.path().join("no"), public, ALICE), Err(SignError::NoAgent(_))));
    assert_eq!(fs::read(run.join("transcript.jsonl")).unwrap(), before);
    assert_eq!(fs::read_dir(run.join("signatures")).unwrap().count(), 2);
    finish_run(&mut writer, &local);
    assert_eq!(judge(&run, &allowed(&[&local])).exit, 0, "the run goes on as if nothing had been tried");
}

#[cfg(unix)]
#[test]
fn an_agent_that_never_answers_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = make_key(dir.path(), "key", &["-t", "ed25519", "-N", ""]);
    let public = ssh_key::PublicKey::read_openssh_file(path.with_extension("pub")).unwrap();
    let agent = RealAgent::start(dir.path());
    agent.add(&["-q"], &path);
    let signer = Agent::open(&agent.socket, public, ALICE).unwrap().patience(Duration::from_millis(50));
    drop(agent);
    let _ = fs::remove_file(dir.path().join("agent"));
    // It takes connections into its queue and says nothing.
    let _mute = std::os::unix::net::UnixListener::bind(dir.path().join("agent")).unwrap();
    let error = signer.sign(OPERATOR, &Message::of(b"x")).unwrap_err();
    assert!(matches!(error, SignError::NoAgent(_) | SignError::Refused(_)), "{error}");
}

#[test]
fn the_key_made_on_first_use_is_private_kept_and_trusted_by_the_file_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("keys");
    let first = ensure_signing_key(&folder, Some(ALICE)).unwrap();
    assert!(first.made);
    assert!(
        first.line.starts_with(&format!("{ALICE} namespaces=\"operator@keyward\" ssh-ed25519 AAAA")),
        "{}",
        first.line
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(first.key.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let bytes = fs::read(first.key.path()).unwrap();
    let again = ensure_signing_key(&folder, None).unwrap();
    assert_eq!(again.key.principal(), ALICE, "it stays the one that the key was made for");
    assert!(!again.made);
    assert_eq!(fs::read(again.key.path()).unwrap(), bytes);
    assert_eq!(fs::read_to_string(&again.allowed_signers).unwrap(), format!("{}\n", first.line));
    // ssh-keygen takes both files as they are.
    fs::write(dir.path().join("text"), "hello\n").unwrap();
    fs::write(dir.path().join("text.sig"), again.key.sign(OPERATOR, &Message::of(b"hello\n")).unwrap()).unwrap();
    let good = format!("ssh-keygen -Y verify -f keys/allowed_signers -I {ALICE} -n {OPERATOR} -s text.sig < text");
    assert!(shell(dir.path(), &good));
    assert!(shell(
        dir.path(),
        "ssh-keygen -y -f keys/id_ed25519 >/dev/null && ssh-keygen -l -f keys/id_ed25519.pub && echo Good"
    ));
    fs::write(again.key.path(), "no key").unwrap();
    assert!(ensure_signing_key(&folder, Some(ALICE)).is_err());
    assert_eq!(fs::read(again.key.path()).unwrap(), b"no key", "what is there is never replaced");
    assert!(ensure_signing_key(&folder, Some("*")).is_err());
}

#[test]
fn a_signature_that_is_not_exactly_of_that_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let message = Message::of(b"x\n");
    let good = alice.sign(OPERATOR, &message).unwrap();
    check(good.as_bytes(), OPERATOR, message.sha512()).unwrap();
    let refused =
        |text: &str, namespace: &str, sha512: &[u8; 64]| check(text.as_bytes(), namespace, sha512).unwrap_err();
    assert!(refused(&good, APPROVER, message.sha512()).contains("signed under `operator@keyward`"));
    assert!(refused(&good, OPERATOR, Message::of(b"y\n").sha512()).contains("does not fit"));
    for text in [
        String::new(),
        good.replace('\n', "\r\n"),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("\n{good}"),
        good.replacen("SIGNATURE", "SIGNATUR", 1),
        good.replacen('\n', "\n\n", 1),
    ] {
        refused(&text, OPERATOR, message.sha512());
    }
    // SHA-256 is a hash that ssh-keygen takes; one form for one thing is stricter.
    let path = dir.path().join("m");
    fs::write(&path, "x\n").unwrap();
    let done = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-q", "-O", "hashalg=sha256", "-n", OPERATOR, "-f"])
        .args([alice.path(), &path])
        .output()
        .unwrap();
    assert!(done.status.success());
    let weak = fs::read_to_string(dir.path().join("m.sig")).unwrap();
    assert!(refused(&weak, OPERATOR, message.sha512()).contains("over SHA-512"));
}

#[test]
fn the_way_to_sign_follows_from_the_key_that_was_configured() {
    let dir = tempfile::tempdir().unwrap();
    let message = Message::of(b"x\n");
    let signs = |signer: Box<dyn Signer>| signer.sign(OPERATOR, &message).unwrap();
    let plain = make_key(dir.path(), "plain", &["-t", "ed25519", "-N", ""]);
    let locked = make_key(dir.path(), "locked", &["-t", "ed25519", "-N", "correct horse", "-a", "1"]);
    let passphrase = SecretString::from("correct horse");
    signs(open_signer(&plain, ALICE, None, None).unwrap());
    assert!(matches!(open_signer(&locked, ALICE, None, None), Err(SignError::NeedsPassphrase(_))));
    signs(open_signer(&locked, ALICE, None, Some(&passphrase)).unwrap());
    let agent = RealAgent::start(dir.path());
    let socket = Some(agent.socket.as_path());
    assert!(matches!(open_signer(&locked, ALICE, socket, None), Err(SignError::NeedsPassphrase(_))));
    agent.add(&["-q"], &plain);
    fs::remove_file(&plain).unwrap();
    signs(open_signer(&dir.path().join("plain.pub"), ALICE, socket, None).unwrap());
    let lost = open_signer(&dir.path().join("plain.pub"), ALICE, None, None).unwrap();
    assert!(lost.sign(OPERATOR, &message).is_err(), "without an agent a public key signs nothing");
    assert!(matches!(open_signer(&dir.path().join("none"), ALICE, socket, None), Err(SignError::Key { .. })));
    assert!(matches!(open_signer(&locked, "a b", socket, Some(&passphrase)), Err(SignError::Principal(_))));
}

/// A key on a device, played by a key in memory (OpenSSH's PROTOCOL.u2f): it signs whether it was touched or not.
struct Device {
    inner: ssh_key::PrivateKey,
    key: ssh_key::PublicKey,
    touched: bool,
}

impl Device {
    fn new(touched: bool) -> Self {
        let inner = ssh_key::PrivateKey::random(&mut rand::rng(), ssh_key::Algorithm::Ed25519).unwrap();
        let public = *inner.public_key().key_data().ed25519().unwrap();
        let key = KeyData::SkEd25519(ssh_key::public::SkEd25519::new(public, "ssh:")).into();
        Self { inner, key, touched }
    }
}

fn raw<K: ssh_key::SigningKey>(key: &K, data: &[u8]) -> Signature {
    key.try_sign(data).unwrap()
}

impl Signer for Device {
    fn principal(&self) -> &str {
        ALICE
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn sign(&self, namespace: &str, message: &Message<'_>) -> Result<String, SignError> {
        use sha2::Sha256;
        let tail = [u8::from(self.touched), 0, 0, 0, 7];
        let mut data = Sha256::digest(b"ssh:").to_vec();
        data.extend(tail);
        data.extend(Sha256::digest(signed_data(namespace, message)?));
        let mut bytes = raw(&self.inner, &data).as_bytes().to_vec();
        bytes.extend(tail);
        armour(self.key.key_data(), namespace, Signature::new(ssh_key::Algorithm::SkEd25519, bytes).unwrap())
    }
}

#[test]
fn a_key_on_a_device_counts_only_if_it_was_touched() {
    let dir = tempfile::tempdir().unwrap();
    stock_agrees(dir.path(), &Device::new(true));
    let untouched = Device::new(false);
    let run = dir.path().join("untouched");
    sealed_run(&run, &untouched);
    let allowed = allowed(&[&untouched]);
    fs::write(run.join("allowed_signers"), &allowed).unwrap();
    let report = judge(&run, &allowed);
    assert_eq!(report.exit, 21);
    assert!(report.signatures.iter().all(|signature| signature.why.contains("without a touch")));
    assert!(shell(&run, &report.signatures[0].check), "ssh-keygen alone does not ask for the touch");
}

#[test]
fn a_certificate_signs_and_is_not_trusted_as_a_persons_own_key() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, key) = (
        make_key(dir.path(), "ca", &["-t", "ed25519", "-N", ""]),
        make_key(dir.path(), "key", &["-t", "ed25519", "-N", ""]),
    );
    let done = Command::new("ssh-keygen")
        .args(["-q", "-I", "alice", "-n", ALICE, "-s"])
        .arg(&authority)
        .arg(key.with_extension("pub"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let signer = SshKeygen::open(&dir.path().join("key-cert.pub"), ALICE).unwrap();
    let run = dir.path().join("run");
    sealed_run(&run, &signer);
    let plain = KeyFile::open(&key, ALICE).unwrap();
    let report = judge(&run, &allowed(&[&plain]));
    assert_eq!(report.exit, 21, "{:?}", report.findings);
    assert!(report.findings.iter().any(|f| f.text.contains("with a certificate")), "{:?}", report.findings);
}
