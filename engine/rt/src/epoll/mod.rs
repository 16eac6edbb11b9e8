//! The epoll engine: tokio's current-thread runtime and a `LocalSet` per core, with sockets and
//! timers of our own.
//!
//! For where io_uring is forbidden. tokio lends its reactor (`AsyncFd`) and one `Sleep`, which the
//! timer wheel waits on.

mod listener;
mod stream;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::core::{CoreShared, Main};
use crate::gauges::{CoreGauges, TurnBook};
use crate::{clock, timer};

pub(crate) use listener::Listener;
pub(crate) use stream::Stream;

/// Runs this thread as a core until `main` ends. An error means that `main` was never polled.
pub(crate) fn run_core(main: Main, shared: &CoreShared) -> io::Result<()> {
    let runtime = runtime(&shared.gauges)?;
    let tasks = LocalSet::new();
    clock::set(Instant::now());
    tasks.block_on(&runtime, async {
        tokio::task::spawn_local(drive_timers());
        main.await;
    });
    Ok(())
}

/// Runs `task` beside the others of this core.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    drop(tokio::task::spawn_local(task));
}

/// Returns when `fd`, a mailbox's eventfd, is readable.
pub(crate) async fn readable(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a borrowed descriptor stays open at least as long as the registration, which ends
    // with this function.
    let watch = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
    watch.readable().await?.retain_ready();
    Ok(())
}

fn runtime(gauges: &Arc<CoreGauges>) -> io::Result<Runtime> {
    let gauges = gauges.clone();
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .on_thread_unpark(begin_turn)
        .on_thread_park(move || end_turn(&gauges))
        .build()
}

/// A turn runs from the return of a wait to the next wait.
struct Turn {
    began: Instant,
    book: TurnBook,
}

thread_local! {
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

fn begin_turn() {
    let now = Instant::now();
    clock::set(now);
    TURN.with_borrow_mut(|turn| {
        let turn = turn.get_or_insert_with(|| Turn { began: now, book: TurnBook::new(now) });
        turn.began = now;
    });
}

fn end_turn(gauges: &CoreGauges) {
    TURN.with_borrow_mut(|turn| {
        if let Some(Turn { began, book }) = turn {
            book.note(gauges, *began, Instant::now());
        }
    });
}

/// Feeds the timer wheel from one tokio timer, which is moved only when the earliest deadline is.
async fn drive_timers() {
    const FAR: Duration = Duration::from_secs(3600);
    let mut alarm = pin!(tokio::time::sleep(FAR));
    poll_fn(|cx| {
        loop {
            let now = Instant::now();
            clock::set(now);
            timer::fire_due(now);
            let next = timer::next_deadline();
            let at = next.unwrap_or(now + FAR);
            timer::on_earlier_than(next, cx.waker());
            if alarm.deadline().into_std() != at {
                alarm.as_mut().reset(at.into());
            }
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::<()>::Pending;
            }
        }
    })
    .await;
}
