//! News: what a changed view does to the pages that are open. It moves neither focus nor rows, closes the sign line, and
//! makes what is to be confirmed unseen where it differs.

use super::app::{App, Wish};
use super::page::{Content, PageState};
use crate::view::{Command, Offer, RunView, View, ViewUpdate};

impl App {
    /// News from the owner.
    pub fn apply(&mut self, update: ViewUpdate) {
        match update {
            ViewUpdate::Show(view) => self.show(view),
            ViewUpdate::Only(view) => {
                let kind = kind(&view);
                let stays = |page: &PageState| matches!(&page.content, Content::View(old) if self::kind(old) == kind);
                self.stack.retain(stays);
                self.show(view);
                self.changed();
            }
            ViewUpdate::Close => {
                if self.stack.len() > 1 {
                    self.stack.pop();
                    self.changed();
                }
            }
            ViewUpdate::Say(words) => {
                for page in &mut self.stack {
                    page.sent = false;
                    page.signing = false;
                }
                self.say(words);
                self.changed();
            }
            ViewUpdate::Quit => self.wishes.push(Wish::Quit),
        }
    }

    fn show(&mut self, view: View) {
        let kind = kind(&view);
        let place =
            self.stack.iter().position(|page| matches!(&page.content, Content::View(old) if self::kind(old) == kind));
        let Some(place) = place else {
            // A page without anything to go back to stays below; plans of a run belong to it.
            self.stack.push(PageState::new(Content::View(view)));
            // What was said was about the page below.
            self.message = None;
            self.changed();
            return;
        };
        if self.stack[place].content == Content::View(view.clone()) {
            return;
        }
        if matches!(view, View::AccountKeys(_) | View::UserKeys(_)) {
            // It is read: that it is being read is over.
            self.message = None;
        }
        let page = &mut self.stack[place];
        let old_ask = page.ask().cloned();
        let old = std::mem::replace(&mut page.content, Content::View(view));
        page.sent = false;
        page.signing = false;
        if act_of(&old) != act_of(&page.content) {
            page.forget_seen();
            if screens_differ(&old, &page.content) {
                page.scroll = 0;
                page.touched = false;
                page.selected = [0; 4];
            }
        }
        let new_ask = page.ask().cloned();
        let another = screens_differ(&old, &page.content) && act_of(&page.content).is_some();
        if another || old_ask.is_some() != new_ask.is_some() {
            // What was said was about the act before.
            self.message = None;
        }
        let page = &mut self.stack[place];
        let same_question = match (&old_ask, &new_ask) {
            (Some(a), Some(b)) => a.intent == b.intent && a.fields == b.fields,
            (None, None) => true,
            _ => false,
        };
        if matches!(page.content, Content::View(View::Inputs(_))) {
            refresh_inputs(page, &old);
        } else if !same_question {
            page.reset_fields();
        }
        self.refresh_plans(place);
        self.changed();
    }

    /// Plans that lie on a run follow it: a changed one has to be looked at again, one that is gone is closed.
    fn refresh_plans(&mut self, place: usize) {
        let run = match self.stack.get(place).map(|page| &page.content) {
            Some(Content::View(View::Run(run))) => run.clone(),
            Some(Content::View(View::End(_))) => {
                // Nothing is planned for a run that has ended.
                self.stack.retain(|page| !matches!(page.content, Content::Plan(_) | Content::Steps));
                return;
            }
            _ => return,
        };
        let mut closed = false;
        let mut changed = false;
        let mut i = place + 1;
        while i < self.stack.len() {
            let Content::Plan(offer) = self.stack[i].content.clone() else {
                i += 1;
                continue;
            };
            if super::plans::is_own(&offer) {
                let gone = match offer.command {
                    Some(Command::Leave) => run.off(Command::Leave).is_some(),
                    Some(Command::LeaveAnyway) => run.under_way.is_none(),
                    _ => false,
                };
                if gone {
                    self.stack.remove(i);
                    closed = true;
                } else {
                    self.stack[i].signing = false;
                    i += 1;
                }
                continue;
            }
            match current(&run, &offer) {
                Some(now) if now == *offer => self.stack[i].signing = false,
                Some(now) => {
                    let page = &mut self.stack[i];
                    let same = now.ask.fields == offer.ask.fields;
                    page.content = Content::Plan(Box::new(now));
                    page.forget_seen();
                    page.sent = false;
                    if !same {
                        page.reset_fields();
                    }
                    changed = true;
                }
                None => {
                    self.stack.remove(i);
                    closed = true;
                    continue;
                }
            }
            i += 1;
        }
        if changed || closed {
            self.say("The action changed. Look again; nothing was sent.");
        }
    }
}

/// Pages of one kind replace each other; a run and its end are one.
fn kind(view: &View) -> u8 {
    match view {
        View::Home(_) => 0,
        View::UserKeys(_) => 1,
        View::AccountKeys(_) => 2,
        View::Inputs(_) => 3,
        View::Run(_) | View::End(_) => 4,
        View::Transcript(_) => 5,
        View::Read(_) => 6,
    }
}

/// What of a page is confirmed: if it differs, it has to be seen again.
fn act_of(content: &Content) -> Option<(&crate::view::Panel, Option<&crate::view::Ask>)> {
    match content {
        Content::View(View::Run(view)) => Some((&view.panel, view.ask.as_ref())),
        Content::Plan(offer) => Some((&offer.panel, Some(&offer.ask))),
        _ => None,
    }
}

/// Another act, and not news about the same.
fn screens_differ(old: &Content, new: &Content) -> bool {
    match (act_of(old), act_of(new)) {
        (Some((old, _)), Some((new, _))) => old.title != new.title || old.border != new.border,
        _ => true,
    }
}

/// What a run now offers in place of a plan that is open.
fn current(run: &RunView, offer: &Offer) -> Option<Offer> {
    if let Some(command) = offer.command {
        return run.offer(command).cloned();
    }
    run.panel.body.iter().find_map(|row| match row {
        crate::view::Row::Choice(choice) => match &choice.opens {
            crate::view::Opens::Page(page) if page.panel.title == offer.panel.title => Some((**page).clone()),
            _ => None,
        },
        _ => None,
    })
}

/// What is being typed stays; what the owner has changed is taken.
fn refresh_inputs(page: &mut PageState, old: &Content) {
    let names = |content: &Content| match content {
        Content::View(View::Inputs(view)) => view.inputs.iter().map(|i| i.name.clone()).collect(),
        _ => Vec::<String>::new(),
    };
    let (before, now) = (names(old), names(&page.content));
    if before != now {
        page.selected[0] = 0;
        page.reset_fields();
        page.focus_input();
        return;
    }
    let kept = page.fields.clone();
    page.reset_fields();
    let selected = page.selected[0];
    if let (Some(field), Some(kept)) = (page.fields.get_mut(selected), kept.get(selected)) {
        *field = kept.clone();
    }
    page.focus_input();
}
