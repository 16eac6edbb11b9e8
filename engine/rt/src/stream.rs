//! A connected stream, TCP or Unix, on either engine.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::{Address, Batch, Chunk, EngineKind, Peer, core, epoll, uring};

/// One connected TCP or Unix socket. All methods take `&self`, as one core uses it; at most one
/// `recv` and one `send` run at a time.
///
/// Dropping it cancels what is under way and closes; batches not yet sent are lost. Stays on its
/// core.
#[derive(Debug)]
pub struct Stream(pub(crate) Inner);

#[derive(Debug)]
pub(crate) enum Inner {
    Uring(uring::Stream),
    Epoll(epoll::Stream),
}
use Inner::{Epoll, Uring};

impl Stream {
    /// Connects; TCP_NODELAY is set. Dropping the future closes the attempt.
    pub async fn connect(to: &Address) -> io::Result<Self> {
        Ok(Self(match core::engine() {
            EngineKind::Uring => Uring(uring::Stream::connect(to).await?),
            EngineKind::Epoll => Epoll(epoll::Stream::connect(to).await?),
        }))
    }

    /// The next bytes; an empty chunk when the peer has ended its side. A stream that waits owns no
    /// buffer. Dropping the future loses no bytes.
    pub fn recv(&self) -> impl Future<Output = io::Result<Chunk>> {
        match &self.0 {
            Uring(stream) => OnEngine::Uring(stream.recv()),
            Epoll(stream) => OnEngine::Epoll(stream.recv()),
        }
    }

    /// Hands the whole batch to the kernel, after those before it. It may return when the batch is
    /// merely queued (io_uring): an error may show here or at any later call. Dropping the future
    /// before it returns may tear the batch: the stream is then fit for nothing but closing.
    pub fn send(&self, batch: Batch) -> impl Future<Output = io::Result<()>> {
        match &self.0 {
            Uring(stream) => OnEngine::Uring(stream.send(batch)),
            Epoll(stream) => OnEngine::Epoll(stream.send(batch)),
        }
    }

    /// Returns when the kernel has accepted everything sent.
    pub fn flush(&self) -> impl Future<Output = io::Result<()>> {
        match &self.0 {
            Uring(stream) => OnEngine::Uring(stream.flush()),
            Epoll(stream) => OnEngine::Epoll(stream.flush()),
        }
    }

    /// Flushes, then ends our side (`shutdown(SHUT_WR)`: FIN). Receiving goes on.
    pub fn finish(&self) -> impl Future<Output = io::Result<()>> {
        match &self.0 {
            Uring(stream) => OnEngine::Uring(stream.finish()),
            Epoll(stream) => OnEngine::Epoll(stream.finish()),
        }
    }

    /// Whether neither bytes nor an end nor an error has arrived: only then may a pooled connection
    /// be used again.
    pub fn is_quiet(&self) -> bool {
        match &self.0 {
            Uring(stream) => stream.is_quiet(),
            Epoll(stream) => stream.is_quiet(),
        }
    }

    /// So many bytes are expected to be received: large buffers pay.
    pub fn hint_bulk(&self, bytes: u64) {
        match &self.0 {
            Uring(stream) => stream.hint_bulk(bytes),
            Epoll(stream) => stream.hint_bulk(bytes),
        }
    }

    /// The other end.
    pub fn peer(&self) -> &Peer {
        match &self.0 {
            Uring(stream) => stream.peer(),
            Epoll(stream) => stream.peer(),
        }
    }

    /// Our end.
    pub fn local(&self) -> io::Result<Peer> {
        match &self.0 {
            Uring(stream) => stream.local(),
            Epoll(stream) => stream.local(),
        }
    }

    /// Closes at once and rudely: the peer sees a reset (RST).
    pub fn abort(self) {
        match self.0 {
            Uring(stream) => stream.abort(),
            Epoll(stream) => stream.abort(),
        }
    }
}

/// A future of the engine that runs, and no larger: an `async fn` around it would hold its
/// arguments once more.
enum OnEngine<U, E> {
    Uring(U),
    Epoll(E),
}

impl<T, U: Future<Output = T>, E: Future<Output = T>> Future for OnEngine<U, E> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // SAFETY: either future is pinned with the whole and never moved out of it.
        unsafe {
            match self.get_unchecked_mut() {
                Self::Uring(future) => Pin::new_unchecked(future).poll(cx),
                Self::Epoll(future) => Pin::new_unchecked(future).poll(cx),
            }
        }
    }
}
