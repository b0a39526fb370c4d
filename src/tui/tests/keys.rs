//! Key scripts: what acts, what must not, and what a key says that is off.

use crossterm::event::Event;

use super::harness::{Terminal, key};
use crate::tui::keymap::{Screen, TABLE};
use crate::view::{Command, Intent, Row, RunView, Text, View, ViewUpdate, fixtures};

fn run(view: RunView) -> Terminal {
    Terminal::showing(View::Run(Box::new(view)))
}

fn long() -> RunView {
    let mut view = fixtures::confirm();
    for i in 0..40 {
        view.panel.body.push(Row::field("", format!("Parameter{i} = value")));
    }
    view
}

fn is_confirm(intents: &[Intent], how: &str) -> bool {
    matches!(intents, [Intent::Confirm { answer, digest, .. }] if answer.how == how && digest == "1d0c77fe")
}

#[test]
fn enter_then_y_signs_and_nothing_less() {
    let mut terminal = run(fixtures::confirm());
    assert!(terminal.key("Enter").is_empty());
    assert!(terminal.has("Sign, and create a key for raxx-vault-operator in REAL prod?  y sign  Esc no"));
    assert!(is_confirm(&terminal.key("y"), "sign"));
    // It was asked once; until news comes nothing can ask again.
    assert!(terminal.keys("Enter y Enter y").is_empty());
}

#[test]
fn keys_in_the_wrong_order_do_nothing() {
    for script in
        ["y", "y Enter", "Enter Esc y", "Enter j y", "Enter Enter y", "Enter R y", "Enter Tab y", "Enter q Esc y"]
    {
        let mut terminal = run(fixtures::confirm());
        assert!(terminal.keys(script).is_empty(), "{script} acted");
    }
}

#[test]
fn y_alone_says_that_enter_comes_first() {
    let mut terminal = run(fixtures::confirm());
    terminal.key("y");
    assert!(terminal.has("Enter comes first"));
}

#[test]
fn keys_that_were_pressed_before_the_frame_was_out_are_dropped() {
    let mut terminal = run(fixtures::confirm());
    // Enter opens the sign line, but it is not yet on the screen when y is read.
    assert!(terminal.queued(key("Enter")).is_empty());
    assert!(terminal.queued(key("y")).is_empty());
    terminal.flush();
    assert!(terminal.has("y sign"), "the sign line is there, and nothing was signed");
    assert!(is_confirm(&terminal.key("y"), "sign"));
}

#[test]
fn keys_typed_ahead_of_a_new_step_do_not_meet_it() {
    let mut terminal = run(fixtures::verifying());
    terminal.app.apply(ViewUpdate::Show(View::Run(Box::new(fixtures::confirm()))));
    assert!(terminal.queued(key("Enter")).is_empty());
    assert!(terminal.queued(key("y")).is_empty());
    terminal.flush();
    assert!(!terminal.has("y sign"), "Enter from before the step opened the sign line");
}

#[test]
fn a_pasted_line_end_and_y_do_nothing() {
    let mut terminal = run(fixtures::confirm());
    assert!(terminal.paste("\ny").is_empty());
    assert!(terminal.has("Paste works in text fields only"));
    terminal.key("Enter");
    assert!(terminal.paste("y").is_empty());
    assert!(terminal.paste("\ny\n").is_empty());
    // A terminal without bracketed paste sends keys, all read before the next frame.
    let mut terminal = run(fixtures::confirm());
    assert!(terminal.queued(key("Enter")).is_empty() && terminal.queued(key("y")).is_empty());
}

#[test]
fn a_resize_closes_the_sign_line() {
    let mut terminal = run(fixtures::confirm());
    terminal.key("Enter");
    assert!(terminal.has("y sign"));
    terminal.resize((100, 30));
    assert!(!terminal.has("y sign"));
    assert!(terminal.key("y").is_empty());
    // Also where the new size is met by drawing before its event is read.
    let mut terminal = run(fixtures::confirm());
    terminal.key("Enter");
    terminal.app.redraw();
    let at = terminal.app.on_screen();
    let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 90, 24));
    terminal.app.draw(&mut buffer);
    assert!(terminal.app.on_event(at, key("y")).is_empty());
}

