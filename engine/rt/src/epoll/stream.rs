//! A connected stream on epoll. Contracts: `crate::Stream`.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::buffers::{Buffer, Size};
use crate::{Address, Batch, Chunk, Peer, sleep, socket};

/// Between attempts to connect to a Unix listener whose queue is full.
const RETRY: Duration = Duration::from_millis(1);

/// A connected stream; the methods are documented at `crate::Stream`.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: AsyncFd<OwnedFd>,
    peer: Peer,
    /// Bytes still expected by the last hint.
    bulk: Cell<u64>,
    /// Whether the last receive filled its buffer, so that a large one pays.
    filled: Cell<bool>,
    /// Whether part of a batch was sent, and the rest not yet, or never if that send was dropped.
    torn: Cell<bool>,
    receiving: Busy,
    sending: Busy,
}

impl Stream {
    pub(super) fn new(socket: OwnedFd, peer: Peer) -> io::Result<Self> {
        // SAFETY: the socket is owned by the registration, and closed after it.
        let socket = unsafe { AsyncFd::register(socket) }?;
        Ok(Self {
            socket,
            peer,
            bulk: Cell::new(0),
            filled: Cell::new(false),
            torn: Cell::new(false),
            receiving: Busy::default(),
            sending: Busy::default(),
        })
    }

    pub(crate) async fn connect(to: &Address) -> io::Result<Self> {
        let peer = match to {
            Address::Inet(address) => Peer::Inet(*address),
            Address::Unix(_) => Peer::Unix,
        };
        let socket = loop {
            match socket::start_connect(to) {
                // A Unix listener's queue is full, and nothing tells when it no longer is: a
                // blocking connect would wait. The caller's patience is the bound.
                Err(error) if error.kind() == ErrorKind::WouldBlock && peer == Peer::Unix => {
                    sleep(RETRY).await;
                }
                started => break started?,
            }
        };
        let stream = Self::new(socket, peer)?;
        poll_fn(|cx| stream.socket.poll_write_ready(cx)).await?.retain_ready();
        socket::outcome(stream.fd())?;
        Ok(stream)
    }

    pub(crate) async fn recv(&self) -> io::Result<Chunk> {
        let _one_at_a_time = self.receiving.enter();
        loop {
            let mut ready = poll_fn(|cx| self.socket.poll_read_ready(cx)).await?;
            let buffer = Buffer::wait(self.next_size()).await;
            let capacity = buffer.capacity();
            match socket::recv(self.fd(), buffer) {
                Ok(chunk) => {
                    // A short receive has emptied the socket: the next one may wait without asking
                    // it first. That the peer has ended its side is never forgotten by
                    // `clear_ready`.
                    if !chunk.is_empty() && chunk.len() < capacity {
                        ready.clear_ready();
                    }
                    self.filled.set(chunk.len() == capacity);
                    self.bulk.set(self.bulk.get().saturating_sub(chunk.len() as u64));
                    return Ok(chunk);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    #[allow(clippy::manual_async_fn, reason = "an async fn would hold the batch twice")]
    pub(crate) fn send(&self, batch: Batch) -> impl Future<Output = io::Result<()>> {
        async move {
            let _one_at_a_time = self.sending.enter();
            self.whole()?;
            let mut sent = 0;
            if self.send_rest(&batch, &mut sent)? {
                return Ok(());
            }
            loop {
                // The reactor may not know yet that the socket is full: it is told after a second
                // try.
                let mut ready = poll_fn(|cx| self.socket.poll_write_ready(cx)).await?;
                if self.send_rest(&batch, &mut sent)? {
                    return Ok(());
                }
                ready.clear_ready();
            }
        }
    }

    /// Sends what the socket takes; whether that was the rest of the batch.
    fn send_rest(&self, batch: &Batch, sent: &mut usize) -> io::Result<bool> {
        let length = batch.len();
        while *sent < length {
            match socket::send(self.fd(), batch, *sent) {
                Ok(more) => *sent += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.torn.set(0 < *sent && *sent < length);
        Ok(*sent == length)
    }

    pub(crate) async fn flush(&self) -> io::Result<()> {
        self.whole()
    }

    pub(crate) async fn finish(&self) -> io::Result<()> {
        self.whole()?;
        socket::end(self.fd())
    }

    pub(crate) fn is_quiet(&self) -> bool {
        // The socket is asked only if the reactor has seen something since it was last emptied.
        let news = self.socket.try_io(Interest::READABLE, |socket| {
            let quiet = socket::is_quiet(socket.as_fd());
            if quiet { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        news.is_err()
    }

    pub(crate) fn hint_bulk(&self, bytes: u64) {
        self.bulk.set(bytes);
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn local(&self) -> io::Result<Peer> {
        socket::local(self.fd())
    }

    pub(crate) fn abort(self) {
        socket::reset(self.socket.into_inner());
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }

    fn next_size(&self) -> Size {
        let bulk = self.filled.get() || self.bulk.get() > Size::Small.bytes() as u64;
        if bulk { Size::Large } else { Size::Small }
    }

    /// Fails once a send was dropped half-way: what follows would be nonsense to the peer.
    fn whole(&self) -> io::Result<()> {
        if self.torn.get() {
            return Err(io::Error::new(
                ErrorKind::BrokenPipe,
                "an earlier send was dropped half-way",
            ));
        }
        Ok(())
    }
}

/// Asserts, in debug builds, that one direction of a stream is used by one future at a time.
#[derive(Debug, Default)]
struct Busy(Cell<bool>);

struct Entered<'b>(&'b Busy);

impl Busy {
    fn enter(&self) -> Entered<'_> {
        debug_assert!(!self.0.replace(true), "one receive and one send at a time");
        Entered(self)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.0.set(false);
    }
}
