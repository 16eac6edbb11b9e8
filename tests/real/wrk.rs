//! wrk as the client: load at 256 connections, one run at a time, and what it saw.

use std::env;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tests::Proxy;
use tests::program::Program;

use crate::programs::command;

/// Connections of a run.
pub(crate) const CONNECTIONS: usize = 256;

/// How long a run takes.
pub(crate) fn seconds() -> u64 {
    env::var("OUTRIGGER_REAL_SECONDS").map_or(60, |text| text.parse().expect("a number"))
}

/// Holds up the other runs.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Loads the listener `@in` for so long.
pub(crate) fn wrk(proxy: &Proxy, seconds: u64) -> Program {
    let mut wrk = command("wrk");
    wrk.args(["-t", "1", "-c", &CONNECTIONS.to_string(), "-d", &format!("{seconds}s")]);
    wrk.args(["--timeout", "5s", &format!("http://{}/", proxy.address("in"))]);
    Program::start(&mut wrk)
}

/// What wrk saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: usize,
    pub(crate) connect: usize,
    pub(crate) read: usize,
    pub(crate) write: usize,
    pub(crate) timeout: usize,
    pub(crate) not_2xx: usize,
}

impl Seen {
    pub(crate) fn parse(output: &str) -> Seen {
        let mut seen = Seen::default();
        for line in output.lines().map(str::trim) {
            let numbers: Vec<usize> = line
                .split(|char: char| !char.is_ascii_digit())
                .filter_map(|word| word.parse().ok())
                .collect();
            if line.contains(" requests in ") {
                seen.requests = numbers[0];
            } else if line.starts_with("Socket errors:") {
                [seen.connect, seen.read, seen.write, seen.timeout] =
                    numbers.try_into().expect("four numbers");
            } else if line.starts_with("Non-2xx or 3xx responses:") {
                seen.not_2xx = *numbers.last().expect("a number");
            }
        }
        seen
    }

    /// Requests that failed in any way.
    pub(crate) fn failed(&self) -> usize {
        self.connect + self.read + self.write + self.timeout + self.not_2xx
    }
}
