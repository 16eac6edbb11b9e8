//! A connected stream as the rest of `rt` sees it: a handle to its slot. The work is in `recv`,
//! `send`, `connect` and `close`.

use std::future::{Future, poll_fn};
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::Poll;
use std::time::Duration;

use socket2::SockRef;

use super::close::close;
use super::connection::Connection;
use super::ops::{Handle, Role};
use super::state::with;
use crate::{Address, Batch, Chunk, Peer, socket};

/// A connected stream; the methods are documented at `crate::Stream`.
#[derive(Debug)]
pub(crate) struct Stream {
    handle: Handle,
    peer: Peer,
    stays_on_its_core: PhantomData<*const ()>,
}

impl Stream {
    fn over(socket: OwnedFd, peer: Peer) -> io::Result<Self> {
        let role = Role::Stream(Connection::default());
        let handle = with(|state| state.slots.adopt(socket, role)).ok_or_else(core_over)?;
        Ok(Self { handle, peer, stays_on_its_core: PhantomData })
    }

    /// A stream over a socket just accepted; it inherited TCP_NODELAY.
    pub(super) fn accepted(socket: OwnedFd) -> io::Result<Self> {
        let peer = socket::peer(socket.as_fd())?;
        Self::over(socket, peer)
    }

    pub(crate) async fn connect(to: &Address) -> io::Result<Self> {
        let address = socket::socket_address(to)?;
        let socket = socket::fresh(to, false)?;
        let peer = match to {
            Address::Inet(to) => Peer::Inet(*to),
            Address::Unix(_) => Peer::Unix,
        };
        let stream = Self::over(socket.into(), peer)?;
        with(|state| state.dial(stream.handle, address));
        stream.flush().await?;
        Ok(stream)
    }

    pub(crate) fn recv(&self) -> impl Future<Output = io::Result<Chunk>> {
        poll_fn(|cx| with(|state| state.receive(self.handle, cx.waker())).unwrap_or_else(ended))
    }

    pub(crate) fn send(&self, batch: Batch) -> impl Future<Output = io::Result<()>> {
        let mut batch = Some(batch);
        poll_fn(move |cx| {
            with(|state| state.send(self.handle, &mut batch, cx.waker())).unwrap_or_else(ended)
        })
    }

    pub(crate) fn flush(&self) -> impl Future<Output = io::Result<()>> {
        poll_fn(|cx| with(|state| state.flush(self.handle, cx.waker())).unwrap_or_else(ended))
    }

    pub(crate) async fn finish(&self) -> io::Result<()> {
        self.flush().await?;
        self.call(socket::end)?
    }

    pub(crate) fn is_quiet(&self) -> bool {
        match with(|state| state.is_quiet(self.handle)).flatten() {
            Some(quiet) => quiet,
            // No receive is armed, so ask the socket.
            None => self.call(socket::is_quiet).unwrap_or(false),
        }
    }

    pub(crate) fn hint_bulk(&self, bytes: u64) {
        with(|state| state.expect_bytes(self.handle, bytes));
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn local(&self) -> io::Result<Peer> {
        self.call(socket::local)?
    }

    pub(crate) fn abort(self) {
        // A failure leaves an ordinary close.
        let _ = self.call(|socket| SockRef::from(&socket).set_linger(Some(Duration::ZERO)));
    }

    #[cfg(test)]
    pub(super) fn handle(&self) -> Handle {
        self.handle
    }

    /// A call that does not wait, on the socket.
    fn call<T>(&self, call: impl FnOnce(BorrowedFd<'_>) -> T) -> io::Result<T> {
        with(|state| state.slots.find(self.handle).map(|slot| call(slot.borrow())))
            .flatten()
            .ok_or_else(core_over)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        close(self.handle);
    }
}

fn ended<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(core_over()))
}

/// The core has ended, and closed everything.
fn core_over() -> io::Error {
    io::ErrorKind::NotConnected.into()
}
