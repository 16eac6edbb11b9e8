//! All that a core's io_uring engine owns, behind one thread-local, and the way of a completion to
//! its owner.
//!
//! `with` lends it for a moment: nothing that may call back (a waker, a buffer's drop) runs inside.
//! The methods are in the file of the operation that they serve.

use std::cell::RefCell;
use std::io;
use std::mem::ManuallyDrop;
use std::task::Waker;

use io_uring::squeue;

use super::buffers::{Buffer, Buffers, Figures, Room};
use super::connection::Outgoing;
use super::ops::{Handle, Op, Role, Slot, Slots, Token};
use super::ring::{Completion, Depth, Ring};
use super::send::Outbox;

/// Send boxes kept for reuse: as many sends may be under way without an allocation.
const SPARE_OUTBOXES_MAX: usize = 1024;

thread_local! {
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
}

/// Runs `f` on this core's state; `None` when the core has ended, or this is no core.
pub(super) fn with<T>(f: impl FnOnce(&mut State) -> T) -> Option<T> {
    STATE.try_with(|state| state.borrow_mut().as_mut().map(f)).ok().flatten()
}

/// Makes `state` this thread's.
pub(super) fn enter(state: State) {
    STATE.with(|here| *here.borrow_mut() = Some(state));
}

/// Takes this thread's state away: from now on every stream, chunk and listener of the core is a
/// husk.
pub(super) fn leave() {
    let state = STATE.with(|here| here.borrow_mut().take());
    drop(state);
}

/// What the settings of a core may change; tests do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tuning {
    pub(super) room: Room,
    pub(super) depth: Depth,
    /// Use the receive that ends itself after so many bytes (Linux 6.17).
    pub(super) bounded_multishot: bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { room: Room::default(), depth: Depth::default(), bounded_multishot: true }
    }
}

/// A core's ring, slots and buffers.
pub(super) struct State {
    pub(super) ring: Ring,
    pub(super) slots: Slots,
    pub(super) buffers: ManuallyDrop<Buffers>,
    #[allow(
        clippy::vec_box,
        reason = "the boxes move in and out of the slots; their contents must not"
    )]
    pub(super) spare: Vec<Box<Outbox>>,
    /// Streams whose peers left in this turn.
    pub(super) hung_up: Vec<Handle>,
    /// Cleared at the first refusal of an older kernel.
    pub(super) bounded_multishot: bool,
    /// What the gauges were told last.
    pub(super) told: Figures,
    /// Completions of slots that are gone: none, or there is a fault in here.
    pub(super) stale: u64,
}

impl State {
    pub(super) fn new(tuning: Tuning) -> io::Result<Self> {
        let ring = Ring::new(tuning.depth)?;
        let buffers = ManuallyDrop::new(Buffers::new(&ring, tuning.room)?);
        Ok(Self {
            ring,
            slots: Slots::default(),
            buffers,
            spare: Vec::new(),
            hung_up: Vec::new(),
            bounded_multishot: tuning.bounded_multishot,
            told: Figures::default(),
            stale: 0,
        })
    }

    /// Queues an operation of a slot.
    ///
    /// # Safety
    /// Whatever `entry` points to stays valid, and untouched where the kernel writes, until its
    /// last completion was read.
    pub(super) unsafe fn start(&mut self, handle: Handle, op: Op, entry: squeue::Entry) {
        if let Some(slot) = self.slots.find(handle) {
            slot.in_flight += 1;
            // SAFETY: the caller's promise is the one asked for.
            unsafe { self.ring.push(entry.user_data(Token::new(handle, op).user_data())) };
        }
    }

    /// Hands the next completion to its operation; `None` when there is none to read.
    pub(super) fn complete_next(&mut self) -> Option<Aftermath> {
        let completion = self.ring.next_completion()?;
        let token = Token::from_user_data(completion.user_data);
        let handle = token.handle();
        let Some(slot) = self.slots.find(handle) else {
            self.stale(token, &completion);
            return Some(Aftermath::default());
        };
        if !completion.more() {
            slot.in_flight -= 1;
        }
        let aftermath = match token.op() {
            Op::Receive(group) => self.received(handle, group, &completion),
            Op::Hangup => self.hung_up(handle),
            Op::Send => self.sent(handle, completion.result),
            Op::Connect => self.connected(handle, completion.result),
            Op::Accept => self.accepted(handle, &completion),
            Op::Watch => self.watched(handle),
            Op::Cancel => Aftermath::default(),
            Op::Close => {
                self.slots.remove(handle);
                Aftermath::default()
            }
        };
        self.close_if_over(handle);
        Some(aftermath)
    }

    /// A completion whose slot is gone. Slots outlive their operations, so this does not happen; if
    /// it does, it harms nobody.
    fn stale(&mut self, token: Token, completion: &Completion) {
        debug_assert!(false, "a completion without a slot: {token:?} {completion:?}");
        self.stale += 1;
        match (token.op(), completion.buffer()) {
            (Op::Receive(group), Some(bid)) => self.buffers.unused(Buffer { group, bid }),
            (Op::Accept, _) => drop(completion.accepted()),
            _ => {}
        }
    }

    /// Keeps an emptied send box for the next send.
    fn keep(&mut self, outbox: Box<Outbox>) {
        if self.spare.len() < SPARE_OUTBOXES_MAX {
            self.spare.push(outbox);
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: not used again.
        let buffers = unsafe { ManuallyDrop::take(&mut self.buffers) };
        // The kernel cancels what is left only some time after the ring is closed, and chunks may
        // be in anybody's hands: what it or they may still touch must stay mapped. A core that
        // ended in order has neither.
        if self.slots.len() > 0 || buffers.figures().held > 0 {
            buffers.leak();
        }
        for handle in self.slots.handles() {
            if let Some(Slot { role: Role::Stream(connection), .. }) = self.slots.find(handle) {
                std::mem::forget(std::mem::replace(&mut connection.outgoing, Outgoing::Nothing));
            }
        }
    }
}

/// What a completion leaves to be done outside of `with`.
#[derive(Default)]
#[must_use]
pub(super) struct Aftermath {
    pub(super) wake: Option<Waker>,
    /// A send box whose buffers go home.
    pub(super) outbox: Option<Box<Outbox>>,
}

impl Aftermath {
    pub(super) fn wake(waker: Option<Waker>) -> Self {
        Self { wake: waker, outbox: None }
    }

    pub(super) fn settle(self) {
        if let Some(mut outbox) = self.outbox {
            outbox.empty();
            with(|state| state.keep(outbox));
        }
        if let Some(waker) = self.wake {
            waker.wake();
        }
    }
}
