use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use serde_json::json;

use super::*;
use crate::engine::effect::Ended;

/// A drill whose stand-ins are shell scripts.
struct Host {
    dir: tempfile::TempDir,
    world: World,
}

impl Host {
    fn new(scripts: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut world = world();
        let (bin, home) = (dir.path().join("bin"), dir.path().join("home"));
        std::fs::create_dir(&bin).unwrap();
        std::fs::create_dir(&home).unwrap();
        for (name, script) in scripts {
            let path = bin.join(name);
            std::fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            let sha256 = digest::of_file(&path, false).unwrap();
            world.programs.insert((*name).into(), Program { path, sha256 });
        }
        world.drill = Some(DrillHost {
            path: bin,
            home,
            env: [("KEYWARD_SANDBOX_URL".to_owned(), Secret::new("http://127.0.0.1:1".into()))].into(),
        });
        Self { dir, world }
    }

    fn call(&self, argv: &[&str], mut params: Value) -> Call {
        let program = &self.world.programs[argv[0]];
        params["argv"] = json!(argv);
        call("command", &format!("{} sha256:{}", program.path.display(), program.sha256), params)
    }
}

#[tokio::test]
async fn a_program_gets_its_argv_and_the_named_environment_and_nothing_else() {
    let host = Host::new(&[("show", "printf '%s|' \"$0\" \"$@\"; echo; env | sort; echo oops >&2; exit 3")]);
    let ask = host.call(
        &["show", "a b", "$(id)", "-x"],
        json!({"env": {"NAME": "it's"}, "inherit": ["USER", "CARGO"], "parse": "lines"}),
    );
    let outcome = Performer::new(host.world).send(&ask, &[]).await;
    let got = result(&outcome);
    assert_eq!((&got["exit"], &got["err"]), (&json!(3), &json!("oops\n")));
    let lines: Vec<&str> = got["out"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(lines[0].ends_with("|a b|$(id)|-x|"), "no shell reads argv: {}", lines[0]);
    let mut names: Vec<&str> = lines[1..].iter().map(|line| line.split('=').next().unwrap()).collect();
    names.retain(|name| !matches!(*name, "PWD" | "_" | "SHLVL" | "OLDPWD"));
    assert_eq!(names, ["HOME", "KEYWARD_SANDBOX_URL", "NAME", "PATH"], "in a drill nothing is inherited");
    assert!(lines.contains(&"NAME=it's"));
}

#[tokio::test]
async fn a_secret_reaches_stdin_and_environment_and_never_argv_or_the_result() {
    let host = Host::new(&[("take", "cat; printf %s \"$PW\" >&2")]);
    let stands = hold(&host.world, "pw", "it's a secret");
    let quoted = SecretRef { filters: vec!["sh".into()], ..stands.clone() };
    let stdin = json!([{"join": ["A=", quoted.to_value(), "\n"]}, {"B": stands.to_value()}, "end"]);
    let ask = host.call(&["take"], json!({"stdin": stdin, "env": {"PW": stands.to_value()}, "parse": "text"}));
    let in_argv = call("command", &ask.endpoint, json!({"argv": ["take", stands.to_value()]}));
    let joined = call("command", &ask.endpoint, json!({"argv": ["take", {"join": ["--pw=", stands.to_value()]}]}));
    let key = host.world.vault.lock().unwrap().key().clone();
    let performer = Performer::new(host.world);
    let outcome = performer.send(&ask, &[]).await;
    let got = result(&outcome);
    let expected = "A='it'\\''s a secret'\nB='it'\\''s a secret'\nend";
    assert_eq!(got["out"], json!({"fp": key.fingerprint(expected)}), "the program got exactly this");
    assert_eq!(got["err"], json!({"fp": key.fingerprint("it's a secret")}));
    assert_eq!(got["exit"], 0);
    for wrong in [in_argv, joined] {
        let outcome = performer.send(&wrong, &[]).await;
        assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "SecretInArgv"));
    }
}

