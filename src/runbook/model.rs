//! The runbook as the rest of keyward sees it: parsed, typed, every name resolved, every default filled in.
//!
//! [`super::yaml`] makes it from text; nothing here reads or writes anything. Spans are byte offsets into
//! [`Source::text`], so that a finding can show the place.

use std::time::Duration;

use serde_json::Value;

pub use crate::diagnostic::{Source, Span};

use super::op::Op;
use super::template::{Node, Path, Template};

/// An SOP made executable.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// Where it came from.
    pub source: Source,
    /// `runbook:`, its identifier.
    pub name: String,
    /// `title:`.
    pub title: String,
    /// `sop:`.
    pub sop: Sop,
    /// `inputs:` in file order; `reason` and `ticket` are reserved and not among them.
    pub inputs: Vec<InputDecl>,
    /// `credentials:` in file order.
    pub credentials: Vec<CredentialDecl>,
    /// `steps:` in file order, `repeat` resolved.
    pub steps: Vec<Step>,
    /// `rollback:` of the whole run.
    pub rollback: RollbackNote,
    /// `audit:`.
    pub audit: Option<Audit>,
}

impl Runbook {
    /// The step of that id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// Index of the step of that id.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }

    /// Indices of what a gate names: a step, or every step of a group.
    pub fn named(&self, step_or_group: &str) -> Vec<usize> {
        match self.position(step_or_group) {
            Some(index) => vec![index],
            None => (0..self.steps.len()).filter(|&i| self.steps[i].group.as_deref() == Some(step_or_group)).collect(),
        }
    }
}

/// What the SOP's head says.
#[derive(Clone, Debug, Default)]
pub struct Sop {
    /// Name or path of the document.
    pub document: Option<String>,
    /// How it is carried out (`programmatic`).
    pub mode: Option<String>,
    /// The role an operator needs.
    pub required_role: Option<String>,
    /// The role for users with elevated privileges.
    pub elevated_role: Option<String>,
    /// Average duration.
    pub average_duration: Option<Duration>,
    /// When it takes longer.
    pub longer_if: Option<String>,
    /// How the SOP was validated.
    pub validation: Option<String>,
    /// The SOP's own date of validation, as written.
    pub last_validated: Option<String>,
    /// How old a validation may be.
    pub validated_within: Option<Duration>,
    /// What it is for.
    pub applies_to: Option<String>,
    /// Controls it serves, each with its benchmark's version.
    pub controls: Vec<String>,
    /// `sop.emergency: true` and its reason.
    pub emergency: Option<String>,
}

/// The types an input may have.
#[derive(Clone, Debug, PartialEq)]
pub enum InputType {
    /// Any text.
    Text,
    /// An integer.
    Number,
    /// `90s`, `24h`, `30d`.
    Duration,
    /// RFC 3339.
    Time,
    /// One of a few words.
    Choice(Vec<String>),
    /// Name of an IAM user.
    IamUser,
    /// An access key id.
    IamKey,
    /// Never shown.
    Secret,
    /// One holder.
    Holder,
    /// Several holders.
    Holders,
    /// A list of text.
    List,
}

/// Where an input's value comes from when nobody types it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputFrom {
    /// The environment's settings in `keyward.yaml`.
    Environment,
    /// `consumers:` in `keyward.yaml`.
    Consumers,
    /// A person.
    Prompt,
}

/// One of `inputs:`.
#[derive(Clone, Debug)]
pub struct InputDecl {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: InputType,
    /// A sentence for the form.
    pub help: Option<String>,
    /// The value when none is given.
    pub default: Option<Value>,
    /// May be left out.
    pub optional: bool,
    /// Where it is taken from.
    pub from: InputFrom,
    /// The key there.
    pub key: Option<Template>,
    /// The value in a drill.
    pub drill: Option<Value>,
    /// Its place.
    pub span: Span,
}

