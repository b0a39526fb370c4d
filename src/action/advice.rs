//! What an error code means here, and what to do: for the operator at the moment it happens.
//!
//! The server's own words are recorded as they are; this is said beside them. Facts are from AWS's API references
//! ("Common Errors", IAM quotas) and from what the services were seen to answer.

/// A sentence for a code, as `iam:CreateAccessKey` or `http:PUT` got it. `None` where the code has nothing to add.
pub fn advice(code: &str, op: &str) -> Option<&'static str> {
    let service = op.split([':', '.']).next().unwrap_or_default();
    Some(match (code, service, op) {
        ("InvalidClientTokenId" | "InvalidAccessKeyId", _, "sts:GetCallerIdentity" | "s3:ListObjectsV2") => {
            "AWS does not know this key yet, or not any more: it says the same of an unknown, a deleted, an inactive and a \
             not yet spread key. New keys need 3 to 15 s. Only the list of the user's keys (ListAccessKeys) tells which."
        }
        ("InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClientException", ..) => {
            "AWS does not accept your own key: it is unknown, deleted, inactive or not spread yet, and AWS does not say which. \
             Another identity can see it with ListAccessKeys. Renew your credentials, then try again."
        }
        ("SignatureDoesNotMatch", _, "sts:GetCallerIdentity" | "s3:ListObjectsV2") => {
            "The key id is known, but the secret is not its secret: half of a pair was replaced, or the secret was cut or quoted \
             wrongly. If the message says that the signature expired, it is this machine's clock. Read the pair again."
        }
        ("SignatureDoesNotMatch", ..) => {
            "Your own secret does not fit your key id, or this machine's clock is wrong (the message then says that the \
             signature expired). Check the clock, then renew your credentials."
        }
        ("RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture", ..) => {
            "This machine's clock is more than AWS allows away from AWS's (5 to 15 min). Nothing was done. Set the clock, then try again."
        }
        ("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired", ..) => {
            "Your session has ended. Nothing was done. Sign in again (`aws sso login`), then go on from here: the run waits."
        }
        ("AccessDenied" | "AccessDeniedException", _, "iam:CreateAccessKey" | "iam:UpdateAccessKey") => {
            "You may not do this. Nothing was done. If you may at other times, look for AWSCompromisedKeyQuarantine on the user \
             you act as: AWS attaches it to leaked keys, and it denies just this. Take another identity, or ask for the right now."
        }
        ("AccessDenied" | "AccessDeniedException", _, "s3:ListObjectsV2") => {
            "The key works, but may not list this bucket; or it was spread to some servers and not yet to all. Wait for the next \
             samples. If it stays, compare with the old key: the rights are the user's, so both have the same."
        }
        ("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation", ..) => {
            "You may not do this. Nothing was done. Take an identity that may, or ask for the right; then try again."
        }
        ("LimitExceeded" | "LimitExceededException", "iam", "iam:CreateAccessKey") => {
            "The user has two keys already, and AWS allows no third. Inactive keys count. Nothing was created. Finish the earlier \
             rotation, or delete an Inactive key that is old enough."
        }
        ("LimitExceeded" | "LimitExceededException", ..) => "A quota of the account is used up. Nothing was done.",
        ("NoSuchEntity" | "NoSuchEntityException", _, "iam:DeleteAccessKey") => {
            "There is no such key for this user any more: what the delete was for is the case. If you did not expect it, somebody \
             else deleted it: look at the user's keys before you go on."
        }
        ("NoSuchEntity" | "NoSuchEntityException", _, "iam:UpdateAccessKey" | "iam:GetAccessKeyLastUsed") => {
            "There is no such key for this user: it was deleted, it belongs to another user, or it is so new that it is not \
             spread yet. Look at the user's keys."
        }
        ("NoSuchEntity" | "NoSuchEntityException", ..) => {
            "There is no such user in this account. Check the name, and that this is the right account."
        }
        ("NoSuchBucket", ..) => "There is no such bucket. Check the name in the inputs: the key itself was accepted.",
        ("EntityAlreadyExists" | "EntityAlreadyExistsException", ..) => "It exists already. Nothing was changed.",
        ("DeleteConflict" | "DeleteConflictException", ..) => {
            "The user still has something that must go first (keys, policies, groups). Nothing was deleted."
        }
        ("EntityTemporarilyUnmodifiable" | "ConcurrentModification", ..) => {
            "Somebody else is changing this right now. Nothing was done. Find out who; then try again."
        }
        (
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "TooManyRequestsException"
            | "SlowDown"
            | "HTTP 429",
            ..,
        ) => {
            "Too many requests in this account just now. It was turned away before it began. Wait a minute, then try again."
        }
        ("ServiceUnavailable" | "ServiceFailure" | "InternalFailure" | "InternalError", ..) => {
            "The server failed, and does not say whether it had done it. The world is asked before anything is tried again."
        }
        ("OptInRequired" | "SubscriptionRequiredException", ..) => {
            "This account or region is not enabled for that service."
        }
        ("ConnectionFailed", ..) => {
            "No connection, so nothing was sent: the address is wrong, the network or VPN is down, or nothing listens there."
        }
        ("ConnectionLost" | "TimedOut", ..) => {
            "It was sent and no answer came, so it may have worked. The world is asked before anything is tried again."
        }
        ("Unreadable", ..) => "An answer came that proves nothing, so it may have worked. The world is asked first.",
        ("NoCredentials", ..) => {
            "There are no credentials to sign with. Nothing was sent. Sign in (`aws sso login`), or name a profile in keyward.yaml."
        }
        ("SecretNotHeld", ..) => {
            "This process does not hold the secret (it was started anew). Nothing was sent. It is read again from the store, or \
             from the sealed copy."
        }
        ("ProgramChanged" | "OtherProgram", ..) => {
            "The program is not the one that was confirmed. Nothing was started. Find out who replaced it before you go on."
        }
        ("NotLoopback", ..) => "A drill reaches nothing but this machine. Nothing was sent.",
        ("HTTP 401", ..) => {
            "The system does not accept keyward's token. Nothing was done. Renew the token, then try again."
        }
        ("HTTP 403", ..) => "The token may not do this. Nothing was done. Use one that may, then try again.",
        ("HTTP 404", ..) => {
            "The system knows no such thing, or hides it from this token. Nothing was done. Check the holder's fields in keyward.yaml."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_means_different_things_in_different_places() {
        let of = |code, op| advice(code, op).unwrap();
        assert!(of("InvalidClientTokenId", "sts:GetCallerIdentity").contains("ListAccessKeys"));
        assert!(of("InvalidClientTokenId", "iam:CreateAccessKey").contains("your own key"));
        assert!(of("LimitExceeded", "iam:CreateAccessKey").contains("Inactive keys count"));
        assert!(!of("LimitExceeded", "iam:CreateUser").contains("Inactive"));
        assert!(of("NoSuchEntity", "iam:DeleteAccessKey").contains("any more"));
        assert!(of("AccessDenied", "iam:UpdateAccessKey").contains("Quarantine"));
        assert!(advice("Something", "iam:GetUser").is_none());
    }

    #[test]
    fn what_may_have_worked_is_never_said_to_have_done_nothing() {
        for code in ["ConnectionLost", "TimedOut", "Unreadable", "ServiceFailure"] {
            assert!(!advice(code, "iam:CreateAccessKey").unwrap().to_lowercase().contains("nothing was"), "{code}");
        }
    }
}
