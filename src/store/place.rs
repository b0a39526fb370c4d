//! Where things are kept unless the operator says otherwise.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::transcript::Error;

/// The store: `$XDG_STATE_HOME/keyward` or `~/.local/state/keyward` (XDG Base Directory Specification 0.8), on macOS
/// `~/Library/Application Support/keyward`.
///
/// # Errors
/// HOME is not set.
pub fn default_folder() -> Result<PathBuf, Error> {
    place("XDG_STATE_HOME", ".local/state", |name| std::env::var_os(name), cfg!(target_os = "macos"))
}

/// The signing key made on first use: `$XDG_CONFIG_HOME/keyward` or `~/.config/keyward`, on macOS
/// `~/Library/Application Support/keyward/key`.
///
/// # Errors
/// HOME is not set.
pub fn default_key_folder() -> Result<PathBuf, Error> {
    let mac = cfg!(target_os = "macos");
    let folder = place("XDG_CONFIG_HOME", ".config", |name| std::env::var_os(name), mac)?;
    Ok(if mac { folder.join("key") } else { folder })
}

fn place(
    variable: &str,
    under_home: &str,
    env: impl Fn(&str) -> Option<OsString>,
    mac: bool,
) -> Result<PathBuf, Error> {
    let set = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match set(variable) {
        // The specification: a relative path is to be ignored.
        Some(base) => base,
        None => {
            let home = set("HOME").ok_or_else(|| {
                Error::NotFound("HOME is not set, so there is no place for runs\n  say one with --store DIR".to_owned())
            })?;
            home.join(if mac { "Library/Application Support" } else { under_home })
        }
    };
    Ok(base.join("keyward"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(set: &[(&str, &str)], mac: bool) -> Result<PathBuf, Error> {
        place("XDG_STATE_HOME", ".local/state", |name| set.iter().find(|s| s.0 == name).map(|s| s.1.into()), mac)
    }

    #[test]
    fn each_system_has_its_place() {
        assert_eq!(at(&[("HOME", "/h")], false).unwrap(), PathBuf::from("/h/.local/state/keyward"));
        assert_eq!(at(&[("HOME", "/h")], true).unwrap(), PathBuf::from("/h/Library/Application Support/keyward"));
        assert_eq!(at(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")], false).unwrap(), PathBuf::from("/s/keyward"));
        assert_eq!(
            at(&[("HOME", "/h"), ("XDG_STATE_HOME", "rel")], false).unwrap(),
            PathBuf::from("/h/.local/state/keyward")
        );
        assert!(at(&[], false).unwrap_err().to_string().contains("--store"));
        assert!(at(&[("HOME", "")], false).is_err());
    }
}
