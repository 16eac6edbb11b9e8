//! The acceptance run: the example configuration in front of nginx under wrk at 256 connections,
//! the origin killed and brought back; nothing is lost that was not the origin's own doing.

use std::time::{Duration, Instant};

use tests::metrics::Metrics;
use tests::program::workspace;
use tests::wait::while_until;
use tests::{Address, DEADLINE, Engine, Setup, until};

use crate::nginx::Nginx;
use crate::wrk::{CONNECTIONS, Seen, alone, seconds, wrk};

/// How a request may end because its origin died: no connection, or a connection that broke.
const ORIGINS_DOING: [&str; 2] = ["UF", "UC"];

#[test]
fn nothing_is_lost_on_io_uring() {
    accept(&Setup::new(Engine::Uring));
}

#[test]
fn nothing_is_lost_on_epoll() {
    accept(&Setup::new(Engine::Epoll));
}

#[test]
fn nothing_is_lost_where_io_uring_is_denied() {
    accept(&Setup::new(Engine::Auto).under([env!("CARGO_BIN_EXE_deny_io_uring")]));
}

fn accept(setup: &Setup) {
    let (_alone, seconds) = (alone(), seconds());
    let mut nginx = Nginx::start("hello");
    let proxy = setup.start(&example(nginx.address()));
    assert_eq!(proxy.fetch("/").text(), "hello");
    let before = proxy.descriptors();

    let load = wrk(&proxy, seconds);
    let started = Instant::now();
    let at = |share: f64| Duration::from_secs_f64(seconds as f64 * share);
    while_until(started + at(0.4), || assert_eq!(proxy.admin("/ready").status(), 200));
    nginx.kill();
    proxy.metrics_until("the proxy has noticed", |metrics| failed(metrics) > 0.0);
    while_until(started + at(0.5), || assert_eq!(proxy.admin("/ready").status(), 200));
    nginx.revive();
    let ended = load.wait_within(at(1.0) + DEADLINE);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let seen = Seen::parse(&ended.output);

    let metrics = proxy.metrics_until("nothing is in flight", |metrics| {
        metrics.sum("outrigger_requests_active", &[]) == 0.0
    });
    judge(&seen, &metrics);
    assert_eq!(proxy.fetch("/").text(), "hello");
    // What waits in a pool is no leak; it goes within its idle timeout.
    until("descriptors are given back", || (proxy.descriptors() <= before + 1).then_some(()));
}

fn judge(seen: &Seen, metrics: &Metrics) {
    println!("{seen:?}");
    assert!(seen.requests > 1000, "{seen:?}");
    assert_eq!((seen.connect, seen.write, seen.timeout), (0, 0, 0), "{seen:?}");
    assert!(seen.read <= CONNECTIONS, "more cut answers than were in flight: {seen:?}");
    assert_eq!(metrics.sum("outrigger_task_panics_total", &[]), 0.0, "{metrics}");
    let origins: f64 = ORIGINS_DOING
        .iter()
        .map(|flag| metrics.sum("outrigger_requests_total", &[("flag", flag)]))
        .sum();
    assert!(failed(metrics) > 0.0, "the origin did not die: {metrics}");
    let left = metrics.sum("outrigger_requests_total", &[("flag", "DC")]);
    assert!(left <= CONNECTIONS as f64, "wrk leaves what is in flight at its end: {metrics}");
    assert_eq!(failed(metrics) - left, origins, "not the origin's doing: {metrics}");
    assert!(seen.not_2xx as f64 <= origins, "{seen:?}\n{metrics}");
}

/// Requests that ended in anything but a 200.
fn failed(metrics: &Metrics) -> f64 {
    let all = metrics.sum("outrigger_requests_total", &[]);
    all - metrics.sum("outrigger_requests_total", &[("code", "200"), ("flag", "")])
        - metrics.sum("outrigger_requests_total", &[("code", "200"), ("flag", "-")])
}

/// `config/examples/sidecar.toml` with its addresses exchanged: the application is nginx, and the
/// inbound listener is `@in`.
fn example(nginx: &Address) -> String {
    let text = tests::tidy::read(&workspace().join("config/examples/sidecar.toml"));
    let mut out = String::new();
    let mut table = "";
    for line in text.lines() {
        if line.starts_with('[') {
            table = line.trim();
        }
        if matches!(table, "[process]" | "[admin]") {
            continue; // the harness has its own
        }
        out.push_str(&exchanged(line, nginx));
        out.push('\n');
    }
    out
}

fn exchanged(line: &str, nginx: &Address) -> String {
    let line = line.replace("127.0.0.1:8080", &nginx.to_string());
    match line.split_once('=') {
        Some((key, value)) if key.trim() == "listen" && value.contains("15006") => {
            "listen = \"@in\"".to_owned()
        }
        Some((key, _)) if key.trim() == "listen" => "listen = \"@out\"".to_owned(),
        _ => line,
    }
}
