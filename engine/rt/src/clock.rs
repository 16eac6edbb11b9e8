//! The turn's clock: read once a turn by the engine, so that a timer costs no system call. Not for
//! latency stamps, which must read the clock themselves.

use std::cell::Cell;
use std::time::Instant;

thread_local! {
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The time at which this turn of the core began; off a core, the time.
pub fn now() -> Instant {
    NOW.get().unwrap_or_else(Instant::now)
}

/// Sets the turn's clock; called by the engine after each wait, before `timer::fire_due`.
pub(crate) fn set(now: Instant) {
    NOW.set(Some(now));
}

/// The time, read now: for latency stamps, which the turn's clock would round to nothing.
pub fn stamp() -> Instant {
    Instant::now()
}
