//! A reload every 100 ms under wrk at 256 connections: nothing fails, everything is applied.

use std::time::{Duration, Instant};

use tests::wait::while_until;
use tests::{DEADLINE, Engine, Setup, as_version, until};

use crate::nginx::Nginx;
use crate::wrk::{CONNECTIONS, Seen, alone, seconds, wrk};

const EVERY: Duration = Duration::from_millis(100);

#[test]
fn reloads_without_end_cost_nothing_on_io_uring() {
    reload(Engine::Uring);
}

#[test]
fn reloads_without_end_cost_nothing_on_epoll() {
    reload(Engine::Epoll);
}

fn reload(engine: Engine) {
    let (_alone, seconds) = (alone(), seconds());
    let nginx = Nginx::start("hello");
    let proxy = Setup::new(engine).start(&tests::versioned_at(nginx.address(), 1));
    let load = wrk(&proxy, seconds);
    let began = Instant::now();
    let (mut next, mut version) = (began, 1);
    let text = proxy.config().text();
    while_until(began + Duration::from_secs(seconds), || {
        if Instant::now() >= next {
            version += 1;
            next += EVERY;
            proxy.config().replace(as_version(&text, version));
        }
    });
    let ended = load.wait_within(DEADLINE);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let seen = Seen::parse(&ended.output);
    until("the last file is in force", || {
        let served_by = proxy.fetch("/").field("x-version").map(str::to_owned);
        (served_by == Some(version.to_string())).then_some(())
    });
    let metrics = proxy.metrics_until("nothing is in flight", |metrics| {
        metrics.sum("outrigger_requests_active", &[]) == 0.0
    });
    let applied = metrics.sum("outrigger_config_reload_total", &[("result", "applied")]);
    println!("{engine}: {applied} of {} reloads applied; {seen:?}", version - 1);
    assert!(seen.requests > 1000 && seen.failed() == 0, "{seen:?}");
    // On a full machine two changes may become one reload; a file is never skipped for good.
    assert!(applied >= (version - 1) as f64 / 2.0, "{applied} of {}", version - 1);
    let all = metrics.sum("outrigger_requests_total", &[]);
    let good = metrics.sum("outrigger_requests_total", &[("code", "200"), ("flag", "")]);
    let left = metrics.sum("outrigger_requests_total", &[("flag", "DC")]);
    assert!(left <= CONNECTIONS as f64, "wrk leaves what is in flight at its end: {metrics}");
    assert_eq!(all, good + left, "{metrics}");
    assert_eq!(metrics.sum("outrigger_task_panics_total", &[]), 0.0, "{metrics}");
    assert!(metrics.sum("outrigger_config_snapshots", &[]) <= 2.0, "{metrics}");
}
