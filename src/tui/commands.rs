//! What each command does on each page, and why it does not.

use super::app::{App, Wish};
use super::fields::commit_input;
use super::keymap::{Screen, binding};
use super::listing::palette_commands;
use super::movement::{found, move_by};
use super::page::{Content, PageState};
use super::plans::{leave_in_doubt, note, suspend};
use super::screens::{home, keys};
use crate::view::{Banner, By, Command, EnterDoes, Foot, Intent, Opens, Page, RunView, View};

/// The banner of a page.
pub fn banner_of(page: &PageState) -> Option<&Banner> {
    match &page.content {
        Content::View(View::Home(view)) => Some(&view.banner),
        Content::View(View::UserKeys(view)) => Some(&view.banner),
        Content::View(View::AccountKeys(view)) => Some(&view.banner),
        Content::View(View::Inputs(view)) => Some(&view.banner),
        Content::View(View::Run(view)) => Some(&view.banner),
        Content::View(View::End(view)) => Some(&view.banner),
        Content::View(View::Transcript(view)) => Some(&view.banner),
        Content::View(View::Read(view)) => Some(&view.banner),
        _ => None,
    }
}

impl App {
    /// Why a command is off on the page on screen, as a sentence; `None` if it is live.
    pub fn why_off(&self, command: Command) -> Option<String> {
        let page = self.subject()?;
        let screen = page.screen();
        let row = binding(command);
        if !row.screens.contains(&screen) {
            return Some(row.elsewhere.to_owned());
        }
        let run = match &page.content {
            Content::View(View::Run(view)) => Some(&**view),
            _ => None,
        };
        if let Some(off) = run.and_then(|run| run.off(command)) {
            return Some(off.why.clone());
        }
        match command {
            Command::Enter => self.why_enter_off(page, run),
            Command::Sign if !page.signing => Some(match page.ask().map(|ask| ask.by) {
                Some(By::Sign) => "Enter comes first: it opens the sign line, y signs there.".into(),
                Some(By::TypeBack) => "Tab comes first: it goes to the sign line, y signs there.".into(),
                Some(By::Enter) => "This changes no system: Enter does it.".into(),
                None => "Nothing is asked of you here.".into(),
            }),
            Command::WayBack
            | Command::Skip
            | Command::Override
            | Command::AddRow
            | Command::HandOver
            | Command::Abort
            | Command::MoveClock => {
                let opens = run.is_some_and(|run| run.offer(command).is_some());
                (!opens).then(|| not_offered(command).to_owned())
            }
            Command::Follow => {
                let follows = run.is_some_and(|run| run.panel.foot == Foot::Follow);
                (!follows).then(|| "No samples come in here.".into())
            }
            Command::Copy => {
                self.copied().is_none().then(|| "There is nothing to copy here; a secret never is.".into())
            }
            Command::Reread => match &page.content {
                Content::View(View::UserKeys(view)) => view.reread_off.clone(),
                Content::View(View::AccountKeys(view)) => view.reread_off.clone(),
                _ => None,
            },
            Command::Drill if screen == Screen::Home && page.panel != 2 => {
                Some("Select a runbook first: 3, then D.".into())
            }
            Command::FindNext | Command::FindPrevious if page.filter.is_empty() => {
                Some("Nothing is looked for yet: / does.".into())
            }
            Command::Back if self.stack.len() < 2 => Some("There is no page behind this one. q leaves.".into()),
            _ => None,
        }
    }

    fn why_enter_off(&self, page: &PageState, run: Option<&RunView>) -> Option<String> {
        if let Content::View(View::Inputs(view)) = &page.content {
            return view.off.as_ref().map(|off| format!("Enter is off: {off}."));
        }
        if page.sent {
            return Some("Asked already. This page changes when it is done.".into());
        }
        if !page.choices().is_empty() {
            return None;
        }
        if let (Some(EnterDoes::Off(_, why)), true) = (run.map(|run| &run.enter), page.screen() == Screen::Run) {
            return Some(why.clone());
        }
        let Some(ask) = page.ask() else {
            return run.map(|_| "Nothing is asked of you here.".into());
        };
        if page.unseen() > 0 {
            let n = page.unseen();
            let (lines, are) = if n == 1 { ("line", "is") } else { ("lines", "are") };
            return Some(format!("Enter is off: {n} {lines} {are} unseen. ↓"));
        }
        if let Some(missing) = page.missing() {
            return Some(format!("Not yet: {missing}."));
        }
        (ask.by == By::TypeBack).then(|| "Enter never does this. Tab goes to the sign line, y signs there.".into())
    }

