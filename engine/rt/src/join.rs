//! Two futures at once, without allocation: the first to end, or both.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Which of two ended first, with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The second.
    Right(B),
}

/// Runs both until one ends and drops the other. The first is polled first: when both are ready, it
/// wins.
pub fn either<A: Future, B: Future>(a: A, b: B) -> EitherOf<A, B> {
    EitherOf { a, b }
}

/// The future of `either`. Written by hand, as an `async fn` would hold both futures twice.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct EitherOf<A, B> {
    a: A,
    b: B,
}

impl<A: Future, B: Future> Future for EitherOf<A, B> {
    type Output = Either<A::Output, B::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: both are pinned with the whole and never moved out of it.
        let (a, b) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.a), Pin::new_unchecked(&mut this.b))
        };
        if let Poll::Ready(output) = a.poll(cx) {
            return Poll::Ready(Either::Left(output));
        }
        b.poll(cx).map(Either::Right)
    }
}

/// Runs both until both have ended.
pub fn both<A: Future, B: Future>(a: A, b: B) -> Both<A, B> {
    Both { a: Half::Runs(a), b: Half::Runs(b) }
}

/// The future of `both`.
#[must_use = "futures do nothing unless polled"]
pub struct Both<A: Future, B: Future> {
    a: Half<A>,
    b: Half<B>,
}

enum Half<F: Future> {
    Runs(F),
    Ended(Option<F::Output>),
}

impl<A: Future, B: Future> fmt::Debug for Both<A, B> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Both")
    }
}

impl<F: Future> Half<F> {
    /// Whether this half has ended, now or before.
    fn poll_ended(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        // SAFETY: a running future is not moved; it is dropped in place when its output replaces
        // it.
        let this = unsafe { self.get_unchecked_mut() };
        let Self::Runs(future) = this else { return true };
        // SAFETY: as above.
        let Poll::Ready(output) = unsafe { Pin::new_unchecked(future) }.poll(cx) else {
            return false;
        };
        *this = Self::Ended(Some(output));
        true
    }

    fn take_output(self: Pin<&mut Self>) -> Option<F::Output> {
        // SAFETY: only an output is moved out, which is not pinned.
        match unsafe { self.get_unchecked_mut() } {
            Self::Runs(_) => None,
            Self::Ended(output) => output.take(),
        }
    }
}

impl<A: Future, B: Future> Future for Both<A, B> {
    type Output = (A::Output, B::Output);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: both halves are pinned with the whole and never moved out of it.
        let (mut a, mut b) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.a), Pin::new_unchecked(&mut this.b))
        };
        let (a_ended, b_ended) = (a.as_mut().poll_ended(cx), b.as_mut().poll_ended(cx));
        if !(a_ended && b_ended) {
            return Poll::Pending;
        }
        Poll::Ready(a.take_output().zip(b.take_output()).expect("not polled again after the end"))
    }
}
