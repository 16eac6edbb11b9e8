//! Metrics of requests and downstream connections.

use signals::{DistributionKey, ListenerEvent, Measure, TrafficKey, UpstreamEvent};

use super::{Kind, Lines, Metric, Scrape};

const TRAFFIC_LABELS: &[&str] = &["listener", "direction", "route", "upstream"];

pub(super) const METRICS: &[Metric] = &[
    Metric {
        name: "outrigger_requests_total",
        kind: Kind::Counter,
        labels: &["listener", "direction", "route", "upstream", "code", "flag"],
        help: "Requests ended, by status sent (0: none was) and Envoy's response flag.",
        write: |scrape, lines| {
            for (key, totals) in scrape.totals.traffic() {
                let [listener, direction, route, upstream] = names(key);
                for ((status, flag), requests) in &totals.requests {
                    let code = status.to_string();
                    lines.value(&[listener, direction, route, upstream, &code, flag], *requests);
                }
            }
        },
    },
    Metric {
        name: "outrigger_request_bytes_total",
        kind: Kind::Counter,
        labels: TRAFFIC_LABELS,
        help: "Body bytes received from downstream.",
        write: |scrape, lines| {
            for (key, totals) in scrape.totals.traffic() {
                lines.value(&names(key), totals.bytes_in);
            }
        },
    },
    Metric {
        name: "outrigger_response_bytes_total",
        kind: Kind::Counter,
        labels: TRAFFIC_LABELS,
        help: "Body bytes sent downstream.",
        write: |scrape, lines| {
            for (key, totals) in scrape.totals.traffic() {
                lines.value(&names(key), totals.bytes_out);
            }
        },
    },
    Metric {
        name: "outrigger_retries_total",
        kind: Kind::Counter,
        labels: TRAFFIC_LABELS,
        help: "Attempts beyond a request's first.",
        write: |scrape, lines| {
            for (key, totals) in scrape.totals.traffic() {
                lines.value(&names(key), totals.retries);
            }
        },
    },
    Metric {
        name: "outrigger_request_duration_seconds",
        kind: Kind::Histogram,
        labels: &["listener", "direction"],
        help: "First byte of a request's head received to last byte of its response queued.",
        write: |scrape, lines| listener_times(scrape, lines, Measure::Request),
    },
    Metric {
        name: "outrigger_proxy_own_duration_seconds",
        kind: Kind::Histogram,
        labels: &["listener", "direction"],
        help: "The part of a request's duration that the proxy itself added.",
        write: |scrape, lines| listener_times(scrape, lines, Measure::Own),
    },
    Metric {
        name: "outrigger_route_duration_seconds",
        kind: Kind::Histogram,
        labels: &["route"],
        help: "As outrigger_request_duration_seconds, by route.",
        write: |scrape, lines| {
            for (DistributionKey { name, .. }, times) in of(scrape, Measure::Route) {
                lines.histogram(&[name], times);
            }
        },
    },
    Metric {
        name: "outrigger_requests_active",
        kind: Kind::Gauge,
        labels: &["core"],
        help: "Requests begun and not ended.",
        write: |scrape, lines| {
            for core in scrape.cores {
                lines.value(&[&core.label], core.levels.active_requests.value());
            }
        },
    },
    Metric {
        name: "outrigger_downstream_connections_total",
        kind: Kind::Counter,
        labels: &["listener"],
        help: "Connections accepted.",
        write: |scrape, lines| {
            for (listener, event, times) in scrape.totals.listener_events() {
                if event == ListenerEvent::Opened {
                    lines.value(&[listener], times);
                }
            }
        },
    },
    Metric {
        name: "outrigger_downstream_connections_active",
        kind: Kind::Gauge,
        labels: &["core"],
        help: "Connections accepted and not closed: each core's share.",
        write: |scrape, lines| {
            for core in scrape.cores {
                lines.value(&[&core.label], core.levels.downstream_connections.value());
            }
        },
    },
    Metric {
        name: "outrigger_connections_refused_total",
        kind: Kind::Counter,
        labels: &["listener", "reason"],
        help: "Connections turned away: `listener` or `process` (max_connections), `descriptors`, \
               `memory`, or `error`.",
        write: |scrape, lines| {
            for (listener, event, times) in scrape.totals.listener_events() {
                if let ListenerEvent::Refused(reason) = event {
                    lines.value(&[listener, reason.as_str()], times);
                }
            }
        },
    },
    Metric {
        name: "outrigger_protocol_faults_total",
        kind: Kind::Counter,
        labels: &["side", "name", "fault"],
        help: "Broken rules, by a peer of listener `name` or by upstream `name`.",
        write: |scrape, lines| {
            for (listener, event, times) in scrape.totals.listener_events() {
                if let ListenerEvent::Fault(fault) = event {
                    lines.value(&["downstream", listener, fault], times);
                }
            }
            for (upstream, event, times) in scrape.totals.upstream_events() {
                if let UpstreamEvent::Fault(fault) = event {
                    lines.value(&["upstream", upstream, fault], times);
                }
            }
        },
    },
    Metric {
        name: "outrigger_series_dropped_total",
        kind: Kind::Counter,
        labels: &["kind"],
        help: "What found no room; a `request` is then counted as route `(other)`.",
        write: |scrape, lines| {
            let dropped = scrape.totals.dropped();
            lines.value(&["request"], dropped.requests);
            lines.value(&["histogram"], dropped.histograms);
            lines.value(&["event"], dropped.events);
            lines.value(&["level"], dropped.levels);
        },
    },
    Metric {
        name: "outrigger_series_expired_total",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Lines forgotten after metrics.idle_expiry: `gone` from the file, or `idle` as room \
               was short.",
        write: |scrape, lines| {
            let expired = scrape.totals.expired();
            lines.value(&["gone"], expired.gone);
            lines.value(&["idle"], expired.idle);
        },
    },
    Metric {
        name: "outrigger_series",
        kind: Kind::Gauge,
        labels: &[],
        help: "Lines that count against metrics.max_series.",
        write: |scrape, lines| lines.value(&[], scrape.totals.lines() as u64),
    },
];

fn names(key: &TrafficKey) -> [&str; 4] {
    [&key.listener, key.direction, &key.route, &key.upstream]
}

fn listener_times(scrape: &Scrape<'_>, lines: &mut Lines<'_>, measure: Measure) {
    for (DistributionKey { name, direction, .. }, times) in of(scrape, measure) {
        lines.histogram(&[name, direction], times);
    }
}

pub(super) fn of<'s>(
    scrape: &'s Scrape<'_>,
    measure: Measure,
) -> impl Iterator<Item = (&'s DistributionKey, &'s signals::Distribution)> {
    scrape.totals.distributions().filter(move |(key, _)| key.measure == measure)
}
