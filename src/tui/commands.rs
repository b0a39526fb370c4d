//! What each command does on each page, and why it does not.

use super::app::{App, Wish};
use super::fields::commit_input;
use super::keymap::{Screen, TABLE, TOGETHER, binding};
use super::page::{Content, PageState};
use super::screens::help::PaletteItem;
use super::screens::{home, keys};
use crate::view::{
    Ask, Banner, Border, By, Command, EnterDoes, Field, FieldKey, FieldKind, Foot, HelpView, InputKind, InputValue,
    Intent, Offer, Opens, Page, Panel, Row, RunView, Text, View,
};

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

/// True for a page that this module makes itself, so that news of the run don't close it.
pub fn is_own(offer: &Offer) -> bool {
    matches!(offer.command, Some(Command::Note | Command::Leave | Command::LeaveAnyway))
}

/// Typing hides what does not fit (lists), or is looked for with Enter (texts).
pub fn filters(page: &PageState) -> bool {
    matches!(page.screen(), Screen::Home | Screen::UserKeys | Screen::AccountKeys | Screen::Help)
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
        if !on_page && !matches!(command, Command::LeaveAnyway) {
            if let Some(why) = self.why_off(command) {
                // On a page of inputs Enter still hands over what was typed.
                let typed = (command == Command::Enter).then(|| commit_input(self)).flatten();
                self.say(why);
                return typed.into_iter().collect();
            }
        }
        self.carry_out(command)
    }

    fn carry_out(&mut self, command: Command) -> Vec<Intent> {
        let half = isize::try_from(self.top().map_or(1, |page| page.visible / 2).max(1)).unwrap_or(1);
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
                    (Some(_), true) => return self.to_sign_line(),
                }
            }
            _ => {}
        }
        self.changed();
        typed.into_iter().collect()
    }

    /// Past the last field is the sign line, if everything is there.
    fn to_sign_line(&mut self) -> Vec<Intent> {
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
                page.focus = Some(0);
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

    /// What `c` copies on the page on screen. Never a secret: no view holds one.
    fn copied(&self) -> Option<String> {
        let page = self.subject()?;
        match &page.content {
            Content::View(View::Run(view)) => view.copy.clone(),
            Content::View(View::End(view)) => view.copy.clone(),
            Content::View(View::Read(view)) => view.copy.clone(),
            Content::View(View::UserKeys(view)) => {
                keys::shown_user(view, &page.filter).get(page.selected[0]).map(|i| view.keys[*i].id.clone())
            }
            Content::View(View::AccountKeys(view)) => keys::shown_account(view, &page.filter)
                .get(page.selected[0])
                .map(|i| view.keys[*i].id.clone())
                .filter(|id| !id.is_empty()),
            Content::View(View::Transcript(view)) => {
                view.entries.get(page.selected[0]).map(|e| e.check.clone()).filter(|check| !check.is_empty())
            }
            _ => None,
        }
    }

    fn selected_runbook(&self) -> Option<String> {
        let page = self.subject()?;
        match &page.content {
            Content::View(View::Home(view)) if page.panel == 2 => {
                let shown = home::shown(view, &page.filter);
                shown[2].get(page.selected[2]).map(|i| view.runbooks[*i].id.clone())
            }
            Content::View(View::UserKeys(view)) => Some(view.runbook.clone()),
            _ => None,
        }
    }

    fn selected_row(&self) -> Option<String> {
        let page = self.subject()?;
        let Content::View(View::Run(view)) = &page.content else { return None };
        let table =
            view.panel.body.iter().find_map(|row| if let Row::Table(table) = row { Some(table) } else { None })?;
        let index = if page.touched { page.selected[0] } else { table.selected };
        table.rows.get(index).map(|row| row.key.clone())
    }

    fn next_entry(&mut self, command: Command) {
        let Some(page) = self.top_mut() else { return };
        let Content::View(View::Transcript(view)) = &page.content else { return };
        let count = view.entries.len();
        let at = page.selected[0].min(count.saturating_sub(1));
        let wanted = |i: &usize| match command {
            Command::NextSignature => view.entries[*i].signature.is_some(),
            _ => view.deviations.iter().any(|deviation| deviation.n == view.entries[*i].n),
        };
        match (1..=count).map(|by| (at + by) % count).find(wanted) {
            Some(found) => {
                page.selected[0] = found;
                self.changed();
            }
            None if command == Command::NextSignature => self.say("No entry here is signed."),
            None => self.say("There is no deviation among these entries."),
        }
    }

    /// A panel of home by its number.
    pub(super) fn to_panel(&mut self, number: usize) {
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

/// Moves the selection of a list or menu, else scrolls.
pub fn move_by(app: &mut App, by: isize) {
    let palette = palette_commands(app).len();
    let Some(page) = app.top_mut() else { return };
    let step = |at: usize, count: usize| at.saturating_add_signed(by).min(count.saturating_sub(1));
    let choices = page.choices().len();
    let count = match &page.content {
        Content::View(View::Home(view)) => home::shown(view, &page.filter)[page.panel.min(2)].len(),
        Content::View(View::UserKeys(view)) => keys::shown_user(view, &page.filter).len(),
        Content::View(View::AccountKeys(view)) => keys::shown_account(view, &page.filter).len(),
        Content::View(View::Inputs(view)) => view.inputs.len(),
        Content::View(View::Transcript(view)) => view.entries.len(),
        Content::Palette => palette,
        Content::View(View::Run(_)) if choices > 0 => choices,
        Content::View(View::Run(view)) => match table_of(view) {
            Some((rows, selected)) if view.ask.is_none() => {
                let at = if page.touched { page.selected[0] } else { selected };
                page.selected[0] = step(at, rows);
                page.touched = true;
                app.dirty = true;
                return;
            }
            _ => {
                scroll(page, by);
                app.dirty = true;
                return;
            }
        },
        _ => {
            scroll(page, by);
            app.dirty = true;
            return;
        }
    };
    let panel = if page.screen() == Screen::Home { page.panel.min(2) } else { 0 };
    page.selected[panel] = step(page.selected[panel], count);
    page.touched = true;
    if page.screen() == Screen::Inputs {
        page.focus_input();
    }
    // Which choice Enter takes has changed: an Enter that is on its way was for another one.
    if choices > 0 { app.changed() } else { app.dirty = true }
}

fn table_of(view: &RunView) -> Option<(usize, usize)> {
    let table = view.panel.body.iter().find_map(|row| if let Row::Table(table) = row { Some(table) } else { None })?;
    (table.rows.len() > 1).then_some((table.rows.len(), table.selected))
}

fn scroll(page: &mut PageState, by: isize) {
    let furthest = page.seen.len().saturating_sub(page.visible);
    page.follow = by > 0 && page.scroll.saturating_add_signed(by) >= furthest;
    page.scroll = page.scroll.saturating_add_signed(by).min(furthest);
}

/// Goes to what is looked for: 0 from here on, 1 the next, -1 the one before.
pub fn found(app: &mut App, direction: isize) {
    let Some(page) = app.top_mut() else { return };
    if page.filter.is_empty() {
        return;
    }
    if filters(page) {
        if direction != 0 {
            move_by(app, direction);
        }
        return;
    }
    let needle = page.filter.to_lowercase();
    let texts: Vec<String> = match &page.content {
        Content::View(View::Transcript(view)) => {
            view.entries.iter().map(|e| format!("{} {} {} {}", e.n, e.by, e.kind, e.text.glyphs())).collect()
        }
        Content::View(View::Run(view)) => view.panel.body.iter().map(words_of).collect(),
        Content::View(View::Read(view)) => view.panel.body.iter().map(words_of).collect(),
        _ => Vec::new(),
    };
    let count = texts.len();
    let is_list = page.screen() == Screen::Transcript;
    let at = if is_list { page.selected[0] } else { page.scroll };
    let order: Vec<usize> = match direction {
        0 => (0..count).map(|i| (at + i) % count).collect(),
        1 => (1..=count).map(|i| (at + i) % count).collect(),
        _ => (1..=count).map(|i| (at + count - i % count) % count).collect(),
    };
    match order.into_iter().find(|i| texts[*i].to_lowercase().contains(&needle)) {
        Some(i) if is_list => page.selected[0] = i,
        Some(i) => page.scroll = i,
        None => {
            let words = format!("Nothing here has {}.", crate::view::text::visible(&page.filter));
            page.filter.clear();
            app.say(words);
        }
    }
    app.dirty = true;
}

fn words_of(row: &Row) -> String {
    match row {
        Row::Line(text) => text.glyphs(),
        Row::Field { label, value, .. } => format!("{} {}", label.glyphs(), value.glyphs()),
        Row::Section { title, .. } => title.glyphs(),
        Row::Sample(sample) => format!("{} {}", sample.word, sample.text.glyphs()),
        Row::Act(act) => act.title.clone(),
        Row::Choice(choice) => choice.label.clone(),
        Row::Table(table) => table.rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>().join(" "),
        Row::Blank => String::new(),
    }
}

/// A choice of an input goes to the next one.
pub fn turn_choice(app: &mut App, forward: bool) -> Vec<Intent> {
    let Some(page) = app.top() else { return Vec::new() };
    let Content::View(View::Inputs(view)) = &page.content else { return Vec::new() };
    let Some(input) = view.inputs.get(page.selected[0]) else { return Vec::new() };
    let InputKind::Choice { options, chosen } = &input.kind else { return Vec::new() };
    let count = options.len().max(1);
    let next = if forward { (chosen + 1) % count } else { (chosen + count - 1) % count };
    let value = InputValue::Text(options.get(next).cloned().unwrap_or_default());
    vec![Intent::SetInput { name: input.name.clone(), value }]
}

fn note() -> Offer {
    Offer {
        command: Some(Command::Note),
        panel: Panel {
            title: "A note in the transcript".into(),
            tag: "changes no system".into(),
            body: vec![Row::line("It stands in the transcript under your name, for good. Put no secret into it.")],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Enter,
            intent: Intent::Note { text: String::new() },
            sentence: "writes it".into(),
            fields: vec![Field {
                key: FieldKey::Text,
                label: "Note".into(),
                kind: FieldKind::Text,
                required: true,
                value: String::new(),
                hint: String::new(),
            }],
            fields_title: "What you saw or did".into(),
        },
    }
}

fn suspend(run: &RunView) -> Offer {
    Offer {
        command: Some(Command::Leave),
        panel: Panel {
            title: "Suspend and leave".into(),
            tag: "changes no system".into(),
            body: vec![
                Row::line("The run stays as it is, and is signed so. Whoever goes on signs anew."),
                Row::field("Step", Text::new().and(run.panel.title.clone())),
                Row::field("Walk away", run.walk_away.clone()),
            ],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::Suspend { reason: String::new() },
            sentence: "suspend this run".into(),
            fields: vec![Field { required: false, ..Field::reason() }],
            fields_title: "Why, if it helps whoever goes on".into(),
        },
    }
}

fn leave_in_doubt(run: &RunView) -> Offer {
    let (what, due) = run.under_way.as_ref().map_or(("", ""), |u| (u.what.as_str(), u.due.as_str()));
    Offer {
        command: Some(Command::LeaveAnyway),
        panel: Panel {
            border: Border::Heavy,
            title: "Leave with an act under way".into(),
            tag: "IN DOUBT".into(),
            body: vec![
                Row::line(&format!("{what} was sent, and its answer is due by {due}.")),
                Row::line("Leaving now leaves it in doubt: the next one here has to find out whether it happened."),
            ],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::LeaveAnyway,
            sentence: format!("leave with {what} in doubt"),
            fields: Vec::new(),
            fields_title: String::new(),
        },
    }
}

/// The keys of the page below, live and off.
pub fn help_of(app: &App) -> HelpView {
    let Some(page) = app.subject() else { return HelpView::default() };
    let screen = page.screen();
    let mut help =
        HelpView { banner: banner_of(page).or(app.run().map(|run| &run.banner)).cloned(), ..HelpView::default() };
    if let Some(run) = app.run() {
        help.tag = run.panel.title.glyphs().split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(under_way) = &run.under_way {
            help.tag.push_str(&format!(" · {} under way", under_way.what));
        }
    }
    for row in TABLE {
        // The hints below say these two, and what is not looked for needs no reason.
        if matches!(row.command, Command::Help | Command::Palette) {
            continue;
        }
        let group = TOGETHER.iter().find(|(commands, ..)| commands.contains(&row.command));
        match (app.why_off(row.command), group) {
            (None, Some((commands, keys, about))) if commands[0] == row.command => {
                help.live.push(((*keys).to_owned(), (*about).to_owned()));
            }
            (None, None) => help.live.push((row.shown.to_owned(), row.about.to_owned())),
            (Some(why), None) if row.screens.contains(&screen) && row.command != Command::Follow => {
                match help.off.iter_mut().find(|(_, other)| *other == why) {
                    // The name has to go where two keys share a reason.
                    Some((keys, _)) => *keys = format!("{}, {}", keys.split(' ').next().unwrap_or(""), row.shown),
                    None => {
                        let name = if row.command == Command::Enter { "" } else { row.name };
                        help.off.push((format!("{} {name}", row.shown).trim_end().to_owned(), why));
                    }
                }
            }
            _ => {}
        }
    }
    help
}

fn palette_commands(app: &App) -> Vec<Command> {
    let typed = app.top().and_then(|page| page.typing.as_ref()).map(|t| t.value().to_lowercase()).unwrap_or_default();
    let keep = |text: &str| typed.is_empty() || text.to_lowercase().contains(&typed);
    let not_here = [Command::Palette, Command::Sign, Command::Panel];
    let rows = TABLE.iter().filter(|row| !not_here.contains(&row.command));
    rows.filter(|row| keep(row.name) || keep(row.about)).map(|row| row.command).collect()
}

/// Every command by name, with why it is off.
pub fn palette_of(app: &App) -> Vec<PaletteItem> {
    palette_commands(app)
        .into_iter()
        .map(|command| {
            let row = binding(command);
            PaletteItem {
                keys: row.shown.to_owned(),
                name: row.name.to_owned(),
                off: app.why_off(command).map(|why| format!("off: {why}")).unwrap_or_default(),
            }
        })
        .collect()
}
