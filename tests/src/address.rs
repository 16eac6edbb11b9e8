//! Where a peer listens, and addresses that nobody else will take.
//!
//! A port that was free a moment ago may be gone when the program binds it, above all to an
//! outgoing connection of another test. So each test process has a loopback address of its own,
//! made of its process id: outgoing connections leave from 127.0.0.1 and never take a port there,
//! and no other test looks for one.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use socket2::{Domain, Socket, Type};

/// A socket address, printed as the configuration writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `127.1.2.3:4567`
    Inet(SocketAddr),
    /// `unix:/path`
    Unix(PathBuf),
}

impl Address {
    /// An address that this process has given to nobody else. The ports go up one by one: asking
    /// the kernel for any free one would, for a moment, occupy what another test was given.
    pub fn reserve() -> Address {
        static NEXT: AtomicU16 = AtomicU16::new(10_000);
        loop {
            let port = NEXT.fetch_add(1, Ordering::SeqCst);
            let address = SocketAddr::from((own_loopback(), port));
            // Somebody may listen on all addresses at once.
            if is_free(address) {
                return Address::Inet(address);
            }
        }
    }

    /// The host and port; panics on a Unix path.
    pub fn inet(&self) -> SocketAddr {
        match self {
            Address::Inet(address) => *address,
            Address::Unix(path) => panic!("{} is no TCP address", path.display()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(address) => write!(out, "{address}"),
            Address::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

/// Binds and does not listen: a program that another test starts in this moment has a copy of the
/// socket until it is executed, and a copy that listens would keep the address.
fn is_free(address: SocketAddr) -> bool {
    let probe = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a descriptor is left");
    probe.set_reuse_address(true).expect("an option of every socket");
    probe.bind(&address.into()).is_ok()
}

/// 127.64.0.0/10 holds as many addresses as Linux has process ids (2^22).
fn own_loopback() -> Ipv4Addr {
    let [_, high, middle, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + high % 64, middle, low)
}
