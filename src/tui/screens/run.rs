//! A step of a run, or a plan that is to be signed: one panel whose border is the effect, and below it always who will
//! notice, the way back, whether one may leave, and what Enter does.

use ratatui::style::Style;

use super::{Context, Drawn, Hit, hint_row_of, status_line, wide};
use crate::tui::keymap::{Screen, binding, hints};
use crate::tui::page::Content;
use crate::tui::strip::Strip;
use crate::tui::widgets::chrome;
use crate::tui::widgets::frame::{Edges, Inner, boxed};
use crate::tui::widgets::rows::{Layout, lay};
use crate::view::{Ask, By, Command, EnterDoes, Foot, Panel, Row, RunView, Text};

/// Lays out the screen of a run; `panel` and `ask` are the run's own or a plan's.
pub fn draw(context: &Context<'_>, view: &RunView, panel: &Panel, ask: Option<&Ask>) -> Drawn {
    if context.narrow() {
        return narrow(context, view, panel, ask);
    }
    let Context { theme, width, height, .. } = *context;
    let mut top = vec![if context.wide() {
        wide::banner(theme, view, width)
    } else {
        chrome::banner(theme, &view.banner, width)
    }];
    top.push(if context.wide() { Strip::new() } else { chrome::steps(theme, &view.progress, width) });
    let mut bottom = facts(context, view);
    if context.wide() && height >= 30 {
        bottom.push(Strip::new());
    }
    bottom.extend(enter_row(context, view, ask));
    bottom.push(chrome::footer(theme, &view.footer, width));
    let room = height.saturating_sub(top.len() + bottom.len());
    let whole;
    let beside = if context.wide() { 40 } else { 0 };
    // A title that its edge has no room for stands below it, whole.
    let panel = if panel.title.width() + panel.tag.width() + 8 > width.saturating_sub(beside) {
        let mut body = vec![Row::Line(panel.title.clone())];
        body.extend(panel.body.iter().cloned());
        whole = Panel { body, ..panel.clone() };
        &whole
    } else {
        panel
    };
    // Facts of many lines on a small terminal: all of it has to be scrolled then, none of it cut.
    if room < 7 {
        return narrow(context, view, panel, ask);
    }
    let mut drawn = Drawn::default();
    let start = top.len();
    let lines = if context.wide() {
        wide::panels(context, view, panel, ask, room, start, &mut drawn)
    } else {
        act(context, panel, ask, &panel.body, false, (width, room), start, &mut drawn)
    };
    drawn.lines = top;
    drawn.lines.extend(lines);
    drawn.lines.extend(bottom);
    drawn
}

fn facts(context: &Context<'_>, view: &RunView) -> Vec<Strip> {
    let Context { theme, width, .. } = *context;
    three(context, view).into_iter().flat_map(|(label, value)| chrome::fact(theme, label, value, width)).collect()
}

/// The three things to know: a plan's own where it has them.
fn three<'a>(context: &'a Context<'_>, view: &'a RunView) -> [(&'static str, &'a Text); 3] {
    let own = match &context.page.content {
        Content::Plan(offer) => Some(&offer.facts),
        _ => None,
    };
    let pick = |plan: Option<&'a Text>, run: &'a Text| plan.filter(|text| !text.is_empty()).unwrap_or(run);
    [
        ("Notices", pick(own.map(|facts| &facts.notices), &view.notices)),
        ("Way back", pick(own.map(|facts| &facts.way_back), &view.way_back)),
        ("Walk away", pick(own.map(|facts| &facts.walk_away), &view.walk_away)),
    ]
}

/// One panel, labels above values; who notices and the way back scroll with the rest.
fn narrow(context: &Context<'_>, view: &RunView, panel: &Panel, ask: Option<&Ask>) -> Drawn {
    let Context { theme, width, height, .. } = *context;
    let stacked = width < 80;
    let mut rows = panel.body.clone();
    // What is about to be done is never cut: a title that its edge has no room for stands below it, whole.
    if panel.title.width() + panel.tag.width() + 8 > width {
        rows.insert(0, Row::Line(panel.title.clone()));
    }
    while rows.last() == Some(&Row::Blank) {
        rows.pop();
    }
    rows.push(Row::section("", ""));
    rows.extend(three(context, view).map(|(label, value)| Row::Field {
        label: label.into(),
        value: value.clone(),
        aside: None,
    }));
    let mut bottom = enter_row(context, view, ask);
    if height >= 14 {
        bottom.push(chrome::footer(theme, &view.footer, width));
    }
    let mut top = vec![chrome::banner(theme, &view.banner, width)];
    if height >= 18 {
        top.push(chrome::steps(theme, &view.progress, width));
    }
    // What Enter does yields before what it does it to.
    bottom.truncate(height.saturating_sub(top.len() + 4).max(1));
    let room = height.saturating_sub(top.len() + bottom.len());
    let mut drawn = Drawn::default();
    let lines = act(context, panel, ask, &rows, stacked, (width, room), top.len(), &mut drawn);
    drawn.lines = top;
    drawn.lines.extend(lines);
    drawn.lines.extend(bottom);
    drawn
}

