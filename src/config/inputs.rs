//! The values of a runbook's inputs before a run: who gave each, and what is missing.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::{Config, Located};
use crate::diagnostic::{Source, did_you_mean};
use crate::engine::entry::EnvironmentKind;
use crate::runbook::check::holder_problem;
use crate::runbook::connector::Connector;
use crate::runbook::model::{InputDecl, InputFrom, InputType, Runbook};
use crate::runbook::template::Scope;
use crate::runbook::yaml::{Yaml, fits, load};

/// An input with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedInput {
    /// Its name.
    pub name: String,
    /// Its value; null for an optional one that nobody gave.
    pub value: Value,
    /// Who gave it: `--set`, `keyward.yaml:41`, `drill`, `runbook`, or empty for nobody.
    pub origin: String,
}

/// Why an input has no usable value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Nobody gave one; a person can be asked.
    Missing,
    /// It is a secret, which a person is asked for, and which never stands in a file or an argument.
    Secret,
    /// It was given, and does not fit.
    Wrong,
}

/// An input without a usable value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputProblem {
    /// [`crate::runbook::codes::INPUT_MISSING`] or [`crate::runbook::codes::INPUT_WRONG`].
    pub code: &'static str,
    /// The input.
    pub name: String,
    /// Why.
    pub kind: ProblemKind,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Who gave the wrong value, as in [`ResolvedInput::origin`].
    pub origin: String,
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)?;
        if !self.origin.is_empty() {
            write!(f, " ({})", self.origin)?;
        }
        write!(f, "\n  {}", self.hint)
    }
}

/// What one input's value is looked up in.
struct Lookup<'a> {
    config: &'a Config,
    environment: &'a str,
    kind: EnvironmentKind,
    connectors: &'a BTreeMap<String, Connector>,
    scope: Scope,
}

