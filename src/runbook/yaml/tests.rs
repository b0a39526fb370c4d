use std::time::Duration;

use super::*;
use crate::diagnostic::render;
use crate::runbook::model::*;
use crate::runbook::template::{Node, Path};

const EXAMPLE: &str = include_str!("../../../runbooks/aws-iam-access-key.yaml");

fn good(text: &str) -> Runbook {
    parse("test.yaml", text)
        .unwrap_or_else(|findings| panic!("{}", render(&Source::new("test.yaml", text), &findings, false)))
}

/// Code, message and underlined text of every finding.
fn bad(text: &str) -> Vec<(&'static str, String, String)> {
    let source = Source::new("test.yaml", text);
    let findings = parse("test.yaml", text).expect_err(text);
    // Whatever is wrong, it can be shown.
    assert!(!render(&source, &findings, false).is_empty());
    findings
        .into_iter()
        .map(|f| (f.code, format!("{} {}", f.message, f.hint.unwrap_or_default()), source.slice(f.span).to_owned()))
        .collect()
}

/// A runbook of one read, with something put in its place.
fn small(step: &str) -> String {
    format!("runbook: small\ntitle: Small\nsteps:\n  - id: list\n    title: List\n{step}\n")
}

fn reads(more: &str) -> String {
    small(&format!(
        "    run: {{iam.list_access_keys: {{user: x}}}}\n    expect: [{{path: active, at_least: 1}}]\n{more}"
    ))
}

#[track_caller]
fn one(text: &str, code: &str, says: &str, at: &str) {
    let findings = bad(text);
    assert_eq!(findings.len(), 1, "{findings:?}");
    let (found, message, place) = &findings[0];
    assert_eq!(*found, code, "{message}");
    assert!(message.contains(says), "{message}");
    assert_eq!(place, at, "{message}");
}

#[test]
fn the_sop_whole_becomes_the_model() {
    let runbook = good(EXAMPLE);
    assert_eq!(runbook.name, "aws-iam-access-key");
    assert_eq!(runbook.steps.len(), 15);
    assert_eq!(runbook.sop.average_duration, Some(Duration::from_secs(240)));
    assert_eq!(runbook.sop.last_validated.as_deref(), Some("2026-04-24"));
    let step = |id: &str| runbook.step(id).unwrap();

    let keys = step("keys");
    assert_eq!(keys.sop.as_deref(), Some("1"));
    assert_eq!(keys.capture[0].path, Path::parse("active[0]").unwrap());
    assert_eq!(keys.skip, Skip::Never, "later steps use what it captures");
    assert!(keys.expect[0].else_.is_some() && keys.expect[1].offer.as_deref() == Some("resume"));

    let old_pair = &step("old-pair").capture[0];
    assert_eq!(old_pair.secret, [Path::parse("AWS_SECRET_ACCESS_KEY").unwrap()]);
    assert!(old_pair.again.is_some());

    let verify = step("verify");
    assert_eq!(verify.run.as_.as_deref(), Some("new"));
    assert_eq!(
        (verify.expect[0].within, verify.expect[0].every, verify.expect[0].consecutive),
        (Some(Duration::from_secs(120)), Duration::from_secs(2), 5)
    );

    // The alias is the anchor's map.
    assert_eq!(step("store").run.param("values").unwrap().templates().count(), 2);
    let consumers = step("consumers");
    assert!(matches!(consumers.run.param("values"), Some(Node::Map(map)) if map.len() == 2));
    let rows = consumers.for_each.as_ref().unwrap();
    assert_eq!((rows.name.as_str(), rows.root.as_deref()), ("consumer", Some("consumers")));
    assert_eq!(step("cleanup").for_each.as_ref().unwrap().root, None, "computed by the run, so nothing can be added");

    let after = step("proofs-after");
    assert_eq!(after.repeat.as_deref(), Some("proofs"));
    assert_eq!((after.settle, after.expect.len(), after.gates.len()), (Duration::from_secs(60), 3, 0));
    assert!(after.for_each.is_some());

    let deactivate = step("deactivate");
    assert_eq!(deactivate.confirm.kind, ConfirmKind::Sign);
    assert!(matches!(deactivate.gates[2].kind, GateKind::NotDuring { window: (480, 1200), .. }));
    let delete = step("delete");
    assert_eq!(delete.effect, EffectKind::Irreversible);
    assert!(delete.confirm.reason && matches!(delete.confirm.kind, ConfirmKind::TypeBack(_)));
    assert!(
        matches!(&delete.gates[2].kind, GateKind::UnusedSince { for_, .. } if *for_ == Duration::from_secs(14_400))
    );
}

