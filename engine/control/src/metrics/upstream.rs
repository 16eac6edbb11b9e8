//! Metrics of upstreams: connections, pools, failures, limits.

use std::collections::HashMap;

use signals::{DistributionKey, Level, Measure, UpstreamEvent};

use super::traffic::of;
use super::{Kind, Lines, Metric, Scrape};

const LIMIT: &[&str] = &["upstream", "limit"];

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "outrigger_upstream_duration_seconds",
        kind: Kind::Histogram,
        labels: &["upstream"],
        help: "Request queued upstream to response head complete.",
        write: |scrape, lines| {
            for (DistributionKey { name, .. }, times) in of(scrape, Measure::Upstream) {
                lines.histogram(&[name], times);
            }
        },
    },
    Metric {
        name: "outrigger_upstream_connections_total",
        kind: Kind::Counter,
        labels: &["upstream"],
        help: "Connections established.",
        write: |scrape, lines| counted(scrape, lines, UpstreamEvent::Opened),
    },
    Metric {
        name: "outrigger_upstream_connections_active",
        kind: Kind::Gauge,
        labels: &["core"],
        help: "Upstream connections open, idle ones included.",
        write: |scrape, lines| {
            for core in scrape.cores {
                lines.value(&[&core.label], core.levels.upstream_connections.value());
            }
        },
    },
    Metric {
        name: "outrigger_upstream_connections_idle",
        kind: Kind::Gauge,
        labels: &["core"],
        help: "Upstream connections that wait in a pool for a request.",
        write: |scrape, lines| {
            for core in scrape.cores {
                lines.value(&[&core.label], core.levels.idle_connections.value());
            }
        },
    },
    Metric {
        name: "outrigger_requests_pending",
        kind: Kind::Gauge,
        labels: &["core"],
        help: "Requests that wait for an upstream connection.",
        write: |scrape, lines| {
            for core in scrape.cores {
                lines.value(&[&core.label], core.levels.pending_requests.value());
            }
        },
    },
    Metric {
        name: "outrigger_pending_waits_total",
        kind: Kind::Counter,
        labels: &["upstream"],
        help: "Requests that waited, as limits.connections were all in use.",
        write: |scrape, lines| counted(scrape, lines, UpstreamEvent::Waited),
    },
    Metric {
        name: "outrigger_pending_wait_seconds_total",
        kind: Kind::Counter,
        labels: &["upstream"],
        help: "Time that they waited, in vain or not.",
        write: |scrape, lines| {
            for (upstream, event, us) in scrape.totals.upstream_events() {
                if event == UpstreamEvent::WaitedUs {
                    lines.seconds(&[upstream], us);
                }
            }
        },
    },
    Metric {
        name: "outrigger_pool_connections_idle",
        kind: Kind::Gauge,
        labels: &["upstream"],
        help: "Connections that wait in a pool for a request; their sum is that of the cores.",
        write: |scrape, lines| {
            for (upstream, levels) in scrape.totals.levels() {
                lines.value(&[upstream], levels.idle());
            }
        },
    },
    Metric {
        name: "outrigger_pool_hits_total",
        kind: Kind::Counter,
        labels: &["upstream"],
        help: "Requests that found an idle connection.",
        write: |scrape, lines| counted(scrape, lines, UpstreamEvent::PoolHit),
    },
    Metric {
        name: "outrigger_pool_misses_total",
        kind: Kind::Counter,
        labels: &["upstream"],
        help: "Requests that found none and opened, or waited for, a new one.",
        write: |scrape, lines| counted(scrape, lines, UpstreamEvent::PoolMiss),
    },
    Metric {
        name: "outrigger_upstream_failures_total",
        kind: Kind::Counter,
        labels: &["upstream", "cause"],
        help: "Attempts that failed, retried or not.",
        write: |scrape, lines| {
            for (upstream, event, times) in scrape.totals.upstream_events() {
                if let UpstreamEvent::Failed(cause) = event {
                    lines.value(&[upstream, cause], times);
                }
            }
        },
    },
    Metric {
        name: "outrigger_upstream_in_use",
        kind: Kind::Gauge,
        labels: LIMIT,
        help: "Connections, pending requests, and requests with a connection: what limits count.",
        write: |scrape, lines| each_limit(scrape, lines, |level| level.in_use),
    },
    Metric {
        name: "outrigger_upstream_limit",
        kind: Kind::Gauge,
        labels: LIMIT,
        help: "The limits themselves, of upstreams that were called.",
        write: |scrape, lines| {
            let limits = scrape.snapshot.upstreams.iter().flatten();
            let limits: HashMap<_, _> = limits.map(|one| (&*one.name, one.limits)).collect();
            for (upstream, _) in scrape.totals.levels() {
                let Some(limits) = limits.get(upstream) else { continue };
                lines.value(&[upstream, "connections"], limits.connections.into());
                lines.value(&[upstream, "pending"], limits.pending.into());
                lines.value(&[upstream, "requests"], limits.requests.into());
            }
        },
    },
    Metric {
        name: "outrigger_upstream_limit_reached",
        kind: Kind::Gauge,
        labels: LIMIT,
        help: "Cores whose share of the limit is used up: there the circuit breaker is open.",
        write: |scrape, lines| each_limit(scrape, lines, |level| level.reached),
    },
    Metric {
        name: "outrigger_upstream_overflow_total",
        kind: Kind::Counter,
        labels: LIMIT,
        help: "Requests turned away at a limit: connections, pending, requests, pending_timeout.",
        write: |scrape, lines| {
            for (upstream, event, times) in scrape.totals.upstream_events() {
                if let UpstreamEvent::Overflow(limit) = event {
                    lines.value(&[upstream, limit.as_str()], times);
                }
            }
        },
    },
    Metric {
        name: "outrigger_upstream_free_retries_total",
        kind: Kind::Counter,
        labels: &["upstream"],
        help: "Requests sent again because a reused connection broke before any response byte.",
        write: |scrape, lines| counted(scrape, lines, UpstreamEvent::FreeRetry),
    },
];

fn each_limit(scrape: &Scrape<'_>, lines: &mut Lines<'_>, figure: fn(Level) -> u64) {
    for (upstream, levels) in scrape.totals.levels() {
        lines.value(&[upstream, "connections"], figure(levels.connections));
        lines.value(&[upstream, "pending"], figure(levels.pending));
        lines.value(&[upstream, "requests"], figure(levels.requests));
    }
}

fn counted(scrape: &Scrape<'_>, lines: &mut Lines<'_>, wanted: UpstreamEvent) {
    for (upstream, event, times) in scrape.totals.upstream_events() {
        if event == wanted {
            lines.value(&[upstream], times);
        }
    }
}
