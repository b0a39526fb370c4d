//! `keyward` alone: home, and everything that is opened from there.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use super::attend::screen::{After, Stage, drive};
use super::attend::{around, ended};
use super::form::Form;
use super::inventory::{Source, banner, environment_of, policy, source};
use super::run::{Inputs, prepare};
use super::{Global, say, verify};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::engine::entry::{Body, Entry, EnvironmentKind, Stamp};
use crate::engine::focus::focus;
use crate::engine::state::State;
use crate::inventory::Inventory;
use crate::runbook::shipped::shipped;
use crate::runbook::yaml::parse;
use crate::runtime::clock::Clock;
use crate::runtime::driver::{Driver, Ending};
use crate::runtime::open::open;
use crate::runtime::resume::{book_of, resume};
use crate::runtime::session::Session;
use crate::runtime::snapshot::Snapshot;
use crate::store::{RunStatus, RunSummary};
use crate::transcript::entries;
use crate::view::project::{Book, EndedRun, Home, OpenRun, Order, account_view, home_view, user_view};
use crate::view::{HomeView, Intent, Page, Panel, ReadView, Row, Text, View, ViewUpdate};

/// Ended runs that home lists.
const SHOWN: usize = 20;

pub(crate) async fn tui(global: &Global) -> Result<u8, Diagnostic> {
    let lobby = Lobby::open(global)?;
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if global.plain || global.json || !terminal {
        crate::plain::page(&View::Home(lobby.home()?)).iter().for_each(|line| say(line));
        return Ok(0);
    }
    let mut stage = Stage::open();
    let outcome = { lobby }.attend(&mut stage).await;
    let closed = stage.close().await;
    let code = outcome?;
    closed?;
    Ok(code)
}

/// A page above home, as the interface stacks them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Above {
    Account,
    User(String),
    Inputs,
    Read,
}

struct Lobby<'a> {
    global: &'a Global,
    session: Session,
    above: Vec<Above>,
    form: Option<Form>,
    source: Option<Source>,
    account: Option<Inventory>,
    order: Order,
}

impl<'a> Lobby<'a> {
    fn open(global: &'a Global) -> Result<Self, Diagnostic> {
        let mut config = global.config()?.unwrap_or_else(Config::default_for_drill);
        // A drill needs its sandbox, whatever else is configured.
        for (name, environment) in Config::default_for_drill().environments {
            config.environments.entry(name).or_insert(environment);
        }
        let session = Session::open(config, global.store.clone())?;
        Ok(Self {
            global,
            session,
            above: Vec::new(),
            form: None,
            source: None,
            account: None,
            order: Order::default(),
        })
    }

    async fn attend(mut self, stage: &mut Stage) -> Result<u8, Diagnostic> {
        self.go_home(stage).await?;
        while let Some(intent) = stage.intents.recv().await {
            if let Some(code) = self.asked(stage, intent).await? {
                return Ok(code);
            }
        }
        Ok(0)
    }

    async fn go_home(&mut self, stage: &Stage) -> Result<(), Diagnostic> {
        self.above.clear();
        self.form = None;
        let home = self.home()?;
        stage.update(ViewUpdate::Only(View::Home(home))).await;
        Ok(())
    }

    fn shown(&mut self, page: Above) {
        let same = |other: &Above| std::mem::discriminant(other) == std::mem::discriminant(&page);
        match self.above.iter().position(same) {
            Some(at) => self.above[at] = page,
            None => self.above.push(page),
        }
    }

