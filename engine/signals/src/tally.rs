//! One core's counts since the last collection: plain integers, no atomics, no lock.
//!
//! The core records into it and hands it over whole when the control thread asks for it
//! (`CoreOrder::Collect`). Recording on a known series costs one hash look-up and allocates
//! nothing.

use std::collections::HashMap;

use config::snapshot::{RouteIx, UpstreamIx};
use policy::Flag;

use crate::event::Event;
use crate::generation::{Generation, ListenerAt, UpstreamAt};
use crate::hash::BuildFold;
use crate::histogram::{LINES, Owner, Recording, Spares};
use crate::levels::{LEVEL_LINES, Levels};
use crate::outcome::Outcome;

/// Lines of `/metrics` that one core may come to fill, where no configuration says how many.
pub const SERIES_MAX: usize = 10_000;

/// One core's counts. `series_max` bounds them: a histogram counts as the lines it is rendered to,
/// and all histograms together may take half.
#[derive(Debug)]
pub struct Tally {
    pub(crate) series: Vec<Series>,
    index: HashMap<SeriesKey, u32, BuildFold>,
    pub(crate) recordings: Vec<Recording>,
    owners: HashMap<Owner, u32, BuildFold>,
    spares: Spares,
    pub(crate) events: HashMap<Event, u64, BuildFold>,
    pub(crate) levels: Vec<(UpstreamAt, Levels)>,
    pub(crate) dropped: Overflow,
    series_max: usize,
}

/// What found no room.
#[derive(Debug, Default)]
pub(crate) struct Overflow {
    /// Requests whose series could not be opened; they are counted here, so that the sum is right.
    pub(crate) requests: Counts,
    /// Histograms not made.
    pub(crate) histograms: u64,
    /// Events not counted.
    pub(crate) events: u64,
    /// Upstreams whose levels were not noted.
    pub(crate) levels: u64,
}

/// The labels of a request, as indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SeriesKey {
    pub(crate) generation: Generation,
    pub(crate) route: Option<RouteIx>,
    pub(crate) upstream: Option<UpstreamIx>,
    pub(crate) listener: u16,
    pub(crate) status: u16,
    pub(crate) flag: Option<Flag>,
}

/// Sums over requests.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) retries: u64,
}

/// One series, with the places of the histograms that its requests go to.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) key: SeriesKey,
    pub(crate) counts: Counts,
    request: Option<u32>,
    own: Option<u32>,
    route: Option<u32>,
    upstream: Option<u32>,
}

impl Tally {
    /// An empty tally that holds at most `series_max` lines. Allocates nothing yet.
    pub fn new(series_max: usize) -> Self {
        Self {
            series: Vec::new(),
            index: HashMap::default(),
            recordings: Vec::new(),
            owners: HashMap::default(),
            spares: Spares::default(),
            events: HashMap::default(),
            levels: Vec::new(),
            dropped: Overflow::default(),
            series_max,
        }
    }

    /// From now on at most so many lines.
    pub fn limit(&mut self, series_max: usize) {
        self.series_max = series_max;
    }

    /// Counts one request.
    pub fn record(&mut self, outcome: &Outcome) {
        let Some(place) = self.place_of(outcome) else {
            self.dropped.requests.add(outcome);
            return;
        };
        let series = &mut self.series[place];
        series.counts.add(outcome);
        let times = [
            (series.request, Some(outcome.duration_us)),
            (series.own, Some(outcome.own_us)),
            (series.route, Some(outcome.duration_us)),
            (series.upstream, outcome.upstream_us),
        ];
        for (recording, value_us) in times {
            if let (Some(recording), Some(value_us)) = (recording, value_us) {
                self.recordings[recording as usize].record(value_us);
            }
        }
    }

    /// Counts one event.
    pub fn count(&mut self, event: Event) {
        self.add(event, 1);
    }

    /// Counts an event that stands for so many.
    pub fn add(&mut self, event: Event, times: u64) {
        if let Some(counted) = self.events.get_mut(&event) {
            *counted += times;
        } else if self.lines() < self.series_max {
            self.events.insert(event, times);
        } else {
            self.dropped.events += 1;
        }
    }

    /// Notes what is in use at an upstream, as the tally is handed over.
    pub fn note(&mut self, at: UpstreamAt, levels: Levels) {
        if (self.levels.len() + 1) * LEVEL_LINES > self.series_max {
            self.dropped.levels += 1;
        } else {
            self.levels.push((at, levels));
        }
    }

    /// True if nothing was counted since the last collection.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.events.is_empty() && self.dropped.is_empty()
    }

    /// Empties it and keeps the memory that this round needed.
    pub(crate) fn reset(&mut self) {
        self.series.clear();
        self.index.clear();
        self.owners.clear();
        self.spares.give_back(self.recordings.drain(..));
        self.events.clear();
        self.levels.clear();
        self.dropped = Overflow::default();
    }

    fn place_of(&mut self, outcome: &Outcome) -> Option<usize> {
        let key = SeriesKey::of(outcome);
        match self.index.get(&key) {
            Some(place) => Some(*place as usize),
            None => self.open(key, outcome),
        }
    }

    fn open(&mut self, key: SeriesKey, outcome: &Outcome) -> Option<usize> {
        if self.lines() >= self.series_max {
            return None;
        }
        let listener: ListenerAt = outcome.listener_at();
        let upstream: Option<UpstreamAt> = outcome.upstream_at();
        let series = Series {
            key,
            counts: Counts::default(),
            request: self.recording(Owner::Request(listener)),
            own: self.recording(Owner::Own(listener)),
            route: key.route.and_then(|route| self.recording(Owner::Route(listener, route))),
            upstream: upstream.and_then(|upstream| self.recording(Owner::Upstream(upstream))),
        };
        let place = self.series.len();
        self.series.push(series);
        self.index.insert(key, u32::try_from(place).expect("series_max is far below u32::MAX"));
        Some(place)
    }

    /// The place of `owner`'s histogram, made now if there is room.
    fn recording(&mut self, owner: Owner) -> Option<u32> {
        if let Some(place) = self.owners.get(&owner) {
            return Some(*place);
        }
        if (self.recordings.len() + 1) * LINES > self.series_max / 2 {
            self.dropped.histograms += 1;
            return None;
        }
        let place = u32::try_from(self.recordings.len()).expect("bounded by series_max");
        self.recordings.push(self.spares.take(owner));
        self.owners.insert(owner, place);
        Some(place)
    }

    fn lines(&self) -> usize {
        self.series.len() + self.events.len() + self.recordings.len() * LINES
    }
}

impl SeriesKey {
    fn of(outcome: &Outcome) -> Self {
        Self {
            generation: outcome.generation,
            route: outcome.route,
            upstream: outcome.upstream,
            listener: outcome.listener,
            status: outcome.status,
            flag: outcome.flag,
        }
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.requests += 1;
        self.bytes_in += outcome.bytes_in;
        self.bytes_out += outcome.bytes_out;
        self.retries += u64::from(outcome.retries);
    }
}

impl Overflow {
    fn is_empty(&self) -> bool {
        self.requests.requests == 0 && self.histograms == 0 && self.events == 0
    }
}
