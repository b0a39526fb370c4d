//! The driver: the only place where decisions, answers and time meet the engine, and the only I/O besides `action`,
//! `transcript` and `store`.
//!
//! - [`clock`]: the machine's, or a drill's.
//! - [`session`]: whom and what a run works with: signer, store, environment, world.
//! - [`passphrase`]: what a person types before there is a screen.
//! - [`open`], [`resume`]: a run from a runbook, or from its folder.
//! - [`kept`]: a drill's world beside its transcript, sealed.
//! - [`hardening`]: what a process that holds secrets does first.
//! - [`driver`]: one `select!` that feeds a synchronous engine; [`handle`]: the interface's end of it.
//! - [`watch`]: looking at a run that waits, from another process.
//! - [`snapshot`]: what the interfaces see of a run; [`unattended`]: who answers where nobody is asked, and
//!   [`reason`]: what they write down when something did not come right.

pub mod clock;
mod deliver;
pub mod driver;
pub mod error;
pub mod handle;
pub mod hardening;
pub mod history;
pub mod kept;
pub mod manual;
pub mod open;
pub mod passphrase;
pub mod programs;
pub mod reason;
pub mod replay;
pub mod resume;
pub mod session;
pub mod snapshot;
pub mod unattended;
pub mod watch;

#[cfg(test)]
mod tests;
