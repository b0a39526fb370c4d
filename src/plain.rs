//! The same views as lines: for CI, pipes and screen readers.
//!
//! No glyph, no colour, no redraw and no hot key: every line begins with REAL or DRILL, and one answers with words and
//! Enter. What the screen says stands here too, and what it guards is guarded here as well: a step that changes something
//! is typed for (`sign`), an irreversible one wants its last four and `delete`.

mod page;

use std::collections::VecDeque;

pub use page::page;

use crate::view::{
    Ask, By, Choice, Command, EnterDoes, Field, FieldKey, FieldKind, Intent, Offer, Opens, Panel, Row, RunView, Text,
};

/// What is asked at the end of the lines.
#[derive(Clone, Debug, PartialEq)]
enum Question {
    /// Nothing.
    None,
    /// A word of several.
    Word,
    /// A field of what is to be done.
    Field(usize),
    /// The word at the end, after all fields.
    Act,
}

/// The lines of a run, and what is typed in answer. It has no input or output of its own.
#[derive(Debug)]
pub struct PlainFront {
    shown: Option<RunView>,
    said: VecDeque<String>,
    offer: Option<Offer>,
    entered: Vec<String>,
    question: Question,
    /// The question as it was last said, so that news about the same act does not repeat it.
    asked: String,
    asking: bool,
    /// Deviations that were told.
    deviations: usize,
}

impl Default for PlainFront {
    fn default() -> Self {
        Self::new()
    }
}

impl PlainFront {
    /// Nothing was said yet.
    pub fn new() -> Self {
        Self {
            shown: None,
            said: VecDeque::new(),
            offer: None,
            entered: Vec::new(),
            question: Question::None,
            asked: String::new(),
            asking: true,
            deviations: 0,
        }
    }

    /// One that says the same and asks nothing: for runs that nobody attends.
    pub fn silent() -> Self {
        Self { asking: false, ..Self::new() }
    }

    /// Why something was not taken, once.
    pub fn notice(&mut self, words: &str) -> Option<String> {
        let mode = self.shown.as_ref()?.banner.mode.word();
        let line = format!("{mode} {}", crate::view::text::visible(words));
        if self.said.contains(&line) {
            return None;
        }
        self.said.push_back(line.clone());
        Some(line)
    }

    /// The lines that a view adds to what was said: all of a new act, of the same act only what is new.
    pub fn lines(&mut self, view: &RunView) -> Vec<String> {
        let mode = view.banner.mode.word();
        let same_act = self.shown.as_ref().is_some_and(|old| {
            // What is signed and goes its way is the same act; another action under the same title is not.
            let (was, is) = (old.ask.as_ref().map(|a| &a.intent), view.ask.as_ref().map(|a| &a.intent));
            old.panel.title == view.panel.title && (was == is || is.is_none())
        });
        if self.shown.as_ref() == Some(view) {
            return Vec::new();
        }
        if !same_act {
            self.said.clear();
        }
        let first = self.shown.is_none();
        let new_act = !same_act;
        let mut out = Vec::new();
        if first {
            out.push(format!("{}: {}.", view.banner.title, view.banner.user));
            let account = format!("{} {}", view.banner.environment, view.banner.account);
            out.push(format!("Account {}.", account.trim()));
        }
        if let Some(old) = &self.shown {
            let now = view.progress.steps.iter().zip(&old.progress.steps);
            let passed = now.filter(|(new, old)| new.status != old.status && new.status == crate::view::Status::Pass);
            out.extend(passed.map(|(step, _)| format!("Step {}: pass. {}.", step.sop, step.title)));
        }
        let mut all = Vec::new();
        all.push(heading(view));
        if new_act {
            all.push(format!("Steps: {}.", steps(view)));
        }
        all.extend(body(&view.panel));
        all.push(format!("Notices: {}", sentence(&view.notices)));
        all.push(format!("Way back: {}", sentence(&view.way_back)));
        all.push(format!("Walk away: {}", sentence(&view.walk_away)));
        // A deviation is told once, when it comes.
        for deviation in view.side.deviations.iter().skip(self.deviations) {
            let words = sentence(deviation);
            all.push(format!("Deviation: {}", words.strip_prefix("deviation: ").unwrap_or(&words)));
        }
        self.deviations = self.deviations.max(view.side.deviations.len());
        if let EnterDoes::Off(_, why) = &view.enter {
            all.push(why.clone());
        }
        if new_act {
            let footer = format!("{}. {}", view.footer.left.words(), view.footer.right.words());
            all.push(footer.trim_matches(['.', ' ']).to_owned() + ".");
        }
        // Two calls of an act may have a line in common; both have it then.
        let fresh: Vec<String> = all.into_iter().filter(|line| !self.said.contains(line)).collect();
        for line in fresh {
            out.push(line.clone());
            self.said.push_back(line);
            // Far more than any act says; old lines of a long verification may be said again.
            if self.said.len() > 2000 {
                self.said.pop_front();
            }
        }
        self.shown = Some(view.clone());
        if new_act {
            self.offer = None;
        }
        let news = !out.is_empty();
        if self.asking {
            let mut asked = Vec::new();
            self.ask(&mut asked, new_act);
            let words = asked.join("\n");
            if words != self.asked || (new_act && news) {
                out.append(&mut asked);
            }
            self.asked = words;
        }
        out.retain(|line| !line.trim_matches(['.', ' ']).is_empty());
        out.into_iter().map(|line| format!("{mode} {}", crate::view::text::visible(&line))).collect()
    }

