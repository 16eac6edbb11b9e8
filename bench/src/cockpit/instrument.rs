//! The figures of the cockpit: what a change of the file and a look at the proxy cost.

use crate::versus::figure::Unit;

/// One row of the cockpit's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instrument {
    /// Failed requests while the file changes ten times a second.
    StormFailed,
    /// Files that took effect meanwhile, a second.
    StormApplied,
    /// Failed requests around a large reload.
    LargeFailed,
    /// Saved to in force, of the large file.
    LargeEffect,
    /// p99 before the save.
    LargeP99Before,
    /// p99 in the second from the save on, beside that before.
    LargeP99,
    /// Most memory from the save to 5 s after it.
    LargePeak,
    /// Memory 5 s after the save, beside that before.
    LargeAfter,
    /// Saved to in force on the last core, the slowest of many saves.
    Effect,
    /// First core to last core, the widest of many saves.
    Skew,
    /// Series of the page that is scraped.
    Series,
    /// One scrape, the median of many.
    Scrape,
    /// `/ready` beside scrapes and traffic, the slowest of many.
    Ready,
    /// p99 of the traffic before it is scraped.
    ScrapeP99Before,
    /// p99 of the traffic while scraped, beside that before.
    ScrapedP99,
    /// Requests per second of CPU time that the access log costs, of those without.
    LogLoss,
    /// Requests answered that stand in the log.
    Logged,
}

impl Instrument {
    /// In the order of the table's rows.
    pub const ALL: [Self; 17] = [
        Self::StormFailed,
        Self::StormApplied,
        Self::LargeFailed,
        Self::LargeEffect,
        Self::LargeP99Before,
        Self::LargeP99,
        Self::LargePeak,
        Self::LargeAfter,
        Self::Effect,
        Self::Skew,
        Self::Series,
        Self::Scrape,
        Self::Ready,
        Self::ScrapeP99Before,
        Self::ScrapedP99,
        Self::LogLoss,
        Self::Logged,
    ];

    /// The row's name, its name in JSON, and what its values are counted in.
    pub fn words(self) -> (&'static str, &'static str, Unit) {
        match self {
            Self::StormFailed => ("10 reloads/s: failed requests", "storm_failed", Unit::Count),
            Self::StormApplied => ("  files in force", "storm_applied", Unit::PerSecond),
            Self::LargeFailed => ("10,000 reloaded: failed", "large_failed", Unit::Count),
            Self::LargeEffect => ("  saved to in force", "large_effect_ms", Unit::Millis),
            Self::LargeP99Before => ("  p99 before", "large_p99_us", Unit::Micros),
            Self::LargeP99 => ("  p99 that second/before", "large_p99_ratio", Unit::Times),
            Self::LargePeak => ("  peak RSS", "large_peak_mib", Unit::MiB),
            Self::LargeAfter => ("  RSS after 5 s/before", "large_rss_ratio", Unit::Times),
            Self::Effect => ("saved to in force, 2 cores", "effect_ms", Unit::Millis),
            Self::Skew => ("  first core to last", "skew_ms", Unit::Millis),
            Self::Series => ("/metrics: series", "scrape_series", Unit::Count),
            Self::Scrape => ("  one scrape", "scrape_ms", Unit::Millis),
            Self::Ready => ("  slowest /ready meanwhile", "scrape_ready_ms", Unit::Millis),
            Self::ScrapeP99Before => ("  traffic's p99 before", "scrape_p99_us", Unit::Micros),
            Self::ScrapedP99 => ("  traffic's p99/before", "scrape_p99_ratio", Unit::Times),
            Self::LogLoss => ("access log: throughput lost", "log_loss", Unit::Share),
            Self::Logged => ("  requests in the log", "log_written", Unit::Share),
        }
    }
}