/// One of `credentials:`: whom a step acts as.
#[derive(Clone, Debug)]
pub struct CredentialDecl {
    /// The name used in `as:`.
    pub name: String,
    /// The access key id.
    pub access_key_id: Template,
    /// The secret access key, a whole tainted template.
    pub secret_access_key: Template,
    /// Its place.
    pub span: Span,
}

/// What a step does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// Changes nothing.
    Read,
    /// Changes something, and there is a way back or a reason.
    Mutate,
    /// No way back.
    Irreversible,
}

/// Exactly one action.
#[derive(Clone, Debug)]
pub struct Action {
    /// Which, of a closed set.
    pub op: Op,
    /// Its parameters, checked against the operation's table.
    pub params: Vec<(String, Node)>,
    /// `as:`, one of [`Runbook::credentials`], else the operator.
    pub as_: Option<String>,
    /// Its place.
    pub span: Span,
}

impl Action {
    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&Node> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }
}

/// `for_each: {name: list}`.
#[derive(Clone, Debug)]
pub struct ForEach {
    /// The row's name in templates.
    pub name: String,
    /// A template that yields a list.
    pub list: Template,
    /// The root name when the list is an input as it stands: a forgotten row can be added to it.
    pub root: Option<String>,
}

/// How a step is confirmed.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    /// The kind of answer.
    pub kind: ConfirmKind,
    /// A reason must be given.
    pub reason: bool,
    /// Each row by itself instead of all on one screen.
    pub each: bool,
}

/// The kinds of answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfirmKind {
    /// Enter (reads).
    Enter,
    /// The sign line.
    Sign,
    /// Type this text back.
    TypeBack(Template),
}

/// One of `gate:`.
#[derive(Clone, Debug)]
pub struct Gate {
    /// What must hold.
    pub kind: GateKind,
    /// Its place.
    pub span: Span,
}

/// What must hold before a step may be confirmed.
#[derive(Clone, Debug)]
pub enum GateKind {
    /// A step, or all of a group, passed.
    Passed(String),
    /// A time since a step passed.
    After {
        /// The step.
        step: String,
        /// At least so long.
        at_least: Duration,
        /// Better so long.
        recommended: Option<Duration>,
    },
    /// A key has not been seen in use since a step or group passed.
    UnusedSince {
        /// The key id.
        key: Template,
        /// Step or group.
        since: String,
        /// Observed for so long (4 h unless said, at least 1 h).
        for_: Duration,
    },
    /// A key has been Inactive for so long, across runs.
    InactiveFor {
        /// The key id.
        key: Template,
        /// At least so long.
        at_least: Template,
    },
    /// A key has not been used for so long, across runs.
    UnusedFor {
        /// The key id.
        key: Template,
        /// At least so long.
        at_least: Template,
    },
    /// Not within these hours.
    NotDuring {
        /// Minutes of the day: from, to (may wrap over midnight).
        window: (u16, u16),
        /// IANA name.
        zone: chrono_tz::Tz,
    },
    /// Other people approve.
    Approval {
        /// How many.
        people: u32,
        /// Of this role.
        role: String,
        /// Valid for so long.
        expires: Duration,
    },
    /// A read, judged.
    Check {
        /// The read.
        run: Action,
        /// What is expected of it.
        expect: Vec<Expectation>,
    },
    /// Who the operator is at AWS.
    Identity {
        /// The account id.
        account: Option<Template>,
        /// The ARN.
        arn: Option<Template>,
        /// Not this IAM user.
        not_user: Option<Template>,
    },
    /// A signed drill of this very runbook, no older than this.
    Drilled(Duration),
}

/// A closed set, one evaluator ([`crate::engine::expect`]).
#[derive(Clone, Debug)]
pub enum Predicate {
    /// Equal JSON values; fingerprints where tainted.
    Equals(Node),
    /// Not equal.
    Not(Node),
    /// A regular expression finds a match.
    Matches(Template),
    /// It finds none.
    NotMatches(Template),
    /// A list has the element, a text has the part.
    Contains(Node),
    /// It has not.
    Lacks(Node),
    /// A list of objects has one with this `id`.
    HasId(Node),
    /// It has not.
    LacksId(Node),
    /// A list's length.
    Count(u64),
    /// A list's length or a number is at least this.
    AtLeast(i64),
    /// At most this.
    AtMost(i64),
    /// A time before this.
    Before(Node),
    /// A time after this.
    After(Node),
    /// There, and not null (`true`), or absent (`false`).
    Exists(bool),
}

