//! The codes of findings. A code keeps its meaning for good; a new meaning takes a new code.

/// Not YAML, or more than keyward reads (size, depth, aliases), or the file can't be read at all.
pub const UNREADABLE: &str = "KW001";
/// A key or parameter that does not exist.
pub const UNKNOWN_KEY: &str = "KW002";
/// A key or parameter that has to be there.
pub const MISSING: &str = "KW003";
/// A value of the wrong kind or form.
pub const WRONG_VALUE: &str = "KW004";
/// A name that is not known: an action, a step, a credential, a word of a closed set.
pub const UNKNOWN_NAME: &str = "KW005";
/// A template or path that can't be read.
pub const TEMPLATE: &str = "KW006";
/// A name that is taken or reserved.
pub const NAME_TAKEN: &str = "KW007";
/// Things that exclude each other.
pub const CONTRADICTION: &str = "KW008";

/// A mutate step without a way back, and without a reason why there is none.
pub const NO_ROLLBACK: &str = "KW101";
/// An irreversible step without a gate, a type-back and a reason.
pub const UNGUARDED: &str = "KW102";
/// A delete of a key that was not deactivated before.
pub const DELETE_ACTIVE: &str = "KW103";
/// A deactivate before the new secret, and every holder, was proven.
pub const DEACTIVATE_UNPROVEN: &str = "KW104";
/// A proof, or a step that a gate names, that may be skipped.
pub const SKIPPABLE_PROOF: &str = "KW105";
/// A secret in an argv.
pub const SECRET_IN_ARGV: &str = "KW106";
/// A secret in a URL.
pub const SECRET_IN_URL: &str = "KW107";
/// A secret in a text that is shown.
pub const SECRET_SHOWN: &str = "KW108";
/// A step that expects nothing.
pub const NOTHING_EXPECTED: &str = "KW109";
/// A step that passes on empty output.
pub const PASSES_ON_EMPTY: &str = "KW110";
/// A capture read before it is written.
pub const READ_BEFORE_WRITTEN: &str = "KW111";
/// A name that no input, capture or namespace has.
pub const UNRESOLVED: &str = "KW112";
/// An observation under 24 hours before a delete.
pub const SHORT_OBSERVATION: &str = "KW113";
/// An http or command mutation without a probe.
pub const NO_PROBE: &str = "KW114";
/// An input that nothing uses.
pub const UNUSED_INPUT: &str = "KW115";
/// A for_each over nothing known.
pub const EMPTY_ROWS: &str = "KW116";
/// A tainted value compared by anything but equals or not, or with an untainted one.
pub const TAINTED_COMPARED: &str = "KW117";
/// A secret in a template that is more than a whole name and filters.
pub const SECRET_IN_EXPRESSION: &str = "KW118";
/// A step of the SOP that no step of the runbook names, or the other way round.
pub const SOP_NOT_COVERED: &str = "KW119";
/// A holder kind without a connector, or a holder without the fields its connector needs.
pub const HOLDER_UNKNOWN: &str = "KW120";
/// Credentials used before the key they are made of exists.
pub const CREDENTIAL_EARLY: &str = "KW121";

/// An input without a value.
pub const INPUT_MISSING: &str = "KW201";
/// An input whose value does not fit its type.
pub const INPUT_WRONG: &str = "KW202";
/// A setting of `keyward.yaml` that this kind of environment must not have.
pub const SETTING_REFUSED: &str = "KW203";

/// Every code with its meaning in one line.
pub static TABLE: &[(&str, &str)] = &[
    (UNREADABLE, "the file is not YAML, or is more than keyward reads"),
    (UNKNOWN_KEY, "a key or parameter that does not exist"),
    (MISSING, "a key or parameter that has to be there"),
    (WRONG_VALUE, "a value of the wrong kind or form"),
    (UNKNOWN_NAME, "a name that is not known: an action, a step, a credential, a word of a closed set"),
    (TEMPLATE, "a template or path that can't be read"),
    (NAME_TAKEN, "a name that is taken or reserved"),
    (CONTRADICTION, "things that exclude each other"),
    (NO_ROLLBACK, "a mutate step without a way back, and without a reason why there is none"),
    (UNGUARDED, "an irreversible step without a gate, a type-back and a reason"),
    (DELETE_ACTIVE, "a delete of a key that was not deactivated before"),
    (DEACTIVATE_UNPROVEN, "a deactivate before the new secret, and every holder, was proven"),
    (SKIPPABLE_PROOF, "a proof, or a step that a gate names, that may be skipped"),
    (SECRET_IN_ARGV, "a secret in an argv, which every user of the machine can read"),
    (SECRET_IN_URL, "a secret in a URL, which servers and proxies write to their logs"),
    (SECRET_SHOWN, "a secret in a text that is shown"),
    (NOTHING_EXPECTED, "a step that expects nothing"),
    (PASSES_ON_EMPTY, "a step that passes on empty output"),
    (READ_BEFORE_WRITTEN, "a capture read before it is written"),
    (UNRESOLVED, "a name that no input, capture or namespace has"),
    (SHORT_OBSERVATION, "an observation under 24 hours before a delete"),
    (NO_PROBE, "an http or command mutation without a probe"),
    (UNUSED_INPUT, "an input that nothing uses"),
    (EMPTY_ROWS, "a for_each over nothing known"),
    (TAINTED_COMPARED, "a tainted value compared by anything but equals or not, or with an untainted one"),
    (SECRET_IN_EXPRESSION, "a secret in a template that is more than a whole name and filters"),
    (SOP_NOT_COVERED, "a step of the SOP that no step of the runbook names, or the other way round"),
    (HOLDER_UNKNOWN, "a holder kind without a connector, or a holder without the fields it needs"),
    (CREDENTIAL_EARLY, "credentials used before the key they are made of exists"),
    (INPUT_MISSING, "an input without a value"),
    (INPUT_WRONG, "an input whose value does not fit its type"),
    (SETTING_REFUSED, "a setting that this kind of environment must not have"),
];
