//! The demo's client: a few requests a second, and a line about them now and then.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use control::Commands;

use crate::output::print;

const PAUSE: Duration = Duration::from_millis(20);
const REPORT_INTERVAL: Duration = Duration::from_secs(2);
const ANSWER_MAX: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Starts the client. After `for_seconds` it tells the proxy to end.
pub(super) fn start(proxy: SocketAddr, process: Commands, for_seconds: Option<u64>) {
    thread::spawn(move || {
        let ends = for_seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut seen = Seen::default();
        let mut reported = Instant::now();
        while ends.is_none_or(|ends| Instant::now() < ends) {
            let asked = Instant::now();
            let answer = ask(proxy);
            seen.note(answer, asked.elapsed());
            if reported.elapsed() >= REPORT_INTERVAL {
                // Nobody is left to watch it.
                if print(format_args!("{}\n", seen.report())).is_err() {
                    break;
                }
                seen = Seen::default();
                reported = Instant::now();
            }
            thread::sleep(PAUSE);
        }
        process.terminate();
    });
}

/// One request on a connection of its own, and all that comes back.
fn ask(proxy: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&proxy, ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

/// What came back since the last report.
#[derive(Default)]
struct Seen {
    v1: u32,
    v2: u32,
    other: u32,
    times: Vec<Duration>,
}

impl Seen {
    fn note(&mut self, answer: io::Result<String>, took: Duration) {
        match answer {
            Ok(answer) if answer.contains("hello from v1") => self.v1 += 1,
            Ok(answer) if answer.contains("hello from v2") => self.v2 += 1,
            _ => self.other += 1,
        }
        self.times.push(took);
    }

    fn report(&mut self) -> String {
        self.times.sort_unstable();
        let median = self.times.get(self.times.len() / 2).copied().unwrap_or_default();
        format!(
            "{:4} requests   v1 {:3}   v2 {:3}   failed {:2}   median {} µs, connecting included",
            self.times.len(),
            self.v1,
            self.v2,
            self.other,
            median.as_micros()
        )
    }
}
