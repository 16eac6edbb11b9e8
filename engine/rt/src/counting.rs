//! An allocator that counts, for tests that a steady state allocates nothing. Not in the program:
//! the feature `counting` is asked for by tests alone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The system's allocator, counting on the threads that asked for it. Make it the
/// `#[global_allocator]`.
#[derive(Debug)]
pub struct CountingAllocator;

thread_local! {
    static COUNT: Cell<Option<&'static AtomicU64>> = const { Cell::new(None) };
}

/// From now on counts this thread's allocations, growths included. The count can be read from any
/// thread, and lives for ever.
pub fn count_allocations_here() -> &'static AtomicU64 {
    let count = Box::leak(Box::new(AtomicU64::new(0)));
    COUNT.set(Some(count));
    count
}

fn count() {
    if let Ok(Some(count)) = COUNT.try_with(Cell::get) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: everything is the system allocator's; counting touches a thread-local without a
// destructor, and allocates nothing.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(start, layout, size) }
    }
}
