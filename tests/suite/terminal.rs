//! A person at the screen: a real pseudo-terminal, real escape bytes, real keys. Everything waits for what stands on the
//! screen; a key is pressed only where the screen says that it does something.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::machine::{KEYWARD, Machine};
use super::transcript::Transcript;

/// No single screen takes longer, on a slow machine either.
const PATIENCE: Duration = Duration::from_secs(60);
const ENTER: &str = "\r";
const ESC: &str = "\x1b";
const TAB: &str = "\t";
const DOWN: &str = "\x1b[B";
const PAGE_DOWN: &str = "\x1b[6~";

/// A terminal with keyward in it.
struct Terminal {
    parser: vt100::Parser,
    bytes: Receiver<Vec<u8>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn open(machine: &Machine, columns: u16, rows: u16, args: &[&str]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(KEYWARD);
        command.arg("--store");
        command.arg(machine.store());
        command.args(args);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", machine.home());
        command.env("USER", "alice");
        command.env("LC_ALL", "C.UTF-8");
        command.env("TERM", "xterm-256color");
        command.env("NO_PROXY", "127.0.0.1");
        command.cwd(machine.work());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 || sender.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let parser = vt100::Parser::new(size_of(rows), size_of(columns), 0);
        Self { parser, bytes, keys, child, master: pair.master }
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Takes what the program writes until the screen is as wanted, and then until it is still.
    #[track_caller]
    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.bytes.recv_timeout(Duration::from_millis(60)) {
                Ok(bytes) => self.parser.process(&bytes),
                // Nothing more comes for now: the frame is whole.
                Err(RecvTimeoutError::Timeout) if holds(&self.text()) => return,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    assert!(holds(&self.text()), "{what} never came, and keyward has ended:\n{}", self.text());
                    return;
                }
            }
            assert!(Instant::now() < end, "{what} never came:\n{}", self.text());
        }
    }

    #[track_caller]
    fn see(&mut self, words: &str) {
        self.until(words, |screen| screen.contains(words));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Presses, and waits until the screen says something. A key that comes while a new frame is on its way counts for
    /// nothing, so where nothing at all has changed it is pressed again, as a person would.
    #[track_caller]
    fn press_until(&mut self, keys: &str, words: &str) {
        let before = self.text();
        let again = keys.chars().count() == 1 || keys.starts_with("\x1b[200~");
        let mut next = Instant::now() + Duration::from_secs(2);
        let end = Instant::now() + PATIENCE;
        self.press(keys);
        loop {
            match self.bytes.recv_timeout(Duration::from_millis(60)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) if self.text().contains(words) => return,
                Err(_) if again && Instant::now() > next && self.text() == before => {
                    next = Instant::now() + Duration::from_secs(2);
                    self.press(keys);
                }
                Err(_) => {}
            }
            assert!(Instant::now() < end, "{words} never came:\n{}", self.text());
        }
    }

    /// Presses, and waits until the screen is another one.
    #[track_caller]
    fn press_on(&mut self, keys: &str) {
        let before = self.text();
        let end = Instant::now() + PATIENCE;
        let mut next = Instant::now();
        loop {
            if Instant::now() >= next {
                next = Instant::now() + Duration::from_secs(2);
                self.press(keys);
            }
            match self.bytes.recv_timeout(Duration::from_millis(60)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) if self.text() != before => return,
                Err(_) => {}
            }
            assert!(Instant::now() < end, "the screen stays as it is:\n{}", self.text());
        }
    }

    /// Confirms each step as it stands, as somebody would who has read it, until the screen has these words.
    #[track_caller]
    fn go_on_until(&mut self, words: &str) {
        for _ in 0..400 {
            self.until("something to do", |now| {
                now.contains(words)
                    || [
                        "unseen",
                        "y sign",
                        "Enter asks",
                        "to the sign line",
                        "W clock",
                        "moves the clock",
                        "Look again",
                    ]
                    .iter()
                    .any(|wanted| now.contains(wanted))
            });
            let now = self.text();
            if now.contains(words) {
                return;
            }
            let key = if now.contains("unseen. ↓") {
                PAGE_DOWN
            } else if now.contains("y sign  Esc no") {
                "y"
            } else if now.contains("Look again") {
                // The next key takes the message away.
                "k"
            } else if now.contains(" W clock") {
                "W"
            } else {
                ENTER
            };
            self.press_on(key);
        }
        panic!("{words} never came:\n{}", self.text());
    }

    /// Scrolls through everything that is to be signed.
    #[track_caller]
    fn read_all(&mut self) {
        while self.text().contains("unseen. ↓") {
            self.press_on(PAGE_DOWN);
        }
    }

    /// Waits for the end of the program; its exit code.
    #[track_caller]
    fn left(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.parser.process(&bytes);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                let screen = self.parser.screen();
                assert!(!screen.alternate_screen(), "the screen before is back");
                assert!(!screen.hide_cursor() && !screen.bracketed_paste(), "the terminal is as it was");
                assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
                return status.exit_code();
            }
            assert!(Instant::now() < end, "it did not end:\n{}", self.text());
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Only what this test has started.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size_of(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}

