//! The shipped runbook, byte for byte, against moto's server, which no one here wrote, with authentication on.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::machine::{Drilled, Machine, REPOSITORY, run};
use super::python::program;

const USER: &str = "raxx-vault-operator";
const BUCKET: &str = "raxx-backups";

/// A moto server with the world of a rehearsal, killed at the end.
pub(crate) struct Moto {
    server: Child,
    pub url: String,
    /// The operator's pair, and the one that is rotated.
    pub operator: [String; 2],
    pub old: [String; 2],
    /// Every user's pair, by name.
    pub pairs: BTreeMap<String, [String; 2]>,
}

impl Drop for Moto {
    fn drop(&mut self) {
        // One that is gone already needs no end.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(REPOSITORY).join("tests/python").join(name)
}

impl Moto {
    pub(crate) fn start(machine: &Machine) -> Self {
        Self::start_with(machine, &[USER])
    }

    /// With these users, the first of them as the one that is rotated.
    pub(crate) fn start_with(machine: &Machine, users: &[&str]) -> Self {
        let python = program("python");
        // Free now; nobody else here asks for it by number.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(machine.work().join("moto.log")).unwrap();
        let mut command = Command::new(&python);
        command.arg(script("moto_strict.py")).args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let server = command.stdout(Stdio::null()).stderr(log).stdin(Stdio::null()).spawn().unwrap();
        let mut moto = Self {
            server,
            url: format!("http://127.0.0.1:{port}"),
            operator: Default::default(),
            old: Default::default(),
            pairs: BTreeMap::new(),
        };
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = moto.server.try_wait().unwrap();
            let log = || std::fs::read_to_string(machine.work().join("moto.log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < until, "moto does not serve: {ended:?}\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut command = machine.command(&python);
        command.arg(script("moto_world.py")).args([&moto.url, &users.join(","), BUCKET]);
        moto.pairs = serde_json::from_str(&run(command).ended(0).out).unwrap();
        (moto.operator, moto.old) = (moto.pairs["oncall"].clone(), moto.pairs[users[0]].clone());
        moto
    }

    /// keyward.yaml with this server as an environment.
    pub(crate) fn configure(&self, machine: &Machine) {
        let at = ["iam", "sts", "s3"].map(|service| format!("{service}: \"{}\"", self.url)).join(", ");
        let environment = format!("kind: rehearsal, account: '123456789012', region: us-east-1, endpoints: {{{at}}}");
        let text = format!("environments:\n  moto: {{{environment}}}\n");
        std::fs::write(machine.work().join("keyward.yaml"), text).unwrap();
    }

    /// A drill of the shipped runbook here.
    pub(crate) fn drill(&self, machine: &Machine, operator: &[String; 2], args: &[&str]) -> Drilled {
        let runbook = Path::new(REPOSITORY).join("runbooks/aws-iam-access-key.yaml");
        let mut command = machine.command_keyward(&["drill", "--yes", "--json", "--environment", "moto"]);
        command.args(args).arg(runbook);
        command.env("AWS_ACCESS_KEY_ID", &operator[0]).env("AWS_SECRET_ACCESS_KEY", &operator[1]);
        command.env("REHEARSAL_ACCESS_KEY_ID", &self.old[0]).env("REHEARSAL_SECRET_ACCESS_KEY", &self.old[1]);
        Drilled::of(run(command))
    }

    /// The user's keys as the stock command lists them: id and status.
    fn keys(&self, machine: &Machine) -> Vec<[String; 2]> {
        let mut command = machine.command(program("aws"));
        command.args(["iam", "list-access-keys", "--user-name", USER]).env("AWS_ENDPOINT_URL", &self.url);
        command.env("AWS_ACCESS_KEY_ID", &self.operator[0]).env("AWS_SECRET_ACCESS_KEY", &self.operator[1]);
        command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_EC2_METADATA_DISABLED", "true");
        let listed: Value = serde_json::from_str(&run(command).ended(0).out).unwrap();
        let keys = listed["AccessKeyMetadata"].as_array().unwrap().iter();
        keys.map(|key| ["AccessKeyId", "Status"].map(|name| key[name].as_str().unwrap().to_owned())).collect()
    }
}

#[test]
fn a_rehearsal_completes_and_moto_itself_has_one_new_key() {
    let machine = Machine::new();
    let moto = Moto::start(&machine);
    moto.configure(&machine);
    let drilled = moto.drill(&machine, &moto.operator, &[]);
    assert_eq!(
        (drilled.status.as_str(), drilled.ran.code),
        ("completed", Some(0)),
        "{}\n{}",
        drilled.ran.out,
        drilled.ran.err
    );
    let transcript = drilled.transcript();
    let environment = &transcript.entries[0]["environment"];
    assert_eq!((&environment["kind"], &environment["account"]), (&json!("rehearsal"), &json!("123456789012")));
    assert_eq!(transcript.entries[0]["endpoints"]["iam"], json!(moto.url));
    let new = transcript.created().unwrap();
    assert_ne!(new, moto.old[0]);
    assert_eq!(moto.keys(&machine), [[new.to_owned(), "Active".to_owned()]]);
    let (code, report) = machine.verify(&drilled.path);
    assert_eq!(code, Some(0), "{report}");
    let kept = std::fs::read(drilled.path.join("runbook.yaml")).unwrap();
    assert_eq!(kept, std::fs::read(Path::new(REPOSITORY).join("runbooks/aws-iam-access-key.yaml")).unwrap());
    let places: Vec<_> = super::machine::files_below(&machine.store());
    for secret in [&moto.old[1], &moto.operator[1]] {
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(places.iter().all(|(_, bytes)| !holds(bytes)) && !holds(drilled.ran.out.as_bytes()));
    }
}

#[test]
fn a_rehearsal_as_the_user_that_is_rotated_changes_nothing() {
    let machine = Machine::new();
    let moto = Moto::start(&machine);
    moto.configure(&machine);
    let drilled = moto.drill(&machine, &moto.old, &[]);
    assert_eq!(drilled.status, "aborted");
    assert_eq!(moto.keys(&machine), [[moto.old[0].clone(), "Active".to_owned()]]);
}

#[test]
fn a_rehearsal_with_a_wrong_secret_begins_nothing() {
    let machine = Machine::new();
    let moto = Moto::start(&machine);
    moto.configure(&machine);
    let wrong = [moto.operator[0].clone(), "x".repeat(40)];
    let mut command =
        machine.command_keyward(&["drill", "--yes", "--json", "--environment", "moto", "aws-iam-access-key"]);
    command.env("AWS_ACCESS_KEY_ID", &wrong[0]).env("AWS_SECRET_ACCESS_KEY", &wrong[1]);
    command.env("REHEARSAL_ACCESS_KEY_ID", &moto.old[0]).env("REHEARSAL_SECRET_ACCESS_KEY", &moto.old[1]);
    let ran = run(command).ended(1);
    assert!(ran.err.contains("SignatureDoesNotMatch"), "{}", ran.err);
    assert_eq!(moto.keys(&machine).len(), 1);
}

#[test]
fn a_rehearsal_goes_nowhere_but_to_this_machine() {
    let machine = Machine::new();
    let text = "environments:\n  moto: {kind: rehearsal, account: '123456789012', region: us-east-1, \
                endpoints: {iam: 'https://iam.amazonaws.com', sts: 'http://127.0.0.1:9', s3: 'http://127.0.0.1:9'}}\n";
    std::fs::write(machine.work().join("keyward.yaml"), text).unwrap();
    let ran = machine.keyward(&["drill", "--yes", "--environment", "moto"]).ended(1);
    assert!(ran.err.contains("nothing but this machine"), "{}", ran.err);
}