    /// The exit code where the program is to be left.
    async fn asked(&mut self, stage: &mut Stage, intent: Intent) -> Result<Option<u8>, Diagnostic> {
        match intent {
            Intent::Quit | Intent::LeaveAnyway => return Ok(Some(0)),
            Intent::Left => {
                if self.above.pop() == Some(Above::Inputs) {
                    self.form = None;
                }
            }
            Intent::Show(Page::Home) => self.go_home(stage).await?,
            Intent::Show(Page::Item(id)) => self.show_run(stage, &id).await,
            Intent::Show(Page::Account) => self.show_account(stage, false).await,
            Intent::Show(Page::User(user)) => self.show_user(stage, &user).await,
            Intent::Order => {
                self.order = self.order.next();
                self.show_account(stage, false).await;
            }
            Intent::Reread => match self.above.last().cloned() {
                None => self.go_home(stage).await?,
                Some(Above::Account) => self.show_account(stage, true).await,
                Some(Above::User(user)) => self.show_user(stage, &user).await,
                Some(Above::Inputs) => self.show_form(stage).await,
                Some(Above::Read) => {}
            },
            Intent::SetInput { name, value } => {
                if let Some(form) = &mut self.form {
                    form.set(&name, value);
                }
                self.show_form(stage).await;
            }
            Intent::Start => {
                if let Some(inputs) = self.form.as_ref().map(Form::inputs) {
                    return self.begin(stage, inputs).await;
                }
            }
            Intent::StartDrill { runbook } => {
                stage.say("The sandbox is being started.").await;
                return self.begin(stage, drill_of(&runbook)).await;
            }
            Intent::OpenRun { id } => {
                if self.books().iter().any(|book| book.id == id) {
                    self.show_inputs(stage, &id).await;
                } else {
                    return self.go_on(stage, &id).await;
                }
            }
            Intent::Copy(_) => {}
            _ => stage.say("This can't be done from here.").await,
        }
        Ok(None)
    }

    async fn begin(&mut self, stage: &mut Stage, inputs: Inputs) -> Result<Option<u8>, Diagnostic> {
        let driver = match prepare(self.global, &self.session, inputs) {
            Ok(opening) => open(self.session.clone(), opening).await,
            Err(why) => Err(why),
        };
        match driver {
            Ok(driver) => self.run(stage, driver).await,
            Err(why) => {
                stage.say(one_line(&why)).await;
                Ok(None)
            }
        }
    }

    async fn go_on(&mut self, stage: &mut Stage, id: &str) -> Result<Option<u8>, Diagnostic> {
        let folder = match self.session.store.find(id) {
            Ok(folder) => folder,
            Err(why) => {
                stage.say(one_line(&why.into())).await;
                return Ok(None);
            }
        };
        match resume(self.session.clone(), &folder, None).await {
            Ok(driver) => self.run(stage, driver).await,
            Err(why) => {
                stage.say(one_line(&why)).await;
                Ok(None)
            }
        }
    }

    async fn run(&mut self, stage: &mut Stage, driver: Driver) -> Result<Option<u8>, Diagnostic> {
        let short = driver.folder().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (ending, after) = drive(self.global, stage, &self.session, driver, true).await?;
        if after == After::Quit {
            return Ok(Some(ended(ending).1));
        }
        self.go_home(stage).await?;
        if ending == Ending::Suspended {
            stage
                .say(format!("Suspended. Enter goes on with it, or: keyward resume {}", crate::store::short_of(&short)))
                .await;
        }
        Ok(None)
    }

    async fn show_run(&mut self, stage: &Stage, id: &str) {
        let report = match self.session.store.find(id) {
            Ok(folder) => verify::report(self.global, &folder),
            Err(why) => Err(why.into()),
        };
        match report {
            Ok(report) => {
                self.shown(Above::Read);
                let mut body: Vec<Row> =
                    report.lines().iter().map(|line| Row::Line(Text::from(line.as_str()))).collect();
                body.push(Row::Blank);
                body.push(Row::field("Folder", report.path.display().to_string()));
                let panel = Panel { title: id.into(), tag: "verified now".into(), body, ..Panel::default() };
                stage
                    .show(View::Read(Box::new(ReadView {
                        banner: self.banner(),
                        panel,
                        copy: Some(report.head.clone()),
                    })))
                    .await;
            }
            Err(why) => stage.say(one_line(&why)).await,
        }
    }

    async fn show_inputs(&mut self, stage: &Stage, runbook: &str) {
        let user = self.above.iter().find_map(|page| match page {
            Above::User(user) => Some(user.clone()),
            _ => None,
        });
        match Form::open(self.global, &self.session.config, runbook, user.as_deref()) {
            Ok(form) => {
                self.form = Some(form);
                self.show_form(stage).await;
            }
            Err(why) => stage.say(one_line(&why)).await,
        }
    }

    async fn show_form(&mut self, stage: &Stage) {
        if let Some(view) = self.form.as_ref().map(|form| form.view(&self.session.config)) {
            self.shown(Above::Inputs);
            stage.show(View::Inputs(view)).await;
        }
    }

