//! What a process that holds secrets does first: no core dump, and no other process of the same user looks into it.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Turns core dumps off for this process and its children. On Linux nobody but root can attach to it or read its memory
/// any more (`PR_SET_DUMPABLE`, prctl(2)); macOS has no such switch for a program without entitlements.
///
/// Returns what could not be done, a sentence each: a run goes on all the same, since a sandbox around keyward may forbid
/// the call and protect as well.
pub fn harden() -> Vec<String> {
    let mut failed = Vec::new();
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        failed.push(format!("core dumps can't be turned off: {error}"));
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        failed.push(format!("this process can't be closed to others: {error}"));
    }
    failed
}
