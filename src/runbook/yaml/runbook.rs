//! A runbook's top level, and what can only be said once all of it is read.

use super::reader::{Fields, Reader};
use super::step::ReadStep;
use super::{Kind, Yaml, keys, load};
use crate::diagnostic::{Finding, Severity, Source, Span};
use crate::runbook::codes;
use crate::runbook::duration;
use crate::runbook::model::{
    Audit, CredentialDecl, EffectKind, GateKind, InputDecl, InputFrom, InputType, RollbackNote, Runbook, Skip, Sop,
    Step,
};
use crate::runbook::sites::sites;

/// Names that no input, capture or row may take.
pub(crate) const RESERVED: &[&str] = &["reason", "ticket", "operator", "run", "step", "steps", "result"];

/// Reads a runbook. `name` is how the operator named it.
///
/// # Errors
/// Everything that is wrong with its form, each with its place. [`crate::runbook::check`] judges what it would do.
pub fn parse(name: &str, text: &str) -> Result<Runbook, Vec<Finding>> {
    let source = Source::new(name, text);
    let tree = load(&source).map_err(|finding| vec![finding])?;
    let mut reader = Reader::new(&source);
    let runbook = reader.runbook(&tree);
    let findings = reader.findings;
    match runbook {
        Some(runbook) if !findings.iter().any(|finding| finding.severity == Severity::Error) => {
            Ok(Runbook { source, ..runbook })
        }
        _ => Err(findings),
    }
}

