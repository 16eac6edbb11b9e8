//! Where a stream leads: addresses to connect to, and who the other end is. No name resolution:
//! that is control's.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An endpoint that a stream can be connected to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP endpoint.
    Inet(SocketAddr),
    /// A stream socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(out),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

/// The other end of a stream. A Unix peer is usually unnamed, hence it has no address here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP peer.
    Inet(SocketAddr),
    /// A peer on this host, through a Unix socket.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(out),
            Self::Unix => out.write_str("unix"),
        }
    }
}
