//! What README's numbers come from.

fn main() {}