impl Reader<'_> {
    fn runbook(&mut self, tree: &Yaml) -> Option<Runbook> {
        if let Kind::Map(entries) = &tree.kind
            && let Some((key, _)) = entries.iter().find(|(key, _)| key.name == "monitors")
        {
            let finding = Finding::error(codes::NAME_TAKEN, key.span, "`monitors` is reserved, and does nothing yet");
            self.push(finding.hint("leave it out"));
            let rest = entries.iter().filter(|(key, _)| key.name != "monitors").cloned().collect();
            return self.runbook(&Yaml { kind: Kind::Map(rest), span: tree.span });
        }
        let fields = self.fields(tree, "a runbook", keys::RUNBOOK)?;
        let name = self.required_text(&fields, "runbook", "a runbook").unwrap_or_default();
        if let Some(yaml) = fields.get("runbook") {
            self.name(&name, yaml.span, "a runbook", true);
        }
        let title = self.required_text(&fields, "title", "a runbook").unwrap_or_default();
        let sop = fields.get("sop").map(|yaml| self.sop(yaml)).unwrap_or_default();
        let inputs = self.inputs(fields.get("inputs"));
        let credentials = self.credentials(fields.get("credentials"));
        let mut read: Vec<ReadStep> = Vec::new();
        match fields.get("steps") {
            None => self.missing(&fields, "steps", "a runbook"),
            Some(yaml) => {
                let list = self.list(yaml, "steps");
                if list.is_empty() && matches!(yaml.kind, Kind::List(_)) {
                    self.push(Finding::error(codes::MISSING, yaml.span, "a runbook without a step"));
                }
                for item in list {
                    let step = self.step(item, &read);
                    read.extend(step);
                }
            }
        }
        let steps = self.resolve(read, &inputs, &credentials);
        Some(Runbook {
            source: Source::default(),
            name,
            title,
            sop,
            inputs,
            credentials,
            steps,
            rollback: self.rollback_note(fields.get("rollback")),
            audit: fields.get("audit").and_then(|yaml| self.audit(yaml)),
        })
    }

    fn sop(&mut self, yaml: &Yaml) -> Sop {
        let Some(fields) = self.fields(yaml, "`sop`", keys::SOP) else { return Sop::default() };
        let reason = self.optional_text(&fields, "emergency_reason").filter(|reason| !reason.trim().is_empty());
        let emergency = match (self.flag(&fields, "emergency"), reason) {
            (true, None) => {
                let span = fields.key("emergency").unwrap_or(fields.span);
                let finding = Finding::error(codes::MISSING, span, "an emergency runbook says why it may skip proofs");
                self.push(finding.hint("add `emergency_reason`"));
                None
            }
            (true, reason) => reason,
            (false, _) => None,
        };
        Sop {
            document: self.optional_text(&fields, "document"),
            mode: self.optional_text(&fields, "mode"),
            required_role: self.optional_text(&fields, "required_role"),
            elevated_role: self.optional_text(&fields, "elevated_role"),
            average_duration: self.optional_duration(&fields, "average_duration"),
            longer_if: self.optional_text(&fields, "longer_if"),
            validation: self.optional_text(&fields, "validation"),
            last_validated: self.date(&fields),
            validated_within: self.optional_duration(&fields, "validated_within"),
            applies_to: self.optional_text(&fields, "applies_to"),
            controls: fields.get("controls").map(|yaml| self.texts(yaml, "controls")).unwrap_or_default(),
            emergency,
        }
    }

    fn date(&mut self, fields: &Fields<'_>) -> Option<String> {
        let yaml = fields.get("last_validated")?;
        let text = self.text(yaml)?;
        if chrono::NaiveDate::parse_from_str(&text, "%Y-%m-%d").is_err() {
            self.wrong(yaml, "a date like 2026-04-24");
            return None;
        }
        Some(text)
    }

    fn inputs(&mut self, yaml: Option<&Yaml>) -> Vec<InputDecl> {
        let Some(entries) = yaml.and_then(|yaml| self.entries(yaml, "`inputs`")) else { return Vec::new() };
        let mut inputs = Vec::new();
        for (key, value) in entries {
            self.name(&key.name, key.span, "an input", false);
            self.reserved(&key.name, key.span);
            inputs.extend(self.input(&key.name, key.span, value));
        }
        inputs
    }

    fn reserved(&mut self, name: &str, span: Span) {
        if RESERVED.contains(&name) {
            let message = format!("`{name}` is keyward's own name");
            let hint = match name {
                "reason" | "ticket" => "every runbook has it; use it without declaring it",
                _ => "take another name",
            };
            self.push(Finding::error(codes::NAME_TAKEN, span, message).hint(hint));
        }
    }

    fn input(&mut self, name: &str, span: Span, yaml: &Yaml) -> Option<InputDecl> {
        let fields = self.fields(yaml, "an input", keys::INPUT)?;
        const TYPES: &[&str] = &[
            "text", "number", "duration", "time", "choice", "iam_user", "iam_key", "secret", "holder", "holders",
            "list",
        ];
        let kind = match self.required_text(&fields, "type", "an input").as_deref() {
            Some("text") => InputType::Text,
            Some("number") => InputType::Number,
            Some("duration") => InputType::Duration,
            Some("time") => InputType::Time,
            Some("choice") => {
                let of = fields.get("of").map(|yaml| self.texts(yaml, "what can be chosen")).unwrap_or_default();
                if of.is_empty() {
                    self.missing(&fields, "of", "a choice");
                }
                InputType::Choice(of)
            }
            Some("iam_user") => InputType::IamUser,
            Some("iam_key") => InputType::IamKey,
            Some("secret") => InputType::Secret,
            Some("holder") => InputType::Holder,
            Some("holders") => InputType::Holders,
            Some("list") => InputType::List,
            Some(other) => {
                let at = fields.get("type").map_or(span, |yaml| yaml.span);
                let message = format!("there is no type `{other}`");
                self.unknown(codes::UNKNOWN_NAME, at, message, other, TYPES.iter().copied());
                InputType::Text
            }
            None => InputType::Text,
        };
        if let (Some(span), false) = (fields.key("of"), matches!(kind, InputType::Choice(_))) {
            self.push(Finding::error(codes::CONTRADICTION, span, "only a choice has `of`"));
        }
        const FROM: &[(&str, InputFrom)] = &[
            ("environment", InputFrom::Environment),
            ("consumers", InputFrom::Consumers),
            ("prompt", InputFrom::Prompt),
        ];
        let from = fields.get("from").and_then(|yaml| self.word(yaml, FROM)).unwrap_or(InputFrom::Prompt);
        if from != InputFrom::Prompt && !fields.has("key") {
            self.missing(&fields, "key", "an input that is taken from somewhere");
        }
        let default = fields.get("default").and_then(|yaml| self.input_value(yaml));
        let drill = fields.get("drill").and_then(|yaml| self.input_value(yaml));
        if let (InputType::Secret, Some(span)) = (&kind, fields.key("default").or(fields.key("drill"))) {
            let finding = Finding::error(codes::CONTRADICTION, span, "a secret never stands in a runbook");
            self.push(finding.hint("it is asked for, or taken from the environment; a drill makes one up"));
        }
        for (key, value) in [("default", &default), ("drill", &drill)] {
            if let (Some(value), Some(yaml)) = (value, fields.get(key))
                && kind != InputType::Secret
                && let Err(message) = fits(&kind, value)
            {
                self.push(Finding::error(codes::WRONG_VALUE, yaml.span, message));
            }
        }
        Some(InputDecl {
            name: name.to_owned(),
            kind,
            help: self.optional_text(&fields, "help"),
            default,
            optional: self.flag(&fields, "optional"),
            from,
            key: self.optional_template(&fields, "key"),
            drill,
            span,
        })
    }

    /// A literal; a template would not be rendered here.
    fn input_value(&mut self, yaml: &Yaml) -> Option<serde_json::Value> {
        if let Some(node) = self.node(yaml)
            && let Some(template) = node.templates().next()
        {
            let message = "a value is written as it is here: templates are not rendered";
            self.push(Finding::error(codes::TEMPLATE, template.span, message));
            return None;
        }
        self.value(yaml)
    }

    fn credentials(&mut self, yaml: Option<&Yaml>) -> Vec<CredentialDecl> {
        let Some(entries) = yaml.and_then(|yaml| self.entries(yaml, "`credentials`")) else { return Vec::new() };
        let mut credentials = Vec::new();
        for (key, value) in entries {
            self.name(&key.name, key.span, "credentials", false);
            if key.name == "operator" {
                let message = "`operator` is the environment's own identity";
                self.push(Finding::error(codes::NAME_TAKEN, key.span, message));
            }
            let Some(fields) = self.fields(value, "credentials", keys::CREDENTIAL) else { continue };
            let id = self.required_template(&fields, "access_key_id", "credentials");
            let secret = self.required_template(&fields, "secret_access_key", "credentials");
            let (Some(access_key_id), Some(secret_access_key)) = (id, secret) else { continue };
            if secret_access_key.lone_path().is_none() {
                let message = "a secret access key is one whole `{{ name }}`";
                self.push(Finding::error(codes::SECRET_IN_EXPRESSION, secret_access_key.span, message));
            }
            credentials.push(CredentialDecl {
                name: key.name.clone(),
                access_key_id,
                secret_access_key,
                span: key.span,
            });
        }
        credentials
    }

    fn rollback_note(&mut self, yaml: Option<&Yaml>) -> RollbackNote {
        let note = RollbackNote { title: "Back to the old key".into(), after: None };
        let Some(fields) = yaml.and_then(|yaml| self.fields(yaml, "`rollback`", keys::ROLLBACK)) else { return note };
        RollbackNote {
            title: self.optional_text(&fields, "title").unwrap_or(note.title),
            after: self.optional_text(&fields, "after"),
        }
    }

    fn audit(&mut self, yaml: &Yaml) -> Option<Audit> {
        let fields = self.fields(yaml, "`audit`", keys::AUDIT)?;
        const WHEN: &[(&str, &str)] =
            &[("completed", "completed"), ("rolled_back", "rolled_back"), ("aborted", "aborted")];
        let when = fields.get("when").map_or(Some("completed"), |yaml| self.word(yaml, WHEN));
        let action = self.required_text(&fields, "action", "`audit`");
        let actor = self.required_template(&fields, "actor", "`audit`");
        let mut context = Vec::new();
        if let Some(entries) = fields.get("context").and_then(|yaml| self.entries(yaml, "`context`")) {
            for (key, value) in entries {
                context.extend(self.node(value).map(|node| (key.name.clone(), node)));
            }
        }
        Some(Audit { when: when?.to_owned(), action: action?, actor: actor?, context })
    }

    /// Names across steps, and the defaults that depend on later ones.
    fn resolve(&mut self, read: Vec<ReadStep>, inputs: &[InputDecl], credentials: &[CredentialDecl]) -> Vec<Step> {
        let said: Vec<Option<Skip>> = read.iter().map(|read| read.skip).collect();
        let mut steps: Vec<Step> = read.into_iter().map(|read| read.step).collect();
        for (at, step) in steps.iter().enumerate() {
            let before: Vec<&Step> = steps[..at].iter().collect();
            let later: Vec<&Step> = steps[at..].iter().collect();
            for gate in &step.gates {
                for name in named(&gate.kind) {
                    self.named_step(name, gate.span, &before, &later);
                }
            }
            if let Some(group) = &step.group
                && steps.iter().any(|other| other.id == *group)
            {
                let message = format!("`{group}` is a step, so it can't be a group");
                self.push(Finding::error(codes::NAME_TAKEN, step.span, message));
            }
            self.act_as(step, credentials);
            self.new_names(step, &before, inputs);
        }
        let never: Vec<bool> = (0..steps.len()).map(|at| is_needed(&steps, credentials, at)).collect();
        for (at, step) in steps.iter_mut().enumerate() {
            let default = if never[at] || step.effect != EffectKind::Read { Skip::Never } else { Skip::Reason };
            step.skip = said[at].unwrap_or(default);
            if let Some(rows) = &mut step.for_each {
                rows.root = rows
                    .list
                    .lone_path()
                    .filter(|path| path.0.len() == 1)
                    .and_then(|path| path.root())
                    .filter(|root| inputs.iter().any(|input| input.name == *root))
                    .map(str::to_owned);
            }
        }
        steps
    }

    fn act_as(&mut self, step: &Step, credentials: &[CredentialDecl]) {
        for action in actions(step) {
            if let Some(who) = &action.as_
                && !credentials.iter().any(|known| known.name == *who)
            {
                let known = credentials.iter().map(|known| known.name.as_str()).chain(["operator"]);
                let message = format!("there are no credentials `{who}`");
                self.unknown(codes::UNKNOWN_NAME, action.span, message, who, known);
            }
        }
    }

    /// Captures and rows must not hide an input, a namespace or each other.
    fn new_names(&mut self, step: &Step, before: &[&Step], inputs: &[InputDecl]) {
        let is_input = |name: &str| inputs.iter().any(|input| input.name == name);
        // A step that repeats another writes the same captures again.
        if step.repeat.is_none() {
            for capture in &step.capture {
                self.reserved(&capture.name, capture.span);
                if is_input(&capture.name)
                    || before.iter().any(|other| other.capture.iter().any(|known| known.name == capture.name))
                {
                    let message = format!("`{}` is an input or a capture already", capture.name);
                    self.push(Finding::error(codes::NAME_TAKEN, capture.span, message));
                }
            }
        }
        if let Some(rows) = &step.for_each {
            self.reserved(&rows.name, rows.list.span);
            if is_input(&rows.name)
                || before.iter().any(|other| other.capture.iter().any(|known| known.name == rows.name))
            {
                let message = format!("`{}` is an input or a capture, so a row can't have its name", rows.name);
                self.push(Finding::error(codes::NAME_TAKEN, rows.list.span, message));
            }
        }
    }
}

