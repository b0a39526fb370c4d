//! A run at the screen: views to the interface, what is asked to the run, and back again when it is over.

use std::io;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::carry::{self, Carried, carry};
use super::{around, ended};
use crate::cli::{Global, say};
use crate::diagnostic::Diagnostic;
use crate::runtime::driver::{Driver, Ending, Handle, Order};
use crate::runtime::session::Session;
use crate::tui::run::{Options, run};
use crate::view::project::{Around, end_view, entry_view, run_view, transcript_view, whole_view};
use crate::view::{Intent, Page, Panel, ReadView, Row, Text, View, ViewUpdate};

/// The screen, taken once for as long as keyward has it.
pub(crate) struct Stage {
    views: mpsc::Sender<ViewUpdate>,
    pub intents: mpsc::Receiver<Intent>,
    screen: JoinHandle<io::Result<()>>,
}

impl Stage {
    /// Takes the terminal.
    pub fn open() -> Self {
        let (views, shown) = mpsc::channel(16);
        let (asked, intents) = mpsc::channel(64);
        Self { views, intents, screen: tokio::spawn(run(shown, asked, Options::default())) }
    }

    pub async fn show(&self, view: View) {
        self.update(ViewUpdate::Show(view)).await;
    }

    pub async fn say(&self, words: impl Into<String>) {
        self.update(ViewUpdate::Say(words.into())).await;
    }

    pub async fn update(&self, update: ViewUpdate) {
        // A screen that is gone has told so by ending its intents.
        let _ = self.views.send(update).await;
    }

    /// Gives the terminal back; only after this may anything be printed.
    ///
    /// # Errors
    /// The terminal could not be read or written.
    pub async fn close(self) -> Result<(), Diagnostic> {
        let _ = self.views.send(ViewUpdate::Quit).await;
        drop(self.views);
        match self.screen.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Diagnostic::new(format!("the terminal can't be used: {error}"))
                .hint("--plain needs none: it says and asks everything in lines")),
            Err(_) => {
                Err(Diagnostic::new("the screen stopped").hint("the run is kept: keyward resume goes on with it"))
            }
        }
    }
}

/// Pages of a run that lie above its own, as the interface stacks them.
#[derive(Default)]
struct Above(Vec<&'static str>);

impl Above {
    fn shown(&mut self, kind: &'static str) {
        if !self.0.contains(&kind) {
            self.0.push(kind);
        }
    }

    /// True if a page above the run was left, false if it was the run's own.
    fn left(&mut self) -> bool {
        self.0.pop().is_some()
    }
}

/// Where one goes when a run is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Out of the program.
    Quit,
    /// To the page before.
    Home,
}

/// One run, from the command line.
pub(crate) async fn attend(global: &Global, session: &Session, driver: Driver) -> Result<u8, Diagnostic> {
    let folder = driver.folder().to_owned();
    let mut stage = Stage::open();
    let outcome = drive(global, &mut stage, session, driver, false).await;
    let closed = stage.close().await;
    let (ending, _) = outcome?;
    closed?;
    let (word, code) = ended(ending);
    let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let short = crate::store::short_of(&run);
    say(&format!("{word}: {}", folder.display()));
    match ending {
        Ending::Sealed(_) => say(&format!("To check it: keyward verify {short}")),
        Ending::Suspended => say(&format!("To go on: keyward resume {short}")),
        Ending::Left => {
            say(&format!("Left with something under way; it is asked about first. To go on: keyward resume {short}"))
        }
    }
    Ok(code)
}

/// Runs a driver at the screen, and shows its end until that is left.
pub(crate) async fn drive(
    global: &Global,
    stage: &mut Stage,
    session: &Session,
    mut driver: Driver,
    home: bool,
) -> Result<(Ending, After), Diagnostic> {
    let handle = driver.handle();
    let around = around(session);
    let mut above = Above::default();
    let ending = tokio::select! {
        ending = driver.run() => ending?,
        () = attending(stage, &handle, &around, &mut above, home) => Ending::Left,
    };
    drop(driver);
    match ending {
        Ending::Sealed(_) => {
            let after = over(global, stage, session, &handle, &mut above, home).await;
            Ok((ending, after))
        }
        Ending::Suspended => Ok((ending, After::Home)),
        Ending::Left => Ok((ending, After::Quit)),
    }
}

