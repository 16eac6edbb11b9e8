//! Tasks of a core: futures that run beside its main one, on the same thread.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::task::Poll;

thread_local! {
    static POLLS: Cell<u64> = const { Cell::new(0) };
}

/// Runs `task` on this core. A panic ends this task only and is counted in `CoreGauges::task_panics`.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    crate::uring::spawn(task);
}

/// Lets the core's other tasks run.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How many polls of tasks there were on this core: the driver's way to see whether anything ran.
pub(crate) fn polls() -> u64 {
    POLLS.get()
}