    /// The lines of the page that a word has opened: a plan, and what it asks.
    pub fn opened(&mut self) -> Vec<String> {
        // After a field the plan has been told already, and what was entered must stand.
        if !self.entered.is_empty() {
            return Vec::new();
        }
        let Some(view) = self.shown.as_ref() else { return Vec::new() };
        let Some(offer) = self.offer.as_ref() else { return Vec::new() };
        let mode = view.banner.mode.word();
        let mut out = vec![format!("{}. {}", offer.panel.title.words(), offer.panel.tag.words())];
        out.extend(body(&offer.panel));
        for (label, plan, run) in [
            ("Notices", &offer.facts.notices, &view.notices),
            ("Way back", &offer.facts.way_back, &view.way_back),
            ("Walk away", &offer.facts.walk_away, &view.walk_away),
        ] {
            out.push(format!("{label}: {}", sentence(if plan.is_empty() { run } else { plan })));
        }
        self.ask(&mut out, true);
        out.into_iter().map(|line| format!("{mode} {line}")).collect()
    }

    /// What is typed now, for the line in which one types: the last line of what was said ends with it.
    pub fn asks(&self) -> bool {
        self.question != Question::None
    }

    fn current(&self) -> Option<&Ask> {
        match (&self.offer, &self.shown) {
            (Some(offer), _) => Some(&offer.ask),
            (None, Some(view)) => view.ask.as_ref(),
            _ => None,
        }
    }

    fn ask(&mut self, out: &mut Vec<String>, anew: bool) {
        if anew {
            self.entered.clear();
        }
        let words = self.words();
        let Some(ask) = self.current().cloned() else {
            self.question = if words.is_empty() { Question::None } else { Question::Word };
            if !words.is_empty() {
                out.push(format!("Type {}:", either(&words)));
            }
            return;
        };
        match ask.fields.get(self.entered.len()) {
            // What is typed back goes together with the word, at the end.
            Some(field) if matches!(field.kind, FieldKind::Text) => {
                out.push(format!("{}:", field.label));
                self.question = Question::Field(self.entered.len());
            }
            Some(Field { kind: FieldKind::TypeBack { expected, .. }, .. }) if expected.chars().count() != 4 => {
                out.push(format!("Type \"{expected} {}\", or no:", act_word(&ask)));
                self.question = Question::Act;
            }
            Some(field) => {
                out.push(format!("Type the {} and {}:", field.label.to_lowercase(), act_word(&ask)));
                self.question = Question::Act;
            }
            None => {
                out.push(format!("That is all of it. Type {}:", either(&words)));
                self.question = Question::Act;
            }
        }
    }

