//! Puts the stand-ins and the hosts' files where a drill finds them.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::sandbox::holder::Held;
use crate::sandbox::state::State;
use crate::sandbox::world::HolderKind;

/// Commands on the operator's machine.
const OPERATOR: &[&str] = &["ssh", "heroku", "gh"];
/// Commands on a host, in this folder below its root.
pub(super) const HOST_BIN: &str = "usr/local/sbin";
const HOST: &[&str] = &["systemctl", "sudo", "s3-dry-run"];

pub(in crate::sandbox) fn install(state: &mut State, dir: &Path, exe: &Path) -> io::Result<()> {
    folder(dir)?;
    let dir = dir.canonicalize()?;
    let exe = near(&exe.canonicalize()?, &dir)?;
    for name in OPERATOR {
        link(&exe, &dir.join(name))?;
    }
    for holder in &mut state.holders {
        let (HolderKind::EnvFile { host, file, service }, Held::Host(running)) = (&holder.spec.kind, &mut holder.held)
        else {
            continue;
        };
        // A host's name becomes a folder's: nothing that would lead elsewhere.
        if host.is_empty() || host.starts_with('.') || host.contains('/') || service.contains('/') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{host:?} or {service:?} is no name")));
        }
        let root = dir.join("hosts").join(host);
        for below in ["tmp", HOST_BIN, "etc/systemd/system"] {
            folder(&root.join(below))?;
        }
        for name in HOST {
            link(&exe, &root.join(HOST_BIN).join(name))?;
        }
        if let Some(program) = holder.spec.prove.as_deref().filter(|path| path.starts_with('/') && !path.contains(".."))
        {
            let program = program.split_whitespace().next().unwrap_or(program);
            let path = root.join(program.trim_start_matches('/'));
            folder(path.parent().unwrap_or(&root))?;
            // The link's own name would not say which stand-in it is, unless it is the dry run's.
            if path.file_name().is_some_and(|name| name == "s3-dry-run") {
                link(&exe, &path)?;
            } else {
                let dry_run = root.join(HOST_BIN).join("s3-dry-run");
                write(&path, &format!("#!/bin/sh\nexec '{}' \"$@\"\n", dry_run.display()), 0o755)?;
            }
        }
        let path = root.join(file.trim_start_matches('/'));
        let before = running.root.replace(root.clone());
        // A process that was killed left it as it was; one that was left in order took it away, and the world has it.
        if before.is_some_and(|before| before == root) && path.is_file() {
            continue;
        }
        let pair = &holder.spec.pair;
        folder(path.parent().unwrap_or(&root))?;
        let first = format!(
            "# Read by {service}.service\nAWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\nS3_BUCKET={}\nVAULT_NOTE=drill-canary\n",
            pair.access_key_id,
            pair.secret_access_key.expose(),
            holder.spec.bucket
        );
        let text = running.file.as_ref().map_or(first.as_str(), |kept| kept.expose());
        write(&path, text, 0o600)?;
        let unit = format!("[Service]\nEnvironmentFile={file}\nExecStart=/opt/{service}/bin/{service}\n");
        write(&root.join(format!("etc/systemd/system/{service}.service")), &unit, 0o644)?;
    }
    Ok(())
}

fn folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The same program under another name: a hard link, not a symbolic one, so that whoever resolves the path (as keyward
/// does for what is confirmed) still starts it under that name. `exe` is on the same file system ([`near`]).
fn link(exe: &Path, at: &Path) -> io::Result<()> {
    remove(at)?;
    fs::hard_link(exe, at)
}

/// The program where hard links to it can be made: itself, or a copy of it in `dir`.
fn near(exe: &Path, dir: &Path) -> io::Result<PathBuf> {
    let probe = dir.join(".keyward");
    remove(&probe)?;
    // Refused across file systems, and where the program belongs to somebody else.
    if fs::hard_link(exe, &probe).is_err() {
        fs::copy(exe, &probe)?;
    }
    Ok(probe)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())
}
