use super::*;
use crate::transcript::fixtures::*;

#[test]
fn a_sealed_run_is_good() {
    let dir = tempfile::tempdir().unwrap();
    let alice = signer(dir.path(), ALICE);
    let run = dir.path().join("20261120T031500Z-r-u-7f3a");
    sealed_run(&run, &alice);
    let report = judge(&run, &allowed(&[&alice]));
    assert_eq!(report.findings, []);
    assert_eq!((report.status, report.exit, report.entries), (Status::Sealed, 0, 6));
}
