//! Where a run stops or waits: gate, failure, doubt, way back, approval, end.

use serde_json::Value;

use super::super::*;
use super::*;
use crate::engine::entry::{Doubt, Place};

/// 09.
pub fn gate() -> RunView {
    RunView {
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3✓✓ 4✓ 5✓ 6✓ 7a✓✓ ║ 7b╫╫", "14 of 15 · opens Fri 04:32"),
        panel: panel(
            Border::Thin,
            "7b  Every consumer works, after the observation",
            "WAITS · REAL",
            vec![
                Row::line("You may walk away. Nothing runs here until Fri 21 Nov 04:32 CET."),
                Row::Blank,
                at("Waits for", "╫ 24 h since the deactivate", 31, "opens Fri 04:32:40"),
                at("", "  48 h is recommended", 31, "that is Sat 04:32:40"),
                marked("", "✓ counted by AWS's clock, from Thu 04:32:40"),
                Row::field("Meanwhile", "the new key works at 3 of 3 consumers; the old one is Inactive"),
                Row::field("If it breaks", "  R reactivates the old key: about 5 s, any time, no approval"),
                Row::field("Who watches", "   nobody. To watch and be told:   keyward watch 7f3a"),
                Row::field("Come back", "    keyward resume 7f3a   or Enter on the home screen"),
                Row::field("Someone else", "  H hands it over: bob@example.com, carol@example.com may"),
                Row::line("If nobody does, the old key stays Inactive; overdue from Sun 04:32"),
                Row::Blank,
                Row::line("As of 04:35 CET: 23 h 58 min left. This page does not tick; any key"),
                Row::line("brings it up to date."),
            ],
            Foot::Plain,
        ),
        notices: "nobody now; whatever still holds the old key fails".into(),
        way_back: "yes, until the delete: reactivate …OLD1, then holders; about 20 s".into(),
        walk_away: Text::new().strong("YES").say(", until Fri 04:32. Three proofs and one delete remain."),
        first_hint: Some(Command::Leave),
        footer: footer("signed ◆ alice@example.com 04:32:38", "104 entries · head e81f 0a44"),
        ..run()
    }
}

fn choice(label: &str, word: &str, text: &str, does: &str, opens: Opens) -> Row {
    Row::Choice(Choice { label: label.into(), word: word.into(), text: text.into(), does: does.into(), opens })
}

/// 10.
pub fn failure() -> RunView {
    let retry = Intent::Retry { step: "proofs".into(), row: Some("vault host".into()) };
    let redo = Intent::Redo { step: "consumers".into(), row: "vault host".into() };
    RunView {
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3✓✓ 4✓ 5✓ 6✗ 7a╫○ ║ 7b╫╫", "11 of 15 · stopped"),
        panel: panel(
            Border::Thin,
            "6  Every consumer works with the new key",
            "✗ FAIL · REAL",
            vec![
                Row::line("✗ vault host     3 of 3 calls refused, until 03:23:30"),
                Row::line("                 AWS said: SignatureDoesNotMatch"),
                Row::line("                 That is: the right key id with a secret not its own"),
                Row::line("✓ raxx-api-prod      ✓ raxx/backup"),
                Row::section("Choose; none of these changes anything yet", ""),
                choice(
                    "Retry",
                    "retry",
                    "asks the vault host again, up to 5 min. Reads only.",
                    "retries (reads)",
                    Opens::Now(retry),
                ),
                choice(
                    "Redo row",
                    "redo",
                    "opens step 5 for the vault host alone; you sign again.",
                    "opens step 5 for the vault host",
                    Opens::Now(redo),
                ),
                choice(
                    "Roll back",
                    "back",
                    "shows the 6 acts back to the old key, about 20 s; you sign.",
                    "shows the way back",
                    Opens::Command(Command::WayBack),
                ),
                choice(
                    "Suspend",
                    "leave",
                    "leaves it so: the vault host is broken. keyward resume 7f3a.",
                    "opens the page to suspend",
                    Opens::Command(Command::Leave),
                ),
                choice(
                    "Abort",
                    "abort",
                    "ends it so: vault host broken, both keys Active. Asks why.",
                    "opens the page to abort",
                    Opens::Page(Box::new(Offer { command: None, ..abort() })),
                ),
            ],
            Foot::Plain,
        ),
        notices: "users of the vault host, now: it can't call AWS. The rest works.".into(),
        way_back: "yes: rows newest first, then the store; about 20 s, no approval".into(),
        walk_away: "no: the vault host fails now. Redo row or Roll back first.".into(),
        footer: footer("signed ◆ alice@example.com 03:16:31", "88 entries · head 1b7a 6630"),
        ..run()
    }
}

