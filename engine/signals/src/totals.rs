//! The process's counts since it began, by name: what `/metrics`, `/stats` and `/latency` show.
//!
//! Owned by the control thread. Merging a core's tally turns indices into names, so a reload that
//! moves a route to another index, or brings an upstream back, goes on with the same series.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use config::Snapshot;
use config::snapshot::Direction;

use crate::configured::Configured;
use crate::distribution::Distribution;
use crate::event::{Event, ListenerEvent, UpstreamEvent};
use crate::generation::{Generations, ListenerAt, UpstreamAt};
use crate::histogram::{LINES, Measure, Owner, Recording};
use crate::levels::{LEVEL_LINES, LevelBook, Levels};
use crate::tally::{Counts, SeriesKey, Tally};

/// The label of requests whose own series found no room, and of those whose snapshot is forgotten.
const OTHER: &str = "(other)";

/// Bytes in, bytes out, retries: what a [`TrafficKey`] takes beside its codes.
const TRAFFIC_LINES: usize = 3;

/// The process's counts.
#[derive(Debug)]
pub struct Totals {
    traffic: BTreeMap<TrafficKey, Aged<TrafficTotals>>,
    distributions: BTreeMap<DistributionKey, Aged<Distribution>>,
    listener_events: BTreeMap<(Arc<str>, ListenerEvent), Aged<u64>>,
    upstream_events: BTreeMap<(Arc<str>, UpstreamEvent), Aged<u64>>,
    levels: LevelBook,
    /// Requests that found no room, under the label `(other)`.
    other: (TrafficKey, TrafficTotals),
    dropped: Dropped,
    expired: Expired,
    room: Room,
    now_s: u64,
    empty: Arc<str>,
}

/// Lines in use, and how many there may be.
#[derive(Debug)]
struct Room {
    lines: usize,
    series_max: usize,
}

/// Whose requests. An empty name: none was chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrafficKey {
    /// The listener's name.
    pub listener: Arc<str>,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// The route's name.
    pub route: Arc<str>,
    /// The upstream's name.
    pub upstream: Arc<str>,
}

/// Sums over requests of one [`TrafficKey`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TrafficTotals {
    /// By status and response flag (empty: none).
    pub requests: BTreeMap<(u16, &'static str), u64>,
    /// Body bytes from downstream.
    pub bytes_in: u64,
    /// Body bytes to downstream.
    pub bytes_out: u64,
    /// Attempts beyond the first.
    pub retries: u64,
}

/// Whose distribution of times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DistributionKey {
    /// What is measured.
    pub measure: Measure,
    /// The name of the listener, route or upstream.
    pub name: Arc<str>,
    /// Of a listener; empty for a route or upstream.
    pub direction: &'static str,
}

/// What was not kept because `series_max` was reached, here or on a core.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Requests counted under `(other)` and not under their own series.
    pub requests: u64,
    /// Histograms that found no room, once per collection.
    pub histograms: u64,
    /// Events not counted.
    pub events: u64,
    /// Upstreams whose levels are not shown, once per collection.
    pub levels: u64,
}

/// Lines that were forgotten as nothing changed them for long.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Of listeners, routes and upstreams that the configuration has no more.
    pub gone: u64,
    /// Of configured ones, to make room.
    pub idle: u64,
}

/// A value, and when it last changed.
#[derive(Debug)]
struct Aged<T> {
    value: T,
    changed_s: u64,
}

impl Totals {
    /// No counts yet; at most `series_max` lines.
    pub fn new(series_max: usize) -> Self {
        Self {
            traffic: BTreeMap::new(),
            distributions: BTreeMap::new(),
            listener_events: BTreeMap::new(),
            upstream_events: BTreeMap::new(),
            levels: LevelBook::default(),
            other: (TrafficKey::other(), TrafficTotals::default()),
            dropped: Dropped::default(),
            expired: Expired::default(),
            room: Room { lines: 0, series_max },
            now_s: 0,
            empty: Arc::from(""),
        }
    }

    /// Adds what a core counted and leaves `tally` empty, its memory kept for the next round.
    /// `now_s` is any clock in seconds that does not go back.
    pub fn merge(&mut self, tally: &mut Tally, names: &Generations, now_s: u64) {
        self.now_s = now_s;
        for series in &tally.series {
            self.add_requests(&series.key, &series.counts, names);
        }
        for recording in &tally.recordings {
            self.add_times(recording, names);
        }
        for (event, times) in &tally.events {
            self.add_event(*event, *times, names);
        }
        self.add_dropped(tally);
        tally.reset();
    }

