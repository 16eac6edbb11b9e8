//! Metrics of the process: what it is, what it was told, what it takes.

use std::sync::atomic::Ordering;

use super::scrape::unix_us;
use super::{Kind, Metric};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "outrigger_build_info",
        kind: Kind::Gauge,
        labels: &["version"],
        help: "1; the label says what runs.",
        write: |scrape, lines| lines.value(&[scrape.about.version], 1),
    },
    Metric {
        name: "outrigger_io_engine_info",
        kind: Kind::Gauge,
        labels: &["engine", "fallback"],
        help: "1; and whether io_uring was wanted and not to be had (/server_info says why).",
        write: |scrape, lines| {
            let fallback = if scrape.about.engine_fallback.is_some() { "true" } else { "false" };
            lines.value(&[scrape.about.engine, fallback], 1);
        },
    },
    Metric {
        name: "outrigger_config_info",
        kind: Kind::Gauge,
        labels: &["hash"],
        help: "1; the hash (xxh64) of the file in force.",
        write: |scrape, lines| lines.value(&[&scrape.config.hash], 1),
    },
    Metric {
        name: "outrigger_config_generation",
        kind: Kind::Gauge,
        labels: &[],
        help: "Number of the configuration in force: 1 at the start, one more with each change.",
        write: |scrape, lines| lines.value(&[], u64::from(scrape.config.generation)),
    },
    Metric {
        name: "outrigger_config_snapshots",
        kind: Kind::Gauge,
        labels: &[],
        help: "Configurations in memory: the one in force, and those that some request began with.",
        write: |scrape, lines| lines.value(&[], scrape.snapshots as u64),
    },
    Metric {
        name: "outrigger_config_reload_total",
        kind: Kind::Counter,
        labels: &["result"],
        help: "Times the file was read again; `rejected`: it changed nothing.",
        write: |scrape, lines| {
            lines.value(&["applied"], scrape.config.reloads.applied);
            lines.value(&["rejected"], scrape.config.reloads.rejected);
            lines.value(&["unchanged"], scrape.config.reloads.unchanged);
        },
    },
    Metric {
        name: "outrigger_config_last_success_timestamp_seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "When the configuration in force took effect, in Unix time.",
        write: |scrape, lines| lines.seconds(&[], unix_us(scrape.config.applied)),
    },
    Metric {
        name: "outrigger_config_rejected",
        kind: Kind::Gauge,
        labels: &[],
        help: "1 while the file as last read is not in force (/config_status says why).",
        write: |scrape, lines| lines.value(&[], u64::from(scrape.config.rejected)),
    },
    Metric {
        name: "outrigger_config_needs_restart",
        kind: Kind::Gauge,
        labels: &[],
        help: "1 while a setting in the file waits for a restart (/config_status says which).",
        write: |scrape, lines| lines.value(&[], u64::from(scrape.config.needs_restart)),
    },
    Metric {
        name: "outrigger_log_dropped_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Lines of the program's own log that were dropped, as stderr did not take them.",
        write: |scrape, lines| {
            lines.value(&[], scrape.about.log_dropped.load(Ordering::Relaxed));
        },
    },
    Metric {
        name: "process_start_time_seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "When the process started, in Unix time.",
        write: |scrape, lines| lines.seconds(&[], unix_us(scrape.about.started)),
    },
    Metric {
        name: "process_cpu_seconds_total",
        kind: Kind::Counter,
        labels: &[],
        help: "CPU time, user and system.",
        write: |scrape, lines| lines.seconds(&[], scrape.process.cpu_us),
    },
    Metric {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "Resident memory.",
        write: |scrape, lines| lines.value(&[], scrape.process.resident_bytes),
    },
    Metric {
        name: "process_virtual_memory_bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "Virtual memory.",
        write: |scrape, lines| lines.value(&[], scrape.process.virtual_bytes),
    },
    Metric {
        name: "process_threads",
        kind: Kind::Gauge,
        labels: &[],
        help: "Threads.",
        write: |scrape, lines| lines.value(&[], scrape.process.threads),
    },
    Metric {
        name: "process_open_fds",
        kind: Kind::Gauge,
        labels: &[],
        help: "Open descriptors.",
        write: |scrape, lines| lines.value(&[], scrape.process.open_fds),
    },
    Metric {
        name: "process_max_fds",
        kind: Kind::Gauge,
        labels: &[],
        help: "Limit of open descriptors.",
        write: |scrape, lines| lines.value(&[], scrape.process.max_fds),
    },
];
