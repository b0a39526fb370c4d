//! STS: who am I.

use super::answer::AwsError;
use super::form::Form;
use super::state::{Caller, State};
use super::xml;

/// The XML namespace, and the version in every request.
pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers one request with the inside of its result.
pub(super) fn answer(state: &State, caller: &Caller, form: &Form) -> Result<String, AwsError> {
    match form.get("Action") {
        // It needs no permission, and no policy can deny it (STS API reference, GetCallerIdentity).
        Some("GetCallerIdentity") => Ok([
            xml::text("Arn", &caller.arn),
            xml::text("UserId", &caller.user_id),
            xml::text("Account", &state.account),
        ]
        .concat()),
        action => Err(invalid_action(action)),
    }
}

/// What the query services say to an operation that is none.
pub(super) fn invalid_action(action: Option<&str>) -> AwsError {
    let message = format!("The sandbox does not know the operation {}.", action.unwrap_or("(none)"));
    AwsError::new(400, "InvalidAction", message)
}
