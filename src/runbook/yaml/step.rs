//! `steps:`.

use std::time::Duration;

use super::reader::{Fields, Reader};
use super::{Kind, Yaml, keys};
use crate::diagnostic::{Finding, Span};
use crate::runbook::codes;
use crate::runbook::model::{
    Action, Capture, Confirm, ConfirmKind, EffectKind, ForEach, OnFail, Rollback, RollbackAct, Skip, Step,
};
use crate::runbook::op::Op;
use crate::runbook::template::{Node, Path, Template};

/// A step, and whether it said itself what `skip` is.
pub(super) struct ReadStep {
    pub(super) step: Step,
    pub(super) skip: Option<Skip>,
}

impl Reader<'_> {
    pub(super) fn step(&mut self, yaml: &Yaml, before: &[ReadStep]) -> Option<ReadStep> {
        let fields = self.fields(yaml, "a step", keys::STEP)?;
        let id = self.required_text(&fields, "id", "a step");
        if let (Some(id), Some(at)) = (&id, fields.get("id")) {
            self.name(id, at.span, "a step", true);
            if id == "rollback" {
                self.push(Finding::error(codes::NAME_TAKEN, at.span, "`rollback` is the way back's own name"));
            } else if before.iter().any(|other| other.step.id == *id) {
                self.push(Finding::error(codes::NAME_TAKEN, at.span, format!("there is a step `{id}` already")));
            }
        }
        if let Some(of) = fields.get("repeat") {
            return self.repeated(&fields, id?, of, before);
        }
        let title = self.required_text(&fields, "title", "a step");
        let run = match fields.get("run") {
            Some(yaml) => self.action(yaml),
            None => {
                self.missing(&fields, "run", "a step");
                None
            }
        };
        let effect = self.effect(&fields, run.as_ref());
        let for_each = fields.get("for_each").and_then(|yaml| self.for_each(yaml));
        let gates = self.gates(fields.get("gate"));
        let confirm = self.confirm(fields.get("confirm"), effect, run.as_ref());
        let skip =
            fields.get("skip").and_then(|yaml| self.word(yaml, &[("never", Skip::Never), ("reason", Skip::Reason)]));
        let on_fail = fields
            .get("on_fail")
            .and_then(|yaml| self.word(yaml, &[("pause", OnFail::Pause), ("rollback", OnFail::Rollback)]));
        let step = Step {
            id: id.unwrap_or_default(),
            sop: self.optional_text(&fields, "sop"),
            title: title.unwrap_or_default(),
            why: self.optional_text(&fields, "why"),
            affects: self.optional_text(&fields, "affects"),
            group: self.optional_text(&fields, "group"),
            for_each,
            gates,
            confirm,
            effect,
            probe: self.probes(fields.get("probe")),
            settle: self.optional_duration(&fields, "settle").unwrap_or(Duration::ZERO),
            expect: self.expectations(fields.get("expect")),
            capture: self.captures(fields.get("capture")),
            rollback: self.way_back(fields.get("rollback")),
            // Filled in once all steps are known.
            skip: skip.unwrap_or(Skip::Never),
            on_fail: on_fail.unwrap_or(OnFail::Pause),
            repeat: None,
            span: fields.key("id").unwrap_or(fields.span),
            run: run?,
        };
        Some(ReadStep { step, skip })
    }

    fn repeated(&mut self, fields: &Fields<'_>, id: String, of: &Yaml, before: &[ReadStep]) -> Option<ReadStep> {
        for key in keys::STEP.iter().filter(|key| !keys::REPEAT.contains(key)) {
            if let Some(span) = fields.key(key) {
                self.push(
                    Finding::error(
                        codes::CONTRADICTION,
                        span,
                        format!("a step that repeats another takes its `{key}` too"),
                    )
                    .hint("it may have its own id, title, sop, why, affects, gate and settle"),
                );
            }
        }
        let name = self.text(of)?;
        let Some(original) = before.iter().find(|other| other.step.id == name) else {
            let known = before.iter().map(|other| other.step.id.as_str());
            self.unknown(codes::UNKNOWN_NAME, of.span, format!("there is no earlier step `{name}`"), &name, known);
            return None;
        };
        let mut step = original.step.clone();
        let skip = original.skip;
        step.id = id;
        step.repeat = Some(name);
        step.span = fields.key("id").unwrap_or(fields.span);
        if let Some(title) = self.optional_text(fields, "title") {
            step.title = title;
        }
        for (key, place) in [("sop", &mut step.sop), ("why", &mut step.why), ("affects", &mut step.affects)] {
            if fields.has(key) {
                *place = self.optional_text(fields, key);
            }
        }
        // The gates of the first time don't hold the second time back: it has its own or none.
        step.gates = self.gates(fields.get("gate"));
        if let Some(settle) = self.optional_duration(fields, "settle") {
            step.settle = settle;
        }
        Some(ReadStep { step, skip })
    }

    fn effect(&mut self, fields: &Fields<'_>, run: Option<&Action>) -> EffectKind {
        const WORDS: &[(&str, EffectKind)] =
            &[("read", EffectKind::Read), ("mutate", EffectKind::Mutate), ("irreversible", EffectKind::Irreversible)];
        let said = fields.get("effect").and_then(|yaml| self.word(yaml, WORDS));
        let Some(run) = run else { return said.unwrap_or(EffectKind::Mutate) };
        match (run.op.info().effect, said) {
            (Some(known), Some(said)) if known != said => {
                let span = fields.get("effect").map_or(run.span, |yaml| yaml.span);
                let message = format!("{} has an effect of its own, which can't be changed", run.op.info().name);
                self.push(Finding::error(codes::CONTRADICTION, span, message).hint("leave `effect` out"));
                known
            }
            (Some(known), _) => known,
            (None, Some(said)) => said,
            (None, None) => {
                if !fields.has("effect") {
                    let message =
                        format!("{} can do anything, so the step has to say its `effect`", run.op.info().name);
                    self.push(Finding::error(codes::MISSING, run.span, message).hint("read, mutate or irreversible"));
                }
                EffectKind::Mutate
            }
        }
    }

    fn for_each(&mut self, yaml: &Yaml) -> Option<ForEach> {
        let [(key, list)] = self.entries(yaml, "`for_each`, {name: list}")? else {
            self.push(Finding::error(codes::CONTRADICTION, yaml.span, "`for_each` has one name and one list"));
            return None;
        };
        self.name(&key.name, key.span, "a row", false);
        let Kind::Text(_) = list.kind else {
            self.push(
                Finding::error(codes::WRONG_VALUE, list.span, "rows come from an input or a capture")
                    .label(format!("this is {}", list.described()))
                    .hint("for_each: {consumer: \"{{ consumers }}\"}"),
            );
            return None;
        };
        // `root` is filled in once the inputs are known.
        Some(ForEach { name: key.name.clone(), list: self.template(list)?, root: None })
    }

    fn confirm(&mut self, yaml: Option<&Yaml>, effect: EffectKind, run: Option<&Action>) -> Confirm {
        let default = match effect {
            EffectKind::Read => ConfirmKind::Enter,
            EffectKind::Mutate => ConfirmKind::Sign,
            EffectKind::Irreversible => ConfirmKind::TypeBack(typed_back(run)),
        };
        let mut confirm = Confirm { kind: default, reason: false, each: false };
        let Some(yaml) = yaml else { return confirm };
        const HOW: &[(&str, bool)] = &[("enter", true), ("sign", false)];
        let mut how = |reader: &mut Self, yaml: &Yaml| {
            let Some(enter) = reader.word(yaml, HOW) else { return };
            if enter && effect != EffectKind::Read {
                reader.push(
                    Finding::error(codes::CONTRADICTION, yaml.span, "Enter never confirms a change")
                        .hint("leave it out: a change is signed, an irreversible one typed back"),
                );
                return;
            }
            confirm.kind = if enter { ConfirmKind::Enter } else { ConfirmKind::Sign };
        };
        if matches!(yaml.kind, Kind::Text(_)) {
            how(self, yaml);
            return confirm;
        }
        let Some(fields) = self.fields(yaml, "`confirm`", keys::CONFIRM) else { return confirm };
        if let Some(yaml) = fields.get("how") {
            how(self, yaml);
        }
        if let (Some(_), Some(span)) = (fields.get("how"), fields.key("type_back")) {
            self.push(Finding::error(codes::CONTRADICTION, span, "`type_back` is a way to confirm, as `how` is"));
        }
        if let Some(template) = self.optional_template(&fields, "type_back") {
            confirm.kind = ConfirmKind::TypeBack(template);
        }
        confirm.reason = self.flag(&fields, "reason");
        if let Some(yaml) = fields.get("rows") {
            confirm.each = self.word(yaml, &[("each", true), ("all", false)]).unwrap_or(false);
        }
        confirm
    }

    fn captures(&mut self, yaml: Option<&Yaml>) -> Vec<Capture> {
        let Some(entries) = yaml.and_then(|yaml| self.entries(yaml, "`capture`, {name: path}")) else {
            return Vec::new();
        };
        let mut captures = Vec::new();
        for (key, value) in entries {
            self.name(&key.name, key.span, "a capture", false);
            let mut capture = Capture {
                name: key.name.clone(),
                path: Path::default(),
                secret: Vec::new(),
                again: None,
                span: key.span,
            };
            if let Kind::Text(_) = value.kind {
                let Some(path) = self.path(value) else { continue };
                capture.path = path;
            } else {
                let Some(fields) = self.fields(value, "a capture", keys::CAPTURE) else { continue };
                match fields.get("path") {
                    Some(yaml) => {
                        let Some(path) = self.path(yaml) else { continue };
                        capture.path = path;
                    }
                    None => self.missing(&fields, "path", "a capture"),
                }
                if let Some(yaml) = fields.get("secret") {
                    capture.secret =
                        self.list(yaml, "paths that are secret").iter().filter_map(|p| self.path(p)).collect();
                }
                capture.again = fields.get("again").and_then(|yaml| self.read_action(yaml, "`again`"));
            }
            captures.push(capture);
        }
        captures
    }

    fn way_back(&mut self, yaml: Option<&Yaml>) -> Rollback {
        let Some(yaml) = yaml else { return Rollback::Own };
        if let Kind::List(items) = &yaml.kind {
            let mut acts = Vec::new();
            for item in items {
                let Some(fields) = self.fields(item, "an act of the way back", keys::ROLLBACK_ACT) else { continue };
                let Some(run) = fields.get("run") else {
                    self.missing(&fields, "run", "an act of the way back");
                    continue;
                };
                let run = self.action(run);
                let probe = self.probes(fields.get("probe"));
                let expect = self.expectations(fields.get("expect"));
                acts.extend(run.map(|run| RollbackAct { run, probe, expect }));
            }
            if items.is_empty() {
                self.push(Finding::error(codes::MISSING, yaml.span, "an empty way back").hint(NONE_HINT));
            }
            return Rollback::Acts(acts);
        }
        if matches!(&yaml.kind, Kind::Text(text) if text == "none") {
            let finding = Finding::error(codes::MISSING, yaml.span, "no way back, and no reason why");
            self.push(finding.hint(NONE_HINT));
            return Rollback::None(String::new());
        }
        let Some(fields) = self.fields(yaml, "`rollback`", &["none"]) else { return Rollback::Own };
        Rollback::None(self.required_text(&fields, "none", "`rollback`").unwrap_or_default())
    }

    /// What a gate or credential names has to be there, and earlier.
    pub(super) fn named_step(&mut self, name: &str, span: Span, before: &[&Step], later: &[&Step]) {
        let is = |step: &&&Step| step.id == name || step.group.as_deref() == Some(name);
        if before.iter().any(|step| is(&step)) {
            return;
        }
        if later.iter().any(|step| is(&step)) {
            let message = format!("`{name}` comes later, so this gate could never open");
            self.push(Finding::error(codes::CONTRADICTION, span, message));
            return;
        }
        let known = before.iter().flat_map(|step| [Some(step.id.as_str()), step.group.as_deref()]).flatten();
        self.unknown(codes::UNKNOWN_NAME, span, format!("there is no earlier step or group `{name}`"), name, known);
    }
}

const NONE_HINT: &str = "rollback: {none: why there is no way back}";

/// What is typed back where the step does not say: the last four of the key, else the user, else the action's name.
fn typed_back(run: Option<&Action>) -> Template {
    let Some(run) = run else { return Template::literal("yes") };
    let of = |name: &str| match run.param(name) {
        Some(Node::Template(template)) => Some(template.clone()),
        Some(Node::Literal(value)) => value.as_str().map(Template::literal),
        _ => None,
    };
    let key = of("key").and_then(|template| match template.lone_path() {
        Some(path) if run.op == Op::IamDeleteAccessKey => {
            Template::parse(&format!("{{{{ {path} | last4 }}}}"), template.span).ok()
        }
        _ => Some(template),
    });
    key.or_else(|| of("user")).unwrap_or_else(|| Template::literal(run.op.info().name))
}
