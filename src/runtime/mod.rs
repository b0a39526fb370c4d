//! The driver: the only place where decisions, answers and time meet the engine, and the only I/O besides `action` and `store`.

pub mod clock;