#[test]
fn news_close_the_sign_line() {
    let mut terminal = run(fixtures::confirm());
    terminal.key("Enter");
    let mut view = fixtures::confirm();
    view.walk_away = "no: something happened".into();
    terminal.show(View::Run(Box::new(view.clone())));
    assert!(!terminal.has("y sign"));
    assert!(terminal.key("y").is_empty());
    // The same view again is no news.
    terminal.key("Enter");
    terminal.show(View::Run(Box::new(view)));
    assert!(is_confirm(&terminal.key("y"), "sign"));
}

#[test]
fn enter_is_off_until_every_line_was_seen() {
    let mut terminal = run(long());
    terminal.key("Enter");
    assert!(!terminal.has("y sign"));
    assert!(terminal.has("Enter is off: 37 lines are unseen. ↓"), "{}", terminal.text());
    // To the end at once leaves the middle unseen.
    terminal.key("G");
    terminal.key("Enter");
    assert!(terminal.has("lines are unseen"), "{}", terminal.text());
    terminal.keys("g Ctrl-d Ctrl-d Ctrl-d Ctrl-d Ctrl-d Ctrl-d");
    assert!(terminal.has("all seen"), "{}", terminal.text());
    terminal.key("Enter");
    assert!(terminal.has("y sign"));
    assert!(is_confirm(&terminal.key("y"), "sign"));
}

#[test]
fn a_changed_action_has_to_be_seen_again() {
    let mut terminal = run(long());
    terminal.keys("Ctrl-d Ctrl-d Ctrl-d Ctrl-d Ctrl-d Ctrl-d");
    let mut view = long();
    view.panel.body[30] = Row::field("", "Parameter17 = another value");
    terminal.show(View::Run(Box::new(view)));
    terminal.key("g");
    terminal.key("Enter");
    assert!(!terminal.has("y sign"), "{}", terminal.text());
}

#[test]
fn a_resize_makes_a_long_action_unseen() {
    let mut terminal = run(long());
    terminal.keys("Ctrl-d Ctrl-d Ctrl-d Ctrl-d Ctrl-d Ctrl-d");
    terminal.resize((80, 25));
    terminal.key("g");
    terminal.key("Enter");
    assert!(!terminal.has("y sign"));
}

#[test]
fn nothing_is_seen_on_a_frame_that_is_too_small() {
    let mut terminal = Terminal::new((39, 11));
    terminal.show(View::Run(Box::new(fixtures::confirm())));
    assert!(terminal.keys("Enter y").is_empty());
    assert!(terminal.has("Nothing can be confirmed here."));
}

#[test]
fn enter_never_confirms_an_irreversible_step() {
    let mut terminal = run(fixtures::irreversible());
    assert!(terminal.keys("Enter Enter y").is_empty());
    assert!(terminal.keys("Tab why Enter y").is_empty());
    terminal.keys("Tab OLD1");
    assert!(terminal.has("Tab to the sign line, then y signs"), "{}", terminal.text());
    assert!(terminal.key("Enter").is_empty());
    assert!(!terminal.has("y sign "), "{}", terminal.text());
    assert!(terminal.key("Tab").is_empty());
    assert!(terminal.has("Sign, and delete AKIAEXAMPLE00000OLD1 for good in REAL prod?"), "{}", terminal.text());
    let intents = terminal.key("y");
    assert!(is_confirm(&intents, "type_back"));
    let [Intent::Confirm { answer, .. }] = &intents[..] else { unreachable!() };
    assert_eq!((answer.typed.as_deref(), answer.reason.as_deref()), (Some("OLD1"), Some("whyy")));
}

#[test]
fn the_last_four_are_typed_and_right() {
    let mut terminal = run(fixtures::irreversible());
    terminal.keys("Tab because Tab");
    terminal.paste("OLD1");
    assert!(terminal.has("Type the last four. Paste is off here."));
    assert!(terminal.keys("Tab y").is_empty());
    let mut terminal = run(fixtures::irreversible());
    terminal.keys("Tab because Tab OLD2 Tab");
    assert!(terminal.has("you typed OLD2"), "{}", terminal.text());
    assert!(!terminal.has("Sign, and"));
    assert!(terminal.key("y").is_empty());
}