    /// Carries a command out, or says why not.
    pub(super) fn command(&mut self, command: Command) -> Vec<Intent> {
        let signing = self.top().is_some_and(|page| page.signing);
        if signing {
            match command {
                Command::Sign => return self.act(),
                Command::Back => {
                    if let Some(page) = self.top_mut() {
                        page.signing = false;
                    }
                    self.changed();
                    return Vec::new();
                }
                Command::Leave | Command::LeaveAnyway | Command::Shell => {
                    if let Some(page) = self.top_mut() {
                        page.signing = false;
                    }
                    self.changed();
                }
                Command::Redraw | Command::Mouse => {}
                _ => {
                    self.say("y signs, Esc goes back. Nothing was done.");
                    if let Some(page) = self.top_mut() {
                        page.signing = false;
                    }
                    self.changed();
                    return Vec::new();
                }
            }
        }
        let on_page = matches!(self.screen(), Some(Screen::Help | Screen::Palette))
            && matches!(
                command,
                Command::Enter | Command::Back | Command::Find | Command::FindNext | Command::FindPrevious
            );
        let asked = !on_page && !matches!(command, Command::LeaveAnyway);
        if let Some(why) = asked.then(|| self.why_off(command)).flatten() {
            // On a page of inputs Enter still hands over what was typed.
            let typed = (command == Command::Enter).then(|| commit_input(self)).flatten();
            self.say(why);
            return typed.into_iter().collect();
        }
        self.carry_out(command)
    }

    fn carry_out(&mut self, command: Command) -> Vec<Intent> {
        // A text is read by pages with a line in common; in a list half a page keeps its place in sight.
        let page = self.top().map_or(1, |page| match page.screen() {
            Screen::Run | Screen::Plan | Screen::Read if page.choices().is_empty() => page.visible.saturating_sub(1),
            _ => page.visible / 2,
        });
        let half = isize::try_from(page.max(1)).unwrap_or(1);
        match command {
            Command::Down => move_by(self, 1),
            Command::Up => move_by(self, -1),
            Command::HalfDown => move_by(self, half),
            Command::HalfUp => move_by(self, -half),
            Command::First => move_by(self, isize::MIN),
            Command::Last => move_by(self, isize::MAX),
            Command::Next => return self.next(true),
            Command::Previous => return self.next(false),
            Command::Panel => return self.next(true),
            Command::Find => {
                if let Some(page) = self.top_mut() {
                    page.typing = Some(super::widgets::field::TextField::new(&page.filter));
                }
                self.changed();
            }
            Command::FindNext => found(self, 1),
            Command::FindPrevious => found(self, -1),
            Command::Order => return vec![Intent::Order],
            Command::Enter => return self.enter(),
            Command::Sign => return self.act(),
            Command::Back => return self.back(),
            Command::WayBack
            | Command::Skip
            | Command::Override
            | Command::AddRow
            | Command::HandOver
            | Command::Abort
            | Command::MoveClock => {
                if let Some(offer) = self.run().and_then(|run| run.offer(command)).cloned() {
                    self.open(Content::Plan(Box::new(offer)));
                }
            }
            Command::Drill => {
                if let Some(runbook) = self.selected_runbook() {
                    return vec![Intent::StartDrill { runbook }];
                }
                self.say("Select a runbook first: 3, then D.");
            }
            Command::Note => self.open(Content::Plan(Box::new(note()))),
            Command::Transcript => return vec![Intent::Show(Page::Transcript)],
            Command::Steps => {
                if self.run().is_some() {
                    self.open(Content::Steps);
                } else {
                    self.say("The run has ended: t shows every step of it.");
                }
            }
            Command::Whole if self.screen() == Some(Screen::End) => return vec![Intent::Verify],
            Command::Whole => return vec![Intent::Show(Page::Whole(self.selected_row().unwrap_or_default()))],
            Command::Follow => {
                if let Some(page) = self.top_mut() {
                    page.follow = !page.follow;
                }
                self.dirty = true;
            }
            Command::NextDeviation | Command::NextSignature => self.next_entry(command),
            Command::Report => return vec![Intent::Report],
            Command::Export => return vec![Intent::Export],
            Command::Copy => {
                if let Some(text) = self.copied() {
                    self.say("Copied.");
                    return vec![Intent::Copy(text)];
                }
            }
            Command::Reread => return vec![Intent::Reread],
            Command::Account => return vec![Intent::Show(Page::Account)],
            Command::Mouse => {
                self.mouse = !self.mouse;
                self.say(if self.mouse {
                    "The mouse is on."
                } else {
                    "The mouse is off: select text with it as usual."
                });
            }
            Command::Redraw => self.wishes.push(Wish::Redraw),
            Command::Shell => self.wishes.push(Wish::Shell),
            Command::Palette => {
                if self.screen() == Some(Screen::Help) {
                    self.stack.pop();
                }
                self.open(Content::Palette);
            }
            Command::Help => {
                if self.screen() != Some(Screen::Help) {
                    self.open(Content::Help);
                }
            }
            Command::Leave => return self.leave(),
            Command::LeaveAnyway => return self.leave_anyway(),
        }
        Vec::new()
    }

