//! This core's receive buffers that belong to no ring: 4 KiB for heads and small bodies, 32 KiB for
//! bulk.
//!
//! They grow with demand up to a bound, beyond which receivers wait in line, and shrink when idle.
//! Used by the epoll engine for every receive, by both for copies.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use crate::chunk::Home;
use crate::shelf::Shelf;
use crate::{Chunk, gauges, trim};

/// Bytes of receive buffers per core, beyond which a receive waits for a buffer to come back.
const BYTES_MAX: usize = 64 << 20;
/// Free buffers of each size that an idle core keeps.
const FREE_KEPT: usize = 16;

/// The two sizes of buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Small,
    Large,
}

impl Size {
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Small => 4 << 10,
            Self::Large => 32 << 10,
        }
    }

    const fn layout(self) -> Layout {
        match Layout::from_size_align(self.bytes(), 64) {
            Ok(layout) => layout,
            Err(_) => unreachable!(),
        }
    }
}

/// A buffer on loan, of undefined contents.
#[derive(Debug)]
pub(crate) struct Buffer {
    start: NonNull<u8>,
    size: Size,
}

impl Buffer {
    /// A buffer at once, beyond the bound if need be: for copies, of which there are few.
    pub(crate) fn take(size: Size) -> Self {
        BUFFERS.with_borrow_mut(|buffers| buffers.take(size))
    }

    /// A buffer as soon as the bound allows; those who waited longer come first.
    pub(crate) fn wait(size: Size) -> Wait {
        Wait { size, ticket: None }
    }

    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.size.bytes()
    }

    /// The buffer as a chunk.
    ///
    /// # Safety
    /// The first `len` bytes, at most `capacity`, have been written.
    pub(crate) unsafe fn filled(self, len: usize) -> Chunk {
        let home = match self.size {
            Size::Small => Home::PoolSmall,
            Size::Large => Home::PoolLarge,
        };
        // SAFETY: the caller vouches for the bytes; the buffer is ours alone, and now the chunk's.
        let chunk = unsafe { Chunk::over(self.start, len as u32, home) };
        std::mem::forget(self);
        chunk
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        give_back(self.start, self.size);
    }
}

/// Takes back the buffer of a dropped chunk.
pub(crate) fn give_back(start: NonNull<u8>, size: Size) {
    let put = BUFFERS.try_with(|buffers| {
        let mut buffers = buffers.borrow_mut();
        buffers.put(start, size);
        buffers.call_next()
    });
    match put {
        Ok(next) => wake(next),
        // SAFETY: the thread is ending and its pool is gone; the buffer came from `alloc` with this
        // layout.
        Err(_) => unsafe { dealloc(start.as_ptr(), size.layout()) },
    }
}

/// Frees part of the buffers that nobody needed of late; whether more may follow.
pub(crate) fn trim() -> bool {
    BUFFERS.with_borrow_mut(|buffers| {
        let mut out = Vec::new();
        for size in [Size::Small, Size::Large] {
            buffers.shelf(size).trim(FREE_KEPT, &mut out);
            for start in out.drain(..) {
                buffers.free(start, size);
            }
        }
        buffers.small.len().max(buffers.large.len()) > FREE_KEPT
    })
}

/// The future of `Buffer::wait`.
#[derive(Debug)]
pub(crate) struct Wait {
    size: Size,
    /// Our number while we stand in line, or were called from it.
    ticket: Option<u64>,
}

