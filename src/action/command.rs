//! Programs: no shell, a named environment, bounded output, and an end.
//!
//! `command` with `{argv, stdin, env, inherit, parse: json | lines | text, public}`; the call's endpoint is the
//! program's path and digest. `stdin` is a text, or a list of parts written one after another, in which a map is
//! written as lines `NAME='value'`, quoted for a POSIX shell; a value with a line break is refused there.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::raw::{Raw, Taint, Used};
use super::redact::{masker, tame};
use super::resolve::{ResolveError, Resolver};
use super::world::World;
use super::{digest, lock};
use crate::engine::call::Call;
use crate::engine::effect::Ended;
use crate::engine::entry::EnvironmentKind;
use crate::secret::{Secret, is_tainted};

/// How long the output of a program that has ended is still waited for, where a child of it holds the pipe open.
const LEFTOVERS: Duration = Duration::from_secs(1);
/// Between asking a process group to end and ending it.
const MERCY: Duration = Duration::from_secs(2);

pub(super) async fn perform(world: &World, call: &Call) -> Raw {
    let ready = match prepare(world, call).await {
        Ok(ready) => ready,
        Err(refused) => return *refused,
    };
    let Ready { command, stdin, used, name } = ready;
    let mut raw = run(world, call, command, stdin, &name, &used).await;
    raw.used = used;
    raw
}

struct Ready {
    command: Command,
    stdin: Option<Zeroizing<Vec<u8>>>,
    used: Vec<(String, Secret)>,
    name: String,
}

async fn prepare(world: &World, call: &Call) -> Result<Ready, Box<Raw>> {
    let refuse = |code: &str, message: &str| Box::new(Raw::not_sent(code, message));
    let params = &call.params;
    let argv = params.get("argv").and_then(Value::as_array).filter(|argv| !argv.is_empty());
    let argv = argv.ok_or_else(|| refuse("BadParameter", "argv is missing or empty"))?;
    if argv.iter().any(is_tainted) {
        let message = "a secret stands in argv, where every user of the machine can read it; hand it over on stdin";
        return Err(refuse("SecretInArgv", message));
    }
    let words: Option<Vec<&str>> = argv.iter().map(Value::as_str).collect();
    let words = words.ok_or_else(|| refuse("BadParameter", "every element of argv must be text"))?;
    if words.iter().any(|word| word.contains('\0')) {
        return Err(refuse("BadParameter", "an element of argv has a zero byte"));
    }
    let name = words[0].to_owned();
    let program = world.programs.get(&name).ok_or_else(|| {
        refuse(
            "UnknownProgram",
            &format!("the program {name:?} was not found when the run opened; install it, then open a new run"),
        )
    })?;
    let confirmed = program.endpoint();
    if call.endpoint != confirmed {
        let message = format!(
            "the call names {:?}, but the run opened with {confirmed:?}; look at the step again",
            call.endpoint
        );
        return Err(refuse("OtherProgram", &message));
    }
    let drill = match (world.kind, &world.drill) {
        (EnvironmentKind::Account, _) => None,
        (_, Some(host)) => Some(host),
        (_, None) => {
            return Err(refuse("NoStandIns", "this drill has no stand-ins for programs, and starts no real ones"));
        }
    };
    if let Some(host) = drill
        && program.path.parent() != Some(host.path.as_path())
    {
        let message =
            format!("{} is not one of the drill's stand-ins, and a drill starts nothing else", program.path.display());
        return Err(refuse("NotAStandIn", &message));
    }
    let (path, cached) = (program.path.clone(), drill.is_some());
    let now = tokio::task::spawn_blocking(move || digest::of_file(&path, cached)).await;
    match now {
        Ok(Ok(now)) if now == program.sha256 => {}
        Ok(Ok(now)) => {
            let message = format!(
                "{} has changed since it was confirmed: its SHA-256 is now {now}; find out why, then open a new run",
                program.path.display()
            );
            return Err(refuse("ProgramChanged", &message));
        }
        Ok(Err(error)) => {
            return Err(refuse("ProgramUnreadable", &format!("{} can't be read: {error}", program.path.display())));
        }
        Err(_) => return Err(refuse("ProgramUnreadable", "the program's digest could not be made")),
    }

    let mut inherited: Used = Vec::new();
    let mut command = Command::new(&program.path);
    command.arg0(&name).args(&words[1..]).env_clear().process_group(0).kill_on_drop(true);
    if let Some(host) = drill {
        command.env("PATH", &host.path).env("HOME", &host.home).current_dir(&host.home);
    } else {
        // What a program takes from the operator's own environment may be a token, and it may print it.
        for name in params.get("inherit").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if let Some(value) = std::env::var_os(name) {
                if let Some(text) = value.to_str().filter(|_| is_sensitive(name)) {
                    inherited.push((format!("variable {name}"), Secret::new(text.to_owned())));
                }
                command.env(name, value);
            }
        }
    }
    let vault = lock(&world.vault);
    let mut resolver = Resolver::new(&vault);
    let unresolved = |error: ResolveError| refuse("SecretNotHeld", &error.to_string());
    for (name, value) in params.get("env").and_then(Value::as_object).into_iter().flatten() {
        if !is_variable(name) {
            return Err(refuse("BadParameter", &format!("{name:?} is not a variable's name")));
        }
        let value = resolver.text(value, "a variable").map_err(unresolved)?;
        if value.contains('\0') {
            return Err(refuse("BadParameter", &format!("the variable {name} has a zero byte")));
        }
        command.env(name, value.as_str());
    }
    // Last, so that nothing in a runbook can lead a stand-in to another sandbox.
    for (name, value) in drill.iter().flat_map(|host| &host.env) {
        command.env(name, value.expose());
    }
    let stdin = match params.get("stdin") {
        None | Some(Value::Null) => None,
        Some(value) => Some(input(value, &mut resolver).map_err(unresolved)?),
    };
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut used = std::mem::take(&mut resolver.used);
    used.append(&mut inherited);
    Ok(Ready { command, stdin, used, name })
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// By the name that a variable has, which is all there is to go by.
fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "_KEY"].iter().any(|word| name.contains(word))
}

