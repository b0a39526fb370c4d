//! The pages around a run, and the wide screen of a run.

use super::super::*;
use super::{banner, confirm_of, progress, run};

fn place(user: &str, title: &str, right: &str) -> Banner {
    Banner { user: user.into(), title: title.into(), right: Text::marked(right), now: String::new(), ..banner() }
}

/// 01.
pub fn home() -> HomeView {
    let need = |id: &str, status, word: &str, sop: &str, text: &str, right: &str| Need {
        id: id.into(),
        status,
        word: word.into(),
        name: id.into(),
        sop: sop.into(),
        text: text.into(),
        right: right.into(),
        enter: format!("opens {id}: it asks AWS what happened and changes nothing"),
    };
    let overdue = "no run yet";
    let run = |id: &str, status, word: &str, name: &str, date: &str, by: &str, text: &str| RunItem {
        id: id.into(),
        status,
        word: word.into(),
        short: id.into(),
        name: name.into(),
        date: date.into(),
        by: by.into(),
        text: text.into(),
    };
    let book = |id: &str, title: &str, status, drilled: &str, origin: &str| RunbookItem {
        id: id.into(),
        title: title.into(),
        status,
        drilled: drilled.into(),
        origin: origin.into(),
    };
    HomeView {
        banner: place("", "", "alice@example.com · Thu 20 Nov 03:12 CET"),
        needs: vec![
            need("billing-export", Status::InDoubt, "in doubt", "2", "create was sent, no answer", "Thu 03:05"),
            need("raxx-ci", Status::Pass, "may go on", "7b", "its 24 h are over: prove, then delete", ""),
            need("mail-relay", Status::Waits, "waits", "7a", "opens Thu 04:31, bob approved", ""),
            need("raxx-vault-operator", Status::Fail, "overdue", "", "key 412 d old, limit 90 d", overdue),
            need("raxx-backup-writer", Status::Fail, "overdue", "", "key 203 d old, limit 90 d", overdue),
        ],
        runs: vec![
            run("7c20", Status::Pass, "completed", "raxx-metrics", "Wed 19 Nov", "alice", "0 deviations"),
            run("6b11", Status::RolledBack, "rolled back", "raxx-logs", "Mon 17 Nov", "bob", "2 deviations"),
        ],
        more_runs: 11,
        runbooks: vec![
            book("aws-iam", "Rotate an IAM user's access key", Status::Pass, "drilled Tue 18 Nov by you", "workspace"),
            book("leak", "A leaked key: block, then rotate", Status::Fail, "drilled 131 d ago, limit 90", "workspace"),
            book("ses", "Rotate an SES SMTP password", Status::Unknown, "never drilled", "built in"),
            book("ci", "Rotate the CI deploy key", Status::Pass, "drilled Wed 12 Nov by bob", "built in"),
        ],
        footer: Footer {
            left: Text::marked("signed ◆ last 03:05 by alice@example.com"),
            right: "register 12 runs, no gap".into(),
        },
    }
}

/// 02.
pub fn user_keys() -> UserKeysView {
    let fact = |label: &str, value: Text, right: &str| (label.to_owned(), value, Text::from(right));
    let made = || fact("made by", "unknown: older than the register".into(), "");
    UserKeysView {
        banner: place(super::USER, "", "read 03:13:20 CET"),
        user: super::USER.into(),
        tag: "2 of 2: no room for a third".into(),
        keys: vec![
            KeyItem {
                id: "AKIAEXAMPLE00000OLD1".into(),
                status: Status::Fail,
                state: "Active".into(),
                age: "412 d".into(),
                text: "limit 90 d: overdue 322 d".into(),
                facts: vec![
                    fact("used", "Thu 02:58, s3, eu-central-1".into(), "AWS reports use ~15 min late"),
                    fact(
                        "holders",
                        Text::from("infisical prod · raxx-api-prod · raxx/backup ·")
                            .line_end()
                            .say("vault host: 4 of 4 say this key"),
                        "",
                    ),
                    made(),
                ],
            },
            KeyItem {
                id: "AKIAEXAMPLE000003KLM".into(),
                status: Status::Unknown,
                state: "Inactive".into(),
                age: "390 d".into(),
                text: "unknown: not read, throttled".into(),
                facts: vec![
                    fact("used", "unknown is not \"never\". r asks again.".into(), ""),
                    fact("holders", "none of the 4 known says this key".into(), ""),
                    made(),
                ],
            },
        ],
        can: vec![
            Row::line("Rotate an IAM user's access key   drilled Tue 18 Nov   ~4 min, 1 h, 24 h"),
            Row::line("  first deletes …3KLM: AWS allows two keys. That step is irreversible and"),
            Row::line("  off for now: the last use of …3KLM is unknown."),
        ],
        runbook: "aws-iam".into(),
        enter: "opens the inputs; nothing is sent".into(),
        reread_off: None,
    }
}

