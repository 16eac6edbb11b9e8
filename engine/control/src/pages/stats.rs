//! `/stats`: the counts for people; programs read `/metrics`.

use std::fmt::Write;

use signals::{ListenerEvent, TrafficKey};

use super::milliseconds;
use crate::metrics::Scrape;

const NO_FAIL: &str = "a String takes all";

pub(super) fn render(scrape: &Scrape<'_>) -> String {
    let mut page = String::new();
    requests(scrape, &mut page);
    listeners(scrape, &mut page);
    cores(scrape, &mut page);
    page
}

fn requests(scrape: &Scrape<'_>, page: &mut String) {
    page.push_str("requests\n");
    for (key, totals) in scrape.totals.traffic() {
        write!(page, "  {}:", way(key)).expect(NO_FAIL);
        for ((status, flag), requests) in &totals.requests {
            let slash = if flag.is_empty() { "" } else { "/" };
            write!(page, " {status}{slash}{flag}={requests}").expect(NO_FAIL);
        }
        let signals::TrafficTotals { bytes_in, bytes_out, retries, .. } = totals;
        writeln!(page, "; {bytes_in} B in, {bytes_out} B out, {retries} retries").expect(NO_FAIL);
    }
}

/// Where the requests came in, and where they went.
fn way(TrafficKey { listener, direction, route, upstream }: &TrafficKey) -> String {
    let begin = format!("{listener} ({direction})");
    match (&**route, &**upstream) {
        ("", _) => format!("{begin} (no route)"),
        (route, "") => format!("{begin} {route}"),
        (route, upstream) => format!("{begin} {route} -> {upstream}"),
    }
}

fn listeners(scrape: &Scrape<'_>, page: &mut String) {
    page.push_str("listeners\n");
    for (listener, event, times) in scrape.totals.listener_events() {
        let what = match event {
            ListenerEvent::Opened => "connections opened".to_owned(),
            ListenerEvent::Closed => "connections closed".to_owned(),
            ListenerEvent::Refused(reason) => format!("connections refused, {}", reason.as_str()),
            ListenerEvent::Fault(fault) => format!("protocol fault, {fault}"),
        };
        writeln!(page, "  {listener}: {what}: {times}").expect(NO_FAIL);
    }
}

fn cores(scrape: &Scrape<'_>, page: &mut String) {
    page.push_str("cores\n");
    for core in scrape.cores {
        let up = if core.alive { "up" } else { "dead" };
        let (levels, runtime) = (&core.levels, &core.runtime);
        writeln!(
            page,
            "  {}: {up}; {} connections, {} requests ({} pending), {} to upstreams ({} idle); \
             busy {}, longest round {}, {} task panics",
            core.label,
            levels.downstream_connections.value(),
            levels.active_requests.value(),
            levels.pending_requests.value(),
            levels.upstream_connections.value(),
            levels.idle_connections.value(),
            milliseconds(runtime.busy_us.read()),
            milliseconds(runtime.loop_lag_us_max.read()),
            runtime.task_panics.read(),
        )
        .expect(NO_FAIL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_went_nowhere_say_so() {
        let key = |route: &str, upstream: &str| {
            let (listener, direction) = ("in".into(), "inbound");
            way(&TrafficKey { listener, direction, route: route.into(), upstream: upstream.into() })
        };
        assert_eq!(key("", ""), "in (inbound) (no route)");
        assert_eq!(key("all", ""), "in (inbound) all");
        assert_eq!(key("all", "app"), "in (inbound) all -> app");
    }
}