fn input(value: &Value, resolver: &mut Resolver<'_>) -> Result<Zeroizing<Vec<u8>>, ResolveError> {
    let mut out = Zeroizing::new(Vec::new());
    match value {
        Value::Array(parts) => {
            for part in parts {
                out.extend_from_slice(&input(part, resolver)?);
            }
        }
        Value::Object(map) if !is_one_text(value) => {
            for (name, part) in map {
                if !is_variable(name) {
                    return Err(ResolveError::NotText("a name on stdin"));
                }
                let text = resolver.text(part, "a value on stdin")?;
                if text.contains(['\n', '\r', '\0']) {
                    return Err(ResolveError::LineBreak(name.clone()));
                }
                let quoted = Zeroizing::new(text.replace('\'', "'\\''"));
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"='");
                out.extend_from_slice(quoted.as_bytes());
                out.extend_from_slice(b"'\n");
            }
        }
        _ => out.extend_from_slice(resolver.text(value, "stdin")?.as_bytes()),
    }
    Ok(out)
}

/// A reference, a fingerprint or a join: a text, not a map of them.
fn is_one_text(value: &Value) -> bool {
    crate::secret::fingerprint_of(value).is_some() || value.get("join").is_some_and(Value::is_array)
}

/// Ends a whole process group when it goes out of scope, unless the program ended by itself.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // Gone already is what is wanted.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The first bytes of an output, and how many more there were.
#[derive(Default)]
struct Captured {
    kept: Zeroizing<Vec<u8>>,
    dropped: u64,
}

