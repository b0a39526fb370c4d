//! Parts that several screens are made of. Each lays out lines of an exact width; none knows the keys.

pub mod chrome;
pub mod field;
pub mod frame;
pub mod rows;
