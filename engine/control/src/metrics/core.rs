//! Metrics of the cores: how busy they are, and what they run short of.

use super::{CoreFigures, Kind, Lines, Metric, Scrape};

const CORE: &[&str] = &["core"];

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "outrigger_core_up",
        kind: Kind::Gauge,
        labels: CORE,
        help: "1 while the core's thread lives.",
        write: |scrape, lines| each(scrape, lines, |core| u64::from(core.alive)),
    },
    Metric {
        name: "outrigger_core_busy_seconds_total",
        kind: Kind::Counter,
        labels: CORE,
        help: "Time not spent waiting; its rate is the core's busy share.",
        write: |scrape, lines| {
            for core in scrape.cores {
                lines.seconds(&[&core.label], core.runtime.busy_us.read());
            }
        },
    },
    Metric {
        name: "outrigger_core_turns_total",
        kind: Kind::Counter,
        labels: CORE,
        help: "Rounds of the event loop.",
        write: |scrape, lines| each(scrape, lines, |core| core.runtime.turns.read()),
    },
    Metric {
        name: "outrigger_core_loop_lag_max_seconds",
        kind: Kind::Gauge,
        labels: CORE,
        help: "The longest round of the last 10 to 20 seconds: what an event may have waited.",
        write: |scrape, lines| {
            for core in scrape.cores {
                lines.seconds(&[&core.label], core.runtime.loop_lag_us_max.read());
            }
        },
    },
    Metric {
        name: "outrigger_task_panics_total",
        kind: Kind::Counter,
        labels: CORE,
        help: "Tasks (a connection each) ended by a panic. Every one is a bug: please report it.",
        write: |scrape, lines| each(scrape, lines, |core| core.runtime.task_panics.read()),
    },
    Metric {
        name: "outrigger_core_buffers_held",
        kind: Kind::Gauge,
        labels: CORE,
        help: "Receive buffers that hold bytes not yet passed on.",
        write: |scrape, lines| each(scrape, lines, |core| core.runtime.buffers_held.read()),
    },
    Metric {
        name: "outrigger_core_buffers",
        kind: Kind::Gauge,
        labels: CORE,
        help: "Receive buffers in memory, free ones included.",
        write: |scrape, lines| each(scrape, lines, |core| core.runtime.buffers_total.read()),
    },
    Metric {
        name: "outrigger_core_buffer_bytes",
        kind: Kind::Gauge,
        labels: CORE,
        help: "Memory of the receive buffers, free ones included.",
        write: |scrape, lines| each(scrape, lines, |core| core.runtime.buffer_bytes.read()),
    },
    Metric {
        name: "outrigger_core_buffers_exhausted_total",
        kind: Kind::Counter,
        labels: CORE,
        help: "Times that no receive buffer was left (ENOBUFS).",
        write: |scrape, lines| each(scrape, lines, |core| core.runtime.enobufs.read()),
    },
    Metric {
        name: "outrigger_core_ring_overflows_total",
        kind: Kind::Counter,
        labels: CORE,
        help: "Completions that overflowed the ring; always 0 on epoll.",
        write: |scrape, lines| each(scrape, lines, |core| core.runtime.ring_overflow.read()),
    },
    Metric {
        name: "outrigger_core_collections_missed_total",
        kind: Kind::Counter,
        labels: CORE,
        help: "Scrapes that the core did not answer in 250 ms; its counts come with a later one.",
        write: |scrape, lines| each(scrape, lines, |core| core.collections_missed),
    },
];

fn each(scrape: &Scrape<'_>, lines: &mut Lines<'_>, figure: fn(&CoreFigures) -> u64) {
    for core in scrape.cores {
        lines.value(&[&core.label], figure(core));
    }
}
