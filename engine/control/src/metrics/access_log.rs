//! Metrics of the access log: what is written, what waits, what was dropped and why.

use super::{Kind, Lines, Metric, Scrape};
use crate::access_log::{Figures, Trouble};

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "outrigger_access_log_lines_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Lines of the access log that were written.",
        write: |scrape, lines| one(scrape, lines, |log| log.lines.value()),
    },
    Metric {
        name: "outrigger_access_log_bytes_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Bytes of the access log that were written.",
        write: |scrape, lines| one(scrape, lines, |log| log.bytes.value()),
    },
    Metric {
        name: "outrigger_access_log_dropped_total",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Lines dropped, as too many waited or another file is in force: it was `not_open`, \
               a pipe `not_read`, the disk full or broken (`write_error`), the writer `slow`.",
        write: |scrape, lines| {
            for trouble in Trouble::ALL {
                lines.value(&[trouble.as_str()], scrape.access_log.dropped(trouble));
            }
        },
    },
    Metric {
        name: "outrigger_access_log_errors_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Attempts to open or to write the access log that failed.",
        write: |scrape, lines| one(scrape, lines, |log| log.errors.value()),
    },
    Metric {
        name: "outrigger_access_log_opens_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Times that the access log was opened, again after a rotation included.",
        write: |scrape, lines| one(scrape, lines, |log| log.opens.value()),
    },
    Metric {
        name: "outrigger_access_log_open",
        kind: Kind::Gauge,
        labels: &[],
        help: "1 while the access log is open; 0 if there is none, or it cannot be opened.",
        write: |scrape, lines| one(scrape, lines, |log| log.is_open.value()),
    },
    Metric {
        name: "outrigger_access_log_queued_batches",
        kind: Kind::Gauge,
        labels: &["core"],
        help: "Batches of lines (32 KiB, or 200 ms) that wait for the writer; at 128 lines drop.",
        write: |scrape, lines| {
            for (core, lane) in scrape.cores.iter().zip(&scrape.access_log.lanes) {
                lines.value(&[&core.label], lane.queued() as u64);
            }
        },
    },
];

fn one(scrape: &Scrape<'_>, lines: &mut Lines<'_>, figure: fn(&Figures) -> u64) {
    lines.value(&[], figure(scrape.access_log));
}
