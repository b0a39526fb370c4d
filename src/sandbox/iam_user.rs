//! IAM: users, and what they may do.

use super::answer::AwsError;
use super::form::Form;
use super::iam::{Page, invalid, no_such_user, permitted, time, user_name};
use super::policy::judge;
use super::state::{Caller, LiveUser, State, live_user};
use super::world::User;
use super::xml;

fn fields(state: &State, user: &LiveUser) -> String {
    [
        xml::text("Path", &user.path),
        xml::text("UserName", &user.name),
        xml::text("UserId", &user.id),
        xml::text("Arn", &state.arn(user)),
        xml::text("CreateDate", &time(user.created)),
    ]
    .concat()
}

pub(super) fn get(state: &State, caller: &Caller, form: &Form) -> Result<String, AwsError> {
    let name = user_name(form, caller)?;
    let user = permitted(state, caller, "iam:GetUser", name)?;
    Ok(xml::element("User", &fields(state, user)))
}

pub(super) fn list(state: &State, caller: &Caller, form: &Form) -> Result<String, AwsError> {
    let all = format!("arn:aws:iam::{}:user/", state.account);
    state.allow(caller, "iam:ListUsers", &all, &all)?;
    let prefix = form.get("PathPrefix").unwrap_or("/");
    let page = Page::read(form)?;
    let mut users: Vec<&LiveUser> = state.users.iter().filter(|user| user.path.starts_with(prefix)).collect();
    users.sort_by(|a, b| a.name.cmp(&b.name));
    let members: Vec<String> = users.into_iter().map(|user| fields(state, user)).collect();
    Ok(page.cut("Users", &members))
}

pub(super) fn create(state: &mut State, caller: &Caller, form: &Form, now: i64) -> Result<String, AwsError> {
    let name = form.get("UserName").ok_or_else(|| invalid("null", "userName", "not be null"))?;
    user_name(form, caller)?;
    let path = form.get("Path").unwrap_or("/");
    if !path.starts_with('/') || !path.ends_with('/') || path.len() > 512 {
        return Err(invalid(path, "path", "begin and end with / and have at most 512 characters"));
    }
    let arn = format!("arn:aws:iam::{}:user{path}{name}", state.account);
    state.allow(caller, "iam:CreateUser", &arn, &arn)?;
    if state.users.iter().any(|user| user.name.eq_ignore_ascii_case(name)) {
        return Err(AwsError::new(409, "EntityAlreadyExists", format!("User with name {name} already exists.")));
    }
    let user = User {
        name: name.into(),
        path: path.into(),
        age: std::time::Duration::ZERO,
        policy: Vec::new(),
        quarantined: false,
        keys: Vec::new(),
    };
    let live = live_user(&user, now, &mut state.rng);
    let answer = xml::element("User", &fields(state, &live));
    state.users.push(live);
    Ok(answer)
}

pub(super) fn delete(state: &mut State, caller: &Caller, form: &Form) -> Result<(), AwsError> {
    let name = form.get("UserName").ok_or_else(|| invalid("null", "userName", "not be null"))?;
    user_name(form, caller)?;
    let user = permitted(state, caller, "iam:DeleteUser", name)?;
    let conflict =
        |what| Err(AwsError::new(409, "DeleteConflict", format!("Cannot delete entity, must delete {what} first.")));
    if state.keys.iter().any(|key| key.user == name && key.status_now().is_some()) {
        return conflict("access keys");
    }
    if !user.statements.is_empty() {
        return conflict("policies");
    }
    state.users.retain(|user| user.name != name);
    Ok(())
}

pub(super) fn simulate(state: &State, caller: &Caller, form: &Form) -> Result<String, AwsError> {
    let source = form.get("PolicySourceArn").unwrap_or_default();
    let name = source.rsplit('/').next().unwrap_or_default();
    let principal = state.users.iter().find(|user| state.arn(user) == source);
    state.allow(caller, "iam:SimulatePrincipalPolicy", source, &format!("user {name}"))?;
    let Some(principal) = principal else { return Err(no_such_user(name)) };
    let actions = form.members("ActionNames");
    if actions.is_empty() {
        return Err(invalid("[]", "actionNames", "have length greater than or equal to 1"));
    }
    if let Some(bad) = actions.iter().find(|action| !action.contains(':')) {
        return Err(AwsError::new(400, "InvalidInput", format!("Invalid Entity Action: {bad}")));
    }
    let mut resources = form.members("ResourceArns");
    if resources.is_empty() {
        resources.push("*");
    }
    let mut members = Vec::new();
    for action in actions {
        for resource in &resources {
            let judgement = judge(&principal.statements, action, resource);
            members.push(
                [
                    xml::text("EvalActionName", action),
                    xml::text("EvalResourceName", resource),
                    xml::text("EvalDecision", judgement.name()),
                    xml::element("MatchedStatements", ""),
                    xml::element("MissingContextValues", ""),
                ]
                .concat(),
            );
        }
    }
    Ok(Page::read(form)?.cut("EvaluationResults", &members))
}
