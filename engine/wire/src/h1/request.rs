//! Request heads (RFC 9112 §3, §5): bytes in any pieces, a [`RequestHead`] out.
//!
//! Two passes over a head, both of them SIMD: [`Scan`] finds its end as the pieces come in, httparse
//! reads it once it is whole. What httparse refuses, `diagnose` names; what it lets through is
//! checked here, in `target` and in `semantics`.

use std::mem::MaybeUninit;

use super::scan::{Scan, ScanLimits, Scanned};
use super::semantics::Claims;
use super::target::{self, Form};
use super::{FIELDS_CEILING, Fault, HeadLimits, Progress, authority, diagnose};
use crate::bytes::is_token_byte;
use crate::message::{Field, Framing, Known, RequestHead, Span, Version};

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
    /// head begins and must be the same until it is [`Progress::Done`]; then the decoder is ready for
    /// the next one. No byte behind the head is looked at.
    ///
    /// # Errors
    /// The first rule that the bytes violate; it does not depend on how they were cut. The connection
    /// is of no more use, and neither is the decoder before [`RequestDecoder::reset`].
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
        }
        let (bytes, _) = head.fields.parts();
        let scan_limits = scan_limits(limits);
        loop {
            let rest = &input[at..];
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
                    parse(limits, head)?;
                    self.reset();
                    return Ok(Progress::Done { consumed: at + len });
                }
                Err(stopped) => return Err(stopped.fault(too_long(bytes, rest))),
            }
        }
    }

    /// Forgets a head that was begun.
    pub fn reset(&mut self) {
        *self = RequestDecoder::new();
    }

    /// Whether no byte of a head has come yet. Empty lines before it do not count.
    pub fn is_empty(&self) -> bool {
        self.scan.bytes() == 0
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

/// Reads the complete head that `head` holds the bytes of.
fn parse(limits: &HeadLimits, head: &mut RequestHead) -> Result<(), Fault> {
    let mut storage = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
    let mut parsed = httparse::Request::new(&mut []);
    let (bytes, index) = head.fields.parts();
    match parsed.parse_with_uninit_headers(bytes, &mut storage) {
        Ok(httparse::Status::Complete(len)) if len == bytes.len() => {}
        _ => return Err(diagnose::request(bytes)),
    }
    let method = parsed.method.expect("a complete request has a method").as_bytes();
    let target = parsed.path.expect("a complete request has a target").as_bytes();
    if method.len() > METHOD_BYTES_MAX {
        return Err(Fault::MethodTooLong);
    }
    if target.len() > limits.target_bytes_max {
        return Err(Fault::TargetTooLong);
    }
    let form = target::form(method, target)?;
    head.method = Span::within(bytes, method);
    head.target = Span::within(bytes, target);
    head.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };

    let mut claims = Claims::default();
    claims.read(bytes, parsed.headers, index)?;
    claims.check_framing(head.version)?;
    head.framing = match claims.content_length {
        _ if claims.chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::None,
    };
    head.keep_alive = claims.persists(head.version);
    head.upgrade = claims.upgrade && head.version == Version::Http11;
    settle_expectation(head)?;
    settle_authority(head, &form)
}

/// Reads `Expect`, and hides it from the next hop where it means nothing: in HTTP/1.0
/// (RFC 9110 §10.1.1), or without a body to wait for.
fn settle_expectation(head: &mut RequestHead) -> Result<(), Fault> {
    let has_body = !matches!(head.framing, Framing::None | Framing::Length(0));
    let can_wait = head.version == Version::Http11 && has_body;
    let (bytes, index) = head.fields.parts();
    for field in index.iter_mut().filter(|field| field.known == Known::Expect) {
        let known = field.value.of(bytes).eq_ignore_ascii_case(b"100-continue");
        if head.version == Version::Http11 && !known {
            return Err(Fault::UnknownExpectation);
        }
        head.expect_continue = can_wait;
        field.hop_by_hop = !can_wait;
    }
    Ok(())
}

/// Makes target, authority and `Host` say one thing (RFC 9112 §3.2.2: the target's host wins).
fn settle_authority(head: &mut RequestHead, form: &Form) -> Result<(), Fault> {
    let host = find_host(head)?;
    head.authority = match *form {
        Form::Origin => host.map(|at| head.fields.parts().1[at].value),
        Form::Authority => Some(head.target),
        Form::Absolute { host_start, host_end } => {
            let (start, end) = (host_start, host_end);
            let authority = head.target.narrowed(Span::new(start, end - start));
            let path = head.target.narrowed(Span::new(end, head.target.len() - end));
            head.target = origin_form(head, path);
            Some(authority)
        }
    };
    if *form != Form::Origin {
        let value = head.authority.expect("both other forms name a host");
        set_host(head, host, value);
    }
    Ok(())
}

/// The one `Host` field's place in the index (RFC 9112 §3.2: exactly one, but in HTTP/1.0).
fn find_host(head: &RequestHead) -> Result<Option<usize>, Fault> {
    let mut hosts = head.fields.iter().enumerate().filter(|(_, f)| f.known == Known::Host);
    let Some((at, host)) = hosts.next() else {
        let optional = head.version == Version::Http10;
        return if optional { Ok(None) } else { Err(Fault::MissingHost) };
    };
    if hosts.next().is_some() {
        return Err(Fault::RepeatedHost);
    }
    if !host.value.is_empty() {
        authority::check(host.value)?;
    }
    Ok(Some(at))
}

fn set_host(head: &mut RequestHead, host: Option<usize>, value: Span) {
    if let Some(at) = host {
        head.fields.parts().1[at].value = value;
    } else {
        let name = head.fields.store(b"Host");
        let field = Field { name, value, known: Known::Host, hop_by_hop: false };
        head.fields.parts().1.insert(0, field);
    }
}

/// What stands behind the host of an absolute-form target, as origin-form: a missing path is `/`, or
/// `*` for `OPTIONS` (RFC 9112 §3.2.1, §3.2.4).
fn origin_form(head: &mut RequestHead, path: Span) -> Span {
    if head.fields.slice(path).first() == Some(&b'/') {
        return path;
    }
    if path.len() == 0 {
        let asterisk = head.method() == b"OPTIONS";
        return head.fields.store(if asterisk { b"*" } else { b"/" });
    }
    let (bytes, _) = head.fields.parts();
    let start = bytes.len();
    bytes.push(b'/');
    bytes.extend_from_within(path.range());
    Span::new(start, path.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits =
        HeadLimits { head_bytes_max: 400, fields_max: 3, target_bytes_max: 50 };

    fn decode(input: &[u8], limits: &HeadLimits) -> Result<(Progress, RequestHead), Fault> {
        let mut head = RequestHead::default();
        let progress = RequestDecoder::new().feed(input, limits, &mut head)?;
        Ok((progress, head))
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