#[test]
fn defaults_depend_on_the_effect() {
    let text = "
runbook: d
title: D
steps:
  - {id: a, title: A, run: {iam.list_access_keys: {user: x}}, expect: [{path: active, at_least: 1}]}
  - {id: b, title: B, run: {iam.update_access_key: {user: x, key: AKIAX, status: Inactive}}}
  - {id: c, title: C, run: {iam.delete_access_key: {user: x, key: AKIAX}}, gate: [{passed: {step: a}}]}
  - {id: d, title: D, run: {iam.list_users: }, expect: [{path: users, at_least: 1, within: 9s}]}
";
    let runbook = good(text);
    let of = |id: &str| runbook.step(id).unwrap();
    assert_eq!((of("a").confirm.kind.clone(), of("a").skip), (ConfirmKind::Enter, Skip::Never), "a gate names it");
    assert_eq!((of("b").confirm.kind.clone(), of("b").skip), (ConfirmKind::Sign, Skip::Never));
    assert!(matches!(&of("c").confirm.kind, ConfirmKind::TypeBack(text) if text.source == "AKIAX"));
    assert_eq!(of("d").skip, Skip::Reason, "nothing needs it");
    assert_eq!((of("d").expect[0].every, of("d").expect[0].consecutive), (Duration::from_secs(2), 1));
    assert_eq!(of("a").on_fail, OnFail::Pause);
}

#[test]
fn what_acts_as_a_captured_key_makes_its_capture_unskippable() {
    let runbook = good(&EXAMPLE.replace("    for_each: {key: \"{{ stale }}\"}\n", ""));
    assert_eq!(runbook.step("old-pair").unwrap().skip, Skip::Never);
    assert_eq!(runbook.step("identity").unwrap().skip, Skip::Reason);
}

#[test]
fn yaml_that_cannot_be_read() {
    for (text, says) in [
        ("runbook: [", ""),
        ("a: 1\na: 2\n", "duplicate"),
        ("a: {b: &x [1], <<: *x}", ""),
        ("a: *nowhere", ""),
        ("? {a: 1}\n: 2\n", "key"),
    ] {
        let findings = bad(text);
        assert_eq!(findings[0].0, codes::UNREADABLE, "{findings:?}");
        assert!(findings[0].1.to_lowercase().contains(says), "{findings:?}");
    }
    let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(bad(&deep)[0].0, codes::UNREADABLE);
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..10 {
        let items = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{items}]\n"));
    }
    assert_eq!(bad(&bomb)[0].0, codes::UNREADABLE, "an alias bomb");
    assert_eq!(bad(&"x".repeat(LONGEST + 1))[0].0, codes::UNREADABLE);
    assert!(parse("empty", "").is_err());
    assert!(parse("list", "- 1\n- 2\n").is_err());
    assert!(parse("two", "a: 1\n---\nb: 2\n").is_err());
}

#[test]
fn a_duplicate_key_is_shown_where_it_stands() {
    let text = reads("    title: Again");
    let findings = bad(&text);
    assert_eq!(findings.len(), 1);
    let source = Source::new("t", text.as_str());
    let finding = &parse("t", &text).unwrap_err()[0];
    assert_eq!(source.place(finding.span.start).line, 8, "{finding:?}");
}

