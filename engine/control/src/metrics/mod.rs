//! `/metrics`: one table of metrics, rendered to Prometheus' text format 0.0.4.
//!
//! A metric is one row: name, type, labels, help, and where its values come from. The rows stand by
//! theme in `traffic`, `upstream`, `core` and `process`; `docs/METRICS.md` is held to them by a
//! test. Called by the collector, off the control thread.

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

/// What the text format is served as.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every metric there is, in the order of the page.
pub fn table() -> impl Iterator<Item = &'static Metric> {
    [traffic::METRICS, upstream::METRICS, core::METRICS, process::METRICS].into_iter().flatten()
}

/// The page.
pub(crate) fn render(scrape: &Scrape<'_>) -> String {
    let mut page = String::new();
    for metric in table() {
        (metric.write)(scrape, &mut Lines::new(metric, &mut page));
    }
    page
}

/// The table of `docs/METRICS.md`.
pub fn markdown() -> String {
    let mut text = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for Metric { name, kind, labels, help, .. } in table() {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let row =
            [format!("`{name}`"), kind.as_str().to_owned(), labels.join(" "), help.to_string()];
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
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
