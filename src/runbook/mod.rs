//! The runbook language: text to a typed, checked model.

pub mod connector;
pub mod duration;
pub mod model;
pub mod op;
pub mod template;

pub use model::*;