    fn back(&mut self) -> Vec<Intent> {
        let Some(page) = self.top_mut() else { return Vec::new() };
        if !page.filter.is_empty() && page.screen() != Screen::Palette {
            page.filter.clear();
            self.changed();
            return Vec::new();
        }
        if page.focus.is_some() && page.screen() == Screen::Run {
            page.focus = None;
            self.changed();
            return Vec::new();
        }
        let view = matches!(page.content, Content::View(_));
        if self.stack.len() > 1 {
            self.stack.pop();
            self.changed();
        }
        if view { vec![Intent::Left] } else { Vec::new() }
    }

    fn next(&mut self, forward: bool) -> Vec<Intent> {
        let typed = commit_input(self);
        let Some(page) = self.top_mut() else { return Vec::new() };
        let step = |at: usize, count: usize| if forward { (at + 1) % count } else { (at + count - 1) % count };
        match page.screen() {
            Screen::Home => page.panel = step(page.panel, 3),
            Screen::Inputs => {
                let count = match &page.content {
                    Content::View(View::Inputs(view)) => view.inputs.len().max(1),
                    _ => 1,
                };
                page.selected[0] = step(page.selected[0].min(count - 1), count);
                page.focus_input();
            }
            Screen::Run | Screen::Plan if !page.fields.is_empty() => {
                let count = page.fields.len();
                match (page.focus, forward) {
                    (None, true) => page.focus = Some(0),
                    (None, false) => page.focus = Some(count - 1),
                    (Some(0), false) => page.focus = None,
                    (Some(i), false) => page.focus = Some(i - 1),
                    (Some(i), true) if i + 1 < count => page.focus = Some(i + 1),
                    (Some(_), true) => return self.past_the_fields(),
                }
            }
            _ => {}
        }
        self.changed();
        typed.into_iter().collect()
    }

    /// Past the last field is the sign line, if everything is there.
    fn past_the_fields(&mut self) -> Vec<Intent> {
        let Some(page) = self.top() else { return Vec::new() };
        let why = match page.ask() {
            _ if page.sent => Some("Asked already. This page changes when it is done.".to_owned()),
            _ if page.unseen() > 0 => Some(format!("{} lines are unseen. Esc, then ↓.", page.unseen())),
            Some(ask) if ask.by == By::Enter => Some("Enter goes on.".into()),
            _ => page.missing().map(|missing| format!("Not yet: {missing}.")),
        };
        if let Some(why) = why {
            self.say(why);
            if let Some(page) = self.top_mut() {
                // To the field that it is about.
                page.focus = Some(page.missing_field().map_or(0, |(index, _)| index));
            }
            return Vec::new();
        }
        self.open_sign_line();
        Vec::new()
    }

    fn open_sign_line(&mut self) {
        if let Some(page) = self.top_mut() {
            page.signing = true;
        }
        self.changed();
    }

