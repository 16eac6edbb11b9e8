//! One blocking client connection that can misbehave. Used by the soak's actors, each in its own
//! thread, and for the admin listener. Loads are `load`'s.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::sockopt;

use crate::load::message::{Kind, Reader, Step};
use crate::net::poll::Poll;

/// No honest answer takes longer; a proxy that is silent for so long has lost the request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of one read.
const PIECE: usize = 16 * 1024;

/// A connection to the proxy.
pub(crate) struct Line {
    stream: TcpStream,
    reader: Reader,
    /// What came after the last answer: the beginning of the next one.
    ahead: Vec<u8>,
}

impl Line {
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, reader: Reader::new(Kind::Answer), ahead: Vec::new() })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends in pieces of `size` bytes with a `pause` after each.
    pub(crate) fn send_slowly(
        &mut self,
        bytes: &[u8],
        size: usize,
        pause: Duration,
    ) -> io::Result<()> {
        for piece in bytes.chunks(size) {
            self.send(piece)?;
            self.listen(pause)?;
        }
        Ok(())
    }

    /// The next answer's status; its bytes go to `each` as they come.
    pub(crate) fn answer(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<u16> {
        let mut buffer = [0; PIECE];
        loop {
            let bytes = if self.ahead.is_empty() {
                let read = self.stream.read(&mut buffer)?;
                if read == 0 {
                    let text = "closed before the answer was whole";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                }
                buffer[..read].to_vec()
            } else {
                std::mem::take(&mut self.ahead)
            };
            each(&bytes);
            if let Step::Done(used) = self.reader.feed(&bytes).map_err(io::Error::other)? {
                self.ahead = bytes[used..].to_vec();
                return Ok(self.reader.status());
            }
        }
    }

    /// Whether the last answer announced the connection's end.
    pub(crate) fn closes(&self) -> bool {
        self.reader.closes()
    }

    /// Reads at most `size` bytes and waits before; tells how many came, 0 at the end.
    pub(crate) fn read_slowly(&mut self, size: usize, pause: Duration) -> io::Result<usize> {
        rest(pause);
        let mut buffer = vec![0; size];
        self.stream.read(&mut buffer)
    }

    /// True if the proxy closes, or resets, before it sends another byte.
    pub(crate) fn is_closed_by_peer(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(read) => read == 0 && self.ahead.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Ends the own side only.
    pub(crate) fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO))?)
    }

    /// Lets `pause` pass; an error if the proxy ended the connection meanwhile.
    fn listen(&mut self, pause: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(pause))?;
        let mut byte = [0];
        let seen = self.stream.peek(&mut byte);
        self.stream.set_read_timeout(Some(PATIENCE))?;
        match seen {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Lets `pause` pass; nothing is waited for. A signal may cut it short.
pub(crate) fn rest(pause: Duration) {
    if let Ok(mut nothing) = Poll::new() {
        // What could go wrong would only make the pause shorter.
        let _ = nothing.wait(Some(pause));
    }
}
