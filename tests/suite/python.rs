//! Stock clients and servers from PyPI: installed once for each `tests/requirements.txt`, below `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::forger::sha256;
use super::machine::REPOSITORY;

/// The folder of their programs.
pub(crate) fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let requirements = Path::new(REPOSITORY).join("tests/requirements.txt");
        let digest = sha256(&std::fs::read(&requirements).unwrap());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{}", &digest[..12]));
        let whole = folder.join("whole");
        if !whole.exists() {
            // What a stopped installation left is not to be trusted.
            let _ = std::fs::remove_dir_all(&folder);
            install(&folder, &requirements);
            std::fs::write(whole, digest).unwrap();
        }
        folder.join("bin")
    })
}

fn install(folder: &Path, requirements: &Path) {
    let must = |command: &mut Command, hint: &str| {
        let shown = format!("{command:?}");
        let output = command.output().unwrap_or_else(|error| panic!("{shown}: {error}\n{hint}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{shown}\n{}{}\n{hint}", text(&output.stdout), text(&output.stderr));
    };
    let hint =
        "These tests need Python 3.11 or newer with its venv module (Debian and Ubuntu: apt-get install python3-venv).";
    must(Command::new("python3").args(["-m", "venv"]).arg(folder), hint);
    let hint = "These tests need PyPI, once: what they install is kept below target/.";
    let mut pip = Command::new(folder.join("bin/python"));
    must(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements), hint);
}

/// An installed program.
pub(crate) fn program(name: &str) -> PathBuf {
    programs().join(name)
}
