//! The screens of a rotation, as views: what tests of both interfaces draw.
#![allow(missing_docs)]

#[path = "fixtures_pages.rs"]
mod pages;
#[path = "fixtures_stops.rs"]
mod stops;

pub use pages::*;
pub use stops::*;

use super::*;
use crate::engine::entry::Answer;

pub const USER: &str = "raxx-vault-operator";
pub const TITLE: &str = "Rotate an IAM user's access key";

pub fn banner() -> Banner {
    Banner {
        mode: Mode::Real,
        environment: "prod".into(),
        account: "111122223333".into(),
        user: USER.into(),
        title: TITLE.into(),
        right: Text::new(),
        now: "Thu 20 Nov 03:16 CET".into(),
    }
}

/// Steps from a line like `0✓ 1✓✓ ║ 7b╫╫`.
pub fn progress(line: &str, position: &str) -> Progress {
    let mut progress = Progress { position: position.into(), ..Progress::default() };
    for group in line.split_whitespace() {
        if group == "║" {
            progress.no_return = Some(progress.steps.len());
            continue;
        }
        let is_sop = |c: &char| c.is_ascii_alphanumeric();
        let sop: String = group.chars().take_while(is_sop).collect();
        for glyph in group.chars().skip_while(is_sop) {
            progress.steps.push(StepItem {
                sop: sop.clone(),
                title: format!("Step {sop}"),
                status: Status::of_glyph(glyph).unwrap(),
                tag: String::new(),
                rows: Vec::new(),
            });
        }
    }
    progress
}

pub fn confirm_of(step: &str) -> Intent {
    Intent::Confirm { step: step.into(), digest: "1d0c77fe".into(), answer: Answer::default() }
}

pub fn way_back() -> Offer {
    Offer {
        command: Some(Command::WayBack),
        panel: Panel {
            border: Border::Heavy,
            title: "Way back to the old key".into(),
            tag: "CHANGES · REAL".into(),
            body: vec![
                Row::line("These 2 acts, each sent once; a ✗ stops."),
                Row::Act(Act {
                    status: Status::ToDo,
                    number: 1,
                    title: "Deactivate AKIAEXAMPLE000007Q4T".into(),
                    from: String::new(),
                    now: String::new(),
                    time: String::new(),
                }),
                Row::Act(Act {
                    status: Status::ToDo,
                    number: 2,
                    title: "Delete AKIAEXAMPLE000007Q4T".into(),
                    from: "only if never delivered".into(),
                    now: String::new(),
                    time: String::new(),
                }),
            ],
            foot: Foot::Lines,
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::RollBack { reason: String::new(), digest: Some("77aa".into()) },
            sentence: "go back in 2 acts".into(),
            fields: vec![Field::reason()],
            fields_title: "Why you go back".into(),
        },
        facts: Facts {
            notices: "nobody: the new key was never delivered".into(),
            way_back: "this is it. It waits for no approval, no window, no signature.".into(),
            walk_away: "not between the acts: about 5 s".into(),
        },
    }
}

pub fn hand_over() -> Offer {
    Offer {
        command: Some(Command::HandOver),
        panel: Panel {
            title: "Hand over".into(),
            tag: "changes no system".into(),
            body: vec![Row::field("May take it", "bob@example.com, carol@example.com")],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::HandOver { to: String::new() },
            sentence: "hand this run over".into(),
            fields: vec![Field {
                key: FieldKey::Text,
                label: "To".into(),
                kind: FieldKind::Text,
                required: true,
                value: String::new(),
                hint: String::new(),
            }],
            fields_title: "To whom".into(),
        },
        facts: Facts::default(),
    }
}

pub fn abort() -> Offer {
    Offer {
        command: Some(Command::Abort),
        panel: Panel {
            title: "Abort".into(),
            tag: "ends the run".into(),
            body: vec![Row::line("It ends so: vault host broken, both keys Active.")],
            ..Panel::default()
        },
        ask: Ask {
            by: By::Sign,
            intent: Intent::Abort { reason: String::new() },
            sentence: "end this run as it stands".into(),
            fields: vec![Field::reason()],
            fields_title: "Why it ends here".into(),
        },
        facts: Facts::default(),
    }
}