    /// Takes what `core` has in use from its tally, in place of what it said before. To be called
    /// before [`Totals::merge`], which empties the tally.
    pub fn take_levels(&mut self, core: u16, tally: &Tally, names: &Generations) {
        self.room.lines -= self.levels.forget(core) * LEVEL_LINES;
        for (at, levels) in &tally.levels {
            let Some(name) = names.upstream_name(*at) else { continue };
            if self.levels.has(name) || self.room.claim(LEVEL_LINES) {
                self.levels.note(core, name, *levels);
            } else {
                self.dropped.levels += 1;
            }
        }
    }

    /// From now on at most so many lines. A smaller number forgets nothing, and lets nothing in
    /// until there is room.
    pub fn limit(&mut self, series_max: usize) {
        self.room.series_max = series_max;
    }

    /// Forgets what has not changed for `idle_s`: what `snapshot` has no name for, and, if more
    /// than half of the room is taken, all of it.
    pub fn expire(&mut self, idle_s: u64, snapshot: &Snapshot) {
        let crowded = self.room.lines * 2 >= self.room.series_max;
        let (configured, expired) = (Configured::by(snapshot), &mut self.expired);
        let oldest_s = self.now_s.saturating_sub(idle_s);
        let mut keeps = |changed_s: u64, lines: usize, is_configured: &dyn Fn() -> bool| {
            if changed_s >= oldest_s {
                return true;
            }
            let is_configured = is_configured();
            let keeps = is_configured && !crowded;
            if !keeps {
                let counted = if is_configured { &mut expired.idle } else { &mut expired.gone };
                *counted += lines as u64;
            }
            keeps
        };
        self.traffic.retain(|key, aged| {
            let lines = TRAFFIC_LINES + aged.value.requests.len();
            keeps(aged.changed_s, lines, &|| configured.has_traffic(key))
        });
        self.distributions
            .retain(|key, aged| keeps(aged.changed_s, LINES, &|| configured.has_times(key)));
        self.listener_events
            .retain(|(name, _), aged| keeps(aged.changed_s, 1, &|| configured.has_listener(name)));
        self.upstream_events
            .retain(|(name, _), aged| keeps(aged.changed_s, 1, &|| configured.has_upstream(name)));
        self.count_lines();
    }

    fn count_lines(&mut self) {
        let codes: usize = self.traffic.values().map(|aged| aged.value.requests.len()).sum();
        self.room.lines = codes
            + self.traffic.len() * TRAFFIC_LINES
            + self.distributions.len() * LINES
            + self.listener_events.len()
            + self.upstream_events.len()
            + self.levels.len() * LEVEL_LINES;
    }

    /// Requests, by name.
    pub fn traffic(&self) -> impl Iterator<Item = (&TrafficKey, &TrafficTotals)> {
        let known = self.traffic.iter().map(|(key, aged)| (key, &aged.value));
        let (key, totals) = &self.other;
        known.chain((!totals.requests.is_empty()).then_some((key, totals)))
    }

    /// Times, by what is measured and by name.
    pub fn distributions(&self) -> impl Iterator<Item = (&DistributionKey, &Distribution)> {
        self.distributions.iter().map(|(key, aged)| (key, &aged.value))
    }

    /// What happened at listeners: name, event, how often.
    pub fn listener_events(&self) -> impl Iterator<Item = (&str, ListenerEvent, u64)> {
        self.listener_events.iter().map(|((name, event), aged)| (&**name, *event, aged.value))
    }

    /// What happened towards upstreams: name, event, how often.
    pub fn upstream_events(&self) -> impl Iterator<Item = (&str, UpstreamEvent, u64)> {
        self.upstream_events.iter().map(|((name, event), aged)| (&**name, *event, aged.value))
    }

    /// What is in use at each upstream that some core has called.
    pub fn levels(&self) -> impl Iterator<Item = (&str, Levels)> {
        self.levels.sums()
    }

    /// What found no room.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// What was forgotten.
    pub fn expired(&self) -> Expired {
        self.expired
    }

    /// Roughly how many lines of `/metrics` all of it makes.
    pub fn lines(&self) -> usize {
        self.room.lines
    }

    fn add_requests(&mut self, key: &SeriesKey, counts: &Counts, names: &Generations) {
        let traffic = self.traffic_key(key, names);
        let code = (key.status, key.flag.map_or("", |flag| flag.as_str()));
        let (room, now_s) = (&mut self.room, self.now_s);
        let added = slot(&mut self.traffic, traffic, now_s, room, TRAFFIC_LINES, Default::default)
            .is_some_and(|totals| totals.add(code, counts, room));
        if !added {
            self.add_other(counts);
        }
    }

