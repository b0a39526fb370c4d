//! What is promised in numbers, measured: `cargo bench`, or `cargo bench rehearsal`, `cargo bench terminal`. Each line
//! has what was measured, what was promised, and whether it was kept. Ratios are of medians, on the same machine and server.

mod rehearsal;
mod terminal;

/// What the tests know of machines, Python programs and moto.
#[allow(dead_code, unused_imports)]
#[path = "../tests/suite"]
mod suite {
    pub(crate) mod forger;
    pub(crate) mod machine;
    pub(crate) mod python;
    pub(crate) mod rehearsal;
    pub(crate) mod transcript;
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Only `cargo bench` says so: a test run of all targets must not measure.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let only = args.iter().find(|arg| !arg.starts_with("--"));
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    if wanted("rehearsal") {
        rehearsal::measure();
    }
    if wanted("terminal") {
        terminal::measure();
    }
}

/// One line of the report.
pub(crate) fn report(what: &str, measured: String, promised: &str, kept: bool) {
    println!("{what:<58} {measured:>12}   {promised:<16} {}", if kept { "kept" } else { "MISSED" });
}

/// The middle value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
