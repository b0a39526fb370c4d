use super::*;
use crate::diagnostic::{Severity, Source, render};
use crate::runbook::codes;
use crate::runbook::shipped::{connectors, document};
use crate::runbook::yaml::parse;

const SHIPPED: &str = include_str!("../../../runbooks/aws-iam-access-key.yaml");

fn findings(text: &str) -> Vec<Finding> {
    let source = Source::new("test.yaml", text);
    let runbook = parse("test.yaml", text).unwrap_or_else(|f| panic!("{}", render(&source, &f, false)));
    let sop = runbook.sop.document.as_deref().and_then(document);
    let findings = check(&runbook, sop, &connectors());
    for finding in &findings {
        assert!(codes::TABLE.iter().any(|(code, _)| *code == finding.code), "{} stands in the table", finding.code);
        assert!(!source.slice(finding.span).is_empty(), "{} has a place", finding.code);
    }
    findings
}

/// Exactly one finding, of this code, at this place.
#[track_caller]
fn only(text: &str, code: &str, at: &str) {
    let found = findings(text);
    let source = Source::new("test.yaml", text);
    assert!(found.len() == 1 && found[0].code == code, "{code} alone:\n{}", render(&source, &found, false));
    assert!(found[0].hint.is_some() || code == codes::SOP_NOT_COVERED, "{code} says the mend");
    assert_eq!(source.slice(found[0].span), at);
}

/// The shipped runbook with a change that has to be there.
#[track_caller]
fn changed(from: &str, to: &str) -> String {
    assert!(SHIPPED.contains(from), "{from}");
    SHIPPED.replacen(from, to, 1)
}

/// A step before the last one.
fn with_step(step: &str) -> String {
    changed("  - id: delete\n", &format!("{step}\n  - id: delete\n"))
}

fn small(steps: &str) -> String {
    format!("runbook: small\ntitle: Small\ninputs: {{u: {{type: iam_user}}}}\nsteps:\n{steps}\n")
}

#[test]
fn what_ships_is_clean() {
    let found = findings(SHIPPED);
    assert!(found.is_empty(), "{}", render(&Source::new("shipped", SHIPPED), &found, false));
}

#[test]
fn a_mutation_without_a_way_back() {
    let step = |rollback: &str| {
        with_step(&format!(
            "  - {{id: call, title: Call, effect: mutate, run: {{http: {{system: s, method: PUT, path: /x}}}}, probe: {{http: {{system: s, method: GET, path: /x}}}}, expect: [{{path: status, equals: 200}}]{rollback}}}"
        ))
    };
    only(&step(""), codes::NO_ROLLBACK, "id");
    only(&step(", rollback: {none: \" \"}"), codes::NO_ROLLBACK, "id");
    assert!(findings(&step(", rollback: {none: The system keeps no history}")).is_empty());
    let act = ", rollback: [{run: {http: {system: s, method: PUT, path: /y}}, expect: [{path: status, equals: 200}]}]";
    assert!(findings(&step(act)).is_empty());
    only(&step(&act.replace(", expect: [{path: status, equals: 200}]", "")), codes::NOTHING_EXPECTED, "http");
}

#[test]
fn an_irreversible_step_without_its_guards() {
    only(
        &changed("    confirm: {type_back: \"{{ old_key.id | last4 }}\", reason: true}\n", ""),
        codes::UNGUARDED,
        "id",
    );
    only(
        &changed(
            "    confirm: {type_back: \"{{ old_key.id | last4 }}\", reason: true}",
            "    confirm: {how: sign, reason: true}",
        ),
        codes::UNGUARDED,
        "id",
    );
    let user = "  - {id: gone, title: Gone, run: {iam.delete_user: {user: \"{{ target_user }}\"}}, confirm: {type_back: x, reason: true}}";
    only(&with_step(user), codes::UNGUARDED, "id");
}

