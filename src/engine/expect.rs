//! The one evaluator of expectations. Three verdicts; null and what was not read compare as unknown.

use chrono::DateTime;
use regex::RegexBuilder;
use serde_json::{Value, json};

use crate::runbook::template::{Scope, TemplateError};
use crate::runbook::{Expectation, Predicate};
use crate::secret::{fingerprint_of, is_tainted};

use super::effect::error_of;
use super::entry::Verdict;

/// How one expectation came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The expectation in words (`arn = arn:aws:…`).
    pub expected: String,
    /// What was there.
    pub actual: Value,
    /// The runbook's sentence, where it is not so and there is one.
    pub sentence: Option<String>,
    /// It does not stop the run.
    pub advisory: bool,
}

/// Judges a result against a list of expectations. The verdict is Fail if any binding one fails, else Unknown if any is
/// unknown, else Pass.
pub fn judge(expectations: &[Expectation], result: &Value, scope: &Scope) -> (Verdict, Vec<Judgement>) {
    let judgements: Vec<Judgement> = if expectations.iter().any(names_result) {
        let scope = scope.with("result", result.clone());
        expectations.iter().map(|e| judge_one(e, result, &scope)).collect()
    } else {
        expectations.iter().map(|e| judge_one(e, result, scope)).collect()
    };
    let verdict = judgements.iter().filter(|j| !j.advisory).map(|j| j.verdict).fold(Verdict::Pass, worse);
    let verdict = match error_of(result) {
        // A refused read proves nothing of what was expected, unless AWS said why: then it is "not so" (InvalidClientTokenId).
        Some((code, _)) if !is_definite(code) => Verdict::Unknown,
        Some(_) => Verdict::Fail,
        None => verdict,
    };
    (verdict, judgements)
}

/// Fail beats unknown beats pass.
pub fn worse(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
        (Verdict::Unknown, _) | (_, Verdict::Unknown) => Verdict::Unknown,
        _ => Verdict::Pass,
    }
}

/// Error codes that answer the question that was asked: whether this credential may do this now. Everything else
/// (throttling, 5xx, time-outs) did not answer it.
fn is_definite(code: &str) -> bool {
    matches!(
        code,
        "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "AccessDenied"
            | "NoSuchEntity"
            | "NoSuchBucket"
    )
}

/// Does any template of it read the result itself?
fn names_result(expectation: &Expectation) -> bool {
    let node = match &expectation.predicate {
        Predicate::Equals(node)
        | Predicate::Not(node)
        | Predicate::Contains(node)
        | Predicate::Lacks(node)
        | Predicate::HasId(node)
        | Predicate::LacksId(node)
        | Predicate::Before(node)
        | Predicate::After(node) => Some(node),
        _ => None,
    };
    let text = match &expectation.predicate {
        Predicate::Matches(template) | Predicate::NotMatches(template) => Some(template),
        _ => None,
    };
    let templates = node.into_iter().flat_map(|node| node.templates()).chain(text).chain(&expectation.else_);
    templates.into_iter().any(|template| template.roots().any(|root| root == "result"))
}

fn judge_one(expectation: &Expectation, result: &Value, scope: &Scope) -> Judgement {
    let actual = if error_of(result).is_some() { None } else { expectation.path.get(result) };
    let (verdict, words) = match evaluate(&expectation.predicate, actual, scope) {
        Ok(found) => found,
        Err(problem) => (Verdict::Unknown, format!("can't be judged: {problem}")),
    };
    let sentence = match (&expectation.else_, verdict) {
        (Some(template), Verdict::Fail | Verdict::Unknown) => template.text(scope).ok(),
        _ => None,
    };
    Judgement {
        verdict,
        expected: format!("{} {words}", expectation.path),
        actual: actual.cloned().unwrap_or(Value::Null),
        sentence,
        advisory: expectation.advisory,
    }
}

