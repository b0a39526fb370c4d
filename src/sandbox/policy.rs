//! Identity policies, as far as a drill needs them: Allow or Deny × actions × resources, with wildcards.
//!
//! Conditions, principals and `Not…` elements are not read. Evaluation follows the IAM User Guide ("Policy evaluation
//! logic"): an explicit deny wins, else an allow, else the implicit deny.

use serde::{Deserialize, Serialize};

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyEffect {
    /// Allows.
    Allow,
    /// Denies, whatever allows.
    Deny,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Allow or Deny.
    pub effect: PolicyEffect,
    /// `iam:CreateAccessKey`, `s3:*`; any case.
    pub actions: Vec<String>,
    /// ARNs, `*` and `?` as wildcards.
    pub resources: Vec<String>,
}

impl Statement {
    /// An Allow.
    pub fn allow(actions: &[&str], resources: &[&str]) -> Self {
        Self::new(PolicyEffect::Allow, actions, resources)
    }

    /// A Deny.
    pub fn deny(actions: &[&str], resources: &[&str]) -> Self {
        Self::new(PolicyEffect::Deny, actions, resources)
    }

    fn new(effect: PolicyEffect, actions: &[&str], resources: &[&str]) -> Self {
        let own = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Self { effect, actions: own(actions), resources: own(resources) }
    }

    fn covers(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|pattern| matches(pattern, resource))
    }
}

/// How a request was judged; the names are those of `SimulatePrincipalPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// An Allow and no Deny.
    Allowed,
    /// A Deny.
    ExplicitDeny,
    /// Nothing allows it.
    ImplicitDeny,
}

impl Judgement {
    /// As `EvalDecision` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny => "explicitDeny",
            Self::ImplicitDeny => "implicitDeny",
        }
    }
}

/// Judges one action on one resource.
pub fn judge<'a>(statements: impl IntoIterator<Item = &'a Statement>, action: &str, resource: &str) -> Judgement {
    let mut judgement = Judgement::ImplicitDeny;
    for statement in statements {
        if statement.covers(action, resource) {
            match statement.effect {
                PolicyEffect::Deny => return Judgement::ExplicitDeny,
                PolicyEffect::Allow => judgement = Judgement::Allowed,
            }
        }
    }
    judgement
}

/// What AWS attaches to a user whose key was found in public. As far as a rotation meets it:
/// `AWSCompromisedKeyQuarantineV3` denies to create and to update access keys, among others.
pub fn quarantine() -> Statement {
    Statement::deny(
        &["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:CreateUser", "iam:AttachUserPolicy", "iam:PutUserPolicy"],
        &["*"],
    )
}

/// `*` is any run of characters, `?` any one. Linear in the text for each `*`, so no pattern can make it slow.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    p = star + 1;
                    t = from + 1;
                    back = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deny_wins_and_nothing_is_allowed_by_silence() {
        let statements = [
            Statement::allow(&["s3:*"], &["arn:aws:s3:::raxx-backups", "arn:aws:s3:::raxx-backups/*"]),
            Statement::deny(&["s3:PutObject"], &["*"]),
        ];
        let judged = |action, resource| judge(&statements, action, resource);
        assert_eq!(judged("s3:ListBucket", "arn:aws:s3:::raxx-backups"), Judgement::Allowed);
        assert_eq!(judged("S3:listbucket", "arn:aws:s3:::raxx-backups"), Judgement::Allowed);
        assert_eq!(judged("s3:ListBucket", "arn:aws:s3:::raxx-backups-2"), Judgement::ImplicitDeny);
        assert_eq!(judged("s3:PutObject", "arn:aws:s3:::raxx-backups/a"), Judgement::ExplicitDeny);
        assert_eq!(judged("iam:ListUsers", "*"), Judgement::ImplicitDeny);
    }

    #[test]
    fn wildcards_stand_for_runs_and_single_characters() {
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "axxbyyc"));
        assert!(matches("a?c", "abc"));
        assert!(!matches("a?c", "ac"));
        assert!(!matches("a*b", "ab c"));
        assert!(!matches("", "a"));
        assert!(!matches("arn:aws:iam::*:user/ops/*", "arn:aws:iam::000000000000:user/dev/x"));
    }
}