#[test]
fn a_reason_may_be_pasted_and_loses_its_line_ends() {
    let mut terminal = run(fixtures::irreversible());
    terminal.key("Tab");
    terminal.paste("rotation\nNov\x1b[2J\n");
    assert!(terminal.has("[rotation Nov[2J"), "{}", terminal.text());
}

#[test]
fn what_was_typed_goes_with_the_step_it_was_for() {
    let mut terminal = run(fixtures::irreversible());
    terminal.keys("Tab because Tab OLD1");
    let mut view = fixtures::irreversible();
    if let Some(ask) = view.ask.as_mut() {
        ask.intent = fixtures::confirm_of("another");
    }
    terminal.show(View::Run(Box::new(view)));
    assert!(!terminal.has("because"));
    assert!(terminal.keys("Tab Tab y").is_empty());
}

#[test]
fn the_way_back_is_a_plan_that_is_signed() {
    let mut terminal = run(fixtures::confirm());
    assert!(terminal.key("R").is_empty());
    assert!(terminal.has("Deactivate AKIAEXAMPLE000007Q4T"));
    assert!(terminal.keys("Enter").is_empty());
    assert!(terminal.has("reason is missing"), "{}", terminal.text());
    terminal.keys("broken Enter");
    assert!(terminal.has("Sign, and go back in 2 acts in REAL prod?"), "{}", terminal.text());
    let intents = terminal.key("y");
    assert_eq!(intents, [Intent::RollBack { reason: "broken".into(), digest: Some("77aa".into()) }]);
}

#[test]
fn a_plan_that_changed_has_to_be_looked_at_again() {
    let mut terminal = run(fixtures::confirm());
    terminal.keys("R broken Enter");
    let mut view = fixtures::confirm();
    view.offers[0].panel.body.push(Row::line("one more act"));
    terminal.show(View::Run(Box::new(view)));
    assert!(terminal.has("The action changed. Look again; nothing was sent."), "{}", terminal.text());
    assert!(terminal.key("y").is_empty());
    let mut view = fixtures::confirm();
    view.offers.clear();
    terminal.show(View::Run(Box::new(view)));
    assert_eq!(terminal.app.screen(), Some(Screen::Run));
}

#[test]
fn a_note_changes_no_system_and_needs_no_signature() {
    let mut terminal = run(fixtures::rows());
    terminal.keys("i dynos Space are Space slow");
    assert_eq!(terminal.key("Enter"), [Intent::Note { text: "dynos are slow".into() }]);
    assert_eq!(terminal.app.screen(), Some(Screen::Run));
}

#[test]
fn news_do_not_take_what_is_being_typed() {
    let mut terminal = run(fixtures::verifying());
    terminal.keys("i half");
    let mut view = fixtures::verifying();
    view.walk_away = "yes".into();
    terminal.show(View::Run(Box::new(view)));
    terminal.keys("way");
    assert_eq!(terminal.key("Enter"), [Intent::Note { text: "halfway".into() }]);
}

#[test]
fn choices_lead_to_what_they_say() {
    let mut terminal = run(fixtures::failure());
    assert!(terminal.has("► Retry"));
    assert_eq!(terminal.key("Enter"), [Intent::Retry { step: "proofs".into(), row: Some("vault host".into()) }]);
    let mut terminal = run(fixtures::failure());
    terminal.keys("j j");
    assert!(terminal.key("Enter").is_empty());
    assert_eq!(terminal.app.screen(), Some(Screen::Plan));
    let mut terminal = run(fixtures::failure());
    terminal.keys("G Enter gone Enter");
    assert_eq!(terminal.key("y"), [Intent::Abort { reason: "gone".into() }]);
    let mut terminal = run(fixtures::in_doubt());
    assert_eq!(terminal.key("Enter"), [Intent::AskAgain]);
}

#[test]
fn an_enter_on_its_way_is_not_for_the_choice_below() {
    let mut terminal = run(fixtures::failure());
    assert!(terminal.queued(key("j")).is_empty());
    assert!(terminal.queued(key("Enter")).is_empty());
}