/// 03.
pub fn account_keys() -> AccountKeysView {
    use Status::{Fail, InDoubt, Pass, Unknown, Waits};
    let key = |status, user: &str, words: [&str; 6]| {
        let [key, state, age, used, service, run] = words.map(str::to_owned);
        let id = if key == "?" { String::new() } else { key.replace('…', "AKIAEXAMPLE00000") };
        AccountKey { status, user: user.into(), key, id, state, age, used, service, run }
    };
    AccountKeysView {
        banner: place("all users", "", "read 03:10:02–03:10:31 CET"),
        title: "Keys, most overdue first".into(),
        tag: "17 keys known, 14 users".into(),
        keys: vec![
            key(Fail, "raxx-vault-operator", ["…OLD1", "Active", "412 d", "Thu 02:58", "s3", "–"]),
            key(Unknown, "raxx-vault-operator", ["…3KLM", "Inactive", "390 d", "unknown", "", "–"]),
            key(Fail, "raxx-backup-writer", ["…W2RT", "Active", "203 d", "Thu 01:00", "s3", "–"]),
            key(Waits, "mail-relay", ["…M41L", "Active", "91 d", "Wed 22:10", "ses", "9d02 at 7a"]),
            key(Pass, "mail-relay", ["…N3WM", "Active", "0 d", "Thu 03:02", "ses", "9d02"]),
            key(InDoubt, "billing-export", ["…81LL", "Active", "88 d", "Wed 23:59", "s3", "77aa doubt"]),
            key(InDoubt, "billing-export", ["…Z9XC", "Active", "0 d", "none reported", "", "77aa doubt"]),
            key(Pass, "raxx-metrics", ["…M3TR", "Active", "1 d", "Thu 03:09", "logs", "7c20 sealed"]),
            key(Waits, "raxx-ci", ["…C1C1", "Inactive", "205 d", "Tue 02:40", "ecr", "51bc at 7b"]),
            key(Unknown, "legacy-ftp", ["?", "?", "?", "unknown", "", "–"]),
            key(Pass, "raxx-logs", ["…L0GS", "Active", "3 d", "Thu 03:08", "logs", "6b11 back"]),
            key(Pass, "web-assets", ["…W3BA", "Active", "12 d", "Thu 02:11", "s3", "–"]),
            key(Pass, "web-deploy", ["…W3BD", "Active", "20 d", "Wed 18:30", "s3", "–"]),
            key(Pass, "dns-writer", ["…D45W", "Active", "31 d", "Wed 11:04", "r53", "–"]),
            key(Pass, "image-build", ["…1MGB", "Active", "44 d", "Thu 00:15", "ecr", "–"]),
            key(Pass, "audit-reader", ["…4UD1", "Active", "51 d", "Thu 03:00", "logs", "–"]),
            key(Pass, "backup-check", ["…B4CK", "Active", "60 d", "Thu 02:30", "s3", "–"]),
        ],
        summary: Text::marked("✗ 2 overdue, no run   ")
            .mark(Status::Unknown)
            .say(" 2 unknown: 1 user AccessDenied, 1 last use throttled"),
        caveats: vec![
            "Unknown is not fine. The list is whole only when this line says 0 unknown.".into(),
            Text::new(),
            "\"none reported\" is what AWS says today; it can lag by hours.".into(),
        ],
        reread_off: None,
    }
}

