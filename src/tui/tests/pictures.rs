//! Buffers as SVG. With `KEYWARD_PICTURES=DIR` the screens are written there, to be looked at.

use super::harness::Terminal;
use crate::tui::svg::svg;
use crate::view::{View, fixtures};

#[test]
fn a_picture_has_every_character_of_the_screen_and_is_escaped() {
    let mut view = fixtures::confirm();
    view.notices = "<b>&".into();
    let terminal = Terminal::showing(View::Run(Box::new(view)));
    let picture = svg(&terminal.buffer);
    assert!(picture.contains(">&lt;</text>") && picture.contains(">&amp;</text>"));
    assert!(!picture.contains("<b>"));
    let drawn = picture.matches("<text ").count();
    let shown = terminal.text().chars().filter(|c| !c.is_whitespace()).count();
    assert_eq!(drawn, shown);
}

/// The README's picture. With `KEYWARD_PICTURES=DIR` it is made anew, to be copied to `assets/screens/`.
#[test]
fn the_readmes_picture_is_the_screen_as_it_is_drawn() {
    let drawn = svg(&Terminal::showing(View::Run(Box::new(fixtures::confirm()))).buffer);
    if let Some(folder) = std::env::var_os("KEYWARD_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join("confirm.svg"), &drawn).unwrap();
    }
    let kept = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/screens/confirm.svg");
    assert!(std::fs::read_to_string(&kept).unwrap() == drawn, "{} shows another screen", kept.display());
}

#[test]
fn pictures() {
    let Some(folder) = std::env::var_os("KEYWARD_PICTURES") else { return };
    let write = |name: &str, terminal: &Terminal| {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.svg")), svg(&terminal.buffer)).unwrap();
    };
    write("01", &Terminal::showing(View::Home(fixtures::home())));
    write("02", &Terminal::showing(View::UserKeys(fixtures::user_keys())));
    write("03", &Terminal::showing(View::AccountKeys(fixtures::account_keys())));
    write("04", &Terminal::showing(View::Inputs(fixtures::inputs())));
    write("14", &Terminal::showing(View::Transcript(fixtures::transcript())));
    write("15", &Terminal::showing(View::End(Box::new(fixtures::end()))));
    for (name, view) in [
        ("05", fixtures::confirm()),
        ("06", fixtures::verifying()),
        ("07", fixtures::rows()),
        ("08", fixtures::irreversible()),
        ("09", fixtures::gate()),
        ("10", fixtures::failure()),
        ("11", fixtures::in_doubt()),
        ("12", fixtures::rollback()),
        ("13", fixtures::approval()),
    ] {
        let mut terminal = Terminal::showing(View::Run(Box::new(view)));
        write(name, &terminal);
        if name == "05" {
            terminal.key("Enter");
            write("05-sign", &terminal);
            terminal.resize((40, 12));
            write("05-small", &terminal);
        }
        if name == "07" {
            terminal.key("?");
            write("16", &terminal);
            terminal.keys("Esc :");
            write("palette", &terminal);
        }
        if name == "13" {
            terminal.key("R");
            write("plan", &terminal);
        }
    }
    let mut terminal = Terminal::new((140, 40));
    terminal.show(View::Run(Box::new(fixtures::wide())));
    write("18", &terminal);
}
