//! Request heads (RFC 9112 §3, §5): bytes in any pieces, a [`RequestHead`] out.
//!
//! A head that is whole and well-formed is read by httparse where it lies. Everything else takes
//! the slow way: [`Scan`] finds the end as the pieces come in, each byte looked at once, then
//! httparse reads; what it refuses, `diagnose` names. What the lines mean is `meaning`'s. Both ways
//! lead to the same head or the same fault, which the tests and the fuzzer hold against each other.

mod meaning;

use std::mem::{self, MaybeUninit};

use self::meaning::Meaning;
use super::scan::{Scan, ScanLimits, Scanned};
use super::{FIELDS_CEILING, Fault, HeadLimits, Progress, diagnose};
use crate::bytes::{has_bare_lf, is_token_byte};
use crate::message::RequestHead;

/// The longest method in the IANA registry has 17 bytes.
const METHOD_BYTES_MAX: usize = 32;

/// Empty lines before a request line: old clients send one behind a POST (RFC 9112 §2.2).
const EMPTY_LINES_MAX: u8 = 4;

/// Decodes the request heads of one connection, one after the other.
#[derive(Debug, Clone)]
pub struct RequestDecoder {
    scan: Scan,
    empty_lines: u8,
    /// A CR has come where a request line should begin.
    leading_cr: bool,
}

impl RequestDecoder {
    /// Before the first byte of a connection.
    pub const fn new() -> RequestDecoder {
        RequestDecoder { scan: Scan::of_head(), empty_lines: 0, leading_cr: false }
    }

    /// Takes the next piece. The head's bytes are collected in `head`, which is cleared when a new
    /// head begins and must be the same until it is [`Progress::Done`]; then the decoder is ready
    /// for the next one. No byte behind the head is looked at.
    ///
    /// # Errors
    /// The first rule that the bytes violate; it does not depend on how they were cut. The
    /// connection is of no more use, and neither is the decoder before [`RequestDecoder::reset`].
    pub fn feed(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        head: &mut RequestHead,
    ) -> Result<Progress, Fault> {
        let mut at = 0;
        if self.scan.bytes() == 0 {
            at = self.skip_empty_lines(input)?;
            match input.get(at) {
                None => return Ok(Progress::NeedMore),
                Some(&first) if !is_token_byte(first) => return Err(Fault::InvalidMethod),
                Some(_) => head.clear(),
            }
            if let Some(len) = whole(&input[at..], limits, head)? {
                self.reset();
                return Ok(Progress::Done { consumed: at + len });
            }
        }
        self.collect(input, at, limits, head)
    }

    /// Forgets a head that was begun.
    pub fn reset(&mut self) {
        *self = RequestDecoder::new();
    }

    /// Whether no byte of a head has come yet. Empty lines before it do not count.
    pub fn is_empty(&self) -> bool {
        self.scan.bytes() == 0
    }

    /// The way of a head that comes in pieces, or that has something wrong with it.
    fn collect(
        &mut self,
        input: &[u8],
        mut at: usize,
        limits: &HeadLimits,
        head: &mut RequestHead,
    ) -> Result<Progress, Fault> {
        let scan_limits = scan_limits(limits);
        loop {
            let rest = &input[at..];
            let (bytes, _) = head.fields.parts();
            match self.scan.scan(rest, &scan_limits) {
                Ok(Scanned::More) => {
                    bytes.extend_from_slice(rest);
                    return Ok(Progress::NeedMore);
                }
                Ok(Scanned::StartLine(len)) => {
                    bytes.extend_from_slice(&rest[..len]);
                    at += len;
                    check_version(bytes)?;
                }
                Ok(Scanned::End(len)) => {
                    bytes.extend_from_slice(&rest[..len]);
                    collected(limits, head)?;
                    self.reset();
                    return Ok(Progress::Done { consumed: at + len });
                }
                Err(stopped) => return Err(stopped.fault(too_long(bytes, rest))),
            }
        }
    }