    fn add_other(&mut self, counts: &Counts) {
        self.dropped.requests += counts.requests;
        let mut unbounded = Room { lines: 0, series_max: usize::MAX };
        self.other.1.add((0, ""), counts, &mut unbounded);
    }

    fn add_times(&mut self, recording: &Recording, names: &Generations) {
        let key = self.distribution_key(recording.owner, names);
        let measure = key.measure;
        let new = || Distribution::new(measure);
        match slot(&mut self.distributions, key, self.now_s, &mut self.room, LINES, new) {
            Some(distribution) => distribution.merge(recording),
            None => self.dropped.histograms += 1,
        }
    }

    fn add_event(&mut self, event: Event, times: u64, names: &Generations) {
        let (room, now_s) = (&mut self.room, self.now_s);
        let total = match event {
            Event::Listener(at, event) => {
                let name = names.listener(at).map(|listener| listener.name.clone());
                let key = (name.unwrap_or_else(|| self.other.0.listener.clone()), event);
                slot(&mut self.listener_events, key, now_s, room, 1, Default::default)
            }
            Event::Upstream(at, event) => {
                let name = names.upstream_name(at).cloned();
                let key = (name.unwrap_or_else(|| self.other.0.upstream.clone()), event);
                slot(&mut self.upstream_events, key, now_s, room, 1, Default::default)
            }
        };
        match total {
            Some(total) => *total += times,
            None => self.dropped.events += times,
        }
    }

    fn add_dropped(&mut self, tally: &Tally) {
        let dropped = &tally.dropped;
        if dropped.requests.requests > 0 {
            self.add_other(&dropped.requests);
        }
        self.dropped.histograms += dropped.histograms;
        self.dropped.events += dropped.events;
        self.dropped.levels += dropped.levels;
    }

    fn traffic_key(&self, key: &SeriesKey, names: &Generations) -> TrafficKey {
        let at = ListenerAt { generation: key.generation, listener: key.listener };
        let Some(listener) = names.listener(at) else {
            return self.other.0.clone();
        };
        let upstream = |upstream| UpstreamAt { generation: key.generation, upstream };
        let route = key.route.and_then(|route| names.route_name(at, route));
        let upstream = key.upstream.and_then(|ix| names.upstream_name(upstream(ix)));
        TrafficKey {
            listener: listener.name.clone(),
            direction: direction(listener.direction),
            route: route.unwrap_or(&self.empty).clone(),
            upstream: upstream.unwrap_or(&self.empty).clone(),
        }
    }

    fn distribution_key(&self, owner: Owner, names: &Generations) -> DistributionKey {
        let measure = owner.measure();
        let (name, direction) = match owner {
            Owner::Request(at) | Owner::Own(at) => {
                let found = names.listener(at);
                let name = found.map(|listener| listener.name.clone());
                (name, found.map_or("", |listener| direction(listener.direction)))
            }
            Owner::Route(at, route) => (names.route_name(at, route).cloned(), ""),
            Owner::Upstream(at) => (names.upstream_name(at).cloned(), ""),
        };
        DistributionKey {
            measure,
            name: name.unwrap_or_else(|| self.other.0.route.clone()),
            direction,
        }
    }
}

impl TrafficKey {
    fn other() -> Self {
        let other: Arc<str> = Arc::from(OTHER);
        Self { listener: other.clone(), direction: "", route: other.clone(), upstream: other }
    }
}

impl TrafficTotals {
    /// False if the code is new and there is no room for it.
    fn add(&mut self, code: (u16, &'static str), counts: &Counts, room: &mut Room) -> bool {
        if !self.requests.contains_key(&code) && !room.claim(1) {
            return false;
        }
        *self.requests.entry(code).or_default() += counts.requests;
        self.bytes_in += counts.bytes_in;
        self.bytes_out += counts.bytes_out;
        self.retries += counts.retries;
        true
    }
}

impl Room {
    fn claim(&mut self, lines: usize) -> bool {
        let fits = self.lines + lines <= self.series_max;
        self.lines += if fits { lines } else { 0 };
        fits
    }
}

/// The value at `key`, its age set back; made by `new` if there is room for its `lines`.
fn slot<'m, K: Ord, T>(
    map: &'m mut BTreeMap<K, Aged<T>>,
    key: K,
    now_s: u64,
    room: &mut Room,
    lines: usize,
    new: impl FnOnce() -> T,
) -> Option<&'m mut T> {
    let aged = match map.entry(key) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(_) if !room.claim(lines) => return None,
        Entry::Vacant(entry) => entry.insert(Aged { value: new(), changed_s: now_s }),
    };
    aged.changed_s = now_s;
    Some(&mut aged.value)
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}