    /// The words that are taken now.
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        if let Some(offer) = &self.offer {
            return vec![act_word(&offer.ask), "no".into()];
        }
        let Some(view) = &self.shown else { return words };
        if let Some(ask) = &view.ask {
            words.push(act_word(ask));
        }
        words.extend(choices(view).map(|choice| choice.word.clone()));
        let mut offer = |word: &str, command: Command| {
            let live = view.off(command).is_none() && (command == Command::Leave || view.offer(command).is_some());
            if live && !words.iter().any(|w| w == word) {
                words.push(word.to_owned());
            }
        };
        offer("move", Command::MoveClock);
        offer("back", Command::WayBack);
        offer("skip", Command::Skip);
        offer("override", Command::Override);
        offer("add", Command::AddRow);
        offer("hand over", Command::HandOver);
        offer("abort", Command::Abort);
        offer("leave", Command::Leave);
        words
    }

    /// What was typed, without its line end, as what it asks for. `Ok(None)` where more is to be said first: the page
    /// that was opened ([`PlainFront::opened`]), or the next field.
    ///
    /// # Errors
    /// A sentence that says why it is not taken; nothing has happened then.
    pub fn answer(&mut self, typed: &str) -> Result<Option<Intent>, String> {
        let typed = typed.trim();
        if self.shown.is_none() {
            return Err("Nothing is asked yet.".into());
        }
        if let Some(text) = typed.strip_prefix("note ").filter(|_| self.offer.is_none()) {
            return Ok(Some(Intent::Note { text: text.trim().to_owned() }));
        }
        if matches!(typed, "no" | "esc") && self.offer.take().is_some() {
            self.entered.clear();
            self.question = Question::Word;
            return Ok(None);
        }
        if let Question::Field(index) = self.question {
            if self.offer.is_none() && self.escape(typed) {
                return self.word(typed);
            }
            return self.field(index, typed);
        }
        if let Some(answer) = self.current().cloned().and_then(|ask| self.act(&ask, typed)) {
            return answer;
        }
        if self.offer.is_some() {
            return Err(format!("Type {}.", either(&self.words())));
        }
        self.word(typed)
    }

    /// `leave` and `back` get one out of a field; any other text is what was asked for.
    fn escape(&self, typed: &str) -> bool {
        matches!(typed, "leave" | "back") && self.words().iter().any(|word| word == typed)
    }

    fn field(&mut self, index: usize, typed: &str) -> Result<Option<Intent>, String> {
        let Some(field) = self.current().and_then(|ask| ask.fields.get(index)).cloned() else {
            return Err("Nothing is asked yet.".into());
        };
        if typed.is_empty() && field.required {
            return Err(format!("{} is missing.", field.label));
        }
        self.entered.push(typed.to_owned());
        let mut more = Vec::new();
        self.ask(&mut more, false);
        Ok(None)
    }

    /// The question that is open, as a line: after a field, or after something that was not taken.
    pub fn question(&mut self) -> Option<String> {
        let mode = self.shown.as_ref()?.banner.mode.word();
        let mut out = Vec::new();
        self.ask(&mut out, false);
        out.pop().map(|line| format!("{mode} {line}"))
    }

    fn act(&mut self, ask: &Ask, typed: &str) -> Option<Result<Option<Intent>, String>> {
        let word = act_word(ask);
        let back = ask.fields.iter().find_map(|field| match &field.kind {
            FieldKind::TypeBack { expected, of } => Some((expected, of)),
            FieldKind::Text => None,
        });
        let mut intent = ask.intent.clone();
        match back {
            Some((expected, of)) => {
                // What is typed back may have spaces of its own, so the word is looked for at the end.
                let (four, rest) = typed.rsplit_once(' ').map_or((typed, ""), |(four, rest)| (four.trim_end(), rest));
                if rest != word {
                    if typed == word || four == expected {
                        return Some(Err(format!("Type both, the last four and {word}: like XXXX {word}.")));
                    }
                    return None;
                }
                if four != expected {
                    let of = if of.is_empty() { "This key" } else { of };
                    let four = crate::view::text::visible(four);
                    return Some(Err(format!("You typed {four}. {of} ends in {expected}. Nothing was sent.")));
                }
                intent = intent.with(&FieldKey::Typed, four);
            }
            None if typed != word => return None,
            None => {}
        }
        let texts = ask.fields.iter().filter(|field| matches!(field.kind, FieldKind::Text));
        for (field, entered) in texts.zip(&self.entered) {
            intent = intent.with(&field.key, entered);
        }
        let missing = ask.fields.iter().filter(|f| matches!(f.kind, FieldKind::Text)).nth(self.entered.len());
        if let Some(field) = missing.filter(|field| field.required) {
            return Some(Err(format!("{} is missing.", field.label)));
        }
        if let Intent::Confirm { answer, .. } = &mut intent {
            answer.how = match ask.by {
                By::Enter => "enter",
                By::Sign => "sign",
                By::TypeBack => "type_back",
            }
            .into();
        }
        self.offer = None;
        self.entered.clear();
        self.question = Question::None;
        Some(Ok(Some(intent)))
    }

    fn word(&mut self, typed: &str) -> Result<Option<Intent>, String> {
        let Some(view) = self.shown.clone() else { return Err("Nothing is asked yet.".into()) };
        let chosen = choices(&view).find(|choice| choice.word == typed).cloned();
        if let Some(choice) = chosen {
            return match choice.opens {
                Opens::Now(intent) => {
                    self.question = Question::None;
                    Ok(Some(intent))
                }
                Opens::Page(offer) => {
                    self.open(*offer);
                    Ok(None)
                }
                Opens::Command(command) => self.command(&view, command),
            };
        }
        let command = match typed {
            "move" => Command::MoveClock,
            "back" => Command::WayBack,
            "skip" => Command::Skip,
            "override" => Command::Override,
            "add" => Command::AddRow,
            "hand over" => Command::HandOver,
            "abort" => Command::Abort,
            "leave" => Command::Leave,
            "" => return Err(format!("Type {}.", either(&self.words()))),
            _ => {
                let typed = crate::view::text::visible(typed);
                return Err(format!("\"{typed}\" is not one of them. Type {}.", either(&self.words())));
            }
        };
        self.command(&view, command)
    }

    fn command(&mut self, view: &RunView, command: Command) -> Result<Option<Intent>, String> {
        if let Some(off) = view.off(command) {
            return Err(off.why.clone());
        }
        match view.offer(command) {
            Some(offer) => {
                self.open(offer.clone());
                Ok(None)
            }
            None if command == Command::Leave => Ok(Some(Intent::Suspend { reason: String::new() })),
            None => Err(format!("That can't be done here. Type {}.", either(&self.words()))),
        }
    }

    fn open(&mut self, offer: Offer) {
        self.offer = Some(offer);
        self.entered.clear();
    }
}

