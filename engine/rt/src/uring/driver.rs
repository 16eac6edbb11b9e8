//! A core on glommio's executor: one driver task that owns the ring, and the turn that it goes
//! round in.
//!
//! The executor never parks itself. Whatever is runnable runs, then the driver submits everything
//! queued and waits in one system call, then it hands out the completions and fires the timers. An
//! idle core sits in that call until something happens: no tick, no poll. That a message of its own
//! was sent is nothing that happens (see `ring`): a relayed message costs one turn.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use glommio::{LocalExecutor, LocalExecutorBuilder, Placement};

use super::close::close;
use super::ring::Wait;
use super::state::{self, State, Tuning, with};
use super::tasks;
use crate::core::{CoreShared, Main};
use crate::gauges::TurnBook;
use crate::probe::explain;
use crate::{CoreGauges, clock, sys, timer};

/// Passes over the runnable tasks before the ring gets its turn, and the time after which it gets
/// it sooner: tasks that wake each other, or themselves, must not starve the ring.
const PASSES_MAX: usize = 4;
const PASSES_TIME: Duration = Duration::from_micros(200);
/// How stale `CoreGauges::busy_us` may be while the core works: asking is a system call.
const BUSY_EVERY: Duration = Duration::from_millis(10);
/// What ending may take: operations answer their cancellation within a turn or two.
const END_TIME: Duration = Duration::from_secs(1);
/// glommio reads files and sleeps through these; we do neither.
const EXECUTOR_IO_BYTES: usize = 64 << 10;
const EXECUTOR_RING_DEPTH: usize = 8;
/// Its default, 100 ms, costs two system calls a turn.
const EXECUTOR_PREEMPTION: Duration = Duration::from_secs(3600);

/// Runs this thread as a core until `main` ends. An error means that `main` was never polled.
pub(crate) fn run_core(main: Main, shared: &CoreShared) -> Result<(), String> {
    run_tuned(main, &shared.gauges, Tuning::default())
}

pub(super) fn run_tuned(main: Main, gauges: &CoreGauges, tuning: Tuning) -> Result<(), String> {
    let executor = executor()?;
    let state = State::new(tuning).map_err(|error| explain("io_uring_setup", &error))?;
    state::enter(state);
    // Also when a driver's fault unwinds.
    let _leave = Leave;
    executor.run(async {
        drive(main, gauges).await;
        end(gauges).await;
    });
    Ok(())
}

struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        state::leave();
    }
}

fn executor() -> Result<LocalExecutor, String> {
    LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(EXECUTOR_IO_BYTES)
        .ring_depth(EXECUTOR_RING_DEPTH)
        .preempt_timer(EXECUTOR_PREEMPTION)
        .make()
        .map_err(|error| explain("the executor's rings", &io::Error::from(error)))
}

async fn drive(main: Main, gauges: &CoreGauges) {
    let over = Rc::new(Cell::new(false));
    let main_over = over.clone();
    tasks::spawn(async move {
        main.await;
        main_over.set(true);
    });
    let mut began = Instant::now();
    let mut book = TurnBook::new(began);
    let mut busy_told = began;
    loop {
        clock::set(began);
        timer::fire_due(began);
        let settled = run_tasks(began).await;
        if over.get() {
            return;
        }
        let ended = Instant::now();
        book.note(gauges, began, ended);
        if ended >= busy_told + BUSY_EVERY {
            busy_told = ended;
            tell_busy(gauges);
        }
        began = enter_ring(gauges, ended, settled);
    }
}

/// Most of the work is done by the kernel inside the enter, which the clock cannot tell from the
/// waiting; the thread's processor time can.
fn tell_busy(gauges: &CoreGauges) {
    let used = sys::thread_time().as_micros() as u64;
    gauges.busy_us.set(used.max(gauges.busy_us.read()));
}

/// Lets the runnable tasks run; false when there may be more of them.
async fn run_tasks(began: Instant) -> bool {
    for _ in 0..PASSES_MAX {
        let before = tasks::polls();
        pass().await;
        if tasks::polls() == before {
            return true;
        }
        if began.elapsed() > PASSES_TIME {
            return false;
        }
    }
    false
}

/// Goes to the end of the executor's queue: every task that is runnable now runs once.
async fn pass() {
    let mut passed = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Submits, waits, and hands out completions; the time at which the wait was over.
fn enter_ring(gauges: &CoreGauges, now: Instant, settled: bool) -> Instant {
    let due = timer::next_deadline();
    with(|state| {
        state.report(gauges);
        state.enter_ring(now, due, settled);
    })
    .expect("the driver's core is alive");
    let began = Instant::now();
    hand_out();
    with(|state| state.after_turn(gauges, began));
    began
}

/// Hands every completion that is here to its operation.
fn hand_out() {
    while let Some(aftermath) = with(State::complete_next).flatten() {
        aftermath.settle();
    }
}

impl State {
    fn enter_ring(&mut self, now: Instant, due: Option<Instant>, settled: bool) {
        self.rearm_hung_up();
        self.arm_parked();
        self.buffers.publish();
        let due = [due, self.buffers.next_trim(now)].into_iter().flatten().min();
        let wait = match due {
            _ if !settled => Wait::No,
            None => Wait::Forever,
            Some(due) if due <= now => Wait::No,
            Some(due) => Wait::AtMost(due - now),
        };
        // An error is none of an operation's: the ring itself is broken (EBADR: completions are
        // lost), and with it the core.
        self.ring.enter(wait).expect("the core's ring works");
    }

    fn after_turn(&mut self, gauges: &CoreGauges, now: Instant) {
        if self.ring.overflowed() {
            gauges.ring_overflow.add(1);
        } else {
            // Every completion was read.
            self.buffers.trim(now);
        }
    }

    /// Brings the gauges up to date: by differences, as copies are counted in the same gauges.
    fn report(&mut self, gauges: &CoreGauges) {
        let now = self.buffers.figures();
        let told = std::mem::replace(&mut self.told, now);
        if now == told {
            return;
        }
        gauges.buffers_held.add(now.held.wrapping_sub(told.held));
        gauges.buffers_total.add(now.total.wrapping_sub(told.total));
        gauges.buffer_bytes.add(now.bytes.wrapping_sub(told.bytes));
        gauges.enobufs.add(now.dry.wrapping_sub(told.dry));
    }
}

/// Drops every task, closes every descriptor, and waits until the kernel has let go of both, within
/// `END_TIME`.
async fn end(gauges: &CoreGauges) {
    tasks::cancel_all();
    for _ in 0..PASSES_MAX {
        pass().await;
    }
    let handles = with(|state| state.slots.handles()).unwrap_or_default();
    handles.into_iter().for_each(close);
    let deadline = Instant::now() + END_TIME;
    loop {
        let now = Instant::now();
        with(|state| state.report(gauges));
        if with(|state| state.slots.len() == 0).unwrap_or(true) || now >= deadline {
            return;
        }
        with(|state| {
            state.ring.await_any();
            state.enter_ring(now, Some(deadline), true);
        });
        hand_out();
    }
}
