//! Which snapshot an index belongs to, and the names behind it.
//!
//! Cores count by small indices; a reload gives the same index another meaning. So every index
//! comes with the number of its snapshot, and the control thread, which numbers them, turns both
//! into names when it merges.

use std::sync::Arc;

use config::Snapshot;
use config::snapshot::{Listener, RouteIx, UpstreamIx};

/// A published snapshot's number: 1 for the first, one more for each that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u32);

/// A listener of one generation: an index into `Snapshot::listeners`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerAt {
    /// Whose index it is.
    pub generation: Generation,
    /// The index.
    pub listener: u16,
}

/// An upstream of one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UpstreamAt {
    /// Whose index it is.
    pub generation: Generation,
    /// The index.
    pub upstream: UpstreamIx,
}

/// The snapshots that some core may still count against, oldest first. Few: one per reload whose
/// last request has not ended.
#[derive(Debug, Default)]
pub struct Generations {
    known: Vec<(Generation, Arc<Snapshot>)>,
}

impl Generations {
    /// From now on cores may count against `snapshot`. Generations must come in rising order.
    pub fn begin(&mut self, generation: Generation, snapshot: Arc<Snapshot>) {
        debug_assert!(self.known.last().is_none_or(|(last, _)| *last < generation));
        self.known.push((generation, snapshot));
    }

    /// No core counts against `generation` any more, and all that was counted has been merged.
    pub fn end(&mut self, generation: Generation) -> Option<Arc<Snapshot>> {
        let place = self.known.iter().position(|(known, _)| *known == generation)?;
        Some(self.known.remove(place).1)
    }

    /// The snapshot of a generation.
    pub fn snapshot(&self, generation: Generation) -> Option<&Arc<Snapshot>> {
        let found = self.known.iter().rev().find(|(known, _)| *known == generation);
        found.map(|(_, snapshot)| snapshot)
    }

    /// How many have begun and not ended.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True before the first snapshot.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(crate) fn listener(&self, at: ListenerAt) -> Option<&Arc<Listener>> {
        self.snapshot(at.generation)?.listeners.get(usize::from(at.listener))
    }

    pub(crate) fn route_name(&self, at: ListenerAt, route: RouteIx) -> Option<&Arc<str>> {
        let table = self.listener(at)?.table;
        let slot = self.snapshot(at.generation)?.tables.get(table.0 as usize)?;
        slot.as_ref()?.routes.get(route.0 as usize).map(|route| &route.name)
    }

    pub(crate) fn upstream_name(&self, at: UpstreamAt) -> Option<&Arc<str>> {
        let slot = self.snapshot(at.generation)?.upstreams.get(at.upstream.0 as usize)?;
        slot.as_ref().map(|upstream| &upstream.name)
    }
}
