//! The one table of commands: keys, names, where each is live and why it is not elsewhere. Hints, help and palette are
//! made from it, and so is what a key does.
//!
//! Small letters change no system, capitals open a plan, only `y` acts.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::view::Command;

/// A kind of page, as far as keys are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    /// Home.
    Home,
    /// The keys of a user.
    UserKeys,
    /// The keys of the account.
    AccountKeys,
    /// Inputs.
    Inputs,
    /// A step of a run.
    Run,
    /// The page of a command: a plan with something to answer.
    Plan,
    /// The end of a run.
    End,
    /// A transcript.
    Transcript,
    /// A text to read, or the list of steps.
    Read,
    /// Keys.
    Help,
    /// Commands by name.
    Palette,
}

impl Screen {
    /// All of them.
    pub const ALL: [Screen; 11] = [
        Self::Home,
        Self::UserKeys,
        Self::AccountKeys,
        Self::Inputs,
        Self::Run,
        Self::Plan,
        Self::End,
        Self::Transcript,
        Self::Read,
        Self::Help,
        Self::Palette,
    ];
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The command.
    pub command: Command,
    /// Its keys; the first is the one that is shown.
    pub keys: &'static [(KeyCode, bool)],
    /// The keys as a person reads them.
    pub shown: &'static str,
    /// Its name: hints and palette.
    pub name: &'static str,
    /// What it does: help.
    pub about: &'static str,
    /// Where it is live.
    pub screens: &'static [Screen],
    /// Why it is not live elsewhere.
    pub elsewhere: &'static str,
}

const fn key(c: char) -> (KeyCode, bool) {
    (KeyCode::Char(c), false)
}

const fn ctrl(c: char) -> (KeyCode, bool) {
    (KeyCode::Char(c), true)
}

const fn code(code: KeyCode) -> (KeyCode, bool) {
    (code, false)
}

use Screen::{AccountKeys, End, Help, Home, Inputs, Palette, Plan, Read, Run, Transcript, UserKeys};

const ALL: &[Screen] = &Screen::ALL;
const LISTS: &[Screen] = &[Home, UserKeys, AccountKeys, Transcript, Read, Help, Run];
const IN_RUN: &[Screen] = &[Run];

macro_rules! binding {
    ($command:ident, [$($key:expr),*], $shown:literal, $name:literal, $about:literal, $screens:expr, $elsewhere:literal) => {
        Binding {
            command: Command::$command,
            keys: &[$($key),*],
            shown: $shown,
            name: $name,
            about: $about,
            screens: $screens,
            elsewhere: $elsewhere,
        }
    };
}

