//! The command lines by which anyone checks a signature with stock tools.

use super::sign::{OPERATOR, signature_file};
use super::verify::Report;
use crate::engine::entry::Stamp;

/// The check of the checkpoint at entry `n`, to be run in the run's folder.
///
/// `at` is the time of the signature: the entry's `wall` where it has one, else its `at`. `ssh-keygen` takes whole
/// seconds.
pub fn stock_check(n: u64, principal: &str, at: Stamp) -> String {
    format!(
        "head -n {} transcript.jsonl | ssh-keygen -Y verify -f allowed_signers -I {principal} -n {OPERATOR} \
         -Overify-time={} -s signatures/{}",
        n + 1,
        at.time().format("%Y%m%d%H%M%SZ"),
        signature_file(n, principal)
    )
}

/// The checks of every checkpoint of a run that was verified.
pub fn stock_checks(report: &Report) -> Vec<String> {
    report.signatures.iter().map(|signature| signature.check.clone()).collect()
}
