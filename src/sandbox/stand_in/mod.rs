//! Commands as keyward under another name: what a drill's PATH holds instead of the real ones.
//!
//! `main` calls [`stand_in`] first, with the name that the program was started under. They reach the sandbox through two
//! variables of the environment, and nothing else: without them they do nothing and say so.

pub(super) mod dry_run;
pub(super) mod gh;
pub(super) mod heroku;
mod install;
mod link;
pub(super) mod ssh;
pub(super) mod systemctl;

use std::io::Write;
use std::process::ExitCode;

pub(super) use install::install;
pub(super) use link::Link;

/// The variable with the sandbox's URL.
pub const ENV_URL: &str = "KEYWARD_SANDBOX_URL";
/// The variable with the sandbox's token.
pub const ENV_TOKEN: &str = "KEYWARD_SANDBOX_TOKEN";
/// The variable with the S3 that consumers call; the sandbox itself without it.
pub(super) const ENV_S3: &str = "KEYWARD_SANDBOX_S3";
/// The variable with the folder that stands for a host's root.
pub(super) const ENV_ROOT: &str = "KEYWARD_ROOT";
/// The variable with that host's name.
pub(super) const ENV_HOST: &str = "KEYWARD_HOST";

/// What a command did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl Done {
    pub(super) fn ok(out: impl Into<String>) -> Self {
        Self { code: 0, out: out.into(), err: String::new() }
    }

    pub(super) fn fail(code: u8, err: impl Into<String>) -> Self {
        Self { code, out: String::new(), err: err.into() + "\n" }
    }
}

/// If the program was started under a stand-in's name (`ssh`, `systemctl`, `sudo`, `heroku`, `gh`, `s3-dry-run`), does
/// what that stand-in does and returns its exit code. `args` are those after the name.
pub fn stand_in(argv0: &str, args: &[String]) -> Option<ExitCode> {
    let name = argv0.rsplit('/').next().unwrap_or(argv0);
    if !matches!(name, "ssh" | "systemctl" | "sudo" | "heroku" | "gh" | "s3-dry-run") {
        return None;
    }
    let done = match run(name, args) {
        Ok(done) => done,
        Err(error) => Done::fail(255, format!("{name} (drill): {error}")),
    };
    // Nobody is left to tell if these can't be written.
    let _ = std::io::stdout().write_all(done.out.as_bytes());
    let _ = std::io::stderr().write_all(done.err.as_bytes());
    Some(ExitCode::from(done.code))
}

fn run(name: &str, args: &[String]) -> anyhow::Result<Done> {
    let link = Link::from_environment()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match name {
            "ssh" => ssh::run(&link, args).await,
            "systemctl" => systemctl::run(&link, &systemctl::Place::from_environment()?, args).await,
            "sudo" => ssh::sudo(args).await,
            "heroku" => heroku::run(&link, args).await,
            "gh" => gh::run(&link, args, &mut std::io::stdin().lock()).await,
            _ => dry_run::from_environment(&link).await,
        }
    })
}
