//! Sockets for the bench's own programs: addresses, listening, connecting, and the poll set.
//!
//! Plain non-blocking descriptors on epoll, by way of `rustix`. This is not the proxy's runtime:
//! the bench must not measure Outrigger with Outrigger's own parts.

pub mod poll;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

/// A connect on loopback takes microseconds; a full backlog is what this bounds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Accept queue of the bench's listeners; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Inet(SocketAddr),
    /// A Unix stream socket.
    Unix(PathBuf),
}

impl Address {
    /// A port of 127.0.0.1 that the kernel chooses at bind time.
    pub fn any_port() -> Self {
        Self::Inet(SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        text.parse()
            .map(Self::Inet)
            .map_err(|_| format!("`{text}` is neither IP:PORT nor unix:/PATH"))
    }
}

/// Binds and listens; tells the address with the port that the kernel chose.
pub fn listen(at: &Address) -> io::Result<(OwnedFd, Address)> {
    match at {
        Address::Inet(address) => {
            let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
            sockopt::set_socket_reuseaddr(&socket, true)?;
            rustix::net::bind(&socket, address)?;
            rustix::net::listen(&socket, BACKLOG)?;
            let listener = TcpListener::from(socket);
            let bound = listener.local_addr()?;
            Ok((listener.into(), Address::Inet(bound)))
        }
        Address::Unix(path) => {
            let listener = UnixListener::bind(path)?;
            listener.set_nonblocking(true)?;
            rustix::net::listen(&listener, BACKLOG)?;
            Ok((listener.into(), at.clone()))
        }
    }
}

/// The next waiting connection, non-blocking and without Nagle's delay; `None` if none waits.
pub fn accept(listener: &OwnedFd, at: &Address) -> io::Result<Option<OwnedFd>> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    match rustix::net::accept_with(listener, flags) {
        Ok(socket) => {
            if matches!(at, Address::Inet(_)) {
                sockopt::set_tcp_nodelay(&socket, true)?;
            }
            Ok(Some(socket))
        }
        Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Connects (waiting for the handshake, which loopback completes at once), then non-blocking.
pub fn connect(to: &Address) -> io::Result<OwnedFd> {
    match to {
        Address::Inet(address) => {
            let stream = TcpStream::connect_timeout(address, CONNECT_TIMEOUT)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(stream.into())
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Ok(stream.into())
        }
    }
}

/// A port that was free a moment ago. Another process may take it before its user binds it; that
/// program's own message then says so.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What one receive brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The peer ended its side.
    End,
}

/// One `recv` into the front of `buffer`. Errors: a reset, or whatever the socket died of.
pub fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Received> {
    match rustix::net::recv(socket, buffer, RecvFlags::empty()) {
        Ok((0, _)) => Ok(Received::End),
        Ok((bytes, _)) => Ok(Received::Bytes(bytes)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(Received::Nothing),
        Err(error) => Err(error.into()),
    }
}

/// One `send`; tells how many bytes the kernel took, 0 when its buffer is full.
pub fn transmit(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    match rustix::net::send(socket, bytes, SendFlags::NOSIGNAL) {
        Ok(taken) => Ok(taken),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_what_it_prints() {
        for text in ["127.0.0.1:80", "[::1]:80", "unix:/tmp/a b.sock"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        assert!("localhost".parse::<Address>().is_err());
    }

    #[test]
    fn a_kernel_chosen_port_is_told() {
        let (_socket, bound) = listen(&Address::any_port()).unwrap();
        assert!(matches!(bound, Address::Inet(at) if at.port() != 0), "{bound}");
    }
}
