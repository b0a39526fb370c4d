//! A framed box around lines.

use ratatui::style::Style;

use crate::tui::strip::Strip;
use crate::tui::theme::Theme;
use crate::view::Border;

/// The words in a frame's edges.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    /// Upper left.
    pub title: Strip,
    /// Upper right.
    pub tag: Strip,
    /// Lower right.
    pub foot: Strip,
}

/// One line of a box.
#[derive(Clone, Debug)]
pub enum Inner {
    /// Between the borders, after one column of space.
    Text(Strip),
    /// Between the borders, from the border on: the first column is for the mark of the selected line.
    Flush(Strip),
    /// A line across, with words at both ends.
    Section(Strip, Strip),
}

/// Draws a box of `height` lines (2 at least) and `width` columns (4 at least) around lines; what does not fit is the
/// caller's to scroll.
pub fn boxed(theme: Theme, border: Border, edges: &Edges, inner: &[Inner], width: usize, height: usize) -> Vec<Strip> {
    let frame = theme.frame(border);
    let style = theme.frame_style(border);
    let mut lines = Vec::with_capacity(height);
    lines.push(across(theme, border, [frame.top_left, frame.top_right], &edges.title, &edges.tag, width));
    for i in 0..height.saturating_sub(2) {
        let line = match inner.get(i) {
            Some(Inner::Section(title, tag)) => across(theme, border, [frame.left, frame.right], title, tag, width),
            Some(Inner::Text(strip)) => sides(frame.down, style, 1, strip, width),
            Some(Inner::Flush(strip)) => sides(frame.down, style, 0, strip, width),
            None => sides(frame.down, style, 0, &Strip::new(), width),
        };
        lines.push(line);
    }
    let bottom = [frame.bottom_left, frame.bottom_right];
    lines.push(across(theme, border, bottom, &Strip::new(), &edges.foot, width));
    lines
}

fn sides(down: char, style: Style, indent: usize, strip: &Strip, width: usize) -> Strip {
    let mut line = Strip::new();
    line.push_char(down, style);
    line.pad(1 + indent);
    line.append(strip.clone());
    line.pad(width.saturating_sub(1));
    line.push_char(down, style);
    line
}

fn across(theme: Theme, border: Border, ends: [char; 2], title: &Strip, tag: &Strip, width: usize) -> Strip {
    let frame = theme.frame(border);
    let style = theme.frame_style(border);
    let ellipsis = if theme.ascii { '.' } else { '…' };
    let mut line = Strip::new();
    line.push_char(ends[0], style);
    // The tag says REAL or CHANGES, so the title yields to it.
    let tag_room = width.saturating_sub(6);
    let tag = tag.clone().elide(tag_room, ellipsis);
    let tag_width = if tag.is_empty() { 0 } else { tag.width() + 3 };
    let room = width.saturating_sub(tag_width + 5);
    if !title.is_empty() && room > 0 {
        line.push(" ", style);
        line.append(title.clone().elide(room, ellipsis));
        line.push(" ", style);
    }
    let fill_to = width.saturating_sub(1 + tag_width);
    while line.width() < fill_to {
        line.push_char(frame.across, style);
    }
    if !tag.is_empty() {
        line.push(" ", style);
        line.append(tag);
        line.push(" ", style);
        line.push_char(frame.across, style);
    }
    line.push_char(ends[1], style);
    line
}
