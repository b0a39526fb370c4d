//! The terminal interface.

pub mod app;
mod commands;
mod fields;
pub mod guard;
pub mod keymap;
pub mod page;
pub mod run;
pub mod screens;
pub mod strip;
pub mod svg;
pub mod theme;
pub mod widgets;

#[cfg(test)]
mod tests;
