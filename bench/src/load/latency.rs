//! Latencies of one window: a histogram in nanoseconds, three digits exact.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Longest latency told apart; a longer one counts as this.
const LONGEST: Duration = Duration::from_secs(60);

/// The percentiles that a latency curve is drawn from.
const CURVE: [f64; 17] = [
    1.0, 10.0, 25.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95,
    99.98, 99.99,
];

/// A set of latencies.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        let longest = nanos(LONGEST);
        Self(Histogram::new_with_bounds(1, longest, 3).expect("bounds and digits are in range"))
    }

    /// Counts one.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(nanos(latency));
    }

    /// Counts all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all sets have the same bounds");
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many were counted.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True before the first.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The latency in µs that `percentile` % do not exceed; `None` if there are too few samples for
    /// ten of them to lie above it, or none at all: such a figure would be one sample's luck.
    pub fn percentile_us(&self, percentile: f64) -> Option<f64> {
        let above = (self.len() as f64 * (100.0 - percentile) / 100.0).round();
        if self.is_empty() || (percentile > 50.0 && above < 10.0) {
            return None;
        }
        Some(self.0.value_at_percentile(percentile) as f64 / 1000.0)
    }

    /// The longest in µs; `None` of none.
    pub fn longest_us(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.0.max() as f64 / 1000.0)
    }

    /// The curve's points that can be told, as (percentile, µs).
    pub fn curve(&self) -> Vec<(f64, f64)> {
        CURVE.iter().filter_map(|&p| self.percentile_us(p).map(|us| (p, us))).collect()
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

fn nanos(latency: Duration) -> u64 {
    u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_samples() {
        let mut set = Latencies::new();
        for us in 1..=10_000 {
            set.record(Duration::from_micros(us));
        }
        for (percentile, us) in [(50.0, 5000.0), (99.0, 9900.0), (99.9, 9990.0)] {
            let told = set.percentile_us(percentile).unwrap();
            assert!((told - us).abs() <= us / 1000.0, "p{percentile}: {told} instead of {us}");
        }
    }

    #[test]
    fn a_percentile_of_too_few_samples_is_not_told() {
        let mut set = Latencies::new();
        assert_eq!(set.percentile_us(50.0), None);
        for _ in 0..1000 {
            set.record(Duration::from_micros(7));
        }
        assert!(set.percentile_us(99.0).is_some());
        assert_eq!(set.percentile_us(99.9), None);
        assert!(set.curve().iter().all(|&(percentile, _)| percentile <= 99.0));
    }

    #[test]
    fn a_latency_beyond_the_range_counts_as_the_longest() {
        let mut set = Latencies::new();
        set.record(Duration::from_secs(600));
        let told = set.percentile_us(50.0).unwrap();
        assert!((told - 60e6).abs() < 60e3, "{told}");
    }
}
