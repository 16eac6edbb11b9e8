//! The core's receive buffers: two groups of provided buffers, 4 KiB and 32 KiB, from which the
//! kernel takes one when bytes arrive.
//!
//! A provided-buffer ring is a queue, so every buffer in it is used in turn and becomes resident.
//! Hence: room for thousands is registered, few circulate; the kernel's running dry adds more
//! (`ran_dry`), and what a busy moment left behind is retired as it comes back, and its memory
//! given up (`trim`). Both are bounded by the room. Not here: who may hold how many (`recv`).

use std::collections::VecDeque;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering::Release};
use std::time::{Duration, Instant};

use io_uring::types::BufRingEntry;

use super::mapping::Mapping;
use super::ops::Handle;
use super::ring::Ring;

/// How long a buffer that nobody needs stays in memory.
const TRIM_EVERY: Duration = Duration::from_secs(1);
/// Small chunks that one connection may hold or have queued.
pub(super) const CONNECTION_CHUNKS_MAX: u16 = 4;
/// The same of bulk: more would grow cold in the processor's cache before they are sent.
const CONNECTION_BULK_MAX: u16 = 2;
/// Growth adds half of what circulates, and at least so many.
const GROWTH_MIN: u16 = 8;

/// Which of the two sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Heads and small bodies.
    Small,
    /// Long bodies.
    Bulk,
}

impl Group {
    /// The group's number in the kernel.
    pub(super) fn id(self) -> u16 {
        self as u16
    }

    pub(super) fn of(id: u16) -> Self {
        if id == Self::Small.id() { Self::Small } else { Self::Bulk }
    }

    /// Bytes in one buffer.
    pub(super) fn size(self) -> u32 {
        match self {
            Self::Small => 4 << 10,
            Self::Bulk => 32 << 10,
        }
    }
}

/// How many buffers there are and may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// The most that ever exist; a power of two, at most 8192.
    pub(super) small: u16,
    pub(super) bulk: u16,
    /// Those that circulate from the start, and stay.
    pub(super) small_kept: u16,
    pub(super) bulk_kept: u16,
}

impl Default for Room {
    /// At most 16 MiB of each size; 128 KiB of each stay.
    fn default() -> Self {
        Self { small: 4096, bulk: 512, small_kept: 32, bulk_kept: 4 }
    }
}

/// One buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffer {
    pub(super) group: Group,
    pub(super) bid: u16,
}

/// What the gauges show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Figures {
    /// Buffers that hold bytes.
    pub(super) held: u64,
    /// Buffers that circulate, and their bytes.
    pub(super) total: u64,
    pub(super) bytes: u64,
    /// Receives that found no buffer, since the start.
    pub(super) dry: u64,
}

/// The buffers of a core.
pub(super) struct Buffers {
    shelves: [Shelf; 2],
    parked: VecDeque<Handle>,
    trim_at: Option<Instant>,
    used_since_trim: bool,
    dry: u64,
}

impl Buffers {
    pub(super) fn new(ring: &Ring, room: Room) -> io::Result<Self> {
        Ok(Self {
            shelves: [
                Shelf::new(ring, Group::Small, room.small, room.small_kept)?,
                Shelf::new(ring, Group::Bulk, room.bulk, room.bulk_kept)?,
            ],
            parked: VecDeque::new(),
            trim_at: None,
            used_since_trim: false,
            dry: 0,
        })
    }

    fn shelf(&mut self, group: Group) -> &mut Shelf {
        &mut self.shelves[group as usize]
    }

    /// The kernel put `len` bytes for `owner` into `buffer`, which is out of circulation until
    /// `put`.
    pub(super) fn taken(&mut self, buffer: Buffer, owner: Handle, len: u32) {
        self.used_since_trim = true;
        let shelf = self.shelf(buffer.group);
        shelf.held += 1;
        shelf.peak = shelf.peak.max(shelf.held);
        shelf.marks[buffer.bid as usize] =
            Mark { owner: Some(owner), len, next: None, resident: true, circulates: true };
    }

    /// Moves the `len` bytes that the kernel put into `from` behind those in `to`, if both are
    /// small and they fit, and provides `from` again.
    pub(super) fn join(&mut self, to: Buffer, from: Buffer, len: u32) -> bool {
        let (bytes, filled) = self.bytes(to);
        let small = to.group == Group::Small && from.group == Group::Small;
        if !small || filled + len > to.group.size() {
            return false;
        }
        let source = self.bytes(from).0;
        // SAFETY: two buffers, neither of them the kernel's now; `to` has room, as just checked.
        unsafe { bytes.add(filled as usize).copy_from_nonoverlapping(source, len as usize) };
        let marks = &mut self.shelf(to.group).marks;
        marks[to.bid as usize].len += len;
        marks[from.bid as usize].resident = true;
        self.unused(from);
        true
    }

