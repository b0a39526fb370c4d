//! The terminal interface.
//!
//! [`app::App`] is the interface without its terminal: a stack of pages, news in, intents out, frames into a buffer. It
//! does no input or output, so every test drives it as a person would. [`run`] connects it to a terminal, which
//! [`guard`] gives back in every case. [`keymap`] is the one table of commands. This module knows [`crate::view`] and
//! nothing else of the program: never the engine's state, never a secret.

pub mod app;
mod commands;
mod fields;
pub mod guard;
pub mod keymap;
mod listing;
mod movement;
mod news;
pub mod page;
mod plans;
pub mod run;
pub mod screens;
pub mod strip;
pub mod svg;
pub mod theme;
pub mod widgets;

#[cfg(test)]
mod tests;