    fn skip_empty_lines(&mut self, input: &[u8]) -> Result<usize, Fault> {
        for (at, &byte) in input.iter().enumerate() {
            match (self.leading_cr, byte) {
                (false, b'\r') => self.leading_cr = true,
                (false, b'\n') => return Err(Fault::BareLf),
                (false, _) => return Ok(at),
                (true, b'\n') => {
                    self.leading_cr = false;
                    self.empty_lines += 1;
                    if self.empty_lines > EMPTY_LINES_MAX {
                        return Err(Fault::EmptyLines);
                    }
                }
                (true, _) => return Err(Fault::BareCr),
            }
        }
        Ok(input.len())
    }
}

impl Default for RequestDecoder {
    fn default() -> Self {
        RequestDecoder::new()
    }
}

fn scan_limits(limits: &HeadLimits) -> ScanLimits {
    ScanLimits {
        bytes_max: limits.head_bytes_max,
        fields_max: limits.fields_max.min(FIELDS_CEILING),
        start_line_max: METHOD_BYTES_MAX + limits.target_bytes_max + "  HTTP/1.1\r\n".len(),
    }
}

/// What made a request line too long, from its first bytes.
fn too_long(bytes: &[u8], rest: &[u8]) -> Fault {
    let mut method = bytes.iter().chain(rest).take(METHOD_BYTES_MAX + 1);
    if method.any(|&b| b == b' ') { Fault::TargetTooLong } else { Fault::MethodTooLong }
}

/// Refuses at once, not at the end of the head, what is no HTTP/1.x: it may have no end.
fn check_version(line: &[u8]) -> Result<(), Fault> {
    if line.ends_with(b" HTTP/1.1\r\n") || line.ends_with(b" HTTP/1.0\r\n") {
        return Ok(());
    }
    Err(diagnose::request_line(line).unwrap_or(Fault::InvalidVersion))
}

/// The way of nearly every head: all of it is there, and nothing is wrong with its lines. Its
/// length; `None` if the slow way must find out what it is.
fn whole(
    input: &[u8],
    limits: &HeadLimits,
    head: &mut RequestHead,
) -> Result<Option<usize>, Fault> {
    let mut storage = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
    let mut parsed = httparse::Request::new(&mut []);
    let Ok(httparse::Status::Complete(len)) = parsed.parse_with_uninit_headers(input, &mut storage)
    else {
        return Ok(None);
    };
    let bytes = &input[..len];
    let too_much = len > limits.head_bytes_max || parsed.headers.len() > limits.fields_max;
    if too_much || has_bare_lf(bytes) {
        return Ok(None);
    }
    // First, as what is read of a head that turns out faulty is looked at too.
    head.fields.store(bytes);
    let meaning = Meaning::read(bytes, &parsed, limits, head)?;
    meaning.settle(head)?;
    Ok(Some(len))
}