#[test]
fn a_delete_of_a_key_that_may_be_active() {
    // Of another key than the one that was deactivated.
    only(
        &changed(
            "run: {iam.delete_access_key: {user: \"{{ target_user }}\", key: \"{{ old_key.id }}\"}}",
            "run: {iam.delete_access_key: {user: \"{{ target_user }}\", key: \"{{ new_key.id }}\"}}",
        ),
        codes::DELETE_ACTIVE,
        "iam.delete_access_key",
    );
    // Reactivated in between.
    let again = "  - {id: undo, title: Undo, run: {iam.update_access_key: {user: \"{{ target_user }}\", key: \"{{ old_key.id }}\", status: Active}}}";
    only(&with_step(again), codes::DELETE_ACTIVE, "iam.delete_access_key");
    // Across runs, but of another key.
    only(
        &changed("inactive_for: {key: \"{{ key.id }}\"", "inactive_for: {key: \"{{ old_key.id }}\""),
        codes::DELETE_ACTIVE,
        "iam.delete_access_key",
    );
}

#[test]
fn a_deactivate_before_its_proofs() {
    let without = |from: &str, to: &str| {
        let start = SHIPPED.find(from).unwrap();
        let end = SHIPPED[start..].find(to).unwrap() + start;
        format!("{}{}", &SHIPPED[..start], &SHIPPED[end..])
    };
    // No call with the new secret: both calls of step 3 left out (and the SOP says so, too).
    let text = without("  - id: verify\n", "  - id: store\n")
        .replace("s3.list_objects", "")
        .replace("  bucket: {type: text, help: A bucket that this user reads, drill: raxx-backups}\n", "");
    let found: Vec<&str> = findings(&text).into_iter().map(|finding| finding.code).collect();
    assert_eq!(found, [codes::SOP_NOT_COVERED, codes::DEACTIVATE_UNPROVEN]);
    // A consumer that nobody proves.
    let put = "  - {id: more, title: More, run: {holder.put: {holder: \"{{ extra }}\", values: {K: \"{{ new_key.secret }}\"}}}}\n  - id: proofs\n";
    let text = changed("  - id: proofs\n", put)
        .replace("\ncredentials:", "  extra: {type: holder, drill: {name: x, kind: heroku, app: x}}\n\ncredentials:");
    only(&text, codes::DEACTIVATE_UNPROVEN, "iam.update_access_key");
    // Proven before it was written.
    let text = changed(
        "  - id: consumers\n",
        "  - {id: early, title: Early, sop: \"6\", skip: never, for_each: {consumer: \"{{ consumers }}\"}, run: {holder.prove: {holder: \"{{ consumer }}\"}}, expect: [{path: works, equals: true}]}\n  - id: consumers\n",
    );
    assert!(findings(&text).is_empty());
    let text = text.replace(
        "    run: {holder.prove: {holder: \"{{ consumer }}\"}}\n",
        "    run: {holder.read: {holder: \"{{ store }}\"}}\n",
    );
    let text = text.replace(
        "      - {path: works, equals: true, within: 5m, every: 20s}\n      - {path: denied, count: 0}\n      - {path: key_id, equals: \"{{ new_key.id }}\", advisory: true}",
        "      - {path: version, exists: true}",
    );
    only(&text, codes::DEACTIVATE_UNPROVEN, "iam.update_access_key");
    // An emergency says so, and why.
    let text = text.replace(
        "  mode: programmatic\n",
        "  mode: programmatic\n  emergency: true\n  emergency_reason: The key is public\n",
    );
    assert!(findings(&text).is_empty());
}

#[test]
fn an_advisory_proof_is_no_proof() {
    let text =
        changed("      - {path: works, equals: true, within: 5m, every: 20s}\n      - {path: denied, count: 0}\n", "");
    only(&text, codes::DEACTIVATE_UNPROVEN, "iam.update_access_key");
}

