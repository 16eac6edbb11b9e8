//! `/metrics` before promtool, with every metric in use; and asked for without end under load.

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use tests::program::workspace;
use tests::wait::while_until;
use tests::{DEADLINE, Engine, Origin, Proxy, Setup, proxy, to_origin, to_routes};

use crate::nginx::Nginx;
use crate::programs::command;
use crate::wrk::{Seen, alone, seconds, wrk};

#[test]
fn promtool_finds_nothing_wrong_with_the_metrics() {
    let origin = Origin::saying("ok");
    let proxy = proxy(Engine::Auto, &to_origin(&origin));
    assert_eq!(proxy.fetch("/").text(), "ok");
    assert_eq!(proxy.exchange("GET / HTTP/1.1\r\n\r\n").status(), 400);
    drop(origin);
    assert_eq!(proxy.fetch("/").status(), 503);
    assert_accepted(&proxy.admin("/metrics").body);
}

/// One of everything that is counted, more than a few requests bring about.
#[test]
fn promtool_finds_nothing_wrong_with_the_golden_page() {
    let golden = workspace().join("engine/control/tests/golden/metrics.txt");
    assert_accepted(&std::fs::read(golden).expect("it is committed"));
}

#[track_caller]
fn assert_accepted(page: &[u8]) {
    let mut promtool = command("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    promtool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().expect("promtool starts");
    child.stdin.take().expect("it is piped").write_all(page).expect("promtool reads");
    let output = child.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && said.is_empty(),
        "{said}\n{}",
        String::from_utf8_lossy(page)
    );
}

/// Routes, each with its counters and its histogram: more than 1,000 lines together.
const ROUTES: usize = 60;

#[test]
fn scrapes_without_end_cost_no_request_and_ready_stays_quick() {
    for engine in [Engine::Uring, Engine::Epoll] {
        let (_alone, seconds) = (alone(), seconds().min(10));
        let nginx = Nginx::start("hello");
        let proxy = Setup::new(engine).start(&many_routes(&nginx));
        for route in 0..ROUTES {
            assert_eq!(proxy.fetch(&format!("/route/{route}")).status(), 200);
        }
        let page = proxy.admin("/metrics");
        let lines = page.text().lines().filter(|line| !line.starts_with('#')).count();
        assert!(lines > 1000, "{lines}");
        let load = wrk(&proxy, seconds);
        let (scrapes, mut ready) = hammer(&proxy, Instant::now() + Duration::from_secs(seconds));
        let ended = load.wait_within(DEADLINE);
        let seen = Seen::parse(&ended.output);
        ready.sort();
        let (half, last) = (ready[ready.len() / 2], ready[ready.len() - 1]);
        println!(
            "{engine}: {lines} series, {scrapes} scrapes, {} requests; /ready {half:?} in the \
             middle, {last:?} at worst of {}",
            seen.requests,
            ready.len()
        );
        assert!(seen.requests > 1000 && seen.failed() == 0, "{seen:?}");
        assert!(half < Duration::from_millis(50) && last < Duration::from_secs(1), "{ready:?}");
    }
}

/// Scrapes with two clients until `end`; how often, and how long each `/ready` beside it took.
fn hammer(proxy: &Proxy, end: Instant) -> (usize, Vec<Duration>) {
    thread::scope(|scope| {
        let scraper = || {
            let mut count = 0;
            while_until(end, || {
                assert_eq!(proxy.admin("/metrics").status(), 200);
                count += 1;
            });
            count
        };
        let scrapers = [scope.spawn(scraper), scope.spawn(scraper)];
        let mut ready = Vec::new();
        while_until(end, || {
            let asked = Instant::now();
            assert_eq!(proxy.admin("/ready").status(), 200);
            ready.push(asked.elapsed());
        });
        (scrapers.map(|one| one.join().expect("no scrape fails")).iter().sum(), ready)
    })
}

fn many_routes(nginx: &Nginx) -> String {
    let route = |route: usize| {
        format!("[[routes.app]]\nmatch = {{ path = \"/route/{route}\" }}\nupstream = \"app\"\n")
    };
    let routes: String = (0..ROUTES).map(route).collect();
    let rest = "[[routes.app]]\nupstream = \"app\"\n[upstreams.app]\n";
    to_routes(&format!("{routes}{rest}endpoints = [\"{}\"]\n", nginx.address()), &[])
}
