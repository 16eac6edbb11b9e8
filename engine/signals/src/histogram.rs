//! A core's histograms: made at first use, bounded in number, and used again after a collection.
//!
//! Sizes (1 µs to 60 s, `u32` counts): three digits take 68 KiB, two take 10 KiB.

use config::snapshot::RouteIx;
use hdrhistogram::Histogram;

use crate::distribution::BOUNDS;
use crate::generation::{ListenerAt, UpstreamAt};

/// Longest time told apart, µs; what is longer counts as this.
const HIGHEST_US: u64 = 60_000_000;

/// What a rendered histogram costs in lines: its buckets, `+Inf`, sum and count.
pub(crate) const LINES: usize = BOUNDS + 3;

/// What is measured; decides digits and bucket bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Whole requests of a listener, three digits.
    Request,
    /// The proxy's own added time on a listener, three digits.
    Own,
    /// Whole requests of a route, two digits.
    Route,
    /// An upstream's time to the response head, two digits.
    Upstream,
}

impl Measure {
    /// Significant digits kept.
    pub fn digits(self) -> u8 {
        match self {
            Self::Request | Self::Own => 3,
            Self::Route | Self::Upstream => 2,
        }
    }
}

/// Whose histogram it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Request(ListenerAt),
    Own(ListenerAt),
    Route(ListenerAt, RouteIx),
    Upstream(UpstreamAt),
}

impl Owner {
    pub(crate) fn measure(self) -> Measure {
        match self {
            Self::Request(_) => Measure::Request,
            Self::Own(_) => Measure::Own,
            Self::Route(..) => Measure::Route,
            Self::Upstream(_) => Measure::Upstream,
        }
    }
}

/// One histogram in use.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) owner: Owner,
    pub(crate) counts: Histogram<u32>,
    pub(crate) sum_us: u64,
}

impl Recording {
    pub(crate) fn record(&mut self, value_us: u64) {
        self.counts.saturating_record(value_us);
        self.sum_us = self.sum_us.saturating_add(value_us);
    }
}

/// Empty histograms that wait for their next use, so that a busy core allocates none.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    fine: Vec<Histogram<u32>>,
    coarse: Vec<Histogram<u32>>,
}

impl Spares {
    pub(crate) fn take(&mut self, owner: Owner) -> Recording {
        let digits = owner.measure().digits();
        let counts = self.shelf(digits).pop().unwrap_or_else(|| {
            Histogram::new_with_bounds(1, HIGHEST_US, digits).expect("1 < 60 s, and 2 or 3 digits")
        });
        Recording { owner, counts, sum_us: 0 }
    }

    /// Keeps what the last round used and frees what it did not need: an idle route's memory goes.
    pub(crate) fn give_back(&mut self, used: impl Iterator<Item = Recording>) {
        self.fine.clear();
        self.coarse.clear();
        for mut recording in used {
            recording.counts.reset();
            self.shelf(recording.owner.measure().digits()).push(recording.counts);
        }
    }

    fn shelf(&mut self, digits: u8) -> &mut Vec<Histogram<u32>> {
        if digits == 3 { &mut self.fine } else { &mut self.coarse }
    }
}
