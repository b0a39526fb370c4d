//! keyward runs a key-rotation SOP together with the on-call engineer who follows it.
//!
//! The map, in the direction of dependencies (a module knows those above it, never those below):
//!
//! - [`diagnostic`]: an error that a person can act on.
//! - [`secret`]: secrets in memory, and what stands for them everywhere else.
//! - [`runbook`]: the language, from YAML text to a typed, checked model; connectors too.
//! - [`engine`]: the sans-I/O state machine of a run. `Input` in, entries out, effects asked for.
//! - [`transcript`]: the bytes of the entries, their chain, signatures, verification and seal.
//! - [`store`]: where runs are kept, and the register of all of them.
//! - [`config`]: the file `keyward.yaml`.
//! - [`runtime`]: the driver around the engine: clock, signals, the one `select!`.
//! - [`action`]: what a step can do to the world, one file per system.
//! - [`inventory`]: the keys of an account, their age, use and policy.
//! - [`sandbox`]: the embedded AWS and the stand-ins, for drills.
//! - [`view`]: pure projections of state for people.
//! - [`report`]: a transcript as HTML and CSV.
//! - [`tui`] and [`plain`]: the two ways to show the views and to ask the operator.
//! - [`cli`]: the commands.

pub mod action;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod engine;
pub mod inventory;
pub mod plain;
pub mod report;
pub mod runbook;
pub mod runtime;
pub mod sandbox;
pub mod secret;
pub mod store;
pub mod transcript;
pub mod tui;
pub mod view;
