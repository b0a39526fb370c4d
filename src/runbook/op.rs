//! The closed set of actions: each one's name, effect and parameters, in one table.

use super::model::EffectKind;

/// An action's operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // Each is named and described by its row of `TABLE`.
pub enum Op {
    IamPreflight,
    IamListAccessKeys,
    IamGetAccessKeyLastUsed,
    IamCreateAccessKey,
    IamUpdateAccessKey,
    IamDeleteAccessKey,
    IamGetUser,
    IamListUsers,
    IamCreateUser,
    IamDeleteUser,
    IamSimulatePrincipalPolicy,
    StsGetCallerIdentity,
    S3ListObjects,
    Http,
    Command,
    Manual,
    Wait,
    SecretGenerate,
    HolderPut,
    HolderRead,
    HolderProve,
    HolderRestart,
}

/// A row of the table.
#[derive(Debug)]
pub struct OpInfo {
    /// The operation.
    pub op: Op,
    /// As a runbook writes it.
    pub name: &'static str,
    /// Its effect; `None` where the step must say it.
    pub effect: Option<EffectKind>,
    /// Parameters it must have.
    pub required: &'static [&'static str],
    /// Parameters it may have.
    pub optional: &'static [&'static str],
    /// The AWS operation (`iam:CreateAccessKey`) for native ones.
    pub aws: Option<&'static str>,
    /// Its result's shape, for people.
    pub result: &'static str,
}

use EffectKind::{Irreversible, Mutate, Read};

/// Every operation.
pub static TABLE: &[OpInfo] = &[
    OpInfo {
        op: Op::IamPreflight,
        name: "iam.preflight",
        effect: Some(Read),
        required: &["user"],
        optional: &[],
        aws: None,
        result: "caller {arn, account, user, is_target}, denied [action], keys {active, inactive}, quota {used, limit}, clock_skew_seconds, holders [{name, reachable}]",
    },
    OpInfo {
        op: Op::IamListAccessKeys,
        name: "iam.list_access_keys",
        effect: Some(Read),
        required: &["user"],
        optional: &[],
        aws: Some("iam:ListAccessKeys"),
        result: "keys, active, inactive: lists of {id, status, created} by create date, then id",
    },
    OpInfo {
        op: Op::IamGetAccessKeyLastUsed,
        name: "iam.get_access_key_last_used",
        effect: Some(Read),
        required: &["key"],
        optional: &[],
        aws: Some("iam:GetAccessKeyLastUsed"),
        result: "used: RFC 3339 or \"never\"; service, region, user",
    },
    OpInfo {
        op: Op::IamCreateAccessKey,
        name: "iam.create_access_key",
        effect: Some(Mutate),
        required: &["user"],
        optional: &[],
        aws: Some("iam:CreateAccessKey"),
        result: "id, status, created, secret (tainted)",
    },
    OpInfo {
        op: Op::IamUpdateAccessKey,
        name: "iam.update_access_key",
        effect: Some(Mutate),
        required: &["user", "key", "status"],
        optional: &[],
        aws: Some("iam:UpdateAccessKey"),
        result: "nothing",
    },
    OpInfo {
        op: Op::IamDeleteAccessKey,
        name: "iam.delete_access_key",
        effect: Some(Irreversible),
        required: &["user", "key"],
        optional: &[],
        aws: Some("iam:DeleteAccessKey"),
        result: "nothing",
    },
    OpInfo {
        op: Op::IamGetUser,
        name: "iam.get_user",
        effect: Some(Read),
        required: &["user"],
        optional: &[],
        aws: Some("iam:GetUser"),
        result: "user, arn, id, created",
    },
    OpInfo {
        op: Op::IamListUsers,
        name: "iam.list_users",
        effect: Some(Read),
        required: &[],
        optional: &[],
        aws: Some("iam:ListUsers"),
        result: "users [{user, arn, id, created}]",
    },
    OpInfo {
        op: Op::IamCreateUser,
        name: "iam.create_user",
        effect: Some(Mutate),
        required: &["user"],
        optional: &[],
        aws: Some("iam:CreateUser"),
        result: "user, arn, id, created",
    },
    OpInfo {
        op: Op::IamDeleteUser,
        name: "iam.delete_user",
        effect: Some(Irreversible),
        required: &["user"],
        optional: &[],
        aws: Some("iam:DeleteUser"),
        result: "nothing",
    },
    OpInfo {
        op: Op::IamSimulatePrincipalPolicy,
        name: "iam.simulate_principal_policy",
        effect: Some(Read),
        required: &["principal", "actions"],
        optional: &["resources"],
        aws: Some("iam:SimulatePrincipalPolicy"),
        result: "allowed [action], denied [action]",
    },
    OpInfo {
        op: Op::StsGetCallerIdentity,
        name: "sts.get_caller_identity",
        effect: Some(Read),
        required: &[],
        optional: &["as"],
        aws: Some("sts:GetCallerIdentity"),
        result: "arn, account, user (of an IAM user's ARN), user_id",
    },
    OpInfo {
        op: Op::S3ListObjects,
        name: "s3.list_objects",
        effect: Some(Read),
        required: &["bucket"],
        optional: &["as", "max_keys", "prefix"],
        aws: Some("s3:ListObjectsV2"),
        result: "objects [{key, size}], truncated",
    },
    OpInfo {
        op: Op::Http,
        name: "http",
        effect: None,
        required: &["system", "method", "path"],
        optional: &["query", "headers", "json", "body", "secret", "public"],
        aws: None,
        result: "status, headers, body",
    },
    OpInfo {
        op: Op::Command,
        name: "command",
        effect: None,
        required: &["argv"],
        optional: &["system", "stdin", "env", "inherit", "parse", "public"],
        aws: None,
        result: "exit, out, err",
    },
    OpInfo {
        op: Op::Manual,
        name: "manual",
        effect: None,
        required: &["do"],
        optional: &["enter"],
        aws: None,
        result: "what the operator entered, by name",
    },
    OpInfo {
        op: Op::Wait,
        name: "wait",
        effect: Some(Read),
        required: &["for"],
        optional: &[],
        aws: None,
        result: "nothing",
    },
    OpInfo {
        op: Op::SecretGenerate,
        name: "secret.generate",
        effect: Some(Mutate),
        required: &["length"],
        optional: &["alphabet", "exclude"],
        aws: None,
        result: "secret (tainted)",
    },
    OpInfo {
        op: Op::HolderPut,
        name: "holder.put",
        effect: Some(Mutate),
        required: &["holder", "values"],
        optional: &["was"],
        aws: None,
        result: "version",
    },
    OpInfo {
        op: Op::HolderRead,
        name: "holder.read",
        effect: Some(Read),
        required: &["holder"],
        optional: &["version"],
        aws: None,
        result: "values {NAME: value}, version, updated",
    },
    OpInfo {
        op: Op::HolderProve,
        name: "holder.prove",
        effect: Some(Read),
        required: &["holder"],
        optional: &[],
        aws: None,
        result: "works: bool or null, denied [code], key_id",
    },
    OpInfo {
        op: Op::HolderRestart,
        name: "holder.restart",
        effect: Some(Mutate),
        required: &["holder"],
        optional: &[],
        aws: None,
        result: "nothing",
    },
];

impl Op {
    /// The operation's row.
    pub fn info(self) -> &'static OpInfo {
        // Every variant has its row: asserted by a test below.
        TABLE.iter().find(|info| info.op == self).expect("every operation stands in the table")
    }

    /// By the name a runbook writes.
    pub fn by_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|info| info.name == name).map(|info| info.op)
    }
}