pub fn run() -> RunView {
    RunView {
        banner: banner(),
        progress: Progress::default(),
        panel: Panel::default(),
        notices: Text::new(),
        way_back: Text::new(),
        walk_away: Text::new(),
        ask: None,
        enter: EnterDoes::Quiet,
        offers: vec![way_back(), hand_over(), abort()],
        off: vec![
            Off::new(Command::MoveClock, "real clock", "The clock of a real account can't be moved."),
            Off::new(Command::Skip, "needed", "Step 6 needs this step."),
        ],
        first_hint: None,
        under_way: None,
        side: Side::default(),
        copy: Some("1d0c77fe".into()),
        footer: Footer::default(),
    }
}

pub fn footer(left: &str, right: &str) -> Footer {
    Footer { left: Text::marked(left), right: Text::marked(right) }
}

pub fn panel(border: Border, title: &str, tag: &str, body: Vec<Row>, foot: Foot) -> Panel {
    Panel { border, title: Text::marked(title), tag: Text::marked(tag), label_width: None, body, foot }
}

pub fn at(label: &str, value: &str, column: usize, aside: &str) -> Row {
    Row::Field { label: Text::marked(label), value: Text::marked(value), aside: Some((column, Text::marked(aside))) }
}

pub fn marked(label: &str, value: &str) -> Row {
    Row::Field { label: Text::marked(label), value: Text::marked(value), aside: None }
}

/// 05.
pub fn confirm() -> RunView {
    RunView {
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2► 3○○ 4○ 5○ 6○ 7a╫○ ║ 7b╫╫", "6 of 15 · ~3 min, 1 h, 24 h"),
        panel: panel(
            Border::Heavy,
            "2  Create the new key",
            "CHANGES AWS · REAL",
            vec![
                Row::field("Will do", "iam:CreateAccessKey, sent once"),
                Row::more("UserName = raxx-vault-operator"),
                Row::field("At", "https://iam.amazonaws.com · account 111122223333 (prod)"),
                Row::field("As", "arn:aws:sts::111122223333:assumed-role/oncall/alice"),
                Row::field("Same as", "aws iam create-access-key --user-name raxx-vault-operator"),
                Row::field("Expect", "the new key is listed Active, 5 times in a row, within 60 s"),
                Row::field("Gates", "none for this step"),
                Row::field("Secret", "stays in memory; neither you nor the transcript will see it"),
                Row::field("Why", "AWS allows two keys, so both work while consumers move over."),
                Row::Blank,
                Row::field("Keys now", "AKIAEXAMPLE00000OLD1  Active  412 d  used 02:58, s3"),
                at("", "1 of 2: room for the new one", 43, "read 03:15:02 CET"),
            ],
            Foot::Lines,
        ),
        notices: "nobody: no one has the new key yet".into(),
        way_back: "yes: deactivate, then delete the new key; about 5 s, no approval".into(),
        walk_away: "yes: nothing is under way".into(),
        ask: Some(Ask {
            by: By::Sign,
            intent: confirm_of("create"),
            sentence: "create a key for raxx-vault-operator".into(),
            fields: Vec::new(),
            fields_title: String::new(),
        }),
        enter: EnterDoes::Asked,
        footer: footer("signed ◆ alice@example.com 03:14:41", "38 entries · head 9f3a 51c0"),
        ..run()
    }
}

pub fn sample(time: &str, status: Status, word: &str, text: &str, count: &str) -> Row {
    Row::Sample(Sample { time: time.into(), status, word: word.into(), text: text.into(), count: count.into() })
}