    async fn source(&mut self) -> Result<&Source, Diagnostic> {
        if self.source.is_none() {
            self.source = Some(source(environment_of(&self.session.config, None)?).await?);
        }
        self.source.as_ref().ok_or_else(|| Diagnostic::new("there is nothing to read keys from"))
    }

    async fn show_account(&mut self, stage: &Stage, again: bool) {
        if again || self.account.is_none() {
            stage.say("The keys are being read.").await;
            let policy = policy(&self.session.config);
            let read = match self.source().await {
                Ok(source) => Ok(Inventory::of_account(&source.performer, policy).await),
                Err(why) => Err(why),
            };
            match read {
                Ok(read) => self.account = Some(read),
                Err(why) => return stage.say(one_line(&why)).await,
            }
        }
        let (Some(read), Some(source)) = (&self.account, &self.source) else { return };
        let runs = self.session.store.runs().unwrap_or_default();
        let run_of = |user: &str| {
            let open = runs.iter().find(|run| is_open(run.status) && run.user.as_deref() == Some(user))?;
            Some(crate::store::short_of(&open.run).to_owned())
        };
        let view = account_view(read, banner(&source.environment), self.order, run_of);
        self.shown(Above::Account);
        stage.show(View::AccountKeys(view)).await;
    }

    async fn show_user(&mut self, stage: &Stage, user: &str) {
        stage.say("The keys are being read.").await;
        let policy = policy(&self.session.config);
        let read = match self.source().await {
            Ok(source) => {
                let read = Inventory::of_user(&source.performer, user, policy).await;
                Ok((read, banner(&source.environment)))
            }
            Err(why) => Err(why),
        };
        match read {
            Ok((read, banner)) => {
                let books = self.books();
                let book = books.first().map_or(("", ""), |book| (book.id.as_str(), book.title.as_str()));
                let view = user_view(&read, banner, user, book);
                self.shown(Above::User(user.to_owned()));
                stage.show(View::UserKeys(view)).await;
            }
            Err(why) => stage.say(one_line(&why)).await,
        }
    }

    fn banner(&self) -> crate::view::Banner {
        let environment = environment_of(&self.session.config, None).ok();
        let environment = environment.or_else(|| self.session.config.environments.values().next().cloned());
        let now = crate::view::project::Clock::at(Clock::wall()).moment(Clock::wall());
        let right = format!("{} · {now}", self.session.signer.principal());
        match environment {
            Some(environment) => crate::view::Banner { right: right.into(), ..banner(&environment) },
            None => crate::view::Banner {
                mode: crate::view::Mode::Drill,
                environment: "sandbox".into(),
                account: String::new(),
                user: String::new(),
                title: String::new(),
                right: right.into(),
                now: String::new(),
            },
        }
    }

    fn books(&self) -> Vec<Listed> {
        runbooks(Path::new("."))
    }

    fn home(&self) -> Result<HomeView, Diagnostic> {
        let runs = self.session.store.runs()?;
        let (open, over): (Vec<RunSummary>, Vec<RunSummary>) = runs.into_iter().partition(|run| is_open(run.status));
        let more = over.len().saturating_sub(SHOWN);
        let mut drilled: Vec<Drilled> = Vec::new();
        let mut ended = Vec::new();
        for (n, summary) in over.into_iter().enumerate() {
            let read = told(&summary.path);
            drilled.extend(read.as_ref().and_then(|read| read.drilled.clone()));
            if n < SHOWN {
                ended.push(EndedRun { summary, deviations: read.map(|read| read.deviations) });
            }
        }
        let open: Vec<OpenRun> =
            open.into_iter().map(|summary| OpenRun { now: fold(&summary.path), summary }).collect();
        let books = self.books();
        let books: Vec<Book> = books
            .into_iter()
            .map(|book| {
                // The newest run comes first.
                let last = drilled.iter().find(|drill| drill.runbook == book.sha256);
                Book {
                    id: book.id,
                    title: book.title,
                    built_in: book.built_in,
                    drilled: last.map(|drill| (drill.at, drill.by.clone())),
                    limit: book.limit,
                }
            })
            .collect();
        Ok(home_view(&Home {
            banner: self.banner(),
            at: Clock::wall(),
            me: self.session.signer.principal(),
            open: &open,
            ended: &ended,
            more,
            books: &books,
            runs: around(&self.session).runs,
        }))
    }
}

