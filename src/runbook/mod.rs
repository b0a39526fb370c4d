//! The runbook language: text to a typed, checked model.

pub mod connector;
pub mod model;
pub mod op;
pub mod template;

pub use model::*;
