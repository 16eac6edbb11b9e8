//! One client connection: at most one request in flight, counted when its answer is whole.
//!
//! Called by `load::drive`, which decides when a request is sent and what an outcome means.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use super::message::{Kind, Reader, Step};
use crate::net::poll::{Interest, Poll, Ready};
use crate::net::{self, Received};

/// A connection to the program under load.
pub(super) struct Client {
    socket: OwnedFd,
    token: u64,
    reader: Reader,
    /// Since when the request in flight is due; `None` between requests.
    due: Option<Instant>,
    /// Bytes of the request in flight that the kernel took.
    sent: usize,
}

/// What one readiness came to.
pub(super) enum News {
    /// Nothing to act on.
    None,
    /// The answer is whole.
    Answered {
        /// Of the request.
        due: Instant,
        /// Of the answer.
        status: u16,
        /// The server announced the connection's end.
        closes: bool,
    },
    /// The server closed between two requests, which it may.
    ClosedIdle,
    /// The request in flight is lost; why.
    Failed(String),
}

impl Client {
    pub(super) fn new(socket: OwnedFd, token: u64, poll: &Poll) -> io::Result<Self> {
        poll.add(&socket, token, Interest::READ)?;
        Ok(Self { socket, token, reader: Reader::new(Kind::Answer), due: None, sent: 0 })
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.due.is_some()
    }

    /// Sends `request`, due since `due`.
    pub(super) fn ask(&mut self, due: Instant, request: &[u8], poll: &Poll) -> io::Result<()> {
        debug_assert!(self.due.is_none(), "one request at a time");
        self.due = Some(due);
        self.sent = net::transmit(&self.socket, request)?;
        if self.sent < request.len() {
            poll.change(&self.socket, self.token, Interest::BOTH)?;
        }
        Ok(())
    }

    pub(super) fn serve(
        &mut self,
        ready: Ready,
        request: &[u8],
        poll: &Poll,
        buffer: &mut [u8],
    ) -> News {
        if ready.writable
            && let Err(error) = self.send_rest(request, poll)
        {
            return News::Failed(format!("while sending: {error}"));
        }
        if !ready.readable {
            return News::None;
        }
        match net::receive(&self.socket, buffer) {
            Ok(Received::Bytes(bytes)) => self.read(&buffer[..bytes]),
            Ok(Received::Nothing) => News::None,
            Ok(Received::End) if self.due.is_none() => News::ClosedIdle,
            Ok(Received::End) => News::Failed("closed before the answer was whole".to_owned()),
            Err(_) if self.due.is_none() => News::ClosedIdle,
            Err(error) => News::Failed(format!("while waiting for the answer: {error}")),
        }
    }

    fn send_rest(&mut self, request: &[u8], poll: &Poll) -> io::Result<()> {
        self.sent += net::transmit(&self.socket, &request[self.sent..])?;
        if self.sent == request.len() {
            poll.change(&self.socket, self.token, Interest::READ)?;
        }
        Ok(())
    }

    fn read(&mut self, bytes: &[u8]) -> News {
        let Some(due) = self.due else {
            return News::Failed("bytes that no request asked for".to_owned());
        };
        match self.reader.feed(bytes) {
            Ok(Step::More) => News::None,
            Ok(Step::Done(used)) if used < bytes.len() => {
                News::Failed("more bytes than the answer has".to_owned())
            }
            Ok(Step::Done(_)) => {
                self.due = None;
                News::Answered { due, status: self.reader.status(), closes: self.reader.closes() }
            }
            Err(fault) => News::Failed(fault.to_string()),
        }
    }
}
