//! A run as lines: printed as it goes, and answered in words from standard input.

use std::io::{BufRead, IsTerminal};

use tokio::sync::mpsc;

use super::carry::{Carried, carry};
use crate::cli::say;
use crate::engine::doubt::Finding;
use crate::engine::focus::Focus;
use crate::plain::PlainFront;
use crate::runtime::driver::Handle;
use crate::runtime::snapshot::Snapshot;
use crate::view::Intent;
use crate::view::project::{Around, run_view};

/// Prints what there is to say of each snapshot; asks and takes answers if `asking`. Returns when the run is over.
pub(crate) async fn attend(handle: Handle, around: Around, asking: bool) {
    let mut news = handle.news.clone();
    let mut front = if asking { PlainFront::new() } else { PlainFront::silent() };
    let mut typed = asking.then(read_lines);
    let terminal = std::io::stdin().is_terminal();
    loop {
        let now = news.borrow_and_update().clone();
        if !passing(&now) {
            front.lines(&run_view(&now, &around)).iter().for_each(|line| say(line));
        }
        if let Some(notice) = &now.notice {
            front.notice(notice).iter().for_each(|line| say(line));
        }
        // What is typed ahead is judged only once a person is waited for, and by what is then asked. At a terminal one
        // may leave earlier; a pipe has nobody who could have seen why.
        let waits = waits_for_a_person(&now) || (terminal && !matches!(now.focus, Focus::Over(_)));
        let ask = typed.as_mut().filter(|_| front.asks() && waits);
        let Some(lines) = ask else {
            if news.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = news.changed() => if changed.is_err() { return },
            line = lines.recv() => {
                match line {
                    Some(line) => answer(&handle, &mut front, &line).await,
                    None => {
                        // Nobody is there any more: the run is left as it stands.
                        let suspend = Intent::Suspend { reason: "standard input ended".into() };
                        if let Carried::Refused(why) = carry(&handle, &suspend).await {
                            say(&why);
                            // Something is under way: its answer is news, and then it is asked again.
                            if news.changed().await.is_err() { return }
                        }
                    }
                }
            }
        }
    }
}

async fn answer(handle: &Handle, front: &mut PlainFront, line: &str) {
    let again = match front.answer(line) {
        Err(why) => Some(why),
        Ok(None) => {
            let lines = front.opened();
            let lines = if lines.is_empty() { front.question().into_iter().collect() } else { lines };
            lines.iter().for_each(|line| say(line));
            return;
        }
        Ok(Some(intent)) => match carry(handle, &intent).await {
            Carried::Taken if matches!(intent, Intent::Note { .. }) => Some("Noted.".into()),
            Carried::Taken => None,
            Carried::Refused(why) => Some(why),
            Carried::NotOurs => Some("That can't be done with lines.".into()),
        },
    };
    if let Some(why) = again {
        say(&why);
        front.question().iter().for_each(|line| say(line));
    }
}

/// Between two steps, or over: the next snapshot says more.
fn passing(now: &Snapshot) -> bool {
    let reading = matches!(now.focus, Focus::Confirm { .. }) && now.busy && !now.confirming;
    reading
        || matches!(
            now.focus,
            Focus::Over(_)
                | Focus::Open { .. }
                | Focus::Reopen { .. }
                | Focus::Send { .. }
                | Focus::OpenBack
                | Focus::Seal(_)
        )
}

/// Nothing goes on by itself here.
fn waits_for_a_person(now: &Snapshot) -> bool {
    let asked = match &now.focus {
        Focus::InDoubt { .. } => matches!(now.finding, Some(Finding::Person { .. })),
        Focus::Confirm { .. }
        | Focus::ConfirmBack
        | Focus::Blocked { .. }
        | Focus::Stopped { .. }
        | Focus::Manual { .. }
        | Focus::Waiting { .. } => true,
        _ => false,
    };
    asked && !now.busy && !now.confirming && now.due.is_empty()
}

/// Standard input by lines, from a thread of its own: a read of it can't be called off.
fn read_lines() -> mpsc::Receiver<String> {
    let (lines, taken) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    taken
}
