//! What keys and news do: a stack of pages, and what the operator asks for. No input or output; `run` has that.
//!
//! What guards a change stands here: a decision acts only on what was on a flushed frame whole, in two beats, and no key
//! that was pressed before that frame counts.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, MouseButton, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::keymap::{self, Screen};
use super::page::{Content, PageState};
use super::screens::{self, Context, Drawn, Hit};
use super::theme::Theme;
use crate::view::{Command, HelpView, Intent, RunView, TooSmallView, View};

/// What a frame was drawn from. A key counts only if it was read while this very generation was on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

/// What the event loop is to do besides drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Draw every cell again.
    Redraw,
    /// To the shell, until it is continued.
    Shell,
    /// Leave.
    Quit,
}

/// The interface without its terminal.
#[derive(Debug)]
pub struct App {
    /// Look.
    pub(super) theme: Theme,
    /// The pages, the last one on screen.
    pub(super) stack: Vec<PageState>,
    /// Columns and rows.
    pub(super) size: (u16, u16),
    /// Reports the mouse.
    pub(super) mouse: bool,
    /// A sentence in row 23 until the next key.
    pub(super) message: Option<String>,
    /// Does the screen differ from what was drawn?
    pub(super) dirty: bool,
    /// Counts changes of what a key could act on.
    pub(super) generation: u64,
    /// The generation of the last flushed frame.
    flushed: u64,
    /// Lines of the top page that the last drawn frame showed.
    drawn: (usize, usize, usize),
    /// What a click hits on the last drawn frame.
    hits: Vec<(usize, Hit)>,
    /// What the event loop is to do.
    pub(super) wishes: Vec<Wish>,
}

impl App {
    /// An interface of a size, with nothing on it yet.
    pub fn new(theme: Theme, size: (u16, u16)) -> Self {
        Self {
            theme,
            stack: Vec::new(),
            size,
            mouse: true,
            message: None,
            dirty: true,
            generation: 1,
            flushed: 0,
            drawn: (0, 0, 0),
            hits: Vec::new(),
            wishes: Vec::new(),
        }
    }

    /// True if the screen is to be drawn.
    pub fn dirty(&self) -> bool {
        self.dirty
    }

    /// True if the mouse is reported.
    pub fn mouse(&self) -> bool {
        self.mouse
    }

    /// What the event loop is to do, once.
    pub fn wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    /// What a frame drawn now is drawn from.
    pub fn generation(&self) -> Generation {
        Generation(self.generation)
    }

    /// The generation that is on the screen.
    pub fn on_screen(&self) -> Generation {
        Generation(self.flushed)
    }

    /// The page on screen.
    pub fn screen(&self) -> Option<Screen> {
        self.top().map(PageState::screen)
    }

    pub(super) fn top(&self) -> Option<&PageState> {
        self.stack.last()
    }

    pub(super) fn top_mut(&mut self) -> Option<&mut PageState> {
        self.stack.last_mut()
    }

    /// The run on screen, or under the page on screen.
    pub(super) fn run(&self) -> Option<&RunView> {
        self.stack.iter().rev().find_map(|page| match &page.content {
            Content::View(View::Run(view)) => Some(&**view),
            _ => None,
        })
    }

    /// The page that help and palette are about.
    pub(super) fn subject(&self) -> Option<&PageState> {
        self.stack.iter().rev().find(|page| !matches!(page.content, Content::Help | Content::Palette))
    }

    /// What keys could act on has changed: those that are on their way no longer count.
    pub(super) fn changed(&mut self) {
        self.generation += 1;
        self.dirty = true;
    }

    pub(super) fn say(&mut self, words: impl Into<String>) {
        self.message = Some(words.into());
        self.dirty = true;
    }

    /// Draws the page on screen. What it showed counts as seen only after [`App::on_flushed`].
    pub fn draw(&mut self, buffer: &mut Buffer) {
        let area = buffer.area;
        let resized = self.size != (area.width, area.height);
        if resized {
            // The terminal was resized before its event came.
            self.size = (area.width, area.height);
            self.came_back();
        }
        let drawn = self.lay_out(area);
        for (y, line) in drawn.lines.iter().take(usize::from(area.height)).enumerate() {
            // At most `height` lines, and the height is a u16.
            let y = area.y + u16::try_from(y).unwrap_or(u16::MAX);
            buffer.set_line(area.x, y, &line.line(), area.width);
        }
        if let Some(page) = self.stack.last_mut() {
            page.scroll = drawn.scroll;
            page.visible = drawn.visible;
            // An empty panel has to be on a flushed frame as well.
            let lines = drawn.total.max(1);
            if page.seen.len() != lines {
                page.seen = vec![false; lines];
            }
        }
        self.drawn = (drawn.scroll, drawn.visible, drawn.total);
        self.hits = drawn.hits;
        // The frame of a size that nobody knew of was drawn from an older generation: one more has to follow.
        self.dirty = resized;
    }