/// Shows each snapshot, carries out what is asked. Never returns while the run goes on.
async fn attending(stage: &mut Stage, handle: &Handle, around: &Around, above: &mut Above, home: bool) {
    let mut news = handle.news.clone();
    news.mark_changed();
    let mut told: Option<String> = None;
    loop {
        tokio::select! {
            changed = news.changed() => {
                if changed.is_err() {
                    return std::future::pending().await;
                }
                let now = news.borrow_and_update().clone();
                stage.show(View::Run(Box::new(run_view(&now, around)))).await;
                if now.notice.is_some() && now.notice != told {
                    stage.say(carry::sentence(now.notice.as_deref().unwrap_or_default())).await;
                }
                told.clone_from(&now.notice);
            }
            intent = stage.intents.recv() => match intent {
                Some(intent) => asked(stage, handle, around, above, home, intent).await,
                None => {
                    let _ = handle.orders.send(Order::Leave).await;
                    return std::future::pending().await;
                }
            }
        }
    }
}

async fn asked(stage: &mut Stage, handle: &Handle, around: &Around, above: &mut Above, home: bool, intent: Intent) {
    if page(stage, handle, around, above, &intent).await {
        return;
    }
    if let Intent::Left = intent {
        if !above.left() && home {
            let now = handle.news.borrow().clone();
            stage.show(View::Run(Box::new(run_view(&now, around)))).await;
            stage.say("The run goes on here. q suspends it and goes back.").await;
        }
        return;
    }
    match carry(handle, &intent).await {
        Carried::Taken if matches!(intent, Intent::Note { .. }) => stage.say("Noted.").await,
        Carried::Taken => {}
        Carried::Refused(why) => stage.say(why).await,
        Carried::NotOurs => {
            if !matches!(intent, Intent::Copy(_)) {
                stage.say("This can't be done from here.").await;
            }
        }
    }
}

/// Pages that only read the run. True if the intent was one of them.
async fn page(stage: &Stage, handle: &Handle, around: &Around, above: &mut Above, intent: &Intent) -> bool {
    let now = handle.news.borrow().clone();
    let Intent::Show(page) = intent else { return false };
    match page {
        Page::Transcript => {
            above.shown("transcript");
            stage.show(View::Transcript(transcript_view(&now, around))).await;
        }
        Page::Entry(n) => match entry_view(&now, around, *n) {
            Some(view) => {
                above.shown("read");
                stage.show(View::Read(Box::new(view))).await;
            }
            None => stage.say("There is no such entry.").await,
        },
        Page::Whole(row) => {
            above.shown("read");
            stage.show(View::Read(Box::new(whole_view(&now, around, row)))).await;
        }
        _ => return false,
    }
    true
}

/// The end of a run, until it is left.
async fn over(
    global: &Global,
    stage: &mut Stage,
    session: &Session,
    handle: &Handle,
    above: &mut Above,
    home: bool,
) -> After {
    let around = around(session);
    let now = handle.news.borrow().clone();
    stage.show(View::End(Box::new(end_view(&now, &around)))).await;
    while let Some(intent) = stage.intents.recv().await {
        if page(stage, handle, &around, above, &intent).await {
            continue;
        }
        let short = crate::store::short_of(&now.state.opened.run);
        match intent {
            Intent::Quit | Intent::LeaveAnyway | Intent::Suspend { .. } => return After::Quit,
            Intent::Left if !above.left() && home => return After::Home,
            Intent::Verify => match crate::cli::verify::report(global, &now.folder) {
                Ok(report) => {
                    above.shown("read");
                    let body = report.lines().iter().map(|line| Row::Line(Text::from(line.as_str()))).collect();
                    let panel =
                        Panel { title: "Verified now".into(), tag: "reads only".into(), body, ..Panel::default() };
                    let banner = end_view(&now, &around).banner;
                    stage.show(View::Read(Box::new(ReadView { banner, panel, copy: Some(now.head.clone()) }))).await;
                }
                Err(why) => stage.say(why.what).await,
            },
            Intent::Report => stage.say(format!("keyward report {short} writes it; leave with q first.")).await,
            Intent::Export => stage.say(format!("keyward export {short} writes it; leave with q first.")).await,
            Intent::Left | Intent::Copy(_) => {}
            _ => stage.say("The run has ended. Nothing was done.").await,
        }
    }
    After::Quit
}
