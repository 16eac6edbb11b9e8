//! Operation slots: one per descriptor in use, so that every completion finds its owner, or is
//! recognised as stale.
//!
//! A slot lives until the last completion of its last operation was read and its descriptor closed;
//! only then may its place be used again, and under another generation. What the operations do is
//! told in `recv`, `send`, `accept`, `connect`, `watch` and `close`.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

use io_uring::types;
use slab::Slab;

use super::accept::Accepting;
use super::buffers::Group;
use super::connection::Connection;
use super::watch::Watching;

/// Names a slot, and no later user of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    index: u32,
    generation: u32,
}

/// What an operation is, told by its completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Receive(Group),
    /// Tells that the peer has ended or reset the connection.
    Hangup,
    Send,
    Connect,
    Accept,
    Watch,
    Cancel,
    Close,
}

/// `user_data`: the slot's place (32 bits), its generation (24), the operation (8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token(u64);

impl Token {
    pub(super) fn new(handle: Handle, op: Op) -> Self {
        let op = match op {
            Op::Receive(Group::Small) => 0,
            Op::Receive(Group::Bulk) => 1,
            Op::Send => 2,
            Op::Connect => 3,
            Op::Accept => 4,
            Op::Watch => 5,
            Op::Cancel => 6,
            Op::Close => 7,
            Op::Hangup => 8,
        };
        Self(op << 56 | u64::from(handle.generation) << 32 | u64::from(handle.index))
    }

    pub(super) fn from_user_data(user_data: u64) -> Self {
        Self(user_data)
    }

    pub(super) fn user_data(self) -> u64 {
        self.0
    }

    pub(super) fn handle(self) -> Handle {
        Handle { index: self.0 as u32, generation: (self.0 >> 32) as u32 & GENERATION_MASK }
    }

    pub(super) fn op(self) -> Op {
        match self.0 >> 56 {
            0 => Op::Receive(Group::Small),
            1 => Op::Receive(Group::Bulk),
            2 => Op::Send,
            3 => Op::Connect,
            4 => Op::Accept,
            5 => Op::Watch,
            6 => Op::Cancel,
            7 => Op::Close,
            _ => Op::Hangup,
        }
    }
}

const GENERATION_MASK: u32 = 0xff_ffff;

/// One descriptor and the operations on it.
pub(super) struct Slot {
    generation: u32,
    /// Closed by `close`, and only there; a watched one is somebody else's.
    fd: RawFd,
    /// Operations queued or under way: a multishot one counts until its last completion.
    pub(super) in_flight: u16,
    /// Its owner is gone: operations are being cancelled, and the descriptor is closed after the
    /// last of them.
    pub(super) closing: bool,
    pub(super) role: Role,
}

impl Slot {
    /// The descriptor, for an operation of this slot.
    pub(super) fn fd(&self) -> types::Fd {
        types::Fd(self.fd)
    }

    /// The descriptor, for a call.
    pub(super) fn borrow(&self) -> BorrowedFd<'_> {
        // SAFETY: open as long as the slot is there and not closing: see `close`; a watcher borrows
        // what it watches.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }
}

/// Who uses the descriptor.
pub(super) enum Role {
    Stream(Connection),
    Listener(Box<Accepting>),
    /// A descriptor of somebody else's, never closed here.
    Watch(Watching),
}

/// The slots of a core.
#[derive(Default)]
pub(super) struct Slots {
    slab: Slab<Slot>,
    generation: u32,
}

impl Slots {
    /// A slot for a descriptor that is ours from now on.
    pub(super) fn adopt(&mut self, fd: OwnedFd, role: Role) -> Handle {
        self.insert(fd.into_raw_fd(), role)
    }

    /// A slot for somebody else's descriptor.
    pub(super) fn watch(&mut self, fd: BorrowedFd<'_>, watching: Watching) -> Handle {
        self.insert(fd.as_raw_fd(), Role::Watch(watching))
    }

    fn insert(&mut self, fd: RawFd, role: Role) -> Handle {
        // A generation comes again after 16 million slots, long after the last completion of its
        // namesake.
        self.generation = self.generation.wrapping_add(1) & GENERATION_MASK;
        let slot = Slot { generation: self.generation, fd, in_flight: 0, closing: false, role };
        Handle { index: self.slab.insert(slot) as u32, generation: self.generation }
    }

    /// The slot that `handle` names, unless it is gone.
    pub(super) fn find(&mut self, handle: Handle) -> Option<&mut Slot> {
        let slot = self.slab.get_mut(handle.index as usize)?;
        (slot.generation == handle.generation).then_some(slot)
    }

    /// The connection that `handle` names, unless it is gone or closing.
    pub(super) fn connection(&mut self, handle: Handle) -> Option<(&mut Connection, types::Fd)> {
        match self.find(handle)? {
            Slot { closing: false, fd, role: Role::Stream(connection), .. } => {
                Some((connection, types::Fd(*fd)))
            }
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, handle: Handle) {
        if self.find(handle).is_some() {
            self.slab.remove(handle.index as usize);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Every slot's handle, for the core's end.
    pub(super) fn handles(&self) -> Vec<Handle> {
        let handle = |(index, slot): (usize, &Slot)| Handle {
            index: index as u32,
            generation: slot.generation,
        };
        self.slab.iter().map(handle).collect()
    }
}