/// Gives every input of a runbook its value: `--set` first, then `keyward.yaml`, then in a drill the runbook's `drill:`,
/// then its default. `reason` and `ticket` may stand among `sets`; they are not inputs, and are left to the caller.
///
/// # Errors
/// Every input that has none, or one that does not fit its type. The values are not in the errors of secrets.
pub fn resolve_inputs(
    runbook: &Runbook,
    config: &Config,
    environment: &str,
    kind: EnvironmentKind,
    sets: &[(String, String)],
    connectors: &BTreeMap<String, Connector>,
) -> Result<Vec<ResolvedInput>, Vec<InputProblem>> {
    let mut problems = Vec::new();
    for (name, _) in sets {
        let known = runbook.inputs.iter().map(|input| input.name.as_str()).chain(["reason", "ticket"]);
        if !known.clone().any(|input| input == name) {
            let hint = match did_you_mean(name, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has: {}", known.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("the runbook {} has no such input", runbook.name);
            problems.push(wrong(name, message, hint, "--set"));
        }
    }
    let mut lookup = Lookup { config, environment, kind, connectors, scope: Scope::default() };
    let mut resolved = Vec::new();
    for input in &runbook.inputs {
        match lookup.input(input, sets) {
            Ok(found) => {
                lookup.scope.set(&input.name, found.value.clone());
                resolved.push(found);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(resolved) } else { Err(problems) }
}

fn wrong(name: &str, message: String, hint: impl Into<String>, origin: &str) -> InputProblem {
    InputProblem {
        code: crate::runbook::codes::INPUT_WRONG,
        name: name.to_owned(),
        kind: ProblemKind::Wrong,
        message,
        hint: hint.into(),
        origin: origin.to_owned(),
    }
}

fn missing(input: &InputDecl, message: String, hint: String) -> InputProblem {
    InputProblem {
        code: crate::runbook::codes::INPUT_MISSING,
        name: input.name.clone(),
        kind: if input.kind == InputType::Secret { ProblemKind::Secret } else { ProblemKind::Missing },
        message,
        hint,
        origin: String::new(),
    }
}

impl Lookup<'_> {
    fn input(&self, input: &InputDecl, sets: &[(String, String)]) -> Result<ResolvedInput, InputProblem> {
        let (value, origin) = self.value(input, sets)?;
        let name = input.name.clone();
        if value.is_null() {
            return Ok(ResolvedInput { name, value, origin });
        }
        let help = || input.help.clone().unwrap_or_else(|| "give another value with --set".into());
        fits(&input.kind, &value).map_err(|message| wrong(&name, message, help(), &origin))?;
        let holders = match (&input.kind, &value) {
            (InputType::Holder, one) => std::slice::from_ref(one),
            (InputType::Holders, Value::Array(list)) => list,
            _ => &[],
        };
        for holder in holders {
            if let Some((message, hint)) = holder_problem(holder, self.connectors) {
                return Err(wrong(&name, message, hint, &origin));
            }
        }
        Ok(ResolvedInput { name, value, origin })
    }

    fn value(&self, input: &InputDecl, sets: &[(String, String)]) -> Result<(Value, String), InputProblem> {
        // The last one counts, as with every option.
        if let Some((_, text)) = sets.iter().rev().find(|(name, _)| *name == input.name) {
            if input.kind == InputType::Secret {
                let message = "a secret can't be given on the command line: every user of the machine can read it";
                return Err(wrong(&input.name, message.into(), "leave it out, and it is asked for", "--set"));
            }
            return Ok((typed(input, text)?, "--set".into()));
        }
        let absent = match self.configured(input) {
            Ok(Some(located)) => return Ok((located.value.clone(), self.config.origin(located.span))),
            Ok(None) => None,
            Err(problem) => Some(problem),
        };
        let drill = self.kind != EnvironmentKind::Account;
        if let (true, Some(value)) = (drill, &input.drill) {
            return Ok((value.clone(), "drill".into()));
        }
        // A user absent from `consumers` is an error at start, whatever the default: a consumer nobody wrote down breaks.
        if let Some(problem) = absent {
            return Err(problem);
        }
        if let Some(value) = &input.default {
            return Ok((value.clone(), "runbook".into()));
        }
        if input.optional {
            return Ok((Value::Null, String::new()));
        }
        let hint = match input.kind {
            InputType::Secret => "it is asked for, and kept in memory only".to_owned(),
            _ => format!(
                "--set {}=VALUE{}",
                input.name,
                input.help.as_ref().map_or(String::new(), |h| format!(" ({h})"))
            ),
        };
        Err(missing(input, "nobody gave a value".into(), hint))
    }

    /// From `keyward.yaml`: `None` where it has nothing, a problem where it should have.
    fn configured(&self, input: &InputDecl) -> Result<Option<&Located>, InputProblem> {
        let environment = self.config.environment(self.environment);
        let same_name = environment.and_then(|environment| environment.inputs.get(&input.name));
        if input.kind == InputType::Secret {
            return Ok(None);
        }
        let Some(template) = input.key.as_ref().filter(|_| input.from != InputFrom::Prompt) else {
            return Ok(same_name);
        };
        let key = template.text(&self.scope).map_err(|error| {
            missing(input, format!("it is looked up by `{}`: {error}", template.source), "give that one first".into())
        })?;
        if input.from == InputFrom::Environment {
            return Ok(environment.and_then(|environment| environment.inputs.get(&key)).or(same_name));
        }
        // A user's name may have dots in it; `store` and `consumers` have none.
        let (user, what) = key.rsplit_once('.').unwrap_or((key.as_str(), "consumers"));
        let Some(found) = self.config.consumers.get(user) else {
            let hint = match did_you_mean(user, self.config.consumers.keys().map(String::as_str)) {
                Some(near) => format!("keyward.yaml has `{near}`"),
                None => format!("add `consumers: {{{user}: …}}` to keyward.yaml"),
            };
            return Err(missing(input, format!("keyward.yaml does not say what holds the keys of `{user}`"), hint));
        };
        match what {
            "consumers" => Ok(Some(&found.consumers)),
            "store" => match &found.store {
                Some(store) => Ok(Some(store)),
                None => {
                    let hint = format!("add `store` to `{user}` at {}", self.config.origin(found.span));
                    Err(missing(input, format!("keyward.yaml names no store for `{user}`"), hint))
                }
            },
            _ => {
                let message = format!("`{key}` is neither a user's `store` nor its `consumers`");
                Err(missing(input, message, "mend the runbook's `key`".into()))
            }
        }
    }
}

/// A `--set` text by the input's type.
fn typed(input: &InputDecl, text: &str) -> Result<Value, InputProblem> {
    let bad = |message: String| wrong(&input.name, message, input.help.clone().unwrap_or_default(), "--set");
    match input.kind {
        InputType::Number => {
            text.parse::<i64>().map(Value::from).map_err(|_| bad(format!("`{text}` is not a whole number")))
        }
        InputType::List => {
            Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect())
        }
        InputType::Holder | InputType::Holders => {
            let tree: Yaml = load(&Source::new("--set", text)).map_err(|finding| bad(finding.message))?;
            tree.to_value().map_err(|_| bad("a number with a fraction needs quotes".into()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}
