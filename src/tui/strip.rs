//! Styled characters in a row, and how they are wrapped and put into columns. Nothing is ever dropped here.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar;

/// A place where a line may well end.
const BREAK: char = '\n';

/// Styled characters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strip(Vec<(char, Style)>);

fn columns_of(c: char) -> usize {
    if c == BREAK { 0 } else { c.width().unwrap_or(0) }
}

impl Strip {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Words in one style.
    pub fn of(words: &str, style: Style) -> Self {
        let mut strip = Self::new();
        strip.push(words, style);
        strip
    }

    /// Adds words.
    pub fn push(&mut self, words: &str, style: Style) {
        self.0.extend(words.chars().filter(|c| *c != BREAK).map(|c| (c, style)));
    }

    /// Adds a character.
    pub fn push_char(&mut self, c: char, style: Style) {
        self.0.push((c, style));
    }

    /// Adds a good place to wrap.
    pub fn push_break(&mut self) {
        self.0.push((BREAK, Style::new()));
    }

    /// Adds spaces until it is `column` wide.
    pub fn pad(&mut self, column: usize) {
        for _ in self.width()..column {
            self.0.push((' ', Style::new()));
        }
    }

    /// Adds another strip.
    pub fn append(&mut self, mut other: Strip) {
        self.0.append(&mut other.0);
    }

    /// With another strip behind it.
    pub fn then(mut self, other: Strip) -> Self {
        self.append(other);
        self
    }

    /// With a style over every character.
    pub fn styled(mut self, style: Style) -> Self {
        for cell in &mut self.0 {
            cell.1 = cell.1.patch(style);
        }
        self
    }

    /// Columns on a terminal.
    pub fn width(&self) -> usize {
        self.0.iter().map(|(c, _)| columns_of(*c)).sum()
    }

    /// True if there is nothing.
    pub fn is_empty(&self) -> bool {
        self.width() == 0
    }

    /// The characters without their styles.
    pub fn plain(&self) -> String {
        self.0.iter().map(|(c, _)| *c).filter(|c| *c != BREAK).collect()
    }

    /// At most `width` columns; what is cut is shown to be cut. Only for what is neither confirmed nor an id or error.
    pub fn elide(mut self, width: usize, ellipsis: char) -> Self {
        if self.width() <= width {
            return self;
        }
        while !self.0.is_empty() && self.width() + 1 > width {
            self.0.pop();
        }
        if width > 0 {
            self.0.push((ellipsis, Style::new()));
        }
        self
    }

    /// Wraps: continuation lines are indented by `hang`. Words that are longer than a line are broken after `/`, `-`
    /// and the like, so that nothing is lost.
    pub fn wrap(self, width: usize, hang: usize) -> Vec<Strip> {
        let width = width.max(1);
        let hang = if hang + 8 > width { 0 } else { hang };
        let mut lines = Vec::new();
        let mut rest = &self.0[..];
        let mut first = true;
        loop {
            let room = if first { width } else { width - hang };
            let mut line = Strip::new();
            if !first {
                line.pad(hang);
            }
            let total: usize = rest.iter().map(|(c, _)| columns_of(*c)).sum();
            if total <= room {
                line.0.extend(rest.iter().filter(|(c, _)| *c != BREAK));
                lines.push(line);
                return lines;
            }
            let (end, next) = cut(rest, room, width - hang);
            line.0.extend(rest[..end].iter().filter(|(c, _)| *c != BREAK));
            lines.push(line);
            rest = &rest[next..];
            first = false;
        }
    }

    /// As ratatui draws it.
    pub fn line(&self) -> Line<'static> {
        let mut spans: Vec<Span<'static>> = Vec::new();
        let mut run = String::new();
        let mut style = Style::new();
        for (c, s) in self.0.iter().filter(|(c, _)| *c != BREAK) {
            if *s != style && !run.is_empty() {
                spans.push(Span::styled(std::mem::take(&mut run), style));
            }
            style = *s;
            run.push(*c);
        }
        if !run.is_empty() {
            spans.push(Span::styled(run, style));
        }
        Line::from(spans)
    }
}

