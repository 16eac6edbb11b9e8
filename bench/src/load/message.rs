//! Just enough HTTP/1.1 to know where a message ends: a head, then `content-length` bytes.
//!
//! Both the load generator and the origin count messages with it. It is no parser: it believes what
//! it reads and refuses, with a name, whatever it cannot count (chunked coding, above all). The
//! strict codec is `wire`, which the bench does not use, so as not to measure it with itself.

use memchr::memmem;

/// Bytes of a head before it is given up.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How many bytes of the first line are kept: enough for a status or a short target.
const OPENING_BYTES: usize = 16;

/// Why the end of a message cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A head without end.
    #[error("a head of more than 64 KiB")]
    HeadTooLong,
    /// Sizes are compared, so every body must tell its own.
    #[error("a chunked body, where the bench wants content-length")]
    Chunked,
    /// No length where one is needed.
    #[error("an answer without content-length")]
    NoLength,
    /// Not a number.
    #[error("a content-length that is no number")]
    BadLength,
}

/// Whether the reader counts requests or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No `content-length` means no body.
    Request,
    /// No `content-length` is a fault: only the end of the connection would end the body.
    Answer,
}

/// How far one feed came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// All was taken and the message goes on.
    More,
    /// The message ended after so many of the bytes fed.
    Done(usize),
}

/// Counts messages of one direction of one connection.
#[derive(Debug)]
pub struct Reader {
    kind: Kind,
    /// A head that came in pieces.
    held: Vec<u8>,
    /// Within a body: the bytes still to come.
    body_left: Option<u64>,
    opening: [u8; OPENING_BYTES],
    closes: bool,
}

impl Reader {
    /// Between two messages.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            held: Vec::new(),
            body_left: None,
            opening: [b' '; OPENING_BYTES],
            closes: false,
        }
    }

    /// Takes the next bytes of the connection, up to the end of the message.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        if self.body_left.is_some() {
            return Ok(self.count(bytes, 0));
        }
        if self.held.is_empty() {
            return match find_end(bytes, 0) {
                Some(end) => {
                    self.body_left = Some(self.understand(&bytes[..end])?);
                    Ok(self.count(&bytes[end..], end))
                }
                None => self.hold(bytes),
            };
        }
        let before = self.held.len();
        self.hold(bytes)?;
        let Some(end) = find_end(&self.held, before.saturating_sub(3)) else {
            return Ok(Step::More);
        };
        let head = std::mem::take(&mut self.held);
        self.body_left = Some(self.understand(&head[..end])?);
        let used = end - before;
        Ok(self.count(&bytes[used..], used))
    }

    /// Of an answer that is done: its status, 0 if the status line makes no sense.
    pub fn status(&self) -> u16 {
        std::str::from_utf8(&self.opening[9..12]).ok().and_then(|s| s.parse().ok()).unwrap_or(0)
    }

    /// Of a request that is done: whether its line starts with `text`.
    pub fn starts_with(&self, text: &[u8]) -> bool {
        self.opening.starts_with(text)
    }

    /// Whether the message that is done announced the connection's end.
    pub fn closes(&self) -> bool {
        self.closes
    }

    /// Whether a message has begun and not ended.
    pub fn is_within(&self) -> bool {
        self.body_left.is_some() || !self.held.is_empty()
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        if self.held.len() + bytes.len() > HEAD_BYTES_MAX {
            return Err(Fault::HeadTooLong);
        }
        self.held.extend_from_slice(bytes);
        Ok(Step::More)
    }

    fn count(&mut self, bytes: &[u8], used: usize) -> Step {
        let left = self.body_left.expect("called within a body");
        let here = bytes.len() as u64;
        if here < left {
            self.body_left = Some(left - here);
            return Step::More;
        }
        self.body_left = None;
        Step::Done(used + usize::try_from(left).expect("not more than the bytes at hand"))
    }

    /// Reads a whole head; tells the length of the body.
    fn understand(&mut self, head: &[u8]) -> Result<u64, Fault> {
        let kept = head.len().min(OPENING_BYTES);
        self.opening = [b' '; OPENING_BYTES];
        self.opening[..kept].copy_from_slice(&head[..kept]);
        self.closes = false;
        let mut length = None;
        for line in head.split(|&byte| byte == b'\n').skip(1) {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            match colon {
                14 if name.eq_ignore_ascii_case(b"content-length") => {
                    length = Some(number(value).ok_or(Fault::BadLength)?);
                }
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                    return Err(Fault::Chunked);
                }
                10 if name.eq_ignore_ascii_case(b"connection") => {
                    self.closes = value.eq_ignore_ascii_case(b"close");
                }
                _ => {}
            }
        }
        match (length, self.kind) {
            (Some(length), _) => Ok(length),
            (None, Kind::Request) => Ok(0),
            (None, Kind::Answer) => Err(Fault::NoLength),
        }
    }
}

/// The index after the empty line, looking from `from` on.
fn find_end(bytes: &[u8], from: usize) -> Option<usize> {
    memmem::find(&bytes[from..], b"\r\n\r\n").map(|at| from + at + 4)
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Busy\r\nServer: x\r\nCONTENT-length:  5\r\nConnection: close\r\n\r\nhello";

    #[test]
    fn an_answer_ends_where_its_length_says_however_it_is_cut() {
        for cut in 1..ANSWER.len() {
            let mut reader = Reader::new(Kind::Answer);
            assert_eq!(reader.feed(&ANSWER[..cut]), Ok(Step::More), "cut at {cut}");
            assert!(reader.is_within(), "cut at {cut}");
            let rest = [&ANSWER[cut..], b"next"].concat();
            assert_eq!(reader.feed(&rest), Ok(Step::Done(ANSWER.len() - cut)), "cut at {cut}");
            assert_eq!((reader.status(), reader.closes()), (503, true), "cut at {cut}");
            assert!(!reader.is_within(), "cut at {cut}");
        }
    }

    #[test]
    fn a_request_without_length_has_no_body() {
        let mut reader = Reader::new(Kind::Request);
        let two = b"GET /bulk HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        assert_eq!(reader.feed(two), Ok(Step::Done(31)));
        assert!(reader.starts_with(b"GET /bulk "));
        assert_eq!(reader.feed(&two[31..]), Ok(Step::Done(two.len() - 31)));
        assert!(reader.starts_with(b"GET / "));
    }

    #[test]
    fn what_cannot_be_counted_is_refused_by_name() {
        let fault = |head: &[u8]| Reader::new(Kind::Answer).feed(head).unwrap_err();
        assert_eq!(fault(b"HTTP/1.1 200 OK\r\n\r\n"), Fault::NoLength);
        assert_eq!(fault(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Fault::Chunked);
        assert_eq!(fault(b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n"), Fault::BadLength);
        assert_eq!(fault(&[b'a'; HEAD_BYTES_MAX + 1]), Fault::HeadTooLong);
    }
}
