//! Received bytes, in the buffer that received them: one of the ring's, or one of this core's pool.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::buffers::{self, Buffer, Size};

/// Received bytes. Owns its buffer and returns it when dropped: hold it no longer than the bytes
/// are needed. Stays on its core.
///
/// An empty chunk from `Stream::recv` means that the peer has ended its side.
#[derive(Debug)]
pub struct Chunk {
    /// The buffer; its bytes `start..end` are initialised and not yet consumed.
    buffer: NonNull<u8>,
    start: u32,
    end: u32,
    home: Home,
}

/// Where a chunk's buffer goes when the chunk is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// No buffer at all.
    Nowhere,
    /// Back to the ring's buffer group.
    Uring { group: u16, bid: u16 },
    /// This core's pool of 4 KiB buffers.
    PoolSmall,
    /// This core's pool of 32 KiB buffers.
    PoolLarge,
}

impl Chunk {
    /// A chunk of no bytes, which owns no buffer.
    pub fn empty() -> Self {
        Self { buffer: NonNull::dangling(), start: 0, end: 0, home: Home::Nowhere }
    }

    /// A chunk over the first `len` bytes of `buffer`.
    ///
    /// # Safety
    /// The bytes are initialised, and nothing else reads or writes them until `home` gets
    /// the buffer back.
    pub(crate) unsafe fn over(buffer: NonNull<u8>, len: u32, home: Home) -> Self {
        Self { buffer, start: 0, end: len, home }
    }

    /// How many bytes are left.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether no byte is left.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops the first `n` bytes, or all if there are fewer.
    pub fn advance(&mut self, n: usize) {
        self.start += n.min(self.len()) as u32;
    }

    /// Keeps the first `n` bytes, or all if there are fewer.
    pub fn truncate(&mut self, n: usize) {
        self.end = self.start + n.min(self.len()) as u32;
    }

    /// Keeps the first `n` bytes and returns the others, copied into buffers of their own; as two
    /// chunks cannot share one.
    ///
    /// # Panics
    /// When `n` is beyond the end.
    pub fn split_off(&mut self, n: usize) -> Self {
        let rest = Self::copy_of(&self[n..]);
        self.truncate(n);
        rest
    }

    /// Bytes copied into a buffer of this core's pool.
    ///
    /// # Panics
    /// When there are more than 32 KiB: more than any chunk holds.
    pub fn copy_of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::empty();
        }
        let fits = bytes.len() <= Size::Small.bytes();
        let buffer = Buffer::take(if fits { Size::Small } else { Size::Large });
        assert!(bytes.len() <= buffer.capacity(), "a chunk holds at most 32 KiB");
        // SAFETY: the lengths were compared; a fresh buffer overlaps nothing; the bytes are then
        // written.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.as_ptr(), bytes.len());
            buffer.filled(bytes.len())
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        match self.home {
            Home::Nowhere => {}
            Home::Uring { group, bid } => crate::uring::give_back(group, bid),
            Home::PoolSmall => buffers::give_back(self.buffer, Size::Small),
            Home::PoolLarge => buffers::give_back(self.buffer, Size::Large),
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `over` promised bytes that are initialised and only ours; advance and truncate
        // only shrink the range.
        unsafe {
            std::slice::from_raw_parts(self.buffer.add(self.start as usize).as_ptr(), self.len())
        }
    }
}

impl DerefMut for Chunk {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; `&mut self` excludes every other view.
        unsafe {
            let start = self.buffer.add(self.start as usize);
            std::slice::from_raw_parts_mut(start.as_ptr(), self.len())
        }
    }
}
