//! What is in use at each upstream, told by the cores with every collection.
//!
//! A level is no count: what a core says replaces what it said before, and an upstream that no core
//! speaks of any more is forgotten at once. Not here: a core's own levels, which can be read
//! without asking it (`gauges`).

use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of `/metrics` that one upstream's levels make: in use, limit and reached for each of three
/// limits, and idle.
pub(crate) const LEVEL_LINES: usize = 10;

/// What one core, or all of them together, have at one upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Levels {
    /// Connections, those being opened and idle ones included.
    pub connections: Level,
    /// Requests without a connection.
    pub pending: Level,
    /// Requests with a connection.
    pub requests: Level,
}

/// One limit's use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Level {
    /// How many count against the limit.
    pub in_use: u64,
    /// Cores whose share of the limit is used up.
    pub reached: u64,
}

impl Level {
    /// Of one core, whose share of the limit is `share`.
    pub fn of(in_use: u32, share: u32) -> Self {
        Self { in_use: in_use.into(), reached: u64::from(share > 0 && in_use >= share) }
    }

    fn and(self, other: Self) -> Self {
        Self { in_use: self.in_use + other.in_use, reached: self.reached + other.reached }
    }
}

impl Levels {
    /// Connections that wait for a request: all but those that carry one, or are opened for one.
    pub fn idle(&self) -> u64 {
        self.connections.in_use.saturating_sub(self.requests.in_use)
    }

    fn and(self, other: Self) -> Self {
        Self {
            connections: self.connections.and(other.connections),
            pending: self.pending.and(other.pending),
            requests: self.requests.and(other.requests),
        }
    }
}

/// The last word of each core on each upstream.
#[derive(Debug, Default)]
pub(crate) struct LevelBook {
    by_name: BTreeMap<Arc<str>, BTreeMap<u16, Levels>>,
}

impl LevelBook {
    /// Forgets what `core` said before. Returns how many upstreams are not spoken of any more.
    pub(crate) fn forget(&mut self, core: u16) -> usize {
        let before = self.by_name.len();
        self.by_name.retain(|_, cores| {
            cores.remove(&core);
            !cores.is_empty()
        });
        before - self.by_name.len()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(crate) fn note(&mut self, core: u16, name: &Arc<str>, levels: Levels) {
        self.by_name.entry(name.clone()).or_default().insert(core, levels);
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// By upstream, all cores together.
    pub(crate) fn sums(&self) -> impl Iterator<Item = (&str, Levels)> {
        let sum = |cores: &BTreeMap<u16, Levels>| {
            cores.values().fold(Levels::default(), |sum, levels| sum.and(*levels))
        };
        self.by_name.iter().map(move |(name, cores)| (&**name, sum(cores)))
    }
}
