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
    let judgements: Vec<Judgement> = if expectations.iter().any(|expectation| names_result(expectation)) {
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

/// Error codes that answer the question that was asked. Everything else (throttling, 5xx, time-outs, AccessDenied on a
/// read of ours) did not answer it.
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
