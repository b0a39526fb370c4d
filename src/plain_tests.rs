//! The lines of the screens, and the words in answer.

use super::*;
use crate::view::View;
use crate::view::fixtures;

fn said(view: &RunView) -> (PlainFront, String) {
    let mut front = PlainFront::new();
    let lines = front.lines(view).join("\n");
    (front, lines)
}

#[test]
fn every_fact_of_the_frame_is_in_the_lines() {
    let (_, lines) = said(&fixtures::confirm());
    for fact in [
        "REAL Rotate an IAM user's access key: raxx-vault-operator.",
        "REAL Account prod 111122223333.",
        "REAL Step 2: Create the new key. CHANGES AWS.",
        "REAL Will do: iam:CreateAccessKey, sent once.",
        "REAL UserName = raxx-vault-operator.",
        "REAL At: https://iam.amazonaws.com",
        "REAL As: arn:aws:sts::111122223333:assumed-role/oncall/alice.",
        "REAL Expect: the new key is listed Active, 5 times in a row, within 60 s.",
        "REAL Notices: nobody: no one has the new key yet.",
        "REAL Way back: yes: deactivate, then delete the new key; about 5 s, no approval.",
        "REAL Walk away: yes: nothing is under way.",
        "6 of 15 · ~3 min, 1 h, 24 h",
        "38 entries · head 9f3a 51c0",
        "REAL That is all of it. Type sign, back, hand over, abort or leave:",
    ] {
        assert!(lines.contains(fact), "{fact}\n{lines}");
    }
}

#[test]
fn no_glyph_and_no_control_character_is_in_the_lines() {
    let mut views = vec![
        fixtures::confirm(),
        fixtures::verifying(),
        fixtures::rows(),
        fixtures::irreversible(),
        fixtures::gate(),
        fixtures::failure(),
        fixtures::in_doubt(),
        fixtures::rollback(),
        fixtures::approval(),
    ];
    views[0].notices = Text::from("a\x1b[2Jb");
    for view in &views {
        let (_, lines) = said(view);
        let glyphs = "○►⠹✓✗╫◄≠◆┏╔║━─";
        assert!(!lines.chars().any(|c| glyphs.contains(c)), "{lines}");
        assert!(!lines.chars().any(|c| c.is_control() && c != '\n'));
        assert!(lines.lines().all(|line| line.starts_with("REAL ")));
    }
}

/// Each word of a row that the screen has must be in the lines.
#[test]
fn the_words_of_every_row_are_said() {
    for view in [fixtures::confirm(), fixtures::rows(), fixtures::rollback(), fixtures::failure(), fixtures::approval()]
    {
        let (_, lines) = said(&view);
        for row in &view.panel.body {
            let texts: Vec<String> = match row {
                Row::Line(text) => vec![text.words()],
                Row::Field { value, .. } => vec![value.words()],
                Row::Table(table) => table.rows.iter().flat_map(|r| r.cells.iter().map(Text::words)).collect(),
                Row::Act(act) => vec![act.title.clone(), act.from.clone(), act.now.clone(), act.time.clone()],
                Row::Choice(choice) => vec![choice.label.clone(), choice.text.words()],
                _ => Vec::new(),
            };
            for text in texts {
                assert!(lines.contains(text.trim_end_matches('.')), "{text}\n{lines}");
            }
        }
    }
}

#[test]
fn sign_signs_and_other_words_do_not() {
    let (mut front, _) = said(&fixtures::confirm());
    for wrong in ["", "y", "Sign", "sign it", "yes", "enter", "run", "delete", "\x1b[A"] {
        let refused = front.answer(wrong).unwrap_err();
        assert!(refused.contains("Type sign"), "{wrong}: {refused}");
        assert!(!refused.contains('\x1b'));
    }
    let Ok(Some(Intent::Confirm { step, answer, digest })) = front.answer("sign") else { panic!() };
    assert_eq!((step.as_str(), answer.how.as_str(), digest.as_str()), ("create", "sign", "1d0c77fe"));
}

#[test]
fn an_irreversible_step_wants_reason_last_four_and_delete() {
    let (mut front, lines) = said(&fixtures::irreversible());
    assert!(lines.ends_with("REAL Reason:"), "{lines}");
    assert!(front.answer("").is_err());
    assert_eq!(front.answer("drill"), Ok(None));
    assert_eq!(front.question().as_deref(), Some("REAL Type the last four and delete:"));
    for wrong in ["OLD1", "delete", "OLD2 delete", "OLD1 sign", "sign", "delete OLD1"] {
        assert!(front.answer(wrong).is_err(), "{wrong} was taken");
    }
    assert!(front.answer("OLD2 delete").unwrap_err().contains("You typed OLD2. AccessKeyId ends in OLD1."));
    let Ok(Some(Intent::Confirm { answer, .. })) = front.answer("OLD1 delete") else { panic!() };
    assert_eq!(answer.how, "type_back");
    assert_eq!((answer.typed.as_deref(), answer.reason.as_deref()), (Some("OLD1"), Some("drill")));
}

