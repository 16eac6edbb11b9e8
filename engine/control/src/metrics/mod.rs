//! `/metrics`: one table of metrics, rendered to Prometheus' text format 0.0.4 or to OpenMetrics.
//!
//! A metric is one row: name, type, labels, help, and where its values come from. The rows stand by
//! theme in `traffic`, `upstream`, `core` and `process`; `docs/METRICS.md` is held to them by a
//! test. Called by the collector, off the control thread.

mod access_log;
mod core;
mod lines;
mod process;
mod process_figures;
mod scrape;
mod traffic;
mod upstream;

pub(crate) use lines::Lines;
pub(crate) use process_figures::ProcessFigures;
pub(crate) use scrape::{About, ConfigFigures, CoreFigures, Scrape};

/// One family of `/metrics`.
pub struct Metric {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// The labels of its series, in order.
    pub labels: &'static [&'static str],
    /// What it means, in one line.
    pub help: &'static str,
    write: fn(&Scrape<'_>, &mut Lines<'_>),
}

/// A family's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, until the process ends.
    Counter,
    /// A level.
    Gauge,
    /// Classic buckets, sum and count.
    Histogram,
}

/// How the page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0, which Prometheus asks for first.
    OpenMetrics,
}

/// Every metric there is, in the order of the page.
pub fn table() -> impl Iterator<Item = &'static Metric> {
    [traffic::METRICS, upstream::METRICS, core::METRICS, access_log::METRICS, process::METRICS]
        .into_iter()
        .flatten()
}

/// The page.
pub(crate) fn render(scrape: &Scrape<'_>, format: Format) -> String {
    let mut page = String::new();
    for metric in table() {
        (metric.write)(scrape, &mut Lines::new(metric, format, &mut page));
    }
    if format == Format::OpenMetrics {
        page.push_str("# EOF\n");
    }
    page
}

/// The first line of the table in `docs/METRICS.md`.
const TABLE_BEGINS: &str = "| metric | type | labels | meaning |";