/// 11.
pub fn in_doubt() -> RunView {
    let place = Place { step: "create".into(), attempt: 1, row: String::new(), call: 0 };
    let reconcile = |outcome| Intent::Reconcile { place: place.clone(), outcome, typed: String::new() };
    let ours = Offer {
        command: None,
        panel: panel(
            Border::Thin,
            "This key is ours",
            "changes no system",
            vec![Row::line("Then it is deactivated, deleted, and another one created; you sign each.")],
            Foot::Plain,
        ),
        ask: Ask {
            by: By::Sign,
            intent: reconcile(Doubt::DoneLost),
            sentence: "say that AKIAEXAMPLE00000Z9XC is ours".into(),
            fields: vec![Field::type_back("Last four", "Z9XC", "AccessKeyId")],
            fields_title: "The last four of the key that is ours".into(),
        },
        facts: Facts::default(),
    };
    RunView {
        banner: Banner { user: "billing-export".into(), ..banner() },
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2! 3○○ 4○ 5○ 6○ 7a╫○ ║ 7b╫╫", "6 of 15 · in doubt"),
        panel: Panel {
            label_width: Some(15),
            ..panel(
                Border::Heavy,
                "2  Create the new key",
                "",
                vec![
                    Row::line("Sent at 03:05:09; keyward stopped before an answer was written down."),
                    Row::line("A key may exist. Nothing is sent again before AWS has been asked."),
                    Row::section("AWS, asked 5 times over 60 s", "done 03:13:31"),
                    Row::line("  AKIAEXAMPLE0000081LL  Active   88 d   was there before"),
                    Row::Line(
                        Text::from(Status::InDoubt)
                            .say(" AKIAEXAMPLE00000Z9XC  Active  created 03:05:09   was not there before"),
                    ),
                    Row::field(
                        "Whose is it?",
                        Text::from("CloudTrail has no event yet: ")
                            .mark(Status::Unknown)
                            .say(" unknown. It is minutes late."),
                    ),
                    Row::field("Its secret", "no sealed copy, so the key is of no use to anyone"),
                    Row::section("Choose", ""),
                    choice(
                        "Ask CloudTrail again",
                        "ask",
                        "at 03:18 by itself, or now. Reads only.",
                        "asks (reads)",
                        Opens::Now(Intent::AskAgain),
                    ),
                    choice(
                        "It is ours",
                        "ours",
                        "type its last four; then deactivate, delete, create again",
                        "opens a page: type its last four",
                        Opens::Page(Box::new(ours)),
                    ),
                    choice(
                        "Not ours",
                        "not ours",
                        "pauses, and leaves …Z9XC alone for good: tell its owner",
                        "pauses, and leaves it alone",
                        Opens::Now(reconcile(Doubt::NotOurs)),
                    ),
                    choice(
                        "Suspend",
                        "leave",
                        "leaves it in doubt. keyward resume 77aa.",
                        "opens the page to suspend",
                        Opens::Command(Command::Leave),
                    ),
                ],
                Foot::Plain,
            )
        },
        notices: "nobody: no consumer has had this key".into(),
        way_back: "yes, once you know whose it is: it was never delivered".into(),
        walk_away: "yes: nothing is under way".into(),
        footer: footer("signed ◆ alice@example.com 03:05:02", "41 entries · resumed 03:12:20"),
        ..run()
    }
    .tagged(Text::from(Status::InDoubt).say(" IN DOUBT · REAL"))
}