fn is_open(status: RunStatus) -> bool {
    matches!(status, RunStatus::Suspended | RunStatus::InDoubt | RunStatus::Open | RunStatus::Broken)
}

fn drill_of(runbook: &str) -> Inputs {
    Inputs {
        runbook: runbook.to_owned(),
        environment: "sandbox".into(),
        sets: Vec::new(),
        secrets: Vec::new(),
        drill: true,
        unattended: false,
        faults: Vec::new(),
        seed: rand::random(),
        quiet: true,
    }
}

/// A diagnostic in the one row that the screen has for it.
fn one_line(why: &Diagnostic) -> String {
    let text = match &why.hint {
        Some(hint) => format!("{}. {hint}", why.what.trim_end_matches('.')),
        None => why.what.clone(),
    };
    super::attend::sentence(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A runbook that can be opened.
struct Listed {
    id: String,
    title: String,
    built_in: bool,
    sha256: String,
    limit: Option<u64>,
}

/// Those of the workspace, then those that are built in and that no file of the workspace replaces.
fn runbooks(workspace: &Path) -> Vec<Listed> {
    let mut all: Vec<Listed> = Vec::new();
    let mut add = |name: &str, text: &str, built_in: bool| {
        // What is no runbook (keyward.yaml itself) is left out; `keyward check` says what is wrong with one.
        let Ok(runbook) = parse(name, text) else { return };
        if all.iter().any(|known| known.id == name) {
            return;
        }
        let limit = runbook.sop.validated_within.map(|limit| limit.as_secs() / 86_400);
        let sha256 = crate::engine::call::sha256_hex(text.as_bytes());
        all.push(Listed { id: name.to_owned(), title: runbook.title, built_in, sha256, limit });
    };
    for folder in [workspace.to_path_buf(), workspace.join("runbooks")] {
        let listing = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|item| item.path());
        let mut files: Vec<PathBuf> = listing.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
        files.sort();
        for file in files {
            let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if let Ok(text) = std::fs::read_to_string(&file) {
                add(&name, &text, false);
            }
        }
    }
    for (name, text) in shipped() {
        add(name, text, true);
    }
    all
}

/// A complete drill.
#[derive(Clone)]
struct Drilled {
    runbook: String,
    at: Stamp,
    by: String,
}

struct Told {
    deviations: usize,
    drilled: Option<Drilled>,
}

/// What home needs of an ended run.
fn told(folder: &Path) -> Option<Told> {
    let mut opened = None;
    let mut told = Told { deviations: 0, drilled: None };
    for entry in entries(folder).ok()?.without_blobs() {
        let entry = entry.ok()?;
        match &entry.body {
            Body::Opened(first) => opened = Some((first.runbook.sha256.clone(), first.environment.kind)),
            Body::Sealed { status, deviations, .. } => {
                told.deviations = deviations.len();
                let (runbook, kind) = opened.clone()?;
                let complete = *status == crate::engine::entry::EndStatus::Completed;
                if complete && kind != EnvironmentKind::Account {
                    told.drilled = Some(Drilled { runbook, at: entry.wall.unwrap_or(entry.at), by: entry.by.clone() });
                }
            }
            _ => {}
        }
    }
    Some(told)
}

/// An open run, folded from its transcript; nothing of it is opened or written.
fn fold(folder: &Path) -> Option<Snapshot> {
    let book = Arc::new(book_of(folder).ok()?);
    let log: Vec<Entry> = entries(folder).ok()?.collect::<Result<_, _>>().ok()?;
    let mut state = State::open(&book, log.first()?)?;
    log[1..].iter().for_each(|entry| state.apply(&book, entry));
    // A drill's time is its own; a real run's goes on without it.
    let now = if state.opened.environment.virtual_clock { state.at } else { Clock::wall().max(state.at) };
    Some(Snapshot {
        focus: focus(&book, &state),
        rendered: None,
        finding: None,
        confirming: false,
        busy: false,
        due: Vec::new(),
        notice: None,
        wakeup: None,
        now,
        folder: folder.to_owned(),
        head: String::new(),
        signed: None,
        log: Arc::new(RwLock::new(log)),
        book,
        state,
    })
}
