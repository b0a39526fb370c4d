//! Where a request may go: in a drill this machine only, and a secret never over a plain connection to elsewhere.

use std::net::IpAddr;

use crate::engine::entry::EnvironmentKind;

/// True for a URL whose host is this machine: a loopback address, or `localhost`.
pub fn is_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let Some(host) = url.host_str() else { return false };
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Refuses, with a sentence, a URL that this kind of environment must not reach.
pub(super) fn allowed(kind: EnvironmentKind, url: &str) -> Result<(), String> {
    if is_loopback(url) {
        return Ok(());
    }
    if kind != EnvironmentKind::Account {
        return Err(format!(
            "{url} is not on this machine, and a drill reaches nothing else; name a loopback address, or run in an environment of kind account"
        ));
    }
    if !url.starts_with("https://") {
        return Err(format!(
            "{url} is not https, so a secret sent there could be read on the way; name its https:// URL"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for url in ["http://127.0.0.1:1/a", "http://127.9.9.9", "http://[::1]:80/", "https://localhost:8443/x"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "https://iam.amazonaws.com",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com",
            "http://10.0.0.1/",
            "http://127.0.0.1@example.com/",
            "http://0.0.0.0/",
            "not a url",
            "",
        ] {
            assert!(!is_loopback(url), "{url}");
            assert!(allowed(EnvironmentKind::Sandbox, url).is_err());
            assert!(allowed(EnvironmentKind::Rehearsal, url).is_err());
        }
        assert!(allowed(EnvironmentKind::Account, "https://api.heroku.com/apps").is_ok());
        assert!(allowed(EnvironmentKind::Account, "http://api.heroku.com/apps").is_err());
    }
}
