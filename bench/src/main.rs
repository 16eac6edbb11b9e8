//! The command line of the bench; `bench --help` tells what there is.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use bench::interrupt::{EXIT_STATUS, Interrupt};
use bench::peers::launch::{self, CpuList};
use bench::{budgets, cockpit, instructions, quick, soak, tools, versus};
use clap::{Parser, Subcommand};

/// Measures Outrigger beside its peers. Start it with `cargo run --release -p bench --`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// CPU per request against the floor relay, both engines, in under a minute.
    Quick(quick::Options),
    /// The whole table: Outrigger beside Envoy, HAProxy, nginx and the floor relay.
    Versus(versus::Options),
    /// What an operator waits for: starts, reloads, scrapes, logging, against what is promised.
    Cockpit(cockpit::Options),
    /// Memory, wake-ups and system calls against their limits; fails if one is broken.
    Budgets(budgets::Options),
    /// Instructions of codec, routing, balancing and histograms against the committed baseline.
    Instructions(instructions::Options),
    /// A minute of clients good and bad, with reloads, dying origins and scarce descriptors.
    Soak(soak::Options),
    /// The load generator by itself.
    Load(tools::LoadOptions),
    /// The fixed-answer origin by itself.
    Origin(tools::OriginOptions),
    /// The floor relay by itself.
    Floor(tools::FloorOptions),
    /// Repeats one subject; `instructions` runs it under valgrind.
    #[command(hide = true)]
    Exercise { subject: String, repetitions: u64 },
    /// Binds itself to CPUs and becomes a program; whatever starts programs does it by this.
    #[command(hide = true)]
    Launch {
        cpus: CpuList,
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    if let Command::Launch { cpus, program, arguments } = command {
        let error = launch::become_program(&cpus, &program, &arguments);
        eprintln!("cannot become {}: {error}", program.display());
        return ExitCode::FAILURE;
    }
    if let Command::Exercise { subject, repetitions } = &command {
        let is_known = instructions::exercise(subject, *repetitions);
        return if is_known { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let stop = match Interrupt::install() {
        Ok(stop) => stop,
        Err(error) => return fail(&format!("cannot watch for signals: {error}")),
    };
    let asked = stop.clone();
    let result = match command {
        Command::Quick(options) => report(quick::run(options, stop)),
        Command::Versus(options) => report(versus::run(&options, stop)),
        Command::Cockpit(options) => report(cockpit::run(&options, stop)),
        Command::Budgets(options) => report(budgets::run(&options, stop)),
        Command::Instructions(options) => report(instructions::run(&options, &stop)),
        Command::Soak(options) => report(soak::run(&options, &stop)),
        Command::Load(options) => report(tools::run_load(&options, stop)),
        Command::Origin(options) => report(tools::run_origin(&options, stop)),
        Command::Floor(options) => report(tools::run_floor(&options, &stop)),
        Command::Exercise { .. } | Command::Launch { .. } => ExitCode::SUCCESS,
    };
    if asked.is_set() { ExitCode::from(EXIT_STATUS) } else { result }
}

fn report<E: Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &impl Display) -> ExitCode {
    eprintln!("bench: {error}");
    ExitCode::FAILURE
}
