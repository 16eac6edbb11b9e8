//! `/clusters`: every upstream with its endpoints and counts, in the `name::key::value` lines of
//! Envoy's page of that name.

use std::collections::HashMap;
use std::fmt::Write;

use config::snapshot::Upstream;
use signals::{Levels, UpstreamEvent};

use crate::metrics::Scrape;

const NO_FAIL: &str = "a String takes all";

pub(super) fn render(scrape: &Scrape<'_>) -> String {
    let mut counts: HashMap<&str, Vec<(UpstreamEvent, u64)>> = HashMap::new();
    for (upstream, event, times) in scrape.totals.upstream_events() {
        counts.entry(upstream).or_default().push((event, times));
    }
    let levels: HashMap<&str, Levels> = scrape.totals.levels().collect();
    let mut page = String::new();
    for upstream in scrape.snapshot.upstreams.iter().flatten() {
        settings(upstream, &mut page);
        if let Some(levels) = levels.get(&*upstream.name) {
            in_use(&upstream.name, levels, &mut page);
        }
        for (event, times) in counts.get(&*upstream.name).into_iter().flatten() {
            writeln!(page, "{}::{}::{times}", upstream.name, key(*event)).expect(NO_FAIL);
        }
        for endpoint in &upstream.endpoints {
            let (name, address) = (&upstream.name, endpoint.address.to_string());
            writeln!(page, "{name}::{address}::weight::{}", endpoint.weight).expect(NO_FAIL);
            if let Some(zone) = &endpoint.zone {
                writeln!(page, "{name}::{address}::zone::{zone}").expect(NO_FAIL);
            }
        }
    }
    page
}

fn settings(upstream: &Upstream, page: &mut String) {
    let Upstream { name, limits, .. } = upstream;
    writeln!(page, "{name}::max_connections::{}", limits.connections).expect(NO_FAIL);
    writeln!(page, "{name}::max_pending_requests::{}", limits.pending).expect(NO_FAIL);
    writeln!(page, "{name}::max_requests::{}", limits.requests).expect(NO_FAIL);
}

fn in_use(name: &str, levels: &Levels, page: &mut String) {
    writeln!(page, "{name}::connections::{}", levels.connections.in_use).expect(NO_FAIL);
    writeln!(page, "{name}::connections_idle::{}", levels.idle()).expect(NO_FAIL);
    writeln!(page, "{name}::requests_pending::{}", levels.pending.in_use).expect(NO_FAIL);
    writeln!(page, "{name}::requests_active::{}", levels.requests.in_use).expect(NO_FAIL);
}

fn key(event: UpstreamEvent) -> String {
    match event {
        UpstreamEvent::Opened => "connections_opened".to_owned(),
        UpstreamEvent::PoolHit => "pool_hits".to_owned(),
        UpstreamEvent::PoolMiss => "pool_misses".to_owned(),
        UpstreamEvent::Waited => "pending_waits".to_owned(),
        UpstreamEvent::WaitedUs => "pending_wait_us".to_owned(),
        UpstreamEvent::Failed(cause) => format!("failed::{cause}"),
        UpstreamEvent::Fault(fault) => format!("protocol_fault::{fault}"),
        UpstreamEvent::Overflow(limit) => format!("overflow::{}", limit.as_str()),
        UpstreamEvent::FreeRetry => "free_retries".to_owned(),
    }
}
