//! Home: what needs the operator first, then runs, then runbooks.

use ratatui::style::Style;

use super::{Context, Drawn, Hit, ListPanel, hint_row};
use crate::tui::strip::{Strip, columns};
use crate::tui::theme::Theme;
use crate::tui::widgets::chrome;
use crate::view::{HomeView, Need, RunItem, RunbookItem, Status, Text};

/// Items of a panel that the filter leaves, as indices.
pub fn shown(view: &HomeView, filter: &str) -> [Vec<usize>; 3] {
    let keep = |words: String| filter.is_empty() || words.to_lowercase().contains(&filter.to_lowercase());
    [
        index(view.needs.iter().map(|n| format!("{} {} {}", n.word, n.name, n.text.glyphs())), keep),
        index(view.runs.iter().map(|r| format!("{} {} {} {}", r.word, r.short, r.name, r.by)), keep),
        index(view.runbooks.iter().map(|r| format!("{} {}", r.title, r.drilled)), keep),
    ]
}

fn index(words: impl Iterator<Item = String>, keep: impl Fn(String) -> bool) -> Vec<usize> {
    words.enumerate().filter(|(_, words)| keep(words.clone())).map(|(i, _)| i).collect()
}

/// Lays it out.
pub fn draw(context: &Context<'_>, view: &HomeView) -> Drawn {
    let Context { theme, width, height, page, .. } = *context;
    let narrow = width < 80;
    let inner = width.saturating_sub(2);
    let shown = shown(view, &page.filter);
    let selected = |panel: usize| (page.panel == panel).then_some(page.selected[panel]);
    let tag = |words: String| {
        if page.filter.is_empty() { words } else { format!("{words}, only those with {}", page.filter) }
    };
    let panels = [
        ListPanel {
            title: "1 Needs you".into(),
            tag: tag(view.needs.len().to_string()),
            head: None,
            items: shown[0].iter().map(|i| need(theme, &view.needs[*i], inner, narrow)).collect(),
            selected: selected(0),
            spaced: false,
        },
        ListPanel {
            title: "2 Runs".into(),
            tag: if view.more_runs > 0 { format!("{} more", view.more_runs) } else { view.runs.len().to_string() },
            head: None,
            items: shown[1].iter().map(|i| run(theme, &view.runs[*i], inner)).collect(),
            selected: selected(1),
            spaced: false,
        },
        ListPanel {
            title: "3 Runbooks".into(),
            tag: view.runbooks.len().to_string(),
            head: None,
            items: shown[2].iter().map(|i| runbook(theme, &view.runbooks[*i], inner, narrow)).collect(),
            selected: selected(2),
            spaced: false,
        },
    ];
    let top = vec![banner(theme, view, width)];
    let mut bottom = enter(context, view, &shown);
    bottom.extend(hint_row(context, Strip::new(), |_| true));
    bottom.push(chrome::footer(theme, &view.footer, width));
    let room = height.saturating_sub(top.len() + bottom.len());
    let heights = if context.narrow() {
        // One panel at a time, the one with the keys.
        let mut heights = [0, 0, 0];
        heights[page.panel.min(2)] = room;
        heights
    } else {
        share(&panels, room)
    };
    let mut drawn = Drawn { lines: top, ..Drawn::default() };
    for (n, panel) in panels.iter().enumerate() {
        if heights[n] < 3 {
            continue;
        }
        let start = drawn.lines.len();
        let (lines, hits) = panel.draw(theme, width, heights[n]);
        drawn.hits.extend(hits.into_iter().map(|(line, item)| (start + line, Hit::Item(n, item))));
        drawn.lines.extend(lines);
    }
    while drawn.lines.len() + bottom.len() < height {
        drawn.lines.push(Strip::new());
    }
    drawn.lines.extend(bottom);
    drawn.visible = room.saturating_sub(3);
    drawn
}

