//! keyward from outside: the program as its users start it, its files as an auditor finds them, and the sandbox as
//! stock clients see it. One binary, since linking the SDK takes longer than most of these tests.

mod suite {
    pub(crate) mod machine;
    pub(crate) mod transcript;

    mod canary;
    mod commands;
    mod drills;
    mod evidence;
    mod faults;
    mod forger;
    mod peers;
    mod python;
    mod readme;
    mod rehearsal;
    mod terminal;
}
