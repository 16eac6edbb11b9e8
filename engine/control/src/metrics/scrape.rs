//! All that one scrape shows, in one place: what the table's rows read.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Instant, SystemTime};

use config::Snapshot;
use config::snapshot::Process;
use rt::CoreGauges;
use signals::{Gauges, Totals};

use super::ProcessFigures;
use crate::access_log;
use crate::shared::Reloads;

/// The facts behind one page of figures.
pub(crate) struct Scrape<'a> {
    pub(crate) totals: &'a Totals,
    pub(crate) cores: &'a [CoreFigures],
    pub(crate) about: &'a About,
    pub(crate) config: &'a ConfigFigures,
    pub(crate) access_log: &'a access_log::Figures,
    pub(crate) snapshot: &'a Snapshot,
    /// How many are in memory.
    pub(crate) snapshots: usize,
    pub(crate) process: &'a ProcessFigures,
}

/// One core's levels, readable at any time.
#[derive(Debug, Clone)]
pub(crate) struct CoreFigures {
    /// Its number as a label.
    pub(crate) label: Arc<str>,
    pub(crate) alive: bool,
    pub(crate) levels: Arc<Gauges>,
    pub(crate) runtime: Arc<CoreGauges>,
    /// Collections that it did not answer in time.
    pub(crate) collections_missed: u64,
}

/// What does not change while the process lives.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) version: &'static str,
    pub(crate) engine: &'static str,
    /// Why io_uring was passed over.
    pub(crate) engine_fallback: Option<String>,
    pub(crate) started: SystemTime,
    /// Likewise, by a clock that nobody sets.
    pub(crate) began: Instant,
    /// `[process]` as the process started with it, part of which cannot change.
    pub(crate) process: Process,
    /// Lines of the program's own log that nobody took.
    pub(crate) log_dropped: Arc<AtomicU64>,
}

/// What the configuration in force is, and how its reloads went.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFigures {
    pub(crate) hash: Arc<str>,
    pub(crate) generation: u32,
    pub(crate) applied: SystemTime,
    pub(crate) reloads: Reloads,
    /// The last file that was read is not in force.
    pub(crate) rejected: bool,
    /// A setting in the file waits for a restart.
    pub(crate) needs_restart: bool,
}

/// Microseconds since 1970; 0 for a clock that stands before it.
pub(crate) fn unix_us(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
