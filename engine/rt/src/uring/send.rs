//! Sending: one batch of a stream under way at a time, its buffers owned by a box that the stream's
//! slot keeps until the completion.
//!
//! A send that is queued wakes nobody when it completes, unless somebody waits for the next or for
//! `flush`; nor does the completion of a small one end the core's wait.

use std::io;
use std::mem::MaybeUninit;
use std::task::{Poll, Waker};

use io_uring::opcode;

use super::connection::{Connection, Outgoing, wait};
use super::ops::{Handle, Op, Role, Slot};
use super::state::{Aftermath, State};
use crate::Batch;

/// The whole batch or an error; no SIGPIPE.
const FLAGS: i32 = libc::MSG_WAITALL | libc::MSG_NOSIGNAL;
/// A send of no more than this is over as soon as it is submitted, unless its peer does not read.
const PROMPT_BYTES_MAX: usize = 16 << 10;
/// As many pieces as a batch has.
const PIECES_MAX: usize = 4;

/// A batch under way, and what describes it to the kernel. Boxed: it must not move.
pub(super) struct Outbox {
    batch: Batch,
    total: usize,
    sent: usize,
    pieces: [libc::iovec; PIECES_MAX],
    message: libc::msghdr,
}

impl Outbox {
    fn new() -> Box<Self> {
        // SAFETY: a `msghdr` of zeros is one of no address, no pieces and no control data.
        let message = unsafe { MaybeUninit::zeroed().assume_init() };
        let nothing = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        let pieces = [nothing; PIECES_MAX];
        Box::new(Self { batch: Batch::new(), total: 0, sent: 0, pieces, message })
    }

    fn fill(&mut self, batch: Batch) {
        self.total = batch.len();
        self.sent = 0;
        self.batch = batch;
    }

    /// Drops the batch: its buffers go home.
    pub(super) fn empty(&mut self) {
        self.batch = Batch::new();
    }
}

impl State {
    /// Queues `batch` behind those sent before, or a place in `writer` while one of them is under
    /// way.
    pub(super) fn send(
        &mut self,
        handle: Handle,
        batch: &mut Option<Batch>,
        waker: &Waker,
    ) -> Poll<io::Result<()>> {
        let settled = self.flush(handle, waker);
        if !matches!(settled, Poll::Ready(Ok(()))) {
            return settled;
        }
        let batch = batch.take().expect("not polled again once queued");
        if batch.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let is_small = batch.len() <= PROMPT_BYTES_MAX;
        let mut outbox = self.spare.pop().unwrap_or_else(Outbox::new);
        outbox.fill(batch);
        if let Some((connection, _)) = self.slots.connection(handle) {
            connection.outgoing = Outgoing::Batch(outbox);
            if !std::mem::take(&mut connection.is_slow) && is_small {
                self.ring.expect_prompt();
            }
        }
        self.send_rest(handle);
        Poll::Ready(Ok(()))
    }

    /// Ready when nothing is under way, with the error of what was; else a place in `writer`.
    pub(super) fn flush(&mut self, handle: Handle, waker: &Waker) -> Poll<io::Result<()>> {
        let Some((connection, _)) = self.slots.connection(handle) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if connection.send_error != 0 {
            return Poll::Ready(Err(io::Error::from_raw_os_error(connection.send_error)));
        }
        if matches!(connection.outgoing, Outgoing::Nothing) {
            return Poll::Ready(Ok(()));
        }
        wait(&mut connection.writer, waker);
        connection.is_slow = true;
        self.ring.await_any();
        Poll::Pending
    }

    /// Queues what is left of the batch.
    fn send_rest(&mut self, handle: Handle) {
        let Some((Connection { outgoing: Outgoing::Batch(outbox), .. }, fd)) =
            self.slots.connection(handle)
        else {
            return;
        };
        let count;
        (outbox.pieces, count) = outbox.batch.iovecs(outbox.sent);
        let entry = if count == 1 {
            let piece = outbox.pieces[0];
            opcode::Send::new(fd, piece.iov_base.cast(), piece.iov_len as u32).flags(FLAGS).build()
        } else {
            outbox.message.msg_iov = outbox.pieces.as_mut_ptr();
            outbox.message.msg_iovlen = count;
            opcode::SendMsg::new(fd, &raw const outbox.message).flags(FLAGS as u32).build()
        };
        // SAFETY: the pieces, their vector and the header live in the box, which the slot keeps
        // until the completion.
        unsafe { self.start(handle, Op::Send, entry) };
    }

    /// Has the kernel end the send that is under way, as a signal may.
    #[cfg(test)]
    pub(super) fn cut_send_short(&mut self, handle: Handle) {
        let send = super::ops::Token::new(handle, Op::Send).user_data();
        let send = io_uring::types::CancelBuilder::user_data(send);
        // SAFETY: the entry points nowhere.
        unsafe { self.start(handle, Op::Cancel, opcode::AsyncCancel2::new(send).build()) };
    }

    /// The batch is sent, or a part of it, or it failed.
    pub(super) fn sent(&mut self, handle: Handle, result: i32) -> Aftermath {
        let Some(Slot { role: Role::Stream(connection), closing, .. }) = self.slots.find(handle)
        else {
            return Aftermath::default();
        };
        let Outgoing::Batch(outbox) = &mut connection.outgoing else {
            return Aftermath::default();
        };
        match result {
            1.. => outbox.sent += result as usize,
            0 => connection.send_error = libc::EPIPE,
            _ if matches!(-result, libc::EINTR | libc::EAGAIN) => {}
            _ => connection.send_error = -result,
        }
        if connection.send_error == 0 && outbox.sent < outbox.total && !*closing {
            self.send_rest(handle);
            return Aftermath::default();
        }
        match std::mem::take(&mut connection.outgoing) {
            Outgoing::Batch(outbox) => {
                Aftermath { wake: connection.writer.take(), outbox: Some(outbox) }
            }
            _ => Aftermath::default(),
        }
    }
}
