//! Waiting until somebody else's descriptor is readable: the bell of a mailbox. Such a descriptor
//! is never closed here.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::task::{Poll, Waker};

use io_uring::{opcode, types};

use super::connection::wait;
use super::ops::{Handle, Op, Role, Slot};
use super::state::{Aftermath, State, with};

/// Returns when `fd`, a mailbox's eventfd, is readable.
pub(crate) async fn readable(fd: BorrowedFd<'_>) -> io::Result<()> {
    let watch = with(|state| state.watch(fd)).ok_or(io::ErrorKind::NotConnected)?;
    let watch = Watch(watch);
    poll_fn(|cx| with(|state| state.fired(watch.0, cx.waker())).unwrap_or(Poll::Ready(()))).await;
    Ok(())
}

/// Ends the watching when dropped. The poll may outlive it for a turn, and then even look at
/// another file of the same number: it takes nothing from that file, and its completion finds a
/// closing slot.
struct Watch(Handle);

impl Drop for Watch {
    fn drop(&mut self) {
        super::close::close(self.0);
    }
}

/// One watched descriptor.
#[derive(Default)]
pub(super) struct Watching {
    fired: bool,
    pub(super) waiter: Option<Waker>,
}

impl State {
    fn watch(&mut self, fd: BorrowedFd<'_>) -> Handle {
        let handle = self.slots.watch(fd, Watching::default());
        let entry = opcode::PollAdd::new(types::Fd(fd.as_raw_fd()), libc::POLLIN as u32).build();
        // SAFETY: the entry points nowhere.
        unsafe { self.start(handle, Op::Watch, entry) };
        handle
    }

    fn fired(&mut self, handle: Handle, waker: &Waker) -> Poll<()> {
        match self.slots.find(handle) {
            Some(Slot { role: Role::Watch(watching), .. }) if !watching.fired => {
                wait(&mut watching.waiter, waker);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// The descriptor is readable, or cannot be watched: its reader will see.
    pub(super) fn watched(&mut self, handle: Handle) -> Aftermath {
        match self.slots.find(handle) {
            Some(Slot { role: Role::Watch(watching), .. }) => {
                watching.fired = true;
                Aftermath::wake(watching.waiter.take())
            }
            _ => Aftermath::default(),
        }
    }
}