#[test]
fn leaving_with_something_under_way_asks() {
    let mut terminal = run(fixtures::rows());
    assert!(terminal.key("q").is_empty());
    assert!(terminal.has("Row 2 is under way. Ctrl-C leaves anyway"));
    assert!(terminal.key("Ctrl-c").is_empty());
    assert!(terminal.has("leaves it in doubt"), "{}", terminal.text());
    assert!(terminal.key("y").is_empty());
    terminal.key("Enter");
    assert_eq!(terminal.key("y"), [Intent::LeaveAnyway]);
    let mut terminal = run(fixtures::confirm());
    terminal.keys("q Enter");
    assert_eq!(terminal.key("y"), [Intent::Suspend { reason: String::new() }]);
    let mut terminal = Terminal::showing(View::Home(fixtures::home()));
    assert_eq!(terminal.key("q"), [Intent::Quit]);
}

#[test]
fn every_command_on_every_screen_is_live_or_says_why() {
    let views = || {
        vec![
            View::Home(fixtures::home()),
            View::UserKeys(fixtures::user_keys()),
            View::AccountKeys(fixtures::account_keys()),
            View::Inputs(fixtures::inputs()),
            View::Run(Box::new(fixtures::confirm())),
            View::Run(Box::new(fixtures::verifying())),
            View::Run(Box::new(fixtures::rows())),
            View::Run(Box::new(fixtures::irreversible())),
            View::Run(Box::new(fixtures::gate())),
            View::Run(Box::new(fixtures::failure())),
            View::Run(Box::new(fixtures::rollback())),
            View::End(Box::new(fixtures::end())),
            View::Transcript(fixtures::transcript()),
        ]
    };
    for (i, _) in views().iter().enumerate() {
        for row in TABLE {
            let mut terminal = Terminal::showing(views().remove(i));
            let Some((code, ctrl)) = row.keys.first().copied() else { panic!("{:?} has no key", row.command) };
            let modifiers =
                if ctrl { crossterm::event::KeyModifiers::CONTROL } else { crossterm::event::KeyModifiers::NONE };
            let before = terminal.text();
            let why = terminal.app.why_off(row.command);
            let intents = terminal.event(Event::Key(crossterm::event::KeyEvent::new(code, modifiers)));
            let Some(why) = why else { continue };
            assert!(intents.is_empty(), "{:?} acted although it is off", row.command);
            assert!(!why.is_empty());
            let words = Text::from(why.as_str()).glyphs();
            let start: String = words.chars().take(30).collect();
            assert!(terminal.has(&start), "{:?} on view {i} did not say: {words}\n{before}", row.command);
        }
    }
}