/// 06.
pub fn verifying() -> RunView {
    RunView {
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3⠹○ 4○ 5○ 6○ 7a╫○ ║ 7b╫╫", "7 of 15 · ~3 min, 1 h, 24 h"),
        panel: panel(
            Border::Thin,
            "3  The new key authenticates as the same user",
            "reads only · REAL",
            vec![
                Row::field("Asks", "sts:GetCallerIdentity as new AKIAEXAMPLE000007Q4T"),
                Row::field("Expect", "arn = arn:aws:iam::111122223333:user/raxx-vault-operator"),
                Row::more("5 times in a row, every 2 s; fails if not so by 03:17:14"),
                Row::section("Samples", "3 of 5 in a row ███░░"),
                sample("03:15:16", Status::Fail, "not yet", "InvalidClientTokenId: new keys need 3 to 15 s", "0 of 5"),
                sample("03:15:18", Status::Pass, "pass", "same ARN", "1 of 5"),
                sample("03:15:20", Status::Unknown, "unknown", "Throttling: no answer to judge, so back to", "0 of 5"),
                sample("03:15:22", Status::Pass, "pass", "same ARN", "1 of 5"),
                sample("03:15:24", Status::Pass, "pass", "same ARN", "2 of 5"),
                sample("03:15:26", Status::Pass, "pass", "same ARN", "3 of 5"),
                sample("03:15:28", Status::UnderWay, "asking", "", ""),
            ],
            Foot::Follow,
        ),
        notices: "nobody: the old key is Active and still used everywhere".into(),
        way_back: "yes: deactivate, then delete …7Q4T; it was never delivered".into(),
        walk_away: "not yet: this ends by 03:17:14, pass or fail".into(),
        enter: EnterDoes::Off("the step is asking".into(), "The step is asking. It ends by 03:17:14.".into()),
        off: vec![Off::new(Command::HandOver, "answer due", "Opens when the answer is in.")],
        footer: footer("signed ◆ alice@example.com 03:15:03", "54 entries · head 07be 3d11"),
        ..run()
    }
}

pub fn holder(status: Status, key: &str, cells: [&str; 3], whole: Vec<Row>) -> TableRow {
    let mut all = vec![Text::from(key)];
    all.extend(cells.map(Text::from));
    TableRow { key: key.into(), status, cells: all, whole }
}

/// 07.
pub fn rows() -> RunView {
    let why = "Row 2 is under way. Its answer is due by 03:17:14.";
    RunView {
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3✓✓ 4✓ 5⠹ 6○ 7a╫○ ║ 7b╫╫", "10 of 15 · ~2 min, 1 h, 24 h"),
        panel: panel(
            Border::Heavy,
            "5  Update every consumer",
            "CHANGES 3 HOLDERS · REAL",
            vec![
                marked("Will do", "holder.put, 3 rows, 5 calls, each sent once; a ✗ stops the rest"),
                Row::more("AWS_ACCESS_KEY_ID     = AKIAEXAMPLE000007Q4T"),
                Row::more("AWS_SECRET_ACCESS_KEY = secret, fingerprint 4c1e 9a02"),
                Row::section("Rows", "1 of 3 pass"),
                Row::Table(Table {
                    columns: vec![
                        ("holder".into(), 17),
                        ("held before".into(), 14),
                        ("now".into(), 26),
                        ("way back".into(), 17),
                    ],
                    rows: vec![
                        holder(
                            Status::Pass,
                            "raxx-api-prod",
                            ["…OLD1, v112", "…7Q4T, v113, read back", "v112"],
                            vec![],
                        ),
                        holder(
                            Status::UnderWay,
                            "raxx/backup",
                            ["write-only", "call 1 of 2 sent 03:16:44", "old pair, sealed"],
                            vec![
                                Row::field(
                                    "Call 1",
                                    "PUT https://api.github.com/repos/raxx/backup/actions/secrets/AWS_ACCESS_KEY_ID",
                                ),
                                Row::field(
                                    "Call 2",
                                    "PUT https://api.github.com/repos/raxx/backup/actions/secrets/AWS_SECRET_ACCESS_KEY",
                                ),
                                Row::field("Expect", "updated_at of both is after the call, within 30 s"),
                            ],
                        ),
                        holder(Status::ToDo, "vault host", ["…OLD1", "…OLD1, not touched", "old pair, sealed"], vec![]),
                    ],
                    selected: 1,
                }),
            ],
            Foot::Plain,
        ),
        notices: "Heroku restarts its dynos, vault its service; CI jobs keep …OLD1".into(),
        way_back: "yes, about 20 s, no approval; unsealing needs your SSH key".into(),
        walk_away: "not yet: row 2 is under way, answer due by 03:17:14".into(),
        enter: EnterDoes::Off("row 2 is under way".into(), why.into()),
        off: vec![
            Off::new(Command::WayBack, "row 2 is under way", "Opens when that answer is in: 03:17:14 at the latest."),
            Off::new(
                Command::Leave,
                "row 2 is under way",
                "Row 2 is under way. Ctrl-C leaves anyway, with row 2 in doubt.",
            ),
            Off::new(Command::HandOver, "answer due", "Opens when the answer is in."),
            Off::new(Command::Abort, "answer due", "Opens when the answer is in."),
            Off::new(Command::Skip, "needed", "Step 6 needs this step."),
            Off::new(Command::MoveClock, "real clock", "The clock of a real account can't be moved."),
            Off::new(Command::Sign, "signed", "This step is signed; its next row needs no new one."),
        ],
        under_way: Some(UnderWay {
            what: "row 2".into(),
            sent: "sent 03:16:44, no answer yet".into(),
            due: "03:17:14".into(),
        }),
        footer: footer("signed ◆ alice@example.com 03:16:31", "71 entries · head c55d 90aa"),
        ..run()
    }
}