/// The SOP's "Expect:".
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Of which part of the result.
    pub path: Path,
    /// What must be so.
    pub predicate: Predicate,
    /// Until when it may take; `None` is one sample.
    pub within: Option<Duration>,
    /// Between samples.
    pub every: Duration,
    /// Passes in a row.
    pub consecutive: u32,
    /// The sentence for the operator when it is not so.
    pub else_: Option<Template>,
    /// A way out that is offered: a runbook's name, or `resume`.
    pub offer: Option<String>,
    /// Fail and unknown are deviations, and advance.
    pub advisory: bool,
    /// Its place.
    pub span: Span,
}

/// A named value taken from a result.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The name.
    pub name: String,
    /// From where.
    pub path: Path,
    /// Paths below it that are secret.
    pub secret: Vec<Path>,
    /// The read that yields the secret again after a resume.
    pub again: Option<Action>,
    /// Its place.
    pub span: Span,
}

/// One act of a step's own way back.
#[derive(Clone, Debug)]
pub struct RollbackAct {
    /// What is done.
    pub run: Action,
    /// The reads that prove it.
    pub probe: Vec<Action>,
    /// What is expected of them.
    pub expect: Vec<Expectation>,
}

/// A step's way back.
#[derive(Clone, Debug)]
pub enum Rollback {
    /// The action's own (native actions and holders bring theirs), or nothing to undo (reads).
    Own,
    /// Acts of the runbook.
    Acts(Vec<RollbackAct>),
    /// None, and why.
    None(String),
}

/// Whether a step may be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Never.
    Never,
    /// With a reason, as a deviation.
    Reason,
}

/// What happens when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFail {
    /// Wait for a person.
    Pause,
    /// The way back, confirmed beforehand.
    Rollback,
}

/// One act of the runbook.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub id: String,
    /// The SOP's own number, as shown.
    pub sop: Option<String>,
    /// Its sentence.
    pub title: String,
    /// The reason.
    pub why: Option<String>,
    /// What people or services will notice.
    pub affects: Option<String>,
    /// Several steps that are one SOP step.
    pub group: Option<String>,
    /// Rows.
    pub for_each: Option<ForEach>,
    /// What must hold.
    pub gates: Vec<Gate>,
    /// How it is confirmed.
    pub confirm: Confirm,
    /// What is done.
    pub run: Action,
    /// To what effect.
    pub effect: EffectKind,
    /// Reads polled after the act. Empty: the action's own (native mutations, holders), or the read itself.
    pub probe: Vec<Action>,
    /// Wait before the first sample counts.
    pub settle: Duration,
    /// What must be so. Empty: the action's own.
    pub expect: Vec<Expectation>,
    /// Names from the result.
    pub capture: Vec<Capture>,
    /// The way back.
    pub rollback: Rollback,
    /// May be skipped?
    pub skip: Skip,
    /// When it fails.
    pub on_fail: OnFail,
    /// The step that this one is again.
    pub repeat: Option<String>,
    /// Its place.
    pub span: Span,
}

/// Top-level `rollback:`.
#[derive(Clone, Debug, Default)]
pub struct RollbackNote {
    /// Its title.
    pub title: String,
    /// What comes after.
    pub after: Option<String>,
}

/// Top-level `audit:`: the event told to the outside when a run ends.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The end that is told (`completed`).
    pub when: String,
    /// The event's name.
    pub action: String,
    /// Who did it.
    pub actor: Template,
    /// Its fields.
    pub context: Vec<(String, Node)>,
}