#[test]
fn no_small_letter_asks_for_a_change() {
    for view in [fixtures::confirm(), fixtures::failure(), fixtures::rows(), fixtures::gate(), fixtures::irreversible()]
    {
        for row in TABLE.iter().filter(|row| row.command != Command::Enter) {
            for (code, ctrl) in row.keys {
                let mut terminal = run(view.clone());
                let modifiers =
                    if *ctrl { crossterm::event::KeyModifiers::CONTROL } else { crossterm::event::KeyModifiers::NONE };
                for intent in terminal.event(Event::Key(crossterm::event::KeyEvent::new(*code, modifiers))) {
                    assert!(
                        matches!(intent, Intent::Show(_) | Intent::Copy(_) | Intent::Left),
                        "{code:?} asked for {intent:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn help_and_palette_come_from_the_same_table() {
    let mut terminal = run(fixtures::confirm());
    terminal.key(":");
    assert!(terminal.has("half a page down"));
    terminal.keys("hand");
    assert!(terminal.has("hand over"));
    assert!(!terminal.has("evidence pack"));
    terminal.key("Enter");
    assert!(terminal.has("bob@example.com"), "{}", terminal.text());
    let mut terminal = run(fixtures::confirm());
    terminal.keys("? Esc");
    assert_eq!(terminal.app.screen(), Some(Screen::Run));
}

#[test]
fn lists_are_filtered_and_opened() {
    let mut terminal = Terminal::showing(View::Home(fixtures::home()));
    terminal.keys("/ mail Enter");
    assert!(!terminal.has("billing-export   "));
    assert_eq!(terminal.key("Enter"), [Intent::OpenRun { id: "mail-relay".into() }]);
    let mut terminal = Terminal::showing(View::Home(fixtures::home()));
    terminal.keys("3 j");
    assert_eq!(terminal.key("D"), [Intent::StartDrill { runbook: "leak".into() }]);
    let mut terminal = Terminal::showing(View::AccountKeys(fixtures::account_keys()));
    terminal.key("G");
    assert!(terminal.has("backup-check"));
    assert!(terminal.has("more above"));
}

#[test]
fn a_typed_secret_is_handed_over_and_never_shown() {
    let mut terminal = Terminal::showing(View::Inputs(fixtures::inputs()));
    terminal.keys("Tab Tab Tab Tab Tab Tab Tab");
    terminal.keys("s3cr3t-valu3");
    assert!(terminal.has("[hidden, 12 characters▏"));
    let intents = terminal.key("Tab");
    let [Intent::SetInput { name, value: crate::view::InputValue::Secret(secret) }] = &intents[..] else {
        panic!("{intents:?}")
    };
    assert_eq!((name.as_str(), secret.chars()), ("vault_pass", 12));
    assert!(!format!("{intents:?}").contains("s3cr3t"));
    assert!(!terminal.has("s3cr3t"));
}

#[test]
fn a_stop_and_return_makes_it_unseen() {
    let mut terminal = run(long());
    terminal.keys("Ctrl-d Ctrl-d Ctrl-d Ctrl-d Ctrl-d Ctrl-d Enter");
    assert!(terminal.has("y sign"));
    terminal.app.came_back();
    terminal.flush();
    assert!(terminal.key("y").is_empty());
    assert!(!terminal.has("y sign  Esc"));
}

#[test]
fn a_refusal_of_the_owner_is_shown_and_one_can_ask_again() {
    let mut terminal = run(fixtures::confirm());
    terminal.keys("Enter y");
    terminal.app.apply(ViewUpdate::Say("Touch your signing key, or Esc. Nothing was sent.".into()));
    terminal.flush();
    assert!(terminal.has("Touch your signing key"));
    terminal.key("Enter");
    assert!(is_confirm(&terminal.key("y"), "sign"));
}

#[test]
fn a_plan_does_not_outlive_what_it_was_for() {
    // Suspending was asked for while nothing was under way.
    let mut terminal = run(fixtures::confirm());
    terminal.keys("q Enter");
    terminal.show(View::Run(Box::new(fixtures::rows())));
    assert_eq!(terminal.app.screen(), Some(Screen::Run));
    assert!(terminal.key("y").is_empty());
    // Leaving in doubt was asked for, and then the answer came.
    let mut terminal = run(fixtures::rows());
    terminal.keys("Ctrl-c Enter");
    terminal.show(View::Run(Box::new(fixtures::confirm())));
    assert_eq!(terminal.app.screen(), Some(Screen::Run));
    assert!(terminal.key("y").is_empty());
    // The run has ended below its plan.
    let mut terminal = run(fixtures::confirm());
    terminal.keys("R why Enter");
    terminal.show(View::End(Box::new(fixtures::end())));
    assert_eq!(terminal.app.screen(), Some(Screen::End));
    assert!(terminal.has("Completed and sealed"));
}

#[test]
fn a_plan_says_its_own_way_back() {
    let mut terminal = run(fixtures::approval());
    terminal.key("R");
    assert!(terminal.has("Way back   this is it."), "{}", terminal.text());
    assert!(!terminal.has("whatever still holds the old key fails"), "{}", terminal.text());
}

#[test]
fn the_mouse_selects_and_never_acts() {
    let mut terminal = run(fixtures::failure());
    let click = |row: u16| {
        Event::Mouse(crossterm::event::MouseEvent {
            kind: crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left),
            column: 10,
            row,
            modifiers: crossterm::event::KeyModifiers::NONE,
        })
    };
    for row in 0..24 {
        assert!(terminal.event(click(row)).is_empty());
        assert_eq!(terminal.app.screen(), Some(Screen::Run));
    }
    let row = terminal.text().lines().position(|line| line.contains("Redo row")).unwrap();
    terminal.event(click(u16::try_from(row).unwrap()));
    assert!(terminal.has("► Redo row"), "{}", terminal.text());
    terminal.key("m");
    terminal.event(click(u16::try_from(row - 1).unwrap()));
    assert!(terminal.has("► Redo row"), "the mouse is off");
}
