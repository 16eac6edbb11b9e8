//! Scrapes: what the cores counted comes together, and no core can hold a page up.

use std::time::Instant;

use crate::fake_core::{Gate, Script, Told};
use crate::process::{DEADLINE, Process, start};

const KEYS: &str = "pre_drain = \"0s\"";

/// The sum of `outrigger_requests_total` over all series.
fn requests(metrics: &str) -> u64 {
    let lines = metrics.lines().filter(|line| line.starts_with("outrigger_requests_total{"));
    lines
        .map(|line| line.rsplit(' ').next().expect("a value").parse::<u64>().expect("a count"))
        .sum()
}

fn scrape(process: &Process) -> u64 {
    let answer = process.fetch("/metrics");
    assert_eq!(answer.status, 200);
    requests(&answer.body)
}

#[test]
fn a_scrape_adds_up_what_all_cores_counted() {
    let process = start(KEYS, Script { requests: 3, ..Script::default() });
    process.wait_ready();
    assert_eq!([scrape(&process), scrape(&process)], [6, 12]);
}

#[test]
fn a_scrape_does_not_wait_for_a_core_that_hangs_and_loses_none_of_its_counts() {
    let gate = Gate::default();
    let hangs = Some((1, gate.clone()));
    let process = start(KEYS, Script { hangs, requests: 3, ..Script::default() });
    process.wait_ready();
    let began = Instant::now();
    let answer = process.fetch("/metrics");
    assert!(began.elapsed() < DEADLINE / 2, "{:?}", began.elapsed());
    assert_eq!(requests(&answer.body), 3);
    let missed = "outrigger_core_collections_missed_total{core=\"1\"} 1\n";
    assert!(answer.body.contains(missed), "{}", answer.body);
    // It is not asked again while it owes an answer, and what it owes is counted once it comes.
    assert_eq!(scrape(&process), 6);
    gate.open();
    let mut rounds = 2;
    process.fetch_until("/metrics", |answer| {
        rounds += 1;
        requests(&answer.body) > 3 * rounds
    });
}

#[test]
fn ready_waits_neither_for_a_hanging_core_nor_for_a_scrape() {
    let gate = Gate::default();
    let process = start(KEYS, Script { hangs: Some((0, gate.clone())), ..Script::default() });
    process.wait_ready();
    let mut scrape = process.client();
    scrape.send("GET /metrics HTTP/1.1\r\nhost: admin\r\n\r\n");
    process.wait_told(Told::Collect(0));
    let began = Instant::now();
    assert_eq!(process.fetch("/ready").status, 200);
    let ready_took = began.elapsed();
    scrape.answer();
    assert!(ready_took < began.elapsed(), "/ready took {ready_took:?}, as long as the scrape");
    gate.open();
}

#[test]
fn scrapes_at_the_same_time_share_one_collection() {
    let gate = Gate::default();
    let process = start(KEYS, Script { hangs: Some((0, gate.clone())), ..Script::default() });
    process.wait_ready();
    let mut scrapes: Vec<_> = (0..16).map(|_| process.client()).collect();
    for scrape in &mut scrapes {
        scrape.send("GET /metrics HTTP/1.1\r\nhost: admin\r\n\r\n");
    }
    for scrape in &mut scrapes {
        assert_eq!(scrape.answer().status, 200);
    }
    gate.open();
    let asked = process.told.try_iter().filter(|told| *told == Told::Collect(1)).count();
    assert!(asked < 8, "{asked} collections for 16 scrapes");
}

#[test]
fn every_figure_page_is_served() {
    let process = start(KEYS, Script { requests: 1, ..Script::default() });
    process.wait_ready();
    let pages = [
        ("/stats", "in (inbound) all: 200=2;"),
        ("/latency", "p99.99"),
        ("/clusters", "app::127.0.0.1:1::weight::1\n"),
        ("/config_dump", "\"drain_timeout\":\"20s\""),
    ];
    for (page, part) in pages {
        let answer = process.fetch(page);
        assert_eq!(answer.status, 200, "{page}");
        assert!(answer.body.contains(part), "{page}: {}", answer.body);
    }
}

#[test]
fn a_scrape_that_accepts_openmetrics_gets_it() {
    let process = start(KEYS, Script::default());
    process.wait_ready();
    let mut scrape = process.client();
    scrape.send(
        "GET /metrics HTTP/1.1\r\nhost: admin\r\n\
         accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n",
    );
    let answer = scrape.answer();
    assert!(answer.head.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(answer.body.ends_with("\n# EOF\n"), "{}", answer.body);
    assert!(process.fetch("/metrics").head.contains("content-type: text/plain; version=0.0.4"));
}
