//! A listening socket of this core, on either engine.

use std::io;
use std::os::fd::OwnedFd;

use crate::{EngineKind, Stream, core, epoll, stream, uring};

/// A listening TCP or Unix socket. Stays on its core.
#[derive(Debug)]
pub struct Listener(Inner);

#[derive(Debug)]
enum Inner {
    Uring(uring::Listener),
    Epoll(epoll::Listener),
}

impl Listener {
    /// Takes over a socket that is bound and listens. `refusal` is what a client is told when no
    /// descriptor is left.
    pub fn new(socket: OwnedFd, refusal: &'static [u8]) -> io::Result<Self> {
        Ok(Self(match core::engine() {
            EngineKind::Uring => Inner::Uring(uring::Listener::new(socket, refusal)?),
            EngineKind::Epoll => Inner::Epoll(epoll::Listener::new(socket, refusal)?),
        }))
    }

    /// The next connection, with TCP_NODELAY set. Dropping the future loses no connection.
    ///
    /// An error with a [`Shortage`](crate::Shortage): one client was refused; call again. The rate
    /// of these is bounded here.
    pub async fn accept(&self) -> io::Result<Stream> {
        Ok(Stream(match &self.0 {
            Inner::Uring(listener) => stream::Inner::Uring(listener.accept().await?),
            Inner::Epoll(listener) => stream::Inner::Epoll(listener.accept().await?),
        }))
    }

    /// The next connection that is queued already, `None` when there is none: then the listener may
    /// be dropped and resets nobody. Not to be followed by `accept`.
    pub async fn drain(&self) -> io::Result<Option<Stream>> {
        Ok(match &self.0 {
            Inner::Uring(listener) => listener.drain().await?.map(stream::Inner::Uring),
            Inner::Epoll(listener) => listener.drain().await?.map(stream::Inner::Epoll),
        }
        .map(Stream))
    }
}
