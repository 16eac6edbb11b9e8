//! `/latency`: percentiles since the start, from HDR histograms, exact to the digits kept.

use std::fmt::Write;

use signals::Measure;

use super::milliseconds;
use crate::metrics::Scrape;

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

pub(super) fn render(scrape: &Scrape<'_>) -> String {
    let mut page = format!("{:<9} {:<32} {:>12}", "measure", "of", "count");
    for (name, _) in QUANTILES {
        write!(page, " {name:>14}").expect("a String takes all");
    }
    writeln!(page, " {:>14}", "max").expect("a String takes all");
    for (key, times) in scrape.totals.distributions() {
        let (measure, count) = (label(key.measure), times.count());
        write!(page, "{measure:<9} {:<32} {count:>12}", key.name).expect("a String takes all");
        for (_, quantile) in QUANTILES {
            let at = shown(count, times.quantile_us(quantile));
            write!(page, " {at:>14}").expect("a String takes all");
        }
        let max = shown(count, times.max_us());
        writeln!(page, " {max:>14}").expect("a String takes all");
    }
    page
}

/// Of nothing there is no percentile.
fn shown(count: u64, us: u64) -> String {
    if count == 0 { "-".to_owned() } else { milliseconds(us) }
}

fn label(measure: Measure) -> &'static str {
    match measure {
        Measure::Request => "request",
        Measure::Own => "own",
        Measure::Route => "route",
        Measure::Upstream => "upstream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_of_nothing_is_no_time() {
        assert_eq!(shown(0, 0), "-");
        assert_eq!(shown(1, 0), "0.000 ms");
    }
}