#[test]
fn a_failure_offers_its_words() {
    let (mut front, lines) = said(&fixtures::failure());
    assert!(lines.ends_with("Type retry, redo, back, leave, abort or hand over:"), "{lines}");
    assert_eq!(
        front.answer("retry"),
        Ok(Some(Intent::Retry { step: "proofs".into(), row: Some("vault host".into()) }))
    );
    let (mut front, _) = said(&fixtures::failure());
    assert_eq!(front.answer("back"), Ok(None));
    let plan = front.opened().join("\n");
    assert!(plan.contains("Act 1, to do: Deactivate AKIAEXAMPLE000007Q4T."), "{plan}");
    assert!(plan.ends_with("REAL Reason:"));
    assert_eq!(front.answer("it broke"), Ok(None));
    assert!(front.answer("y").is_err());
    assert_eq!(
        front.answer("sign"),
        Ok(Some(Intent::RollBack { reason: "it broke".into(), digest: Some("77aa".into()) }))
    );
}

#[test]
fn no_gets_one_out_of_a_plan() {
    let (mut front, _) = said(&fixtures::failure());
    assert_eq!(front.answer("abort"), Ok(None));
    assert_eq!(front.answer("no"), Ok(None));
    assert!(front.answer("sign").is_err());
}

#[test]
fn what_is_off_says_why() {
    let (mut front, _) = said(&fixtures::rows());
    assert!(front.answer("leave").unwrap_err().starts_with("Row 2 is under way."));
    assert!(front.answer("back").unwrap_err().starts_with("Opens when that answer is in"));
    assert!(front.answer("move").unwrap_err().contains("can't be moved"));
    assert!(front.answer("sign").is_err());
}

#[test]
fn of_the_same_act_only_news_are_said() {
    let mut view = fixtures::verifying();
    let (mut front, _) = said(&view);
    assert!(front.lines(&view).is_empty());
    view.panel.body.push(Row::Sample(crate::view::Sample {
        time: "03:15:30".into(),
        status: crate::view::Status::Pass,
        word: "pass".into(),
        text: "same ARN".into(),
        count: "4 of 5".into(),
    }));
    let news = front.lines(&view);
    assert!(news.contains(&"REAL 03:15:30 pass. same ARN 4 of 5.".to_owned()), "{news:?}");
    assert!(!news.iter().any(|line| line.contains("03:15:16")), "{news:?}");
}

#[test]
fn other_pages_have_lines_too() {
    let all = |view: View| page(&view).join("\n");
    let home = all(View::Home(fixtures::home()));
    assert!(home.contains("Needs you: in doubt: billing-export: step 2: create was sent, no answer. Thu 03:05"));
    let keys = all(View::AccountKeys(fixtures::account_keys()));
    assert!(keys.contains("legacy-ftp, id unknown: unknown: state unknown, age unknown, last use unknown, no run."));
    let end = all(View::End(Box::new(fixtures::end())));
    assert!(end.contains("Head: 77c2d90b51aa63e0f4c8b9172d30ee65"));
    let inputs = all(View::Inputs(fixtures::inputs()));
    assert!(
        inputs.contains("github_token: fail: missing: GITHUB_TOKEN is not set (from keyward.yaml:52)."),
        "{inputs}"
    );
    let transcript = all(View::Transcript(fixtures::transcript()));
    assert!(transcript.contains("Deviation: entry 89, retry"));
}

/// The lines of two screens, whole. `KEYWARD_WRITE_FRAMES=1` writes them anew.
#[test]
fn lines_of_whole_screens() {
    for (name, view) in
        [("05-confirm", fixtures::confirm()), ("07-rows", fixtures::rows()), ("10-failure", fixtures::failure())]
    {
        let path = format!("{}/tests/frames/{name}-plain.txt", env!("CARGO_MANIFEST_DIR"));
        let (_, lines) = said(&view);
        if std::env::var_os("KEYWARD_WRITE_FRAMES").is_some() {
            std::fs::write(&path, lines + "\n").unwrap();
            continue;
        }
        assert_eq!(lines + "\n", std::fs::read_to_string(&path).unwrap(), "{name}");
    }
}