/// The only run of a machine's store.
fn only_run(machine: &Machine) -> PathBuf {
    let listing = std::fs::read_dir(machine.store()).unwrap().map(|entry| entry.unwrap().path());
    let mut runs: Vec<PathBuf> = listing.filter(|path| path.join("transcript.jsonl").is_file()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

#[test]
fn a_whole_drill_by_keys_ends_with_the_new_key_alone_and_verifies() {
    let machine = Machine::new();
    let mut terminal = Terminal::open(&machine, 80, 24, &["drill"]);
    terminal.go_on_until("7b  Delete the old key");
    terminal.see("IRREVERSIBLE · DRILL");
    terminal.see("unseen. ↓");
    terminal.read_all();
    // Enter never does this, and a wrong last four don't either.
    terminal.press_until(ENTER, "reason is missing");
    terminal.press_until(TAB, "Reason");
    terminal.press("observed for a day");
    terminal.press_on(TAB);
    terminal.press_until("OLD2", "OLD2");
    terminal.press_until(TAB, "you typed OLD2");
    assert!(!terminal.text().contains("y sign"), "{}", terminal.text());
    terminal.press_until("\x7f1", "OLD1▏");
    terminal.press_until(TAB, "y sign  Esc no");
    terminal.press_until("y", "Completed and sealed");
    terminal.press_until("v", "every signer trusted");
    terminal.press_until(ESC, "Completed and sealed");
    terminal.press("q");
    assert_eq!(terminal.left(), 0);

    let folder = only_run(&machine);
    assert_eq!(machine.verify(&folder).0, Some(0));
    let transcript = Transcript::read(&folder);
    assert_eq!(transcript.seal()["status"], "completed");
    let new = transcript.created().unwrap();
    assert_eq!(transcript.keys(), [format!("{} Active", &new[new.len() - 4..])]);
    assert_eq!(transcript.entries[0]["environment"]["unattended"], false, "a person did this one");
    let delete = transcript.last("confirmed", "delete");
    assert_eq!((&delete["answer"]["how"], &delete["answer"]["typed"]), (&"type_back".into(), &"OLD1".into()));
    assert_eq!(delete["answer"]["reason"], "observed for a day");
}

#[test]
fn a_lost_answer_is_settled_by_its_last_four_and_taken_back_by_one_signature() {
    let machine = Machine::new();
    let mut terminal = Terminal::open(&machine, 100, 40, &["drill", "--fault", "lost-create"]);
    terminal.go_on_until("! IN DOUBT");
    terminal.see("was not there before");
    terminal.press_until("?", "Off now, and why");
    terminal.press_until(ESC, "It is ours");
    terminal.press_on(DOWN);
    terminal.press_until(ENTER, "Last four");
    let screen = terminal.text();
    let at = screen.find(" was created by this run").unwrap();
    let four = screen[at - 4..at].to_owned();
    terminal.press("WRNG");
    terminal.press_until(ENTER, "you typed WRNG");
    terminal.press("\x7f\x7f\x7f\x7f");
    terminal.press(&four);
    terminal.press_until(ENTER, "y sign  Esc no");
    terminal.press_until("y", "its answer is lost");
    terminal.press_until("R", "These 2 acts");
    terminal.press_until(ESC, "its answer is lost");
    terminal.press_until("R", "These 2 acts");
    terminal.read_all();
    terminal.press("the answer was lost");
    terminal.press_until(ENTER, "y sign  Esc no");
    terminal.press_until("y", "Rolled back and sealed");
    terminal.press("q");
    assert_eq!(terminal.left(), 4);
    let transcript = Transcript::read(&only_run(&machine));
    assert_eq!(transcript.seal()["status"], "rolled_back");
    assert_eq!(transcript.keys(), ["OLD1 Active"]);
    assert_eq!(transcript.kind("confirmed").filter(|entry| entry["step"] == "rollback").count(), 1);
}

#[test]
fn every_dialog_opens_says_what_it_does_and_changes_nothing_until_it_is_signed() {
    let machine = Machine::new();
    let mut terminal = Terminal::open(&machine, 80, 24, &["drill", "--fault", "holder-down"]);
    terminal.see("0  You are not the user");
    // Off, and it says why.
    terminal.press_until("R", "Nothing has been changed yet");
    terminal.press_until("O", "No gate is closed here");
    terminal.press_until("x", "Opens when the run has ended");
    // A note, through its own page.
    terminal.press_until("i", "A note in the transcript");
    terminal.press("seen at the screen");
    terminal.press_until(ENTER, "Noted.");
    terminal.press_until("t", "Entries");
    terminal.press_until(ESC, "0  You are not the user");
    terminal.press_until("v", "The action, whole");
    terminal.press_until(ESC, "0  You are not the user");
    terminal.press_until("p", "no way back below this line");
    terminal.press_until(ESC, "0  You are not the user");
    // Skipping: a read that nothing needs may be left out; one that is needed says so.
    terminal.press_until("S", "Skip step 0");
    terminal.press_until(ESC, "0  You are not the user");
    terminal.go_on_until("3  The new key authenticates");
    terminal.press_until("S", "can't be skipped");
    terminal.press_until("k", "Enter asks");
    // A failure: its page, and a retry that is signed again.
    terminal.go_on_until("FAIL");
    terminal.see("Choose; none of these changes anything yet");
    terminal.press_until(ENTER, "4  Store the pair");
    terminal.go_on_until("5  Update every consumer");
    // The way back is looked at and left; giving up takes a reason.
    terminal.press_until("R", "acts, each sent once");
    terminal.press_until(ESC, "5  Update every consumer");
    terminal.press_until("A", "ENDS THE RUN");
    terminal.read_all();
    terminal.press_until(ENTER, "reason is missing");
    terminal.press("the drill has shown enough");
    terminal.press_until(ENTER, "y sign  Esc no");
    terminal.press_until("y", "Aborted and sealed");
    terminal.press("q");
    assert_eq!(terminal.left(), 5);
    let transcript = Transcript::read(&only_run(&machine));
    assert_eq!(transcript.seal()["status"], "aborted");
    assert_eq!(transcript.kind("noted").next().unwrap()["text"], "seen at the screen");
    assert!(transcript.kind("skipped").next().is_none() && transcript.kind("rollback_begun").next().is_none());
    assert_eq!(transcript.kind("aborted").next().unwrap()["reason"], "the drill has shown enough");
}

#[test]
fn home_starts_a_drill_suspends_it_and_goes_on_with_it() {
    let machine = Machine::new();
    let mut terminal = Terminal::open(&machine, 100, 30, &[]);
    terminal.see("never drilled");
    terminal.press_until("a", "Keys, most overdue first");
    terminal.see("raxx-vault-operator");
    terminal.press_until(ENTER, "overdue 322 d");
    terminal.press_until(ESC, "Keys, most overdue first");
    terminal.press_until(ESC, "3 Runbooks");
    terminal.press_on("3");
    terminal.press_until("D", "0  You are not the user");
    terminal.go_on_until("1  Confirm the right user");
    terminal.press_until("q", "Suspend and leave");
    terminal.press_until(ENTER, "y sign  Esc no");
    terminal.press_until("y", "may go on");
    terminal.press_on("1");
    terminal.press_until(ENTER, "1  Confirm the right user");
    terminal.press_until("q", "Suspend and leave");
    terminal.press_until(ENTER, "y sign  Esc no");
    terminal.press_until("y", "may go on");
    terminal.press("q");
    assert_eq!(terminal.left(), 0);
    let transcript = Transcript::read(&only_run(&machine));
    assert_eq!(transcript.kind("suspended").count(), 2);
    assert_eq!(transcript.kind("resumed").count(), 1);
}

#[test]
fn keys_that_come_before_the_page_was_seen_and_a_signal_leave_no_trace() {
    let machine = Machine::new();
    let mut terminal = Terminal::open(&machine, 80, 24, &["drill"]);
    // Typed blindly, before anything stands on the screen.
    terminal.press("y\ry\r");
    terminal.see("0  You are not the user");
    terminal.press_until("\x1b[200~\ny\r\x1b[201~", "Paste works in text fields only");
    let size = PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 };
    terminal.parser.screen_mut().set_size(size_of(30), size_of(100));
    terminal.master.resize(size).unwrap();
    terminal.until("the larger frame", |screen| screen.lines().any(|line| line.chars().count() > 90));
    let pid = rustix_pid(&*terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(terminal.left(), 3);
    let transcript = Transcript::read(&only_run(&machine));
    assert!(transcript.kind("confirmed").next().is_none(), "nothing was confirmed by a key nobody had aimed");
}

fn rustix_pid(child: &(dyn Child + Send + Sync)) -> rustix::process::Pid {
    let raw = i32::try_from(child.process_id().unwrap()).unwrap();
    rustix::process::Pid::from_raw(raw).unwrap()
}

#[test]
fn a_pipe_answers_in_words_and_its_end_suspends() {
    let machine = Machine::new();
    let folder = machine.work().join("answers");
    std::fs::write(&folder, "back\nnonsense\nrun\nrun\nrun\nrun\nsign\n").unwrap();
    let mut command = std::process::Command::new(KEYWARD);
    command.arg("--store").arg(machine.store()).args(["drill", "--plain"]);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", machine.home());
    command.env("LC_ALL", "C.UTF-8").env("USER", "alice").current_dir(machine.work());
    command.stdin(std::fs::File::open(&folder).unwrap());
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(3), "{said}");
    assert!(said.contains("\"nonsense\" is not one of them"), "{said}");
    assert!(said.contains("Nothing has been changed yet"), "back has nowhere to go: {said}");
    assert!(said.lines().filter(|line| line.contains("Step")).all(|line| line.starts_with("DRILL ")), "{said}");
    let transcript = Transcript::read(&only_run(&machine));
    let signed = transcript.last("confirmed", "create");
    assert_eq!(signed["answer"]["how"], "sign");
    assert!(transcript.kind("confirmed").all(|entry| entry["step"] != "verify"), "nothing was answered for it");
    assert_eq!(transcript.kind("suspended").count(), 1);
}
