//! From a run as it stands to what is said of it. Pure: a snapshot in, a view out; no clock, no file, no terminal.
//!
//! Whatever is to be confirmed is drawn whole by `exact`; everything else may be shortened. Each page is a file: a step
//! before it is confirmed (`act`), under way (`running`), stopped (`stop`), in doubt (`doubt`), at a gate (`wait`), on
//! the way back (`back`), over (`end`).

mod act;
mod back;
mod clock;
mod doubt;
mod end;
mod exact;
mod expected;
mod facts;
mod gates;
mod home;
mod keys;
mod look;
mod offers;
mod pages;
mod running;
mod side;
mod steps;
mod stop;
mod transcript;
mod wait;

pub use clock::{Clock, span};
pub use end::end_view;
pub use exact::{digits, tail, what};
pub use home::{Book, EndedRun, Home, OpenRun, home_view};
pub use keys::{Order, account_view, user_view};
pub use look::Around;
pub use pages::{entry_view, whole_view};
pub use transcript::transcript_view;

use crate::engine::doubt::Finding;
use crate::engine::entry::Place;
use crate::engine::focus::Focus;
use crate::runtime::snapshot::Snapshot;
use crate::view::{
    Ask, Border, By, Command, EnterDoes, Field, FieldKey, FieldKind, Foot, Intent, Off, Panel, Row, RunView, Text,
    UnderWay,
};

use look::Look;

/// The role under which an operator breaks a gate.
pub const ROLE: &str = "ops";

/// The page of a run as it stands.
pub fn run_view(now: &Snapshot, around: &Around) -> RunView {
    let look = Look::new(now, around);
    let page = page(&look);
    let (offers, off) = offers::all(&look);
    RunView {
        banner: look.banner(),
        progress: steps::progress(&look),
        panel: page.panel,
        notices: page.notices,
        way_back: page.way_back,
        walk_away: page.walk_away,
        ask: page.ask,
        enter: page.enter,
        offers,
        off: off.into_iter().chain(page.off).collect(),
        first_hint: page.first_hint,
        under_way: look.sent().map(|due| UnderWay {
            what: facts::what(&look, &due.place.step, &due.place.row),
            sent: format!("sent {}, no answer yet", look.clock.time(due.since)),
            due: look.clock.time(due.by),
        }),
        side: side::side(&look),
        copy: page.copy,
        footer: look.footer(),
    }
}

struct Page {
    panel: Panel,
    notices: Text,
    way_back: Text,
    walk_away: Text,
    ask: Option<Ask>,
    enter: EnterDoes,
    off: Vec<Off>,
    first_hint: Option<Command>,
    copy: Option<String>,
}

impl Page {
    fn of(look: &Look<'_>, panel: Panel) -> Self {
        Self {
            panel,
            notices: "nobody: nothing is under way".into(),
            way_back: facts::from_here(look),
            walk_away: facts::walk_away(look),
            ask: None,
            enter: EnterDoes::Quiet,
            off: Vec::new(),
            first_hint: None,
            copy: None,
        }
    }
}

fn page(look: &Look<'_>) -> Page {
    if matches!(look.state().phase, crate::engine::state::Phase::Back)
        && !matches!(look.now.focus, Focus::InDoubt { .. })
    {
        return going_back(look);
    }
    match &look.now.focus {
        Focus::Confirm { step } => confirming(look, step),
        Focus::Blocked { step, why } => match look.step(step) {
            Some(step) => Page { enter: EnterDoes::Asked, ..Page::of(look, stop::blocked(look, step, why)) },
            None => nothing(look),
        },
        Focus::Stopped { step, row } => match look.step(step) {
            Some(step) => Page {
                notices: stop::notices(look, step),
                walk_away: stop::walk_away(look, step),
                enter: EnterDoes::Asked,
                ..Page::of(look, stop::page(look, step, row))
            },
            None => nothing(look),
        },
        Focus::InDoubt { place } => in_doubt(look, place),
        Focus::Manual { place } => manual(look, place),
        Focus::Waiting { place, until } => waiting(look, place, *until),
        Focus::Sample { step } => running(look, step),
        Focus::Send { place, .. } | Focus::Answer { place } => running(look, &place.step),
        _ => nothing(look),
    }
}

