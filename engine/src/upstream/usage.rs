//! What one core has in use at an upstream (Envoy's `max_connections`, `max_pending_requests`,
//! `max_requests`).
//!
//! Whether a request may have more is `policy::breaker`'s to say. Each count is held by a guard, so
//! that a dropped future gives back what it had. Caller: `upstream::connection`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use config::snapshot::Limits;
use policy::breaker::{self, Admission, Asker, InUse};
use signals::{Gauges, Level, Levels};

use super::queue::Queue;

pub(crate) struct Usage {
    /// This core's share.
    limits: Limits,
    connections: Cell<u32>,
    pending: Cell<u32>,
    requests: Cell<u32>,
    /// Requests that wait for a connection.
    pub(crate) queue: Queue,
    gauges: Arc<Gauges>,
}

/// One open connection; dropping it calls the next request that waits.
pub(crate) struct OpenConnection(Rc<Usage>);

/// One request that waits for a connection.
pub(crate) struct PendingRequest(Rc<Usage>);

/// One request that has a connection, until its response has ended.
pub(crate) struct ActiveRequest(Rc<Usage>);

impl Usage {
    pub(crate) fn new(limits: Limits, gauges: &Arc<Gauges>) -> Rc<Self> {
        Rc::new(Self {
            limits,
            connections: Cell::new(0),
            pending: Cell::new(0),
            requests: Cell::new(0),
            queue: Queue::default(),
            gauges: Arc::clone(gauges),
        })
    }

    /// What a request without a connection may do.
    pub(crate) fn admit(&self, asker: Asker) -> Admission {
        let in_use = InUse {
            connections: self.connections.get(),
            pending: self.pending.get(),
            requests: self.requests.get(),
        };
        breaker::admit(&self.limits, in_use, asker)
    }

    /// What is in use, against this core's share.
    pub(crate) fn levels(&self) -> Levels {
        let Self { limits, connections, pending, requests, .. } = self;
        Levels {
            connections: Level::of(connections.get(), limits.connections),
            pending: Level::of(pending.get(), limits.pending),
            requests: Level::of(requests.get(), limits.requests),
        }
    }

    pub(crate) fn connection(self: &Rc<Self>) -> OpenConnection {
        self.connections.set(self.connections.get() + 1);
        self.gauges.upstream_connections.add(1);
        OpenConnection(Rc::clone(self))
    }

    pub(crate) fn pending(self: &Rc<Self>) -> PendingRequest {
        self.pending.set(self.pending.get() + 1);
        self.gauges.pending_requests.add(1);
        PendingRequest(Rc::clone(self))
    }

    pub(crate) fn request(self: &Rc<Self>) -> ActiveRequest {
        self.requests.set(self.requests.get() + 1);
        ActiveRequest(Rc::clone(self))
    }
}

impl OpenConnection {
    /// Counts it at `usage` from now on: another upstream of the same address may have opened it.
    pub(crate) fn taken_over_by(self, usage: &Rc<Usage>) -> Self {
        if Rc::ptr_eq(&self.0, usage) { self } else { usage.connection() }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get() - 1);
        self.0.gauges.upstream_connections.sub(1);
        self.0.queue.call_next();
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.0.pending.set(self.0.pending.get() - 1);
        self.0.gauges.pending_requests.sub(1);
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_connection_that_closes_makes_room_and_calls_the_next() {
        let limits = Limits { connections: 1, pending: 8, requests: 8 };
        let usage = Usage::new(limits, &Arc::default());
        let open = usage.connection();
        assert_eq!(usage.admit(Asker::First), Admission::Wait);
        let place = usage.queue.place();
        let mut called = pin!(place.called());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(called.as_mut().poll(&mut cx).is_pending());
        drop(open);
        assert!(called.poll(&mut cx).is_ready());
        assert_eq!(usage.admit(Asker::Called), Admission::Connect);
    }

    #[test]
    fn the_gauges_come_back_to_zero() {
        let gauges = Arc::new(Gauges::default());
        let usage = Usage::new(Limits { connections: 4, pending: 4, requests: 4 }, &gauges);
        let held = (usage.connection(), usage.pending(), usage.request());
        assert_eq!(gauges.upstream_connections.value(), 1);
        assert_eq!(gauges.pending_requests.value(), 1);
        drop(held);
        assert_eq!(gauges.upstream_connections.value(), 0);
        assert_eq!(gauges.pending_requests.value(), 0);
    }
}
