//! The `outrigger` program: its commands, and what each of them does first.

mod access_log;
mod cli;
mod commands;
mod core;
mod date;
mod decide;
mod demo;
mod downstream;
mod exchange;
mod facts;
mod head;
mod ledger;
mod local;
mod log;
mod output;
mod relay;
#[cfg(test)]
mod steady_state;
mod upstream;
mod view;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
