//! Gives back the memory of a core that has become idle: once a second while a pool is above its
//! floor, else never.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Weak;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::{buffers, head_buf, pooled, sleep};

const PERIOD: Duration = Duration::from_secs(1);

/// A pool that can give back what it does not need.
pub(crate) trait Trim {
    /// Frees part of what lay idle since the last call; whether there may be more to free.
    fn trim(&self) -> bool;
}

thread_local! {
    static ASKED: Cell<bool> = const { Cell::new(false) };
    static SLEEPER: Cell<Option<Waker>> = const { Cell::new(None) };
    static POOLS: RefCell<Vec<Weak<dyn Trim>>> = const { RefCell::new(Vec::new()) };
}

/// Has every pool trimmed soon; called by a pool that rose above its floor. Does nothing when asked
/// already.
pub(crate) fn ask() {
    if ASKED.try_with(|asked| asked.replace(true)) == Ok(false)
        && let Ok(Some(waker)) = SLEEPER.try_with(Cell::take)
    {
        waker.wake();
    }
}

/// Has `pool` trimmed with the others while it lives.
pub(crate) fn enlist(pool: Weak<dyn Trim>) {
    POOLS.with_borrow_mut(|pools| {
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(pool);
    });
}

/// The task that trims; runs beside the core's main future.
pub(crate) async fn run() {
    loop {
        poll_fn(|cx| {
            if ASKED.take() {
                return Poll::Ready(());
            }
            SLEEPER.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
        sleep(PERIOD).await;
        let own = [buffers::trim(), head_buf::trim(), pooled::trim()];
        if own.contains(&true) | trim_enlisted() {
            ask();
        }
    }
}

fn trim_enlisted() -> bool {
    let mut more = false;
    // By index, as dropping what was pooled may enlist or end other pools.
    for i in 0.. {
        let Some(pool) = POOLS.with_borrow(|pools| pools.get(i).cloned()) else { break };
        more |= pool.upgrade().is_some_and(|pool| pool.trim());
    }
    more
}