fn confirming(look: &Look<'_>, id: &str) -> Page {
    let Some(step) = look.step(id) else { return nothing(look) };
    let rendered = match &look.now.rendered {
        Some(Ok(rendered)) => rendered,
        Some(Err(why)) => {
            return Page { enter: EnterDoes::Asked, ..Page::of(look, stop::blocked(look, step, why)) };
        }
        None => return nothing(look),
    };
    if let Some(closed) = gates::closed(look, step).filter(|_| !look.now.confirming) {
        let panel = wait::page(look, step, &closed);
        let choices = panel.body.iter().any(|row| matches!(row, Row::Choice(_)));
        let opens = gates::opens(look, step);
        let left = look.book().runbook.steps.len() - look.book().runbook.position(id).unwrap_or_default();
        let walk_away = match opens {
            Some(at) => Text::new()
                .strong("YES")
                .say(&format!(", until {}. {left} of the steps remain.", look.clock.minute(at))),
            None => facts::walk_away(look),
        };
        let clock = offers::move_clock(look).is_ok();
        return Page {
            notices: if look.changed() {
                "nobody now; what was done so far stands".into()
            } else {
                "nobody: nothing has been changed".into()
            },
            walk_away,
            enter: if choices { EnterDoes::Asked } else { EnterDoes::Quiet },
            first_hint: Some(if clock { Command::MoveClock } else { Command::Leave }),
            ..Page::of(look, panel)
        };
    }
    let shown = act::confirm(look, step, rendered);
    Page {
        notices: facts::notices(look, step),
        way_back: facts::way_back(look, step),
        ask: shown.ask,
        enter: shown.enter,
        copy: Some(rendered.digest()),
        ..Page::of(look, shown.panel)
    }
}

fn running(look: &Look<'_>, id: &str) -> Page {
    let Some(step) = look.step(id) else { return nothing(look) };
    let (panel, enter) = running::page(look, step);
    Page { notices: facts::notices(look, step), enter, ..Page::of(look, panel) }
}

fn going_back(look: &Look<'_>) -> Page {
    let (panel, ask, enter) = back::page(look);
    let copy = ask.is_some().then(|| back::rendered(look).digest());
    Page {
        notices: "whoever uses what is put back: each act says which".into(),
        way_back: "this is it. It waits for no approval, no window, no signature.".into(),
        ask,
        enter,
        copy,
        ..Page::of(look, panel)
    }
}

fn in_doubt(look: &Look<'_>, place: &Place) -> Page {
    let settled = !matches!(look.now.finding, Some(Finding::Ask) | None);
    Page {
        notices: format!("nobody more than before: {} is in doubt, and nothing is sent", doubt::title(look, place))
            .into(),
        walk_away: if settled {
            "yes: nothing is under way".into()
        } else {
            "in a moment: the world is being asked".into()
        },
        enter: EnterDoes::Asked,
        ..Page::of(look, doubt::page(look, place))
    }
}

fn manual(look: &Look<'_>, place: &Place) -> Page {
    let Some(step) = look.step(&place.step) else { return nothing(look) };
    let row = look.folded(&step.id).and_then(|folded| folded.row(&place.row));
    let scope = look.scope(step, row);
    let param = |name: &str| step.run.param(name).and_then(|node| node.render(&scope).ok());
    let words = param("do").and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    let enter = param("enter");
    let names: Vec<(String, String)> = match &enter {
        Some(serde_json::Value::Object(map)) => {
            map.iter().map(|(name, help)| (name.clone(), help.as_str().unwrap_or_default().to_owned())).collect()
        }
        _ => Vec::new(),
    };
    let mut body = vec![Row::field("Do", words)];
    body.extend(act::lines_of("Then enter", names.iter().map(|(name, help)| format!("{name}: {help}"))));
    let field = |(name, _): &(String, String)| Field {
        key: FieldKey::Named(name.clone()),
        label: name.clone(),
        kind: FieldKind::Text,
        required: true,
        value: String::new(),
        hint: String::new(),
    };
    let ask = Ask {
        by: By::Enter,
        intent: Intent::Entered { place: place.clone(), values: serde_json::json!({}) },
        sentence: "writes down that it is done".into(),
        fields: names.iter().map(field).collect(),
        fields_title: "What you saw".into(),
    };
    let mut panel = act::panel(look, step, body, Foot::Lines);
    panel.tag = look.tag("BY HAND");
    Page {
        notices: facts::notices(look, step),
        way_back: facts::way_back(look, step),
        ask: Some(ask),
        enter: EnterDoes::Asked,
        ..Page::of(look, panel)
    }
}

fn waiting(look: &Look<'_>, place: &Place, until: crate::engine::entry::Stamp) -> Page {
    let Some(step) = look.step(&place.step) else { return nothing(look) };
    let body = vec![Row::field("Waits", format!("until {}", look.clock.moment(until)))];
    let mut panel = act::panel(look, step, body, Foot::Plain);
    panel.tag = look.tag("WAITS");
    let walk_away = Text::new().strong("YES").say(&format!(", until {}.", look.clock.minute(until)));
    Page { walk_away, first_hint: Some(Command::Leave), ..Page::of(look, panel) }
}

/// Between two steps: something is being written down.
fn nothing(look: &Look<'_>) -> Page {
    let title = steps::current(look).and_then(|id| look.step(id)).map_or_else(|| Text::from("Going on"), look::title);
    let words = look.now.notice.clone().unwrap_or_else(|| "The next step is being opened.".into());
    let panel = Panel {
        border: Border::Thin,
        title,
        tag: look.tag("a moment"),
        body: vec![Row::line(&words)],
        ..Panel::default()
    };
    Page { enter: EnterDoes::Off("a moment".into(), words), ..Page::of(look, panel) }
}
