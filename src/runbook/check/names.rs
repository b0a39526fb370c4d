//! Names: resolved, written before they are read, and used at all.

use crate::diagnostic::{Finding, Span, did_you_mean};
use crate::runbook::codes;
use crate::runbook::model::{Action, CredentialDecl, InputType, Runbook, Step};
use crate::runbook::sites::{Site, sites};
use crate::runbook::template::Template;
use crate::runbook::yaml::RESERVED;

pub(super) fn check(runbook: &Runbook, findings: &mut Vec<Finding>) {
    let mut used: Vec<String> = Vec::new();
    for (at, step) in runbook.steps.iter().enumerate() {
        for site in sites(step) {
            used.extend(site.template.roots().map(str::to_owned));
            resolve(runbook, at, &site, findings);
        }
        rows(runbook, step, findings);
        for action in crate::runbook::yaml::actions(step) {
            if let Some(credential) = acting(runbook, action) {
                credential_known(runbook, at, action, credential, findings);
            }
        }
    }
    for credential in &runbook.credentials {
        used.extend(credential.access_key_id.roots().map(str::to_owned));
        used.extend(credential.secret_access_key.roots().map(str::to_owned));
    }
    for input in &runbook.inputs {
        if let Some(key) = &input.key {
            used.extend(key.roots().map(str::to_owned));
            for root in key.roots().filter(|root| !runbook.inputs.iter().any(|known| known.name == *root)) {
                let known = runbook.inputs.iter().map(|known| known.name.as_str());
                findings.push(unresolved(root, key.span, known));
            }
        }
    }
    if let Some(audit) = &runbook.audit {
        let everything = known_at(runbook, runbook.steps.len());
        let templates = audit.context.iter().flat_map(|(_, node)| node.templates());
        for template in std::iter::once(&audit.actor).chain(templates) {
            for root in template.roots() {
                used.push(root.to_owned());
                if !everything.contains(&root) && (!RESERVED.contains(&root) || root == "result") {
                    findings.push(unresolved(root, template.span, everything.iter().copied()));
                }
            }
        }
    }
    for input in runbook.inputs.iter().filter(|input| !used.contains(&input.name)) {
        findings.push(
            Finding::warning(codes::UNUSED_INPUT, input.span, format!("nothing uses the input `{}`", input.name))
                .hint("leave it out: what is asked at 3 a.m. should matter"),
        );
    }
}

/// The credentials that an action is done with, if not the operator's.
pub(super) fn acting<'a>(runbook: &'a Runbook, action: &Action) -> Option<&'a CredentialDecl> {
    let who = action.as_.as_ref()?;
    runbook.credentials.iter().find(|known| known.name == *who)
}

/// Inputs, and captures of the steps before `at`.
fn known_at(runbook: &Runbook, at: usize) -> Vec<&str> {
    let inputs = runbook.inputs.iter().map(|input| input.name.as_str());
    let captures = runbook.steps[..at].iter().flat_map(|step| &step.capture).map(|capture| capture.name.as_str());
    inputs.chain(captures).collect()
}

fn resolve(runbook: &Runbook, at: usize, site: &Site<'_>, findings: &mut Vec<Finding>) {
    let step = &runbook.steps[at];
    let mut known = known_at(runbook, at + usize::from(site.after));
    known.extend(RESERVED.iter().filter(|name| site.after || **name != "result"));
    if site.rows
        && let Some(each) = &step.for_each
    {
        known.push(&each.name);
    }
    let span = if site.template.span == Span::default() { step.span } else { site.template.span };
    for root in site.template.roots().filter(|root| !known.contains(root)) {
        if let Some(writer) = runbook.steps.iter().find(|step| step.capture.iter().any(|c| c.name == root)) {
            let message = format!("`{root}` is read in step `{}` before step `{}` writes it", step.id, writer.id);
            findings.push(
                Finding::error(codes::READ_BEFORE_WRITTEN, span, message).hint("move the step, or capture it earlier"),
            );
        } else if root == "result" {
            let message = format!("`result` is read in step `{}` before the step has one", step.id);
            findings
                .push(Finding::error(codes::READ_BEFORE_WRITTEN, span, message).hint("capture it in an earlier step"));
        } else {
            findings.push(unresolved(root, span, known.iter().copied()));
        }
    }
}

fn unresolved<'k>(root: &str, span: Span, known: impl Iterator<Item = &'k str>) -> Finding {
    let finding = Finding::error(codes::UNRESOLVED, span, format!("there is no `{root}`"));
    match did_you_mean(root, known) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding.hint("declare it under `inputs`, or capture it in an earlier step"),
    }
}

fn credential_known(
    runbook: &Runbook,
    at: usize,
    action: &Action,
    credential: &CredentialDecl,
    findings: &mut Vec<Finding>,
) {
    let known = known_at(runbook, at);
    let templates = [&credential.access_key_id, &credential.secret_access_key];
    let mut unknown = templates.into_iter().flat_map(Template::roots).filter(|root| !known.contains(root));
    if let Some(root) = unknown.next() {
        let message = format!("`{}` can't be acted as here: `{root}` is not known yet", credential.name);
        findings.push(
            Finding::error(codes::CREDENTIAL_EARLY, action.span, message).hint("capture the pair in an earlier step"),
        );
    }
}

/// Rows have to come from a list that is known.
fn rows(runbook: &Runbook, step: &Step, findings: &mut Vec<Finding>) {
    let Some(each) = &step.for_each else { return };
    let mut roots = each.list.roots().peekable();
    let from_namespace = roots.peek().is_some_and(|root| RESERVED.contains(root));
    let scalar = each.list.lone_path().filter(|path| path.0.len() == 1).and_then(|path| path.root()).and_then(|root| {
        runbook
            .inputs
            .iter()
            .find(|input| input.name == root && !matches!(input.kind, InputType::Holders | InputType::List))
    });
    let message = if let Some(input) = scalar {
        format!("`{}` is not a list, so there are no rows", input.name)
    } else if each.list.is_literal() || from_namespace {
        format!("`{}` is no list that is known beforehand", each.list.source)
    } else {
        return;
    };
    findings.push(
        Finding::error(codes::EMPTY_ROWS, each.list.span, message)
            .hint("name an input of type holders or list, or a capture"),
    );
}