impl Future for Wait {
    type Output = Buffer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Buffer> {
        BUFFERS.with(|buffers| {
            let polled = buffers.borrow_mut().poll_wait(&mut self, cx.waker());
            if polled.is_ready() {
                let next = buffers.borrow_mut().call_next();
                wake(next);
            }
            polled
        })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let next = BUFFERS.try_with(|buffers| {
            let mut buffers = buffers.borrow_mut();
            buffers.line.retain(|(number, _)| *number != ticket);
            buffers.call_next()
        });
        wake(next.ok().flatten());
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

struct Buffers {
    small: Shelf<NonNull<u8>>,
    large: Shelf<NonNull<u8>>,
    bytes: usize,
    /// Who waits for a buffer, first come first served. Never longer than there are streams.
    line: VecDeque<(u64, Waker)>,
    next_ticket: u64,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = const { RefCell::new(Buffers::new()) };
}

impl Buffers {
    const fn new() -> Self {
        Self {
            small: Shelf::new(),
            large: Shelf::new(),
            bytes: 0,
            line: VecDeque::new(),
            next_ticket: 0,
        }
    }

    fn shelf(&mut self, size: Size) -> &mut Shelf<NonNull<u8>> {
        match size {
            Size::Small => &mut self.small,
            Size::Large => &mut self.large,
        }
    }

    fn take(&mut self, size: Size) -> Buffer {
        let start = self.shelf(size).take().unwrap_or_else(|| self.grow(size));
        gauges::here(|gauges| gauges.buffers_held.add(1));
        Buffer { start, size }
    }

    fn grow(&mut self, size: Size) -> NonNull<u8> {
        self.bytes += size.bytes();
        gauges::here(|gauges| {
            gauges.buffers_total.add(1);
            gauges.buffer_bytes.add(size.bytes() as u64);
        });
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc(size.layout()) };
        NonNull::new(start).unwrap_or_else(|| handle_alloc_error(size.layout()))
    }

    fn free(&mut self, start: NonNull<u8>, size: Size) {
        self.bytes -= size.bytes();
        gauges::here(|gauges| {
            gauges.buffers_total.sub(1);
            gauges.buffer_bytes.sub(size.bytes() as u64);
        });
        // SAFETY: every buffer came from `alloc` with this layout, and this one lies on no shelf
        // any more.
        unsafe { dealloc(start.as_ptr(), size.layout()) };
    }

    fn put(&mut self, start: NonNull<u8>, size: Size) {
        gauges::here(|gauges| gauges.buffers_held.sub(1));
        if self.bytes > BYTES_MAX {
            return self.free(start, size);
        }
        self.shelf(size).put(start);
        if self.shelf(size).len() > FREE_KEPT {
            trim::ask();
        }
    }

    /// Whether a buffer can be had within the bound; frees such of the other size if that makes
    /// room.
    fn has_room(&mut self, size: Size) -> bool {
        let other = match size {
            Size::Small => Size::Large,
            Size::Large => Size::Small,
        };
        while self.shelf(size).len() == 0 && self.bytes + size.bytes() > BYTES_MAX {
            let Some(start) = self.shelf(other).take() else { return false };
            self.free(start, other);
        }
        true
    }

    fn poll_wait(&mut self, wait: &mut Wait, waker: &Waker) -> Poll<Buffer> {
        if let Some(ticket) = wait.ticket
            && let Some(place) = self.line.iter().position(|(number, _)| *number == ticket)
        {
            self.line[place].1.clone_from(waker);
            return Poll::Pending;
        }
        // Who was called has left the line and goes first; a newcomer stands behind those in it.
        if wait.ticket.is_some() || self.line.is_empty() {
            // Large buffers are a convenience: when room is short, small ones do.
            let size = if self.has_room(wait.size) { wait.size } else { Size::Small };
            if self.has_room(size) {
                wait.ticket = None;
                return Poll::Ready(self.take(size));
            }
        }
        gauges::here(|gauges| gauges.enobufs.add(1));
        self.next_ticket += 1;
        wait.ticket = Some(self.next_ticket);
        self.line.push_back((self.next_ticket, waker.clone()));
        Poll::Pending
    }

    /// Calls the first in line if there is room for it.
    fn call_next(&mut self) -> Option<Waker> {
        if self.line.is_empty() || !self.has_room(Size::Small) {
            return None;
        }
        self.line.pop_front().map(|(_, waker)| waker)
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        for size in [Size::Small, Size::Large] {
            for start in self.shelf(size).empty() {
                self.free(start, size);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn poll(wait: Pin<&mut Wait>) -> Poll<Buffer> {
        wait.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn buffers_up_to_the_bound() -> Vec<Buffer> {
        (0..BYTES_MAX / Size::Large.bytes()).map(|_| Buffer::take(Size::Large)).collect()
    }

    #[test]
    fn at_the_bound_receivers_are_served_in_order_as_buffers_return() {
        let mut held = buffers_up_to_the_bound();
        let mut first = pin!(Buffer::wait(Size::Large));
        let mut second = pin!(Buffer::wait(Size::Small));
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        held.pop();
        assert!(poll(second.as_mut()).is_pending(), "the first was called");
        let Poll::Ready(buffer) = poll(first.as_mut()) else { panic!("a buffer came back") };
        assert_eq!(buffer.capacity(), Size::Large.bytes());
        assert!(poll(second.as_mut()).is_pending());
        drop(buffer);
        let Poll::Ready(buffer) = poll(second.as_mut()) else { panic!("a buffer came back") };
        assert_eq!(buffer.capacity(), Size::Small.bytes(), "a large one made room");
    }

    #[test]
    fn a_called_receiver_that_gives_up_passes_its_turn_on() {
        let mut held = buffers_up_to_the_bound();
        let mut first = Box::pin(Buffer::wait(Size::Small));
        let mut second = pin!(Buffer::wait(Size::Small));
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        held.pop();
        drop(first);
        assert!(poll(second.as_mut()).is_ready());
    }

    #[test]
    fn an_idle_core_gives_its_buffers_back() {
        drop(buffers_up_to_the_bound());
        assert_eq!(BUFFERS.with_borrow(|buffers| buffers.bytes), BYTES_MAX);
        while trim() {}
        let kept = FREE_KEPT * Size::Large.bytes();
        assert_eq!(BUFFERS.with_borrow(|buffers| buffers.bytes), kept);
    }
}
