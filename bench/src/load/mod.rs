//! The load generator: HTTP/1.1 keep-alive connections, one request in flight on each.
//!
//! `drive` is the loop, `client` one connection, `schedule` when an open load sends, `latency` what
//! came out, `origin` the server behind the program under load, `message` how both find the end of
//! a message. One thread does all of it.

pub mod drive;
pub mod latency;
pub mod message;
pub mod origin;
pub mod schedule;

mod client;

use std::io;
use std::time::Duration;

use crate::net::Address;
use latency::Latencies;

/// What is asked, of whom, and how fast.
#[derive(Debug, Clone)]
pub struct Load {
    /// The program under load.
    pub target: Address,
    /// Connections opened before the first request.
    pub connections: usize,
    /// When requests are sent.
    pub pace: Pace,
    /// One whole request.
    pub request: Vec<u8>,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Closed loop: each connection asks again as soon as it has its answer.
    Closed,
    /// Open loop: so many requests a second, evenly spaced, on whichever connection is free.
    Open(u32),
    /// Each connection asks once and then stays open, silent.
    Once,
}

/// A GET of `path`, with the few fields that every client sends.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

/// A POST of `body_bytes` bytes to `path`.
pub fn post(path: &str, body_bytes: usize) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: bench\r\nAccept: */*\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {body_bytes}\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + body_bytes, b'x');
    bytes
}

/// What happened in a stretch of time.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// How long it really took.
    pub elapsed: Duration,
    /// Answers with status 200.
    pub answered: u64,
    /// Everything else that ended a request.
    pub failed: u64,
    /// The first of those, in words.
    pub first_failure: Option<String>,
    /// Connections that the server closed between requests, and that were opened anew.
    pub reconnects: u64,
    /// Open loop: requests that were due and never sent. Their age at the end is in `latencies`.
    pub unsent: u64,
    /// Of answers with status 200, from the instant the request was due.
    pub latencies: Latencies,
}

impl Window {
    /// Takes in a window that followed this one.
    pub fn add(&mut self, next: Self) {
        self.elapsed += next.elapsed;
        self.answered += next.answered;
        self.failed += next.failed;
        self.first_failure = self.first_failure.take().or(next.first_failure);
        self.reconnects += next.reconnects;
        self.unsent += next.unsent;
        self.latencies.merge(&next.latencies);
    }

    /// Answers a second.
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Why a load stopped.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The target does not accept.
    #[error("cannot connect to {0}: {1}")]
    Connect(Address, io::Error),
    /// A socket operation of the bench itself failed; most likely it ran out of descriptors.
    #[error("the load generator failed: {0}")]
    Own(#[from] io::Error),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}
