//! Receiving, flow-controlled per connection: a stalled reader holds a few buffers, whatever its
//! peer sends.
//!
//! One receive is armed at a time: below the allowance if somebody waits for bytes, ahead of that
//! only while the connection holds no more than half of it. Small receives are multishot where the
//! kernel can bound them (Linux 6.17): such a one ends itself after a buffer's worth of bytes, some
//! dozens of requests. Elsewhere, and for bulk, one shot follows the other: that costs some 5 %
//! more, but an unbounded multishot receive takes as many buffers as the peer can fill before a
//! cancellation is even submitted.
//!
//! A chunk counts from its filling until `give_back`, so a slow onward send stops the receiving.
//! What comes in drops joins the chunk queued before it. At the allowance an armed receive is
//! cancelled.
//!
//! A multishot receive can miss a peer that leaves. When bytes and a reset reach the socket between
//! the receive's first try and its waiting, the kernel takes the bytes, does not look again, and
//! nothing will wake it any more (seen on Linux 6.18; before the fix to liburing issue 1549 also
//! when both come in one turn). So a poll for the hangup stands beside it, once a connection: when
//! it fires, the receive is cancelled and begun anew, and sees what there is.

use std::io;
use std::task::{Poll, Waker};

use io_uring::{opcode, squeue, types};

use super::buffers::{Buffer, Buffers, Group};
use super::connection::{Connection, wait};
use super::ops::{Handle, Op, Role, Slot, Token};
use super::ring::Completion;
use super::state::{Aftermath, State};
use crate::Chunk;
use crate::chunk::Home;

/// Expecting this many bytes or more, a connection receives into bulk buffers.
const BULK_BYTES_MIN: u64 = 2 * 4096;
/// So many full small buffers one after the other also say that bulk is coming.
const FULL_STREAK: u8 = 2;
/// `IORING_RECVSEND_POLL_FIRST`: the socket was just drained, so wait before trying to read.
const POLL_FIRST: u16 = 1;

/// The receiving side of one connection.
#[derive(Default)]
pub(super) struct Receive {
    /// Chunks received and not yet asked for, linked through the buffers' marks.
    first: Option<Buffer>,
    last: Option<Buffer>,
    /// Chunks queued or in somebody's hands.
    held: u16,
    /// `recv` was called: bytes may be received ahead, and an end be noticed.
    wanted: bool,
    armed: bool,
    /// The armed receive is a multishot one and ends itself.
    bounded: bool,
    cancelling: bool,
    /// A poll for the peer's hangup was queued, once for all.
    watched: bool,
    /// It has fired.
    hung_up: bool,
    /// Found no buffer; waits in the group's queue.
    parked: bool,
    /// The peer has ended its side.
    ended: bool,
    /// The last receive left nothing to read in the socket.
    drained: bool,
    /// Full buffers in a row.
    full: u8,
    /// The errno that ended receiving; 0 if there was none.
    error: i32,
    /// Bytes announced by `hint_bulk` and not yet received.
    expected: u64,
}

impl Receive {
    fn group(&self) -> Group {
        let bulk = self.expected >= BULK_BYTES_MIN || self.full >= FULL_STREAK;
        if bulk { Group::Bulk } else { Group::Small }
    }

    fn may_arm(&self) -> bool {
        self.wanted && !self.armed && !self.parked && !self.ended && self.error == 0
    }

    /// Whether a reader need not wait.
    fn has_news(&self) -> bool {
        self.first.is_some() || self.ended || self.error != 0
    }

    /// Appends what the kernel put into `buffer`.
    fn queue(&mut self, buffers: &mut Buffers, owner: Handle, buffer: Buffer, len: u32) {
        self.note_size(buffer.group, len);
        let last = self.first.and(self.last);
        if last.is_some_and(|last| buffers.join(last, buffer, len)) {
            return;
        }
        buffers.taken(buffer, owner, len);
        match last {
            Some(last) => *buffers.next(last) = Some(buffer),
            None => self.first = Some(buffer),
        }
        self.last = Some(buffer);
        self.held += 1;
    }

    fn note_size(&mut self, group: Group, len: u32) {
        self.expected = self.expected.saturating_sub(u64::from(len));
        if len == group.size() {
            self.full = (self.full + 1).min(FULL_STREAK);
        } else if len < Group::Small.size() {
            self.full = 0;
        }
    }
}

impl State {
    /// The next chunk of a stream, or its end, or a place in `reader`.
    pub(super) fn receive(&mut self, handle: Handle, waker: &Waker) -> Poll<io::Result<Chunk>> {
        let Some((connection, _)) = self.slots.connection(handle) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let receive = &mut connection.receive;
        receive.wanted = true;
        if let Some(buffer) = receive.first {
            receive.first = self.buffers.next(buffer).take();
            return Poll::Ready(Ok(self.chunk(buffer)));
        }
        if receive.error != 0 {
            return Poll::Ready(Err(io::Error::from_raw_os_error(receive.error)));
        }
        if receive.ended {
            return Poll::Ready(Ok(Chunk::empty()));
        }
        wait(&mut connection.reader, waker);
        // The reader has taken all that was queued: arm even above half, or a head in four pieces
        // would wait for ever.
        let receive = &connection.receive;
        if receive.may_arm() && receive.held < self.buffers.allowance(receive.group()) {
            self.arm(handle);
        } else if !receive.armed {
            // What it waits for may be a buffer that is being sent.
            self.ring.await_any();
        }
        Poll::Pending
    }