/// The panel: rows that scroll, and below them fields that don't.
#[allow(clippy::too_many_arguments)]
pub fn act(
    context: &Context<'_>,
    panel: &Panel,
    ask: Option<&Ask>,
    rows: &[Row],
    stacked: bool,
    (width, height): (usize, usize),
    start: usize,
    drawn: &mut Drawn,
) -> Vec<Strip> {
    let theme = context.theme;
    let page = context.page;
    let layout = Layout {
        theme,
        width: width.saturating_sub(4),
        labels: panel.label_width.unwrap_or(11),
        stacked,
        chosen: chosen(page.touched, page.selected[0], rows),
    };
    let laid = lay(rows, layout).trimmed();
    let count = laid.count();
    let (pinned, field_lines) = fields(context, ask, layout);
    let room = height.saturating_sub(2 + pinned.len()).max(1);
    let total = laid.lines.len();
    let furthest = total.saturating_sub(room);
    let has_samples = rows.iter().any(|row| matches!(row, Row::Sample(_)));
    let mut scroll = page.scroll.min(furthest);
    if has_samples && page.follow && panel.foot == Foot::Follow {
        scroll = furthest;
    }
    if let Some(line) = laid.chosen.filter(|_| page.touched) {
        scroll = scroll.min(line).max((line + 1).saturating_sub(room));
    }
    let mut inner: Vec<Inner> = laid.lines[scroll..(scroll + room).min(total)].to_vec();
    let in_sight = laid.items.iter().filter(|(line, _)| (scroll..scroll + room).contains(line));
    drawn.hits.extend(in_sight.map(|(line, item)| (start + 1 + line - scroll, Hit::Choice(*item))));
    while inner.len() < room && !pinned.is_empty() {
        inner.push(Inner::Text(Strip::new()));
    }
    for (line, field) in field_lines {
        drawn.hits.push((start + 1 + inner.len() + line, Hit::Field(field)));
    }
    inner.extend(pinned);
    drawn.scroll = scroll;
    drawn.total = total;
    drawn.visible = room;
    let foot = foot(context, panel, ask, count, (scroll, room, total));
    let edges = Edges {
        title: theme.strip(&panel.title).styled(theme.strong()),
        tag: theme.strip(&panel.tag).styled(theme.strong()),
        foot: Strip::of(&theme.words(&foot), Style::new()),
    };
    boxed(theme, panel.border, &edges, &inner, width, height)
}

fn chosen(touched: bool, selected: usize, rows: &[Row]) -> Option<usize> {
    let has_choices = rows.iter().any(|row| matches!(row, Row::Choice(_)));
    (has_choices || touched).then_some(selected)
}

fn fields(context: &Context<'_>, ask: Option<&Ask>, layout: Layout) -> (Vec<Inner>, Vec<(usize, usize)>) {
    let Some(ask) = ask.filter(|ask| !ask.fields.is_empty()) else { return (Vec::new(), Vec::new()) };
    let theme = context.theme;
    let mut lines = vec![Inner::Section(theme.strip(&Text::from(ask.fields_title.as_str())), Strip::new())];
    let mut places = Vec::new();
    for (i, field) in ask.fields.iter().enumerate() {
        let mut line = Strip::of(&theme.words(&field.label), theme.strong());
        line.pad(layout.labels.max(line.width() + 1));
        let room = layout.width.saturating_sub(line.width());
        let hint = if field.hint.is_empty() { 0 } else { field.hint.chars().count() + 3 };
        let typed = match &field.kind {
            // The cursor needs a place of its own behind the last character.
            crate::view::FieldKind::TypeBack { expected, .. } => {
                (expected.chars().count() + 2 + usize::from(context.page.focus == Some(i))).min(room)
            }
            crate::view::FieldKind::Text => room.saturating_sub(6.max(hint)).max(8).min(room),
        };
        let empty = crate::tui::widgets::field::TextField::default();
        let state = context.page.fields.get(i).unwrap_or(&empty);
        line.append(state.draw(theme, context.page.focus == Some(i), typed));
        if hint > 0 && line.width() + hint <= layout.width {
            line.push("   ", Style::new());
            line.push(&theme.words(&field.hint), Style::new());
        }
        places.push((lines.len(), i));
        lines.push(Inner::Text(line));
    }
    (lines, places)
}

