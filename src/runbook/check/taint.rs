//! Secrets: where one comes from, and where none may go.

use super::names::acting;
use crate::diagnostic::{Finding, Span};
use crate::runbook::codes;
use crate::runbook::model::{Action, Expectation, InputType, Predicate, Runbook, Step};
use crate::runbook::op::Op;
use crate::runbook::sites::{Use, compared, sites};
use crate::runbook::template::{Expr, Node, Path, PathPart, Template};

/// How a path relates to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taint {
    /// Nothing secret in it.
    Clear,
    /// It is a map or list with a secret somewhere inside.
    Holds,
    /// It is secret.
    Secret,
}

pub(super) fn check(runbook: &Runbook, findings: &mut Vec<Finding>) {
    for step in &runbook.steps {
        for site in sites(step) {
            let span = if site.template.span == Span::default() { step.span } else { site.template.span };
            let compared = site.use_ == Use::Compared;
            for expr in site.template.exprs() {
                let taint = strongest(runbook, step, expr);
                if taint == Taint::Clear {
                    continue;
                }
                if let Some(finding) = misplaced(site.use_, expr, span) {
                    findings.push(finding);
                } else if expr.path.is_none() || (taint == Taint::Holds && !expr.filters.is_empty()) {
                    let message = format!("`{{{{ {} }}}}` looks at a secret", expr.source);
                    findings.push(
                        Finding::error(codes::SECRET_IN_EXPRESSION, span, message)
                            .hint("a secret may only stand as a whole `{{ name }}` or `{{ name | filter }}`"),
                    );
                } else if compared && site.template.lone_path().is_none() {
                    findings.push(badly_compared(span));
                }
            }
        }
        let reads: &[Action] = if step.probe.is_empty() { std::slice::from_ref(&step.run) } else { &step.probe };
        // The results of several probes are a list, whose paths begin with an index.
        if let [read] = reads {
            for expectation in &step.expect {
                comparison(runbook, step, read, expectation, findings);
            }
        }
    }
    for credential in &runbook.credentials {
        shown(runbook, &credential.access_key_id, findings);
    }
    if let Some(audit) = &runbook.audit {
        let templates = audit.context.iter().flat_map(|(_, node)| node.templates());
        for template in std::iter::once(&audit.actor).chain(templates) {
            shown(runbook, template, findings);
        }
    }
}

fn misplaced(use_: Use, expr: &Expr, span: Span) -> Option<Finding> {
    let (code, place, hint) = match use_ {
        Use::Argv => (
            codes::SECRET_IN_ARGV,
            "an argv, which every user of the machine can read",
            "hand it over on stdin or in `env`",
        ),
        Use::Url => (
            codes::SECRET_IN_URL,
            "a URL, which servers and proxies write to their logs",
            "send it in a header or the body",
        ),
        Use::Shown => (codes::SECRET_SHOWN, "a text that is shown", "say what it is for instead"),
        Use::Value | Use::Compared => return None,
    };
    Some(Finding::error(code, span, format!("the secret `{}` in {place}", expr.source)).hint(hint))
}

fn shown(runbook: &Runbook, template: &Template, findings: &mut Vec<Finding>) {
    for expr in template.exprs() {
        let secret = expr.paths().iter().any(|path| named(runbook, path) != Taint::Clear);
        if secret && let Some(finding) = misplaced(Use::Shown, expr, template.span) {
            findings.push(finding);
        }
    }
}

fn badly_compared(span: Span) -> Finding {
    Finding::error(codes::TAINTED_COMPARED, span, "a secret is compared only by fingerprint")
        .hint("compare it by `equals` or `not`, with another secret as a whole `{{ name }}`")
}

fn strongest(runbook: &Runbook, step: &Step, expr: &Expr) -> Taint {
    let of = |path: &Path| match path.root() {
        Some("result") => born(runbook, &step.run, &Path(path.0[1..].to_vec())),
        _ => named(runbook, path),
    };
    let taints: Vec<Taint> = expr.paths().iter().map(of).collect();
    if taints.contains(&Taint::Secret) {
        Taint::Secret
    } else if taints.contains(&Taint::Holds) {
        Taint::Holds
    } else {
        Taint::Clear
    }
}