/// Verdict and the expectation in words.
fn evaluate(predicate: &Predicate, actual: Option<&Value>, scope: &Scope) -> Result<(Verdict, String), TemplateError> {
    let present = actual.filter(|value| !value.is_null());
    let verdict_of = |holds: Option<bool>| match (present, holds) {
        (None, _) | (_, None) => Verdict::Unknown,
        (Some(_), Some(true)) => Verdict::Pass,
        (Some(_), Some(false)) => Verdict::Fail,
    };
    Ok(match predicate {
        Predicate::Equals(node) => {
            let wanted = node.render(scope)?;
            let same = if wanted.is_null() { None } else { present.and_then(|value| equal(value, &wanted)) };
            (verdict_of(same), format!("= {}", words(&wanted)))
        }
        Predicate::Not(node) => {
            let wanted = node.render(scope)?;
            let same = if wanted.is_null() { None } else { present.and_then(|value| equal(value, &wanted)) };
            (verdict_of(same.map(|same| !same)), format!("is not {}", words(&wanted)))
        }
        Predicate::Matches(template) => {
            let pattern = template.text(scope)?;
            (verdict_of(present.and_then(|value| found(&pattern, value))), format!("matches {pattern}"))
        }
        Predicate::NotMatches(template) => {
            let pattern = template.text(scope)?;
            let holds = present.and_then(|value| found(&pattern, value)).map(|found| !found);
            (verdict_of(holds), format!("does not match {pattern}"))
        }
        Predicate::Contains(node) => {
            let wanted = node.render(scope)?;
            (verdict_of(present.and_then(|value| contains(value, &wanted))), format!("contains {}", words(&wanted)))
        }
        Predicate::Lacks(node) => {
            let wanted = node.render(scope)?;
            let holds = present.and_then(|value| contains(value, &wanted)).map(|has| !has);
            (verdict_of(holds), format!("lacks {}", words(&wanted)))
        }
        Predicate::HasId(node) => {
            let wanted = node.render(scope)?;
            (verdict_of(present.and_then(|value| has_id(value, &wanted))), format!("has {}", words(&wanted)))
        }
        Predicate::LacksId(node) => {
            let wanted = node.render(scope)?;
            let holds = present.and_then(|value| has_id(value, &wanted)).map(|has| !has);
            (verdict_of(holds), format!("lacks {}", words(&wanted)))
        }
        Predicate::Count(n) => {
            (verdict_of(present.and_then(size).map(|size| i64::try_from(*n) == Ok(size))), format!("has {n} elements"))
        }
        Predicate::AtLeast(n) => (verdict_of(present.and_then(size).map(|size| size >= *n)), format!("at least {n}")),
        Predicate::AtMost(n) => (verdict_of(present.and_then(size).map(|size| size <= *n)), format!("at most {n}")),
        Predicate::Before(node) => {
            let wanted = node.render(scope)?;
            let holds = present.and_then(time).zip(time(&wanted)).map(|(a, b)| a < b);
            (verdict_of(holds), format!("before {}", words(&wanted)))
        }
        Predicate::After(node) => {
            let wanted = node.render(scope)?;
            let holds = present.and_then(time).zip(time(&wanted)).map(|(a, b)| a > b);
            (verdict_of(holds), format!("after {}", words(&wanted)))
        }
        Predicate::Exists(wanted) => {
            // The only predicate that has an opinion on what is not there; a failed read never reaches it as a result.
            let verdict = if present.is_some() == *wanted { Verdict::Pass } else { Verdict::Fail };
            (verdict, if *wanted { "is there".into() } else { "is not there".into() })
        }
    })
}

/// Equality; by fingerprint where either side is tainted, and unknown where only one is.
fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (fingerprint_of(a), fingerprint_of(b)) {
        (Some(a), Some(b)) => Some(a == b),
        (None, None) if !is_tainted(a) && !is_tainted(b) => Some(a == b),
        _ => None,
    }
}

fn found(pattern: &str, value: &Value) -> Option<bool> {
    let regex = RegexBuilder::new(pattern).size_limit(1 << 20).build().ok()?;
    Some(regex.is_match(value.as_str()?))
}

