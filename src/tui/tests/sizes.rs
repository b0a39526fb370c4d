//! Other terminals: small ones, without colour, without Unicode; and what servers write.

use super::harness::Terminal;
use crate::tui::theme::Theme;
use crate::view::{Row, Sample, Status, Text, View, fixtures};

fn views() -> Vec<View> {
    let mut views = vec![
        View::Home(fixtures::home()),
        View::UserKeys(fixtures::user_keys()),
        View::AccountKeys(fixtures::account_keys()),
        View::Inputs(fixtures::inputs()),
        View::End(Box::new(fixtures::end())),
        View::Transcript(fixtures::transcript()),
    ];
    for view in [
        fixtures::confirm(),
        fixtures::verifying(),
        fixtures::rows(),
        fixtures::irreversible(),
        fixtures::gate(),
        fixtures::failure(),
        fixtures::in_doubt(),
        fixtures::rollback(),
        fixtures::approval(),
        fixtures::wide(),
    ] {
        views.push(View::Run(Box::new(view)));
    }
    views
}

#[test]
fn no_size_panics() {
    for view in views() {
        let mut terminal = Terminal::showing(view);
        for (width, height) in [
            (1, 1),
            (2, 2),
            (3, 40),
            (200, 1),
            (5, 13),
            (39, 24),
            (40, 11),
            (40, 12),
            (40, 13),
            (41, 70),
            (60, 14),
            (79, 24),
            (80, 17),
            (80, 23),
            (80, 24),
            (81, 25),
            (109, 24),
            (110, 24),
            (110, 25),
            (140, 30),
            (250, 70),
        ] {
            terminal.resize((width, height));
            terminal.keys("G ?");
            terminal.key("Esc");
            assert_eq!(terminal.buffer.area.width, width);
        }
    }
}

#[test]
fn without_room_it_says_how_much_it_needs() {
    let mut terminal = Terminal::showing(View::Run(Box::new(fixtures::confirm())));
    terminal.resize((39, 12));
    assert!(terminal.has("Too small: 39 × 12. Needs 40 × 12."));
    terminal.resize((40, 11));
    assert!(terminal.has("Too small"));
    terminal.resize((40, 12));
    assert!(!terminal.has("Too small"));
}

/// Everything that is confirmed is on one of the frames that one scrolls through, whatever the size.
#[test]
fn a_small_terminal_shows_every_fact_by_scrolling() {
    for (width, height) in [(40, 12), (52, 16), (79, 23), (80, 23), (100, 18)] {
        let mut terminal = Terminal::showing(View::Run(Box::new(fixtures::confirm())));
        terminal.resize((width, height));
        let mut all = terminal.text();
        for _ in 0..60 {
            terminal.key("j");
            all.push_str(&terminal.text());
        }
        let squeezed: String = all.chars().filter(|c| !c.is_whitespace() && !"┃│".contains(*c)).collect();
        for fact in [
            "2Createthenewkey",
            "iam:CreateAccessKey,sentonce",
            "UserName=raxx-vault-operator",
            "https://iam.amazonaws.com",
            "arn:aws:sts::111122223333:assumed-role/",
            "Notices",
            "Wayback",
            "Walkaway",
            "nothingisunderway",
        ] {
            assert!(squeezed.contains(fact), "{fact} is not on any frame of {width}×{height}\n{all}");
        }
        terminal.key("Enter");
        assert!(terminal.has("y sign"), "{width}×{height}\n{}", terminal.text());
        assert_eq!(terminal.key("y").len(), 1);
    }
}

#[test]
fn the_sign_line_is_never_cut() {
    let mut view = fixtures::confirm();
    if let Some(ask) = view.ask.as_mut() {
        ask.sentence = format!("put the new pair into {} holders of the account", "very ".repeat(20));
    }
    for size in [(80, 24), (40, 12), (140, 40)] {
        let mut terminal = Terminal::showing(View::Run(Box::new(view.clone())));
        terminal.resize(size);
        for _ in 0..60 {
            terminal.key("j");
        }
        terminal.key("Enter");
        assert!(terminal.has("y sign"), "{size:?}\n{}", terminal.text());
        assert!(terminal.has("Esc no"), "{size:?}\n{}", terminal.text());
    }
}

#[test]
fn colour_says_nothing_of_its_own() {
    for view in views() {
        let texts: Vec<String> = [true, false]
            .map(|color| {
                let mut terminal = Terminal::with(Theme { color, ascii: false }, (80, 24));
                terminal.show(view.clone());
                if !color {
                    let colored =
                        terminal.buffer.content().iter().any(|cell| {
                            cell.fg != ratatui::style::Color::Reset || cell.bg != ratatui::style::Color::Reset
                        });
                    assert!(!colored, "a colour although there is to be none");
                }
                terminal.text()
            })
            .to_vec();
        assert_eq!(texts[0], texts[1]);
    }
}

#[test]
fn ascii_is_ascii_and_as_long() {
    for view in views() {
        for size in [(80, 24), (140, 40), (40, 12), (39, 11)] {
            let mut terminal = Terminal::with(Theme { color: true, ascii: true }, size);
            terminal.show(view.clone());
            let text = terminal.text();
            assert!(text.is_ascii(), "{:?}", text.chars().find(|c| !c.is_ascii()));
            terminal.keys("?");
            assert!(terminal.text().is_ascii(), "{}", terminal.text());
        }
    }
}

#[test]
fn ascii_tells_effects_apart() {
    let corner = |view: crate::view::RunView| {
        let mut terminal = Terminal::with(Theme { color: false, ascii: true }, (80, 24));
        terminal.show(View::Run(Box::new(view)));
        terminal.text().lines().nth(2).unwrap().chars().next().unwrap()
    };
    assert_eq!(
        [corner(fixtures::verifying()), corner(fixtures::confirm()), corner(fixtures::irreversible())],
        ['+', '=', '#']
    );
}

#[test]
fn escape_sequences_of_a_server_are_text() {
    let mut view = fixtures::verifying();
    view.panel.body.push(Row::Sample(Sample {
        time: "03:15:30".into(),
        status: Status::Fail,
        word: "fail".into(),
        text: Text::from("\x1b[2J\x1b]52;c;aGk=\x07 gone \u{202e}evil\r\n"),
        count: String::new(),
    }));
    view.notices = Text::from("a\x1b[1Ab");
    for size in [(80, 24), (40, 12), (140, 40)] {
        let mut terminal = Terminal::showing(View::Run(Box::new(view.clone())));
        terminal.resize(size);
        let text = terminal.text();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character reached the terminal");
        assert!(!text.contains('\u{202e}'));
    }
    let terminal = Terminal::showing(View::Run(Box::new(view)));
    assert!(terminal.has("\\x1b[2J\\x1b]52;c;aGk=\\x07"), "{}", terminal.text());
    assert!(terminal.has("a\\x1b[1Ab"));
}

#[test]
fn a_long_list_of_steps_keeps_where_one_is_in_sight() {
    let mut view = fixtures::confirm();
    let line: String = (1..40)
        .map(|n| {
            format!(
                "{n}{} ",
                if n < 30 {
                    '✓'
                } else if n == 30 {
                    '►'
                } else {
                    '○'
                }
            )
        })
        .collect();
    view.progress = fixtures::progress(&line, "30 of 39");
    let terminal = Terminal::showing(View::Run(Box::new(view)));
    assert!(terminal.has("30►"), "{}", terminal.text());
    assert!(terminal.has("30 of 39"));
}