/// 04.
pub fn inputs() -> InputsView {
    let input = |name: &str, status, kind, origin: &str, notes: Vec<Text>| InputItem {
        name: name.into(),
        status,
        kind,
        origin: origin.into(),
        notes,
    };
    let fixed = |text: &str, origin: &str| InputKind::Fixed(vec![(Text::from(text), origin.to_owned())]);
    let options = ["scheduled", "exposure suspected", "exposure confirmed", "audit finding"];
    InputsView {
        banner: Banner { now: String::new(), ..banner() },
        inputs: vec![
            input("target_user", Status::Pass, fixed(super::USER, "the key you chose"), "", vec![]),
            input(
                "reason",
                Status::Pass,
                InputKind::Choice { options: options.map(str::to_owned).to_vec(), chosen: 0 },
                "you, h l to change",
                vec![],
            ),
            input("ticket", Status::ToDo, InputKind::Text(String::new()), "optional", vec![]),
            input("cadence", Status::Pass, fixed("30d", "runbook"), "", vec![]),
            input("bucket", Status::Pass, fixed("raxx-backups", "keyward.yaml:39"), "", vec![]),
            input("store", Status::Pass, fixed("infisical prod", "keyward.yaml:41"), "", vec![]),
            input(
                "consumers",
                Status::Pass,
                InputKind::Fixed(vec![
                    ("1 raxx-api-prod  (heroku)".into(), "keyward.yaml:44".into()),
                    ("2 raxx/backup    (github_actions)".into(), String::new()),
                    ("3 vault host     (env_file)".into(), String::new()),
                ]),
                "",
                vec![],
            ),
            input("heroku_token", Status::Pass, fixed("secret, fingerprint c0d2 51b7", "env HEROKU_TOKEN"), "", vec![]),
            input(
                "vault_pass",
                Status::ToDo,
                InputKind::Secret { chars: 0, fingerprint: None },
                "you, kept in memory",
                vec!["Not shown, not written, gone at the end. Paste works.".into()],
            ),
            input(
                "github_token",
                Status::Fail,
                fixed("missing: GITHUB_TOKEN is not set", "keyward.yaml:52"),
                "",
                vec!["Set it and press r, or type it here.".into()],
            ),
        ],
        missing: "1 input is missing: github_token".into(),
        off: Some("github_token is missing".into()),
        enter: "goes on to step 0".into(),
    }
}

/// 14.
pub fn transcript() -> TranscriptView {
    let entry = |n, time: &str, kind: &str, text: &str| EntryItem {
        n,
        time: format!("02:{time}"),
        by: "alice".into(),
        kind: kind.into(),
        text: Text::marked(text),
        signature: None,
        check: String::new(),
    };
    let sample = |n, time: &str, of| entry(n, time, "sample", &format!("2 ✓ pass {of} of 5"));
    let check = "head -n 39 transcript.jsonl | ssh-keygen -Y verify -f allowed_signers …";
    TranscriptView {
        banner: Banner {
            account: String::new(),
            ..place("transcript 7f3a", "open, in order so far", "◆ 6 signatures good")
        },
        deviations: vec![
            DeviationItem {
                n: 16,
                kind: "advisory".into(),
                time: "02:14:09".into(),
                text: "You may lack cloudtrail:LookupEvents. Ask now.".into(),
            },
            DeviationItem {
                n: 89,
                kind: "retry".into(),
                time: "02:23:50".into(),
                text: "step 6, vault host, attempt 2".into(),
            },
        ],
        entries: vec![
            entry(36, "14:51.020", "finished", "1 the old key still works: pass"),
            entry(37, "15:02.110", "resolved", "2 keys read again: 1 of 2"),
            EntryItem {
                signature: Some(Text::marked("◆ good: alice@example.com, SHA256:u7ZkQ2aa, covers entries 0–38")),
                check: check.into(),
                ..entry(38, "15:03.664", "confirmed", "2 CreateAccessKey, sha256 8c1f 02d9")
            },
            entry(39, "15:03.671", "started", "2 sent once"),
            entry(40, "15:04.102", "finished", "2 …7Q4T Active; secret fp 4c1e 9a02"),
            sample(41, "15:05.311", 1),
            sample(42, "15:07.298", 2),
            sample(43, "15:09.305", 3),
            sample(44, "15:11.290", 4),
            sample(45, "15:13.301", 5),
            entry(46, "15:14.288", "confirmed", "3 sts:GetCallerIdentity (read: no ◆)"),
        ],
        total: 104,
        times: "times in UTC".into(),
        head: "e81f0a44".repeat(8),
    }
}

fn long_steps() -> Progress {
    let mut all = progress("0✓ 1✓ 7✓ 1✓✓ 2✓ 3✓✓ 4✓ 5► 6○ 7a╫○ ║ 7b╫╫", "10 of 15 · ~2 min, 1 h, 24 h");
    let words = [
        ("You are not the user", "1 s"),
        ("The right user, its keys", "1 s"),
        ("Delete Inactive keys", "1 of 1"),
        ("The store holds the key", "1 s"),
        ("The old key still works", "1 s"),
        ("Create the new key", "9 s"),
        ("The new key authenticates", "15 s"),
        ("A representative call", "15 s"),
        ("Store the pair", "4 s"),
        ("Update every consumer", "sign"),
        ("Every consumer works", "0 of 3"),
        ("Deactivate the old key", "1 h"),
        ("Every consumer still works", ""),
        ("Every consumer, again", "24 h"),
        ("Delete the old key", "24 h"),
    ];
    for (step, (title, tag)) in all.steps.iter_mut().zip(words) {
        step.title = title.into();
        step.tag = tag.into();
    }
    all.steps[9].rows =
        ["raxx-api-prod", "raxx/backup", "vault host"].map(|name| (Status::ToDo, name.to_owned())).to_vec();
    all
}