#[test]
fn a_proof_that_may_be_skipped() {
    let text = changed("advisory: true}\n    skip: never", "advisory: true}\n    skip: reason");
    let found: Vec<&str> = findings(&text).into_iter().map(|finding| finding.code).collect();
    // Three times: the two steps that repeat it are skippable with it. And so the deactivate is unproven.
    assert_eq!(found.iter().filter(|code| **code == codes::SKIPPABLE_PROOF).count(), 3, "{found:?}");
    assert!(found.iter().all(|code| [codes::SKIPPABLE_PROOF, codes::DEACTIVATE_UNPROVEN].contains(code)), "{found:?}");
    // By default, where nothing needs it.
    only(
        &with_step(
            "  - {id: again, title: Again, run: {sts.get_caller_identity: {as: new}}, expect: [{path: arn, exists: true}]}",
        ),
        codes::SKIPPABLE_PROOF,
        "id",
    );
    only(
        &changed("capture: {old_identity: \".\"}", "capture: {old_identity: \".\"}\n    skip: reason"),
        codes::SKIPPABLE_PROOF,
        "id",
    );
}

#[test]
fn a_secret_where_none_may_stand() {
    let command = |argv: &str| {
        with_step(&format!(
            "  - {{id: tool, title: Tool, effect: read, run: {{command: {{argv: [tool, \"{argv}\"]}}}}, expect: [{{path: exit, equals: 0}}]}}"
        ))
    };
    only(&command("--secret={{ new_key.secret }}"), codes::SECRET_IN_ARGV, "\"--secret={{ new_key.secret }}\"");
    only(
        &command("{{ old_pair.AWS_SECRET_ACCESS_KEY | sh }}"),
        codes::SECRET_IN_ARGV,
        "\"{{ old_pair.AWS_SECRET_ACCESS_KEY | sh }}\"",
    );
    only(&command("{{ new_key }}"), codes::SECRET_IN_ARGV, "\"{{ new_key }}\"");
    assert!(findings(&command("--key={{ new_key.id }}")).is_empty());
    let http = |path: &str| {
        with_step(&format!(
            "  - {{id: call, title: Call, effect: read, run: {{http: {{system: s, method: GET, path: \"{path}\"}}}}, expect: [{{path: status, equals: 200}}]}}"
        ))
    };
    only(&http("/v?token={{ new_key.secret }}"), codes::SECRET_IN_URL, "\"/v?token={{ new_key.secret }}\"");
    assert!(findings(&http("/v/{{ new_key.id }}")).is_empty());
    only(&changed("title: Store the pair", "title: Store {{ new_key.secret }}"), codes::SECRET_SHOWN, "id");
    only(
        &changed(
            "else: That key belongs to somebody else. Stop.",
            "else: \"{{ old_pair.AWS_SECRET_ACCESS_KEY }} is wrong\"",
        ),
        codes::SECRET_SHOWN,
        "\"{{ old_pair.AWS_SECRET_ACCESS_KEY }} is wrong\"",
    );
    only(
        &changed("method: programmatic}", "method: \"{{ new_key.secret }}\"}"),
        codes::SECRET_SHOWN,
        "\"{{ new_key.secret }}\"",
    );
    only(
        &changed(
            "AWS_SECRET_ACCESS_KEY: \"{{ new_key.secret }}\"}}}",
            "AWS_SECRET_ACCESS_KEY: \"{{ new_key.secret ~ '' }}\"}}}",
        ),
        codes::SECRET_IN_EXPRESSION,
        "\"{{ new_key.secret ~ '' }}\"",
    );
}

#[test]
fn an_input_of_type_secret_is_one() {
    let text = small("  - {id: a, title: A, effect: read, run: {command: {argv: [tool, \"{{ u }}\", \"{{ pw }}\"]}}, expect: [{path: exit, equals: 0}]}")
        .replace("inputs: {", "inputs: {pw: {type: secret}, ");
    only(&text, codes::SECRET_IN_ARGV, "\"{{ pw }}\"");
}

