//! The runbook language: text to a typed, checked model.

pub mod check;
pub mod codes;
pub mod connector;
pub mod duration;
pub mod model;
pub mod op;
pub mod schema;
pub mod shipped;
mod sites;
pub mod template;
pub mod yaml;

pub use model::*;