/// The table, in the order in which help shows it.
pub const TABLE: &[Binding] = &[
    binding!(Back, [code(KeyCode::Esc)], "Esc", "back", "back; never acts", ALL, ""),
    binding!(Enter, [code(KeyCode::Enter)], "Enter", "open", "opens, runs a read, goes to the sign line", ALL, ""),
    binding!(Down, [key('j'), code(KeyCode::Down)], "j ↓", "down", "down", ALL, ""),
    binding!(Up, [key('k'), code(KeyCode::Up)], "k ↑", "up", "up", ALL, ""),
    binding!(First, [key('g'), code(KeyCode::Home)], "g", "first", "first", ALL, ""),
    binding!(Last, [key('G'), code(KeyCode::End)], "G", "last", "last", ALL, ""),
    binding!(
        HalfDown,
        [ctrl('d'), code(KeyCode::PageDown), key(' ')],
        "Ctrl-D",
        "half a page down",
        "half a page down",
        ALL,
        ""
    ),
    binding!(HalfUp, [ctrl('u'), code(KeyCode::PageUp)], "Ctrl-U", "half a page up", "half a page up", ALL, ""),
    binding!(Next, [code(KeyCode::Tab)], "Tab", "panel or field", "next panel, field", ALL, ""),
    binding!(Previous, [code(KeyCode::BackTab)], "Shift-Tab", "panel or field before", "panel, field before", ALL, ""),
    binding!(
        Panel,
        [key('1'), key('2'), key('3'), key('4')],
        "1–4",
        "panel by number",
        "panel by number",
        &[Home],
        "This page has one panel to move in."
    ),
    binding!(Find, [key('/')], "/", "find", "find", LISTS, "There is no list here."),
    binding!(FindNext, [key('n')], "n", "find next", "find next", LISTS, "There is no list here."),
    binding!(FindPrevious, [key('N')], "N", "find previous", "find previous", LISTS, "There is no list here."),
    binding!(
        Order,
        [key('o')],
        "o",
        "order",
        "another order",
        &[AccountKeys],
        "Only the account's keys have an order."
    ),
    binding!(
        Sign,
        [key('y')],
        "y",
        "sign",
        "signs and acts, on the sign line",
        &[Run, Plan],
        "There is nothing to sign on this page."
    ),
    binding!(WayBack, [key('R')], "R", "way back", "the way back", IN_RUN, "Opens in a run."),
    binding!(Skip, [key('S')], "S", "skip", "skip, with a reason", IN_RUN, "Opens in a run."),
    binding!(Override, [key('O')], "O", "override", "break a gate", IN_RUN, "Opens in a run, at a gate."),
    binding!(AddRow, [key('+')], "+", "add row", "a forgotten consumer", IN_RUN, "Opens in a run."),
    binding!(HandOver, [key('H')], "H", "hand over", "hand over", IN_RUN, "Opens in a run."),
    binding!(Abort, [key('A')], "A", "abort", "abort", IN_RUN, "Opens in a run."),
    binding!(
        Drill,
        [key('D')],
        "D",
        "drill",
        "drill a runbook",
        &[Home, UserKeys],
        "Opens from home, with a runbook selected."
    ),
    binding!(MoveClock, [key('W')], "W", "clock", "move a drill's clock", IN_RUN, "Opens in a drill, at a gate."),
    binding!(Note, [key('i')], "i", "note", "note in the transcript", IN_RUN, "Opens in a run."),
    binding!(Transcript, [key('t')], "t", "transcript", "transcript", &[Run, End], "Opens in a run."),
    binding!(Steps, [key('p')], "p", "plan", "all steps", &[Run, End], "Opens in a run."),
    binding!(Whole, [key('v')], "v", "whole answer", "whole answer, digests", &[Run, End], "Opens in a run."),
    binding!(Follow, [key('f')], "f", "follow", "follow the samples", IN_RUN, "Opens while a step is verified."),
    binding!(
        NextDeviation,
        [key('d')],
        "d",
        "next deviation",
        "next deviation",
        &[Screen::Transcript],
        "Opens in a transcript (t)."
    ),
    binding!(
        NextSignature,
        [key('s')],
        "s",
        "next signature",
        "next signature",
        &[Screen::Transcript],
        "Opens in a transcript (t)."
    ),
    binding!(Report, [key('e')], "e", "report", "report (HTML)", &[End], "Opens when the run has ended."),
    binding!(Export, [key('x')], "x", "evidence pack", "evidence pack", &[End], "Opens when the run has ended."),
    binding!(
        Copy,
        [key('c')],
        "c",
        "copy",
        "copy, never a secret",
        &[UserKeys, AccountKeys, Run, End, Transcript, Read],
        "There is nothing to copy on this page."
    ),
    binding!(
        Reread,
        [key('r')],
        "r",
        "read again",
        "read again",
        &[Home, UserKeys, AccountKeys, Inputs],
        "keyward reads again by itself before each step."
    ),
    binding!(Account, [key('a')], "a", "account keys", "keys of the account", &[Home, UserKeys], "Opens from home."),
    binding!(Mouse, [key('m')], "m", "mouse", "mouse on or off", ALL, ""),
    binding!(Redraw, [ctrl('l')], "Ctrl-L", "draw again", "draw again", ALL, ""),
    binding!(Shell, [ctrl('z')], "Ctrl-Z", "to the shell", "to the shell; fg returns", ALL, ""),
    binding!(Palette, [key(':')], ":", "commands", "commands by name", ALL, ""),
    binding!(Help, [key('?')], "?", "keys", "keys here", ALL, ""),
    binding!(Leave, [key('q')], "q", "leave", "suspend and leave", ALL, ""),
    binding!(LeaveAnyway, [ctrl('c')], "Ctrl-C", "leave anyway", "leave, asks first", ALL, ""),
];

/// The row of a command. Every command has one (a test says so); the first row stands in for one that had none.
pub fn binding(command: Command) -> &'static Binding {
    TABLE.iter().find(|binding| binding.command == command).unwrap_or(&TABLE[0])
}

/// The command of a key outside of fields.
pub fn command_of(event: &KeyEvent) -> Option<Command> {
    if event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META) {
        return None;
    }
    let with_ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    TABLE
        .iter()
        .find(|b| b.keys.iter().any(|(code, ctrl)| *code == event.code && *ctrl == with_ctrl))
        .map(|b| b.command)
}