/// Every panel gets what it needs and an empty line; what is missing is taken from the runs, then the runbooks, then the
/// needs, and what is left over goes to the needs.
fn share(panels: &[ListPanel; 3], room: usize) -> [usize; 3] {
    let mut heights = [0, 1, 2].map(|n| panels[n].need().max(1) + 3);
    for n in [1, 2, 0] {
        let over = heights.iter().sum::<usize>().saturating_sub(room);
        heights[n] = heights[n].saturating_sub(over).max(4);
    }
    heights[0] += room.saturating_sub(heights.iter().sum());
    heights
}

fn banner(theme: Theme, view: &HomeView, width: usize) -> Strip {
    let mut left = Strip::of(" keyward  ", theme.strong());
    left.append(chrome::place(theme, &view.banner));
    chrome::split(theme, left, theme.strip(&view.banner.right), width)
}

fn enter(context: &Context<'_>, view: &HomeView, shown: &[Vec<usize>; 3]) -> Vec<Strip> {
    let theme = context.theme;
    let page = context.page;
    let at = |n: usize| shown[n].get(page.selected[n]).copied();
    let words = match page.panel {
        0 => at(0).map(|i| view.needs[i].enter.clone()),
        1 => at(1).map(|i| format!("opens the transcript of {}", view.runs[i].short)),
        _ => at(2).map(|i| format!("opens the inputs of: {}; nothing is sent", view.runbooks[i].title)),
    };
    let mut line = Strip::of(" Enter", theme.strong());
    match words {
        Some(words) => line.append(theme.strip(&Text::from(format!(" {words}")))),
        None => line = Strip::of(" Nothing is selected.", Style::new()),
    }
    line.wrap(context.width, 1)
}

fn mark(theme: Theme, status: Status) -> Strip {
    theme.strip(&Text::from(status))
}

fn words(theme: Theme, words: &str) -> Strip {
    theme.strip(&Text::from(words))
}

fn need(theme: Theme, need: &Need, width: usize, narrow: bool) -> Vec<Strip> {
    let room = width.saturating_sub(1);
    let mut cells = vec![
        (0, mark(theme, need.status)),
        (2, words(theme, &need.word)),
        (12, words(theme, &need.name).styled(theme.strong())),
    ];
    if narrow {
        let mut lines = columns(cells, room, 2);
        let mut more = Strip::of("  ", Style::new());
        more.append(words(theme, format!("{} ", need.sop).trim_start()));
        more.append(theme.strip(&need.text));
        more.push(" ", Style::new());
        more.append(words(theme, &need.right));
        lines.extend(more.wrap(room, 2));
        return lines;
    }
    cells.push((34, words(theme, &need.sop)));
    cells.push((if need.sop.is_empty() { 34 } else { 38 }, theme.strip(&need.text)));
    let right = words(theme, &need.right);
    let at = room.saturating_sub(right.width() + 1);
    cells.push((at, right));
    columns(cells, room, 34)
}

fn run(theme: Theme, run: &RunItem, width: usize) -> Vec<Strip> {
    let cells = vec![
        (0, mark(theme, run.status)),
        (2, words(theme, &run.word)),
        (15, words(theme, &run.short)),
        (21, words(theme, &run.name).styled(theme.strong())),
        (38, words(theme, &run.date)),
        (50, words(theme, &run.by)),
        (57, theme.strip(&run.text)),
    ];
    columns(cells, width.saturating_sub(1), 15)
}

fn runbook(theme: Theme, item: &RunbookItem, width: usize, narrow: bool) -> Vec<Strip> {
    let room = width.saturating_sub(1);
    let title = words(theme, &item.title).styled(theme.strong());
    if narrow {
        let mut lines = title.wrap(room, 2);
        let cells =
            vec![(2, mark(theme, item.status)), (4, words(theme, &item.drilled)), (32, words(theme, &item.origin))];
        lines.extend(columns(cells, room, 4));
        return lines;
    }
    let cells = vec![
        (0, title),
        (37, mark(theme, item.status)),
        (39, words(theme, &item.drilled)),
        (67, words(theme, &item.origin)),
    ];
    columns(cells, room, 4)
}