/// Where a line ends and the next begins: (end, next), with `0 < next`.
fn cut(cells: &[(char, Style)], room: usize, rest_room: usize) -> (usize, usize) {
    let mut used = 0;
    let mut fit = 0;
    for (c, _) in cells {
        used += columns_of(*c);
        if used > room {
            break;
        }
        fit += 1;
    }
    // A character that is wider than the line must still go somewhere.
    let fit = fit.max(1).min(cells.len());
    if let Some(at) = cells[..fit].iter().rposition(|(c, _)| *c == BREAK).filter(|at| *at > 0) {
        return (at, at + 1);
    }
    let skip_spaces = |from: usize| from + cells[from..].iter().take_while(|(c, _)| *c == ' ').count();
    let space = if cells.get(fit).is_some_and(|(c, _)| *c == ' ') {
        Some(fit)
    } else {
        cells[..fit].iter().rposition(|(c, _)| *c == ' ')
    };
    let indent = cells.iter().take_while(|(c, _)| *c == ' ').count();
    let space = space.filter(|at| *at > indent);
    if let Some(at) = space {
        let word = skip_spaces(at);
        let length: usize = cells[word..].iter().take_while(|(c, _)| *c != ' ').map(|(c, _)| columns_of(*c)).sum();
        if length <= rest_room {
            let end = cells[..at].iter().rposition(|(c, _)| *c != ' ').map_or(at, |last| last + 1);
            return (end, word.max(1));
        }
    }
    let from = space.map_or(indent, |at| at + 1);
    match cells[from.min(fit)..fit].iter().rposition(|(c, _)| matches!(c, '/' | '-' | ',' | '&' | '?' | '=')) {
        Some(at) => (from + at + 1, from + at + 1),
        None => (fit, fit),
    }
}

/// Cells at their columns, each at least one space after the one before; wraps below `hang` where it is too long.
pub fn columns(cells: Vec<(usize, Strip)>, width: usize, hang: usize) -> Vec<Strip> {
    let mut line = Strip::new();
    for (column, cell) in cells {
        if cell.is_empty() {
            continue;
        }
        let end = line.width();
        line.pad(if end > 0 { column.max(end + 1) } else { column });
        line.append(cell);
    }
    line.wrap(width, hang)
}

/// A left and a right part, a line each where they don't fit together.
pub fn ends(left: Strip, right: Strip, width: usize) -> Vec<Strip> {
    if right.is_empty() {
        return left.wrap(width, 2);
    }
    if left.width() + right.width() < width {
        let mut line = left;
        line.pad(width - right.width());
        return vec![line.then(right)];
    }
    let mut lines = left.wrap(width, 2);
    lines.extend(right.wrap(width, 2));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(words: &str, width: usize, hang: usize) -> Vec<String> {
        Strip::of(words, Style::new()).wrap(width, hang).iter().map(Strip::plain).collect()
    }

    #[test]
    fn a_long_url_is_broken_where_one_can_read_on() {
        let url = "PUT https://api.github.com/repos/raxx/backup/actions/secrets/AWS_ACCESS_KEY_ID";
        assert_eq!(
            wrap(url, 65, 2),
            ["PUT https://api.github.com/repos/raxx/backup/actions/secrets/", "  AWS_ACCESS_KEY_ID"]
        );
    }

    #[test]
    fn nothing_is_lost_at_any_width() {
        let text = "  AccessKeyId = AKIAEXAMPLE00000OLD1, 鍵鍵鍵鍵 and   then--some/very/long/path_without_any_space";
        let letters = |s: &str| s.chars().filter(|c| *c != ' ').collect::<String>();
        for width in 1..100 {
            for hang in [0, 2, 13] {
                let lines = wrap(text, width, hang);
                assert_eq!(letters(&lines.concat()), letters(text), "width {width}");
                let widest = lines.iter().map(|l| Strip::of(l, Style::new()).width()).max();
                assert!(widest <= Some(width.max(2)), "width {width}");
            }
        }
    }

    #[test]
    fn a_long_cell_moves_the_next_ones() {
        let cell = |words: &str| Strip::of(words, Style::new());
        let line = columns(vec![(0, cell("abcdef")), (4, cell("g")), (12, cell("h"))], 40, 0);
        assert_eq!(line[0].plain(), "abcdef g    h");
    }
}
