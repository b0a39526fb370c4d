//! Every template of a step, and what it is for: what names and secrets are judged by.

use std::borrow::Cow;

use super::model::{Action, ConfirmKind, Expectation, GateKind, Predicate, Rollback, Step};
use super::op::Op;
use super::template::{Node, Template};

/// What a template is for, as far as names and secrets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
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
pub(crate) struct Site<'a> {
    pub(crate) template: Cow<'a, Template>,
    pub(crate) use_: Use,
    /// `result` and the step's own captures are known.
    pub(crate) after: bool,
    /// The row's name is known.
    pub(crate) rows: bool,
}

/// Every template of a step.
pub(crate) fn sites(step: &Step) -> Vec<Site<'_>> {
    let mut sites = Vec::new();
    let mut push = |template, use_, after, rows| {
        sites.push(Site { template: Cow::Borrowed(template), use_, after, rows });
    };
    if let Some(each) = &step.for_each {
        push(&each.list, Use::Shown, false, false);
    }
    if let ConfirmKind::TypeBack(template) = &step.confirm.kind {
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
            sites.push(Site { template: Cow::Owned(template), use_: Use::Shown, after: false, rows: false });
        }
    }
    sites
}

fn action<'a>(action: &'a Action, push: &mut impl FnMut(&'a Template, Use)) {
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
pub(crate) fn compared(predicate: &Predicate) -> Option<&Node> {
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
