//! Arguments to exit code, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    // In a drill's folder keyward stands in for other programs, under their names.
    let mut args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    let name = args.next().unwrap_or_default();
    if let Some(code) = keyward::sandbox::stand_in(&name, &args.collect::<Vec<_>>()) {
        return code;
    }
    keyward::cli::main()
}