#[test]
fn yes_and_no_are_texts() {
    let runbook = good(&reads("    why: no"));
    assert_eq!(runbook.steps[0].why.as_deref(), Some("no"));
    one(&reads("    confirm: {reason: yes}"), codes::WRONG_VALUE, "true or false", "yes");
}

#[test]
fn numbers_are_taken_as_written_where_a_text_is_meant() {
    assert_eq!(good(&reads("    sop: 07")).steps[0].sop.as_deref(), Some("07"));
}

#[test]
fn unknown_keys_come_with_what_was_meant() {
    one(&reads("    afects: x"), codes::UNKNOWN_KEY, "did you mean `affects`?", "afects");
    one(&reads("").replace("title: Small", "titel: Small\ntitle: x"), codes::UNKNOWN_KEY, "`title`", "titel");
    one(&reads("    gate: [{drilled: {withing: 9d, within: 9d}}]"), codes::UNKNOWN_KEY, "`within`", "withing");
    one(&reads("    confirm: {type-back: x}"), codes::UNKNOWN_KEY, "type_back", "type-back");
    one(
        &small("    run: {iam.list_access_keys: {user: x, users: y}}\n    expect: [{path: active, at_least: 1}]"),
        codes::UNKNOWN_KEY,
        "`user`",
        "users",
    );
    one(&reads("").replace("at_least: 1", "at_least: 1, at_lest: 1"), codes::UNKNOWN_KEY, "at_least", "at_lest");
}

#[test]
fn unknown_words_come_with_what_was_meant() {
    one(
        &small("    run: {iam.list_acces_keys: {user: x}}"),
        codes::UNKNOWN_NAME,
        "`iam.list_access_keys`",
        "iam.list_acces_keys",
    );
    one(&reads("    gate: [{pased: {step: x}}]"), codes::UNKNOWN_NAME, "`passed`", "pased");
    one(&reads("    skip: nevver"), codes::UNKNOWN_NAME, "`never`", "nevver");
    one(&reads("    on_fail: stop"), codes::UNKNOWN_NAME, "`pause`", "stop");
    one(
        &reads("    gate: [{not_during: {window: \"08:00-20:00\", zone: Europe/Berln}}]"),
        codes::UNKNOWN_NAME,
        "Europe/Berlin",
        "Europe/Berln",
    );
    one(
        &small("    run: {sts.get_caller_identity: {as: nw}}\n    expect: [{path: arn, exists: true}]")
            .replace("steps:", "credentials: {new: {access_key_id: a, secret_access_key: \"{{ s }}\"}}\nsteps:"),
        codes::UNKNOWN_NAME,
        "`new`",
        "sts.get_caller_identity",
    );
}

#[test]
fn what_is_missing_is_named() {
    one(&small(""), codes::MISSING, "needs `run`", "id: list");
    one(
        &small("    run: {iam.update_access_key: {user: x, key: k}}"),
        codes::MISSING,
        "`status`",
        "iam.update_access_key",
    );
    let findings = bad("title: x\n");
    assert!(findings.iter().any(|f| f.1.contains("`runbook`")) && findings.iter().any(|f| f.1.contains("`steps`")));
    one(
        &small("    run: {command: {argv: [true]}}\n    expect: [{path: exit, equals: 0}]"),
        codes::MISSING,
        "has to say its `effect`",
        "command",
    );
    one(&reads("    rollback: none"), codes::MISSING, "no reason", "none");
    one(
        &reads("    expect: []").replace("    expect: [{path: active, at_least: 1}]\n", ""),
        codes::MISSING,
        "expects nothing",
        "[",
    );
    one(&reads("").replace("at_least: 1", "within: 3s"), codes::MISSING, "predicate", "{path: active, within: 3s");
}