/// The taint of an input or capture.
fn named(runbook: &Runbook, path: &Path) -> Taint {
    let Some(root) = path.root() else { return Taint::Clear };
    if runbook.inputs.iter().any(|input| input.name == root && input.kind == InputType::Secret) {
        return Taint::Secret;
    }
    let below = Path(path.0[1..].to_vec());
    for step in &runbook.steps {
        for capture in step.capture.iter().filter(|capture| capture.name == root) {
            for secret in &capture.secret {
                match relation(secret, &below) {
                    Taint::Clear => {}
                    taint => return taint,
                }
            }
            // Rows gather into a list or map by key, so only the plain case can be told.
            if step.for_each.is_none() {
                return born(runbook, &step.run, &capture.path.join(&below));
            }
        }
    }
    Taint::Clear
}

fn relation(secret: &Path, path: &Path) -> Taint {
    if secret.covers(path) {
        Taint::Secret
    } else if path.covers(secret) {
        Taint::Holds
    } else {
        Taint::Clear
    }
}

/// The taint that a part of an action's result is born with.
fn born(runbook: &Runbook, action: &Action, path: &Path) -> Taint {
    let secret = |name: &str| relation(&Path(vec![PathPart::Name(name.into())]), path);
    match action.op {
        Op::IamCreateAccessKey | Op::SecretGenerate => secret("secret"),
        Op::HolderRead => match path.0.as_slice() {
            // Access key ids are public.
            [PathPart::Name(values), PathPart::Name(name), ..]
                if values == "values" && name.ends_with("ACCESS_KEY_ID") =>
            {
                Taint::Clear
            }
            _ => secret("values"),
        },
        Op::Http | Op::Command if touches_secret(runbook, action) => {
            let public = |path: &Path| {
                let own = matches!(path.0.first(), Some(PathPart::Name(name)) if name == "status" || name == "exit");
                own || declared_public(action).iter().any(|public| public.covers(path))
            };
            if public(path) {
                Taint::Clear
            } else if path.0.is_empty() {
                Taint::Holds
            } else {
                Taint::Secret
            }
        }
        _ => Taint::Clear,
    }
}

fn declared_public(action: &Action) -> Vec<Path> {
    let Some(Node::Literal(list)) = action.param("public") else { return Vec::new() };
    list.as_array().into_iter().flatten().filter_map(|item| Path::parse(item.as_str()?).ok()).collect()
}

/// True if an http or command is handed a secret, or declares that it deals with one.
fn touches_secret(runbook: &Runbook, action: &Action) -> bool {
    action.param("secret").is_some()
        || acting(runbook, action).is_some()
        || action.params.iter().flat_map(|(_, node)| node.templates()).any(|template| {
            template
                .exprs()
                .flat_map(Expr::paths)
                .any(|path| path.root() != Some("result") && named_declared(runbook, &path))
        })
}

/// As [`named`], but only by what is declared or native: an http that uses another http's result must not recurse.
fn named_declared(runbook: &Runbook, path: &Path) -> bool {
    let Some(root) = path.root() else { return false };
    if runbook.inputs.iter().any(|input| input.name == root && input.kind == InputType::Secret) {
        return true;
    }
    let below = Path(path.0[1..].to_vec());
    runbook.steps.iter().any(|step| {
        step.capture.iter().filter(|capture| capture.name == root).any(|capture| {
            let declared = capture.secret.iter().any(|secret| relation(secret, &below) != Taint::Clear);
            let native = !matches!(step.run.op, Op::Http | Op::Command);
            declared || (native && born(runbook, &step.run, &capture.path.join(&below)) != Taint::Clear)
        })
    })
}

/// A tainted path is compared by fingerprint only.
fn comparison(runbook: &Runbook, step: &Step, read: &Action, expectation: &Expectation, findings: &mut Vec<Finding>) {
    let left = born(runbook, read, &expectation.path) != Taint::Clear;
    let right = compared(&expectation.predicate).is_some_and(|node| {
        node.templates().flat_map(Template::exprs).any(|expr| strongest(runbook, step, expr) != Taint::Clear)
    });
    let fitting = matches!(expectation.predicate, Predicate::Equals(_) | Predicate::Not(_)) && left == right;
    if (left || right) && !fitting {
        findings.push(badly_compared(expectation.span));
    }
}
