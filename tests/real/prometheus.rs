//! A real Prometheus that scrapes `/metrics` in both formats, and is asked for what it knows.

use std::fs;

use tests::program::{Program, workspace};
use tests::proxy::ConfigFile;
use tests::{Address, Engine, Origin, Peer, Proxy, proxy, to_origin, until};

use crate::programs::command;

const REQUESTS: usize = 200;

#[test]
fn prometheus_knows_what_was_sent_from_both_formats() {
    let origin = Origin::saying("ok");
    let proxy = proxy(Engine::Auto, &scraped_twice(&origin));
    let prometheus = Prometheus::start(&proxy);
    until("both targets are up", || (prometheus.values("up") == [1.0, 1.0]).then_some(()));
    for _ in 0..REQUESTS {
        assert_eq!(proxy.fetch("/").text(), "ok");
    }
    let sent = REQUESTS as f64;
    let counted = "outrigger_requests_total{listener=\"in\",code=\"200\"}";
    until("the counters are what was sent", || {
        (prometheus.values(counted) == [sent, sent]).then_some(())
    });
    // A rate needs samples on both sides of an increase: traffic goes on.
    let quantile = "histogram_quantile(0.99, sum by (job, le) \
                    (rate(outrigger_request_duration_seconds_bucket{listener=\"in\"}[1m])))";
    let p99 = until("both formats give a quantile", || {
        assert_eq!(proxy.fetch("/").text(), "ok");
        let values = prometheus.values(quantile);
        (values.len() == 2 && values.iter().all(|&value| value > 0.0)).then_some(values)
    });
    println!("p99 by Prometheus: {p99:?} s");
    assert!(p99.iter().all(|&seconds| seconds < 60.0), "{p99:?}");
}

#[test]
fn prometheus_understands_every_query_that_the_documentation_recommends() {
    let origin = Origin::saying("ok");
    let proxy = proxy(Engine::Auto, &scraped_twice(&origin));
    let prometheus = Prometheus::start(&proxy);
    until("both targets are up", || (prometheus.values("up") == [1.0, 1.0]).then_some(()));
    let page = tests::tidy::read(&workspace().join("docs/METRICS.md"));
    let (_, questions) = page.split_once("## What to look at").expect("it has this part");
    let (questions, table) = questions.split_once("\n## ").expect("another part follows");
    let queries: Vec<&str> = questions.lines().flat_map(queries_of).collect();
    assert!(queries.len() > 5, "{queries:?}");
    for query in queries {
        prometheus.values(query);
        let words = query.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        for metric in words.filter(|word| word.starts_with("outrigger_")) {
            let metric = metric.trim_end_matches("_bucket");
            assert!(table.contains(&format!("| `{metric}` |")), "there is no {metric}: {query}");
        }
    }
}

/// Prometheus asks for OpenMetrics. A listener that forwards to the admin listener without
/// `Accept` gives it the text.
fn scraped_twice(origin: &Origin) -> String {
    let text = "[[listeners]]\nname = \"text\"\nlisten = \"@text\"\nroutes = \"admin\"\n\
                [[routes.admin]]\nupstream = \"admin\"\n\
                request_headers = { remove = [\"accept\"] }\n\
                [upstreams.admin]\nendpoints = [\"@admin\"]\n";
    to_origin(origin) + text
}

/// What stands in code quotes in the second cell of a table's row.
fn queries_of(row: &str) -> impl Iterator<Item = &str> {
    let queries = row.strip_prefix("| ").and_then(|row| row.split_once(" | ")).map(|pair| pair.1);
    queries.unwrap_or_default().split('`').skip(1).step_by(2)
}

/// A running Prometheus.
struct Prometheus {
    address: Address,
    _process: Program,
    _files: ConfigFile,
}

impl Prometheus {
    /// Scrapes the proxy five times a second by two jobs, one for each format.
    fn start(proxy: &Proxy) -> Prometheus {
        let address = Address::reserve();
        let job = |name: &str, listener: &str| {
            let target = proxy.address(listener);
            format!("- job_name: {name}\n  static_configs: [{{ targets: [\"{target}\"] }}]\n")
        };
        let files = ConfigFile::new("");
        let text = format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}\nscrape_configs:\n{}{}",
            job("openmetrics", "admin"),
            job("text", "text"),
        );
        fs::write(files.path(), text).expect("the temporary directory is writable");
        let mut prometheus = command("prometheus");
        prometheus.arg(format!("--config.file={}", files.path().display()));
        prometheus.arg(format!("--storage.tsdb.path={}", files.beside("data").display()));
        prometheus.arg(format!("--web.listen-address={address}")).arg("--log.level=error");
        let process = Program::start(&mut prometheus);
        until("Prometheus listens", || Peer::try_connect(&address).ok());
        Prometheus { address, _process: process, _files: files }
    }

    /// The value of each series that a query gives now.
    fn values(&self, query: &str) -> Vec<f64> {
        let mut api = Peer::connect(&self.address);
        let query = encoded(query);
        api.send(format!(
            "GET /api/v1/query?query={query} HTTP/1.1\r\nhost: prometheus\r\n\
             connection: close\r\n\r\n"
        ));
        let answer = api.response();
        if answer.status() == 503 {
            return Vec::new(); // it is starting
        }
        assert_eq!(answer.status(), 200, "{query}: {answer}");
        let values = answer.text().split("\"value\":[").skip(1);
        let number = |value: &str| value.split('"').nth(1)?.parse().ok();
        values.filter_map(number).collect()
    }
}

/// Percent-encoded for a query string.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