    /// The frame of a generation is on the screen, every byte of it.
    pub fn on_flushed(&mut self, generation: Generation) {
        self.flushed = generation.0;
        if generation.0 != self.generation || self.too_small() {
            return;
        }
        let (scroll, visible, _) = self.drawn;
        let mut news = false;
        if let Some(page) = self.stack.last_mut() {
            let end = (scroll + visible).min(page.seen.len());
            for line in &mut page.seen[scroll.min(end)..end] {
                news |= !*line;
                *line = true;
            }
            // The hint row says how many are unseen.
            news &= page.ask().is_some();
        }
        self.dirty |= news;
    }

    /// Every cell is to be drawn again.
    pub fn redraw(&mut self) {
        self.dirty = true;
    }

    /// The event loop is to do something.
    pub fn wish(&mut self, wish: Wish) {
        self.wishes.push(wish);
    }

    /// The process was stopped and goes on: what was on the screen is old, so it has to be looked at again.
    pub fn came_back(&mut self) {
        for page in &mut self.stack {
            page.forget_seen();
        }
        self.changed();
    }

    fn too_small(&self) -> bool {
        usize::from(self.size.0) < screens::small::COLUMNS || usize::from(self.size.1) < screens::small::ROWS
    }

    fn lay_out(&self, area: Rect) -> Drawn {
        let Some(page) = self.top() else { return Drawn::default() };
        let context = Context {
            theme: self.theme,
            width: area.width.into(),
            height: area.height.into(),
            page,
            message: self.message.as_deref(),
            run: self.run(),
            mouse: self.mouse,
        };
        if area.is_empty() {
            return Drawn::default();
        }
        if self.too_small() {
            return screens::small::draw(&context, &self.small());
        }
        match (&page.content, context.run) {
            (Content::View(View::Home(view)), _) => screens::home::draw(&context, view),
            (Content::View(View::UserKeys(view)), _) => screens::keys::user(&context, view),
            (Content::View(View::AccountKeys(view)), _) => screens::keys::account(&context, view),
            (Content::View(View::Inputs(view)), _) => screens::inputs::draw(&context, view),
            (Content::View(View::Run(view)), _) => screens::run::draw(&context, view, &view.panel, view.ask.as_ref()),
            (Content::View(View::End(view)), _) => screens::read::end(&context, view),
            (Content::View(View::Transcript(view)), _) => screens::transcript::draw(&context, view),
            (Content::View(View::Read(view)), _) => screens::read::text(&context, view),
            (Content::Plan(offer), Some(run)) => screens::run::draw(&context, run, &offer.panel, Some(&offer.ask)),
            (Content::Steps, Some(run)) => screens::read::steps(&context, run),
            (Content::Help, _) => screens::help::help(&context, &self.help()),
            (Content::Palette, _) => {
                let banner = self.subject().and_then(super::commands::banner_of);
                screens::help::palette(&context, &self.palette(), banner)
            }
            // A plan or the steps without a run below can't be opened.
            (Content::Plan(_) | Content::Steps, None) => Drawn::default(),
        }
    }

    fn small(&self) -> TooSmallView {
        let banner = self.subject().and_then(super::commands::banner_of);
        let mut small =
            TooSmallView { stay: "Nothing is under way.".into(), may_leave: true, ..TooSmallView::default() };
        if let Some(banner) = banner {
            small.place = format!("{} {} {}", banner.mode.word(), banner.environment, banner.account).trim().to_owned();
            small.user = banner.user.clone();
        }
        if let Some(run) = self.run() {
            let title = run.panel.title.glyphs();
            let number = title.split_whitespace().next().unwrap_or("").to_owned();
            match &run.under_way {
                Some(under_way) => {
                    small.step = format!("Step {number}: {}.", under_way.sent);
                    small.stay = format!("Leave it open until {}.", under_way.due);
                    small.may_leave = false;
                }
                None => small.step = format!("Step {number}: waits for you."),
            }
        }
        small
    }

    pub(super) fn help(&self) -> HelpView {
        super::listing::help_of(self)
    }

    pub(super) fn palette(&self) -> Vec<screens::help::PaletteItem> {
        super::listing::palette_of(self)
    }

    /// An event that was read while `at` was on the screen.
    pub fn on_event(&mut self, at: Generation, event: Event) -> Vec<Intent> {
        match event {
            Event::Resize(width, height) => {
                if self.size != (width, height) {
                    self.size = (width, height);
                    for page in &mut self.stack {
                        page.forget_seen();
                    }
                    self.changed();
                }
                Vec::new()
            }
            Event::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
            Event::Key(key) => self.on_key(at, key),
            Event::Paste(text) => {
                self.on_paste(at, &text);
                Vec::new()
            }
            Event::Mouse(mouse) => {
                if at.0 == self.generation && self.mouse && !self.too_small() {
                    self.on_mouse(mouse.kind, mouse.column, mouse.row);
                }
                Vec::new()
            }
            Event::FocusGained | Event::FocusLost => Vec::new(),
        }
    }

