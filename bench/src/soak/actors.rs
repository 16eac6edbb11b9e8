//! The cast: clients of every kind, good and bad. A new one is a function and a line in [`ACTORS`].
//!
//! An episode returns an error if the proxy did what no trouble excuses.

use std::io;
use std::time::Duration;

use super::scene::Cast;
use crate::line::Line;
use crate::load::{get, post};

/// A kind of client.
pub(super) struct Actor {
    /// For failures.
    pub(super) name: &'static str,
    /// Threads that play it.
    pub(super) threads: usize,
    /// Whether each of its requests is answered, if nothing goes wrong: then the proxy must have
    /// recorded exactly as many.
    pub(super) is_honest: bool,
    /// One visit.
    pub(super) episode: Episode,
}

pub(super) const ACTORS: &[Actor] = &[
    honest("keep-alive", 4, keep_alive),
    honest("bulk download", 2, bulk_down),
    honest("bulk upload", 2, bulk_up),
    honest("slow head", 2, slow_head),
    other("slow reader", 2, slow_reader),
    other("abort", 2, abort),
    other("abort in a body", 1, abort_in_body),
    honest("pipelining", 2, pipelining),
    honest("half-close", 1, half_close),
    other("malformed", 2, malformed),
    other("flaky origin", 2, flaky),
];

type Episode = fn(&mut Cast) -> io::Result<()>;

const fn honest(name: &'static str, threads: usize, episode: Episode) -> Actor {
    Actor { name, threads, is_honest: true, episode }
}

const fn other(name: &'static str, threads: usize, episode: Episode) -> Actor {
    Actor { name, threads, is_honest: false, episode }
}

/// Each must be refused, and the connection closed.
const MALFORMED: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
];

fn keep_alive(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    for _ in 0..50 {
        line.send(&get("/"))?;
        expect_200(cast, &mut line)?;
        if line.closes() {
            break;
        }
    }
    Ok(())
}

fn bulk_down(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    for _ in 0..3 {
        line.send(&get("/bulk"))?;
        expect_200(cast, &mut line)?;
    }
    Ok(())
}

fn bulk_up(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    let bytes = 1000 + cast.draw(1 << 20);
    line.send(&post("/", bytes))?;
    expect_200(cast, &mut line)
}

fn slow_head(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    line.send_slowly(&get("/"), 7, Duration::from_millis(3))?;
    expect_200(cast, &mut line)
}

fn slow_reader(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    line.send(&get("/bulk"))?;
    let mut read = 0;
    while read < 1 << 19 {
        match line.read_slowly(32 * 1024, Duration::from_millis(2))? {
            0 => return Err(io::Error::other("a body that ends too early")),
            more => read += more,
        }
    }
    // What is left goes down with the connection: the request has begun and will not be answered.
    cast.maybe(1);
    Ok(())
}

fn abort(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    let request = get("/");
    let cut = cast.draw(request.len()) + 1;
    cast.maybe(1);
    line.send(&request[..cut])?;
    line.reset()
}

fn abort_in_body(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    let request = post("/", 1 << 18);
    let cut = request.len() - cast.draw(1 << 17) - 1;
    cast.maybe(1);
    line.send(&request[..cut])?;
    if cast.draw(2) == 0 { line.reset() } else { Ok(()) }
}

fn pipelining(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    let requests = 8;
    line.send(&get("/").repeat(requests))?;
    for _ in 0..requests {
        expect_200(cast, &mut line)?;
    }
    Ok(())
}

fn half_close(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    line.send(&get("/"))?;
    line.half_close()?;
    expect_200(cast, &mut line)?;
    if line.is_closed_by_peer() {
        return Ok(());
    }
    Err(io::Error::other("a half-closed connection was not closed after its answer"))
}

fn malformed(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    let bytes = MALFORMED[cast.draw(MALFORMED.len())];
    cast.maybe(1);
    line.send(bytes)?;
    let status = line.answer(|_| {})?;
    if (400..=505).contains(&status) && line.is_closed_by_peer() {
        return Ok(());
    }
    let text = format!("answered {status} to {}, or left open", bytes.escape_ascii());
    Err(io::Error::other(text))
}

/// The origin comes and goes: its absence may be told, but neither silence nor nonsense.
fn flaky(cast: &mut Cast) -> io::Result<()> {
    let mut line = cast.open()?;
    for _ in 0..20 {
        line.send(&get("/flaky"))?;
        let status = match line.answer(|_| {}) {
            Ok(status) => status,
            // An origin that dies within its answer takes the connection with it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                cast.maybe(1);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        cast.certain(1);
        if !matches!(status, 200 | 502..=504) {
            return Err(io::Error::other(format!("status {status}")));
        }
        if line.closes() {
            break;
        }
    }
    Ok(())
}

fn expect_200(cast: &mut Cast, line: &mut Line) -> io::Result<()> {
    let status = line.answer(|_| {})?;
    cast.certain(1);
    if status == 200 { Ok(()) } else { Err(io::Error::other(format!("status {status}"))) }
}