#[test]
fn what_excludes_each_other() {
    one(&reads("").replace("at_least: 1", "at_least: 1, at_most: 1"), codes::CONTRADICTION, "one predicate", "at_most");
    one(
        &small("    run: {iam.list_users: , iam.get_user: {user: x}}"),
        codes::CONTRADICTION,
        "exactly one",
        "iam.get_user",
    );
    one(&reads("    effect: mutate"), codes::CONTRADICTION, "effect of its own", "mutate");
    one(
        &reads("    probe: {iam.create_access_key: {user: x}}"),
        codes::CONTRADICTION,
        "a probe is a read",
        "iam.create_access_key",
    );
    one(
        &small("    run: {iam.delete_access_key: {user: x, key: k}}\n    confirm: enter"),
        codes::CONTRADICTION,
        "Enter never confirms",
        "enter",
    );
    one(
        &reads("  - {id: again, repeat: list, run: {iam.list_users: }}"),
        codes::CONTRADICTION,
        "takes its `run` too",
        "run",
    );
    one(&reads("    gate: [{passed: {step: list}}]"), codes::CONTRADICTION, "comes later", "passed");
    one(
        &reads("").replace("at_least: 1", "at_least: 1, within: 5s, every: 4s, consecutive: 3"),
        codes::CONTRADICTION,
        "don't fit",
        "5s",
    );
}

#[test]
fn names_are_taken_once() {
    one(&reads("  - {id: list, repeat: list}"), codes::NAME_TAKEN, "already", "list");
    one(&reads("").replace("id: list", "id: rollback"), codes::NAME_TAKEN, "way back", "rollback");
    one(
        &reads("").replace("steps:", "inputs: {result: {type: text}}\nsteps:"),
        codes::NAME_TAKEN,
        "keyward's own",
        "result",
    );
    one(
        &reads("").replace("steps:", "inputs: {ticket: {type: text}}\nsteps:"),
        codes::NAME_TAKEN,
        "without declaring",
        "ticket",
    );
    one(
        &reads("    capture: {u: active}").replace("steps:", "inputs: {u: {type: text}}\nsteps:"),
        codes::NAME_TAKEN,
        "already",
        "u",
    );
    one(&reads("    capture: {steps: active}"), codes::NAME_TAKEN, "keyward's own", "steps");
    one(&reads("").replace("steps:", "monitors: []\nsteps:"), codes::NAME_TAKEN, "reserved", "monitors");
    one(&reads("").replace("id: list", "id: List it"), codes::WRONG_VALUE, "can't be the name", "List it");
}

#[test]
fn values_of_the_wrong_form() {
    one(&reads("    settle: 1 minute"), codes::WRONG_VALUE, "not a duration", "1 minute");
    one(&reads("    gate: [{unused_since: {key: k, since: list, for: 30m}}]").replace("id: list", "id: list2\n    title: x\n    run: {iam.list_users: }\n    expect: [{path: users, at_least: 1}]\n  - id: list").replace("since: list", "since: list2"), codes::WRONG_VALUE, "at least 1h", "30m");
    one(
        &reads("    gate: [{not_during: {window: \"8-20\", zone: UTC}}]"),
        codes::WRONG_VALUE,
        "08:00-20:00",
        "\"8-20\"",
    );
    one(&reads("").replace("at_least: 1", "equals: null"), codes::WRONG_VALUE, "null compares as unknown", "equals");
    one(&reads("").replace("at_least: 1", "matches: '('"), codes::WRONG_VALUE, "regular expression", "'('");
    one(&reads("").replace("at_least: 1", "equals: 1.5"), codes::WRONG_VALUE, "in quotes", "1.5");
    one(&reads("").replace("at_least: 1", "count: -1"), codes::WRONG_VALUE, "out of range", "-1");
    one(
        &reads("").replace("steps:", "inputs: {n: {type: duration, default: soon}}\nsteps:"),
        codes::WRONG_VALUE,
        "not a duration",
        "soon",
    );
    one(
        &reads("").replace("steps:", "inputs: {u: {type: iam_user, drill: a b}}\nsteps:"),
        codes::WRONG_VALUE,
        "IAM user's name",
        "a b",
    );
    one(
        &reads("").replace("steps:", "inputs: {s: {type: secret, default: hunter2}}\nsteps:"),
        codes::CONTRADICTION,
        "never stands",
        "default",
    );
    one(&reads("    for_each: {row: [a, b]}"), codes::WRONG_VALUE, "rows come from", "[a, b");
}