async fn run(
    world: &World,
    call: &Call,
    mut command: Command,
    stdin: Option<Zeroizing<Vec<u8>>>,
    name: &str,
    used: &[(String, Secret)],
) -> Raw {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Raw::not_sent("ProgramFailed", &format!("{name} could not be started: {error}")),
    };
    // Its environment, with any secret in it, is not needed any more.
    drop(command);
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    let (mut out, mut err) = (Captured::default(), Captured::default());
    let limit = world.limits.output;
    let ended = tokio::time::timeout(world.limits.command, follow(&mut child, stdin, &mut out, &mut err, limit)).await;
    let status = match ended {
        Ok(Ok((status, true))) => {
            group.0 = None;
            status
        }
        // Something that it started holds its output open; it goes with the group.
        Ok(Ok((status, false))) => status,
        Ok(Err(error)) => {
            return Raw::error(Ended::NoAnswer, "ProgramLost", &format!("{name} was started, and then lost: {error}"));
        }
        Err(_) => {
            group.signal(Signal::TERM);
            let _ = tokio::time::timeout(MERCY, child.wait()).await;
            group.signal(Signal::KILL);
            let _ = tokio::time::timeout(MERCY, child.wait()).await;
            let seconds = world.limits.command.as_secs();
            let message = format!("{name} did not end within {seconds} s and was ended; what it did is not known");
            return Raw::error(Ended::NoAnswer, "TimedOut", &message);
        }
    };
    drop(group);
    let Some(exit) = status.code() else {
        let message = format!("{name} was ended by a signal ({status}); what it did is not known");
        return Raw::error(Ended::NoAnswer, "Killed", &message);
    };
    let out_text = text_of(&out, world, used);
    let err_text = text_of(&err, world, used);
    // ssh(1): its own 255 is about the connection, and says nothing about the command at the other end.
    if exit == 255 && Path::new(name).file_name().is_some_and(|name| name == "ssh") {
        let secret = super::performer::is_secret_call(call);
        let vault = lock(&world.vault);
        let said = if secret { String::new() } else { masker(&vault, used).text(err_text.trim()).into_owned() };
        let message = format!("ssh had no connection, or lost it (exit 255) {said}");
        return Raw::error(Ended::NoAnswer, "ConnectionLost", message.trim_end());
    }
    let parsed = match call.params.get("parse").and_then(Value::as_str) {
        Some("lines") => out_text.lines().map(Value::from).collect(),
        Some("json") if exit == 0 => match serde_json::from_str::<Value>(&out_text) {
            Ok(value) => tame(value),
            Err(error) => {
                let message = format!("{name} printed no JSON (line {}, column {})", error.line(), error.column());
                return Raw::error(Ended::NoAnswer, "Unreadable", &message);
            }
        },
        _ => Value::String(out_text),
    };
    let mut result = Map::new();
    result.insert("exit".into(), json!(exit));
    result.insert("out".into(), parsed);
    result.insert("err".into(), json!(err_text));
    if out.dropped + err.dropped > 0 {
        result.insert("dropped".into(), json!({"out": out.dropped, "err": err.dropped}));
    }
    Raw::answered(Value::Object(result), Taint::Clear)
}

/// What was kept as text. A cut may have halved a secret; such a half is taken off.
fn text_of(captured: &Captured, world: &World, used: &[(String, Secret)]) -> String {
    if captured.dropped == 0 {
        return String::from_utf8_lossy(&captured.kept).into_owned();
    }
    let vault = lock(&world.vault);
    let masker = masker(&vault, used);
    let mut clean = Vec::with_capacity(captured.kept.len());
    let mut stream = masker.stream();
    stream.push(&captured.kept, &mut clean);
    stream.cut();
    String::from_utf8_lossy(&clean).into_owned()
}

/// Feeds and drains a child until it has ended. The flag is true if its output ended too.
async fn follow(
    child: &mut Child,
    stdin: Option<Zeroizing<Vec<u8>>>,
    out: &mut Captured,
    err: &mut Captured,
    limit: usize,
) -> io::Result<(ExitStatus, bool)> {
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let (Some(mut pipe), Some(bytes)) = (input, stdin) {
            // A program may well end without reading all of it; its exit code says what that means.
            let _ = pipe.write_all(&bytes).await;
            let _ = pipe.shutdown().await;
        }
    };
    let pipes = async { tokio::join!(feed, drain(output, out, limit), drain(errors, err, limit)) };
    tokio::pin!(pipes);
    let mut drained = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            _ = &mut pipes, if !drained => drained = true,
        }
    };
    if !drained {
        drained = tokio::time::timeout(LEFTOVERS, &mut pipes).await.is_ok();
    }
    Ok((status, drained))
}

async fn drain(pipe: Option<impl AsyncRead + Unpin>, into: &mut Captured, limit: usize) {
    let Some(mut pipe) = pipe else { return };
    let mut piece = Zeroizing::new(vec![0; 1 << 14]);
    loop {
        match pipe.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(n) => {
                let room = limit.saturating_sub(into.kept.len()).min(n);
                into.kept.extend_from_slice(&piece[..room]);
                into.dropped += (n - room) as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_sound_secret_are_masked() {
        for name in ["HEROKU_API_KEY", "GH_TOKEN", "gh_enterprise_token", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["HOME", "PATH", "SSH_AUTH_SOCK", "KEYWARD_ROOT", "HTTPS_PROXY"] {
            assert!(!is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn a_name_that_a_shell_would_read_is_no_variable() {
        for name in ["", "1A", "A B", "A=B", "A;B", "Ä", "A\n"] {
            assert!(!is_variable(name), "{name:?}");
        }
        assert!(is_variable("_A1"));
    }
}
