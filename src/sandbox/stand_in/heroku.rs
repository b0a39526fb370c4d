//! `heroku run [--exit-code] --app APP -- COMMAND…`: a one-off dyno, with the app's config vars as they are now.

use super::{Done, Link, dry_run};
use crate::sandbox::holder::{NAME_ID, NAME_SECRET};
use crate::secret::Secret;

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    app: Option<String>,
    exit_code: bool,
    command: Vec<String>,
}

fn parse(args: &[String]) -> Wanted {
    let mut wanted = Wanted::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--exit-code" | "-x" => wanted.exit_code = true,
            "--app" | "-a" => wanted.app = args.next().cloned(),
            "--" => {
                wanted.command.extend(args.by_ref().cloned());
            }
            "--size" | "-s" | "--type" | "--env" | "-e" | "--remote" | "-r" if wanted.command.is_empty() => {
                args.next();
            }
            flag if wanted.command.is_empty() && flag.starts_with('-') => {
                if let Some(app) = flag.strip_prefix("--app=") {
                    wanted.app = Some(app.to_owned());
                }
            }
            _ => wanted.command.push(arg.clone()),
        }
    }
    wanted
}

pub(in crate::sandbox) async fn run(link: &Link, args: &[String]) -> anyhow::Result<Done> {
    let Some(("run", rest)) = args.split_first().map(|(verb, rest)| (verb.as_str(), rest)) else {
        return Ok(Done::fail(2, " ›   Error: the sandbox's heroku knows only `heroku run`; the rest goes by HTTP"));
    };
    let wanted = parse(rest);
    let Some(app) = wanted.app.as_deref() else {
        return Ok(Done::fail(2, " ›   Error: Missing required flag app"));
    };
    if wanted.command.is_empty() {
        return Ok(Done::fail(2, " ›   Error: Usage: heroku run COMMAND"));
    }
    let said = link.send("GET", &format!("control/apps/{app}"), None).await?;
    if said.status != 200 {
        return Ok(Done::fail(1, " ›   Error: Couldn't find that app."));
    }
    let line = wanted.command.join(" ");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let known = said.json["prove"].as_str().is_some_and(|prove| words(prove) == words(&line));
    let mut done = if known {
        let var =
            |name: &str| said.json["config_vars"][name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let bucket = var("S3_BUCKET").or_else(|| said.json["bucket"].as_str().map(str::to_owned)).unwrap_or_default();
        let secret = var(NAME_SECRET).map(Secret::new);
        dry_run::run(link, var(NAME_ID), secret, &bucket).await
    } else {
        let program = wanted.command[0].split_whitespace().next().unwrap_or("").to_owned();
        Done::fail(127, format!("bash: {program}: command not found"))
    };
    // A dyno has one stream, which arrives at stdout; its own chatter goes to stderr.
    done.out.push_str(&std::mem::take(&mut done.err));
    done.err = format!("Running {line} on ⬢ {app}... up, run.4711\n");
    if !wanted.exit_code {
        done.code = 0;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_flags_and_command_are_told_apart() {
        let parsed = |text: &str| parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let want = |app: &str, exit_code, command: &str| Wanted {
            app: Some(app.into()),
            exit_code,
            command: command.split(' ').map(str::to_owned).collect(),
        };
        assert_eq!(parsed("--exit-code --app a -- python -m x"), want("a", true, "python -m x"));
        assert_eq!(parsed("-x --no-tty --app=a python x"), want("a", true, "python x"));
        assert_eq!(parsed("-a a -- run --exit-code"), want("a", false, "run --exit-code"));
        assert_eq!(parsed("-- x").app, None);
    }
}