/// Reads the complete head whose bytes were collected in `head`.
fn collected(limits: &HeadLimits, head: &mut RequestHead) -> Result<(), Fault> {
    let bytes = mem::take(head.fields.parts().0);
    let mut storage = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
    let mut parsed = httparse::Request::new(&mut []);
    let meaning = match parsed.parse_with_uninit_headers(&bytes, &mut storage) {
        Ok(httparse::Status::Complete(len)) if len == bytes.len() => {
            Meaning::read(&bytes, &parsed, limits, head)
        }
        _ => Err(diagnose::request(&bytes)),
    };
    *head.fields.parts().0 = bytes;
    meaning?.settle(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Framing, Version};

    const LIMITS: HeadLimits =
        HeadLimits { head_bytes_max: 400, fields_max: 3, target_bytes_max: 50 };

    fn decode(input: &[u8], limits: &HeadLimits) -> Result<(Progress, RequestHead), Fault> {
        let mut head = RequestHead::default();
        let progress = RequestDecoder::new().feed(input, limits, &mut head)?;
        Ok((progress, head))
    }

    #[test]
    fn a_faulty_head_can_be_looked_at_however_it_came() {
        let input = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n";
        for first in [input.len(), input.len() - 1] {
            let (mut head, mut decoder) = (RequestHead::default(), RequestDecoder::new());
            let pieces = [&input[..first], &input[first..]];
            let wide = HeadLimits { target_bytes_max: 50, ..LIMITS };
            let results = pieces.map(|piece| decoder.feed(piece, &wide, &mut head));
            assert!(results.iter().any(Result::is_err), "{results:?}");
            assert_eq!((head.method(), head.target()), (&b"POST"[..], &b"/a"[..]));
        }
    }

    #[test]
    fn a_head_at_its_limits_passes_and_one_byte_more_does_not() {
        let head = |target: usize, value: usize| {
            let (target, value) = ("a".repeat(target - 1), "b".repeat(value));
            format!("GET /{target} HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n").into_bytes()
        };
        let value = LIMITS.head_bytes_max - head(50, 0).len();
        assert!(decode(&head(50, value), &LIMITS).is_ok());
        assert_eq!(decode(&head(50, value + 1), &LIMITS).unwrap_err(), Fault::HeadTooLarge);
        assert_eq!(decode(&head(51, 0), &LIMITS).unwrap_err(), Fault::TargetTooLong);
    }

    #[test]
    fn as_many_fields_as_allowed_pass_and_one_more_does_not() {
        let head = |more: usize| {
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(more)).into_bytes()
        };
        assert_eq!(decode(&head(2), &LIMITS).unwrap().1.fields.len(), 3);
        assert_eq!(decode(&head(3), &LIMITS).unwrap_err(), Fault::TooManyFields);
    }

    #[test]
    fn the_ceiling_holds_whatever_the_limit_says() {
        let limits = HeadLimits { head_bytes_max: 60_000, fields_max: usize::MAX, ..LIMITS };
        let head = |fields: usize| {
            let more = "X: y\r\n".repeat(fields - 1);
            format!("GET / HTTP/1.1\r\nHost: a\r\n{more}\r\n").into_bytes()
        };
        assert!(decode(&head(FIELDS_CEILING), &limits).is_ok());
        assert_eq!(decode(&head(FIELDS_CEILING + 1), &limits).unwrap_err(), Fault::TooManyFields);
    }

    #[test]
    fn a_head_that_was_begun_is_not_empty_but_empty_lines_are() {
        let mut decoder = RequestDecoder::new();
        let mut head = RequestHead::default();
        for (input, empty) in [(&b"\r"[..], true), (b"\n\r\n", true), (b"G", false)] {
            assert_eq!(decoder.feed(input, &LIMITS, &mut head), Ok(Progress::NeedMore));
            assert_eq!(decoder.is_empty(), empty, "after {}", input.escape_ascii());
        }
        decoder.reset();
        assert!(decoder.is_empty());
    }

    #[test]
    fn nothing_of_one_request_is_left_in_the_next() {
        let mut decoder = RequestDecoder::new();
        let mut head = RequestHead::default();
        let first = b"POST http://b/c HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\
            Upgrade: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        let limits = HeadLimits { fields_max: 10, ..LIMITS };
        decoder.feed(first, &limits, &mut head).unwrap();
        assert!(head.keep_alive && head.upgrade && head.expect_continue);
        let second = b"GET /d HTTP/1.0\r\n\r\n";
        let done = Progress::Done { consumed: second.len() };
        assert_eq!(decoder.feed(second, &limits, &mut head), Ok(done));
        assert!(!head.keep_alive && !head.upgrade && !head.expect_continue);
        assert_eq!((head.version, head.framing), (Version::Http10, Framing::None));
        assert_eq!(
            (head.method(), head.target(), head.authority()),
            (&b"GET"[..], &b"/d"[..], None)
        );
        assert!(head.fields.is_empty());
    }
}
