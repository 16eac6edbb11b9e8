//! Buffers for heads: `Vec<u8>`s that a core reuses, so that an idle connection owns none and a
//! busy one allocates none.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::shelf::Shelf;
use crate::trim;

/// What a fresh buffer can take before it grows: most heads.
const CAPACITY_BYTES: usize = 2 << 10;
/// A buffer that grew beyond this is freed rather than kept.
const CAPACITY_KEPT_BYTES_MAX: usize = 16 << 10;
/// Free buffers kept per core, when busy and when idle.
const FREE_MAX: usize = 4096;
const FREE_KEPT: usize = 16;

thread_local! {
    static FREE: RefCell<Shelf<Vec<u8>>> = const { RefCell::new(Shelf::new()) };
}

/// Frees part of the buffers that nobody needed of late; whether more may follow.
pub(crate) fn trim() -> bool {
    FREE.with_borrow_mut(|free| {
        free.trim(FREE_KEPT, &mut Vec::new());
        free.len() > FREE_KEPT
    })
}

/// A pooled, growable buffer; empty when taken, returned to its core when dropped. Stays on its
/// core.
#[derive(Debug)]
pub struct HeadBuf {
    bytes: Vec<u8>,
    stays_on_its_core: PhantomData<*const ()>,
}

impl HeadBuf {
    /// An empty buffer from this core's pool.
    pub fn take() -> Self {
        let kept = FREE.try_with(|free| free.borrow_mut().take()).ok().flatten();
        let bytes = kept.unwrap_or_else(|| Vec::with_capacity(CAPACITY_BYTES));
        Self { bytes, stays_on_its_core: PhantomData }
    }
}

impl Drop for HeadBuf {
    fn drop(&mut self) {
        if self.bytes.capacity() > CAPACITY_KEPT_BYTES_MAX || self.bytes.capacity() == 0 {
            return;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < FREE_MAX {
                free.put(bytes);
            }
            if free.len() > FREE_KEPT {
                trim::ask();
            }
        });
    }
}

impl Deref for HeadBuf {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for HeadBuf {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_and_keeps_its_memory() {
        let mut first = HeadBuf::take();
        first.extend_from_slice(&[1; 5_000]);
        let (memory, capacity) = (first.as_ptr(), first.capacity());
        drop(first);
        let second = HeadBuf::take();
        assert!(second.is_empty());
        assert_eq!((second.as_ptr(), second.capacity()), (memory, capacity));
    }

    #[test]
    fn a_buffer_that_grew_large_is_not_kept() {
        let mut large = HeadBuf::take();
        large.reserve(CAPACITY_KEPT_BYTES_MAX + 1);
        drop(large);
        assert!(HeadBuf::take().capacity() <= CAPACITY_KEPT_BYTES_MAX);
    }

    #[test]
    fn an_idle_core_gives_its_buffers_back() {
        drop((0..1_000).map(|_| HeadBuf::take()).collect::<Vec<_>>());
        while trim() {}
        assert_eq!(FREE.with_borrow(Shelf::len), FREE_KEPT);
    }
}
