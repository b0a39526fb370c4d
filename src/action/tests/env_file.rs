//! The scripts of `assets/connectors/env_file.yaml`, run by the real `/bin/sh` against a folder that stands for a host.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::runbook::Span;
use crate::runbook::template::{Scope, Template};

const YAML: &str = include_str!("../../../assets/connectors/env_file.yaml");
const FILE: &str = "/etc/raxx/it's here/credentials.env";

struct Host(tempfile::TempDir);

impl Host {
    fn new(text: &str) -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(host.file().parent().unwrap()).unwrap();
        fs::write(host.file(), text).unwrap();
        fs::set_permissions(host.file(), fs::Permissions::from_mode(0o640)).unwrap();
        host
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join(FILE.trim_start_matches('/'))
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// Runs a script as `ssh HOST sh -s` would; `values` are lines as the effect layer writes them.
    fn run(&self, part: &str, values: &str, name: &str, prove: &str) -> Output {
        let yaml: Value = serde_saphyr::from_str(YAML).unwrap();
        let command = match part {
            "put" | "restart" => &yaml[part][0]["run"]["command"],
            _ => &yaml[part]["calls"][0]["run"]["command"],
        };
        let mut scope = Scope::default();
        let holder = json!({"host": "h", "file": FILE, "service": "raxx-vault", "prove": prove});
        scope.values.insert("holder".into(), holder);
        scope.values.insert("name".into(), json!(name));
        let parts = match &command["stdin"] {
            Value::Array(parts) => parts.clone(),
            one => vec![one.clone()],
        };
        let mut script = String::new();
        for part in parts {
            let part = part.as_str().unwrap().to_owned();
            match part.as_str() {
                "{{ values }}" => script.push_str(values),
                text => script.push_str(
                    Template::parse(text, Span::default()).unwrap().render(&scope).unwrap().as_str().unwrap(),
                ),
            }
        }
        let bin = self.0.path().join("bin");
        let _ = fs::create_dir(&bin);
        for (name, text) in [
            ("sudo", "#!/bin/sh\nshift\nexec \"$@\"\n"),
            ("systemctl", "#!/bin/sh\necho \"$@\" >> \"$KEYWARD_ROOT/systemctl.log\"\n"),
        ] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut child = Command::new("/bin/sh")
            .arg("-s")
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("KEYWARD_ROOT", self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn put(&self, values: &str) -> Output {
        self.run("put", values, "", "")
    }

    fn leftovers(&self) -> usize {
        fs::read_dir(self.file().parent().unwrap()).unwrap().count() - 1
    }
}

#[track_caller]
fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_put_changes_its_own_lines_and_no_other() {
    let before = "# the vault\nAWS_ACCESS_KEY_ID=old\n  export AWS_SECRET_ACCESS_KEY=\"old secret\"\nAWS_SECRET_ACCESS_KEY_OTHER=stays\n\nNOTE=a=b\\n %s $HOME\n";
    let host = Host::new(before);
    let inode = fs::metadata(host.file()).unwrap().ino();
    let out =
        ok(&host.put("AWS_ACCESS_KEY_ID='AKIANEW'\nAWS_SECRET_ACCESS_KEY='a/b+c\\d&e$f`g'\\''h'\nNEW_ONE='x y'\n"));
    assert_eq!(out, "written\n");
    assert_eq!(
        host.text(),
        "# the vault\nAWS_ACCESS_KEY_ID='AKIANEW'\n  export AWS_SECRET_ACCESS_KEY='a/b+c\\d&e$f`g'\\''h'\n\
         AWS_SECRET_ACCESS_KEY_OTHER=stays\n\nNOTE=a=b\\n %s $HOME\nNEW_ONE='x y'\n"
    );
    let meta = fs::metadata(host.file()).unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o640, "the mode is kept");
    assert_ne!(meta.ino(), inode, "the file was replaced whole, not written over");
    assert_eq!(host.leftovers(), 0);
    assert!(!host.0.path().join("systemctl.log").exists(), "a put restarts nothing by itself");
}

#[test]
fn a_put_twice_is_a_put_once_and_doubled_lines_become_one() {
    let host = Host::new("A=1\nA=2\nB=3");
    ok(&host.put("A='new'\n"));
    let once = host.text();
    assert_eq!(once, "A='new'\nB=3\n");
    ok(&host.put("A='new'\n"));
    assert_eq!(host.text(), once);
}

#[test]
fn an_empty_file_gets_its_lines() {
    let host = Host::new("");
    ok(&host.put("A='1'\nB='2'\n"));
    assert_eq!(host.text(), "A='1'\nB='2'\n");
}

#[test]
fn a_missing_file_or_a_link_is_refused_and_nothing_changes() {
    let host = Host::new("A=1\n");
    fs::rename(host.file(), host.file().with_extension("real")).unwrap();
    let output = host.put("A='2'\n");
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    symlink(host.file().with_extension("real"), host.file()).unwrap();
    let output = host.put("A='2'\n");
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is a link"));
    assert_eq!(host.text(), "A=1\n");
    assert_eq!(host.leftovers(), 1);
}

#[test]
fn a_secret_is_in_no_argv_of_any_process() {
    let host = Host::new("A=1\n");
    // Every program of the script is replaced by one that writes down its argv.
    let bin = host.0.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for name in ["awk", "cp", "mv", "ls", "mktemp", "dirname", "test", "rm"] {
        let real = ["/usr/bin", "/bin"]
            .iter()
            .map(|dir| format!("{dir}/{name}"))
            .find(|path| fs::metadata(path).is_ok())
            .unwrap();
        fs::write(
            bin.join(name),
            format!("#!/bin/sh\necho \"$0 $*\" >> \"$KEYWARD_ROOT/argv.log\"\nexec {real} \"$@\"\n"),
        )
        .unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    ok(&host.put("A='wJalrXUtnFEMI'\n"));
    assert!(host.text().contains("wJalrXUtnFEMI"));
    let log = fs::read_to_string(host.0.path().join("argv.log")).unwrap();
    assert!(log.contains("/mv ") && !log.contains("wJalrXUtnFEMI"), "{log}");
}

#[test]
fn a_read_prints_the_asked_line_and_no_other() {
    let host = Host::new("A=old\nAB=canary\n export A='new one'\n#A=comment\nXA=canary\n");
    assert_eq!(ok(&host.run("read", "", "A", "")), "A='new one'\n");
    assert_eq!(ok(&host.run("read", "", "MISSING", "")), "");
    fs::remove_file(host.file()).unwrap();
    assert!(!host.run("read", "", "A", "").status.success());
}

#[test]
fn a_restart_names_the_service() {
    let host = Host::new("A=1\n");
    ok(&host.run("restart", "", "", ""));
    let log = fs::read_to_string(host.0.path().join("systemctl.log")).unwrap();
    assert_eq!(log, "restart raxx-vault\nis-active raxx-vault\n");
}

#[test]
fn a_proof_runs_with_the_files_variables_and_its_exit_code_counts() {
    let host = Host::new("A='it'\\''s new'\n");
    let program = host.0.path().join("opt/prove");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::write(&program, "#!/bin/sh\necho \"$A|$1|$2\"\nexit 7\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let output = host.run("prove", "", "", "/opt/prove --quick $(id)*");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "it's new|--quick|$(id)*\n");
    assert_eq!(output.status.code(), Some(7));
    fs::remove_file(&program).unwrap();
    let output = host.run("prove", "", "", "/opt/prove");
    assert_eq!(output.status.code(), Some(127));
}
