//! The interface as a user meets it: frames, key scripts, small terminals.

mod frames;
mod harness;
mod keys;
mod pictures;
mod pty;
mod sizes;
