//! `outrigger doctor`: what on this machine stands in the way of what, and the remedy.
//!
//! `gather` asks the kernel and fills [`Facts`](facts::Facts); `judge`, which is pure, makes
//! findings of them. It changes nothing: an address is taken to see whether it can be had, and
//! given back. Called by `engine`'s command alone, never in a process that serves.

mod facts;
mod finding;
mod gather;
mod judge;
mod owner;

use std::path::Path;

use config::Snapshot;

pub use finding::{Finding, Report, Verdict};

/// The file by which the machine is judged.
#[derive(Debug)]
pub struct Subject<'s> {
    /// Where it is.
    pub path: &'s Path,
    /// What it says, or why it says nothing, in one line.
    pub loaded: Result<&'s Snapshot, String>,
    /// How many warnings `outrigger check` has about it.
    pub warnings: usize,
}

/// Looks at the machine; with a subject, also at whether it can do what the file wants of it.
pub fn examine(subject: Option<&Subject<'_>>) -> Report {
    Report { findings: judge::judge(&gather::gather(subject)) }
}
