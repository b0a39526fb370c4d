//! The engine over a small world: whole runs, faults, and long random histories.

mod faults;
mod harness;
mod histories;
mod world;