    fn chunk(&mut self, buffer: Buffer) -> Chunk {
        let (bytes, len) = self.buffers.bytes(buffer);
        let home = Home::Uring { group: buffer.group.id(), bid: buffer.bid };
        // SAFETY: the kernel wrote these bytes and is done with the buffer until it is provided
        // again, by `give_back`.
        unsafe { Chunk::over(bytes, len, home) }
    }

    /// Whether nothing has arrived, as far as the ring knows; `None` when it would not know.
    pub(super) fn is_quiet(&mut self, handle: Handle) -> Option<bool> {
        let (connection, _) = self.slots.connection(handle)?;
        let receive = &connection.receive;
        if receive.has_news() || receive.hung_up || connection.send_error != 0 {
            return Some(false);
        }
        receive.armed.then_some(true)
    }

    pub(super) fn expect_bytes(&mut self, handle: Handle, bytes: u64) {
        if let Some((connection, _)) = self.slots.connection(handle) {
            connection.receive.expected = bytes;
        }
    }

    /// Queues a receive; there must be none.
    fn arm(&mut self, handle: Handle) {
        let Some((connection, fd)) = self.slots.connection(handle) else { return };
        let receive = &mut connection.receive;
        let group = receive.group();
        receive.armed = true;
        receive.bounded = self.bounded_multishot && group == Group::Small;
        let watches = receive.bounded && !std::mem::replace(&mut receive.watched, receive.bounded);
        let entry = if receive.bounded {
            bounded(opcode::RecvMulti::new(fd, group.id()).build(), group.size())
        } else {
            opcode::Recv::new(fd, std::ptr::null_mut(), group.size())
                .buf_group(group.id())
                .ioprio(if receive.drained { POLL_FIRST } else { 0 })
                .build()
                .flags(squeue::Flags::BUFFER_SELECT)
        };
        // SAFETY: the entry points nowhere; the group's memory outlives the ring.
        unsafe { self.start(handle, Op::Receive(group), entry) };
        if watches {
            self.watch_for_hangup(handle, fd);
        }
    }

    fn watch_for_hangup(&mut self, handle: Handle, fd: types::Fd) {
        // An error is told unasked.
        let entry = opcode::PollAdd::new(fd, libc::POLLRDHUP as u32).build();
        // SAFETY: the entry points nowhere.
        unsafe { self.start(handle, Op::Hangup, entry) };
    }

    /// The peer has ended or reset the connection.
    pub(super) fn hung_up(&mut self, handle: Handle) -> Aftermath {
        if let Some((connection, _)) = self.slots.connection(handle) {
            connection.receive.hung_up = true;
            self.hung_up.push(handle);
        }
        Aftermath::default()
    }

    /// Has the receives begun anew that are still armed though their peers left; once a turn, when
    /// those that have noticed have told so.
    pub(super) fn rearm_hung_up(&mut self) {
        while let Some(handle) = self.hung_up.pop() {
            let Some((connection, _)) = self.slots.connection(handle) else { continue };
            if connection.receive.armed && connection.receive.bounded {
                self.stop_receiving(handle);
            }
        }
    }

    /// Cancels the armed multishot receive.
    fn stop_receiving(&mut self, handle: Handle) {
        let Some((connection, _)) = self.slots.connection(handle) else { return };
        if std::mem::replace(&mut connection.receive.cancelling, true) {
            return;
        }
        let receive = Token::new(handle, Op::Receive(Group::Small)).user_data();
        let entry = opcode::AsyncCancel2::new(types::CancelBuilder::user_data(receive)).build();
        // SAFETY: the entry points nowhere.
        unsafe { self.start(handle, Op::Cancel, entry) };
    }

    /// Bytes, or an end, or no buffer, or the end of an armed receive.
    pub(super) fn received(
        &mut self,
        handle: Handle,
        group: Group,
        completion: &Completion,
    ) -> Aftermath {
        let buffer = completion.buffer().map(|bid| Buffer { group, bid });
        let Some((connection, _)) = self.slots.connection(handle) else {
            if let Some(buffer) = buffer {
                self.buffers.unused(buffer);
            }
            return Aftermath::default();
        };
        let receive = &mut connection.receive;
        receive.drained = !completion.socket_has_more();
        let mut dry = false;
        match (completion.result, buffer) {
            (len @ 1.., Some(buffer)) => {
                receive.queue(&mut self.buffers, handle, buffer, len as u32);
            }
            (result, buffer) => {
                if let Some(buffer) = buffer {
                    self.buffers.unused(buffer);
                }
                match -result {
                    0 => receive.ended = true,
                    libc::ENOBUFS => dry = true,
                    libc::ECANCELED | libc::EINTR | libc::EAGAIN => {}
                    libc::EINVAL if receive.bounded => self.bounded_multishot = false,
                    errno => receive.error = errno,
                }
            }
        }
        let heard = receive.has_news();
        let reader = if heard { connection.reader.take() } else { None };
        self.go_on(handle, group, completion.more(), dry);
        Aftermath::wake(reader)
    }

