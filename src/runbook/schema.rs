//! The JSON Schema of a runbook, for editors. Generated from the types below and from the table of operations; a test
//! compares them with the keys that the reader takes, and the file in `assets/` with what is generated.
//!
//! These types describe what is written, and are never filled: [`super::yaml`] reads the text by hand to have a place for
//! every finding.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::op::{Op, TABLE};

/// The schema as it stands in `assets/runbook.schema.json`, with a line end.
pub fn runbook_schema() -> String {
    let schema =
        schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<RunbookFile>();
    // A schema is plain JSON with text keys, so this can't fail.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// A key-rotation SOP made executable.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "keyward runbook")]
#[allow(dead_code)] // Only its shape is used.
struct RunbookFile {
    /// Its identifier.
    runbook: Name,
    /// One sentence.
    title: String,
    /// What the SOP's head says.
    sop: Option<SopFile>,
    /// What a run needs to know; `reason` and `ticket` are there without being declared.
    inputs: Option<BTreeMap<String, InputFile>>,
    /// Whom a step can act as.
    credentials: Option<BTreeMap<String, CredentialFile>>,
    /// One step of the SOP is one step here, in its order.
    #[schemars(length(min = 1))]
    steps: Vec<StepFile>,
    /// The way back of the whole run.
    rollback: Option<RollbackNoteFile>,
    /// The event that is told to the outside when a run ends.
    audit: Option<AuditFile>,
}

/// What the SOP's head says.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct SopFile {
    /// Name or path of the document.
    document: Option<String>,
    /// How it is carried out.
    mode: Option<String>,
    /// The role an operator needs.
    required_role: Option<String>,
    /// The role for users with elevated privileges.
    elevated_role: Option<String>,
    average_duration: Option<Time>,
    longer_if: Option<String>,
    /// How the SOP was validated.
    validation: Option<String>,
    /// The SOP's own date, like 2026-04-24.
    last_validated: Option<String>,
    /// How old a validation may be.
    validated_within: Option<Time>,
    applies_to: Option<String>,
    /// Controls it serves, each with its benchmark's version.
    controls: Option<Vec<String>>,
    /// Proofs may be missing before a deactivate.
    emergency: Option<bool>,
    /// Why.
    emergency_reason: Option<String>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // Only its shape is used.
enum InputKind {
    Text,
    Number,
    Duration,
    Time,
    Choice,
    IamUser,
    IamKey,
    Secret,
    Holder,
    Holders,
    List,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // Only its shape is used.
enum InputOrigin {
    Environment,
    Consumers,
    Prompt,
}

/// One input.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct InputFile {
    r#type: InputKind,
    /// What a choice can be.
    of: Option<Vec<String>>,
    /// A sentence for the form.
    help: Option<String>,
    default: Option<Value>,
    optional: Option<bool>,
    /// Where it is taken from when nobody types it.
    from: Option<InputOrigin>,
    /// The key there, a template.
    key: Option<String>,
    /// The value in a drill.
    drill: Option<Value>,
}

/// An access key, from captures.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct CredentialFile {
    access_key_id: String,
    /// One whole `{{ name }}`.
    secret_access_key: String,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // Only its shape is used.
enum EffectWord {
    Read,
    Mutate,
    Irreversible,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // Only its shape is used.
enum SkipWord {
    Never,
    Reason,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // Only its shape is used.
enum OnFailWord {
    Pause,
    Rollback,
}

/// One act.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["title", "run"]}, {"required": ["repeat"]}]))]
#[allow(dead_code)] // Only its shape is used.
struct StepFile {
    id: Name,
    /// Its sentence.
    title: Option<String>,
    /// The SOP's own number, as shown.
    sop: Option<TextOrNumber>,
    /// The reason.
    why: Option<String>,
    /// What people or services will notice.
    affects: Option<String>,
    /// Several steps that are one SOP step.
    group: Option<Name>,
    /// One row each: the row's name, and a template of a list.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
    for_each: Option<BTreeMap<String, String>>,
    /// What must hold before it may be confirmed.
    gate: Option<Vec<GateFile>>,
    confirm: Option<ConfirmFile>,
    run: Option<ActionFile>,
    /// Native actions know it; http, command and manual must say it.
    effect: Option<EffectWord>,
    /// Reads polled for `expect` after the act.
    probe: Option<OneOrMore>,
    /// Wait before the first sample counts.
    settle: Option<Time>,
    /// The SOP's "Expect:".
    #[schemars(length(min = 1))]
    expect: Option<Vec<ExpectFile>>,
    /// Names from the result.
    capture: Option<BTreeMap<String, CaptureFile>>,
    /// The way back.
    rollback: Option<StepRollbackFile>,
    skip: Option<SkipWord>,
    on_fail: Option<OnFailWord>,
    /// This step is that one again.
    repeat: Option<Name>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
enum GateFile {
    /// A step, or all of a group, passed.
    Passed { step: Option<Name>, group: Option<Name> },
    /// A time since a step passed.
    After { step: Name, at_least: Time, recommended: Option<Time> },
    /// A key was not seen in use since a step or group passed.
    UnusedSince { key: String, since: Name, r#for: Option<Time> },
    /// A key has been Inactive for so long, across runs.
    InactiveFor { key: String, at_least: String },
    /// A key has not been used for so long, across runs.
    UnusedFor { key: String, at_least: String },
    /// Not within these hours.
    NotDuring { window: String, zone: String },
    /// Other people approve.
    Approval { people: Option<u32>, role: String, expires: Option<Time> },
    /// A read, judged.
    Check { run: ActionFile, expect: Vec<ExpectFile> },
    /// Who the operator is at AWS.
    Identity { account: Option<TextOrNumber>, arn: Option<String>, not_user: Option<String> },
    /// A signed drill of this very runbook, no older than this.
    Drilled { within: Time },
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // Only its shape is used.
enum HowWord {
    Enter,
    Sign,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // Only its shape is used.
enum RowsWord {
    Each,
    All,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct ConfirmMap {
    how: Option<HowWord>,
    /// The text to type back, a template.
    type_back: Option<String>,
    /// A reason must be given.
    reason: Option<bool>,
    /// Each row by itself, or all on one screen.
    rows: Option<RowsWord>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // Only its shape is used.
enum ConfirmFile {
    Word(HowWord),
    Map(ConfirmMap),
}

/// What must be so: a path into the result, and exactly one predicate.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = one_predicate()))]
#[allow(dead_code)] // Only its shape is used.
struct ExpectFile {
    /// `.` or `name.name[0]`.
    path: String,
    /// Until when it may take; without it one sample decides.
    within: Option<Time>,
    /// Between samples.
    every: Option<Time>,
    /// Passes in a row.
    #[schemars(range(min = 1))]
    consecutive: Option<u32>,
    /// The sentence for the operator when it is not so.
    r#else: Option<String>,
    /// A way out: a runbook's name, or `resume`.
    offer: Option<String>,
    /// Fail and unknown are deviations, and advance.
    advisory: Option<bool>,
    equals: Option<Value>,
    not: Option<Value>,
    matches: Option<String>,
    not_matches: Option<String>,
    contains: Option<Value>,
    lacks: Option<Value>,
    has_id: Option<Value>,
    lacks_id: Option<Value>,
    count: Option<u64>,
    at_least: Option<i64>,
    at_most: Option<i64>,
    before: Option<Value>,
    after: Option<Value>,
    exists: Option<bool>,
}

fn one_predicate() -> Value {
    super::yaml::keys::PREDICATES.iter().map(|name| json!({"required": [name]})).collect()
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct CaptureMap {
    path: String,
    /// Paths below it that are secret.
    secret: Option<Vec<String>>,
    /// The read that yields the secret again after a resume.
    again: Option<ActionFile>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // Only its shape is used.
enum CaptureFile {
    Path(String),
    Map(CaptureMap),
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // Only its shape is used.
enum OneOrMore {
    One(ActionFile),
    More(Vec<ActionFile>),
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct RollbackActFile {
    run: ActionFile,
    probe: Option<OneOrMore>,
    expect: Option<Vec<ExpectFile>>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct NoWayBack {
    /// Why there is no way back.
    none: String,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // Only its shape is used.
enum StepRollbackFile {
    Acts(#[schemars(length(min = 1))] Vec<RollbackActFile>),
    None(NoWayBack),
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct RollbackNoteFile {
    title: Option<String>,
    /// What comes after.
    after: Option<String>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // Only its shape is used.
enum EndWord {
    Completed,
    RolledBack,
    Aborted,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // Only its shape is used.
struct AuditFile {
    when: Option<EndWord>,
    action: String,
    actor: String,
    context: Option<BTreeMap<String, Value>>,
}

/// A duration.
struct Time;

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^([0-9]+[smhd])+$", "description": "30s, 4m, 24h, 30d"})
    }
}

/// A name of something.
struct Name;

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[a-z][a-z0-9_-]*$"})
    }
}

/// A text that may look like a number.
struct TextOrNumber;

impl JsonSchema for TextOrNumber {
    fn schema_name() -> Cow<'static, str> {
        "TextOrNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"]})
    }
}

/// Exactly one action with its parameters, from the table of operations.
struct ActionFile;

impl JsonSchema for ActionFile {
    fn schema_name() -> Cow<'static, str> {
        "Action".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        for info in TABLE {
            let mut params = Map::new();
            for name in info.required.iter().chain(info.optional) {
                params.insert((*name).into(), parameter(info.op, name));
            }
            let kind = if info.required.is_empty() { json!(["object", "null"]) } else { json!("object") };
            properties.insert(
                info.name.into(),
                json!({
                    "type": kind,
                    "description": format!("It gives: {}", info.result),
                    "properties": params,
                    "required": info.required,
                    "additionalProperties": false,
                }),
            );
        }
        json_schema!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}

fn parameter(op: Op, name: &str) -> Value {
    match (op, name) {
        (Op::Http, "method") => json!({"enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]}),
        (Op::Http | Op::Command, "system") | (_, "as") => json!({"type": "string"}),
        (Op::Http, "path") => json!({"type": "string"}),
        (Op::Http, "headers" | "query") | (Op::Command, "env") | (Op::Manual, "enter") => json!({"type": "object"}),
        (Op::Http | Op::Command, "public") | (Op::Command, "inherit") => {
            json!({"type": "array", "items": {"type": "string"}})
        }
        (Op::Command, "parse") => json!({"enum": ["json", "lines", "text"]}),
        (Op::Command, "argv") => json!({"type": "array", "minItems": 1}),
        (Op::IamUpdateAccessKey, "status") => json!({"enum": ["Active", "Inactive"]}),
        _ => json!(true),
    }
}
