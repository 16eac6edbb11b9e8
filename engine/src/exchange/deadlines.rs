//! What a request in flight may wait for, kept on its connection's one timer.
//!
//! The decision is `policy::time`'s. Caller: `exchange::attempt`.

use std::cell::Cell;
use std::time::Instant;

use policy::Failure;
use policy::time::{self, Progress, Timeouts, WaitsFor};
use rt::Timer;

pub(super) struct Deadlines<'a> {
    timer: &'a Timer,
    timeouts: Timeouts,
    progress: Cell<Progress>,
}

impl<'a> Deadlines<'a> {
    pub(super) fn new(timer: &'a Timer, timeouts: Timeouts) -> Self {
        let progress =
            Progress { waits_for: WaitsFor::Upstream, since: rt::now(), request_done: None };
        Self { timer, timeouts, progress: Cell::new(progress) }
    }

    /// Bytes have passed, and now something else is waited for.
    pub(super) fn progress(&self, waits_for: WaitsFor) {
        self.wait(waits_for, self.progress.get().request_done);
    }

    /// The request has been sent whole: the route's time begins.
    pub(super) fn request_complete(&self) {
        self.wait(WaitsFor::Upstream, Some(rt::now()));
    }

    fn wait(&self, waits_for: WaitsFor, request_done: Option<Instant>) {
        let progress = Progress { waits_for, since: rt::now(), request_done };
        self.progress.set(progress);
        self.timer.set(time::next(&progress, &self.timeouts).at);
    }

    pub(super) fn is_request_complete(&self) -> bool {
        self.progress.get().request_done.is_some()
    }

    /// Which limit has passed, once the timer says that one has.
    pub(super) fn passed(&self) -> Failure {
        Failure::from(time::next(&self.progress.get(), &self.timeouts).cause)
    }
}
