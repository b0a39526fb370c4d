//! The SOP's steps and the runbook's, side by side; holders and the connectors they need.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::{Finding, did_you_mean};
use crate::runbook::codes;
use crate::runbook::connector::Connector;
use crate::runbook::model::Runbook;

/// Numbers of the SOP's steps in its document: headings such as `## 3. Prove` and `### 7a Delete`, and lines such as `Step 7a: …`.
pub(super) fn numbered(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let heading = line.starts_with('#');
        let rest = line.trim_start_matches('#').trim_start_matches(['*', ' ']);
        let (step, rest) = match rest.get(..5) {
            Some(word) if word.eq_ignore_ascii_case("step ") => (true, rest[5..].trim_start()),
            _ => (false, rest),
        };
        if !(heading || step) {
            continue;
        }
        if let Some(number) = leading_number(rest)
            && !found.contains(&number)
        {
            found.push(number);
        }
    }
    found
}

/// `3`, `7a`; what follows must not be a letter or digit, so that `2026-04-24` and `3rd` are none.
fn leading_number(text: &str) -> Option<String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if digits == 0 || digits > 2 {
        return None;
    }
    let letter = text[digits..].chars().next().filter(char::is_ascii_lowercase);
    let end = digits + letter.map_or(0, char::len_utf8);
    let next = text[end..].chars().next();
    (!next.is_some_and(|c| c.is_alphanumeric() || c == '-')).then(|| text[..end].to_owned())
}

pub(super) fn sop(runbook: &Runbook, text: &str, findings: &mut Vec<Finding>) {
    let document = numbered(text);
    if document.is_empty() {
        return;
    }
    let parts = |sop: &str| sop.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
    let ours: Vec<String> = runbook.steps.iter().filter_map(|step| step.sop.as_deref()).flat_map(parts).collect();
    let is_part = |whole: &str, part: &str| {
        part.strip_prefix(whole)
            .is_some_and(|rest| rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    // `7` with its 7a and 7b is covered by them, or by itself if the document does not divide it.
    let missing: Vec<&String> = document
        .iter()
        .filter(|number| !ours.contains(number))
        .filter(|number| !ours.iter().any(|part| is_part(number, part)))
        .collect();
    let at = runbook.steps.first().map(|step| step.span).unwrap_or_default();
    for number in missing {
        findings.push(
            Finding::warning(codes::SOP_NOT_COVERED, at, format!("step {number} of the SOP is not in this runbook"))
                .hint(format!("a step with `sop: \"{number}\"` does or proves it")),
        );
    }
    let numeric = |part: &String| leading_number(part).as_deref() == Some(part.as_str());
    for step in &runbook.steps {
        for part in step.sop.as_deref().map(parts).unwrap_or_default().iter().filter(|part| numeric(part)) {
            if !document.contains(part) && !document.iter().any(|known| is_part(known, part) || is_part(part, known)) {
                let message =
                    format!("step `{}` names step {part} of the SOP, which the document does not have", step.id);
                findings.push(Finding::warning(codes::SOP_NOT_COVERED, step.span, message));
            }
        }
    }
}

pub(super) fn holders(runbook: &Runbook, connectors: &BTreeMap<String, Connector>, findings: &mut Vec<Finding>) {
    use crate::runbook::model::InputType;
    for input in &runbook.inputs {
        if !matches!(input.kind, InputType::Holder | InputType::Holders) {
            continue;
        }
        for value in [&input.default, &input.drill].into_iter().flatten() {
            let list = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
            for problem in list.into_iter().filter_map(|holder| problem(holder, connectors)) {
                let message = format!("input `{}`: {}", input.name, problem.0);
                let finding = Finding::error(codes::HOLDER_UNKNOWN, input.span, message);
                findings.push(finding.hint(problem.1));
            }
        }
    }
}

/// What is wrong with a holder, and the mend.
pub(crate) fn problem(holder: &Value, connectors: &BTreeMap<String, Connector>) -> Option<(String, String)> {
    let text = |key: &str| holder.get(key).and_then(Value::as_str);
    let (Some(name), Some(kind)) = (text("name"), text("kind")) else {
        return Some(("a holder has a `name` and a `kind`".into(), "write both".into()));
    };
    let Some(connector) = connectors.get(kind) else {
        let hint = match did_you_mean(kind, connectors.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("put connectors/{kind}.yaml beside the runbook"),
        };
        return Some((format!("holder `{name}`: there is no connector for the kind `{kind}`"), hint));
    };
    for field in connector.fields.iter().filter(|field| !field.optional) {
        if holder.get(&field.name).is_none_or(Value::is_null) {
            let help = field.help.clone().unwrap_or_else(|| format!("a {} needs it", connector.title));
            return Some((format!("holder `{name}` has no `{}`", field.name), help));
        }
    }
    let known =
        |key: &str| ["name", "kind", "prove"].contains(&key) || connector.fields.iter().any(|field| field.name == key);
    let extra = holder.as_object()?.keys().find(|key| !known(key))?;
    let near = did_you_mean(extra, connector.fields.iter().map(|field| field.name.as_str()));
    let hint = near.map_or_else(|| "leave it out".to_owned(), |near| format!("did you mean `{near}`?"));
    Some((format!("holder `{name}`: a {} has no `{extra}`", connector.title), hint))
}
