//! Continuous load on one listener: many keep-alive connections, each with one request after the
//! other, until it is told to finish. Any answer but a 200 is a failure of the test.
//!
//! Answers may carry a number, `x-version`, that a configuration sets: the load notes which it
//! saw, and fails if one is older than the test said it may be when the request was sent.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::address::Address;
use crate::message::Message;
use crate::peer::Peer;
use crate::wait::{DEADLINE, until};

/// Connections of a load.
pub const CONNECTIONS: usize = 32;

/// Threads that drive them.
const THREADS: usize = 2;

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

/// A running load; stopped when dropped.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<BTreeSet<usize>>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    answered: AtomicUsize,
    oldest: AtomicUsize,
}

impl Load {
    /// Begins, and returns once every connection has had an answer.
    #[track_caller]
    pub fn on(address: &Address) -> Load {
        let shared: Arc<Shared> = Arc::default();
        let threads = (0..THREADS).map(|_| {
            let (shared, address) = (Arc::clone(&shared), address.clone());
            thread::spawn(move || shared.drive(&address))
        });
        let load = Load { threads: threads.collect(), shared };
        load.flows();
        load
    }

    /// Returns once every connection has sent a request from now on and had its answer.
    #[track_caller]
    pub fn flows(&self) {
        // Each thread's connections take turns: at most one round of all had begun before.
        let enough = self.answered() + 3 * CONNECTIONS;
        until("the load flows", || {
            let fails = self.threads.iter().any(JoinHandle::is_finished);
            assert!(!fails, "the load has failed: see above");
            (self.answered() >= enough).then_some(())
        });
    }

    /// Answers so far.
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }

    /// Requests sent from now on must be answered by this version or a newer one.
    pub fn expect_version(&self, version: usize) {
        self.shared.oldest.store(version, Ordering::SeqCst);
    }

    /// Stops, and tells which versions were seen. Panics if any request failed.
    #[track_caller]
    pub fn finish(mut self) -> BTreeSet<usize> {
        self.flows();
        self.shared.stopping.store(true, Ordering::SeqCst);
        let threads = self.threads.drain(..);
        threads.flat_map(|thread| thread.join().expect("no request fails")).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn drive(&self, address: &Address) -> BTreeSet<usize> {
        let mut versions = BTreeSet::new();
        let mut peers: Vec<Peer> =
            (0..CONNECTIONS / THREADS).map(|_| Peer::connect(address)).collect();
        while !self.stopping.load(Ordering::SeqCst) {
            let oldest = self.oldest.load(Ordering::SeqCst);
            for peer in &mut peers {
                peer.send(REQUEST);
            }
            for peer in &mut peers {
                let answer = peer.response();
                versions.extend(version(&answer, oldest));
                self.answered.fetch_add(1, Ordering::SeqCst);
                if answer.field("connection") == Some("close") {
                    peer.closed();
                    *peer = Peer::connect(address);
                }
            }
        }
        versions
    }
}

/// What an answer carries; panics if it is no 200, or older than it may be.
#[track_caller]
fn version(answer: &Message, oldest: usize) -> Option<usize> {
    assert_eq!(answer.status(), 200, "{answer}");
    let version = answer.field("x-version")?.parse().expect("tests set numbers");
    assert!(version >= oldest, "an answer by version {version}, asked after {oldest}: {answer}");
    Some(version)
}

/// A connection for each request, until nobody listens; how it was cut, if it was.
#[track_caller]
pub fn until_refused(listen: &Address) -> Option<String> {
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        match ask(listen) {
            Ok(()) => {}
            Err(Cut::Refused) => return None,
            Err(Cut::Otherwise(how)) => return Some(how),
        }
    }
    panic!("never refused")
}

/// How a request on a connection of its own came to nothing.
#[derive(Debug)]
pub enum Cut {
    /// Nobody listens.
    Refused,
    /// In any other way.
    Otherwise(String),
}

/// One request on a connection of its own.
pub fn ask(listen: &Address) -> Result<(), Cut> {
    match answer(listen) {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok") => Ok(()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(Cut::Refused),
        other => Err(Cut::Otherwise(format!("{other:?}"))),
    }
}

fn answer(listen: &Address) -> io::Result<String> {
    let mut stream = TcpStream::connect(listen.inet())?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
