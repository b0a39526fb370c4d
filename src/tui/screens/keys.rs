//! The keys of a user, and of the account. Unknown is never blank, 0 or "never".

use ratatui::style::Style;

use super::{Context, Drawn, Hit, ListPanel, hint_row};
use crate::tui::strip::{Strip, columns};
use crate::tui::theme::Theme;
use crate::tui::widgets::chrome;
use crate::tui::widgets::frame::{Edges, boxed};
use crate::tui::widgets::rows::{Layout, lay};
use crate::view::{AccountKey, AccountKeysView, Border, Command, KeyItem, Text, UserKeysView};

fn keep(words: &str, filter: &str) -> bool {
    filter.is_empty() || words.to_lowercase().contains(&filter.to_lowercase())
}

/// Keys of a user that the filter leaves.
pub fn shown_user(view: &UserKeysView, filter: &str) -> Vec<usize> {
    let words = |key: &KeyItem| format!("{} {} {}", key.id, key.state, key.text.glyphs());
    view.keys.iter().enumerate().filter(|(_, key)| keep(&words(key), filter)).map(|(i, _)| i).collect()
}

/// Keys of the account that the filter leaves.
pub fn shown_account(view: &AccountKeysView, filter: &str) -> Vec<usize> {
    let words = |key: &AccountKey| format!("{} {} {} {} {}", key.user, key.id, key.state, key.service, key.run);
    view.keys.iter().enumerate().filter(|(_, key)| keep(&words(key), filter)).map(|(i, _)| i).collect()
}

fn words(theme: Theme, words: &str) -> Strip {
    theme.strip(&Text::from(words))
}

fn tag(tag: &str, filter: &str) -> String {
    if filter.is_empty() { tag.to_owned() } else { format!("{tag}, only those with {filter}") }
}

fn enter(context: &Context<'_>, rest: &str) -> Vec<Strip> {
    let mut line = Strip::of(" Enter", context.theme.strong());
    line.append(words(context.theme, &format!(" {rest}")));
    line.wrap(context.width, 1)
}

/// Lays out the keys of a user.
pub fn user(context: &Context<'_>, view: &UserKeysView) -> Drawn {
    let Context { theme, width, height, page, .. } = *context;
    let inner = width.saturating_sub(2);
    let items = shown_user(view, &page.filter);
    let list = ListPanel {
        title: format!("Keys of {}", view.user),
        tag: tag(&view.tag, &page.filter),
        head: None,
        items: items.iter().map(|i| key(theme, &view.keys[*i], inner)).collect(),
        selected: Some(page.selected[0].min(items.len().saturating_sub(1))),
        spaced: true,
    };
    let mut bottom = enter(context, &view.enter);
    bottom.extend(hint_row(context, Strip::new(), |c| c != Command::Reread || view.reread_off.is_none()));
    let layout = Layout { theme, width: width.saturating_sub(4), labels: 11, stacked: width < 80, chosen: None };
    let can = lay(&view.can, layout).trimmed();
    let room = height.saturating_sub(1 + bottom.len());
    let mut drawn = Drawn { lines: vec![chrome::banner(theme, &view.banner, width)], ..Drawn::default() };
    let can_height = if can.lines.is_empty() { 0 } else { can.lines.len() + 3 };
    let both = list.need() + 3 + can_height <= room;
    let list_height = if both { list.need() + 3 } else { room.saturating_sub(if room > 16 { can_height } else { 0 }) };
    let (lines, hits) = list.draw(theme, width, list_height);
    drawn.hits.extend(hits.into_iter().map(|(line, item)| (1 + line, Hit::Item(0, item))));
    drawn.lines.extend(lines);
    if drawn.lines.len() + can_height + bottom.len() <= height && can_height > 0 {
        let edges =
            Edges { title: Strip::of("What you can do", theme.strong()), tag: Strip::new(), foot: Strip::new() };
        drawn.lines.extend(boxed(theme, Border::Thin, &edges, &can.lines, width, can_height));
    }
    while drawn.lines.len() + bottom.len() < height {
        drawn.lines.push(Strip::new());
    }
    drawn.lines.extend(bottom);
    drawn
}

