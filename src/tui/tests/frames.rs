//! Every screen against its frame, to the column. `KEYWARD_WRITE_FRAMES=1` writes the frames anew.

use std::path::Path;

use super::harness::Terminal;
use crate::view::{View, fixtures};

fn check(terminal: &Terminal, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frames").join(format!("{name}.txt"));
    let drawn = terminal.text();
    if std::env::var_os("KEYWARD_WRITE_FRAMES").is_some() {
        std::fs::write(&path, &drawn).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    let mut differences = String::new();
    for (i, (have, want)) in drawn.lines().zip(wanted.lines()).enumerate() {
        if have != want {
            differences.push_str(&format!("{:2} want |{want}|\n   have |{have}|\n", i + 1));
        }
    }
    assert_eq!(drawn.lines().count(), wanted.lines().count(), "rows of {name}");
    assert!(differences.is_empty(), "{name}:\n{differences}");
}

fn run(view: crate::view::RunView) -> Terminal {
    Terminal::showing(View::Run(Box::new(view)))
}

#[test]
fn confirm() {
    check(&run(fixtures::confirm()), "05-confirm");
}

#[test]
fn verifying() {
    check(&run(fixtures::verifying()), "06-verifying");
}

#[test]
fn rows() {
    check(&run(fixtures::rows()), "07-rows");
}

#[test]
fn irreversible() {
    let mut terminal = run(fixtures::irreversible());
    terminal.keys("Tab rotation Space Nov Space 2026, Space observed Space 24 Space h");
    check(&terminal, "08-irreversible");
}

#[test]
fn gate() {
    check(&run(fixtures::gate()), "09-gate");
}

#[test]
fn failure() {
    check(&run(fixtures::failure()), "10-failure");
}

#[test]
fn in_doubt() {
    check(&run(fixtures::in_doubt()), "11-in-doubt");
}

#[test]
fn rollback() {
    check(&run(fixtures::rollback()), "12-rollback");
}

#[test]
fn approval() {
    check(&run(fixtures::approval()), "13-approval");
}

#[test]
fn end() {
    check(&Terminal::showing(View::End(Box::new(fixtures::end()))), "15-end");
}

#[test]
fn home() {
    check(&Terminal::showing(View::Home(fixtures::home())), "01-home");
}

#[test]
fn keys_of_a_user() {
    check(&Terminal::showing(View::UserKeys(fixtures::user_keys())), "02-inventory-user");
}

#[test]
fn keys_of_the_account() {
    check(&Terminal::showing(View::AccountKeys(fixtures::account_keys())), "03-inventory-account");
}

#[test]
fn inputs() {
    let mut terminal = Terminal::showing(View::Inputs(fixtures::inputs()));
    terminal.keys("Tab Tab Tab Tab Tab Tab Tab");
    terminal.paste("hunter2-hunter2-hunter2x");
    assert!(!terminal.has("hunter2"), "a secret is on the screen");
    check(&terminal, "04-inputs");
}

#[test]
fn transcript() {
    let mut terminal = Terminal::showing(View::Transcript(fixtures::transcript()));
    terminal.key("s");
    check(&terminal, "14-transcript");
}

#[test]
fn help() {
    let mut terminal = run(fixtures::rows());
    terminal.key("?");
    check(&terminal, "16-help");
}

#[test]
fn too_small() {
    let mut idle = run(fixtures::confirm());
    idle.resize((39, 11));
    let mut view = fixtures::rows();
    view.panel.title = "2  Create the new key".into();
    if let Some(under_way) = view.under_way.as_mut() {
        under_way.sent = "sent 03:15:03, no answer yet".into();
        under_way.due = "03:15:33".into();
    }
    let mut busy = run(view);
    busy.resize((39, 11));
    check(&idle, "17-too-small-idle");
    check(&busy, "17-too-small-under-way");
}

#[test]
fn wide() {
    let mut terminal = Terminal::new((140, 40));
    terminal.show(View::Run(Box::new(fixtures::wide())));
    check(&terminal, "18-run-140x40");
}

#[test]
fn small() {
    let mut terminal = run(fixtures::confirm());
    terminal.resize((40, 12));
    check(&terminal, "05-confirm-40x12");
    let mut terminal = run(fixtures::irreversible());
    terminal.resize((40, 12));
    check(&terminal, "08-irreversible-40x12");
    let mut terminal = Terminal::new((40, 12));
    terminal.show(View::Home(fixtures::home()));
    check(&terminal, "01-home-40x12");
}

#[test]
fn the_sign_line() {
    let mut terminal = run(fixtures::confirm());
    terminal.key("Enter");
    check(&terminal, "05-confirm-sign-line");
}

#[test]
fn ascii() {
    for (name, view) in [("05-confirm-ascii", fixtures::confirm()), ("08-irreversible-ascii", fixtures::irreversible())]
    {
        let mut terminal = Terminal::with(crate::tui::theme::Theme { color: false, ascii: true }, (80, 24));
        terminal.show(View::Run(Box::new(view)));
        check(&terminal, name);
    }
}

#[test]
fn every_screen_at_140_by_40() {
    for (name, view) in [
        ("05-confirm-140x40", fixtures::confirm()),
        ("06-verifying-140x40", fixtures::verifying()),
        ("08-irreversible-140x40", fixtures::irreversible()),
    ] {
        let mut terminal = Terminal::new((140, 40));
        terminal.show(View::Run(Box::new(view)));
        check(&terminal, name);
    }
}
