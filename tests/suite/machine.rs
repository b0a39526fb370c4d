//! A machine of its own for each test: a home folder, a store, and the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::transcript::{Transcript, lines_of_json};

/// The program under test.
pub(crate) const KEYWARD: &str = env!("CARGO_BIN_EXE_keyward");
/// The repository.
pub(crate) const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
/// No single command takes longer, on a slow machine either.
const PATIENCE: Duration = Duration::from_secs(240);

/// A machine, removed at the end.
pub(crate) struct Machine {
    root: TempDir,
}

/// A command that has ended.
pub(crate) struct Ran {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A drill that has ended.
pub(crate) struct Drilled {
    pub ran: Ran,
    pub path: PathBuf,
    pub status: String,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("machine-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for folder in ["home", "work"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The folder that commands are started in: empty at first.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.root.path().join("store")
    }

    /// A command with nothing of the tester's own environment but the PATH.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home()).env("USER", "alice").env("LC_ALL", "C.UTF-8").env("NO_PROXY", "127.0.0.1");
        command.current_dir(self.work()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// keyward with this machine's store.
    pub(crate) fn command_keyward(&self, args: &[&str]) -> tokio::process::Command {
        let mut command = self.command(KEYWARD);
        command.arg("--store").arg(self.store()).args(args);
        command
    }

    pub(crate) fn keyward(&self, args: &[&str]) -> Ran {
        run(self.command_keyward(args))
    }

    /// An unattended drill of the shipped runbook, by its path in the repository.
    pub(crate) fn drill(&self, args: &[&str]) -> Drilled {
        let runbook = Path::new(REPOSITORY).join("runbooks/aws-iam-access-key.yaml");
        let mut all = vec!["drill", "--yes", "--plain", "--json"];
        all.extend(args);
        all.push(runbook.to_str().unwrap());
        Drilled::of(self.keyward(&all))
    }

    /// The file that an auditor needs, and the principal that signs here.
    pub(crate) fn allowed_signers(&self) -> (PathBuf, String) {
        let keys = self.keyward(&["--json", "keys"]);
        let keys = keys.json().into_iter().next().unwrap_or_default();
        let text = |name: &str| keys[name].as_str().unwrap_or_default().to_owned();
        (PathBuf::from(text("allowed_signers")), text("principal"))
    }

    /// The file of the signing key.
    pub(crate) fn signing_key(&self) -> PathBuf {
        let keys = self.keyward(&["--json", "keys"]).json();
        PathBuf::from(keys[0]["key"].as_str().unwrap())
    }

    /// Exit code and report of `keyward verify`.
    pub(crate) fn verify(&self, run: &Path) -> (Option<i32>, Value) {
        let ran = self.keyward(&["--json", "verify", run.to_str().unwrap()]);
        (ran.code, ran.json().into_iter().next().unwrap_or_default())
    }
}

impl Ran {
    /// Standard output as JSON, one object a line.
    pub(crate) fn json(&self) -> Vec<Value> {
        lines_of_json(&self.out)
    }

    /// Fails with all that was said unless it ended with that code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }
}

impl Drilled {
    #[track_caller]
    pub(crate) fn of(ran: Ran) -> Self {
        let last = ran.json().pop().unwrap_or_default();
        let text = |name: &str| last[name].as_str().unwrap_or_default().to_owned();
        let (path, status) = (PathBuf::from(text("path")), text("status"));
        assert!(path.is_dir(), "the last line names no run:\n{}\n{}", ran.out, ran.err);
        Self { ran, path, status }
    }

    pub(crate) fn transcript(&self) -> Transcript {
        Transcript::read(&self.path)
    }
}

/// Runs a command to its end; one that hangs is killed, and fails the test.
#[track_caller]
pub(crate) fn run(mut command: tokio::process::Command) -> Ran {
    block_on(async move {
        let shown = format!("{:?}", command.as_std());
        let child = command.spawn().unwrap_or_else(|error| panic!("{shown} can't be started: {error}"));
        let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let output = ended.unwrap_or_else(|_| panic!("{shown} hangs")).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    })
}

/// Waits for a future.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Every file below a folder, with its bytes.
pub(crate) fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(listed) = std::fs::read_dir(&folder) else { continue };
        for entry in listed.filter_map(Result::ok) {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => found.extend(std::fs::read(&path).ok().map(|bytes| (path, bytes))),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// A copy of a folder with all below it.
pub(crate) fn copy(from: &Path, to: &Path) {
    for (file, bytes) in files_below(from) {
        let at = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, bytes).unwrap();
    }
}