#[test]
fn commands_have_no_shell_and_no_templated_program() {
    let command = |argv: &str| {
        small(&format!(
            "    run: {{command: {{argv: {argv}}}}}\n    effect: read\n    expect: [{{path: exit, equals: 0}}]"
        ))
    };
    good(&command("[ssh, -p, \"22\", \"{{ run.host }}\", sh, -s]"));
    good(&command("[ssh, --, \"{{ run.host }}\", sh, -s]"));
    one(&command("\"ls -l\""), codes::WRONG_VALUE, "no shell", "\"ls -l\"");
    one(&command("[\"{{ run.program }}\"]"), codes::WRONG_VALUE, "never templated", "\"{{ run.program }}\"");
    one(&command("[ssh, host, cat, \"{{ run.file }}\"]"), codes::SECRET_IN_ARGV, "stdin", "\"{{ run.file }}\"");
    one(
        &command("[/usr/bin/ssh, -p, \"22\", -- , host, \"{{ run.file }}\"]"),
        codes::SECRET_IN_ARGV,
        "stdin",
        "\"{{ run.file }}\"",
    );
    one(
        &command("[ssh, \"-oX={{ run.file }}\", \"{{ run.file }}\"]"),
        codes::SECRET_IN_ARGV,
        "stdin",
        "\"{{ run.file }}\"",
    );
    assert_eq!(bad(&command("[]"))[0].0, codes::WRONG_VALUE);
}

#[test]
fn http_says_plainly_what_it_does() {
    let http = |params: &str| {
        small(&format!(
            "    run: {{http: {{{params}}}}}\n    effect: read\n    expect: [{{path: status, equals: 200}}]"
        ))
    };
    good(&http("system: heroku, method: GET, path: \"/apps/{{ run.app }}\", public: [status, \"body.id\"]"));
    one(&http("system: heroku, method: get, path: /"), codes::UNKNOWN_NAME, "`GET`", "get");
    one(
        &http("system: \"{{ run.s }}\", method: GET, path: /"),
        codes::WRONG_VALUE,
        "never templated",
        "\"{{ run.s }}\"",
    );
    one(&http("system: s, method: GET, path: /, public: [\"a..b\"]"), codes::TEMPLATE, "not a path", "\"a..b\"");
    one(&http("system: s, method: GET"), codes::MISSING, "`path`", "http");
}

#[test]
fn a_holder_kind_is_never_templated() {
    let prove = |holder: &str| {
        small(&format!("    run: {{holder.prove: {{holder: {holder}}}}}\n    expect: [{{path: works, equals: true}}]"))
    };
    good(&prove("\"{{ run.holder }}\""));
    good(&prove("{name: \"{{ run.name }}\", kind: heroku, app: x}"));
    let text = prove("{name: x, kind: \"{{ run.kind }}\"}");
    let findings = bad(&text);
    assert!(findings.len() == 1 && findings[0].1.contains("never templated"), "{findings:?}");
}

#[test]
fn templates_are_read_beforehand() {
    one(&small("    run: {iam.get_user: {user: \"{{ x\"}}"), codes::TEMPLATE, "without its", "\"{{ x\"");
    one(
        &small("    run: {iam.get_user: {user: \"{{ x | regex }}\"}}"),
        codes::TEMPLATE,
        "1 argument",
        "\"{{ x | regex }}\"",
    );
    one(&reads("").replace("path: active", "path: \"a b\""), codes::TEMPLATE, "not a path", "\"a b\"");
    one(
        &reads("").replace("steps:", "inputs: {n: {type: text, default: \"{{ x }}\"}}\nsteps:"),
        codes::TEMPLATE,
        "not rendered",
        "\"{{ x }}\"",
    );
}

