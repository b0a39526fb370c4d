//! The state machine of a run. Sans-I/O: no clock, no file, no network, no async; `now` is a parameter.
//!
//! - [`entry`]: what a transcript's lines say; [`state`]: the fold over them.
//! - [`decision`], [`effect`], [`call`]: what the engine is told, and what it asks for.
//! - [`machine`]: inputs to entries; [`admit`]: which entries are allowed at all, asked by the live engine and by `verify`.
//! - [`book`], [`scope`], [`render`], [`url`]: from the runbook to exact calls.
//! - [`own`], [`expect`], [`gate`], [`doubt`], [`rollback`]: what proves, holds, settles and undoes.

pub mod admit;
pub mod book;
pub mod call;
pub mod decision;
pub mod doubt;
pub mod effect;
pub mod entry;
pub mod expect;
pub mod focus;
pub mod gate;
pub mod machine;
pub mod own;
pub mod plan;
pub mod render;
pub mod rollback;
pub mod scope;
pub mod state;
pub mod url;

#[cfg(test)]
mod tests;
