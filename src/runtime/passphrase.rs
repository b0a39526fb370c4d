//! Asking for a passphrase on the terminal, without echo, before any screen is drawn.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Puts the terminal's echo back, whatever happens.
struct Echo<'t> {
    tty: &'t std::fs::File,
    before: Termios,
}

impl Drop for Echo<'_> {
    fn drop(&mut self) {
        // Nothing else can be done about a terminal that is gone.
        let _ = tcsetattr(self.tty, OptionalActions::Flush, &self.before);
    }
}

/// What the person typed; `None` without a terminal, or where nothing was typed.
pub fn ask(prompt: &str) -> Option<SecretString> {
    let mut tty = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    let before = tcgetattr(&tty).ok()?;
    // A screen has the terminal in raw mode: a prompt there would be typed into the page.
    if !before.local_modes.contains(LocalModes::ICANON) {
        return None;
    }
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    write!(tty, "{prompt}: ").and_then(|()| tty.flush()).ok()?;
    tcsetattr(&tty, OptionalActions::Flush, &quiet).ok()?;
    let mut line = Zeroizing::new(String::with_capacity(256));
    let read = {
        let _echo = Echo { tty: &tty, before };
        BufReader::with_capacity(256, &tty).read_line(&mut line)
    };
    let _ = writeln!(tty);
    read.ok()?;
    let typed = line.trim_end_matches(['\r', '\n']);
    (!typed.is_empty()).then(|| SecretString::from(typed.to_owned()))
}
