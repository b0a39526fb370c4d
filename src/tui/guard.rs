//! The terminal as it was found: whatever way the program ends, modes are taken back.
//!
//! `ratatui::restore` leaves mouse, bracketed paste and focus modes on, so this has its own list.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::style::ResetColor;
use crossterm::terminal::{
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};

/// Are the modes on? One terminal, so one flag for the process.
static ON: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Holds the terminal's modes; dropping it takes them back.
#[derive(Debug)]
pub struct Guard {
    mouse: bool,
}

impl Guard {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, focus and, if wanted, the mouse. A panic from here
    /// on restores the terminal before it is printed.
    ///
    /// # Errors
    /// Standard output is no terminal, or went away.
    pub fn take(mouse: bool) -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        let guard = Self { mouse };
        guard.on()?;
        Ok(guard)
    }

    fn on(&self) -> io::Result<()> {
        ON.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode().and_then(|()| {
            execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide)?;
            if self.mouse { execute!(io::stdout(), EnableMouseCapture) } else { Ok(()) }
        });
        if taken.is_err() {
            restore();
        }
        taken
    }

    /// Gives the terminal back for a while (job control).
    pub fn leave(&self) {
        restore();
    }

    /// Takes it again.
    ///
    /// # Errors
    /// As [`Guard::take`].
    pub fn again(&self) -> io::Result<()> {
        self.on()
    }

    /// Switches the mouse's reports.
    ///
    /// # Errors
    /// The terminal went away.
    pub fn set_mouse(&mut self, mouse: bool) -> io::Result<()> {
        if self.mouse == mouse {
            return Ok(());
        }
        self.mouse = mouse;
        if mouse { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes every mode back; does nothing if none is on. Errors can't be told anyone: the terminal is what is gone.
pub fn restore() {
    if !ON.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = undo(&mut io::stdout());
    let _ = disable_raw_mode();
}

/// Writes what takes every mode back, all of it even where a terminal doesn't know a part.
fn undo(out: &mut impl Write) -> io::Result<()> {
    queue!(
        out,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        ResetColor,
        LeaveAlternateScreen,
        Show
    )?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_that_is_set_is_taken_back() {
        let mut set = Vec::new();
        queue!(set, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide, EnableMouseCapture).unwrap();
        let mut taken = Vec::new();
        undo(&mut taken).unwrap();
        let modes = |bytes: &[u8], end: char| -> Vec<String> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let mut modes: Vec<String> = text
                .split("\x1b[?")
                .filter_map(|part| part.split_once(end))
                .map(|(number, _)| number.to_owned())
                .filter(|number| number.chars().all(|c| c.is_ascii_digit()))
                .collect();
            modes.sort();
            modes
        };
        let (on, off) = (modes(&set, 'h'), modes(&taken, 'l'));
        for mode in &on {
            assert!(off.contains(mode), "mode {mode} stays on: {off:?}");
        }
        // The cursor is hidden by `l` and shown by `h`.
        assert!(modes(&taken, 'h').contains(&"25".to_owned()));
        assert!(on.contains(&"2004".to_owned()) && on.contains(&"1004".to_owned()) && on.contains(&"1049".to_owned()));
    }
}
