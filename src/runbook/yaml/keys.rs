//! The keys of every map of the language, in the order a person would write them. The reader refuses all others, and
//! the schema is compared with these lists.

/// A runbook.
pub const RUNBOOK: &[&str] = &["runbook", "title", "sop", "inputs", "credentials", "steps", "rollback", "audit"];
/// `sop:`.
pub const SOP: &[&str] = &[
    "document",
    "mode",
    "required_role",
    "elevated_role",
    "average_duration",
    "longer_if",
    "validation",
    "last_validated",
    "validated_within",
    "applies_to",
    "controls",
    "emergency",
    "emergency_reason",
];
/// One of `inputs:`.
pub const INPUT: &[&str] = &["type", "of", "help", "default", "optional", "from", "key", "drill"];
/// One of `credentials:`.
pub const CREDENTIAL: &[&str] = &["access_key_id", "secret_access_key"];
/// A step.
pub const STEP: &[&str] = &[
    "id", "title", "sop", "why", "affects", "group", "for_each", "gate", "confirm", "run", "effect", "probe", "settle",
    "expect", "capture", "rollback", "skip", "on_fail", "repeat",
];
/// A step that is another one again.
pub const REPEAT: &[&str] = &["id", "title", "sop", "why", "affects", "gate", "settle", "repeat"];
/// `confirm:` as a map.
pub const CONFIRM: &[&str] = &["how", "type_back", "reason", "rows"];
/// One of `expect:`; the predicates are [`PREDICATES`].
pub const EXPECT: &[&str] = &["path", "within", "every", "consecutive", "else", "offer", "advisory"];
/// The closed set of predicates.
pub const PREDICATES: &[&str] = &[
    "equals",
    "not",
    "matches",
    "not_matches",
    "contains",
    "lacks",
    "has_id",
    "lacks_id",
    "count",
    "at_least",
    "at_most",
    "before",
    "after",
    "exists",
];
/// A capture in its long form.
pub const CAPTURE: &[&str] = &["path", "secret", "again"];
/// One act of a step's `rollback:`.
pub const ROLLBACK_ACT: &[&str] = &["run", "probe", "expect"];
/// Top-level `rollback:`.
pub const ROLLBACK: &[&str] = &["title", "after"];
/// `audit:`.
pub const AUDIT: &[&str] = &["when", "action", "actor", "context"];
/// The kinds of gate, each with its keys.
pub const GATES: &[(&str, &[&str])] = &[
    ("passed", &["step", "group"]),
    ("after", &["step", "at_least", "recommended"]),
    ("unused_since", &["key", "since", "for"]),
    ("inactive_for", &["key", "at_least"]),
    ("unused_for", &["key", "at_least"]),
    ("not_during", &["window", "zone"]),
    ("approval", &["people", "role", "expires"]),
    ("check", &["run", "expect"]),
    ("identity", &["account", "arn", "not_user"]),
    ("drilled", &["within"]),
];
/// A connector.
pub const CONNECTOR: &[&str] =
    &["connector", "title", "fields", "affects", "write_only", "read", "put", "restart", "prove", "read_back"];
/// One of a connector's `fields:`.
pub const FIELD: &[&str] = &["help", "optional"];
/// One call of a connector.
pub const CALL: &[&str] = &["run", "for_each_value", "until"];
/// `until:` of a call.
pub const UNTIL: &[&str] = &["condition", "every", "within"];
/// A connector's `read:`.
pub const READ: &[&str] = &["calls", "values", "version", "facts"];
/// A connector's `values:`.
pub const VALUES: &[&str] = &["map", "list", "name", "value", "lines"];
/// A connector's `prove:`.
pub const PROVE: &[&str] = &["calls", "works", "denied", "key_id"];
/// A connector's `read_back:`.
pub const READ_BACK: &[&str] = &["within", "every", "consecutive"];