    /// Where the buffer's bytes are, and how many were received.
    pub(super) fn bytes(&mut self, buffer: Buffer) -> (NonNull<u8>, u32) {
        let shelf = self.shelf(buffer.group);
        let address = shelf.arena.at(buffer.bid as usize * buffer.group.size() as usize);
        (address, shelf.marks[buffer.bid as usize].len)
    }

    /// The buffer queued behind this one at its connection.
    pub(super) fn next(&mut self, buffer: Buffer) -> &mut Option<Buffer> {
        &mut self.shelf(buffer.group).marks[buffer.bid as usize].next
    }

    /// The kernel took `buffer` and put nothing into it.
    pub(super) fn unused(&mut self, buffer: Buffer) {
        self.shelf(buffer.group).provide(buffer.bid);
    }

    /// Takes the buffer back, and says for whom it was filled.
    pub(super) fn put(&mut self, buffer: Buffer) -> Option<Handle> {
        let shelf = self.shelf(buffer.group);
        let owner = shelf.marks[buffer.bid as usize].owner.take();
        shelf.held -= 1;
        if shelf.circulating > shelf.target {
            shelf.circulating -= 1;
            shelf.retired.push(buffer.bid);
            shelf.lumber = true;
            shelf.marks[buffer.bid as usize].circulates = false;
        } else {
            shelf.provide(buffer.bid);
        }
        owner
    }

    /// A receive found no buffer in the group: whether there will be one for it, after adding some
    /// if need be.
    pub(super) fn ran_dry(&mut self, group: Group) -> bool {
        self.dry += 1;
        self.shelf(group).ran_dry()
    }

    /// Lets the kernel see the buffers put back or added; once a turn, before the ring is entered.
    pub(super) fn publish(&mut self) {
        self.shelves.iter_mut().for_each(Shelf::publish);
    }

    /// How many chunks one connection may have now: fewer when a group comes close to its bound, so
    /// that many stalled connections leave something for the others.
    pub(super) fn allowance(&mut self, group: Group) -> u16 {
        let Shelf { held, room, .. } = *self.shelf(group);
        let most = match group {
            Group::Small => CONNECTION_CHUNKS_MAX,
            Group::Bulk => CONNECTION_BULK_MAX,
        };
        match u32::from(held) * 4 / u32::from(room) {
            0 | 1 => most,
            2 => most / 2,
            _ => 1,
        }
    }

    /// Queues a connection whose receive found no small buffer, until one comes back.
    pub(super) fn park(&mut self, handle: Handle) {
        self.parked.push_back(handle);
    }

    /// Forgets a parked connection.
    pub(super) fn unpark(&mut self, handle: Handle) {
        self.parked.retain(|parked| *parked != handle);
    }

    /// How many parked connections there is a small buffer for.
    pub(super) fn parked_ready(&mut self) -> usize {
        let free = self.shelf(Group::Small).free();
        self.parked.len().min(free.into())
    }

    pub(super) fn any_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    pub(super) fn next_parked(&mut self) -> Option<Handle> {
        self.parked.pop_front()
    }

    /// When `trim` wants to be called; `None` when it has nothing to give up, so an idle core
    /// sleeps.
    pub(super) fn next_trim(&mut self, now: Instant) -> Option<Instant> {
        let grown = self.shelves.iter().any(|shelf| shelf.circulating > shelf.kept || shelf.lumber);
        if self.trim_at.is_none() && self.used_since_trim && grown {
            self.trim_at = Some(now + TRIM_EVERY);
        }
        self.trim_at
    }

    /// Gives up memory if it is time. Only when every completion was read: else a buffer may hold
    /// bytes that nobody knows of.
    pub(super) fn trim(&mut self, now: Instant) {
        if self.trim_at.is_none_or(|at| now < at) {
            return;
        }
        self.trim_at = None;
        self.used_since_trim = false;
        self.shelves.iter_mut().for_each(Shelf::trim);
    }

    /// What there is to tell about them.
    pub(super) fn figures(&self) -> Figures {
        let mut figures = Figures { dry: self.dry, ..Figures::default() };
        for shelf in &self.shelves {
            figures.held += u64::from(shelf.held);
            figures.total += u64::from(shelf.circulating);
            figures.bytes += u64::from(shelf.circulating) * u64::from(shelf.group.size());
        }
        figures
    }

    /// Pages of small buffers that are in memory.
    #[cfg(test)]
    pub(super) fn resident_pages(&self) -> usize {
        self.shelves[Group::Small as usize].arena.resident_pages()
    }

    /// Gives the memory up for good: the kernel or a chunk may still use it.
    pub(super) fn leak(self) {
        for shelf in self.shelves {
            shelf.arena.leak();
            shelf.descriptions.leak();
        }
    }
}