#[tokio::test]
async fn a_public_output_is_masked() {
    let host = Host::new(&[("leak", "cat | base64")]);
    let stands = hold(&host.world, "pw", "correct horse battery");
    let ask = host.call(&["leak"], json!({"stdin": stands.to_value(), "public": ["out"]}));
    let outcome = Performer::new(host.world).send(&ask, &[]).await;
    assert!(result(&outcome)["out"].as_str().unwrap().starts_with("[secret pw]"), "{outcome:?}");
}

#[tokio::test]
async fn a_program_that_changed_is_not_started() {
    let host = Host::new(&[("tool", "echo fine")]);
    let ask = host.call(&["tool"], json!({}));
    let path = host.world.programs["tool"].path.clone();
    let performer = Performer::new(host.world);
    assert_eq!(performer.send(&ask, &[]).await.ended, Ended::Answered);
    let mark = host.dir.path().join("ran");
    std::fs::write(&path, format!("#!/bin/sh\n: > {}\n", mark.display())).unwrap();
    let outcome = performer.send(&ask, &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "ProgramChanged"));
    std::fs::remove_file(&path).unwrap();
    let outcome = performer.send(&ask, &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "ProgramUnreadable"));
    assert!(!mark.exists());
}

#[tokio::test]
async fn another_program_than_the_confirmed_or_the_drills_is_not_started() {
    let mut host = Host::new(&[("tool", "echo fine")]);
    let good = host.call(&["tool"], json!({}));
    let sh = Program { path: "/bin/sh".into(), sha256: digest::of_file("/bin/sh".as_ref(), false).unwrap() };
    host.world.programs.insert("sh".into(), sh);
    let real = host.call(&["sh", "-c", "true"], json!({}));
    let performer = Performer::new(host.world);
    for (wrong, expected) in [
        (call("command", "/bin/true sha256:00", good.params.clone()), "OtherProgram"),
        (call("command", &good.endpoint, json!({"argv": ["nothing"]})), "UnknownProgram"),
        (call("command", &good.endpoint, json!({"argv": []})), "BadParameter"),
        (call("command", &good.endpoint, json!({"argv": ["tool", 1]})), "BadParameter"),
        (call("command", &good.endpoint, json!({"argv": ["tool", "a\u{0}b"]})), "BadParameter"),
        (call("command", &good.endpoint, json!({"argv": ["tool"], "env": {"A=B": "c"}})), "BadParameter"),
        (real, "NotAStandIn"),
    ] {
        let outcome = performer.send(&wrong, &[]).await;
        assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, expected));
    }
}

#[tokio::test]
async fn a_flood_stays_small_and_is_counted() {
    let host = Host::new(&[("flood", "head -c 100000000 /dev/zero | tr '\\0' x")]);
    let ask = host.call(&["flood"], json!({}));
    let mut world = host.world;
    world.limits.output = 1000;
    world.limits.command = Duration::from_secs(60);
    let outcome = Performer::new(world).send(&ask, &[]).await;
    let got = result(&outcome);
    assert_eq!(got["out"].as_str().unwrap().len(), 1000);
    assert_eq!(got["dropped"], json!({"out": 99_999_000, "err": 0}));
}

#[tokio::test]
async fn half_a_secret_at_the_cut_is_taken_off() {
    let host = Host::new(&[("cut", "printf 'key: correct horse battery staple'")]);
    hold(&host.world, "pw", "correct horse battery staple");
    let ask = host.call(&["cut"], json!({}));
    let mut world = host.world;
    world.limits.output = 20;
    let outcome = Performer::new(world).send(&ask, &[]).await;
    assert_eq!(result(&outcome)["out"], "key: ");
}

#[tokio::test]
async fn a_program_that_never_ends_is_ended_with_all_it_started() {
    let host = Host::new(&[("hang", "echo $$ > \"$HOME/pid\"; sleep 600 & echo $! >> \"$HOME/pid\"; wait")]);
    let ask = host.call(&["hang"], json!({}));
    let mut world = host.world;
    world.limits.command = Duration::from_millis(500);
    let outcome = Performer::new(world).send(&ask, &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NoAnswer, "TimedOut"));
    all_gone(&host.dir).await;
}

