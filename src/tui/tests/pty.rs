//! The real event loop in a pseudo terminal: real escape bytes, real signals. The child is this test binary itself.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::tui::run::{Options, run};
use crate::view::{Intent, View, ViewUpdate, fixtures};

const CHILD: &str = "KEYWARD_TEST_TERMINAL";

/// Not a test of its own: what runs in the pseudo terminal.
#[test]
fn child() {
    let Ok(mode) = std::env::var(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (views, view_receiver) = tokio::sync::mpsc::channel(8);
        let (intents, mut intent_receiver) = tokio::sync::mpsc::channel(8);
        views.send(ViewUpdate::Show(View::Run(Box::new(fixtures::confirm())))).await.unwrap();
        let owner = async {
            while let Some(intent) = intent_receiver.recv().await {
                if mode == "panic" {
                    panic!("the owner panics");
                }
                let words = match intent {
                    Intent::Confirm { .. } => "Confirmed, said the owner.",
                    Intent::LeaveAnyway => break,
                    _ => "Something else, said the owner.",
                };
                views.send(ViewUpdate::Say(words.into())).await.unwrap();
            }
        };
        let interface = run(view_receiver, intents, Options::default());
        tokio::pin!(owner);
        tokio::select! {
            biased;
            ended = interface => ended.unwrap(),
            () = &mut owner => {}
        }
    });
    println!("ended as it should");
}

fn size(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}

struct Session {
    parser: vt100::Parser,
    bytes: Receiver<Vec<u8>>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Session {
    fn start(mode: &str) -> Self {
        let pty_size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(pty_size).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "tui::tests::pty::child", "--nocapture"]);
        command.env(CHILD, mode);
        command.env("LANG", "C.UTF-8");
        command.env("LC_ALL", "C.UTF-8");
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 || sender.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        let parser = vt100::Parser::new(size(24), size(80), 0);
        Self { parser, bytes, writer, child, master: pair.master }
    }

    fn until(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        self.until_or(what, holds, || {});
    }

    /// Waits for a screen; `again` is done whenever nothing has come for a while.
    fn until_or(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool, again: impl Fn()) {
        let end = Instant::now() + Duration::from_secs(20);
        while !holds(self.parser.screen()) {
            match self.bytes.recv_timeout(Duration::from_millis(100)) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => again(),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {}
            }
            let screen = self.parser.screen();
            assert!(
                Instant::now() < end,
                "{what} never came; alternate {}, paste {}, cursor hidden {}, mouse {:?}\n{}",
                screen.alternate_screen(),
                screen.bracketed_paste(),
                screen.hide_cursor(),
                screen.mouse_protocol_mode(),
                screen.contents()
            );
        }
    }

    fn until_text(&mut self, words: &str) {
        self.until(words, |screen| screen.contents().contains(words));
        // A key counts once the frame is out: no person types in the same moment.
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(50)) {
            self.parser.process(&bytes);
        }
    }

    fn send(&mut self, bytes: &str) {
        self.writer.write_all(bytes.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    fn pid(&self) -> rustix::process::Pid {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        rustix::process::Pid::from_raw(pid).unwrap()
    }
}

fn restored(screen: &vt100::Screen) -> bool {
    !screen.alternate_screen()
        && !screen.bracketed_paste()
        && !screen.hide_cursor()
        && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
}

#[test]
fn two_beats_on_a_real_terminal() {
    let mut session = Session::start("run");
    session.until_text("Enter to the sign line");
    assert!(session.parser.screen().alternate_screen());
    assert!(session.parser.screen().bracketed_paste());
    // Both keys in one write: y was pressed before the sign line could be seen.
    session.send("\ry");
    session.until_text("y sign  Esc no");
    session.send("c");
    session.until_text("Nothing was done");
    assert!(!session.parser.screen().contents().contains("Confirmed"));
    session.send("\x1b[200~\ry\x1b[201~");
    session.until_text("Paste works in text fields only");
    session.send("\r");
    session.until_text("y sign  Esc no");
    session.send("y");
    session.until_text("Confirmed, said the owner.");
    session.send("\x03");
    session.until_text("Suspend and leave");
    rustix::process::kill_process(session.pid(), rustix::process::Signal::TERM).unwrap();
    session.until("the terminal as it was", restored);
    session.until_text("ended as it should");
}

#[test]
fn to_the_shell_and_back() {
    let mut session = Session::start("run");
    session.until_text("Enter to the sign line");
    session.send("\r");
    session.until_text("y sign  Esc no");
    session.send("\x1a");
    session.until("the terminal as it was", restored);
    let pid = session.pid();
    session.until_or(
        "the screen again",
        |screen| screen.alternate_screen() && screen.contents().contains("Enter to the sign line"),
        || rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap(),
    );
    assert!(!session.parser.screen().contents().contains("y sign  Esc no"), "the sign line outlived the stop");
    // A stop from outside, too.
    rustix::process::kill_process(pid, rustix::process::Signal::TSTP).unwrap();
    session.until("the terminal as it was", restored);
    session.until_or(
        "the screen again",
        |screen| screen.alternate_screen() && screen.contents().contains("Enter to the sign line"),
        || rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap(),
    );
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    session.until("the terminal as it was", restored);
}

#[test]
fn a_resize_is_drawn_and_a_panic_restores() {
    let mut session = Session::start("panic");
    session.until_text("Enter to the sign line");
    session.master.resize(PtySize { rows: 11, cols: 39, pixel_width: 0, pixel_height: 0 }).unwrap();
    session.parser.screen_mut().set_size(size(11), size(39));
    session.until_text("Too small: 39 × 11.");
    session.master.resize(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).unwrap();
    session.parser.screen_mut().set_size(size(24), size(80));
    session.until_text("Enter to the sign line");
    session.send("\r");
    session.until_text("y sign  Esc no");
    session.send("y");
    session.until("the terminal as it was", restored);
    session.until_text("the owner panics");
}