    fn on_key(&mut self, at: Generation, key: KeyEvent) -> Vec<Intent> {
        let Some(command) = self.pressed(&key) else { return Vec::new() };
        // Pressed before the operator could see what it would do.
        let stale = at.0 != self.generation;
        let harmless = match command {
            Pressed::Edit => true,
            Pressed::Command(command) => {
                matches!(command, Command::LeaveAnyway | Command::Shell | Command::Redraw)
            }
            Pressed::Nothing => false,
        };
        if stale && !harmless {
            return Vec::new();
        }
        if self.message.take().is_some() {
            self.dirty = true;
        }
        if self.too_small() {
            return match command {
                Pressed::Command(
                    command @ (Command::Leave | Command::LeaveAnyway | Command::Shell | Command::Redraw),
                ) => {
                    if self.small().may_leave || matches!(command, Command::Shell | Command::Redraw) {
                        self.command(command)
                    } else {
                        Vec::new()
                    }
                }
                _ => Vec::new(),
            };
        }
        if let (Some(digit), Some(Screen::Home), Pressed::Command(Command::Panel)) =
            (digit(&key), self.screen(), &command)
        {
            self.go_to_panel(digit);
            return Vec::new();
        }
        if self.screen() == Some(Screen::Inputs) && !matches!(command, Pressed::Edit) {
            match key.code {
                KeyCode::Char('l') | KeyCode::Right => return super::movement::turn_choice(self, true),
                KeyCode::Char('h') | KeyCode::Left => return super::movement::turn_choice(self, false),
                _ => {}
            }
        }
        match command {
            Pressed::Edit => super::fields::edit(self, &key),
            Pressed::Command(command) => self.command(command),
            Pressed::Nothing => {
                if let KeyCode::Char(_) = key.code {
                    self.say("This key does nothing here. ? shows those that do.");
                }
                Vec::new()
            }
        }
    }

    /// Whether a key edits a field, is a command, or nothing.
    fn pressed(&self, key: &KeyEvent) -> Option<Pressed> {
        let page = self.top()?;
        let command = keymap::command_of(key);
        if let Some(always @ (Command::LeaveAnyway | Command::Redraw | Command::Shell)) = command {
            return Some(Pressed::Command(always));
        }
        let in_field = !page.signing && (page.typing.is_some() || page.focus.is_some()) && !self.too_small();
        if in_field && super::fields::edits(page, key) {
            return Some(Pressed::Edit);
        }
        Some(command.map_or(Pressed::Nothing, Pressed::Command))
    }

    fn on_paste(&mut self, at: Generation, text: &str) {
        let stale = at.0 != self.generation;
        if self.too_small() || stale {
            return;
        }
        super::fields::paste(self, text);
    }

    fn on_mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) {
        match kind {
            MouseEventKind::ScrollDown => self.scroll_by(3),
            MouseEventKind::ScrollUp => self.scroll_by(-3),
            MouseEventKind::Down(MouseButton::Left) => {
                let beside = self.size.0 >= 110 && column < 40 && self.screen() == Some(Screen::Run);
                let hit = self.hits.iter().find(|(line, _)| *line == usize::from(row)).map(|(_, hit)| *hit);
                let Some(hit) = hit.filter(|_| !beside) else { return };
                let Some(page) = self.top_mut() else { return };
                if page.signing {
                    return;
                }
                match hit {
                    Hit::Item(panel, item) => {
                        page.panel = panel;
                        page.selected[panel] = item;
                    }
                    Hit::Choice(item) => {
                        page.selected[0] = item;
                        page.touched = true;
                    }
                    Hit::Field(field) => {
                        page.selected[0] = field;
                        if page.screen() == Screen::Inputs {
                            page.focus_input();
                        } else {
                            page.focus = Some(field);
                        }
                    }
                }
                self.dirty = true;
            }
            _ => {}
        }
    }

    /// Scrolls, or moves the selection.
    pub(super) fn scroll_by(&mut self, by: isize) {
        super::movement::move_by(self, by);
    }

    /// Opens a page on top.
    pub(super) fn open(&mut self, content: Content) {
        self.stack.push(PageState::new(content));
        self.changed();
    }
}

fn digit(key: &KeyEvent) -> Option<usize> {
    match key.code {
        KeyCode::Char(c) => c.to_digit(10).and_then(|digit| usize::try_from(digit).ok()),
        _ => None,
    }
}

enum Pressed {
    Edit,
    Command(Command),
    Nothing,
}
