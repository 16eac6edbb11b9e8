//! Appends HTTP/1.1 to a buffer. Nothing here decides what is sent; nothing here can be made to
//! send more lines than were asked for, whatever bytes a template or a rewrite yields.

use std::io::Write;

use crate::message::{Fields, Framing};

/// Behind each chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";

/// The end of a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// `method SP target SP HTTP/1.1 CRLF` (RFC 9112 §3). Bytes that cannot stand in a target are
/// percent-encoded.
pub fn request_line(out: &mut Vec<u8>, method: &[u8], target: &[u8]) {
    out.extend_from_slice(method);
    out.push(b' ');
    if target.iter().all(u8::is_ascii_graphic) {
        out.extend_from_slice(target);
    } else {
        percent_encode(out, target);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// `HTTP/1.1 SP status SP reason CRLF` (RFC 9112 §4). The version is ours, not the client's
/// (RFC 9110 §6.2).
pub fn status_line(out: &mut Vec<u8>, status: u16, reason: &[u8]) {
    debug_assert!((100..=999).contains(&status), "{status} has not three digits");
    let digit = |place: u16| b'0' + (status / place % 10) as u8;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&[digit(100), digit(10), digit(1), b' ']);
    push_line(out, reason);
}

/// `name: value CRLF`.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    debug_assert!(crate::bytes::is_token(name), "{} is no field name", name.escape_ascii());
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    push_line(out, value);
}

/// The field that announces the body: none for [`Framing::None`] and [`Framing::UntilClose`].
pub fn framing_fields(out: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::None | Framing::UntilClose => {}
        Framing::Length(length) => {
            write!(out, "content-length: {length}\r\n").expect("a Vec takes every write");
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
}

/// The empty line.
pub fn end_of_head(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// What stands before `len` bytes of data, which [`CHUNK_END`] follows. `len` is not 0: that would
/// be the last chunk (RFC 9112 §7.1).
pub fn chunk_head(out: &mut Vec<u8>, len: usize) {
    debug_assert!(len > 0, "an empty chunk ends the body");
    write!(out, "{len:x}\r\n").expect("a Vec takes every write");
}

/// The last chunk, with the trailer fields that are not hop-by-hop.
pub fn last_chunk_with_trailers(out: &mut Vec<u8>, trailers: &Fields) {
    out.extend_from_slice(b"0\r\n");
    for trailer in trailers.iter().filter(|trailer| !trailer.hop_by_hop) {
        field(out, trailer.name, trailer.value);
    }
    out.extend_from_slice(b"\r\n");
}

/// The text up to the end of the line; what would end it early becomes a space (RFC 9110 §5.5).
fn push_line(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend_from_slice(text);
    if memchr::memchr3(b'\r', b'\n', 0, text).is_some() {
        for byte in &mut out[start..] {
            if matches!(byte, b'\r' | b'\n' | 0) {
                *byte = b' ';
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cold]
fn percent_encode(out: &mut Vec<u8>, target: &[u8]) {
    for &byte in target {
        if byte.is_ascii_graphic() {
            out.push(byte);
        } else {
            write!(out, "%{byte:02X}").expect("a Vec takes every write");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        out.escape_ascii().to_string()
    }

    #[test]
    fn lines_are_as_the_grammar_has_them() {
        assert_eq!(written(|out| request_line(out, b"GET", b"/a?b")), r"GET /a?b HTTP/1.1\r\n");
        assert_eq!(written(|out| status_line(out, 204, b"")), r"HTTP/1.1 204 \r\n");
        assert_eq!(written(|out| field(out, b"A", b"b c")), r"A: b c\r\n");
        assert_eq!(written(|out| chunk_head(out, 0x2ff)), r"2ff\r\n");
    }

    #[test]
    fn framing_is_announced_where_there_is_something_to_announce() {
        let fields = |framing| written(|out| framing_fields(out, framing));
        assert_eq!(fields(Framing::Length(0)), r"content-length: 0\r\n");
        assert_eq!(fields(Framing::Length(u64::MAX)), r"content-length: 18446744073709551615\r\n");
        assert_eq!(fields(Framing::Chunked), r"transfer-encoding: chunked\r\n");
        assert_eq!(fields(Framing::None), "");
        assert_eq!(fields(Framing::UntilClose), "");
    }

    #[test]
    fn no_text_can_split_a_message() {
        let evil = b"a\r\nX: y\r\n\r\n\0";
        assert_eq!(written(|out| field(out, b"A", evil)), r"A: a  X: y     \r\n");
        assert_eq!(written(|out| status_line(out, 200, evil)), r"HTTP/1.1 200 a  X: y     \r\n");
        assert_eq!(
            written(|out| request_line(out, b"GET", b"/a b\r\n\xff")),
            r"GET /a%20b%0D%0A%FF HTTP/1.1\r\n"
        );
    }

    #[test]
    fn trailers_stand_between_the_last_chunk_and_the_end() {
        let mut trailers = Fields::default();
        trailers.push(b"Grpc-Status", b"0").unwrap();
        trailers.push(b"Connection", b"x").unwrap();
        assert_eq!(
            written(|out| last_chunk_with_trailers(out, &trailers)),
            r"0\r\nGrpc-Status: 0\r\n\r\n"
        );
        assert_eq!(
            written(|out| last_chunk_with_trailers(out, &Fields::default())).as_bytes(),
            LAST_CHUNK.escape_ascii().to_string().as_bytes()
        );
    }
}
