//! The state machine of a run. Sans-I/O: no clock, no file, no network, no async; `now` is a parameter.

pub mod call;
pub mod decision;
pub mod effect;
pub mod entry;
pub mod url;
