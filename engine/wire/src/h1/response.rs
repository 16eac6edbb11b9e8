//! Response heads (RFC 9112 §4, §5, §6.3): bytes in any pieces, a [`ResponseHead`] out. Built as
//! `request` is.

use std::mem::{self, MaybeUninit};

use super::scan::{Scan, ScanLimits, Scanned};
use super::semantics::Claims;
use super::{FIELDS_CEILING, Fault, HeadLimits, Progress, diagnose};
use crate::bytes::has_bare_lf;
use crate::message::{Framing, ResponseHead, Span, Version};

/// `HTTP/1.1 200`: where the status code ends.
const STATUS_END: usize = 12;

/// Decodes the response heads of one connection, one after the other.
#[derive(Debug, Clone)]
pub struct ResponseDecoder {
    scan: Scan,
}

impl ResponseDecoder {
    /// Before the first byte of a connection.
    pub const fn new() -> ResponseDecoder {
        ResponseDecoder { scan: Scan::of_head() }
    }

    /// Takes the next piece of the answer to a request with `request_method`, as
    /// [`RequestDecoder::feed`](super::RequestDecoder::feed) does. Interim responses (1xx) come out
    /// as heads without body: relay them, and feed again for the final one. After 101, and after
    /// 2xx to `CONNECT`, what follows is no HTTP.
    ///
    /// # Errors
    /// As there.
    pub fn feed(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        request_method: &[u8],
        head: &mut ResponseHead,
    ) -> Result<Progress, Fault> {
        if self.scan.bytes() == 0 {
            match input.first() {
                None => return Ok(Progress::NeedMore),
                Some(b'H') => head.clear(),
                Some(_) => return Err(Fault::InvalidStatusLine),
            }
            if let Some(len) = whole(input, limits, request_method, head)? {
                self.reset();
                return Ok(Progress::Done { consumed: len });
            }
        }
        self.collect(input, limits, request_method, head)
    }

    /// Forgets a head that was begun.
    pub fn reset(&mut self) {
        *self = ResponseDecoder::new();
    }

    /// Whether no byte of a head has come yet.
    pub fn is_empty(&self) -> bool {
        self.scan.bytes() == 0
    }

    /// The way of a head that comes in pieces, or that has something wrong with it.
    fn collect(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        request_method: &[u8],
        head: &mut ResponseHead,
    ) -> Result<Progress, Fault> {
        let scan_limits = ScanLimits {
            bytes_max: limits.head_bytes_max,
            fields_max: limits.fields_max.min(FIELDS_CEILING),
            start_line_max: usize::MAX,
        };
        let mut at = 0;
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
                    check_status_line(bytes)?;
                }
                Ok(Scanned::End(len)) => {
                    bytes.extend_from_slice(&rest[..len]);
                    collected(request_method, head)?;
                    self.reset();
                    return Ok(Progress::Done { consumed: at + len });
                }
                Err(stopped) => return Err(stopped.fault(Fault::HeadTooLarge)),
            }
        }
    }
}

impl Default for ResponseDecoder {
    fn default() -> Self {
        ResponseDecoder::new()
    }
}

/// Refuses at once what is no HTTP/1.x response: it may have no end.
fn check_status_line(line: &[u8]) -> Result<(), Fault> {
    diagnose::status_line(line).map_or(Ok(()), Err)
}

/// As a request's: the length of a head that is there and well-formed.
fn whole(
    input: &[u8],
    limits: &HeadLimits,
    request_method: &[u8],
    head: &mut ResponseHead,
) -> Result<Option<usize>, Fault> {
    let mut storage = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let Ok(httparse::Status::Complete(len)) =
        config.parse_response_with_uninit_headers(&mut parsed, input, &mut storage)
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
    read(bytes, &parsed, request_method, head)?;
    Ok(Some(len))
}

