//! What follows from a state and is asked for again and again: worked out once for each entry.

use std::fmt;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::super::focus::Focus;
use super::super::rollback::Plan;

/// Answers that a state gave already. It says nothing that the entries do not say, so it counts neither for equality nor
/// for a copy: a copy may be changed, and works its own out.
#[derive(Default)]
pub struct Derived {
    pub(in crate::engine) focus: OnceLock<Focus>,
    pub(in crate::engine) plan: OnceLock<Plan>,
    pub(in crate::engine) names: OnceLock<Map<String, Value>>,
}

impl Derived {
    /// What of it still holds after an entry.
    pub(super) fn after(self, keeps_plan: bool) -> Self {
        let plan = if keeps_plan { self.plan } else { OnceLock::new() };
        Self { plan, ..Self::default() }
    }
}

impl Clone for Derived {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Derived {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}
