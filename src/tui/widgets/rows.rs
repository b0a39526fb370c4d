//! The rows of a panel as lines of an exact width. Every character of a row is in its lines.

use ratatui::style::{Modifier, Style};

use super::frame::Inner;
use crate::tui::strip::{Strip, columns};
use crate::tui::theme::Theme;
use crate::view::{Act, Choice, Row, Sample, Status, Table, Text, Tone};

/// How rows are laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Look.
    pub theme: Theme,
    /// Columns within the border and its spaces.
    pub width: usize,
    /// Columns of the labels.
    pub labels: usize,
    /// Labels stand above their values.
    pub stacked: bool,
    /// The chosen choice or table row.
    pub chosen: Option<usize>,
}

/// Lines, and which of them belongs to the chosen row.
#[derive(Clone, Debug, Default)]
pub struct Laid {
    /// The lines.
    pub lines: Vec<Inner>,
    /// The line of the chosen choice or table row.
    pub chosen: Option<usize>,
    /// Lines at which choices or table rows begin, with their index.
    pub items: Vec<(usize, usize)>,
}

impl Laid {
    /// Lines that count as content: sections don't, nor do empty lines at the end.
    pub fn count(&self) -> usize {
        let end = self.lines.iter().rposition(|line| !is_blank(line)).map_or(0, |last| last + 1);
        self.lines[..end].iter().filter(|line| !matches!(line, Inner::Section(..))).count()
    }

    /// Without empty lines at the end.
    pub fn trimmed(mut self) -> Self {
        while self.lines.last().is_some_and(is_blank) {
            self.lines.pop();
        }
        self
    }
}

fn is_blank(line: &Inner) -> bool {
    matches!(line, Inner::Text(strip) | Inner::Flush(strip) if strip.is_empty())
}

/// Lays out rows.
pub fn lay(rows: &[Row], layout: Layout) -> Laid {
    let mut laid = Laid::default();
    let words =
        rows.iter().filter_map(|row| if let Row::Sample(s) = row { Some(s.word.chars().count()) } else { None });
    let word_width = words.filter(|n| *n <= 7).max().unwrap_or(4);
    let mut choice = 0;
    for row in rows {
        match row {
            Row::Blank => laid.lines.push(Inner::Text(Strip::new())),
            Row::Line(text) => text_lines(&mut laid, line(text, layout)),
            Row::Field { label, value, aside } => text_lines(&mut laid, field(label, value, aside.as_ref(), layout)),
            Row::Section { title, tag } => {
                laid.lines.push(Inner::Section(layout.theme.strip(title), layout.theme.strip(tag)));
            }
            Row::Sample(sample) => text_lines(&mut laid, self::sample(sample, word_width, layout)),
            Row::Act(act) => text_lines(&mut laid, self::act(act, layout)),
            Row::Choice(item) => {
                let is_chosen = layout.chosen == Some(choice);
                if is_chosen {
                    laid.chosen = Some(laid.lines.len());
                }
                laid.items.push((laid.lines.len(), choice));
                choice += 1;
                text_lines(&mut laid, self::choice(item, is_chosen, layout));
            }
            Row::Table(table) => self::table(&mut laid, table, layout),
        }
    }
    laid
}

fn text_lines(laid: &mut Laid, lines: Vec<Strip>) {
    laid.lines.extend(lines.into_iter().map(Inner::Text));
}

fn line(text: &Text, layout: Layout) -> Vec<Strip> {
    let strip = layout.theme.strip(text);
    let indent = strip.plain().chars().take_while(|c| *c == ' ').count();
    strip.wrap(layout.width, (indent + 2).min(layout.width / 2))
}

fn field(label: &Text, value: &Text, aside: Option<&(usize, Text)>, layout: Layout) -> Vec<Strip> {
    let Layout { theme, width, labels, stacked, .. } = layout;
    let label = theme.strip(label).styled(theme.strong());
    let indent = if stacked { 2 } else { labels };
    let room = width.saturating_sub(indent).max(1);
    let mut strip = theme.strip(value);
    let mut below = None;
    if let Some((column, text)) = aside {
        let more = theme.strip(text);
        if strip.width() < *column && column + more.width() <= room {
            strip.pad(*column);
            strip.append(more);
        } else {
            below = Some(more);
        }
    }
    let mut lines = Vec::new();
    let mut head = label;
    if stacked && !head.is_empty() {
        lines.append(&mut head.wrap(width, 2));
        head = Strip::new();
    }
    // A label that is longer than its column moves its own value, as a heading would.
    let first_indent = if head.width() + 1 > indent && !head.is_empty() { head.width() + 1 } else { indent };
    let mut values = if first_indent == indent {
        strip.wrap(room, 2)
    } else {
        let mut one = head.clone();
        one.pad(first_indent);
        lines.extend(one.then(strip).wrap(width, indent));
        Vec::new()
    };
    if let Some(more) = below {
        values.extend(more.wrap(room, 2));
    }
    for (i, part) in values.into_iter().enumerate() {
        let mut row = if i == 0 { std::mem::take(&mut head) } else { Strip::new() };
        row.pad(indent);
        row.append(part);
        lines.push(row);
    }
    lines
}

fn mark(theme: Theme, status: Status) -> Strip {
    let mut strip = Strip::new();
    strip.push_char(theme.glyph(status), theme.style(status.tone()));
    strip
}

fn plain(theme: Theme, words: &str) -> Strip {
    theme.strip(&Text::from(words))
}

