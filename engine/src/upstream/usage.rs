//! What one core has in use at an upstream, and the queue of requests that wait for a connection
//! (Envoy's `max_connections`, `max_pending_requests`, `max_requests`).
//!
//! Whether a request may have more is `policy::breaker`'s to say. Each count is held by a guard, so
//! that a dropped future gives back what it had. Caller: `upstream::connection`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use config::snapshot::Limits;
use policy::breaker::{self, Admission, InUse};
use signals::Gauges;

pub(crate) struct Usage {
    /// This core's share.
    limits: Limits,
    connections: Cell<u32>,
    pending: Cell<u32>,
    requests: Cell<u32>,
    /// In the order of arrival.
    waiting: RefCell<VecDeque<Rc<Place>>>,
    gauges: Arc<Gauges>,
}

/// One open connection; dropping it calls the next request that waits.
pub(crate) struct OpenConnection(Rc<Usage>);

/// One request that has no connection yet.
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
            waiting: RefCell::default(),
            gauges: Arc::clone(gauges),
        })
    }

    /// What a request without a connection may do; `idle`: whether the pool has one for it.
    pub(crate) fn admit(&self, idle: bool) -> Admission {
        let in_use = InUse {
            connections: self.connections.get(),
            pending: self.pending.get(),
            requests: self.requests.get(),
        };
        breaker::admit(&self.limits, in_use, idle)
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

    /// Waits until a connection may be free: the caller asks `admit` again.
    pub(crate) async fn wait(&self) {
        let place = Rc::new(Place::default());
        self.waiting.borrow_mut().push_back(Rc::clone(&place));
        let mut waiting = Waiting { usage: self, place: &place, answered: false };
        poll_fn(|cx| {
            if place.called.get() {
                return Poll::Ready(());
            }
            place.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
        waiting.answered = true;
    }

    /// Calls the next request that waits: a connection has become idle, or one more may be opened.
    pub(crate) fn call_next(&self) {
        let Some(place) = self.waiting.borrow_mut().pop_front() else { return };
        place.called.set(true);
        if let Some(waker) = place.waker.take() {
            waker.wake();
        }
    }
}

impl OpenConnection {
    /// Counts it at `usage` from now on: another upstream of the same address may have opened it.
    pub(crate) fn taken_over_by(self, usage: &Rc<Usage>) -> Self {
        if Rc::ptr_eq(&self.0, usage) { self } else { usage.connection() }
    }
}

/// A request's place in the queue.
#[derive(Default)]
struct Place {
    waker: RefCell<Option<Waker>>,
    /// Its turn has come.
    called: Cell<bool>,
}

/// Takes a request out of the queue when it gives up, and passes on a call that it did not answer.
struct Waiting<'a> {
    usage: &'a Usage,
    place: &'a Rc<Place>,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        if self.place.called.get() {
            self.usage.call_next();
        } else {
            self.usage.waiting.borrow_mut().retain(|place| !Rc::ptr_eq(place, self.place));
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get() - 1);
        self.0.gauges.upstream_connections.sub(1);
        self.0.call_next();
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
    use std::pin::{Pin, pin};
    use std::task::Context;

    use super::*;

    fn usage() -> Rc<Usage> {
        let limits = Limits { connections: 1, pending: 8, requests: 8 };
        Usage::new(limits, &Arc::default())
    }

    fn is_called(wait: Pin<&mut impl Future<Output = ()>>) -> bool {
        wait.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn those_who_wait_are_called_in_the_order_they_came() {
        let usage = usage();
        let (mut first, mut second) = (pin!(usage.wait()), pin!(usage.wait()));
        assert!(!is_called(first.as_mut()) && !is_called(second.as_mut()));
        usage.call_next();
        assert!(!is_called(second.as_mut()), "it came later");
        assert!(is_called(first));
        usage.call_next();
        assert!(is_called(second));
    }

    #[test]
    fn who_gave_up_is_not_called() {
        let usage = usage();
        let mut gone = Box::pin(usage.wait());
        let mut stays = pin!(usage.wait());
        assert!(!is_called(gone.as_mut()) && !is_called(stays.as_mut()));
        drop(gone);
        usage.call_next();
        assert!(is_called(stays));
    }

    #[test]
    fn a_call_that_nobody_answers_goes_to_the_next() {
        let usage = usage();
        let mut gone = Box::pin(usage.wait());
        let mut next = pin!(usage.wait());
        assert!(!is_called(gone.as_mut()) && !is_called(next.as_mut()));
        usage.call_next();
        drop(gone);
        assert!(is_called(next));
    }

    #[test]
    fn a_connection_that_closes_calls_the_next() {
        let usage = usage();
        let open = usage.connection();
        assert_eq!(usage.admit(false), Admission::Wait);
        let mut wait = pin!(usage.wait());
        assert!(!is_called(wait.as_mut()));
        drop(open);
        assert!(is_called(wait));
        assert_eq!(usage.admit(false), Admission::Connect);
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
