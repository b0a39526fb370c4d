//! Row 23 when it is not the hints: the sign line, an answer, the line in which one types what is looked for.

use ratatui::style::Style;

use super::Context;
use crate::tui::strip::Strip;
use crate::tui::widgets::chrome::mode_style;
use crate::view::{Banner, Text};

/// The row instead of the hints, if there is one.
pub fn over(context: &Context<'_>) -> Option<Vec<Strip>> {
    let theme = context.theme;
    if context.page.signing {
        let ask = context.page.ask()?;
        let banner = &context.run?.banner;
        return Some(sign(context, &ask.sentence, banner));
    }
    if let Some(message) = context.message {
        let mut line = Strip::of(" ", Style::new());
        line.append(theme.strip(&Text::from(message)).styled(theme.strong()));
        return Some(line.wrap(context.width, 1));
    }
    if let Some(typing) = context.page.typing.as_ref() {
        let mut line = Strip::of(" / ", theme.strong());
        line.append(typing.draw(theme, true, context.width.saturating_sub(34).clamp(10, 40)));
        line.push("  Enter keeps it  Esc clears it", Style::new());
        return Some(vec![line.elide(context.width, '.')]);
    }
    None
}

/// `Sign, and create a key for raxx-vault-operator in REAL prod?  y sign  Esc no`: wraps, never cut.
fn sign(context: &Context<'_>, sentence: &str, banner: &Banner) -> Vec<Strip> {
    let theme = context.theme;
    let mut line = Strip::of(" ", Style::new());
    line.append(theme.strip(&Text::from(format!("Sign, and {sentence} in "))).styled(theme.strong()));
    line.append(Strip::of(banner.mode.word(), mode_style(theme, banner.mode)));
    line.append(theme.strip(&Text::from(format!(" {}?", banner.environment))).styled(theme.strong()));
    let mut keys = Strip::of("y", theme.strong());
    keys.push(" sign  ", Style::new());
    keys.push("Esc", theme.strong());
    keys.push(" no", Style::new());
    let mut lines = line.wrap(context.width, 1);
    // The keys stay together.
    match lines.last_mut() {
        Some(last) if last.width() + 2 + keys.width() <= context.width => {
            last.push("  ", Style::new());
            last.append(keys);
        }
        _ => lines.push(Strip::of(" ", Style::new()).then(keys)),
    }
    lines
}