/// 08.
pub fn irreversible() -> RunView {
    RunView {
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3✓✓ 4✓ 5✓ 6✓ 7a✓✓ ║ 7b✓►", "15 of 15 · last step"),
        panel: panel(
            Border::Double,
            "7b  Delete the old key",
            "IRREVERSIBLE · REAL",
            vec![
                Row::field("Will do", "iam:DeleteAccessKey, sent once"),
                Row::more("UserName = raxx-vault-operator"),
                Row::more("AccessKeyId = AKIAEXAMPLE00000OLD1"),
                Row::field("At", "https://iam.amazonaws.com · account 111122223333 (prod)"),
                Row::field("As", "arn:aws:sts::111122223333:assumed-role/oncall/alice"),
                Row::field(
                    "Same as",
                    "aws iam delete-access-key --user-name raxx-vault-operator --access-key-id AKIAEXAMPLE00000OLD1",
                ),
                Row::field("Gates", "all read again at Fri 04:42:50"),
                Row::line("  ✓ Inactive 24 h 10 min (at least 24 h; 48 h is recommended)"),
                Row::line("  ✓ last use Thu 03:16; none seen after Thu 04:47 (AWS: ~15 min coarse)"),
                Row::line("  ✓ 7b proofs, Fri 04:41: 3 of 3 work     ✓ no consumer holds this key"),
                Row::line("  ✓ it is not your own key                Stays AKIAEXAMPLE000007Q4T"),
            ],
            Foot::Plain,
        ),
        notices: "nobody, if the gates are right: nothing has used it for 24 h".into(),
        way_back: Text::new().strong("NONE").say(". A deleted key can't be recovered, by you or by AWS."),
        walk_away: "yes: nothing is under way; Sat 04:32 is the recommended time".into(),
        ask: Some(Ask {
            by: By::TypeBack,
            intent: confirm_of("delete"),
            sentence: "delete AKIAEXAMPLE00000OLD1 for good".into(),
            fields: vec![Field::reason(), Field::type_back("Last four", "OLD1", "AccessKeyId")],
            fields_title: "Reason, then the last four of AccessKeyId above".into(),
        }),
        enter: EnterDoes::Asked,
        footer: footer("signed ◆ alice@example.com Thu 04:35:20", "118 entries · head 4e02 b7c9"),
        ..run()
    }
}
