//! Simple load: many keep-alive clients that count what they got.

use std::thread;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::peer::Peer;

/// What one client saw.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// How long each exchange took, in the order of their ends.
    pub times: Vec<Duration>,
}

/// Runs `requests` exchanges on each of `clients` keep-alive connections at once; panics on an
/// answer other than a 200.
pub fn closed_loop(to: &Address, clients: usize, requests: usize) -> Seen {
    let one = || {
        let mut client = Peer::connect(to);
        let exchange = |_| {
            let started = Instant::now();
            let response = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").response();
            assert_eq!(response.status(), 200, "{response}");
            started.elapsed()
        };
        (0..requests).map(exchange).collect::<Vec<_>>()
    };
    let times = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("every answer is a 200"))
            .collect()
    });
    Seen { times }
}

impl Seen {
    /// The time that `share` (0 to 1) of the exchanges stayed within.
    pub fn quantile(mut self, share: f64) -> Duration {
        self.times.sort_unstable();
        let last = self.times.len() - 1;
        self.times[(last as f64 * share).round() as usize]
    }
}
