//! One end of a raw connection, for a scripted client or origin.
//!
//! It reads and writes bytes and whole messages, with a deadline on each step; a step that fails
//! panics with the bytes that went both ways.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use crate::address::Address;
use crate::message::{Framing, Message, field};
use crate::wait::DEADLINE;

/// A connected socket and all that was said on it.
pub struct Peer {
    socket: Socket,
    unread: Vec<u8>,
    sent: Transcript,
    received: Transcript,
    counter: Option<Arc<AtomicUsize>>,
}

/// How the other side ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In order.
    Fin,
    /// ECONNRESET.
    Reset,
}

impl Peer {
    /// Connects; panics if nobody listens there.
    #[track_caller]
    pub fn connect(to: &Address) -> Peer {
        Peer::try_connect(to).unwrap_or_else(|error| panic!("connect to {to}: {error}"))
    }

    /// Connects, or says why not.
    pub fn try_connect(to: &Address) -> io::Result<Peer> {
        Ok(Peer::new(match to {
            Address::Inet(address) => Socket::Tcp(TcpStream::connect_timeout(address, DEADLINE)?),
            Address::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
        }))
    }

    /// Takes a connected socket over.
    pub fn new(socket: Socket) -> Peer {
        socket.prepare();
        let (sent, received) = (Transcript::default(), Transcript::default());
        Peer { socket, unread: Vec::new(), sent, received, counter: None }
    }

    /// Adds every received byte to `counter` too.
    pub fn counting(mut self, counter: Arc<AtomicUsize>) -> Peer {
        self.counter = Some(counter);
        self
    }

    /// The socket, for options and for cutting it from another thread.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Writes all of it.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Peer {
        let bytes = bytes.as_ref();
        if let Err(error) = self.try_send(bytes) {
            panic!("sending {} bytes: {error}\n{self}", bytes.len());
        }
        self
    }

    /// Writes all of it, or says why not.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)?;
        self.sent.add(bytes);
        Ok(())
    }

    /// Reads the next request with its body; panics at the end of the connection.
    #[track_caller]
    pub fn request(&mut self) -> Message {
        let request = self.next_request();
        request.unwrap_or_else(|| panic!("the connection ended before a request\n{self}"))
    }

    /// Reads the next request with its body; `None` if the connection ends before its first byte.
    #[track_caller]
    pub fn next_request(&mut self) -> Option<Message> {
        let mut request = self.next_head()?;
        let framing = request.request_framing();
        self.body(framing, &mut request);
        Some(request)
    }

    /// Reads the next request with its body; `None` if the connection ends anywhere before its end.
    #[track_caller]
    pub fn complete_request(&mut self) -> Option<Message> {
        let head = self.try_until(b"\r\n\r\n").ok()?;
        let mut request = Message::parse(&head);
        let framing = request.request_framing();
        self.try_body(framing, &mut request).ok()?;
        Some(request)
    }

    /// Reads the next final response to a GET or POST with its body; 1xx is an error.
    #[track_caller]
    pub fn response(&mut self) -> Message {
        self.response_to("GET")
    }

    /// Reads the next final response to this method; 1xx is an error.
    #[track_caller]
    pub fn response_to(&mut self, method: &str) -> Message {
        let mut response = self.head();
        assert!(response.status() >= 200, "an interim response: {response}\n{self}");
        let framing = response.response_framing(method);
        self.body(framing, &mut response);
        response
    }

    /// Reads a head, and nothing of its body.
    #[track_caller]
    pub fn head(&mut self) -> Message {
        let head = self.next_head();
        head.unwrap_or_else(|| panic!("the connection ended before a head\n{self}"))
    }

    /// Reads a head; `None` if the connection ends before its first byte.
    #[track_caller]
    pub fn next_head(&mut self) -> Option<Message> {
        match self.try_until(b"\r\n\r\n") {
            Ok(head) => Some(Message::parse(&head)),
            Err(_) if self.unread.is_empty() => None,
            Err(ending) => panic!("{ending:?} inside a head\n{self}"),
        }
    }

    /// Reads exactly so many bytes.
    #[track_caller]
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let bytes = self.try_bytes(count);
        bytes.unwrap_or_else(|ending| panic!("{ending:?} before {count} bytes\n{self}"))
    }

    /// Reads to the end of the connection.
    #[track_caller]
    pub fn rest(&mut self) -> (Vec<u8>, Ending) {
        let limit = Instant::now() + DEADLINE;
        loop {
            if let Some(ending) = self.fill(limit, "the end of the connection") {
                return (self.take(self.unread.len()), ending);
            }
        }
    }

    /// Waits for the end of the connection; a byte before it is an error.
    #[track_caller]
    pub fn closed(&mut self) -> Ending {
        let (surplus, ending) = self.rest();
        assert!(surplus.is_empty(), "unexpected: {}\n{self}", surplus.escape_ascii());
        ending
    }

    /// True if neither byte nor end arrives within `pause`: for promises that nothing is sent.
    #[track_caller]
    pub fn is_quiet_for(&mut self, pause: Duration) -> bool {
        let mut byte = [0];
        self.socket.set_read_timeout(pause);
        match self.socket.read(&mut byte) {
            Err(error) if is_timeout(&error) => self.unread.is_empty(),
            Ok(count) => {
                self.unread.extend_from_slice(&byte[..count]);
                false
            }
            Err(_) => false,
        }
    }

    /// Neither reads nor writes until the connection ends, or a minute is over.
    pub fn hold(&self) {
        let minute = Timespec { tv_sec: 60, tv_nsec: 0 };
        let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::RDHUP)], Some(&minute));
    }

    /// Sends FIN; reading goes on.
    pub fn finish_sending(&self) {
        self.socket.shutdown(Shutdown::Write);
    }

    /// Closes with RST.
    pub fn reset(self) {
        self.socket.reset_on_close();
    }

    #[track_caller]
    fn body(&mut self, framing: Framing, message: &mut Message) {
        if let Err(ending) = self.try_body(framing, message) {
            panic!("{ending:?} inside the body of {message}\n{self}");
        }
    }

    #[track_caller]
    fn try_body(&mut self, framing: Framing, message: &mut Message) -> Result<(), Ending> {
        match framing {
            Framing::None => {}
            Framing::Length(length) => message.body = self.try_bytes(length)?,
            Framing::UntilClose => message.body = self.rest().0,
            Framing::Chunked => self.try_chunks(message)?,
        }
        Ok(())
    }

    #[track_caller]
    fn try_chunks(&mut self, message: &mut Message) -> Result<(), Ending> {
        loop {
            let line = self.try_line()?;
            let size = usize::from_str_radix(&line, 16);
            let size = size.unwrap_or_else(|_| panic!("bad chunk size {line:?}\n{self}"));
            if size == 0 {
                break;
            }
            message.body.extend(self.try_bytes(size)?);
            assert_eq!(self.try_bytes(2)?, b"\r\n", "no CRLF after a chunk\n{self}");
        }
        loop {
            let line = self.try_line()?;
            if line.is_empty() {
                return Ok(());
            }
            message.trailers.push(field(&line));
        }
    }

    #[track_caller]
    fn try_line(&mut self) -> Result<String, Ending> {
        let line = self.try_until(b"\r\n")?;
        Ok(String::from_utf8_lossy(&line[..line.len() - 2]).into_owned())
    }

    #[track_caller]
    fn try_until(&mut self, mark: &[u8]) -> Result<Vec<u8>, Ending> {
        let limit = Instant::now() + DEADLINE;
        loop {
            if let Some(start) = find(&self.unread, mark) {
                return Ok(self.take(start + mark.len()));
            }
            if let Some(ending) = self.fill(limit, &mark.escape_ascii().to_string()) {
                return Err(ending);
            }
        }
    }

    #[track_caller]
    fn try_bytes(&mut self, count: usize) -> Result<Vec<u8>, Ending> {
        let limit = Instant::now() + DEADLINE;
        while self.unread.len() < count {
            if let Some(ending) = self.fill(limit, "bytes") {
                return Err(ending);
            }
        }
        Ok(self.take(count))
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.unread.split_off(count);
        std::mem::replace(&mut self.unread, rest)
    }

    /// Receives once; `Some` at the end of the connection.
    #[track_caller]
    fn fill(&mut self, limit: Instant, wanted: &str) -> Option<Ending> {
        let left = limit.saturating_duration_since(Instant::now());
        self.socket.set_read_timeout(left.max(Duration::from_millis(1)));
        let mut buffer = [0; 64 * 1024];
        let count = match self.socket.read(&mut buffer) {
            Ok(0) => return Some(Ending::Fin),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Some(Ending::Reset);
            }
            Err(error) => panic!("waiting for {wanted}: {error}\n{self}"),
        };
        self.unread.extend_from_slice(&buffer[..count]);
        self.received.add(&buffer[..count]);
        if let Some(counter) = &self.counter {
            counter.fetch_add(count, Ordering::SeqCst);
        }
        None
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "sent: {}\nreceived: {}", self.sent, self.received)?;
        write!(out, "\nnot yet read: {}", self.unread.escape_ascii())
    }
}

