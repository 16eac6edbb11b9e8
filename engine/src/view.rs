//! One core's view of a snapshot: the shared configuration, and this core's state beside it.
//!
//! A request keeps the view that it began with. A new view takes over the state of every upstream
//! whose configuration is the same `Arc` as before.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use config::Snapshot;
use config::snapshot::UpstreamIx;
use control::Reports;
use policy::descriptors;
use signals::{Generation, UpstreamAt};

use crate::core::Core;
use crate::upstream::Upstream;

pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) generation: Generation,
    /// By slot, made at first use: ten thousand upstreams that a core never calls cost it nothing.
    upstreams: Box<[OnceCell<Rc<Upstream>>]>,
    room: Room,
    /// Connections from downstream that the process may have.
    pub(crate) connections_max: usize,
    reports: Rc<Reports>,
}

/// What the process has for connections.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) cores: usize,
    /// RLIMIT_NOFILE.
    pub(crate) descriptors: u64,
}

impl View {
    /// The view of a core that has had none.
    pub(crate) fn first(
        snapshot: Arc<Snapshot>,
        generation: Generation,
        room: Room,
        reports: &Rc<Reports>,
    ) -> Self {
        let upstreams = snapshot.upstreams.iter().map(|_| OnceCell::new()).collect();
        let connections_max = room.connections_max(&snapshot);
        let reports = Rc::clone(reports);
        Self { snapshot, generation, upstreams, room, connections_max, reports }
    }

    /// The view that follows this one.
    pub(crate) fn next(&self, snapshot: Arc<Snapshot>, generation: Generation) -> Self {
        let carried = |(slot, config): (usize, &Option<Arc<config::snapshot::Upstream>>)| {
            let old = self.upstreams.get(slot).and_then(OnceCell::get);
            match (old, config) {
                (Some(old), Some(config)) if Arc::ptr_eq(&old.config, config) => {
                    let upstream = UpstreamIx(u32::try_from(slot).expect("a slot has 32 bits"));
                    old.at.set(UpstreamAt { generation, upstream });
                    OnceCell::from(Rc::clone(old))
                }
                _ => OnceCell::new(),
            }
        };
        let upstreams = snapshot.upstreams.iter().enumerate().map(carried).collect();
        let room = self.room;
        let connections_max = room.connections_max(&snapshot);
        let reports = Rc::clone(&self.reports);
        Self { snapshot, generation, upstreams, room, connections_max, reports }
    }

    /// This core's state of the upstream in slot `ix`.
    pub(crate) fn upstream(&self, ix: UpstreamIx, core: &Core) -> &Rc<Upstream> {
        self.upstreams[ix.0 as usize]
            .get_or_init(|| Rc::new(Upstream::new(self.snapshot.upstream(ix), self.at(ix), core)))
    }

    /// The upstreams that this core has called.
    pub(crate) fn used(&self) -> impl Iterator<Item = &Rc<Upstream>> {
        self.upstreams.iter().filter_map(OnceCell::get)
    }

    /// The name that signals know an upstream by.
    fn at(&self, upstream: UpstreamIx) -> UpstreamAt {
        UpstreamAt { generation: self.generation, upstream }
    }
}

impl Room {
    /// What the configuration allows, within what the descriptors do.
    fn connections_max(self, snapshot: &Snapshot) -> usize {
        let bare = descriptors::bare(self.cores as u64, snapshot.listeners.len() as u64);
        let upstream = descriptors::upstream_max(snapshot);
        let fits = descriptors::downstream_max(self.descriptors, bare, upstream);
        snapshot.process.max_connections.min(usize::try_from(fits).unwrap_or(usize::MAX))
    }
}

impl Drop for View {
    /// The last request that used the snapshot has ended: it goes home, to be freed off the core.
    fn drop(&mut self) {
        self.reports.retired(self.generation, Arc::clone(&self.snapshot));
    }
}
