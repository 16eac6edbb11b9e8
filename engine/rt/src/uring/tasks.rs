//! The tasks of a core on glommio's executor, kept by name so that the core's end can drop all of
//! them, even those that nobody would wake again. Called by `crate::task` and `driver`.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use slab::Slab;

thread_local! {
    static TASKS: RefCell<Slab<Option<glommio::Task<()>>>> = const { RefCell::new(Slab::new()) };
    static ENDING: Cell<bool> = const { Cell::new(false) };
    static POLLS: Cell<u64> = const { Cell::new(0) };
}

/// Runs `task` beside the others of this core, from its next pass on: never inside the caller, who
/// may hold a borrow.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    if ENDING.get() {
        return;
    }
    let key = TASKS.with_borrow_mut(|tasks| tasks.insert(None));
    let queue = glommio::executor().current_task_queue();
    let task = glommio::spawn_local_into(Listed { task, entry: Entry(Some(key)) }, queue)
        .expect("the queue that runs us exists");
    TASKS.with_borrow_mut(|tasks| tasks[key] = Some(task));
}

/// How many polls of tasks there were: whether anything ran since.
pub(super) fn polls() -> u64 {
    POLLS.get()
}

/// Has every task dropped in the executor's next pass, and no further one started.
pub(super) fn cancel_all() {
    ENDING.set(true);
    // A dropped handle cancels.
    let tasks = TASKS.with_borrow_mut(std::mem::take);
    drop(tasks);
}

/// A task with its entry in the list.
struct Listed<F> {
    task: F,
    entry: Entry,
}

impl<F: Future<Output = ()>> Future for Listed<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        POLLS.set(POLLS.get() + 1);
        // SAFETY: `task` is pinned with the whole and never moved out of it; `entry` is not pinned.
        let (task, entry) = unsafe {
            let listed = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut listed.task), &mut listed.entry)
        };
        let polled = task.poll(cx);
        if polled.is_ready() {
            // Now and not when it is dropped: by then the executor has noted that there is a
            // handle, and would never free the task.
            entry.leave();
        }
        polled
    }
}

/// A place in the list, given up with the task.
struct Entry(Option<usize>);

impl Entry {
    fn leave(&mut self) {
        let Some(key) = self.0.take() else { return };
        let task = TASKS.try_with(|tasks| tasks.borrow_mut().try_remove(key));
        // It is over, so there is nothing to cancel.
        if let Ok(Some(Some(task))) = task {
            drop(task.detach());
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.leave();
    }
}