#[test]
fn a_step_that_expects_nothing() {
    only(
        &changed(
            "    expect: [{path: user, equals: \"{{ target_user }}\", else: That key belongs to somebody else. Stop.}]\n",
            "",
        ),
        codes::NOTHING_EXPECTED,
        "id",
    );
    let text = small(
        "  - {id: a, title: A, run: {iam.list_access_keys: {user: \"{{ u }}\"}}, expect: [{path: keys, lacks_id: AKIAX}, {path: active, count: 0}]}",
    );
    only(&text, codes::PASSES_ON_EMPTY, "{path: keys, lacks_id: AKIAX");
    assert!(findings(&text.replace("count: 0", "count: 1")).is_empty());
}

#[test]
fn names() {
    only(
        &changed("equals: \"{{ old_key.id }}\", else: The store", "equals: \"{{ new_key.id }}\", else: The store"),
        codes::READ_BEFORE_WRITTEN,
        "\"{{ new_key.id }}\"",
    );
    only(&changed("title: Create the new key", "title: Create {{ new_key.id }}"), codes::READ_BEFORE_WRITTEN, "id");
    only(&changed("max_keys: 10", "max_keys: \"{{ result.n }}\""), codes::READ_BEFORE_WRITTEN, "\"{{ result.n }}\"");
    let text = changed(
        "run: {iam.create_access_key: {user: \"{{ target_user }}\"}}",
        "run: {iam.create_access_key: {user: \"{{ target_usr }}\"}}",
    );
    only(&text, codes::UNRESOLVED, "\"{{ target_usr }}\"");
    assert_eq!(findings(&text)[0].hint.as_deref(), Some("did you mean `target_user`?"));
    only(
        &changed("actor: \"{{ operator.principal }}\"", "actor: \"{{ oprator.principal }}\""),
        codes::UNRESOLVED,
        "\"{{ oprator.principal }}\"",
    );
    only(&changed("  bucket: {", "  spare: {type: text}\n  bucket: {"), codes::UNUSED_INPUT, "spare");
    assert_eq!(findings(&changed("  bucket: {", "  spare: {type: text}\n  bucket: {"))[0].severity, Severity::Warning);
    only(
        &changed("{sts.get_caller_identity: {as: old}}", "{sts.get_caller_identity: {as: new}}"),
        codes::CREDENTIAL_EARLY,
        "sts.get_caller_identity",
    );
}

#[test]
fn rows_over_nothing_known() {
    only(
        &changed("for_each: {key: \"{{ stale }}\"}", "for_each: {key: \"{{ run.keys }}\"}"),
        codes::EMPTY_ROWS,
        "\"{{ run.keys }}\"",
    );
    only(
        &changed("for_each: {key: \"{{ stale }}\"}", "for_each: {key: \"{{ bucket }}\"}"),
        codes::EMPTY_ROWS,
        "\"{{ bucket }}\"",
    );
}

#[test]
fn an_observation_that_is_too_short() {
    let gate = "      - after: {step: deactivate, at_least: 24h, recommended: 48h}\n      - unused_since";
    only(
        &changed(gate, "      - after: {step: deactivate, at_least: 23h}\n      - unused_since"),
        codes::SHORT_OBSERVATION,
        "iam.delete_access_key",
    );
    only(&changed(gate, "      - unused_since"), codes::SHORT_OBSERVATION, "iam.delete_access_key");
    // Counted from another step than the deactivate.
    only(
        &changed(gate, "      - after: {step: create, at_least: 48h}\n      - unused_since"),
        codes::SHORT_OBSERVATION,
        "iam.delete_access_key",
    );
    only(&changed("default: 30d, help", "default: 23h, help"), codes::SHORT_OBSERVATION, "iam.delete_access_key");
    only(
        &changed(
            "inactive_for: {key: \"{{ key.id }}\", at_least: \"{{ cadence }}\"}",
            "inactive_for: {key: \"{{ key.id }}\", at_least: 1h}",
        ),
        codes::SHORT_OBSERVATION,
        "iam.delete_access_key",
    );
}

#[test]
fn a_mutation_by_http_without_a_probe() {
    only(
        &with_step(
            "  - {id: call, title: Call, effect: mutate, run: {http: {system: s, method: PUT, path: /x}}, rollback: {none: It is idempotent}, expect: [{path: status, equals: 200}]}",
        ),
        codes::NO_PROBE,
        "http",
    );
}

