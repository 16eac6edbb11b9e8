//! The command line of the bench; `bench --help` tells what there is.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
