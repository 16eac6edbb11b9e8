//! Futures in reused memory: a request's state costs no allocation, and an idle connection does not
//! hold it.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use crate::shelf::Shelf;
use crate::trim;

/// Block sizes are multiples of this, so that futures of about one size share memory.
const STEP_BYTES: usize = 512;
/// How many sizes are pooled: larger futures, of 16 KiB and more, are allocated each time.
const SIZES: usize = 32;
/// What every block is aligned to; stricter futures are allocated each time.
const ALIGN_BYTES: usize = 64;
/// Free blocks of each size kept, when busy and when idle.
const FREE_MAX: usize = 4096;
const FREE_KEPT: usize = 4;

thread_local! {
    static FREE: RefCell<Blocks> = const { RefCell::new(Blocks([const { Shelf::new() }; SIZES])) };
}

/// Free blocks, one shelf for each size.
struct Blocks([Shelf<NonNull<u8>>; SIZES]);

impl Drop for Blocks {
    fn drop(&mut self) {
        for (class, shelf) in self.0.iter_mut().enumerate() {
            free(shelf.empty(), class);
        }
    }
}

/// A future in memory of this core's free list. Stays on its core.
pub struct PooledFuture<F> {
    future: NonNull<F>,
    owns: PhantomData<F>,
}

/// Moves `f` into memory that this core uses again once the result is dropped.
pub fn pooled<F: Future>(f: F) -> PooledFuture<F> {
    let layout = Layout::new::<F>();
    let future = if layout.size() == 0 { NonNull::dangling() } else { take(layout).cast::<F>() };
    // SAFETY: the block is as large and as aligned as an `F` asks, and nobody else's.
    unsafe { future.write(f) };
    PooledFuture { future, owns: PhantomData }
}

// The future lives in its block and never moves, whether or not this handle does.
impl<F> Unpin for PooledFuture<F> {}

impl<F: Future> Future for PooledFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` is initialised until drop, is ours alone and stays in its block until it
        // is dropped there.
        unsafe { Pin::new_unchecked(self.future.as_mut()) }.poll(cx)
    }
}

impl<F> Drop for PooledFuture<F> {
    fn drop(&mut self) {
        // First declared, last dropped: the block goes back even if dropping the future panics.
        let _block = Block { start: self.future.cast(), layout: Layout::new::<F>() };
        // SAFETY: initialised by `pooled`, dropped only here.
        unsafe { self.future.drop_in_place() };
    }
}

impl<F> fmt::Debug for PooledFuture<F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PooledFuture({} bytes)", size_of::<F>())
    }
}

/// Memory on its way back.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

impl Drop for Block {
    fn drop(&mut self) {
        give_back(self.start, self.layout);
    }
}

/// Frees part of the blocks that nobody needed of late; whether more may follow.
pub(crate) fn trim() -> bool {
    FREE.with_borrow_mut(|blocks| {
        let mut more = false;
        for (class, shelf) in blocks.0.iter_mut().enumerate() {
            let mut out = Vec::new();
            shelf.trim(FREE_KEPT, &mut out);
            free(out, class);
            more |= shelf.len() > FREE_KEPT;
        }
        more
    })
}

/// Frees blocks that lay on the shelf of `class`.
fn free(blocks: Vec<NonNull<u8>>, class: usize) {
    for start in blocks {
        // SAFETY: what lies on a shelf was allocated with the layout of its class, and is in no
        // use.
        unsafe { dealloc(start.as_ptr(), layout_of(class)) };
    }
}

/// The shelf that serves `layout`, if any.
fn class_of(layout: Layout) -> Option<usize> {
    let class = layout.size().checked_sub(1)? / STEP_BYTES;
    (class < SIZES && layout.align() <= ALIGN_BYTES).then_some(class)
}

fn layout_of(class: usize) -> Layout {
    Layout::from_size_align((class + 1) * STEP_BYTES, ALIGN_BYTES).expect("small powers of two")
}

/// A block for `layout`, which is not of size zero.
fn take(layout: Layout) -> NonNull<u8> {
    let mut layout = layout;
    if let Some(class) = class_of(layout) {
        layout = layout_of(class);
        if let Some(start) = FREE.with_borrow_mut(|blocks| blocks.0[class].take()) {
            return start;
        }
    }
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

fn give_back(start: NonNull<u8>, layout: Layout) {
    if layout.size() == 0 {
        return;
    }
    let mut layout = layout;
    if let Some(class) = class_of(layout) {
        layout = layout_of(class);
        let kept = FREE.try_with(|blocks| {
            let shelf = &mut blocks.borrow_mut().0[class];
            let keep = shelf.len() < FREE_MAX;
            if keep {
                shelf.put(start);
            }
            if shelf.len() > FREE_KEPT {
                trim::ask();
            }
            keep
        });
        if kept == Ok(true) {
            return;
        }
    }
    // SAFETY: allocated by `take` with this layout, and on no shelf.
    unsafe { dealloc(start.as_ptr(), layout) };
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;
    use std::task::Waker;

    use super::*;

    fn address<F: Future>(f: F) -> (NonNull<F>, PooledFuture<F>) {
        let pooled = pooled(f);
        (pooled.future, pooled)
    }

    #[test]
    fn memory_is_used_again_and_aligned() {
        let (first, held) = address(async { std::future::pending::<[u64; 50]>().await });
        assert_eq!(first.as_ptr() as usize % ALIGN_BYTES, 0);
        drop(held);
        let (second, _held) = address(async { std::future::pending::<[u64; 50]>().await });
        assert_eq!(first.cast::<u8>(), second.cast::<u8>());
    }

    #[test]
    fn a_future_that_panics_when_dropped_still_returns_its_memory() {
        struct Bomb(Rc<Cell<u32>>);
        impl Drop for Bomb {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
                panic!("a destructor that misbehaves");
            }
        }
        let drops = Rc::new(Cell::new(0));
        let bomb = Bomb(drops.clone());
        let (first, mut held) = address(async move {
            let _bomb = bomb;
            std::future::pending::<()>().await;
        });
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut held).poll(&mut cx).is_pending());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(held))).is_err());
        assert_eq!(drops.get(), 1);
        let (second, _held) = address(async { std::future::pending::<[u64; 8]>().await });
        assert_eq!(first.cast::<u8>(), second.cast::<u8>());
    }

    #[test]
    fn futures_of_no_size_and_of_great_size_work() {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut pooled(std::future::pending::<()>())).poll(&mut cx).is_pending());
        let large = [7u8; 64 << 10];
        let mut large =
            pooled(async move { large.iter().map(|byte| u32::from(*byte)).sum::<u32>() });
        assert_eq!(Pin::new(&mut large).poll(&mut cx), Poll::Ready(7 * (64 << 10)));
    }
}