/// Steps and groups that a gate names.
pub(crate) fn named(gate: &GateKind) -> Vec<&str> {
    match gate {
        GateKind::Passed(name) => vec![name],
        GateKind::After { step, .. } => vec![step],
        GateKind::UnusedSince { since, .. } => vec![since],
        _ => Vec::new(),
    }
}

/// Every action of a step: its act, probes, rereads, gate checks and way back.
pub(crate) fn actions(step: &Step) -> Vec<&crate::runbook::model::Action> {
    let mut all = vec![&step.run];
    all.extend(&step.probe);
    all.extend(step.capture.iter().filter_map(|capture| capture.again.as_ref()));
    all.extend(step.gates.iter().filter_map(|gate| match &gate.kind {
        GateKind::Check { run, .. } => Some(run),
        _ => None,
    }));
    if let crate::runbook::model::Rollback::Acts(acts) = &step.rollback {
        all.extend(acts.iter().flat_map(|act| std::iter::once(&act.run).chain(&act.probe)));
    }
    all
}

/// True if a gate names the step, or a later step uses what it captures.
pub(crate) fn is_needed(steps: &[Step], credentials: &[CredentialDecl], at: usize) -> bool {
    let step = &steps[at];
    let by_gate = steps.iter().flat_map(|other| &other.gates).flat_map(|gate| named(&gate.kind));
    let mut by_gate = by_gate.filter(|name| *name == step.id || step.group.as_deref() == Some(*name));
    if by_gate.next().is_some() {
        return true;
    }
    steps[at + 1..].iter().any(|later| {
        let acting = actions(later).into_iter().filter_map(|action| action.as_.as_ref());
        let acting = acting.flat_map(|who| credentials.iter().filter(move |known| known.name == *who));
        let mut acting = acting.flat_map(|known| [&known.access_key_id, &known.secret_access_key]);
        sites(later).iter().any(|site| site.template.roots().any(|root| captures(step, root)))
            || acting.any(|template| template.roots().any(|root| captures(step, root)))
    })
}

