//! The command line. One variant per command; what a command does stands in `commands`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{commands, demo};

/// A service-mesh sidecar: carries all traffic of the application beside it.
#[derive(Debug, Parser)]
#[command(name = "outrigger", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Carry traffic as FILE says, until SIGTERM.
    Run {
        /// The configuration, TOML. It is watched, and reloaded when it changes.
        file: PathBuf,
    },
    /// Say what is wrong with FILE, all of it at once. Exits with 1 if anything is.
    Check {
        /// The configuration, TOML.
        file: PathBuf,
        /// Print the problems as JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Say what on this machine stands in the way of what, and the remedy. Exits with 1 if it
    /// cannot work here.
    Doctor {
        /// The configuration by which the machine is judged: its limits, its addresses.
        file: Option<PathBuf>,
        /// Print the findings as JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Show the program at work: two origins, a 90/10 split, and a little traffic. Needs nothing.
    Demo {
        /// End after so many seconds; without it, at Ctrl-C.
        #[arg(long, value_name = "SECONDS")]
        for_seconds: Option<u64>,
    },
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
}

/// Parses the command line and runs the command.
pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Run { file } => commands::run(&file),
        Command::Check { file, json } => commands::check(&file, json),
        Command::Doctor { file, json } => commands::doctor(file.as_deref(), json),
        Command::Demo { for_seconds } => demo::run(for_seconds),
        Command::Schema => commands::schema(),
    }
}