impl RunView {
    fn tagged(mut self, tag: Text) -> Self {
        self.panel.tag = tag;
        self
    }
}

fn act(status: Status, number: u32, words: [&str; 4]) -> Row {
    let [title, from, now, time] = words.map(str::to_owned);
    Row::Act(Act { status, number, title, from, now, time })
}

/// 12.
pub fn rollback() -> RunView {
    let why = "Act 3 is under way. Its answer is due by 04:41:46.";
    RunView {
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3✓✓ 4✓ 5⠹ 6✓ 7a◄✗ ║ 7b╫╫", "way back · act 3 of 7"),
        panel: panel(
            Border::Heavy,
            "Way back to the old key",
            "CHANGES · REAL",
            vec![
                Row::line("You confirmed these 7 acts at 04:41:02. Each is sent once; a ✗ stops here."),
                act(Status::Pass, 1, ["Reactivate AKIAEXAMPLE00000OLD1", "", "Active, 5 of 5", "04:41:07"]),
                act(Status::Pass, 2, ["Restore vault host", "old pair, was sealed", "read back", "04:41:15"]),
                act(Status::UnderWay, 3, ["Restore raxx/backup", "old pair, was sealed", "sent", "04:41:16"]),
                act(Status::ToDo, 4, ["Restore raxx-api-prod", "v112", "", ""]),
                act(Status::ToDo, 5, ["Restore infisical prod", "version 41", "", ""]),
                act(Status::ToDo, 6, ["Every holder works with the old key", "", "reads, 4 rows", ""]),
                act(Status::ToDo, 7, ["Deactivate AKIAEXAMPLE000007Q4T", "", "only after 6 passes", ""]),
                Row::Blank,
                Row::field("Works now", "both keys, until act 7: nobody is without one"),
                marked("Signing", "≠ unsigned: no signature came. The way back goes on;"),
                Row::more("your next signature covers it."),
                Row::field("After", "Investigate, then start again from 2. …7Q4T stays Inactive;"),
                Row::more("the next run deletes it, a day later."),
            ],
            Foot::Plain,
        ),
        notices: "Heroku restarts its dynos; the vault host has restarted".into(),
        way_back: "this is it. It waits for no approval, no window, no signature.".into(),
        walk_away: "not yet: act 3 is under way, answer due by 04:41:46".into(),
        enter: EnterDoes::Off("act 3 is under way".into(), why.into()),
        off: vec![
            Off::new(Command::WayBack, "this is it", "This is the way back."),
            Off::new(
                Command::Leave,
                "act 3 is under way",
                "Act 3 is under way. Ctrl-C leaves anyway, with act 3 in doubt.",
            ),
            Off::new(Command::HandOver, "answer due", "Opens when the answer is in."),
        ],
        under_way: Some(UnderWay {
            what: "act 3".into(),
            sent: "sent 04:41:16, no answer yet".into(),
            due: "04:41:46".into(),
        }),
        footer: footer("≠ unsigned since 04:41:02 · last ◆ alice@example.com 04:32:38", "131 entries"),
        ..run()
    }
}

