//! Below 40 columns or 12 rows: nothing can be confirmed here, and whether one may leave.

use ratatui::style::Style;

use super::{Context, Drawn};
use crate::tui::strip::Strip;
use crate::view::TooSmallView;

/// The least columns.
pub const COLUMNS: usize = 40;
/// The least rows.
pub const ROWS: usize = 12;

/// Lays it out; fits in any size, down to nothing.
pub fn draw(context: &Context<'_>, view: &TooSmallView) -> Drawn {
    let Context { theme, width, height, .. } = *context;
    let strong = theme.strong();
    let plain = Style::new();
    let text = |words: &str, style| Strip::of(&theme.words(&crate::view::text::visible(words)), style);
    let mut paragraphs = vec![
        vec![text(&format!("Too small: {width} × {height}. Needs {COLUMNS} × {ROWS}."), strong)],
        vec![text(&view.place, strong), text(&view.user, plain), text(&view.step, plain)],
        vec![text(&view.stay, strong), text("Nothing can be confirmed here.", plain)],
    ];
    paragraphs.push(if view.may_leave {
        vec![text("Make the window larger, or", plain), text("q suspend and leave", plain)]
    } else {
        vec![text("Make the window larger, or", plain), text("wait: the run goes on", plain)]
    });
    let wrap = |lines: &Vec<Strip>| -> Vec<Strip> {
        lines.iter().filter(|l| !l.is_empty()).flat_map(|l| l.clone().wrap(width, 0)).collect()
    };
    let blocks: Vec<Vec<Strip>> = paragraphs.iter().map(wrap).filter(|block| !block.is_empty()).collect();
    let need: usize = blocks.iter().map(Vec::len).sum();
    let gaps = need + blocks.len() - 1 <= height;
    let mut lines = Vec::new();
    for (i, block) in blocks.into_iter().enumerate() {
        if gaps && i > 0 {
            lines.push(Strip::new());
        }
        lines.extend(block);
    }
    lines.truncate(height);
    Drawn { lines, ..Drawn::default() }
}
