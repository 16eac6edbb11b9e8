//! What a request in flight may wait for, and how long.
//!
//! One timer serves both limits: it is set to the nearer one. Caller: `exchange::attempt`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use policy::{Cause, Failure};
use rt::Timer;

/// Who has to do something before the exchange can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The client, to send more of its request.
    Client,
    /// The upstream, to read or to answer.
    Upstream,
    /// The client, to read the response.
    Reader,
}

pub(super) struct Deadlines<'a> {
    timer: &'a Timer,
    /// No byte either way for so long ends the request (Envoy's `stream_idle_timeout`).
    idle: Duration,
    /// From the request's last byte sent to the response's last byte received (Envoy's route
    /// `timeout`).
    route: Option<Duration>,
    route_ends: Cell<Option<Instant>>,
    awaited: Cell<Awaited>,
    request_complete: Cell<bool>,
}

impl<'a> Deadlines<'a> {
    pub(super) fn new(timer: &'a Timer, idle: Duration, route: Option<Duration>) -> Self {
        Self {
            timer,
            idle,
            route,
            route_ends: Cell::default(),
            awaited: Cell::new(Awaited::Upstream),
            request_complete: Cell::default(),
        }
    }

    /// Bytes have passed: the idle time begins again, and it is `awaited`'s turn.
    pub(super) fn progress(&self, awaited: Awaited) {
        self.awaited.set(awaited);
        let idle_ends = rt::now() + self.idle;
        self.timer.set(self.route_ends.get().map_or(idle_ends, |route| route.min(idle_ends)));
    }

    /// The request has been sent whole: the route's time begins.
    pub(super) fn request_complete(&self) {
        self.request_complete.set(true);
        self.route_ends.set(self.route.map(|route| rt::now() + route));
        self.progress(Awaited::Upstream);
    }

    pub(super) fn is_request_complete(&self) -> bool {
        self.request_complete.get()
    }

    /// Which limit has passed, once the timer says that one has.
    pub(super) fn passed(&self) -> Failure {
        if self.route_ends.get().is_some_and(|ends| ends <= rt::now()) {
            return Failure::from(Cause::ResponseTimeout);
        }
        Failure::from(match self.awaited.get() {
            Awaited::Client => Cause::RequestIdle,
            Awaited::Upstream => Cause::ResponseIdle,
            Awaited::Reader => Cause::ReaderIdle,
        })
    }
}
