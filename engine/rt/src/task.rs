//! Tasks of a core: futures that run beside its main one, on the same thread. A panic ends its task
//! and nothing else.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::{EngineKind, core, epoll, gauges, uring};

/// Runs `task` on this core. A panic ends this task only, is counted in `CoreGauges::task_panics`,
/// and its text goes to the process's panic hook.
///
/// # Panics
/// On a thread that is no core.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    let task = Task(Caught::new(task));
    match core::engine() {
        EngineKind::Uring => uring::spawn(task),
        EngineKind::Epoll => epoll::spawn(task),
    }
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

/// What a panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

/// A future whose panic is a result.
#[derive(Debug)]
pub(crate) struct Caught<F> {
    /// `None` once it has ended.
    future: Option<F>,
    #[cfg(debug_assertions)]
    waker: home_waker::Cached,
}

impl<F: Future> Caught<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Some(future),
            #[cfg(debug_assertions)]
            waker: home_waker::Cached::default(),
        }
    }

    /// The same pinned `future`, and a context whose waker is checked in debug builds.
    fn poll_inner(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` stays where it is until it is dropped in place; the waker is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        let future = this.future.as_mut().expect("not polled again once it has ended");
        // SAFETY: as above.
        let future = unsafe { Pin::new_unchecked(future) };
        #[cfg(debug_assertions)]
        let cx = &mut Context::from_waker(this.waker.around(cx.waker()));
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future = None;
        }
        polled
    }

    fn drop_inner(self: Pin<&mut Self>) {
        // SAFETY: assigning drops the future in place, which pinning allows.
        unsafe { self.get_unchecked_mut() }.future = None;
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.as_mut().poll_inner(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => {
                // What the half-run future owns may panic as well when it is dropped.
                let _ = catch_unwind(AssertUnwindSafe(|| self.as_mut().drop_inner()));
                Poll::Ready(Err(panic))
            }
        }
    }
}

/// A spawned future: its panic is counted and forgotten.
struct Task<F>(Caught<F>);

impl<F: Future<Output = ()>> Future for Task<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: the only field is pinned with the whole.
        let caught = unsafe { self.map_unchecked_mut(|task| &mut task.0) };
        caught.poll(cx).map(|ended| {
            if ended.is_err() {
                gauges::here(|gauges| gauges.task_panics.add(1));
            }
        })
    }
}

/// The debug check that no waker of a core is woken on another thread, where the wake would be lost
/// until the core's next completion: cross-thread news goes through a mailbox.
#[cfg(debug_assertions)]
mod home_waker {
    use std::sync::Arc;
    use std::task::{Wake, Waker};
    use std::thread::{self, ThreadId};

    /// The checked waker of one task, made anew only when the executor's waker changes.
    #[derive(Debug, Default)]
    pub(super) struct Cached(Option<(Waker, Waker)>);

    impl Cached {
        pub(super) fn around(&mut self, waker: &Waker) -> &Waker {
            if !self.0.as_ref().is_some_and(|(inner, _)| inner.will_wake(waker)) {
                let home = thread::current().id();
                let checked = Waker::from(Arc::new(HomeWaker { home, inner: waker.clone() }));
                self.0 = Some((waker.clone(), checked));
            }
            &self.0.as_ref().expect("just set").1
        }
    }

    struct HomeWaker {
        home: ThreadId,
        inner: Waker,
    }

    impl Wake for HomeWaker {
        fn wake(self: Arc<Self>) {
            self.wake_by_ref();
        }

        fn wake_by_ref(self: &Arc<Self>) {
            assert_eq!(self.home, thread::current().id(), "a core's waker left its thread");
            self.inner.wake_by_ref();
        }
    }
}