    /// After a completion: stop at the allowance, or arm again below half of it.
    fn go_on(&mut self, handle: Handle, group: Group, more: bool, dry: bool) {
        let Some((connection, _)) = self.slots.connection(handle) else { return };
        let receive = &mut connection.receive;
        let allowance = self.buffers.allowance(group);
        if more {
            if receive.held >= allowance {
                self.stop_receiving(handle);
            }
            return;
        }
        receive.armed = false;
        receive.cancelling = false;
        if dry {
            match (self.buffers.ran_dry(group), group) {
                (true, _) => {}
                (false, Group::Bulk) => (receive.expected, receive.full) = (0, 0),
                (false, Group::Small) => {
                    receive.parked = true;
                    self.buffers.park(handle);
                    return;
                }
            }
        }
        self.arm_below_half(handle);
    }

    fn arm_below_half(&mut self, handle: Handle) {
        let Some((connection, _)) = self.slots.connection(handle) else { return };
        let receive = &connection.receive;
        let allowance = self.buffers.allowance(receive.group());
        // Whoever waits is not told that there is room.
        let waits = connection.reader.is_some() && receive.first.is_none();
        let held_max = if waits { allowance - 1 } else { allowance / 2 };
        if receive.may_arm() && receive.held <= held_max {
            self.arm(handle);
        }
    }

    /// A chunk was dropped: its buffer goes back, and its connection may receive again.
    pub(super) fn give_back(&mut self, buffer: Buffer) {
        let Some(owner) = self.buffers.put(buffer) else { return };
        if let Some((connection, _)) = self.slots.connection(owner) {
            connection.receive.held -= 1;
            self.arm_below_half(owner);
        }
    }

    /// Arms the parked receives for which there is a buffer now; once a turn.
    pub(super) fn arm_parked(&mut self) {
        for _ in 0..self.buffers.parked_ready() {
            let handle = self.buffers.next_parked().expect("counted just now");
            if let Some((connection, _)) = self.slots.connection(handle) {
                connection.receive.parked = false;
                if connection.receive.may_arm() {
                    self.arm(handle);
                }
            }
        }
        if self.buffers.any_parked() {
            // What they wait for may be a buffer that is being sent.
            self.ring.await_any();
        }
    }

    /// What a kernel before 6.17 answers to the first receive of a stream.
    #[cfg(test)]
    pub(super) fn refuse_bounded_receive(&mut self, handle: Handle) {
        let (connection, _) = self.slots.connection(handle).expect("open");
        let receive = &mut connection.receive;
        (receive.wanted, receive.armed, receive.bounded) = (true, true, true);
        let aftermath = self.received(handle, Group::Small, &Completion::failed(libc::EINVAL));
        assert!(aftermath.wake.is_none(), "nobody is told");
    }

    /// Arms a receive that hears nothing of the peer, as it listens to `elsewhere`.
    #[cfg(test)]
    pub(super) fn arm_deaf(&mut self, handle: Handle, elsewhere: types::Fd) {
        let (connection, fd) = self.slots.connection(handle).expect("open");
        let receive = &mut connection.receive;
        (receive.wanted, receive.armed, receive.bounded) = (true, true, true);
        receive.watched = true;
        let group = Group::Small;
        let entry = bounded(opcode::RecvMulti::new(elsewhere, group.id()).build(), group.size());
        // SAFETY: the entry points nowhere; the group's memory outlives the ring.
        unsafe { self.start(handle, Op::Receive(group), entry) };
        self.watch_for_hangup(handle, fd);
    }

    /// Returns what a closing connection had queued.
    pub(super) fn forget_received(&mut self, handle: Handle) {
        let Some(Slot { role: Role::Stream(Connection { receive, .. }), .. }) =
            self.slots.find(handle)
        else {
            return;
        };
        let parked = std::mem::take(&mut receive.parked);
        let mut next = receive.first.take();
        while let Some(buffer) = next {
            next = self.buffers.next(buffer).take();
            self.buffers.put(buffer);
        }
        if parked {
            self.buffers.unpark(handle);
        }
    }
}

/// Makes a multishot receive end itself once it has received `bytes` (`optlen`, Linux 6.17; older
/// kernels answer EINVAL).
fn bounded(receive: squeue::Entry, bytes: u32) -> squeue::Entry {
    const OPTLEN: usize = 44;
    // SAFETY: an entry is the kernel's `struct io_uring_sqe`, 64 bytes without padding or pointers
    // to Rust objects; `optlen` is at byte 44 of it.
    unsafe {
        let mut raw: [u8; 64] = std::mem::transmute(receive);
        raw[OPTLEN..OPTLEN + 4].copy_from_slice(&bytes.to_ne_bytes());
        std::mem::transmute(raw)
    }
}
