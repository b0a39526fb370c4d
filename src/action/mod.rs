//! What a step can do to the world, one file per system.
//!
//! A [`Performer`] gets [`crate::engine::call::Call`]s and gives [`crate::engine::effect::Outcome`]s. It knows no
//! runbook, no step and no gate: a call says all that is to be done, and everything that comes back is redacted here,
//! before anyone can judge, record or show it. It is the only part of keyward that sees a secret's value.
//!
//! - [`World`] says what may be reached, as whom, and for how long it is waited.
//! - [`Ended`](crate::engine::effect::Ended) is decided from what an answer *proves*: a refusal is only one if nothing
//!   can have been done; what may have been sent is in doubt.
//! - [`advice`] turns an error code into what it means for the operator here.

pub mod advice;
pub mod aws;
mod command;
mod digest;
mod generate;
mod holder;
mod http;
mod loopback;
pub mod mask;
mod performer;
mod program;
mod raw;
mod redact;
mod resolve;
#[cfg(test)]
mod tests;
mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use aws::{Aws, aws_line, plain_http};
pub use loopback::is_loopback;
pub use performer::Performer;
pub use program::Program;
pub use world::{DrillHost, Limits, System, TokenScheme, World};

/// A lock whose holder panicked is still good here: what it guards is replaced whole, never left half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
