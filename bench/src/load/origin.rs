//! The origin behind the proxies: it answers every request with fixed bytes, as fast as it can.
//!
//! It has no loop of its own: `load::drive` serves it in the turn that also plays the clients, so
//! that the load's core pays no switch between two programs; `bench origin` runs it alone.

use std::io;
use std::os::fd::OwnedFd;

use super::message::{Fault, Kind, Reader, Step};
use crate::net::poll::{Interest, Poll, Ready};
use crate::net::{self, Address, Received};

/// The target that is answered with the bulk body; every other one gets the small one.
pub const BULK_TARGET: &str = "/bulk";

/// What the origin sends.
#[derive(Debug)]
pub struct Answers {
    small: Vec<u8>,
    bulk: Vec<u8>,
}

impl Answers {
    /// Bodies of `small` and `bulk` bytes under the same, unremarkable head.
    pub fn new(small: usize, bulk: usize) -> Self {
        Self { small: answer(small), bulk: answer(bulk) }
    }
}

fn answer(body_bytes: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         Content-Type: text/plain\r\nContent-Length: {body_bytes}\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + body_bytes, b'x');
    bytes
}

struct Connection {
    socket: OwnedFd,
    reader: Reader,
    /// Answers not yet begun, for requests that came together.
    owed: u32,
    /// The answer being sent: whether it is the bulk one, and how much of it is gone.
    sending: Option<(bool, usize)>,
}

/// The origin: its listeners and connections.
pub struct Origin {
    listeners: Vec<(OwnedFd, Address)>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    answers: Answers,
    /// Tokens from here on are the origin's: first its listeners, then its connections.
    first_token: u64,
}

impl Origin {
    /// Listens at every address given; its tokens in `poll` are `first_token` and above.
    pub fn bind(
        at: &[Address],
        answers: Answers,
        poll: &Poll,
        first_token: u64,
    ) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for (index, address) in at.iter().enumerate() {
            let (socket, bound) = net::listen(address)?;
            poll.add(&socket, first_token + index as u64, Interest::READ)?;
            listeners.push((socket, bound));
        }
        Ok(Self { listeners, connections: Vec::new(), free: Vec::new(), answers, first_token })
    }

    /// Where its listener `index` accepts, in the order of [`Self::bind`].
    pub fn address(&self, index: usize) -> &Address {
        &self.listeners[index].1
    }

    /// Serves one readiness of a token of its own. Errors: accepting failed (descriptors ran out).
    pub fn serve(&mut self, ready: Ready, poll: &Poll, buffer: &mut [u8]) -> io::Result<()> {
        let index = usize::try_from(ready.token - self.first_token).expect("tokens are small");
        let Some(slot) = index.checked_sub(self.listeners.len()) else {
            return self.accept_all(index, poll);
        };
        let Some(connection) = self.connections[slot].as_mut() else { return Ok(()) };
        if connection.serve(ready, &self.answers, poll, buffer).is_err() {
            self.connections[slot] = None;
            self.free.push(slot);
        }
        Ok(())
    }

    fn accept_all(&mut self, listener: usize, poll: &Poll) -> io::Result<()> {
        let base = self.first_token + self.listeners.len() as u64;
        let (socket, at) = &self.listeners[listener];
        while let Some(socket) = net::accept(socket, at)? {
            let slot = self.free.pop().unwrap_or(self.connections.len());
            if slot == self.connections.len() {
                self.connections.push(None);
            }
            poll.add(&socket, base + slot as u64, Interest::READ)?;
            let reader = Reader::new(Kind::Request);
            self.connections[slot] = Some(Connection { socket, reader, owed: 0, sending: None });
        }
        Ok(())
    }
}

impl Connection {
    /// An error of any kind closes the connection.
    fn serve(
        &mut self,
        ready: Ready,
        answers: &Answers,
        poll: &Poll,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        let was_sending = self.sending.is_some();
        if ready.readable {
            match net::receive(&self.socket, buffer)? {
                Received::Bytes(bytes) => self.read(&buffer[..bytes]).map_err(io::Error::other)?,
                Received::Nothing => {}
                Received::End => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        self.send(answers)?;
        if was_sending != self.sending.is_some() {
            let interest = if was_sending { Interest::READ } else { Interest::BOTH };
            poll.change(&self.socket, ready.token, interest)?;
        }
        Ok(())
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let Step::Done(used) = self.reader.feed(bytes)? else { break };
            bytes = &bytes[used..];
            self.owed += 1;
        }
        Ok(())
    }

    fn send(&mut self, answers: &Answers) -> io::Result<()> {
        loop {
            if self.sending.is_none() && self.owed > 0 {
                self.owed -= 1;
                self.sending = Some((self.reader.starts_with(b"GET /bulk "), 0));
            }
            let Some((bulk, sent)) = self.sending else { return Ok(()) };
            let answer = if bulk { &answers.bulk } else { &answers.small };
            let taken = net::transmit(&self.socket, &answer[sent..])?;
            if sent + taken < answer.len() {
                self.sending = Some((bulk, sent + taken));
                return Ok(());
            }
            self.sending = None;
        }
    }
}
