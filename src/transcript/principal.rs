//! Principals: the names that people sign under, in the characters that need no quoting anywhere.

/// Letters, digits and `._@+-`, not beginning with `.` or `-`, at most 128: safe as a file's name, as an argument of
/// `ssh-keygen`, and in `allowed_signers`, where `*`, `?`, `!` and `,` would be patterns.
pub fn is_principal(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte))
}

/// `USER@HOST` of this process, each part in allowed characters only.
pub fn default_principal() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    literal(&user, &host_name())
}

/// The machine's name, as `uname -n` prints it.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn literal(user: &str, host: &str) -> String {
    let clean = |text: &str, otherwise: &str| {
        let kept: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
            .take(60)
            .collect();
        let kept = kept.trim_start_matches(['.', '-']).to_owned();
        if kept.is_empty() { otherwise.to_owned() } else { kept }
    };
    format!("{}@{}", clean(user, "operator"), clean(host, "localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_names_are_principals() {
        for good in ["alice@example.com", "a", "A.b+c-d_e@f"] {
            assert!(is_principal(good), "{good}");
        }
        for bad in ["", ".a", "-n", "*", "a b", "a,b", "!a", "a/b", "é", "a\n", &"x".repeat(129)] {
            assert!(!is_principal(bad), "{bad:?}");
        }
    }

    #[test]
    fn the_default_is_a_principal_whatever_the_machine_is_called() {
        assert!(is_principal(&default_principal()));
        for (user, host, name) in [
            ("", "", "operator@localhost"),
            ("Zoë B", "-x.y", "Zo--B@x.y"),
            ("../..", "h", "operator@h"),
            ("a\nb", &"h".repeat(300), &format!("a-b@{}", "h".repeat(60))),
        ] {
            assert_eq!(literal(user, host), name);
            assert!(is_principal(&literal(user, host)));
        }
    }
}