#[tokio::test]
async fn a_program_whose_run_is_dropped_is_ended_too() {
    let host = Host::new(&[(
        "hang",
        "sleep 600 & echo $! > \"$HOME/pid.new\"; echo $$ >> \"$HOME/pid.new\"; mv \"$HOME/pid.new\" \"$HOME/pid\"; wait",
    )]);
    let ask = host.call(&["hang"], json!({}));
    let performer = Performer::new(host.world);
    let pids = host.dir.path().join("home/pid");
    let task = tokio::spawn(async move { performer.send(&ask, &[]).await });
    until(|| pids.exists()).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    all_gone(&host.dir).await;
}

#[tokio::test]
async fn a_child_that_holds_the_output_open_does_not_hold_the_run() {
    let host = Host::new(&[("fork", "sleep 600 & echo $! > \"$HOME/pid\"; echo done")]);
    let ask = host.call(&["fork"], json!({}));
    let mut world = host.world;
    world.limits.command = Duration::from_secs(60);
    let start = Instant::now();
    let outcome = Performer::new(world).send(&ask, &[]).await;
    assert_eq!(result(&outcome)["out"], "done\n");
    assert!(start.elapsed() < Duration::from_secs(20));
    all_gone(&host.dir).await;
}

#[tokio::test]
async fn what_proves_nothing_is_no_answer() {
    let host =
        Host::new(&[("ssh", "echo 'Connection reset' >&2; exit 255"), ("die", "kill -9 $$"), ("bad", "echo '{'")]);
    let calls = [
        (host.call(&["ssh", "host", "true"], json!({})), "ConnectionLost"),
        (host.call(&["die"], json!({})), "Killed"),
        (host.call(&["bad"], json!({"parse": "json"})), "Unreadable"),
    ];
    let performer = Performer::new(host.world);
    for (ask, expected) in calls {
        let outcome = performer.send(&ask, &[]).await;
        assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NoAnswer, expected));
    }
}

#[tokio::test]
async fn a_program_that_reads_nothing_is_no_error() {
    let host = Host::new(&[("deaf", "exec <&-; exit 4")]);
    let ask = host.call(&["deaf"], json!({"stdin": "x".repeat(1 << 20)}));
    let outcome = Performer::new(host.world).send(&ask, &[]).await;
    assert_eq!(result(&outcome)["exit"], 4);
}

#[tokio::test]
async fn a_real_run_inherits_what_is_named_and_nothing_of_a_drill() {
    let mut host = Host::new(&[("show", "env | sort")]);
    host.world.kind = EnvironmentKind::Account;
    let ask = host.call(&["show"], json!({"inherit": ["HOME", "NOT_SET_ANYWHERE"]}));
    let outcome = Performer::new(host.world).send(&ask, &[]).await;
    let out = result(&outcome)["out"].as_str().unwrap();
    let home = std::env::var("HOME").unwrap();
    assert!(out.lines().any(|line| line == format!("HOME={home}")), "{out}");
    assert!(!out.contains("KEYWARD_SANDBOX_URL") && !out.contains("NOT_SET") && !out.contains("CARGO"), "{out}");
}

#[tokio::test]
async fn a_drill_without_stand_ins_starts_nothing() {
    let mut host = Host::new(&[("tool", "echo fine")]);
    let ask = host.call(&["tool"], json!({}));
    host.world.drill = None;
    let outcome = Performer::new(host.world).send(&ask, &[]).await;
    assert_eq!((outcome.ended, code(&outcome).as_str()), (Ended::NotSent, "NoStandIns"));
}

/// Waits for something to become true, at most ten seconds.
async fn until(mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(Instant::now() < end, "it did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Every process named in `home/pid` is gone, or is a dead one that nobody has collected yet.
async fn all_gone(dir: &tempfile::TempDir) {
    let text = std::fs::read_to_string(dir.path().join("home/pid")).unwrap();
    let pids: Vec<i32> = text.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(!pids.is_empty());
    for pid in pids {
        until(|| {
            let out = std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
            let stat = String::from_utf8_lossy(&out.stdout).trim().to_owned();
            stat.is_empty() || stat.starts_with('Z')
        })
        .await;
    }
}
