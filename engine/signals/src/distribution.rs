//! A distribution of times since the process began: classic buckets for Prometheus, and an
//! HDR histogram for exact percentiles. Lives in `Totals`, off the cores.

use hdrhistogram::Histogram;

use crate::histogram::{Measure, Recording};

/// How many bounds a classic histogram has, `+Inf` not counted.
pub(crate) const BOUNDS: usize = 19;

/// Upper bounds (`le`) of durations, µs: 50 µs to 60 s.
pub const REQUEST_BOUNDS_US: [u64; BOUNDS] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Upper bounds (`le`) of the proxy's own time, µs: finer, as it is tens of microseconds.
pub const OWN_BOUNDS_US: [u64; BOUNDS] = [
    5, 10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_500, 5_000, 10_000, 50_000,
    100_000, 1_000_000,
];

/// Times since the process began.
#[derive(Debug)]
pub struct Distribution {
    bounds_us: &'static [u64; BOUNDS],
    /// Not cumulative; what is above the last bound is in `count` alone.
    buckets: [u64; BOUNDS],
    count: u64,
    sum_us: u64,
    exact: Histogram<u64>,
}

impl Distribution {
    pub(crate) fn new(measure: Measure) -> Self {
        let bounds_us = match measure {
            Measure::Own => &OWN_BOUNDS_US,
            Measure::Request | Measure::Route | Measure::Upstream => &REQUEST_BOUNDS_US,
        };
        // Grows with the largest value seen: most never need the room up to 60 s.
        let exact = Histogram::new(measure.digits()).expect("2 or 3 digits are valid");
        Self { bounds_us, buckets: [0; BOUNDS], count: 0, sum_us: 0, exact }
    }

    /// Adds a core's share. A cell of the core's histogram falls into the bucket of its lowest
    /// value, always the same one, so a bucket's counter never goes back.
    pub(crate) fn merge(&mut self, share: &Recording) {
        for cell in share.counts.iter_recorded() {
            let highest = cell.value_iterated_to();
            let times = cell.count_since_last_iteration();
            let lowest = share.counts.lowest_equivalent(highest);
            let bucket = self.bounds_us.partition_point(|bound| *bound < lowest);
            if let Some(bucket) = self.buckets.get_mut(bucket) {
                *bucket += times;
            }
            self.count += times;
            // An auto-resizing histogram refuses no value up to u64::MAX / 2.
            let _ = self.exact.record_n(highest, times);
        }
        self.sum_us += share.sum_us;
    }

    /// `(upper bound in µs, how many took at most that long)`, rising.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let sums = self.buckets.iter().scan(0, |sum, bucket| {
            *sum += bucket;
            Some(*sum)
        });
        self.bounds_us.iter().copied().zip(sums)
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all, µs.
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }

    /// The time, µs, that a share of `quantile` (0 to 1) did not exceed; 0 where none was recorded.
    pub fn quantile_us(&self, quantile: f64) -> u64 {
        self.exact.value_at_quantile(quantile)
    }

    /// The longest, µs, to the digits kept.
    pub fn max_us(&self) -> u64 {
        self.exact.max()
    }
}