/// The table of `docs/METRICS.md`.
pub fn markdown() -> String {
    let mut text = format!("{TABLE_BEGINS}\n|---|---|---|---|\n");
    for Metric { name, kind, labels, help, .. } in table() {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let row =
            [format!("`{name}`"), kind.as_str().to_owned(), labels.join(" "), help.to_string()];
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}

impl Format {
    /// What is wanted by a request with this `Accept`. Who names OpenMetrics can read it.
    pub(crate) fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Text }
    }

    /// The `content-type` of the page.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Kind {
    /// As the text format names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::Figures;
    use crate::shared::Reloads;
    use config::snapshot::{RouteIx, UpstreamIx};
    use policy::{Cause, Flag};
    use signals::ListenerEvent;
    use signals::{Event, Gauges, Generation, Generations, Level, Levels, Limit, ListenerAt};
    use signals::{Outcome, Refusal, SERIES_MAX, Tally, Totals, UpstreamAt, UpstreamEvent};
    use std::collections::HashSet;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant, SystemTime};

    const GOLDEN: &str = "tests/golden/metrics.txt";

    const CONFIG: &str = "[[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:0\"\nroutes = \"t\"\n\
        [[routes.t]]\nname = \"all\"\nupstream = \"app\"\n\
        [upstreams.app]\nendpoints = [\"127.0.0.1:1\"]\n";

    /// One of everything that is counted.
    fn counted(tally: &mut Tally) {
        let generation = Generation(1);
        let answered = Outcome {
            generation,
            listener: 0,
            route: Some(RouteIx(0)),
            upstream: Some(UpstreamIx(0)),
            status: 200,
            flag: None,
            bytes_in: 12,
            bytes_out: 3_456,
            duration_us: 1_234,
            own_us: 42,
            upstream_us: Some(1_100),
            retries: 1,
        };
        tally.record(&answered);
        let refused = Some(Flag::UpstreamConnectionFailure);
        tally.record(&Outcome { status: 503, flag: refused, upstream_us: None, ..answered });
        let nowhere = Outcome { route: None, upstream: None, upstream_us: None, ..answered };
        tally.record(&Outcome { status: 404, flag: Some(Flag::NoRoute), ..nowhere });
        let listener = ListenerAt { generation, listener: 0 };
        for event in [
            ListenerEvent::Opened,
            ListenerEvent::Closed,
            ListenerEvent::Refused(Refusal::Process),
            ListenerEvent::Fault("bare_cr"),
        ] {
            tally.count(Event::Listener(listener, event));
        }
        let upstream = UpstreamAt { generation, upstream: UpstreamIx(0) };
        for event in [
            UpstreamEvent::Opened,
            UpstreamEvent::PoolHit,
            UpstreamEvent::PoolMiss,
            UpstreamEvent::failed(Cause::ConnectRefused),
            UpstreamEvent::Fault("bad_chunk_size"),
            UpstreamEvent::Overflow(Limit::Pending),
            UpstreamEvent::FreeRetry,
            UpstreamEvent::Waited,
        ] {
            tally.count(Event::Upstream(upstream, event));
        }
        tally.add(Event::Upstream(upstream, UpstreamEvent::WaitedUs), 1_500);
        let (connections, pending) = (Level::of(5, 512), Level::of(0, 512));
        tally.note(upstream, Levels { connections, pending, requests: Level::of(2, 2) });
    }

    fn core(label: &str, alive: bool) -> CoreFigures {
        let levels = Arc::new(Gauges::default());
        levels.downstream_connections.set(3);
        CoreFigures {
            label: label.into(),
            alive,
            levels,
            runtime: Arc::default(),
            collections_missed: 0,
        }
    }

    fn page(format: Format) -> String {
        let loaded = config::load("test.toml", CONFIG.as_bytes(), None);
        let snapshot = Arc::new(loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot);
        let mut names = Generations::default();
        names.begin(Generation(1), snapshot.clone());
        let (mut totals, mut tally) = (Totals::new(SERIES_MAX), Tally::new(SERIES_MAX));
        counted(&mut tally);
        totals.take_levels(0, &tally, &names);
        totals.merge(&mut tally, &names, 0);
        let then = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        let scrape = Scrape {
            totals: &totals,
            cores: &[core("0", true), core("1", false)],
            about: &About {
                version: "1.2.3",
                engine: "uring",
                engine_fallback: None,
                started: then,
                began: Instant::now(),
                process: snapshot.process.clone(),
                log_dropped: Arc::default(),
            },
            config: &ConfigFigures {
                hash: "0123456789abcdef".into(),
                generation: 1,
                applied: then,
                reloads: Reloads { applied: 2, rejected: 1, unchanged: 0 },
                rejected: true,
                needs_restart: false,
            },
            access_log: &Figures::new(2),
            snapshot: &snapshot,
            snapshots: names.len(),
            process: &ProcessFigures { cpu_us: 1_230_000, open_fds: 9, ..Default::default() },
        };
        render(&scrape, format)
    }

    /// `tests/golden/metrics.txt` is what `promtool check metrics` is run on.
    #[test]
    fn the_page_is_the_golden_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
        let page = page(Format::Text);
        assert_holds(&path, &page);
    }

    #[test]
    fn every_metric_of_the_table_is_on_the_page() {
        let page = page(Format::Text);
        for Metric { name, .. } in table() {
            assert!(page.contains(&format!("# TYPE {name} ")), "{name} has no sample");
        }
    }

    /// OpenMetrics 1.0: a counter's family goes without `_total`, numbers of `le` have a fraction,
    /// the page has an end.
    #[test]
    fn openmetrics_differs_where_it_must_and_nowhere_else() {
        let page = page(Format::OpenMetrics);
        for part in [
            "# TYPE outrigger_requests counter\noutrigger_requests_total{",
            "# HELP process_cpu_seconds CPU time",
            "le=\"1.0\"",
            "le=\"0.00005\"",
            "le=\"+Inf\"",
            "# TYPE outrigger_core_up gauge\noutrigger_core_up{",
        ] {
            assert!(page.contains(part), "{part:?} is not in:\n{page}");
        }
        assert!(page.ends_with("\n# EOF\n") && !page.contains("le=\"1\""), "{page}");
    }

    #[test]
    fn the_format_is_the_one_that_is_accepted() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        assert_eq!(Format::accepted("text/plain;version=0.0.4"), Format::Text);
        assert_eq!(Format::accepted(""), Format::Text);
    }

    #[test]
    fn no_name_stands_twice_and_every_name_keeps_the_conventions() {
        let mut seen = HashSet::new();
        for Metric { name, kind, help, .. } in table() {
            assert!(seen.insert(*name), "{name} stands twice");
            assert!(name.starts_with("outrigger_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(!help.contains('\n') && help.len() > 4, "{name}: {help}");
        }
    }

    #[test]
    fn the_documentation_lists_exactly_these_metrics() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/METRICS.md");
        let text = std::fs::read_to_string(&path).expect("docs/METRICS.md is there");
        let begins = text.find(TABLE_BEGINS).expect("docs/METRICS.md has the table");
        let (before, old) = text.split_at(begins);
        let after = old.find("\n\n").map_or("", |end| &old[end + 1..]);
        assert_holds(&path, &format!("{before}{}{after}", markdown()));
    }

    /// That `path` holds `text`; a change that is meant is written to it with `BLESS=1`.
    #[track_caller]
    fn assert_holds(path: &Path, text: &str) {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, text).expect("it is writable");
        }
        let held = std::fs::read_to_string(path).expect("it is there");
        assert_eq!(held, text, "BLESS=1 cargo test -p control --lib writes what is meant");
    }
}
