//! A core's levels: what is open or in flight right now. Written by that core alone, read by the
//! control thread at any time without asking the core.

use std::sync::atomic::{AtomicU64, Ordering};

/// A level with one writer. Load and store are two plain moves: the single writer makes a locked
/// read-modify-write needless.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

/// The levels of one core. On a cache line of its own: two cores' writes must not meet.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Gauges {
    /// Connections accepted and not closed.
    pub downstream_connections: Gauge,
    /// Requests begun and not ended.
    pub active_requests: Gauge,
    /// Requests that wait for an upstream connection.
    pub pending_requests: Gauge,
    /// Upstream connections open, idle ones included.
    pub upstream_connections: Gauge,
    /// Upstream connections in a pool, waiting for a request.
    pub idle_connections: Gauge,
}

impl Gauge {
    /// The level. Any thread.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the level. The owning core only.
    pub fn set(&self, level: u64) {
        self.0.store(level, Ordering::Relaxed);
    }

    /// Raises the level. The owning core only.
    pub fn add(&self, by: u64) {
        self.set(self.value().wrapping_add(by));
    }

    /// Lowers the level, not below 0. The owning core only.
    pub fn sub(&self, by: u64) {
        let level = self.value();
        debug_assert!(level >= by, "a gauge went below zero");
        self.set(level.saturating_sub(by));
    }
}
