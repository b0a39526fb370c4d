//! Home: what needs the operator, most urgent first; the last runs; the runbooks and whether they are drilled.

use super::clock::Clock;
use super::look::{Around, Look, number};
use super::{gates, steps};
use crate::engine::entry::Stamp;
use crate::engine::focus::Focus;
use crate::engine::state::Phase;
use crate::runtime::snapshot::Snapshot;
use crate::store::{RunStatus, RunSummary, short_of};
use crate::view::{Banner, Footer, HomeView, Mode, Need, RunItem, RunbookItem, Status, Text};

/// An open run: its line in the store, and where it stands if its transcript could be folded.
pub struct OpenRun {
    /// Its line.
    pub summary: RunSummary,
    /// Folded, as of now.
    pub now: Option<Snapshot>,
}

/// A run that has ended.
pub struct EndedRun {
    /// Its line.
    pub summary: RunSummary,
    /// How many deviations it had; `None` if that could not be read.
    pub deviations: Option<usize>,
}

/// A runbook, and when it was drilled last.
pub struct Book {
    /// What opens it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// In the workspace, or in the binary.
    pub built_in: bool,
    /// When and by whom its last complete drill was.
    pub drilled: Option<(Stamp, String)>,
    /// How old that may be, in days.
    pub limit: Option<u64>,
}

/// Everything that home shows.
pub struct Home<'a> {
    /// Where.
    pub banner: Banner,
    /// The real time.
    pub at: Stamp,
    /// Who looks.
    pub me: &'a str,
    /// Open runs.
    pub open: &'a [OpenRun],
    /// The newest ended ones.
    pub ended: &'a [EndedRun],
    /// Ended runs that are not among them.
    pub more: usize,
    /// The runbooks.
    pub books: &'a [Book],
    /// Lines of the register.
    pub runs: Option<u64>,
}

/// The page.
pub fn home_view(home: &Home<'_>) -> HomeView {
    let clock = Clock::at(home.at);
    let mut needs: Vec<(u8, Need)> = home.open.iter().map(|run| need(run, clock, home.banner.mode)).collect();
    needs.sort_by_key(|(rank, _)| *rank);
    let runs = home.ended.iter().map(|run| ended(run, clock)).collect();
    let books = home.books.iter().map(|book| runbook(book, clock, home.me)).collect();
    let last = home.open.iter().map(|run| &run.summary).chain(home.ended.iter().map(|run| &run.summary));
    let left = match last.filter_map(|run| Some((run.last?, &run.operator))).max() {
        Some((at, by)) => Text::marked("signed ◆ last ").say(&format!("{} by {by}", clock.minute(at))),
        None => "no run yet: D on a runbook drills it, and touches nothing real".into(),
    };
    let right = home.runs.map_or_else(|| "register unread".to_owned(), |n| format!("register {n} runs"));
    HomeView {
        banner: home.banner.clone(),
        needs: needs.into_iter().map(|(_, need)| need).collect(),
        runs,
        more_runs: home.more,
        runbooks: books,
        footer: Footer { left, right: right.into() },
    }
}

fn need(run: &OpenRun, clock: Clock, mode: Mode) -> (u8, Need) {
    let summary = &run.summary;
    let name = summary.user.clone().filter(|user| !user.is_empty()).unwrap_or_else(|| summary.runbook.clone());
    let right = summary.last.map(|at| clock.minute(at)).unwrap_or_default();
    let around = Around::default();
    let stands = run.now.as_ref().map(|now| stands(&Look::new(now, &around)));
    let (rank, status, word, text) = match (summary.status, &stands) {
        _ if summary.held_by.is_some() => (4, Status::UnderWay, "under way", "another process has it".to_owned()),
        (RunStatus::InDoubt, _) => (0, Status::InDoubt, "in doubt", "sent, no answer".into()),
        (RunStatus::Broken, _) => (1, Status::Fail, "broken", summary.why.clone().unwrap_or_default()),
        (_, Some((status, words))) => match status {
            Status::Fail => (1, *status, "stopped", words.clone()),
            Status::Unknown => (1, *status, "unknown", words.clone()),
            Status::InDoubt => (0, *status, "in doubt", words.clone()),
            Status::Waits => (3, *status, "waits", words.clone()),
            _ => (2, Status::Pass, "may go on", words.clone()),
        },
        _ => (2, Status::Unknown, "open", "where it stands could not be read".into()),
    };
    let sop = run.now.as_ref().and_then(|now| {
        let look = Look::new(now, &around);
        let step = look.step(steps::current(&look)?)?;
        Some(number(step).split(',').next().unwrap_or_default().to_owned())
    });
    let short = short_of(&summary.run);
    let drill = match summary.environment_kind {
        Some(crate::engine::entry::EnvironmentKind::Account) => "REAL",
        _ => "DRILL",
    };
    let enter = match word {
        "in doubt" => format!("opens {short} ({drill}): it asks what happened and changes nothing"),
        "under way" => format!("opens nothing: {short} is under way in another process"),
        "broken" => format!("opens nothing: {short} can't be gone on with; keyward verify {short} lists why"),
        _ => format!("opens {short} ({drill}), and changes nothing"),
    };
    let need = Need {
        id: summary.run.clone(),
        status,
        word: word.into(),
        name,
        sop: sop.unwrap_or_default(),
        // Where all of it is a drill, the banner says so.
        text: if mode == Mode::Real { format!("{drill}: {text}").into() } else { text.into() },
        right,
        enter,
    };
    (rank, need)
}

