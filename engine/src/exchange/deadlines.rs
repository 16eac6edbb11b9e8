//! What a request in flight may wait for, and how long.
//!
//! One timer serves both limits: it is set to the nearer one. Caller: `exchange::attempt`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use policy::{Cause, Failure};
use rt::Timer;

pub(super) struct Deadlines<'a> {
    timer: &'a Timer,
    /// No byte either way for so long ends the request (Envoy's `stream_idle_timeout`).
    idle: Duration,
    /// From the request's last byte sent to the response's last byte received (Envoy's route
    /// `timeout`).
    route: Option<Duration>,
    route_ends: Cell<Option<Instant>>,
    request_complete: Cell<bool>,
}

impl<'a> Deadlines<'a> {
    /// How long a request body that nobody wants may take.
    pub(super) const UNWANTED_BODY: Duration = Duration::from_secs(1);

    pub(super) fn new(timer: &'a Timer, idle: Duration, route: Option<Duration>) -> Self {
        Self { timer, idle, route, route_ends: Cell::default(), request_complete: Cell::default() }
    }

    /// Bytes have passed: the idle time begins again.
    pub(super) fn progress(&self) {
        let idle_ends = rt::now() + self.idle;
        let nearer =
            self.route_ends.get().map_or(idle_ends, |route_ends| route_ends.min(idle_ends));
        self.timer.set(nearer);
    }

    /// The request has been sent whole: the route's time begins.
    pub(super) fn request_complete(&self) {
        self.request_complete.set(true);
        self.route_ends.set(self.route.map(|route| rt::now() + route));
        self.progress();
    }

    pub(super) fn is_request_complete(&self) -> bool {
        self.request_complete.get()
    }

    /// Which limit has passed, once the timer says that one has.
    pub(super) fn passed(&self) -> Failure {
        let route_passed = self.route_ends.get().is_some_and(|ends| ends <= rt::now());
        Failure::from(match (route_passed, self.is_request_complete()) {
            (true, _) => Cause::ResponseTimeout,
            (false, true) => Cause::ResponseIdle,
            (false, false) => Cause::RequestIdle,
        })
    }
}