    fn enter(&mut self) -> Vec<Intent> {
        let Some(page) = self.top() else { return Vec::new() };
        match &page.content {
            Content::View(View::Home(view)) => {
                let shown = home::shown(view, &page.filter);
                let panel = page.panel.min(2);
                let Some(index) = shown[panel].get(page.selected[panel]).copied() else { return Vec::new() };
                let id = match panel {
                    0 => view.needs[index].id.clone(),
                    1 => return vec![Intent::Show(Page::Item(view.runs[index].id.clone()))],
                    _ => view.runbooks[index].id.clone(),
                };
                vec![Intent::OpenRun { id }]
            }
            Content::View(View::UserKeys(view)) => vec![Intent::OpenRun { id: view.runbook.clone() }],
            Content::View(View::AccountKeys(view)) => keys::shown_account(view, &page.filter)
                .get(page.selected[0])
                .map(|i| Intent::Show(Page::User(view.keys[*i].user.clone())))
                .into_iter()
                .collect(),
            Content::View(View::Inputs(_)) => {
                // What was typed last is judged first; Enter again goes on.
                match commit_input(self) {
                    Some(set) => vec![set],
                    None => vec![Intent::Start],
                }
            }
            Content::View(View::Transcript(view)) => {
                view.entries.get(page.selected[0]).map(|e| Intent::Show(Page::Entry(e.n))).into_iter().collect()
            }
            Content::View(View::End(_) | View::Read(_)) | Content::Steps => Vec::new(),
            Content::Help => self.back(),
            Content::Palette => {
                let chosen = palette_commands(self).get(page.selected[0]).copied();
                self.stack.pop();
                self.changed();
                chosen.map(|command| self.command(command)).unwrap_or_default()
            }
            Content::View(View::Run(_)) | Content::Plan(_) => self.enter_act(),
        }
    }

    fn enter_act(&mut self) -> Vec<Intent> {
        let Some(page) = self.top() else { return Vec::new() };
        if let Some(choice) = page.choices().get(page.selected[0]) {
            return match choice.opens.clone() {
                Opens::Now(intent) => {
                    if let Some(page) = self.top_mut() {
                        page.sent = true;
                    }
                    self.changed();
                    vec![intent]
                }
                Opens::Page(offer) => {
                    self.open(Content::Plan(offer));
                    Vec::new()
                }
                Opens::Command(command) => self.command(command),
            };
        }
        match page.ask().map(|ask| ask.by) {
            Some(By::Enter) => self.act(),
            Some(By::Sign) => {
                self.open_sign_line();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// The decision itself: everything was seen, everything is filled in.
    fn act(&mut self) -> Vec<Intent> {
        let Some(page) = self.top_mut() else { return Vec::new() };
        let Some(ask) = page.ask() else { return Vec::new() };
        let signed = ask.by != By::Enter;
        if page.sent || page.unseen() > 0 || page.missing().is_some() || (signed && !page.signing) {
            return Vec::new();
        }
        let mut intent = ask.intent.clone();
        for (field, typed) in ask.fields.iter().zip(&page.fields) {
            intent = intent.with(&field.key, &typed.value());
        }
        if let Intent::Confirm { answer, .. } = &mut intent {
            answer.how = match ask.by {
                By::Enter => "enter",
                By::Sign => "sign",
                By::TypeBack => "type_back",
            }
            .into();
        }
        page.signing = false;
        page.focus = None;
        if matches!(page.content, Content::Plan(_)) {
            self.stack.pop();
        } else {
            page.sent = true;
        }
        self.changed();
        vec![intent]
    }

    fn leave(&mut self) -> Vec<Intent> {
        let Some(run) = self.run() else { return vec![Intent::Quit] };
        if let Some(off) = run.off(Command::Leave) {
            let why = off.why.clone();
            self.say(why);
            return Vec::new();
        }
        let offer = run.offer(Command::Leave).cloned().unwrap_or_else(|| suspend(run));
        if !self.top().is_some_and(|page| matches!(&page.content, Content::Plan(open) if open.command == offer.command))
        {
            self.open(Content::Plan(Box::new(offer)));
        }
        Vec::new()
    }

    fn leave_anyway(&mut self) -> Vec<Intent> {
        let Some(run) = self.run() else { return vec![Intent::Quit] };
        if run.under_way.is_none() {
            return self.leave();
        }
        let offer = leave_in_doubt(run);
        if !self.top().is_some_and(|page| matches!(&page.content, Content::Plan(open) if open.command == offer.command))
        {
            self.open(Content::Plan(Box::new(offer)));
        }
        Vec::new()
    }

    /// A panel of home by its number.
    pub(super) fn go_to_panel(&mut self, number: usize) {
        if let Some(page) = self.top_mut().filter(|page| page.screen() == Screen::Home && (1..=3).contains(&number)) {
            page.panel = number - 1;
            self.changed();
        }
    }
}

fn not_offered(command: Command) -> &'static str {
    match command {
        Command::WayBack => "Nothing has been changed yet.",
        Command::Skip => "This step can't be left out.",
        Command::Override => "No gate is closed here.",
        Command::AddRow => "This step has no list to add to.",
        Command::HandOver => "Nobody else may take this run.",
        Command::MoveClock => "The clock of a real account can't be moved.",
        _ => "This can't be done here.",
    }
}