/// Reads the complete head whose bytes were collected in `head`.
fn collected(request_method: &[u8], head: &mut ResponseHead) -> Result<(), Fault> {
    let bytes = mem::take(head.fields.parts().0);
    let mut storage = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let read = match config.parse_response_with_uninit_headers(&mut parsed, &bytes, &mut storage) {
        Ok(httparse::Status::Complete(len)) if len == bytes.len() => {
            read(&bytes, &parsed, request_method, head)
        }
        _ => Err(diagnose::response(&bytes)),
    };
    *head.fields.parts().0 = bytes;
    read
}

/// Fills in `head`, except for its bytes, from what httparse found in `bytes`.
fn read(
    bytes: &[u8],
    parsed: &httparse::Response<'_, '_>,
    request_method: &[u8],
    head: &mut ResponseHead,
) -> Result<(), Fault> {
    head.status = parsed.code.expect("a complete response has a status");
    if head.status < 100 {
        return Err(Fault::InvalidStatusCode);
    }
    head.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
    head.reason = reason_phrase(bytes);
    let claims = Claims::read(bytes, parsed.headers, head.fields.parts().1)?;
    claims.check_framing(head.version)?;
    head.framing = framing(request_method, head.status, &claims)?;
    head.keep_alive = head.framing != Framing::UntilClose && claims.persists(head.version);
    head.upgrade = claims.upgrade && head.version == Version::Http11;
    Ok(())
}

/// Where the reason phrase stands in a head whose status line was checked. httparse drops one that
/// holds obs-text.
fn reason_phrase(bytes: &[u8]) -> Span {
    let end = memchr::memchr(b'\r', bytes).unwrap_or(STATUS_END);
    let start = (STATUS_END + 1).min(end);
    Span::new(start, end - start)
}

/// RFC 9112 §6.3, in its order.
fn framing(method: &[u8], status: u16, claims: &Claims) -> Result<Framing, Fault> {
    let claimed = claims.chunked || claims.content_length.is_some();
    match status {
        100..200 | 204 if claimed => Err(Fault::FramingWithoutBody),
        100..200 | 204 | 304 => Ok(Framing::None),
        _ if method == b"HEAD" => Ok(Framing::None),
        200..300 if method == b"CONNECT" => Ok(Framing::None),
        _ if claims.chunked => Ok(Framing::Chunked),
        _ => Ok(claims.content_length.map_or(Framing::UntilClose, Framing::Length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits =
        HeadLimits { head_bytes_max: 400, fields_max: 3, target_bytes_max: 0 };

    #[test]
    fn an_interim_head_comes_out_before_the_final_one() {
        let mut decoder = ResponseDecoder::new();
        let mut head = ResponseHead::default();
        let input = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody";
        let Ok(Progress::Done { consumed }) = decoder.feed(input, &LIMITS, b"GET", &mut head)
        else {
            panic!("the first head is complete");
        };
        assert_eq!((head.status, head.framing, head.fields.len()), (103, Framing::None, 1));
        let progress = decoder.feed(&input[consumed..], &LIMITS, b"GET", &mut head);
        assert_eq!(progress, Ok(Progress::Done { consumed: input.len() - consumed - 4 }));
        assert_eq!((head.status, head.framing, head.fields.len()), (200, Framing::UntilClose, 0));
        assert!(!head.keep_alive);
    }

    #[test]
    fn the_reason_is_passed_on_byte_by_byte() {
        let mut head = ResponseHead::default();
        let mut decode = |line: &[u8]| {
            let input = [line, b"\r\n\r\n"].concat();
            ResponseDecoder::new().feed(&input, &LIMITS, b"GET", &mut head).unwrap();
            head.reason().to_vec()
        };
        assert_eq!(decode(b"HTTP/1.1 200 All  right "), b"All  right ");
        assert_eq!(decode(b"HTTP/1.1 200 \xe9"), b"\xe9");
        assert_eq!(decode(b"HTTP/1.1 200 "), b"");
        assert_eq!(decode(b"HTTP/1.1 200"), b"");
    }
}
