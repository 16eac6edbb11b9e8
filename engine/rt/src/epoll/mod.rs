//! The epoll engine: tokio's current-thread runtime, sockets of our own.

use std::future::Future;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::core::{CoreShared, Main};
use crate::{Address, Batch, Chunk, Peer};

/// Runs this thread as a core until `main` ends. An error means that `main` was never polled.
pub(crate) fn run_core(_main: Main, _shared: &CoreShared) -> Result<(), io::Error> {
    Err(unsupported())
}

/// Runs `task` beside the others of this core.
pub(crate) fn spawn(_task: impl Future<Output = ()> + 'static) {}

/// Returns when `fd`, a mailbox's eventfd, is readable.
pub(crate) async fn readable(_fd: BorrowedFd<'_>) -> io::Result<()> {
    Err(unsupported())
}

fn unsupported() -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// A connected stream; the methods are documented at `crate::Stream`.
#[derive(Debug)]
pub(crate) struct Stream {
    peer: Peer,
}

impl Stream {
    pub(crate) async fn connect(_to: &Address) -> io::Result<Self> {
        Err(unsupported())
    }

    pub(crate) async fn recv(&self) -> io::Result<Chunk> {
        Err(unsupported())
    }

    pub(crate) async fn send(&self, _batch: Batch) -> io::Result<()> {
        Err(unsupported())
    }

    pub(crate) async fn flush(&self) -> io::Result<()> {
        Err(unsupported())
    }

    pub(crate) async fn finish(&self) -> io::Result<()> {
        Err(unsupported())
    }

    pub(crate) fn is_quiet(&self) -> bool {
        false
    }

    pub(crate) fn hint_bulk(&self, _bytes: u64) {}

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn local(&self) -> io::Result<Peer> {
        Err(unsupported())
    }

    pub(crate) fn abort(self) {}
}

/// A listening socket; the methods are documented at `crate::Listener`.
#[derive(Debug)]
pub(crate) struct Listener;

impl Listener {
    pub(crate) fn new(_socket: OwnedFd, _refusal: &'static [u8]) -> io::Result<Self> {
        Err(unsupported())
    }

    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        Err(unsupported())
    }

    pub(crate) async fn drain(&self) -> io::Result<Option<Stream>> {
        Err(unsupported())
    }
}
