//! An allocator that counts, for tests that a steady state allocates nothing. Not in the program:
//! the feature `counting` is asked for by tests alone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The system's allocator, counting on the threads that asked for it. Make it the
/// `#[global_allocator]`.
#[derive(Debug)]
pub struct CountingAllocator;

/// What one thread has allocated since it asked to be counted.
#[derive(Debug, Default)]
pub struct Counts {
    allocations: AtomicU64,
    live: AtomicI64,
    live_bytes: AtomicI64,
}

impl Counts {
    /// Allocations, growths included.
    pub fn allocations(&self) -> u64 {
        self.allocations.load(Ordering::Relaxed)
    }

    /// Allocations less what this thread has freed; below 0 if it freed older ones.
    pub fn live(&self) -> i64 {
        self.live.load(Ordering::Relaxed)
    }

    /// Bytes asked for less bytes freed by this thread, without what the allocator adds.
    pub fn live_bytes(&self) -> i64 {
        self.live_bytes.load(Ordering::Relaxed)
    }
}

thread_local! {
    static COUNTS: Cell<Option<&'static Counts>> = const { Cell::new(None) };
}

/// From now on counts this thread's allocations. The counts can be read from any thread, and live
/// for ever.
pub fn count_allocations_here() -> &'static Counts {
    let counts = Box::leak(Box::default());
    COUNTS.set(Some(counts));
    counts
}

fn count(allocations: u64, live: i64, bytes: i64) {
    if let Ok(Some(counts)) = COUNTS.try_with(Cell::get) {
        counts.allocations.fetch_add(allocations, Ordering::Relaxed);
        counts.live.fetch_add(live, Ordering::Relaxed);
        counts.live_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// No object is larger than `isize::MAX`.
fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: everything is the system allocator's; counting touches a thread-local without a
// destructor, and allocates nothing.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, 1, signed(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        count(0, -1, -signed(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, 0, signed(size) - signed(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(start, layout, size) }
    }
}
