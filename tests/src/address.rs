//! Where a peer listens, and addresses that nobody else will take.
//!
//! A port that was free a moment ago may be gone when the program binds it, above all to an
//! outgoing connection of another test. So each test process has a loopback address of its own,
//! made of its process id: outgoing connections leave from 127.0.0.1 and never take a port there.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process;
use std::sync::Mutex;

/// A socket address, printed as the configuration writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `127.1.2.3:4567`
    Inet(SocketAddr),
    /// `unix:/path`
    Unix(PathBuf),
}

impl Address {
    /// A port that the kernel chose, on this process's own loopback address, given out once.
    pub fn reserve() -> Address {
        static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
        let mut given = GIVEN.lock().expect("no holder panics");
        loop {
            let probe = TcpListener::bind((own_loopback(), 0)).expect("loopback has a free port");
            let address = probe.local_addr().expect("it is bound");
            if given.insert(address.port()) {
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

/// 127.64.0.0/10 holds as many addresses as Linux has process ids (2^22).
fn own_loopback() -> Ipv4Addr {
    let [_, high, middle, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + high % 64, middle, low)
}