fn captures(step: &Step, root: &str) -> bool {
    step.capture.iter().any(|capture| capture.name == root)
}

/// Whether a value has the form that its input's type asks for; fields of a holder are judged with its connector.
pub(crate) fn fits(kind: &InputType, value: &serde_json::Value) -> Result<(), String> {
    use serde_json::Value;
    let text = |form: &dyn Fn(&str) -> bool, wanted: &str| match value.as_str() {
        Some(text) if form(text) => Ok(()),
        Some(text) => Err(format!("`{text}` is not {wanted}")),
        None => Err(format!("expected {wanted}")),
    };
    let holder = |value: &Value| match value.as_object() {
        Some(map) if ["name", "kind"].iter().all(|key| map.get(*key).is_some_and(Value::is_string)) => Ok(()),
        _ => Err("a holder is a map with `name`, `kind` and the fields of that kind".to_owned()),
    };
    match kind {
        InputType::Text | InputType::Secret => text(&|_| true, "a text"),
        InputType::Number => value.as_i64().map(|_| ()).ok_or_else(|| "expected a whole number".to_owned()),
        InputType::Duration => match value.as_str() {
            Some(text) => duration::parse(text).map(|_| ()),
            None => Err("expected a duration like 30s, 4m, 24h or 30d".into()),
        },
        InputType::Time => {
            text(&|text| chrono::DateTime::parse_from_rfc3339(text).is_ok(), "a time like 2026-11-20T03:15:00Z")
        }
        InputType::Choice(of) => {
            text(&|text| of.iter().any(|word| word == text), &super::reader::one_of(of.iter().map(String::as_str)))
        }
        // IAM's rule for user names (IAM User Guide, "IAM and AWS STS quotas").
        InputType::IamUser => text(
            &|text| {
                (1..=64).contains(&text.len())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c))
            },
            "an IAM user's name: up to 64 letters, digits and +=,.@_-",
        ),
        // The API reference says 16 to 128 word characters; the real ones are upper-case letters and digits.
        InputType::IamKey => text(
            &|text| {
                (16..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            },
            "an access key id: 16 to 128 upper-case letters and digits",
        ),
        InputType::Holder => holder(value),
        InputType::Holders => match value.as_array() {
            None => Err("expected a list of holders".into()),
            Some(list) => {
                list.iter().try_for_each(holder)?;
                let mut names: Vec<&str> = list.iter().filter_map(|item| item["name"].as_str()).collect();
                names.sort_unstable();
                match names.windows(2).find(|pair| pair[0] == pair[1]) {
                    Some(pair) => Err(format!("two holders have the name `{}`", pair[0])),
                    None => Ok(()),
                }
            }
        },
        InputType::List => match value.as_array() {
            Some(list) if list.iter().all(Value::is_string) => Ok(()),
            _ => Err("expected a list of texts".into()),
        },
    }
}