/// What is known of one buffer.
#[derive(Default)]
struct Mark {
    /// Whose bytes it holds, while it holds some.
    owner: Option<Handle>,
    len: u32,
    next: Option<Buffer>,
    /// Written to since its memory was last given up.
    resident: bool,
    /// In the ring or held; else retired.
    circulates: bool,
}

/// The buffers of one size.
struct Shelf {
    group: Group,
    room: u16,
    kept: u16,
    arena: Mapping,
    /// The provided-buffer ring that the kernel reads, and our end of it.
    descriptions: Mapping,
    tail: u16,
    /// Every buffer ever made.
    marks: Vec<Mark>,
    /// Made, but out of circulation.
    retired: Vec<u16>,
    /// Some of the retired are still in memory.
    lumber: bool,
    /// In the ring or held.
    circulating: u16,
    held: u16,
    /// Circulate no more than this: buffers above it are retired as they come back.
    target: u16,
    /// The most held since the last trim.
    peak: u16,
    /// Receives that found no buffer in this turn, each of which is to have one in the next.
    dry: u16,
}

impl Shelf {
    fn new(ring: &Ring, group: Group, room: u16, kept: u16) -> io::Result<Self> {
        assert!(room.is_power_of_two() && kept <= room, "the kernel's ring wants it so");
        let arena = Mapping::new(room as usize * group.size() as usize)?;
        let descriptions = Mapping::new(room as usize * size_of::<BufRingEntry>())?;
        // SAFETY: fresh, zeroed, page-aligned; `leak` or the ring's end come before it is unmapped
        // (see `state`).
        unsafe {
            ring.register_buffers(descriptions.at(0).as_ptr() as u64, room, group.id())?;
        }
        let mut shelf = Self {
            group,
            room,
            kept,
            arena,
            descriptions,
            tail: 0,
            marks: Vec::new(),
            retired: Vec::new(),
            lumber: false,
            circulating: 0,
            held: 0,
            target: kept,
            peak: 0,
            dry: 0,
        };
        shelf.add(kept);
        shelf.publish();
        Ok(shelf)
    }

    /// In the ring, as far as we know.
    fn free(&self) -> u16 {
        self.circulating - self.held
    }

    fn ran_dry(&mut self) -> bool {
        self.dry = self.dry.saturating_add(1);
        if self.free() < self.dry {
            let more = (self.circulating / 2).max(GROWTH_MIN).min(self.room - self.circulating);
            self.add(more);
            self.target = self.target.max(self.circulating);
        }
        self.dry <= self.free()
    }

    fn add(&mut self, count: u16) {
        for _ in 0..count {
            let bid = self.retired.pop().unwrap_or_else(|| {
                self.marks.push(Mark::default());
                (self.marks.len() - 1) as u16
            });
            self.marks[bid as usize].circulates = true;
            self.provide(bid);
        }
        self.circulating += count;
    }

    /// Puts a buffer at the ring's tail; seen by the kernel after `publish`.
    fn provide(&mut self, bid: u16) {
        let size = self.group.size();
        let address = self.arena.at(bid as usize * size as usize);
        let place = (self.tail & (self.room - 1)) as usize * size_of::<BufRingEntry>();
        // SAFETY: `place` is inside the mapping and aligned, and the kernel reads no entry at or
        // behind the tail.
        let entry = unsafe { self.descriptions.at(place).cast::<BufRingEntry>().as_mut() };
        entry.set_addr(address.as_ptr() as u64);
        entry.set_len(size);
        entry.set_bid(bid);
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&mut self) {
        self.dry = 0;
        // SAFETY: the first entry's last field is the ring's tail, two aligned bytes shared with
        // the kernel.
        let tail = unsafe {
            let tail = BufRingEntry::tail(self.descriptions.at(0).as_ptr().cast());
            AtomicU16::from_ptr(tail.cast_mut())
        };
        tail.store(self.tail, Release);
    }

    /// Aims at what the last period needed and a quarter more, and gives up the memory of what is
    /// retired; after an idle period, of all.
    fn trim(&mut self) {
        self.target = (self.peak + self.peak / 4).max(self.kept).min(self.room);
        self.lumber = false;
        let idle = self.peak == 0;
        self.peak = self.held;
        let size = self.group.size() as usize;
        let mut run = 0..0;
        for (bid, mark) in self.marks.iter_mut().enumerate() {
            if mark.resident && mark.owner.is_none() && (idle || !mark.circulates) {
                mark.resident = false;
                if run.end != bid {
                    self.arena.give_up(run.start * size..run.end * size);
                    run.start = bid;
                }
                run.end = bid + 1;
            }
        }
        self.arena.give_up(run.start * size..run.end * size);
    }
}
