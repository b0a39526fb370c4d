//! The engine over a small world: whole runs, faults, people, and long random histories.

mod faults;
mod harness;
mod histories;
mod people;
mod review;
mod sop;
mod world;
