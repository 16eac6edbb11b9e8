//! `bench instructions`: how many instructions each subject, and the whole exchange of a request,
//! takes, against a committed baseline.
//!
//! Seconds are noise on a shared machine; instructions under valgrind are the same for the same
//! binary and input. A change of more than the tolerance fails, up or down: an improvement is to be
//! written down too (`--update`), or the next loss would hide behind it.

mod baseline;
mod callgrind;
mod exchange;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::{env, hint};

use crate::interrupt::Interrupt;
use crate::peers::find::{Given, Missing};
use crate::subjects::{self, Subject};
use baseline::Baseline;

/// Repetitions of the shorter run, which warms caches and grows buffers.
const WARM: u64 = 200;
/// How many more the longer run does.
const COUNTED: u64 = 1000;

/// Subjects with random keys or draws, whose counts differ by 3 % from run to run, and the percent
/// that they may differ by.
const RANDOM: [&str; 2] = ["routing/find-host-of-1000", "balancing/random"];
const RANDOM_TOLERANCE: f64 = 5.0;

/// What to count.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Count the subjects whose names begin so.
    #[arg(long, default_value = "", value_name = "PREFIX")]
    only: String,
    /// Write the counts to the baseline instead of comparing them.
    #[arg(long)]
    update: bool,
    /// Percent by which a count may differ from the baseline.
    #[arg(long, default_value_t = 2.0)]
    tolerance: f64,
    /// The baseline.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt"))]
    baseline: PathBuf,
    /// Where Outrigger is.
    #[command(flatten)]
    given: Given,
}

/// Why there are no counts, or bad ones.
#[derive(Debug, thiserror::Error)]
pub enum InstructionsError {
    /// Valgrind.
    #[error("valgrind is missing: apt-get install valgrind")]
    NoValgrind,
    /// A run under valgrind failed.
    #[error("counting {0} failed: {1}")]
    Run(String, String),
    /// The baseline.
    #[error("{0}: {1}")]
    Baseline(PathBuf, io::Error),
    /// Outrigger is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The gate.
    #[error(
        "{0} counts differ from the baseline; if that is meant, `bench instructions --update` and \
         commit it with the change"
    )]
    Changed(usize),
}

/// Counts, prints, compares.
pub fn run(options: &Options, stop: &Interrupt) -> Result<(), InstructionsError> {
    let unreadable = |error| InstructionsError::Baseline(options.baseline.clone(), error);
    let mut baseline = match fs::read_to_string(&options.baseline) {
        Ok(text) => Baseline::parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Baseline::default(),
        Err(error) => return Err(unreadable(error)),
    };
    let mut changed = 0;
    let mut judge = |name: &str, count: u64| {
        let is_random = RANDOM.iter().any(|random| name.starts_with(random));
        let tolerance = if is_random { RANDOM_TOLERANCE } else { options.tolerance };
        let change = baseline.compare(name, count, tolerance);
        println!("{name:<32}{count:>12}  {change}");
        changed += usize::from(change.is_beyond());
        baseline.set(name, count);
    };
    for subject in subjects::all().filter(|subject| subject.name.starts_with(&options.only)) {
        judge(subject.name, count(subject)?);
        if stop.is_set() {
            return Err(InstructionsError::Interrupted);
        }
    }
    if exchange::NAME.starts_with(&options.only) {
        judge(exchange::NAME, exchange::count(&options.given, stop)?);
    }
    if options.update {
        return fs::write(&options.baseline, baseline.to_string()).map_err(unreadable);
    }
    if changed > 0 { Err(InstructionsError::Changed(changed)) } else { Ok(()) }
}

/// Does a subject's work (the subcommand `exercise`, which runs under valgrind). False: no such
/// one.
pub fn exercise(name: &str, repetitions: u64) -> bool {
    let Some(subject) = Subject::find(name) else { return false };
    let mut work = (subject.prepare)();
    for _ in 0..hint::black_box(repetitions) {
        work();
    }
    true
}

/// Instructions of one repetition: two runs differ in nothing but the repetitions.
fn count(subject: Subject) -> Result<u64, InstructionsError> {
    let own = env::current_exe().map_err(|error| failed(subject.name, &error))?;
    let total = |repetitions: u64| {
        callgrind::count(&own, &["exercise", subject.name, &repetitions.to_string()])
            .map_err(|error| failed(subject.name, &error))
    };
    Ok(total(WARM + COUNTED)?.saturating_sub(total(WARM)?) / COUNTED)
}

fn failed(what: &str, error: &io::Error) -> InstructionsError {
    match error.kind() {
        io::ErrorKind::NotFound => InstructionsError::NoValgrind,
        _ => InstructionsError::Run(what.to_owned(), error.to_string()),
    }
}
