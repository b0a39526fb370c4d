//! The `aws` command line that would do the same: for people who know it better than our words, and for the day on
//! which keyward itself can't go on.

use serde_json::Value;

use crate::engine::call::Call;
use crate::secret::{SecretRef, fingerprint_of};

/// `aws iam create-access-key --user-name raxx`; `None` for what is no AWS operation. A secret stands as
/// `[secret NAME]`: the line can be read, and has to be completed to be run.
pub fn aws_line(call: &Call) -> Option<String> {
    let (service, operation) = call.op.split_once(':')?;
    let service = match service {
        "iam" | "sts" => service,
        "s3" => "s3api",
        _ => return None,
    };
    let mut line = String::new();
    if let Some(pair) = call.params.get("as").filter(|pair| !pair.is_null()) {
        for (name, key) in [("AWS_ACCESS_KEY_ID", "access_key_id"), ("AWS_SECRET_ACCESS_KEY", "secret_access_key")] {
            line.push_str(&format!("{name}={} ", word(pair.get(key).unwrap_or(&Value::Null))));
        }
    }
    line.push_str(&format!("aws {service} {}", kebab(operation)));
    for (name, value) in call.params.as_object().into_iter().flatten() {
        if name == "as" || value.is_null() {
            continue;
        }
        line.push_str(&format!(" --{}", kebab(name)));
        match value {
            Value::Array(list) => list.iter().for_each(|item| line.push_str(&format!(" {}", word(item)))),
            one => line.push_str(&format!(" {}", word(one))),
        }
    }
    Some(line)
}

/// `UserName` as `user-name`, as the command line's options are made from the API's names.
fn kebab(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (i, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A word for a POSIX shell.
fn word(value: &Value) -> String {
    let text = match (SecretRef::from_value(value), value) {
        (Some(secret), _) => format!("[secret {}]", secret.name),
        _ if fingerprint_of(value).is_some() || value.is_object() => "[secret]".to_owned(),
        (None, Value::String(text)) => text.clone(),
        (None, other) => other.to_string(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(op: &str, params: Value) -> Option<String> {
        aws_line(&Call { call: 0, op: op.into(), endpoint: String::new(), params })
    }

    #[test]
    fn the_line_is_what_an_operator_would_type() {
        let update = json!({"UserName": "raxx", "AccessKeyId": "AKIA", "Status": "Inactive"});
        assert_eq!(
            line("iam:UpdateAccessKey", update).unwrap(),
            "aws iam update-access-key --user-name raxx --access-key-id AKIA --status Inactive"
        );
        let secret = SecretRef { name: "new_key.secret".into(), fp: "00".into(), filters: vec![] };
        let list = json!({"Bucket": "it's", "MaxKeys": 10, "as": {"access_key_id": "AKIA", "secret_access_key": secret.to_value()}});
        assert_eq!(
            line("s3:ListObjectsV2", list).unwrap(),
            "AWS_ACCESS_KEY_ID=AKIA AWS_SECRET_ACCESS_KEY='[secret new_key.secret]' \
             aws s3api list-objects-v2 --bucket 'it'\\''s' --max-keys 10"
        );
        let simulate = json!({"ActionNames": ["iam:GetUser", "iam:ListUsers"]});
        assert_eq!(
            line("iam:SimulatePrincipalPolicy", simulate).unwrap(),
            "aws iam simulate-principal-policy --action-names iam:GetUser iam:ListUsers"
        );
    }

    #[test]
    fn what_is_not_aws_has_no_line() {
        for op in ["http:PUT", "command", "holder.read", "secret.generate"] {
            assert_eq!(line(op, json!({})), None);
        }
    }
}