#[test]
fn an_emergency_says_why() {
    one(
        &reads("").replace("steps:", "sop: {emergency: true}\nsteps:"),
        codes::MISSING,
        "emergency_reason",
        "emergency",
    );
    let runbook =
        good(&reads("").replace("steps:", "sop: {emergency: true, emergency_reason: The key is public}\nsteps:"));
    assert_eq!(runbook.sop.emergency.as_deref(), Some("The key is public"));
}

#[test]
fn one_mistake_does_not_hide_the_next() {
    let text = reads("    afects: x\n    settle: soon").replace("title: Small", "titel: Small");
    let found: Vec<&str> = bad(&text).into_iter().map(|finding| finding.0).collect();
    for code in [codes::UNKNOWN_KEY, codes::MISSING, codes::WRONG_VALUE] {
        assert!(found.contains(&code), "{found:?}");
    }
}

#[test]
fn no_cut_of_the_example_panics() {
    // A prefix at a line's end, and a line left out, is either a runbook or has findings that can be shown.
    let lines: Vec<&str> = EXAMPLE.split_inclusive('\n').collect();
    for n in (0..lines.len()).step_by(4) {
        for text in [lines[..n].concat(), [&lines[..n], &lines[n + 1..]].concat().concat()] {
            if let Err(findings) = parse("cut", &text) {
                render(&Source::new("cut", text), &findings, true);
            }
        }
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Each case reads and renders the whole of the SOP.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_damaged_runbook_has_findings_or_is_one(at in 0..EXAMPLE.len(), length in 0..40usize, with in "[ -~\n\t\u{e4}{}\\[\\]:&*|>]{0,6}") {
            let start = (0..=at).rev().find(|n| EXAMPLE.is_char_boundary(*n)).unwrap_or(0);
            let end = (start + length..=EXAMPLE.len()).find(|n| EXAMPLE.is_char_boundary(*n)).unwrap_or(EXAMPLE.len());
            let text = format!("{}{with}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
            let source = Source::new("damaged", text.as_str());
            match parse("damaged", &text) {
                Ok(runbook) => {
                    let found = crate::runbook::check::check(&runbook, None, &Default::default());
                    render(&source, &found, true);
                }
                Err(findings) => {
                    prop_assert!(!findings.is_empty());
                    for finding in &findings {
                        prop_assert!(finding.span.start <= text.len() && finding.span.end <= text.len(), "{finding:?}");
                    }
                    render(&source, &findings, false);
                }
            }
        }
    }
}

mod connectors {
    use super::*;
    use crate::runbook::connector::{Connector, ReadBack, ValuesAt};

    const FULL: &str = r#"
connector: full
title: Full
fields: {app: {help: The app}, zone: {optional: true}}
affects: Restarts
put:
  - run: {http: {system: full, method: PUT, path: "/v/{{ name }}", json: {v: "{{ value | sealed_box(held.facts.key) }}"}, public: []}}
    for_each_value: true
read:
  calls: [{run: {http: {system: full, method: GET, path: "/apps/{{ holder.app }}", public: []}}}]
  values: {list: body.secrets, name: secretKey, value: secretValue}
  version: "{{ result.headers.etag }}"
  facts: {key: "{{ result.body.key }}"}
restart:
  - run: {http: {system: full, method: POST, path: /restart}}
prove:
  calls:
    - run: {command: {argv: [ssh, --, "{{ holder.app }}", sh, -s], stdin: "{{ holder.prove }}"}}
      until: {condition: "{{ result.exit == 0 }}", every: 5s, within: 10m}
  works: "{{ result.exit == 0 }}"
  denied: {in: [out, err], codes: [AccessDenied]}
  key_id: {in: out, match: '(AKIA[A-Z0-9]{12,})'}
read_back: {within: 40s, every: 4s, consecutive: 3}
"#;

    fn good(text: &str) -> Connector {
        parse_connector("c.yaml", text)
            .unwrap_or_else(|findings| panic!("{}", render(&Source::new("c.yaml", text), &findings, false)))
    }

    #[track_caller]
    fn one(text: &str, code: &str, says: &str) {
        let findings = parse_connector("c.yaml", text).expect_err(text);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].code, code, "{findings:?}");
        let all = format!("{} {}", findings[0].message, findings[0].hint.clone().unwrap_or_default());
        assert!(all.contains(says), "{all}");
    }

    #[test]
    fn everything_a_connector_can_say() {
        let connector = good(FULL);
        assert_eq!(
            connector.fields.iter().map(|f| (f.name.as_str(), f.optional)).collect::<Vec<_>>(),
            [("app", false), ("zone", true)]
        );
        assert!(connector.put[0].for_each_value && !connector.restart[0].for_each_value);
        let read = connector.read.unwrap();
        assert_eq!(
            read.values,
            Some(ValuesAt::List {
                list: Path::parse("body.secrets").unwrap(),
                name: "secretKey".into(),
                value: "secretValue".into()
            })
        );
        assert_eq!(read.facts[0].0, "key");
        let proof = connector.prove.unwrap();
        assert_eq!(proof.calls[0].until.as_ref().unwrap().within, Duration::from_secs(600));
        assert_eq!((proof.denied_in.len(), proof.denied_codes.len()), (2, 1));
        assert_eq!(
            connector.read_back,
            ReadBack { within: Duration::from_secs(40), every: Duration::from_secs(4), consecutive: 3 }
        );
    }

    #[test]
    fn what_a_connector_must_not_say() {
        for (from, to, code, says) in [
            ("put:", "putt: []\nput:", codes::UNKNOWN_KEY, "`put`"),
            ("title: Full", "", codes::MISSING, "`title`"),
            ("{app: {help: The app}", "{name: {help: x}, app: {}", codes::NAME_TAKEN, "every holder"),
            ("/v/{{ name }}", "/v/{{ value }}", codes::SECRET_IN_URL, "secret"),
            (
                "[ssh, --, \"{{ holder.app }}\", sh, -s]",
                "[tool, \"{{ values.KEY }}\"]",
                codes::SECRET_IN_ARGV,
                "secret",
            ),
            (
                "[ssh, --, \"{{ holder.app }}\", sh, -s]",
                "[tool, \"{{ held.values.KEY }}\"]",
                codes::SECRET_IN_ARGV,
                "secret",
            ),
            (
                "[ssh, --, \"{{ holder.app }}\", sh, -s]",
                "[ssh, h, \"{{ holder.app }}\"]",
                codes::SECRET_IN_ARGV,
                "stdin",
            ),
            ("values: {list: body.secrets,", "values: {list: a, map: b,", codes::CONTRADICTION, "a `map`"),
            ("read_back:", "write_only: true\nread_back:", codes::CONTRADICTION, "write_only"),
            ("(AKIA[A-Z0-9]{12,})", "(AKIA", codes::WRONG_VALUE, "regular expression"),
            ("every: 5s, ", "", codes::MISSING, "`every`"),
            (
                "{http: {system: full, method: POST, path: /restart}}",
                "{iam.list_users: }",
                codes::CONTRADICTION,
                "http or command",
            ),
            ("consecutive: 3", "consecutive: 0", codes::WRONG_VALUE, "at least 1"),
            ("  works: \"{{ result.exit == 0 }}\"\n", "", codes::MISSING, "`works`"),
        ] {
            let text = FULL.replace(from, to);
            assert_ne!(text, FULL, "{from}");
            one(&text, code, says);
        }
        one("connector: x\ntitle: X\nput: []\n", codes::MISSING, "write_only");
    }
}
