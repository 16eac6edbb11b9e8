//! The admin pages that show figures, rendered off the control thread by the collector.

mod clusters;
mod latency;
mod stats;

use hyper::body::Bytes;

use crate::metrics::{self, Format, Scrape};

/// A page that needs the cores' counts, or time to render.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// What Prometheus scrapes.
    Metrics(Format),
    /// The counts for people.
    Stats,
    /// Exact percentiles.
    Latency,
    /// Upstreams and their endpoints.
    Clusters,
    /// The configuration in force, every default filled in, in the words of the file.
    ConfigDump,
}

/// Renders each page; one that is wanted several times is rendered once.
pub(crate) fn render(pages: &[Page], scrape: &Scrape<'_>) -> Vec<Bytes> {
    let mut done: Vec<(Page, Bytes)> = Vec::new();
    let mut one = |page: Page| {
        if let Some((_, text)) = done.iter().find(|(known, _)| *known == page) {
            return text.clone();
        }
        let text = Bytes::from(page.render(scrape));
        done.push((page, text.clone()));
        text
    };
    pages.iter().map(|page| one(*page)).collect()
}

impl Page {
    /// The `content-type` of its answer.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Metrics(format) => format.content_type(),
            Self::Stats | Self::Latency | Self::Clusters => "text/plain; charset=utf-8",
            Self::ConfigDump => "application/json",
        }
    }

    fn render(self, scrape: &Scrape<'_>) -> String {
        match self {
            Self::Metrics(format) => metrics::render(scrape, format),
            Self::Stats => stats::render(scrape),
            Self::Latency => latency::render(scrape),
            Self::Clusters => clusters::render(scrape),
            Self::ConfigDump => config::dump(scrape.snapshot),
        }
    }
}

/// Milliseconds with three decimals, for people.
fn milliseconds(us: u64) -> String {
    format!("{}.{:03} ms", us / 1000, us % 1000)
}
