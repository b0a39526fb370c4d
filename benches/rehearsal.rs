//! A rotation on moto's server: by keyward, by a shell script of `aws` and `jq`, by a boto3 script.

use std::path::Path;

use crate::suite::machine::{KEYWARD, Machine, REPOSITORY, run};
use crate::suite::python::{program, programs};
use crate::suite::rehearsal::Moto;
use crate::{median, report};

const BUCKET: &str = "raxx-backups";
const ROUNDS: usize = 5;

/// Seconds on the wall, and of CPU with all children; the server's own are not counted.
struct Took {
    wall: f64,
    cpu: f64,
}

/// Runs a program under the shell's own `time`.
fn timed(machine: &Machine, moto: &Moto, environment: &[(&str, &str)], program: &Path, args: &[&str]) -> Took {
    let mut command = machine.command("bash");
    command.args([
        "-c",
        "TIMEFORMAT='%R %U %S'; time \"$@\" >out.txt 2>err.txt || { cat out.txt err.txt; exit 1; }",
        "time",
    ]);
    command.arg(program).args(args);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", programs().display()));
    command.env("AWS_ENDPOINT_URL", &moto.url).env("AWS_DEFAULT_REGION", "us-east-1");
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(environment.iter().copied());
    command.env("AWS_ACCESS_KEY_ID", &moto.operator[0]).env("AWS_SECRET_ACCESS_KEY", &moto.operator[1]);
    let ran = run(command).ended(0);
    let last = ran.err.trim().lines().last().unwrap_or_default();
    let times: Vec<f64> = last.split_whitespace().filter_map(|time| time.replace(',', ".").parse().ok()).collect();
    let [wall, user, system] = times[..] else { panic!("no times in {:?}", ran.err) };
    Took { wall, cpu: user + system }
}

pub(crate) fn measure() {
    let machine = Machine::new();
    let users: Vec<String> = (0..3 * ROUNDS).map(|n| format!("ci-{n}")).collect();
    let moto = Moto::start_with(&machine, &users.iter().map(String::as_str).collect::<Vec<_>>());
    moto.configure(&machine);
    // A first signing key is not part of a rotation.
    machine.signing_key();
    let benches = Path::new(REPOSITORY).join("benches");
    let (shell, boto, runbook) = (benches.join("sop.sh"), benches.join("sop.py"), benches.join("rotate.yaml"));
    let (store, python) = (machine.store(), program("python"));
    let mut took: [Vec<Took>; 3] = Default::default();
    for (n, user) in users.iter().enumerate() {
        let [id, secret] = moto.pairs[user].each_ref().map(String::as_str);
        let one = match n % 3 {
            0 => {
                let set = format!("target_user={user}");
                let mut args =
                    vec!["--store", store.to_str().unwrap(), "drill", "--yes", "--json", "--environment", "moto"];
                args.extend(["--set", &set, runbook.to_str().unwrap()]);
                let pair = [("REHEARSAL_ACCESS_KEY_ID", id), ("REHEARSAL_SECRET_ACCESS_KEY", secret)];
                timed(&machine, &moto, &pair, Path::new(KEYWARD), &args)
            }
            1 => timed(&machine, &moto, &[], &shell, &[user, BUCKET, id, secret]),
            _ => timed(&machine, &moto, &[], &python, &[boto.to_str().unwrap(), user, BUCKET, id, secret]),
        };
        took[n % 3].push(one);
    }
    let of = |which: usize, what: fn(&Took) -> f64| median(took[which].iter().map(what).collect());
    let wall: fn(&Took) -> f64 = |took| took.wall;
    let cpu: fn(&Took) -> f64 = |took| took.cpu;
    println!(
        "medians of {ROUNDS}, wall and CPU seconds: keyward {:.3} {:.3}, aws and jq {:.3} {:.3}, boto3 {:.3} {:.3}",
        of(0, wall),
        of(0, cpu),
        of(1, wall),
        of(1, cpu),
        of(2, wall),
        of(2, cpu)
    );
    for (name, promised, other, what) in [
        ("a rotation's wall time, against aws and jq", 15.0, 1, wall),
        ("a rotation's CPU time, against aws and jq", 30.0, 1, cpu),
        ("a rotation's wall time, against boto3", 2.0, 2, wall),
        ("a rotation's CPU time, against boto3", 2.0, 2, cpu),
    ] {
        let ratio = of(other, what) / of(0, what);
        report(name, format!("{ratio:.1}×"), &format!("at least {promised:.0}×"), ratio >= promised);
    }
}