fn contains(value: &Value, wanted: &Value) -> Option<bool> {
    match value {
        Value::Array(list) => {
            list.iter().map(|item| equal(item, wanted)).try_fold(false, |has, same| Some(has || same?))
        }
        Value::String(text) => Some(text.contains(wanted.as_str()?)),
        _ => None,
    }
}

fn has_id(value: &Value, wanted: &Value) -> Option<bool> {
    Some(value.as_array()?.iter().any(|item| item.get("id") == Some(wanted)))
}

fn size(value: &Value) -> Option<i64> {
    match value {
        Value::Array(list) => i64::try_from(list.len()).ok(),
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
}

/// A time; `"never"` is before every time.
fn time(value: &Value) -> Option<i64> {
    match value.as_str()? {
        "never" => Some(i64::MIN),
        text => Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()),
    }
}

fn words(value: &Value) -> String {
    match (value, fingerprint_of(value)) {
        (_, Some(fp)) => format!("fingerprint {}", fp.get(..8).unwrap_or(fp)),
        (Value::String(text), _) => text.clone(),
        (other, _) => other.to_string(),
    }
}

/// The evidence of a judged list, for gates and reports.
pub fn evidence(judgements: &[Judgement]) -> Value {
    json!(
        judgements
            .iter()
            .map(|j| json!({"expected": j.expected, "actual": j.actual, "verdict": j.verdict}))
            .collect::<Vec<_>>()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::own::expectation;
    use crate::runbook::Span;
    use crate::runbook::template::{Node, Template};

    fn text(source: &str) -> Template {
        let segments = vec![crate::runbook::template::Segment::Text(source.to_owned())];
        Template { source: source.to_owned(), segments, span: Span::default() }
    }

    fn value(value: Value) -> Node {
        Node::Literal(value)
    }

    fn verdict(predicate: Predicate, actual: Value) -> Verdict {
        let expectations = [expectation("x", predicate)];
        judge(&expectations, &json!({"x": actual, "other": 1}), &Scope::default()).0
    }

    /// Of each predicate: what it passes, and what it fails.
    fn table() -> Vec<(Predicate, Value, Value)> {
        let ids = json!([{"id": "A"}, {"id": "B"}]);
        vec![
            (Predicate::Equals(value(json!("a"))), json!("a"), json!("b")),
            (Predicate::Equals(value(json!(true))), json!(true), json!("true")),
            (Predicate::Not(value(json!("a"))), json!("b"), json!("a")),
            (Predicate::Matches(text("^a+$")), json!("aaa"), json!("aab")),
            (Predicate::NotMatches(text("denied")), json!("fine"), json!("access denied")),
            (Predicate::Contains(value(json!("a"))), json!(["b", "a"]), json!(["b"])),
            (Predicate::Contains(value(json!("a"))), json!("bad"), json!("bed")),
            (Predicate::Lacks(value(json!("a"))), json!(["b"]), json!(["a"])),
            (Predicate::HasId(value(json!("A"))), ids.clone(), json!([{"id": "B"}])),
            (Predicate::LacksId(value(json!("C"))), ids.clone(), json!([{"id": "C"}])),
            (Predicate::Count(0), json!([]), json!([1])),
            (Predicate::Count(2), ids.clone(), json!([1])),
            (Predicate::AtLeast(1), json!([1]), json!([])),
            (Predicate::AtLeast(3), json!(3), json!(2)),
            (Predicate::AtMost(1), json!([1]), ids),
            (
                Predicate::Before(value(json!("2026-01-02T00:00:00Z"))),
                json!("2026-01-01T00:00:00Z"),
                json!("2026-01-03T00:00:00Z"),
            ),
            (Predicate::Before(value(json!("2026-01-02T00:00:00Z"))), json!("never"), json!("2026-01-02T00:00:00Z")),
            (Predicate::After(value(json!("2026-01-02T00:00:00Z"))), json!("2026-01-03T00:00:00Z"), json!("never")),
        ]
    }

    #[test]
    fn each_predicate_passes_and_fails_what_it_says() {
        for (predicate, good, bad) in table() {
            assert_eq!(verdict(predicate.clone(), good.clone()), Verdict::Pass, "{predicate:?} of {good}");
            assert_eq!(verdict(predicate.clone(), bad.clone()), Verdict::Fail, "{predicate:?} of {bad}");
        }
        assert_eq!(verdict(Predicate::Exists(true), json!(null)), Verdict::Fail);
        assert_eq!(verdict(Predicate::Exists(false), json!(1)), Verdict::Fail);
    }

    #[test]
    fn null_absent_and_the_wrong_shape_are_unknown_and_never_pass() {
        for (predicate, _, _) in table() {
            assert_eq!(verdict(predicate.clone(), json!(null)), Verdict::Unknown, "{predicate:?} of null");
            let absent = judge(&[expectation("y", predicate.clone())], &json!({"x": 1}), &Scope::default()).0;
            assert_eq!(absent, Verdict::Unknown, "{predicate:?} of what is not there");
            if !matches!(predicate, Predicate::Equals(_) | Predicate::Not(_)) {
                assert_eq!(verdict(predicate.clone(), json!({"a": 1})), Verdict::Unknown, "{predicate:?} of an object");
            }
        }
        assert_eq!(verdict(Predicate::Equals(value(json!(null))), json!("a")), Verdict::Unknown);
    }

    #[test]
    fn a_secret_compares_by_fingerprint_and_with_nothing_else() {
        let held = json!({"secret": "a.b", "fp": "01"});
        let same = json!({"fp": "01"});
        let other = json!({"secret": "a.b", "fp": "02"});
        assert_eq!(verdict(Predicate::Equals(value(held.clone())), same.clone()), Verdict::Pass);
        assert_eq!(verdict(Predicate::Equals(value(held.clone())), other.clone()), Verdict::Fail);
        assert_eq!(verdict(Predicate::Not(value(held.clone())), other), Verdict::Pass);
        assert_eq!(verdict(Predicate::Equals(value(held.clone())), json!("plain")), Verdict::Unknown);
        assert_eq!(verdict(Predicate::Not(value(json!("plain"))), held), Verdict::Unknown);
        assert_eq!(verdict(Predicate::Lacks(value(json!("plain"))), json!([same])), Verdict::Unknown);
    }

    #[test]
    fn a_read_that_failed_is_unknown_even_where_absence_was_expected() {
        for code in ["Throttling", "Timeout", "InternalFailure", "ServiceUnavailable"] {
            let result = json!({"error": {"code": code, "message": "no"}});
            for predicate in [Predicate::Exists(false), Predicate::Count(0), Predicate::LacksId(value(json!("A")))] {
                let (found, _) = judge(&[expectation("keys", predicate)], &result, &Scope::default());
                assert_eq!(found, Verdict::Unknown, "{code}");
            }
        }
        let refused = json!({"error": {"code": "InvalidClientTokenId", "message": "no"}});
        assert_eq!(judge(&[expectation("arn", Predicate::Exists(true))], &refused, &Scope::default()).0, Verdict::Fail);
    }

    #[test]
    fn an_advisory_never_decides_and_a_binding_failure_beats_unknown() {
        let mut advisory = expectation("x", Predicate::Equals(value(json!(2))));
        advisory.advisory = true;
        let binding = expectation("x", Predicate::Equals(value(json!(1))));
        let unknown = expectation("y", Predicate::Equals(value(json!(1))));
        let result = json!({"x": 1});
        let of = |list: &[Expectation]| judge(list, &result, &Scope::default()).0;
        assert_eq!(of(&[advisory.clone(), binding]), Verdict::Pass);
        advisory.advisory = false;
        assert_eq!(of(&[unknown.clone(), advisory]), Verdict::Fail);
        assert_eq!(of(&[unknown]), Verdict::Unknown);
    }
}
