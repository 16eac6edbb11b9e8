//! What happened, as numbers: one [`Outcome`] per request, an [`Event`] for what is not a request,
//! counted by each core in its own [`Tally`] and added up off the cores in [`Totals`].
//!
//! Not here: the clock, the exposition format (`control::metrics`) and the access log. Pure:
//! numbers in, numbers out. A core swaps its `Tally` for an empty one in O(1) when the control
//! thread asks; nothing here is shared between threads but [`Gauges`].

mod configured;
mod distribution;
mod event;
mod gauges;
mod generation;
mod hash;
mod histogram;
mod levels;
mod outcome;
mod tally;
mod totals;

pub use distribution::{Distribution, OWN_BOUNDS_US, REQUEST_BOUNDS_US};
pub use event::{Event, Limit, ListenerEvent, Refusal, UpstreamEvent};
pub use gauges::{Gauge, Gauges};
pub use generation::{Generation, Generations, ListenerAt, UpstreamAt};
pub use histogram::Measure;
pub use levels::{Level, Levels};
pub use outcome::Outcome;
pub use tally::{SERIES_MAX, Tally};
pub use totals::{DistributionKey, Dropped, Expired, Totals, TrafficKey, TrafficTotals};