/// 13.
pub fn approval() -> RunView {
    RunView {
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3✓✓ 4✓ 5✓ 6✓ 7a►○ ║ 7b╫╫", "12 of 15 · ~1 min, 24 h"),
        panel: panel(
            Border::Heavy,
            "7a  Deactivate the old key",
            "CHANGES AWS · REAL",
            vec![
                Row::field("Will do", "iam:UpdateAccessKey, sent once"),
                Row::more("UserName = raxx-vault-operator"),
                Row::more("AccessKeyId = AKIAEXAMPLE00000OLD1"),
                Row::more("Status = Inactive"),
                Row::field("At", "https://iam.amazonaws.com · account 111122223333 (prod)"),
                Row::field("As", "arn:aws:sts::111122223333:assumed-role/oncall/alice"),
                Row::field(
                    "Same as",
                    "aws iam update-access-key --user-name raxx-vault-operator --access-key-id AKIAEXAMPLE00000OLD1 --status Inactive",
                ),
                Row::line("Gates  ✓ step 6 passed   ✓ last use 03:16; none seen after 03:39"),
                Row::line("       ✓ not 08:00–20:00 Europe/Berlin"),
                Row::line("       ✓ approval, 1 of superadmin            ► came just now, 04:31:12"),
                Row::section("bob@example.com approved this action", "valid until 08:31"),
                Row::field("Saw", "the same action, sha256 1d0c 77fe; 4 gates; 2 deviations"),
                marked("Signed", "◆ good: another person and another key than yours, Qm3vX0c1"),
                Row::field("Wrote", "\"traffic is low, go\""),
            ],
            Foot::Lines,
        ),
        notices: "whatever still holds the old key fails from now on".into(),
        way_back: "yes: reactivate …OLD1; about 5 s, no approval".into(),
        walk_away: "yes: nothing was done; the approval ends 08:31".into(),
        ask: Some(Ask {
            by: By::Sign,
            intent: confirm_of("deactivate"),
            sentence: "deactivate AKIAEXAMPLE00000OLD1".into(),
            fields: Vec::new(),
            fields_title: String::new(),
        }),
        enter: EnterDoes::Asked,
        footer: footer("signed ◆ alice 03:16:31 · approved ◆ bob 04:31:12", "97 entries · head a0d3 2f18"),
        ..run()
    }
}

/// 15.
pub fn end() -> EndView {
    EndView {
        banner: banner(),
        progress: progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3✓✓ 4✓ 5✓ 6✓ 7a✓✓ ║ 7b✓✓", "15 of 15 · completed"),
        panel: panel(
            Border::Thin,
            "✓ Completed and sealed",
            "Fri 21 Nov 04:44:10 CET · REAL",
            vec![
                Row::field("Happened", "AKIAEXAMPLE000007Q4T is in use: 3 of 3 consumers, 1 store"),
                Row::more("AKIAEXAMPLE00000OLD1 is deleted, after 24 h 10 min Inactive"),
                Row::more("AKIAEXAMPLE000003KLM is deleted: Inactive, 390 d old"),
                Row::field("By", "alice@example.com; 7a approved by bob@example.com"),
                Row::field("≠ 2", "not as the runbook says:"),
                Row::more("advisory  step 0: you may lack cloudtrail:LookupEvents"),
                Row::more("retry     step 6: vault host, second attempt"),
                Row::field("Remains", "nothing in AWS. Next rotation due Thu 18 Feb (90 d), by ops."),
                Row::field(
                    "Transcript",
                    Text::from("~/.local/share/keyward/20261120T021401Z-aws-iam-access-key-")
                        .line_end()
                        .say("raxx-vault-operator-7f3a/transcript.jsonl"),
                ),
                Row::field("Head", "77c2d90b51aa63e0f4c8b9172d30ee65"),
                Row::more("  a1f09b84c7d2365e18fa0b6ce44b0d19"),
                marked("Told", "audit event sent to logs 04:44:11 ✓"),
                Row::field("Proven by", "ssh-keygen and sha256sum alone; the pack (x) says how"),
            ],
            Foot::Plain,
        ),
        copy: Some("77c2d90b51aa63e0f4c8b9172d30ee65a1f09b84c7d2365e18fa0b6ce44b0d19".into()),
        footer: footer("signed ◆ alice@example.com 04:44:10 (seal)", "126 entries · run 12 of 12"),
    }
}

/// A run whose entered values and row are of no interest.
pub fn add_row() -> Intent {
    Intent::AddRow { list: "consumers".into(), value: Value::Null, reason: String::new() }
}
