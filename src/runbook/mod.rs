//! The runbook language: text to a typed, checked model.

pub mod check;
pub mod codes;
pub mod connector;
pub mod duration;
pub mod model;
pub mod op;
pub mod shipped;
pub mod template;
pub mod yaml;

pub use model::*;
