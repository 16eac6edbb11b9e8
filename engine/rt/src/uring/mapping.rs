//! Memory straight from the kernel: page-aligned, zeroed, resident only where touched. Called by
//! `buffers`.

use std::io;
use std::ops::Range;
use std::ptr::NonNull;

/// A private, anonymous mapping, unmapped when dropped.
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    pub(super) fn new(len: usize) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping at a place of the kernel's choice touches no other memory.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // A huge page would make 2 MiB resident for the first 4 KiB used. Kernels without them
        // refuse: just as well. SAFETY: the range is the mapping's.
        let _ = unsafe { libc::madvise(start, len, libc::MADV_NOHUGEPAGE) };
        let start = NonNull::new(start.cast()).expect("mmap does not map page 0 unasked");
        Ok(Self { start, len })
    }

    /// The address `offset` bytes in.
    pub(super) fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset < self.len, "inside the mapping");
        // SAFETY: inside the mapping, as just checked.
        unsafe { self.start.add(offset) }
    }

    /// Gives the memory of these bytes back; they read as zeros.
    pub(super) fn give_up(&mut self, bytes: Range<usize>) {
        if bytes.is_empty() {
            return;
        }
        assert!(bytes.end <= self.len, "inside the mapping");
        // SAFETY: inside the mapping; the caller has no use for the contents. A failure leaves the
        // memory as it was.
        let _ = unsafe {
            libc::madvise(
                self.start.add(bytes.start).as_ptr().cast(),
                bytes.len(),
                libc::MADV_DONTNEED,
            )
        };
    }

    /// How many of its pages are in memory.
    #[cfg(test)]
    pub(super) fn resident_pages(&self) -> usize {
        let mut pages = vec![0_u8; self.len.div_ceil(4096)];
        // SAFETY: the range is the mapping's, and there is a byte for every page of it.
        let asked =
            unsafe { libc::mincore(self.start.as_ptr().cast(), self.len, pages.as_mut_ptr()) };
        assert_eq!(asked, 0);
        pages.iter().filter(|page| **page & 1 == 1).count()
    }

    /// Leaves the memory mapped for ever.
    pub(super) fn leak(self) {
        std::mem::forget(self);
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the mapping's, and its users are gone: `leak` is for when they may
        // not be.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