/// How an open run stands, in words.
fn stands(look: &Look<'_>) -> (Status, String) {
    if look.state().phase == Phase::Back {
        return (Status::Here, "on the way back".into());
    }
    match &look.now.focus {
        Focus::InDoubt { .. } | Focus::Answer { .. } => (Status::InDoubt, "sent, no answer".into()),
        Focus::Stopped { step, row } => {
            let row = if row.is_empty() { String::new() } else { format!(": {row}") };
            let title = look.step(step).map_or(step.as_str(), |step| step.title.as_str());
            (Status::Fail, format!("failed: {title}{row}"))
        }
        Focus::Blocked { why, .. } => (Status::Fail, why.clone()),
        Focus::Confirm { step } => {
            let title = look.step(step).map_or(step.as_str(), |step| step.title.as_str());
            match look.step(step).and_then(|step| gates::opens(look, step)) {
                Some(at) => (Status::Waits, format!("opens {}: {title}", look.clock.minute(at))),
                None => (Status::Here, format!("next: {title}")),
            }
        }
        _ => (Status::Here, "goes on from where it was left".into()),
    }
}

fn ended(run: &EndedRun, clock: Clock) -> RunItem {
    let summary = &run.summary;
    let (status, word) = match summary.status {
        RunStatus::Completed => (Status::Pass, "completed"),
        RunStatus::RolledBack => (Status::RolledBack, "rolled back"),
        RunStatus::Aborted => (Status::Fail, "aborted"),
        RunStatus::NeverOpened => (Status::Skipped, "not opened"),
        _ => (Status::Unknown, "open"),
    };
    let drill = match summary.environment_kind {
        Some(crate::engine::entry::EnvironmentKind::Account) => "REAL",
        _ => "DRILL",
    };
    RunItem {
        id: summary.run.clone(),
        status,
        word: word.into(),
        short: short_of(&summary.run).into(),
        name: summary.user.clone().unwrap_or_default(),
        date: summary.opened.map(|at| clock.date(at)).unwrap_or_default(),
        by: summary.operator.split('@').next().unwrap_or_default().into(),
        text: match run.deviations {
            Some(1) => format!("{drill}, 1 deviation").into(),
            Some(n) => format!("{drill}, {n} deviations").into(),
            None => drill.into(),
        },
    }
}

fn runbook(book: &Book, clock: Clock, me: &str) -> RunbookItem {
    let (status, drilled) = match &book.drilled {
        None => (Status::Unknown, "never drilled".to_owned()),
        Some((at, by)) => {
            let days = clock.days(*at);
            let by = if by == me { "you" } else { by.split('@').next().unwrap_or_default() };
            match book.limit.filter(|limit| days > *limit) {
                Some(limit) => (Status::Fail, format!("drilled {days} d ago, limit {limit}")),
                None if days == 0 => (Status::Pass, format!("drilled today by {by}")),
                None => (Status::Pass, format!("drilled {} by {by}", clock.date(*at))),
            }
        }
    };
    RunbookItem {
        id: book.id.clone(),
        title: book.title.clone(),
        status,
        drilled,
        origin: if book.built_in { "built in" } else { "workspace" }.into(),
    }
}
