//! What a core tells about itself, readable by any thread at any time. Written by that core alone,
//! so plain relaxed loads and stores suffice: no read-modify-write, no lock.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// One number with one writer.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// The last value written.
    pub fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Writes a value; only the owning core may.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// Adds; only the owning core may, or an addition is lost.
    pub(crate) fn add(&self, by: u64) {
        self.set(self.read().wrapping_add(by));
    }

    /// Subtracts, down to zero; only the owning core may.
    pub(crate) fn sub(&self, by: u64) {
        self.set(self.read().saturating_sub(by));
    }
}

/// The state of one core, for `/metrics` and `doctor`.
#[derive(Debug, Default)]
pub struct CoreGauges {
    /// Microseconds not spent waiting, since the start.
    pub busy_us: Gauge,
    /// Rounds of the event loop, since the start.
    pub turns: Gauge,
    /// The longest turn, in microseconds, of the latest 10 to 20 seconds in which the core ran:
    /// what an event may have waited.
    pub loop_lag_us_max: Gauge,
    /// Tasks ended by a panic, since the start.
    pub task_panics: Gauge,
    /// Receive buffers that hold bytes not yet released.
    pub buffers_held: Gauge,
    /// Receive buffers in memory, free ones included.
    pub buffers_total: Gauge,
    /// Bytes of memory in receive buffers, free ones included.
    pub buffer_bytes: Gauge,
    /// Times that no receive buffer was left, since the start.
    pub enobufs: Gauge,
    /// Turns in which completions overflowed the ring (none is lost), since the start. Zero on
    /// epoll.
    pub ring_overflow: Gauge,
    /// Connections refused as no descriptor was left, since the start.
    pub refused: Gauge,
}

thread_local! {
    static HERE: OnceCell<Arc<CoreGauges>> = const { OnceCell::new() };
}

/// Makes `gauges` those of this thread; once, at the core's start.
pub(crate) fn enter(gauges: Arc<CoreGauges>) {
    HERE.with(|here| here.set(gauges).expect("a thread becomes a core once"));
}

/// Runs `f` on this core's gauges; nothing on a thread that is no core, or that is ending.
pub(crate) fn here(f: impl FnOnce(&CoreGauges)) {
    let _ = HERE.try_with(|here| here.get().map(|gauges| f(gauges)));
}

/// Books the turns of one core: an engine calls `note` after each.
pub(crate) struct TurnBook {
    window_ends: Instant,
    worst_before: u64,
    worst_now: u64,
}

impl TurnBook {
    const WINDOW: Duration = Duration::from_secs(10);

    pub(crate) fn new(now: Instant) -> Self {
        Self { window_ends: now + Self::WINDOW, worst_before: 0, worst_now: 0 }
    }

    /// One turn, from the return of the wait to the next wait.
    pub(crate) fn note(&mut self, gauges: &CoreGauges, began: Instant, ended: Instant) {
        let took = ended.saturating_duration_since(began).as_micros() as u64;
        if ended >= self.window_ends {
            self.window_ends = ended + Self::WINDOW;
            self.worst_before = std::mem::take(&mut self.worst_now);
        }
        self.worst_now = self.worst_now.max(took);
        gauges.busy_us.add(took);
        gauges.turns.add(1);
        gauges.loop_lag_us_max.set(self.worst_now.max(self.worst_before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_turn_is_told_for_ten_to_twenty_seconds() {
        let (gauges, begin) = (CoreGauges::default(), Instant::now());
        let mut book = TurnBook::new(begin);
        let mut turn = |at_ms, took_us| {
            let began = begin + Duration::from_millis(at_ms);
            book.note(&gauges, began, began + Duration::from_micros(took_us));
            gauges.loop_lag_us_max.read()
        };
        assert_eq!(turn(100, 900), 900);
        assert_eq!(turn(9_000, 5), 900);
        assert_eq!(turn(11_000, 7), 900, "still of the window before");
        assert_eq!(turn(22_000, 6), 7);
        assert_eq!((gauges.turns.read(), gauges.busy_us.read()), (4, 918));
    }
}
