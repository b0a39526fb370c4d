//! The driver: the only place where decisions, answers and time meet the engine, and the only I/O besides `action`,
//! `transcript` and `store`.
//!
//! - [`clock`]: the machine's, or a drill's.
//! - [`session`]: whom and what a run works with: signer, store, environment, world.
//! - [`open`], [`resume`]: a run from a runbook, or from its folder.
//! - [`driver`]: one `select!` that feeds a synchronous engine.
//! - [`watch`]: looking at a run that waits, from another process.
//! - [`snapshot`]: what the interfaces see of a run; [`unattended`]: who answers where nobody is asked.

pub mod clock;
pub mod driver;
pub mod error;
pub mod history;
pub mod open;
pub mod programs;
pub mod replay;
pub mod resume;
pub mod session;
pub mod snapshot;
pub mod unattended;
pub mod watch;
