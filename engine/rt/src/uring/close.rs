//! Closing: a descriptor outlives its operations. Cancel them, read their last completions, only
//! then close, through the ring, in the order of submission. Until then no other connection can get
//! its number, and no buffer is let go.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::task::Waker;

use io_uring::{opcode, types};

use super::ops::{Handle, Op, Role, Token};
use super::state::{State, with};

/// The owner of `handle` is gone.
pub(super) fn close(handle: Handle) {
    // The wakers are dropped out here.
    let _wakers = with(|state| state.close(handle));
}

impl State {
    /// Begins to close; who waited is handed back.
    pub(super) fn close(&mut self, handle: Handle) -> [Option<Waker>; 2] {
        let Some(slot) = self.slots.find(handle) else { return [None, None] };
        if std::mem::replace(&mut slot.closing, true) {
            return [None, None];
        }
        let (fd, busy) = (slot.fd(), slot.in_flight > 0);
        let (wakers, cancel) = match &mut slot.role {
            Role::Stream(connection) => (
                [connection.reader.take(), connection.writer.take()],
                types::CancelBuilder::fd(fd).all(),
            ),
            Role::Listener(accepting) => {
                accepting.forget();
                ([accepting.waiter.take(), None], types::CancelBuilder::fd(fd).all())
            }
            // By name: others may watch the same descriptor.
            Role::Watch(watching) => (
                [watching.waiter.take(), None],
                types::CancelBuilder::user_data(Token::new(handle, Op::Watch).user_data()),
            ),
        };
        self.forget_received(handle);
        if busy {
            // SAFETY: the entry points nowhere.
            unsafe { self.start(handle, Op::Cancel, opcode::AsyncCancel2::new(cancel).build()) };
        }
        self.close_if_over(handle);
        wakers
    }

    /// Closes a closing slot's descriptor once its last operation is over.
    pub(super) fn close_if_over(&mut self, handle: Handle) {
        let Some(slot) = self.slots.find(handle) else { return };
        if !slot.closing || slot.in_flight > 0 {
            return;
        }
        if matches!(slot.role, Role::Watch(_)) {
            self.slots.remove(handle);
            return;
        }
        if matches!(slot.role, Role::Listener(_)) {
            // At once: what a client queues between its owner's last look and the close is reset.
            // SAFETY: the descriptor is the slot's own, and no operation is queued or under way.
            drop(unsafe { OwnedFd::from_raw_fd(slot.borrow().as_raw_fd()) });
            self.slots.remove(handle);
            return;
        }
        let entry = opcode::Close::new(slot.fd()).build();
        self.ring.expect_prompt();
        // SAFETY: the entry points nowhere; the descriptor is the slot's own, and this its last
        // operation.
        unsafe { self.start(handle, Op::Close, entry) };
    }
}
