//! Help and palette: the table of commands, as it stands on the page below.

use super::app::App;
use super::commands::banner_of;
use super::keymap::{TABLE, TOGETHER, binding};
use super::screens::help::PaletteItem;
use crate::view::{Command, HelpView};

/// The keys of the page below, live and off.
pub fn help_of(app: &App) -> HelpView {
    let Some(page) = app.subject() else { return HelpView::default() };
    let screen = page.screen();
    let mut help =
        HelpView { banner: banner_of(page).or(app.run().map(|run| &run.banner)).cloned(), ..HelpView::default() };
    if let Some(run) = app.run() {
        help.tag = run.panel.title.glyphs().split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(under_way) = &run.under_way {
            help.tag.push_str(&format!(" · {} under way", under_way.what));
        }
    }
    for row in TABLE {
        // The hints below say these two, and what is not looked for needs no reason.
        if matches!(row.command, Command::Help | Command::Palette) {
            continue;
        }
        let group = TOGETHER.iter().find(|(commands, ..)| commands.contains(&row.command));
        match (app.why_off(row.command), group) {
            (None, Some((commands, keys, about))) if commands[0] == row.command => {
                help.live.push(((*keys).to_owned(), (*about).to_owned()));
            }
            (None, None) => help.live.push((row.shown.to_owned(), row.about.to_owned())),
            (Some(why), None) if row.screens.contains(&screen) && row.command != Command::Follow => {
                match help.off.iter_mut().find(|(_, other)| *other == why) {
                    // The name has to go where two keys share a reason.
                    Some((keys, _)) => *keys = format!("{}, {}", keys.split(' ').next().unwrap_or(""), row.shown),
                    None => {
                        let name = if row.command == Command::Enter { "" } else { row.name };
                        help.off.push((format!("{} {name}", row.shown).trim_end().to_owned(), why));
                    }
                }
            }
            _ => {}
        }
    }
    help
}

/// Commands that fit what was typed.
pub fn palette_commands(app: &App) -> Vec<Command> {
    let typed = app.top().and_then(|page| page.typing.as_ref()).map(|t| t.value().to_lowercase()).unwrap_or_default();
    let keep = |text: &str| typed.is_empty() || text.to_lowercase().contains(&typed);
    let not_here = [Command::Palette, Command::Sign, Command::Panel];
    let rows = TABLE.iter().filter(|row| !not_here.contains(&row.command));
    rows.filter(|row| keep(row.name) || keep(row.about)).map(|row| row.command).collect()
}

/// Every command by name, with why it is off.
pub fn palette_of(app: &App) -> Vec<PaletteItem> {
    palette_commands(app)
        .into_iter()
        .map(|command| {
            let row = binding(command);
            PaletteItem {
                keys: row.shown.to_owned(),
                name: row.name.to_owned(),
                off: app.why_off(command).map(|why| format!("off: {why}")).unwrap_or_default(),
            }
        })
        .collect()
}
