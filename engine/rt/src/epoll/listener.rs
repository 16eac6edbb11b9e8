//! A listening socket on epoll. Contracts: `crate::Listener`.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::epoll::Stream;
use crate::refusal::Refusal;
use crate::socket;

/// A listening socket; the methods are documented at `crate::Listener`.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: AsyncFd<OwnedFd>,
    refusal: Refusal,
}

impl Listener {
    pub(crate) fn new(socket: OwnedFd, refusal: &'static [u8]) -> io::Result<Self> {
        SockRef::from(&socket).set_nonblocking(true)?;
        socket::prepare_listener(socket.as_fd())?;
        // SAFETY: the socket is owned by the registration, and closed after it.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?;
        Ok(Self { socket, refusal: Refusal::new(refusal)? })
    }

    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        loop {
            let mut ready = poll_fn(|cx| self.socket.poll_read_ready(cx)).await?;
            match self.accept_at_once().await {
                Ok(Some(stream)) => return Ok(stream),
                Ok(None) => ready.clear_ready(),
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) async fn drain(&self) -> io::Result<Option<Stream>> {
        self.accept_at_once().await
    }

    async fn accept_at_once(&self) -> io::Result<Option<Stream>> {
        let listener = self.socket.get_ref().as_fd();
        loop {
            match socket::accept(listener) {
                Ok((stream, peer)) => return Stream::new(stream, peer).map(Some),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if Refusal::is_due(&error) => {
                    let refused = self.refusal.refuse_one(listener).await;
                    return if refused { Err(error) } else { Ok(None) };
                }
                Err(error) if socket::accept_may_go_on(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
