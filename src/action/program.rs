//! Finding a program once, when a run opens; from then on it is that file with that content.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::diagnostic::Diagnostic;

/// A program that commands may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its absolute path.
    pub path: PathBuf,
    /// Lower-case hex SHA-256 of the file when the run opened.
    pub sha256: String,
}

impl Program {
    /// The first executable file of that name in a PATH (folders with `:` between); a name with a slash is the file
    /// itself. Relative folders of a PATH are passed over: what they mean depends on where one stands.
    ///
    /// # Errors
    /// There is none, or it can't be read.
    pub fn find(name: &str, path: &OsStr) -> Result<Self, Diagnostic> {
        let candidates: Vec<PathBuf> = if name.contains('/') {
            vec![PathBuf::from(name)]
        } else {
            std::env::split_paths(path).map(|folder| folder.join(name)).collect()
        };
        let is_program = |file: &PathBuf| {
            let executable = |meta: std::fs::Metadata| meta.is_file() && meta.permissions().mode() & 0o111 != 0;
            file.is_absolute() && file.metadata().is_ok_and(executable)
        };
        let found = candidates.into_iter().find(is_program).ok_or_else(|| {
            Diagnostic::new(format!("the program {name:?} is not there"))
                .hint("install it, or set PATH; then open the run again")
        })?;
        let sha256 = super::digest::of_file(&found, false).map_err(|error| {
            Diagnostic::new(format!("{} can't be read: {error}", found.display()))
                .hint("its content is part of what you confirm, so it has to be readable")
        })?;
        Ok(Self { path: found, sha256 })
    }

    /// As a call's endpoint names it.
    pub fn endpoint(&self) -> String {
        format!("{} sha256:{}", self.path.display(), self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_executable_file_is_found_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        fs::create_dir_all(first.join("folder")).unwrap();
        fs::create_dir(&second).unwrap();
        fs::write(first.join("tool"), "not executable").unwrap();
        fs::write(second.join("tool"), "abc").unwrap();
        fs::set_permissions(second.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::join_paths([PathBuf::from("relative"), first.clone(), second.clone()]).unwrap();
        let found = Program::find("tool", &path).unwrap();
        assert_eq!(found.path, second.join("tool"));
        assert_eq!(found.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(found.endpoint(), format!("{} sha256:{}", found.path.display(), found.sha256));
        let own = second.join("tool");
        assert_eq!(Program::find(own.to_str().unwrap(), &path).unwrap(), found);
        for missing in ["folder", "nothing", "./tool", "second/tool"] {
            assert!(Program::find(missing, &path).is_err(), "{missing}");
        }
    }
}
