//! The names that a configuration knows: what decides whether an idle series may still be wanted.

use std::cell::LazyCell;
use std::collections::HashSet;

use config::Snapshot;

use crate::histogram::Measure;
use crate::totals::{DistributionKey, TrafficKey};

/// Names of the snapshot in force. The sets are made when first asked: most scrapes find nothing
/// idle.
pub(crate) struct Configured<'s> {
    listeners: Lazy<'s>,
    routes: Lazy<'s>,
    upstreams: Lazy<'s>,
}

type Lazy<'s> = LazyCell<HashSet<&'s str>, Box<dyn FnOnce() -> HashSet<&'s str> + 's>>;

impl<'s> Configured<'s> {
    pub(crate) fn by(snapshot: &'s Snapshot) -> Self {
        let listeners = || snapshot.listeners.iter().map(|one| &*one.name).collect();
        let tables = || snapshot.tables.iter().flatten();
        let routes = move || tables().flat_map(|table| &table.routes).map(|one| &*one.name);
        let upstreams = || snapshot.upstreams.iter().flatten().map(|one| &*one.name).collect();
        Self {
            listeners: Lazy::new(Box::new(listeners)),
            routes: Lazy::new(Box::new(move || routes().collect())),
            upstreams: Lazy::new(Box::new(upstreams)),
        }
    }

    pub(crate) fn has_listener(&self, name: &str) -> bool {
        self.listeners.contains(name)
    }

    pub(crate) fn has_upstream(&self, name: &str) -> bool {
        self.upstreams.contains(name)
    }

    /// An empty name stands for none, which nobody can take out of a configuration.
    pub(crate) fn has_traffic(&self, key: &TrafficKey) -> bool {
        self.has_listener(&key.listener)
            && (key.route.is_empty() || self.routes.contains(&*key.route))
            && (key.upstream.is_empty() || self.has_upstream(&key.upstream))
    }

    pub(crate) fn has_times(&self, key: &DistributionKey) -> bool {
        match key.measure {
            Measure::Request | Measure::Own => self.has_listener(&key.name),
            Measure::Route => self.routes.contains(&*key.name),
            Measure::Upstream => self.has_upstream(&key.name),
        }
    }
}
