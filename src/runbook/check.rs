//! stub
/// stub
pub fn check(_: &super::Runbook, _: Option<&str>, _: &std::collections::BTreeMap<String, super::connector::Connector>) -> Vec<crate::diagnostic::Finding> { Vec::new() }