fn foot(
    context: &Context<'_>,
    panel: &Panel,
    ask: Option<&Ask>,
    count: usize,
    (scroll, room, total): (usize, usize, usize),
) -> String {
    if total > room {
        let range = format!("lines {}–{} of {total}", scroll + 1, (scroll + room).min(total));
        let unseen =
            context.page.seen.iter().enumerate().filter(|(i, s)| !**s && !(scroll..scroll + room).contains(i)).count();
        let unseen = if context.page.seen.is_empty() { total - room } else { unseen };
        return match ask {
            Some(_) if unseen > 0 => format!("{range} · {unseen} unseen ↓"),
            Some(_) => format!("{range} · all seen"),
            None if scroll + room < total => format!("{range} ↓"),
            None => range,
        };
    }
    match &panel.foot {
        Foot::Plain => String::new(),
        Foot::Lines => format!("all {count} lines shown"),
        Foot::Follow => format!("f follow: {}", if context.page.follow { "on" } else { "off" }),
        Foot::Words(words) => words.clone(),
    }
}

/// Row 23.
pub fn enter_row(context: &Context<'_>, view: &RunView, ask: Option<&Ask>) -> Vec<Strip> {
    if let Some(rows) = status_line::over(context) {
        return rows;
    }
    let theme = context.theme;
    let page = context.page;
    let words = |words: &str| Strip::of(&theme.words(words), Style::new());
    let enter = |rest: &str| Strip::of("Enter", theme.strong()).then(Strip::of(&theme.words(rest), Style::new()));
    let choices = page.choices();
    let is_plan = page.screen() == Screen::Plan;
    let menu: &[(Command, &str)] =
        &[(Command::Whole, "whole answer"), (Command::Note, "note"), (Command::Help, "keys")];
    let mut names = if is_plan { hints(Screen::Plan) } else { hints(Screen::Run) };
    let lead = if let Some(off) = sent_or_unseen(context, ask) {
        Strip::of(&theme.words(&off), theme.strong())
    } else if let Some(choice) = choices.get(page.selected[0]) {
        names = menu;
        let mut lead = Strip::of("j k", theme.strong());
        lead.push(" choose   ", Style::new());
        lead.then(enter(&format!(" {}", choice.does)))
    } else {
        match (ask, &view.enter) {
            (Some(ask), EnterDoes::Asked) => {
                if ask.by == By::TypeBack || (!ask.fields.is_empty() && page.missing().is_some()) {
                    return type_back_row(context, ask);
                }
                if ask.by == By::Sign { enter(" to the sign line") } else { enter(&format!(" {}", ask.sentence)) }
            }
            (Some(ask), _) if is_plan => {
                if ask.by == By::TypeBack || page.missing().is_some() {
                    return type_back_row(context, ask);
                }
                if ask.by == By::Sign { enter(" to the sign line") } else { enter(&format!(" {}", ask.sentence)) }
            }
            (_, EnterDoes::Does(does)) => enter(&format!(" {does}")),
            (_, EnterDoes::Off(short, _)) => {
                let mut keys = vec!["Enter"];
                for command in [Command::WayBack, Command::Leave] {
                    if view.off(command).is_some_and(|off| off.short == *short) {
                        keys.push(binding(command).shown);
                    }
                }
                words(&format!("{} off: {short}", keys.join(", ")))
            }
            _ => match view.first_hint {
                Some(command) => {
                    let row = binding(command);
                    let name = if command == Command::Leave { row.about } else { row.name };
                    Strip::of(row.shown, theme.strong()).then(words(&format!(" {name}")))
                }
                None => Strip::new(),
            },
        }
    };
    let live = |command: Command| match command {
        Command::Steps | Command::Find | Command::Palette if !is_plan => context.wide(),
        Command::WayBack | Command::HandOver => view.offer(command).is_some() && view.off(command).is_none(),
        _ => view.off(command).is_none() && view.first_hint != Some(command),
    };
    hint_row_of(context, lead, names, if context.wide() { "  " } else { "   " }, live)
}

fn sent_or_unseen(context: &Context<'_>, ask: Option<&Ask>) -> Option<String> {
    ask?;
    if context.page.sent {
        return Some("Asked. This page changes when it is done.".into());
    }
    if context.page.seen.is_empty() {
        return None;
    }
    match context.page.unseen() {
        0 => None,
        1 => Some("Enter is off: 1 line is unseen. ↓".into()),
        n => Some(format!("Enter is off: {n} lines are unseen. ↓")),
    }
}

fn type_back_row(context: &Context<'_>, ask: &Ask) -> Vec<Strip> {
    let theme = context.theme;
    let mut line = Strip::of(" Tab", theme.strong());
    let missing = context.page.missing();
    let next = match (&missing, ask.by) {
        (Some(_), By::Enter) => " next field, Enter goes on".to_owned(),
        (Some(_), _) => " next field, then y signs".to_owned(),
        (None, _) => " to the sign line, then y signs".to_owned(),
    };
    line.push(&next, Style::new());
    if let Some(missing) = missing {
        line.push(&theme.words(&format!("   off: {missing}")), theme.strong());
    }
    line.push("   Esc", theme.strong());
    line.push(" back", Style::new());
    line.wrap(context.width, 1)
}
