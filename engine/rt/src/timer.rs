//! Deadlines on the turn's clock, to the millisecond above. One wheel per core; the engine fires it
//! once a turn.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, pending};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::now;
use crate::wheel::{Key, Tick, Wheel};

/// The deadline passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the deadline passed")
    }
}

impl std::error::Error for Elapsed {}

/// One deadline, made once a connection and set again and again: moving it later costs a store.
/// Stays on its core.
#[derive(Debug, Default)]
pub struct Timer {
    at: Cell<Option<Instant>>,
    /// The wheel's entry, made when a race first has to wait.
    key: Cell<Option<Key>>,
    stays_on_its_core: PhantomData<*const ()>,
}

impl Timer {
    /// A timer that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets or moves the deadline.
    pub fn set(&self, at: Instant) {
        self.change(Some(at));
    }

    /// Unsets the deadline: a race then never elapses.
    pub fn clear(&self) {
        self.change(None);
    }

    /// Runs `f` until it ends or the deadline passes. `f` is polled first, so a result that is
    /// ready beats the deadline. The deadline may be moved meanwhile. One race at a time.
    pub fn race<F: Future>(&self, f: F) -> Race<'_, F> {
        Race { timer: self, f }
    }

    fn change(&self, at: Option<Instant>) {
        self.at.set(at);
        if let Some(key) = self.key.get() {
            with_core(|timers| timers.set(key, at));
        }
    }

    /// Whether the deadline has passed; if not, sees to it that the task is woken then.
    fn poll_elapsed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at.get() else { return Poll::Pending };
        if at <= now() {
            return Poll::Ready(());
        }
        let replaced = with_core(|timers| {
            let key = self.key.get().unwrap_or_else(|| timers.wheel.insert());
            self.key.set(Some(key));
            timers.set(key, Some(at));
            timers.wheel.set_waker(key, cx.waker())
        });
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(key) = self.key.get() {
            let removed = TIMERS.try_with(|timers| timers.borrow_mut().wheel.remove(key));
            // The wheel is no longer borrowed: the last waker of a task drops what the task owns.
            drop(removed);
        }
    }
}

/// The future of `Timer::race`.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Race<'t, F> {
    timer: &'t Timer,
    f: F,
}

impl<F: Future> Future for Race<'_, F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `f` is pinned with the whole and never moved out of it; `timer` is a shared
        // reference.
        let (timer, f) = unsafe {
            let this = self.get_unchecked_mut();
            (this.timer, Pin::new_unchecked(&mut this.f))
        };
        match f.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => timer.poll_elapsed(cx).map(|()| Err(Elapsed)),
        }
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

/// Wakes the tasks whose deadline is not after `now`; called by the engine once a turn, after
/// `clock::set(now)`.
pub(crate) fn fire_due(now: Instant) {
    let tick = with_core(|timers| timers.tick_before(now));
    // One at a time: a waker runs code that may come back to the wheel.
    while let Some((_, waker)) = with_core(|timers| timers.wheel.pop_due(tick)) {
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// When `fire_due` must be called next; `None` while no timer is set.
pub(crate) fn next_deadline() -> Option<Instant> {
    with_core(|timers| {
        let next = timers.wheel.next_due()?;
        Some(timers.base? + Duration::from_millis(next))
    })
}

/// Has `waker` woken once when a timer is set to an earlier time than `until`: for an engine that
/// waits elsewhere.
pub(crate) fn on_earlier_than(until: Option<Instant>, waker: &Waker) {
    with_core(|timers| {
        timers.waits_until = until.map_or(Tick::MAX, |until| timers.tick_after(until));
        timers.waiting = Some(waker.clone());
    });
}

struct Timers {
    wheel: Wheel,
    /// Tick 0; set at first use.
    base: Option<Instant>,
    waiting: Option<Waker>,
    waits_until: Tick,
}

thread_local! {
    static TIMERS: RefCell<Timers> = const {
        RefCell::new(Timers { wheel: Wheel::new(), base: None, waiting: None, waits_until: 0 })
    };
}

fn with_core<T>(f: impl FnOnce(&mut Timers) -> T) -> T {
    TIMERS.with(|timers| f(&mut timers.borrow_mut()))
}

impl Timers {
    fn set(&mut self, key: Key, at: Option<Instant>) {
        let due = at.map(|at| self.tick_after(at));
        self.wheel.set(key, due);
        if due.is_some_and(|due| due < self.waits_until)
            && let Some(waker) = self.waiting.take()
        {
            self.waits_until = 0;
            // The engine's own: it schedules a task, and does not come back here.
            waker.wake();
        }
    }

    fn since_base(&mut self, at: Instant) -> Duration {
        let base = *self.base.get_or_insert_with(now);
        at.saturating_duration_since(base)
    }

    /// The first tick not before `at`: a timer never fires early.
    fn tick_after(&mut self, at: Instant) -> Tick {
        self.since_base(at).as_nanos().div_ceil(1_000_000) as Tick
    }

    /// The last tick not after `at`.
    fn tick_before(&mut self, at: Instant) -> Tick {
        self.since_base(at).as_millis() as Tick
    }
}