fn key(theme: Theme, key: &KeyItem, width: usize) -> Vec<Strip> {
    let room = width.saturating_sub(1);
    let head = vec![
        (0, theme.strip(&Text::from(key.status))),
        (2, words(theme, &key.id).styled(theme.strong())),
        (25, words(theme, &key.state)),
        (36, words(theme, &key.age)),
        (45, theme.strip(&key.text)),
    ];
    let mut lines = columns(head, room, 4);
    for (label, value, right) in &key.facts {
        let value_room = room.saturating_sub(13).max(8);
        let mut value = theme.strip(value);
        let more = theme.strip(right);
        let mut below = Strip::new();
        if !more.is_empty() {
            if value.width() + more.width() + 2 <= value_room {
                value.pad(value_room - more.width());
                value.append(more);
            } else {
                below = more;
            }
        }
        let mut parts = value.wrap(value_room, 0);
        if !below.is_empty() {
            parts.extend(below.wrap(value_room, 0));
        }
        for (i, part) in parts.into_iter().enumerate() {
            let mut line = Strip::of("   ", Style::new());
            if i == 0 {
                line.append(words(theme, label));
            }
            line.pad(12);
            lines.push(line.then(part));
        }
    }
    lines
}

/// Lays out the keys of the account.
pub fn account(context: &Context<'_>, view: &AccountKeysView) -> Drawn {
    let Context { theme, width, height, page, .. } = *context;
    let inner = width.saturating_sub(2);
    let narrow = width < 80;
    let items = shown_account(view, &page.filter);
    let selected = page.selected[0].min(items.len().saturating_sub(1));
    let head: Vec<(usize, Strip)> =
        [(2, "user"), (23, "key"), (31, "state"), (41, "age"), (48, "last use"), (65, "run")]
            .map(|(at, name)| (at, Strip::of(name, theme.strong())))
            .into();
    let list = ListPanel {
        title: view.title.clone(),
        tag: tag(&view.tag, &page.filter),
        head: (!narrow).then(|| columns(head, inner, 2).remove(0)),
        items: items.iter().map(|i| account_key(theme, &view.keys[*i], inner, narrow)).collect(),
        selected: Some(selected),
        spaced: false,
    };
    let mut bottom = vec![];
    if !context.narrow() {
        bottom.push(Strip::new());
    }
    let mut summary = Strip::of(" ", Style::new());
    summary.append(theme.strip(&view.summary));
    bottom.extend(summary.wrap(width, 1));
    if !context.narrow() {
        for caveat in &view.caveats {
            let mut line = Strip::of(" ", Style::new());
            line.append(theme.strip(caveat));
            bottom.extend(if line.is_empty() { vec![Strip::new()] } else { line.wrap(width, 1) });
        }
    }
    let name = items.get(selected).map_or("", |i| view.keys[*i].user.as_str());
    bottom.extend(enter(context, &format!("opens the keys of {name}")));
    bottom.extend(hint_row(context, Strip::new(), |c| c != Command::Reread || view.reread_off.is_none()));
    let room = height.saturating_sub(1 + bottom.len());
    let mut drawn = Drawn { lines: vec![chrome::banner(theme, &view.banner, width)], ..Drawn::default() };
    let (lines, hits) = list.draw(theme, width, room);
    drawn.hits.extend(hits.into_iter().map(|(line, item)| (1 + line, Hit::Item(0, item))));
    drawn.lines.extend(lines);
    drawn.lines.extend(bottom);
    drawn.visible = room.saturating_sub(4);
    drawn
}

fn account_key(theme: Theme, key: &AccountKey, width: usize, narrow: bool) -> Vec<Strip> {
    let room = width.saturating_sub(1);
    let mark = (0, theme.strip(&Text::from(key.status)));
    if narrow {
        let mut lines = columns(vec![mark, (2, words(theme, &key.user)), (26, words(theme, &key.key))], room, 2);
        let more = format!("  {} {}, used {} {} {}", key.state, key.age, key.used, key.service, key.run);
        lines.extend(words(theme, more.trim_end()).wrap(room, 2));
        return lines;
    }
    let age_at = if key.age == "?" { 43 } else { 46usize.saturating_sub(key.age.chars().count()) };
    let cells = vec![
        mark,
        (2, words(theme, &key.user).styled(theme.strong())),
        (23, words(theme, &key.key)),
        (31, words(theme, &key.state)),
        (age_at, words(theme, &key.age)),
        (48, words(theme, &key.used)),
        (59, words(theme, &key.service)),
        (65, words(theme, &key.run)),
    ];
    columns(cells, room, 2)
}