/// Commands that help shows as one, by the keys and words for it.
pub const TOGETHER: &[(&[Command], &str, &str)] = &[
    (&[Command::Down, Command::Up], "j k ↓ ↑", "down, up"),
    (&[Command::First, Command::Last], "g G", "first, last"),
    (&[Command::HalfDown, Command::HalfUp], "Ctrl-D U", "half a page"),
    (&[Command::Next, Command::Previous, Command::Panel], "Tab 1–4", "panel, field"),
    (&[Command::Find, Command::FindNext, Command::FindPrevious], "/ n N", "find, next, previous"),
];

/// Commands that the hints of a page name, in order, and what they are called there.
pub fn hints(screen: Screen) -> &'static [(Command, &'static str)] {
    use Command as C;
    match screen {
        Home => &[
            (C::Next, "panel"),
            (C::Account, "account keys"),
            (C::Drill, "drill"),
            (C::Find, "filter"),
            (C::Palette, "commands"),
            (C::Help, "keys"),
            (C::Leave, "leave"),
        ],
        UserKeys => &[
            (C::Reread, "read again"),
            (C::Copy, "copy id"),
            (C::Drill, "drill it first"),
            (C::Find, "filter"),
            (C::Back, "back"),
            (C::Help, "keys"),
        ],
        AccountKeys => &[
            (C::Find, "filter"),
            (C::Order, "order"),
            (C::Reread, "read again"),
            (C::Copy, "copy id"),
            (C::Back, "back"),
            (C::Help, "keys"),
        ],
        Inputs => &[
            (C::Next, "next"),
            (C::Previous, "previous"),
            (C::HalfUp, "clear"),
            (C::Reread, "read sources again"),
            (C::Back, "back"),
        ],
        Run => &[
            (C::WayBack, "way back"),
            (C::HandOver, "hand over"),
            (C::Note, "note"),
            (C::Transcript, "transcript"),
            (C::Steps, "plan"),
            (C::Find, "find"),
            (C::Palette, "commands"),
            (C::Help, "keys"),
        ],
        Plan => &[(C::Back, "back"), (C::Help, "keys")],
        End => &[
            (C::Transcript, "transcript"),
            (C::Copy, "copy head"),
            (C::Whole, "verify now"),
            (C::Back, "home"),
            (C::Leave, "leave"),
            (C::Help, "keys"),
        ],
        Transcript => &[
            (C::NextDeviation, "next deviation"),
            (C::NextSignature, "next signature"),
            (C::Find, "find"),
            (C::Enter, "whole entry"),
            (C::Back, "back"),
            (C::Help, "keys"),
        ],
        Read => &[(C::Down, "down"), (C::Find, "find"), (C::Copy, "copy"), (C::Back, "back"), (C::Help, "keys")],
        Help => &[(C::Back, "closes"), (C::Find, "find a key or a word"), (C::Palette, "has every command by name")],
        Palette => &[(C::Back, "back")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_key_means_one_thing() {
        let mut seen = BTreeSet::new();
        for binding in TABLE {
            for (code, ctrl) in binding.keys {
                assert!(seen.insert(format!("{code:?} {ctrl}")), "{code:?} is bound twice");
            }
        }
        assert_eq!(TABLE.iter().map(|b| b.command).collect::<BTreeSet<_>>().len(), TABLE.len());
    }

    #[test]
    fn every_command_is_live_or_says_why_not() {
        for binding in TABLE {
            for screen in Screen::ALL {
                assert!(
                    binding.screens.contains(&screen) || !binding.elsewhere.is_empty(),
                    "{:?} on {screen:?} gives no reason",
                    binding.command
                );
            }
        }
    }

    #[test]
    fn hints_name_live_commands_only() {
        for screen in Screen::ALL {
            for (command, _) in hints(screen) {
                assert!(
                    binding(*command).screens.contains(&screen),
                    "{command:?} is hinted on {screen:?} but not live"
                );
            }
        }
    }

    #[test]
    fn capitals_with_shift_and_control_are_told_apart() {
        let event = |code, modifiers| KeyEvent::new(code, modifiers);
        assert_eq!(command_of(&event(KeyCode::Char('R'), KeyModifiers::SHIFT)), Some(Command::WayBack));
        assert_eq!(command_of(&event(KeyCode::Char('r'), KeyModifiers::NONE)), Some(Command::Reread));
        assert_eq!(command_of(&event(KeyCode::Char('y'), KeyModifiers::CONTROL)), None);
        assert_eq!(command_of(&event(KeyCode::Char('y'), KeyModifiers::ALT)), None);
    }
}
