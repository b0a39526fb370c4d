//! What can stop the runtime, as a diagnostic.

use crate::diagnostic::Diagnostic;
use crate::transcript;

impl From<transcript::Error> for Diagnostic {
    fn from(error: transcript::Error) -> Self {
        let text = error.to_string();
        match text.split_once("\n  ") {
            Some((what, hint)) => Self::new(what).hint(hint),
            None => Self::new(text),
        }
    }
}

impl From<transcript::SignError> for Diagnostic {
    fn from(error: transcript::SignError) -> Self {
        transcript::Error::from(error).into()
    }
}