/// 18.
pub fn wide() -> RunView {
    let sample = |time: &str, count: &str| {
        Row::Sample(Sample {
            time: time.into(),
            status: Status::Pass,
            word: "pass".into(),
            text: "infisical prod version 42 holds …7Q4T".into(),
            count: count.into(),
        })
    };
    let line = Row::line;
    RunView {
        progress: long_steps(),
        panel: Panel {
            border: Border::Heavy,
            title: "5  Update every consumer".into(),
            tag: "CHANGES 3 HOLDERS · REAL".into(),
            label_width: None,
            body: vec![
                Row::Field {
                    label: "Will do".into(),
                    value: Text::marked("holder.put, 3 rows, 5 calls, each sent once, in this order; a ✗ stops the rest"),
                    aside: None,
                },
                Row::more("AWS_ACCESS_KEY_ID     = AKIAEXAMPLE000007Q4T"),
                Row::more("AWS_SECRET_ACCESS_KEY = secret, fingerprint 4c1e 9a02"),
                Row::field("As", "heroku: HEROKU_TOKEN · github: GITHUB_TOKEN · vault host: ssh as alice"),
                Row::Blank,
                line("Row raxx-api-prod               now …OLD1, v112            way back  v112"),
                line("       PATCH https://api.heroku.com/apps/raxx-api-prod/config-vars"),
                line("       Expect  both values read back, 3 times in a row, within 30 s"),
                line("Row raxx/backup                 now unreadable: write-only way back  old pair, held sealed"),
                line("       PUT https://api.github.com/repos/raxx/backup/actions/secrets/AWS_ACCESS_KEY_ID"),
                line("       PUT https://api.github.com/repos/raxx/backup/actions/secrets/AWS_SECRET_ACCESS_KEY"),
                line("       Expect  updated_at is later than the act, both"),
                line("Row vault host                  now …OLD1                  way back  old pair, held sealed"),
                line("       /usr/bin/ssh vault.lightsail  sha256 61d2 0c0f: /etc/raxx/credentials.env from stdin"),
                line("       /usr/bin/ssh vault.lightsail  sha256 61d2 0c0f: restart raxx-vault"),
                line("       Expect  fingerprint of the file = 4c1e 9a02, within 30 s"),
                Row::Blank,
                Row::field("Gates", "none for this step"),
            ],
            foot: Foot::Lines,
        },
        notices: "Heroku restarts the dynos; the host restarts its service; running CI jobs keep the old pair until they end"
            .into(),
        way_back: "yes: rows newest first, then the store; about 20 s; no approval, no window, no signature; unsealing needs your SSH key"
            .into(),
        walk_away: "yes: nothing is under way. After this step, stay until step 6 has passed (about 2 min).".into(),
        ask: Some(Ask {
            by: By::Sign,
            intent: confirm_of("consumers"),
            sentence: "put the new pair into 3 holders".into(),
            fields: Vec::new(),
            fields_title: String::new(),
        }),
        enter: EnterDoes::Asked,
        side: Side {
            keys_tag: "read 03:16:20".into(),
            keys: vec![
                line("…OLD1  Active    412 d"),
                Row::field("", "used 02:58, s3 eu-central-1"),
                Row::field("", "~15 min late"),
                line("…7Q4T  Active      0 d"),
                Row::field("", "none reported"),
                line("2 of 2: no room for a third"),
            ],
            samples_tag: "step 4, pass".into(),
            samples: vec![sample("03:16:02", "1 of 3"), sample("03:16:04", "2 of 3"), sample("03:16:06", "3 of 3")],
            deviations: vec![Text::marked(
                "≠ 16 advisory  03:14:09  step 0: you may lack cloudtrail:LookupEvents. Ask now.",
            )],
        },
        footer: Footer {
            left: Text::marked("signed ◆ alice@example.com 03:16:01"),
            right: "68 entries · head 7d10 e2b4 · nobody else is on this run".into(),
        },
        ..run()
    }
}
