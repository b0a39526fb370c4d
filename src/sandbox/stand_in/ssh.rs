//! `ssh HOST COMMAND…`: runs the command with the real shell, in a folder that stands for the host's root.
//!
//! The connectors' scripts put `${KEYWARD_ROOT}` before every path, which is empty on a real host. The command's PATH
//! holds the host's stand-ins, then the machine's own programs. Nothing else of the environment is passed on.

use std::path::Path;

use anyhow::Context;
use tokio::process::Command;

use super::{Done, ENV_HOST, ENV_ROOT, ENV_S3, ENV_TOKEN, ENV_URL, Link};

/// Options of ssh that take a value in the next argument.
const WITH_VALUE: &str = "bcDEeFIiJLlmOopQRSWw";

/// The host (without a user) and the command's words.
fn parse(args: &[String]) -> Option<(String, Vec<String>)> {
    let mut args = args.iter();
    let host = loop {
        let arg = args.next()?;
        match arg.strip_prefix('-') {
            Some("-") => break args.next()?,
            Some(flags) => {
                // `-oBatchMode=yes` has its value in it, `-T -o BatchMode=yes` in the next.
                let at = flags.find(|c| WITH_VALUE.contains(c));
                if at.is_some_and(|at| at + 1 == flags.len()) {
                    args.next()?;
                }
            }
            None => break arg,
        }
    };
    let host = host.rsplit('@').next().unwrap_or(host).to_owned();
    let mut words: Vec<String> = args.cloned().collect();
    if words.first().is_some_and(|word| word == "--") {
        words.remove(0);
    }
    Some((host, words))
}

pub(super) async fn run(link: &Link, args: &[String]) -> anyhow::Result<Done> {
    Ok(match prepare(link, args).await? {
        Err(refused) => refused,
        Ok(mut child) => {
            let status = child.status().await.context("/bin/sh does not start")?;
            // ssh answers 255 where the remote command was killed.
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255);
            Done { code, ..Done::default() }
        }
    })
}

/// The shell that runs the remote command, or why there is none. Its streams are this process's own.
pub(in crate::sandbox) async fn prepare(link: &Link, args: &[String]) -> anyhow::Result<Result<Command, Done>> {
    let Some((host, words)) = parse(args) else {
        return Ok(Err(Done::fail(255, "usage: ssh [options] destination command [argument ...]")));
    };
    let said = link.send("GET", &format!("control/hosts/{host}"), None).await?;
    let Some(root) = said.json["root"].as_str() else {
        let message = format!("ssh: Could not resolve hostname {host}: Name or service not known");
        return Ok(Err(Done::fail(255, message)));
    };
    if words.is_empty() {
        return Ok(Err(Done::fail(255, "ssh: the sandbox's hosts have no terminal; give a command")));
    }
    let commands = Path::new(root).join(super::install::HOST_BIN);
    // ssh joins the words with spaces and leaves the rest to the login shell.
    let mut child = Command::new("/bin/sh");
    child
        .arg("-c")
        .arg(words.join(" "))
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", commands.display()))
        .env("HOME", root)
        .env(ENV_ROOT, root)
        .env(ENV_HOST, &host)
        .env(ENV_URL, &link.url)
        .env(ENV_S3, &link.s3)
        .env(ENV_TOKEN, link.token.expose())
        .current_dir(root)
        .kill_on_drop(true);
    Ok(Ok(child))
}

/// `sudo` on a host: runs the rest as it is. The real one would reset PATH and reach the machine's own `systemctl`.
pub(super) async fn sudo(args: &[String]) -> anyhow::Result<Done> {
    let mut from = 0;
    while let Some(flag) = args.get(from).filter(|arg| arg.starts_with('-')) {
        // `-u USER` and `-g GROUP`: everyone is the same person here.
        from += if matches!(flag.as_str(), "-u" | "-g") { 2 } else { 1 };
    }
    let Some((program, rest)) = args.get(from..).unwrap_or_default().split_first() else {
        return Ok(Done::fail(1, "usage: sudo command"));
    };
    let status = Command::new(program).args(rest).kill_on_drop(true).status().await;
    match status {
        Ok(status) => {
            Ok(Done { code: status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(255), ..Done::default() })
        }
        Err(_) => Ok(Done::fail(1, format!("sudo: {program}: command not found"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_command_are_found_among_options() {
        let parsed = |text: &str| {
            let args: Vec<String> = text.split(' ').map(str::to_owned).collect();
            parse(&args).map(|(host, words)| (host, words.join(" ")))
        };
        let want = |host: &str, words: &str| Some((host.to_owned(), words.to_owned()));
        assert_eq!(parsed("h sh -s"), want("h", "sh -s"));
        assert_eq!(parsed("-T -oBatchMode=yes -o ConnectTimeout=5 -p 22 me@h sh -s -- a"), want("h", "sh -s -- a"));
        assert_eq!(parsed("-- h -- cat x"), want("h", "cat x"));
        assert_eq!(parsed("-o"), None);
        assert_eq!(parsed("h"), want("h", ""));
    }
}
