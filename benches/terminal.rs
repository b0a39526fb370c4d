//! The interface on a real pseudo-terminal: its first frame, its keys while a command prints 100 MB, its memory, its
//! idleness at a gate.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::suite::machine::{KEYWARD, Machine, REPOSITORY};
use crate::{median, report};

const PATIENCE: Duration = Duration::from_secs(60);
const STARTS: usize = 15;
/// How long the gate is watched.
const IDLE: Duration = Duration::from_secs(20);

struct Terminal {
    screen: vt100::Parser,
    bytes: Receiver<(Instant, Vec<u8>)>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    started: Instant,
    _master: Box<dyn MasterPty + Send>,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only what was started here; one that has ended needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Terminal {
    fn open(machine: &Machine, args: &[&str]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(KEYWARD);
        command.arg("--store");
        command.arg(machine.store());
        command.args(args);
        command.env_clear();
        for (name, value) in
            [("USER", "alice"), ("LC_ALL", "C.UTF-8"), ("TERM", "xterm-256color"), ("NO_PROXY", "127.0.0.1")]
        {
            command.env(name, value);
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", machine.home());
        command.cwd(machine.work());
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 || sender.send((Instant::now(), buffer[..n].to_vec())).is_err() {
                    break;
                }
            }
        });
        let rows = std::num::NonZero::new(24).unwrap();
        let columns = std::num::NonZero::new(80).unwrap();
        let keys = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(rows, columns, 0);
        Self { screen, bytes, keys, child, started, _master: pair.master }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// When the screen first was as wanted.
    #[track_caller]
    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> Instant {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.bytes.recv_timeout(Duration::from_secs(1)) {
                Ok((at, bytes)) => {
                    self.screen.process(&bytes);
                    if holds(&self.text()) {
                        return at;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{what} never came, and keyward has ended:\n{}", self.text())
                }
            }
            assert!(Instant::now() < end, "{what} never came:\n{}", self.text());
        }
    }

    /// Takes what is still on its way.
    fn settle(&mut self) {
        while let Ok((_, bytes)) = self.bytes.recv_timeout(Duration::from_millis(25)) {
            self.screen.process(&bytes);
        }
    }

    fn press(&mut self, keys: &str) -> Instant {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        Instant::now()
    }

    /// Presses Enter until the screen has these words.
    fn enter_until(&mut self, words: &str) {
        for _ in 0..20 {
            self.settle();
            if self.text().contains(words) {
                return;
            }
            let before = self.text();
            self.press("\r");
            self.until(words, |now| now != before);
        }
        panic!("{words} never came:\n{}", self.text());
    }

    /// A number of `/proc/PID/status`, in KiB.
    fn status(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.process_id()?)).ok()?;
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim_start_matches(':').split_whitespace().next()?.parse().ok())
    }

    /// Clock ticks of CPU so far, in user and system mode.
    fn ticks(&self) -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.process_id()?)).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    }
}

/// Milliseconds from the start of the process to the end of its work, for one that only says its version.
fn bare_start(machine: &Machine) -> f64 {
    let mut terminal = Terminal::open(machine, &["--version"]);
    let started = terminal.started;
    let end = loop {
        match terminal.bytes.recv_timeout(PATIENCE) {
            Ok((at, bytes)) => {
                terminal.screen.process(&bytes);
                if terminal.text().contains("keyward") {
                    break at;
                }
            }
            Err(_) => panic!("no version came"),
        }
    };
    (end - started).as_secs_f64() * 1000.0
}

fn first_frame(machine: &Machine, args: &[&str]) -> f64 {
    let mut terminal = Terminal::open(machine, args);
    let started = terminal.started;
    // A frame reaches down to the row of hints.
    let at = terminal.until("the first frame", |now| now.lines().filter(|line| !line.trim().is_empty()).count() >= 8);
    (at - started).as_secs_f64() * 1000.0
}

fn starts() {
    let machine = Machine::new();
    machine.signing_key();
    let bare = median((0..STARTS).map(|_| bare_start(&machine)).collect());
    for (what, args) in [("the home screen", ["tui"]), ("a drill", ["drill"])] {
        let frame = median((0..STARTS).map(|_| first_frame(&machine, &args)).collect());
        let beyond = frame - bare;
        report(
            &format!("first frame of {what}, beyond a start of {bare:.0} ms"),
            format!("{beyond:.1} ms"),
            "under 50 ms",
            beyond < 50.0,
        );
    }
}

fn stream() {
    let machine = Machine::new();
    machine.signing_key();
    let runbook = Path::new(REPOSITORY).join("benches/stream.yaml");
    let mut terminal = Terminal::open(&machine, &["drill", runbook.to_str().unwrap()]);
    terminal.enter_until("A hundred megabytes");
    terminal.enter_until("under way");
    let mut waits = Vec::new();
    let help = |now: &str| now.contains("Esc back") || now.contains("Esc closes");
    while terminal.text().contains("under way") || help(&terminal.text()) {
        let before = terminal.text();
        let pressed = terminal.press(if waits.len() % 2 == 0 { "?" } else { "\x1b" });
        let shown = terminal.until("an answer to a key", |now| now != before);
        waits.push((shown - pressed).as_secs_f64() * 1000.0);
        terminal.settle();
        if waits.len() >= 200 {
            break;
        }
    }
    waits.sort_by(f64::total_cmp);
    let p99 = waits[(waits.len() * 99 / 100).min(waits.len() - 1)];
    let what = format!("key to screen while 100 MB are printed, p99 of {}", waits.len());
    report(&what, format!("{p99:.1} ms"), "under 16 ms", p99 < 16.0);
    terminal.enter_until("A day of nothing");
    match terminal.status("VmHWM") {
        Some(peak) => {
            let peak = peak as f64 / 1024.0;
            report("memory at its highest through it", format!("{peak:.1} MiB"), "under 64 MiB", peak < 64.0);
        }
        None => println!("memory: only measured where /proc is"),
    }
    terminal.settle();
    let Some(before) = terminal.ticks() else { return println!("CPU at a gate: only measured where /proc is") };
    std::thread::sleep(IDLE);
    let ticks = terminal.ticks().unwrap() - before;
    report(&format!("CPU ticks over {} s at a gate", IDLE.as_secs()), ticks.to_string(), "0", ticks == 0);
}

pub(crate) fn measure() {
    starts();
    stream();
}
