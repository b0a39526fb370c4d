//! README.md does what it says: its commands are run in its order, in one shell session's worth of files.

use std::path::Path;

use super::machine::{KEYWARD, Machine, REPOSITORY, run};

/// A block of shell commands, and how it can be tried.
#[derive(Debug)]
struct Block {
    line: usize,
    how: How,
    commands: String,
}

#[derive(Debug, PartialEq, Eq)]
enum How {
    /// As it stands.
    Run,
    /// It wants a person at a terminal: `tests/suite/terminal.rs` is one; here `--help` has to know its arguments.
    Terminal,
    /// It wants a real account: `--help` has to know its arguments.
    Account,
    /// It builds a release.
    Release,
    /// It is how these tests are run.
    AllTests,
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut how, mut open) = (Vec::new(), How::Run, None::<Block>);
    for (n, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => block.commands.push_str(&format!("{line}\n")),
            (None, "```sh") => {
                let how = std::mem::replace(&mut how, How::Run);
                open = Some(Block { line: n + 1, how, commands: String::new() });
            }
            (None, line) => match line.strip_prefix("<!-- readme: ").and_then(|rest| rest.strip_suffix(" -->")) {
                Some("terminal") => how = How::Terminal,
                Some("account") => how = How::Account,
                Some("release") => how = How::Release,
                Some("all tests") => how = How::AllTests,
                Some(other) => panic!("README.md:{}: nobody knows {other:?}", n + 1),
                None => assert!(!line.starts_with("```") || line == "```", "README.md:{}: only sh is tried", n + 1),
            },
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(REPOSITORY).join("README.md")).unwrap()
}

/// A shell in which `keyward` is the one under test and `cargo` knows the repository.
fn shell(machine: &Machine, script: &str) -> super::machine::Ran {
    let bin = machine.work().join(".bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(KEYWARD, bin.join("keyward")).unwrap();
        for folder in ["assets", "runbooks"] {
            std::os::unix::fs::symlink(Path::new(REPOSITORY).join(folder), machine.work().join(folder)).unwrap();
        }
    }
    let mut command = machine.command("bash");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", bin.display()));
    // What cargo needs of the tester's home, which is not this machine's.
    for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let home = std::env::var(name).or_else(|_| std::env::var("HOME").map(|home| format!("{home}/{below}")));
        command.env(name, home.unwrap_or_default());
    }
    for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "RUSTUP_TOOLCHAIN", "CARGO_BUILD_TARGET"] {
        command.envs(std::env::var(name).map(|value| (name, value)));
    }
    command.env("REPOSITORY", REPOSITORY);
    let cargo = "cargo() { command cargo \"$1\" --quiet --manifest-path \"$REPOSITORY/Cargo.toml\" \"${@:2}\"; }\n";
    let digest = "command -v sha256sum >/dev/null || sha256sum() { shasum -a 256; }\n";
    command.args(["-euo", "pipefail", "-c", &format!("{cargo}{digest}{script}")]);
    run(command)
}

#[test]
fn every_command_of_the_readme_works() {
    let machine = Machine::new();
    let blocks = blocks(&readme());
    for how in [How::Run, How::Terminal, How::Account, How::AllTests] {
        assert!(blocks.iter().any(|block| block.how == how), "no block is {how:?}");
    }
    for block in blocks {
        let script = match block.how {
            How::Run => block.commands.clone(),
            // An argument that is not known ends before the help is shown.
            How::Terminal | How::Account => {
                let lines = block.commands.lines();
                lines
                    .map(|line| {
                        if line.contains("keyward ") || line.contains("cargo run") {
                            format!("{line} --help\n")
                        } else {
                            format!("{line}\n")
                        }
                    })
                    .map(|line| if line.starts_with("cp ") { "true\n".to_owned() } else { line })
                    .collect()
            }
            How::Release | How::AllTests => continue,
        };
        let ran = shell(&machine, &script);
        assert_eq!(ran.code, Some(0), "README.md:{}\n{}\n{}\n{}", block.line, block.commands, ran.out, ran.err);
    }
    let digest = shell(
        &machine,
        "jq -r 'select(.kind == \"confirmed\" and .step == \"delete\") | .digest' \"$(cat run.txt)/transcript.jsonl\"",
    );
    assert_eq!(digest.out.trim().len(), 64, "the entry that README compares with is there");
}

#[test]
fn every_file_that_the_readme_names_is_there() {
    let text = readme();
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let mut files = 0;
    for link in links.filter(|link| !link.contains("://")) {
        assert!(Path::new(REPOSITORY).join(link).exists(), "{link}");
        files += 1;
    }
    assert!(files >= 5);
}

#[test]
fn the_ci_script_runs_the_readmes_own_test_command() {
    let machine = Machine::new();
    let script = std::fs::read_to_string(Path::new(REPOSITORY).join(".ci/run")).unwrap();
    let extract = script.lines().find(|line| line.starts_with("tests=")).expect("it reads README.md");
    let ran = shell(&machine, &format!("cd \"$REPOSITORY\"\n{extract}\nprintf %s \"$tests\""));
    let named: Vec<Block> = blocks(&readme()).into_iter().filter(|block| block.how == How::AllTests).collect();
    assert_eq!(named.len(), 1);
    assert_eq!(ran.out.trim(), named[0].commands.trim());
}
