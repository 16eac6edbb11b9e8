//! Two futures at once, without allocation: the first to end, or both.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Which of two ended first, with its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The second.
    Right(B),
}

/// Runs both until one ends and drops the other. The first is polled first: when both are ready, it wins.
pub async fn either<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| {
        if let Poll::Ready(done) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::Left(done));
        }
        b.as_mut().poll(cx).map(Either::Right)
    })
    .await
}

/// Runs both until both have ended.
pub async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_done, mut b_done) = (None, None);
    poll_fn(|cx| {
        if a_done.is_none()
            && let Poll::Ready(done) = a.as_mut().poll(cx)
        {
            a_done = Some(done);
        }
        if b_done.is_none()
            && let Poll::Ready(done) = b.as_mut().poll(cx)
        {
            b_done = Some(done);
        }
        if a_done.is_none() || b_done.is_none() {
            return Poll::Pending;
        }
        Poll::Ready(a_done.take().zip(b_done.take()).expect("both were just seen"))
    })
    .await
}
