//! Names: resolved, written before they are read, and used at all.

use crate::diagnostic::{Finding, Span, did_you_mean};
use crate::runbook::codes;
use crate::runbook::model::{
    Action, CredentialDecl, Expectation, GateKind, InputType, Predicate, Rollback, Runbook, Step,
};
use crate::runbook::template::{Node, Template};
use crate::runbook::yaml::RESERVED;

/// What a template is for, as far as names and secrets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// A parameter that may be secret.
    Value,
    /// An element of a command's argv.
    Argv,
    /// A part of a URL.
    Url,
    /// Shown to people.
    Shown,
    /// Compared with a result.
    Compared,
}

/// A template and where it stands.
pub(super) struct Site<'a> {
    pub(super) template: std::borrow::Cow<'a, Template>,
    pub(super) use_: Use,
    /// `result` and the step's own captures are known.
    pub(super) after: bool,
    /// The row's name is known.
    pub(super) rows: bool,
}

/// Every template of a step.
pub(super) fn sites(step: &Step) -> Vec<Site<'_>> {
    let mut sites = Vec::new();
    let mut push = |template, use_, after, rows| {
        sites.push(Site { template: std::borrow::Cow::Borrowed(template), use_, after, rows });
    };
    if let Some(each) = &step.for_each {
        push(&each.list, Use::Shown, false, false);
    }
    if let crate::runbook::model::ConfirmKind::TypeBack(template) = &step.confirm.kind {
        push(template, Use::Shown, false, true);
    }
    for gate in &step.gates {
        match &gate.kind {
            GateKind::UnusedSince { key, .. } => push(key, Use::Shown, false, true),
            GateKind::InactiveFor { key, at_least } | GateKind::UnusedFor { key, at_least } => {
                push(key, Use::Shown, false, true);
                push(at_least, Use::Shown, false, true);
            }
            GateKind::Check { run, expect } => {
                action(run, &mut |template, use_| push(template, use_, false, true));
                expectations(expect, &mut |template, use_| push(template, use_, true, true));
            }
            GateKind::Identity { account, arn, not_user } => {
                for template in [account, arn, not_user].into_iter().flatten() {
                    push(template, Use::Shown, false, true);
                }
            }
            _ => {}
        }
    }
    action(&step.run, &mut |template, use_| push(template, use_, false, true));
    for probe in &step.probe {
        action(probe, &mut |template, use_| push(template, use_, true, true));
    }
    expectations(&step.expect, &mut |template, use_| push(template, use_, true, true));
    for again in step.capture.iter().filter_map(|capture| capture.again.as_ref()) {
        action(again, &mut |template, use_| push(template, use_, true, true));
    }
    if let Rollback::Acts(acts) = &step.rollback {
        for act in acts {
            action(&act.run, &mut |template, use_| push(template, use_, true, true));
            for probe in &act.probe {
                action(probe, &mut |template, use_| push(template, use_, true, true));
            }
            expectations(&act.expect, &mut |template, use_| push(template, use_, true, true));
        }
    }
    // Sentences are text in the model; where one is a template it is shown as one.
    for text in [Some(&step.title), step.why.as_ref(), step.affects.as_ref()].into_iter().flatten() {
        if let Ok(template) = Template::parse(text, step.span)
            && !template.is_literal()
        {
            sites.push(Site {
                template: std::borrow::Cow::Owned(template),
                use_: Use::Shown,
                after: false,
                rows: false,
            });
        }
    }
    sites
}

fn action<'a>(action: &'a Action, push: &mut impl FnMut(&'a Template, Use)) {
    use crate::runbook::op::Op;
    for (name, node) in &action.params {
        let use_ = match (action.op, name.as_str()) {
            (Op::Command, "argv") => Use::Argv,
            (Op::Http, "path" | "query") => Use::Url,
            (Op::Manual, _) => Use::Shown,
            _ => Use::Value,
        };
        node.templates().for_each(|template| push(template, use_));
    }
}

fn expectations<'a>(expect: &'a [Expectation], push: &mut impl FnMut(&'a Template, Use)) {
    for expectation in expect {
        if let Some(template) = &expectation.else_ {
            push(template, Use::Shown);
        }
        match &expectation.predicate {
            Predicate::Matches(template) | Predicate::NotMatches(template) => push(template, Use::Compared),
            predicate => {
                for template in compared(predicate).into_iter().flat_map(|node| node.templates()) {
                    push(template, Use::Compared);
                }
            }
        }
    }
}

/// The value that a predicate compares with.
pub(super) fn compared(predicate: &Predicate) -> Option<&Node> {
    match predicate {
        Predicate::Equals(node)
        | Predicate::Not(node)
        | Predicate::Contains(node)
        | Predicate::Lacks(node)
        | Predicate::HasId(node)
        | Predicate::LacksId(node)
        | Predicate::Before(node)
        | Predicate::After(node) => Some(node),
        _ => None,
    }
}

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
    for root in templates.into_iter().flat_map(Template::roots).filter(|root| !known.contains(root)) {
        let message = format!("`{}` can't be acted as here: `{root}` is not known yet", credential.name);
        findings.push(
            Finding::error(codes::CREDENTIAL_EARLY, action.span, message).hint("capture the pair in an earlier step"),
        );
        return;
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