#[test]
fn a_secret_is_compared_by_fingerprint_only() {
    let step = |expect: &str| {
        changed(
            "  - id: create\n",
            &format!(
                "  - {{id: same, title: Same, run: {{holder.read: {{holder: \"{{{{ store }}}}\"}}}}, expect: [{expect}]}}\n  - id: create\n"
            ),
        )
    };
    let secret = "path: values.AWS_SECRET_ACCESS_KEY";
    assert!(findings(&step(&format!("{{{secret}, equals: \"{{{{ old_pair.AWS_SECRET_ACCESS_KEY }}}}\"}}"))).is_empty());
    for bad in ["matches: abc", "equals: abc", "equals: \"{{ old_key.id }}\"", "exists: true", "contains: x"] {
        let text = step(&format!("{{{secret}, {bad}}}"));
        let found = findings(&text);
        assert!(found.len() == 1 && found[0].code == codes::TAINTED_COMPARED, "{bad}: {found:?}");
    }
    let text = step("{path: version, equals: \"{{ old_pair.AWS_SECRET_ACCESS_KEY }}\"}");
    assert_eq!(findings(&text)[0].code, codes::TAINTED_COMPARED);
    // What an action that was handed a secret answers is secret, but for what is declared.
    let http = |public: &str| {
        with_step(&format!(
            "  - {{id: call, title: Call, effect: read, run: {{http: {{system: s, method: POST, path: /x, json: {{s: \"{{{{ new_key.secret }}}}\"}}, public: [{public}]}}}}, expect: [{{path: body.ok, equals: true}}, {{path: status, equals: 200}}]}}"
        ))
    };
    assert_eq!(findings(&http(""))[0].code, codes::TAINTED_COMPARED);
    assert!(findings(&http("body.ok")).is_empty());
}

#[test]
fn the_sop_and_the_runbook_side_by_side() {
    let text = changed("    sop: \"4\"\n    title: Store the pair", "    title: Store the pair");
    only(&text, codes::SOP_NOT_COVERED, "id");
    assert!(findings(&text)[0].message.contains("step 4"));
    only(&changed("    sop: \"4\"\n", "    sop: \"4, 9\"\n"), codes::SOP_NOT_COVERED, "id");
    // 7 stands for its parts in a runbook's own words, but each part is asked for.
    let text = SHIPPED.replace("sop: \"7b\"", "sop: \"7\"");
    assert!(findings(&text).iter().any(|finding| finding.message.contains("step 7b")));
}

#[test]
fn numbers_of_a_document() {
    let text = "# 2026-04-24 is no step\n## 0. Zero\n### 7a Deactivate\nStep 7b: delete\n**Step 8** more\n```\n# 9 not this\n```\n5. a list is not a step\n## 3rd party\n## 12) Twelve\n";
    assert_eq!(coverage::numbered(text), ["0", "7a", "7b", "8", "12"]);
    assert!(coverage::numbered("no steps at all").is_empty());
}

#[test]
fn holders_need_a_connector_and_its_fields() {
    only(
        &changed("kind: heroku, app: raxx-api-prod,", "kind: herokku, app: raxx-api-prod,"),
        codes::HOLDER_UNKNOWN,
        "consumers",
    );
    only(&changed("kind: heroku, app: raxx-api-prod,", "kind: heroku,"), codes::HOLDER_UNKNOWN, "consumers");
    only(&changed("kind: heroku, app:", "kind: heroku, aap: x, app:"), codes::HOLDER_UNKNOWN, "consumers");
}

#[test]
fn every_code_is_in_the_table_once_and_explained() {
    let mut codes: Vec<&str> = codes::TABLE.iter().map(|(code, _)| *code).collect();
    codes.dedup();
    assert_eq!(codes.len(), codes::TABLE.len());
    assert!(codes::TABLE.iter().all(|(code, text)| code.len() == 5 && !text.is_empty()));
}
