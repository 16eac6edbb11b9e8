//! The floor: a relay that does nothing but the four socket operations of a relayed request.
//!
//! It reads what comes from one side and writes it to the other, one upstream connection for each
//! client connection, on level-triggered epoll, without looking at a byte. No proxy that reads and
//! writes through the socket interface can be cheaper; every CPU figure is compared with it. Run as
//! a process of its own: `bench floor`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::interrupt::Interrupt;
use crate::net::poll::{Interest, Poll, Ready};
use crate::net::{self, Address, Received};

/// As much as one `recv` may bring.
const BUFFER_BYTES: usize = 64 * 1024;

/// One end of a relayed connection.
struct Side {
    socket: OwnedFd,
    /// The slot of the other end.
    peer: usize,
    /// What its kernel buffer had no room for. Bounded: the peer is `paused` until it is empty.
    unsent: Vec<u8>,
    /// Not read from.
    paused: bool,
}

impl Side {
    fn new(socket: OwnedFd, peer: usize) -> Self {
        Self { socket, peer, unsent: Vec::new(), paused: false }
    }
}

/// The relay.
pub struct Floor {
    poll: Poll,
    listener: OwnedFd,
    at: Address,
    to: Address,
    /// By descriptor number.
    sides: Vec<Option<Side>>,
    buffer: Vec<u8>,
}

impl Floor {
    /// Binds `at`; nothing is relayed before [`Self::run`].
    pub fn bind(at: &Address, to: Address) -> io::Result<Self> {
        let (listener, at) = net::listen(at)?;
        let poll = Poll::new()?;
        poll.add(&listener, token(&listener), Interest::READ)?;
        Ok(Self { poll, listener, at, to, sides: Vec::new(), buffer: vec![0; BUFFER_BYTES] })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.at
    }

    /// Relays until interrupted. Errors: the poll set or the listener failed.
    pub fn run(&mut self, stop: &Interrupt) -> io::Result<()> {
        while !stop.is_set() {
            for index in 0..self.poll.wait(None)? {
                let ready = self.poll.ready(index);
                if ready.token == token(&self.listener) {
                    self.accept_all()?;
                } else if self.relay(ready).is_err() {
                    self.close(slot(ready.token));
                }
            }
        }
        Ok(())
    }

    fn accept_all(&mut self) -> io::Result<()> {
        while let Some(client) = net::accept(&self.listener, &self.at)? {
            // An origin that refuses is told to the client by the close of its connection.
            let Ok(upstream) = net::connect(&self.to) else { continue };
            let (a, b) = (slot(token(&client)), slot(token(&upstream)));
            self.poll.add(&client, a as u64, Interest::READ)?;
            self.poll.add(&upstream, b as u64, Interest::READ)?;
            self.put(a, Side::new(client, b));
            self.put(b, Side::new(upstream, a));
        }
        Ok(())
    }

    fn put(&mut self, at: usize, side: Side) {
        if self.sides.len() <= at {
            self.sides.resize_with(at + 1, || None);
        }
        self.sides[at] = Some(side);
    }

    fn relay(&mut self, ready: Ready) -> io::Result<()> {
        let from = slot(ready.token);
        if ready.writable {
            self.send_rest(from)?;
        }
        if !ready.readable {
            return Ok(());
        }
        let Some(side) = self.sides[from].as_ref() else { return Ok(()) };
        let to = side.peer;
        let bytes = match net::receive(&side.socket, &mut self.buffer)? {
            Received::Bytes(bytes) => bytes,
            Received::Nothing => return Ok(()),
            Received::End => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let Some(peer) = self.sides[to].as_mut() else { return Ok(()) };
        let sent = net::transmit(&peer.socket, &self.buffer[..bytes])?;
        if sent < bytes {
            peer.unsent.extend_from_slice(&self.buffer[sent..bytes]);
            self.watch(to)?;
            self.pause(from, true)?;
        }
        Ok(())
    }

    fn send_rest(&mut self, at: usize) -> io::Result<()> {
        let Some(side) = self.sides[at].as_mut() else { return Ok(()) };
        let sent = net::transmit(&side.socket, &side.unsent)?;
        side.unsent.drain(..sent);
        if !side.unsent.is_empty() {
            return Ok(());
        }
        let peer = side.peer;
        self.watch(at)?;
        self.pause(peer, false)
    }

    fn pause(&mut self, at: usize, paused: bool) -> io::Result<()> {
        if let Some(side) = self.sides[at].as_mut() {
            side.paused = paused;
        }
        self.watch(at)
    }

    fn watch(&self, at: usize) -> io::Result<()> {
        let Some(side) = self.sides[at].as_ref() else { return Ok(()) };
        let interest = Interest { read: !side.paused, write: !side.unsent.is_empty() };
        self.poll.change(&side.socket, at as u64, interest)
    }

    fn close(&mut self, at: usize) {
        if let Some(side) = self.sides[at].take() {
            self.sides[side.peer] = None;
        }
    }
}

fn token(socket: &OwnedFd) -> u64 {
    u64::from(socket.as_raw_fd().unsigned_abs())
}

fn slot(token: u64) -> usize {
    usize::try_from(token).expect("a token is a descriptor number")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::load::drive::Drive;
    use crate::load::origin::Answers;
    use crate::load::{self, Load, Pace};

    /// Answers through a floor relay (in a thread that ends with the test process).
    fn answers_through(request: Vec<u8>, connections: usize) -> u64 {
        let mut drive = Drive::new(Interrupt::default()).unwrap();
        let origin = drive.serve(&[Address::any_port()], Answers::new(128, 2 << 20)).unwrap();
        let to = origin[0].clone();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut floor = Floor::bind(&Address::any_port(), to).unwrap();
            tell.send(floor.address().clone()).unwrap();
            floor.run(&Interrupt::default())
        });
        let target = told.recv().unwrap();
        drive.open(Load { target, connections, pace: Pace::Once, request }).unwrap();
        let window = drive.run(Duration::from_secs(20)).unwrap();
        assert_eq!(window.failed, 0, "{:?}", window.first_failure);
        window.answered
    }

    #[test]
    fn requests_and_answers_pass() {
        assert_eq!(answers_through(load::get("/"), 30), 30);
    }

    #[test]
    fn bodies_larger_than_the_kernel_buffers_pass_both_ways() {
        assert_eq!(answers_through(load::get("/bulk"), 4), 4);
        assert_eq!(answers_through(load::post("/", 3 << 20), 4), 4);
    }
}