/// TCP or Unix.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// Unix.
    Unix(UnixStream),
}

impl Socket {
    /// The same socket for another thread.
    pub fn duplicate(&self) -> Socket {
        match self {
            Socket::Tcp(stream) => Socket::Tcp(stream.try_clone().expect("descriptors are left")),
            Socket::Unix(stream) => Socket::Unix(stream.try_clone().expect("descriptors are left")),
        }
    }

    /// Ends one or both directions; a connection that is gone already is fine.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Socket::Tcp(stream) => stream.shutdown(how),
            Socket::Unix(stream) => stream.shutdown(how),
        };
    }

    /// Its last descriptor's close will send RST.
    pub fn reset_on_close(&self) {
        let _ = self.options().set_linger(Some(Duration::ZERO));
    }

    /// For socket options.
    pub fn options(&self) -> SockRef<'_> {
        SockRef::from(match self {
            Socket::Tcp(stream) => return SockRef::from(stream),
            Socket::Unix(stream) => stream,
        })
    }

    fn prepare(&self) {
        if let Socket::Tcp(stream) = self {
            let _ = stream.set_nodelay(true);
        }
        let _ = self.options().set_write_timeout(Some(DEADLINE));
    }

    fn set_read_timeout(&self, timeout: Duration) {
        let _ = self.options().set_read_timeout(Some(timeout));
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.write_all(bytes),
            Socket::Unix(stream) => stream.write_all(bytes),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }
}

/// What went one way, its middle left out where it grew long.
#[derive(Default)]
struct Transcript {
    start: Vec<u8>,
    left_out: usize,
}

/// Bytes of a transcript that a failure prints.
const TRANSCRIPT_BYTES_MAX: usize = 8 * 1024;

impl Transcript {
    fn add(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(TRANSCRIPT_BYTES_MAX - self.start.len());
        self.start.extend_from_slice(&bytes[..kept]);
        self.left_out += bytes.len() - kept;
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.start.escape_ascii())?;
        if self.left_out > 0 {
            write!(out, " (and {} bytes more)", self.left_out)?;
        }
        Ok(())
    }
}

/// Where `needle` first stands in `hay`.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