fn choices(view: &RunView) -> impl Iterator<Item = &Choice> {
    view.panel.body.iter().filter_map(|row| if let Row::Choice(choice) = row { Some(choice) } else { None })
}

/// The word that acts: `run` for a read, `sign` for a change, `delete` for what can't be undone.
fn act_word(ask: &Ask) -> String {
    match ask.by {
        By::Enter => "run",
        By::Sign => "sign",
        By::TypeBack => "delete",
    }
    .into()
}

fn either(words: &[String]) -> String {
    match words {
        [] => "nothing".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn sentence(text: &Text) -> String {
    let words = text.words();
    if words.ends_with(['.', '?', '!']) || words.is_empty() { words } else { format!("{words}.") }
}

fn heading(view: &RunView) -> String {
    let title = view.panel.title.words();
    let tag = view.panel.tag.words();
    let tag = tag.trim_end_matches(view.banner.mode.word()).trim_end_matches([' ', '·']);
    match title.split_once(' ') {
        Some((number, rest)) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("Step {number}: {}. {tag}.", rest.trim())
        }
        _ => format!("{title}. {tag}."),
    }
}

/// How far it is, in words: each step that is not as it began.
fn steps(view: &RunView) -> String {
    let mut out = Vec::new();
    for (i, step) in view.progress.steps.iter().enumerate() {
        if view.progress.no_return == Some(i) {
            out.push("no way back from here on".to_owned());
        }
        out.push(format!("{} {}", step.sop, step.status.word()));
    }
    format!("{}: {}", view.progress.position, out.join(", "))
}

/// Every row of a panel.
pub fn body(panel: &Panel) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    rows(&panel.body, &mut out);
    out
}

fn rows(body: &[Row], out: &mut Vec<String>) {
    for row in body {
        match row {
            Row::Blank => {}
            Row::Line(text) => out.push(sentence(text)),
            Row::Field { label, value, aside } => {
                let mut text = value.words();
                if let Some((_, aside)) = aside {
                    text = format!("{text}, {}", aside.words());
                }
                let label = label.words();
                if label.is_empty() {
                    out.push(format!("{}.", text.trim_end_matches('.')));
                } else {
                    out.push(format!("{label}: {}.", text.trim_end_matches('.')));
                }
            }
            Row::Section { title, tag } => {
                // A bar of blocks says what the count of each sample says.
                let tag = tag.words();
                let tag = if tag.contains(['█', '░']) { "" } else { &tag };
                let words = format!("{}: {tag}", title.words());
                out.push(words.trim_end_matches([':', ' ']).to_owned() + ".");
            }
            // A request that is out is said by what comes of it.
            Row::Sample(sample) if sample.status == crate::view::Status::UnderWay && sample.text.is_empty() => {}
            Row::Sample(sample) => {
                let text = format!("{} {}. {} {}", sample.time, sample.word, sample.text.words(), sample.count);
                out.push(format!("{}.", text.trim().trim_end_matches('.').trim_end()));
            }
            Row::Act(act) => {
                let parts = [&act.title, &act.from, &act.now, &act.time];
                let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).map(String::as_str).collect();
                out.push(format!("Act {}, {}: {}.", act.number, act.status.word(), parts.join(", ")));
            }
            Row::Choice(choice) => out.push(format!("{}: {}: {}", choice.word, choice.label, sentence(&choice.text))),
            Row::Table(table) => {
                for row in &table.rows {
                    let cells = row.cells.iter().zip(&table.columns).skip(1);
                    let cells: Vec<String> =
                        cells.map(|(cell, (name, _))| format!("{name} {}", cell.words())).collect();
                    out.push(format!("Row {}, {}: {}.", row.key, row.status.word(), cells.join("; ")));
                    rows(&row.whole, out);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "plain_tests.rs"]
mod tests;