fn sample(sample: &Sample, word_width: usize, layout: Layout) -> Vec<Strip> {
    let Layout { theme, width, .. } = layout;
    let mut head = plain(theme, &sample.time);
    head.push("  ", Style::new());
    head.append(mark(theme, sample.status));
    head.push(" ", Style::new());
    head.append(
        plain(theme, &sample.word).styled(theme.style(sample.status.tone()).remove_modifier(Modifier::REVERSED)),
    );
    let text_at = if layout.stacked { 2 } else { 8 + 2 + 2 + word_width + 2 };
    let count_at = 68;
    let fits = !layout.stacked && width >= count_at + 8;
    let room = if fits { count_at - text_at - 1 } else { width.saturating_sub(text_at) };
    let mut lines = Vec::new();
    let parts = theme.strip(&sample.text).wrap(room.max(8), 2);
    if layout.stacked {
        lines.push(head.then(plain(theme, &format!("  {}", sample.count))));
        lines.extend(parts.into_iter().filter(|part| !part.is_empty()).map(|part| {
            let mut row = Strip::new();
            row.pad(2);
            row.then(part)
        }));
        return lines;
    }
    for (i, part) in parts.into_iter().enumerate() {
        let mut row = if i == 0 { std::mem::take(&mut head) } else { Strip::new() };
        if !part.is_empty() {
            row.pad(text_at);
            row.append(part);
        }
        if i == 0 && !sample.count.is_empty() {
            row.pad(if fits { count_at } else { row.width() + 2 });
            row.append(plain(theme, &sample.count));
        }
        lines.push(row);
    }
    lines
}

fn act(act: &Act, layout: Layout) -> Vec<Strip> {
    let Layout { theme, width, .. } = layout;
    let mut head = mark(theme, act.status);
    head.append(plain(theme, &format!(" {} {}", act.number, act.title)));
    let both = match (act.from.is_empty(), act.now.is_empty()) {
        (false, false) => format!("{}  {}", act.from, act.now),
        _ => format!("{}{}", act.from, act.now),
    };
    if layout.stacked {
        let mut lines = head.wrap(width, 4);
        let more = format!("{both}  {}", act.time);
        if !more.trim().is_empty() {
            let mut row = Strip::new();
            row.pad(4);
            lines.extend(row.then(plain(theme, more.trim_end())).wrap(width, 4));
        }
        return lines;
    }
    columns(vec![(0, head), (36, plain(theme, &both)), (68, plain(theme, &act.time))], width, 4)
}

fn choice(item: &Choice, chosen: bool, layout: Layout) -> Vec<Strip> {
    let Layout { theme, width, labels, stacked, .. } = layout;
    let mut head = Strip::new();
    if chosen {
        head.append(mark(theme, Status::Here));
    }
    head.pad(2);
    let style = if chosen { theme.strong() } else { Style::new() };
    head.append(plain(theme, &item.label).styled(style));
    let text = theme.strip(&item.text);
    if stacked {
        let mut lines = head.wrap(width, 4);
        lines.extend(text.wrap(width.saturating_sub(4).max(1), 0).into_iter().map(|part| {
            let mut row = Strip::new();
            row.pad(4);
            row.then(part)
        }));
        return lines;
    }
    let column = labels + 2;
    let text_at = if head.width() + 2 > column { head.width() + 3 } else { column };
    head.pad(text_at);
    head.append(text);
    head.wrap(width, column)
}

fn table(laid: &mut Laid, table: &Table, layout: Layout) {
    let Layout { theme, width, stacked, .. } = layout;
    let selected = layout.chosen.unwrap_or(table.selected).min(table.rows.len().saturating_sub(1));
    let starts: Vec<usize> = table
        .columns
        .iter()
        .scan(2, |at, (_, width)| {
            let start = *at;
            *at += width;
            Some(start)
        })
        .collect();
    if !stacked {
        let cells =
            table.columns.iter().zip(&starts).map(|((name, _), at)| (*at, plain(theme, name).styled(theme.strong())));
        text_lines(laid, columns(cells.collect(), width, 2));
    }
    for (i, row) in table.rows.iter().enumerate() {
        let is_chosen = i == selected && table.rows.len() > 1;
        if i == selected {
            laid.chosen = Some(laid.lines.len());
        }
        laid.items.push((laid.lines.len(), i));
        let style = if is_chosen { theme.style(Tone::Reverse) } else { Style::new() };
        if stacked {
            for (n, cell) in row.cells.iter().enumerate() {
                let mut head = Strip::new();
                if n == 0 {
                    head.append(mark(theme, row.status));
                    head.pad(2);
                    head.append(theme.strip(cell).styled(style));
                } else {
                    head.pad(4);
                    let name = table.columns.get(n).map_or("", |(name, _)| name.as_str());
                    head.append(plain(theme, &format!("{name}: ")));
                    head.append(theme.strip(cell));
                }
                text_lines(laid, head.wrap(width, 6));
            }
            continue;
        }
        let mut cells = vec![(0, mark(theme, row.status))];
        cells.extend(row.cells.iter().enumerate().map(|(n, cell)| {
            let strip = theme.strip(cell);
            (starts.get(n).copied().unwrap_or(0), if n == 0 { strip.styled(style) } else { strip })
        }));
        text_lines(laid, columns(cells, width, 4));
    }
    if let Some(row) = table.rows.get(selected).filter(|row| !row.whole.is_empty()) {
        laid.lines.push(Inner::Section(plain(theme, &row.key), plain(theme, "the selected row, whole")));
        let chosen = laid.chosen;
        let whole = lay(&row.whole, Layout { chosen: None, ..layout });
        laid.lines.extend(whole.lines);
        laid.chosen = chosen;
    }
}
