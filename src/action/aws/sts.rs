//! STS: who a pair of credentials is.

use serde_json::{Value, json};

use super::trace::Failed;
use super::{Ask, send};

pub(super) async fn get_caller_identity(ask: &Ask<'_>) -> Result<Value, Failed> {
    let out = send!(aws_sdk_sts, ask, ask.aws.sts.get_caller_identity())?;
    let arn = out.arn().ok_or_else(|| Failed::unreadable("an ARN"))?;
    let account = out.account().ok_or_else(|| Failed::unreadable("an account"))?;
    Ok(json!({"arn": arn, "account": account, "user": user_of(arn), "user_id": out.user_id()}))
}

/// The IAM user's name in `arn:PARTITION:iam::ACCOUNT:user/PATH/NAME`; `None` for roles, root and federated users.
pub(super) fn user_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let service = parts.nth(2)?;
    let resource = parts.nth(2)?.strip_prefix("user/")?;
    if service == "iam" { resource.rsplit('/').next().filter(|name| !name.is_empty()) } else { None }
}

/// The principal whose policies a caller acts under, for SimulatePrincipalPolicy: an IAM user as it is, an assumed
/// role's session by its role. A role's path is not in a session's ARN; one with a path is then not found, which is
/// unknown and not "may".
pub(super) fn principal_of(arn: &str) -> Option<String> {
    if user_of(arn).is_some() {
        return Some(arn.to_owned());
    }
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, "sts", _, account, resource] = parts.as_slice() else { return None };
    let role = resource.strip_prefix("assumed-role/")?.split('/').next()?;
    Some(format!("arn:{partition}:iam::{account}:role/{role}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_iam_user_has_a_user() {
        assert_eq!(user_of("arn:aws:iam::111122223333:user/ops/raxx"), Some("raxx"));
        for arn in [
            "arn:aws:iam::111122223333:root",
            "arn:aws:sts::111122223333:assumed-role/oncall/alice",
            "arn:aws:sts::111122223333:federated-user/bob",
            "arn:aws:iam::111122223333:user/",
            "",
        ] {
            assert_eq!(user_of(arn), None, "{arn}");
        }
        let role = principal_of("arn:aws-cn:sts::111122223333:assumed-role/oncall/alice");
        assert_eq!(role.as_deref(), Some("arn:aws-cn:iam::111122223333:role/oncall"));
        assert_eq!(principal_of("arn:aws:iam::111122223333:root"), None);
    }
}
