//! Names the rule that a refused head violates. The slow path: httparse, which reads the good ones,
//! tells too little about the bad. Nothing is accepted here.

use super::Fault;
use crate::bytes::{is_field_value, is_token};

/// Why httparse refused a complete request head.
#[cold]
pub(super) fn request(head: &[u8]) -> Fault {
    let (line, fields) = split_line(head);
    request_line(line).or_else(|| field_lines(fields)).unwrap_or(Fault::InvalidFieldValue)
}

/// Why httparse refused a complete response head.
#[cold]
pub(super) fn response(head: &[u8]) -> Fault {
    let (line, fields) = split_line(head);
    status_line(line).or_else(|| field_lines(fields)).unwrap_or(Fault::InvalidFieldValue)
}

/// Why httparse refused a trailer section.
#[cold]
pub(super) fn trailers(section: &[u8]) -> Fault {
    field_lines(section).unwrap_or(Fault::InvalidFieldValue)
}

/// What is wrong with `method SP request-target SP HTTP-version CRLF` (RFC 9112 §3).
#[cold]
pub(super) fn request_line(line: &[u8]) -> Option<Fault> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    if line.contains(&b'\r') {
        return Some(Fault::BareCr);
    }
    if line == b"PRI * HTTP/2.0" {
        return Some(Fault::Http2Preface);
    }
    let mut words = line.split(|&b| b == b' ');
    let method = words.next().unwrap_or_default();
    if !is_token(method) {
        return Some(Fault::InvalidMethod);
    }
    let (Some(target), Some(version)) = (words.next(), words.next()) else {
        return Some(Fault::MissingVersion);
    };
    if target.is_empty() || words.next().is_some() {
        return Some(Fault::RequestLineSpace);
    }
    if target.iter().any(|&b| b <= b' ' || b == 0x7f) {
        return Some(Fault::InvalidTarget);
    }
    match version {
        b"HTTP/1.0" | b"HTTP/1.1" => None,
        _ if is_version(version) => Some(Fault::UnsupportedVersion),
        _ if version.is_empty() || version.contains(&b'\t') => Some(Fault::RequestLineSpace),
        _ => Some(Fault::InvalidVersion),
    }
}

/// What is wrong with `HTTP-version SP status-code [ SP reason-phrase ] CRLF` (RFC 9112 §4). The
/// space before a missing reason may be missing too: many servers leave it out.
pub(super) fn status_line(line: &[u8]) -> Option<Fault> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    if memchr::memchr(b'\r', line).is_some() {
        return Some(Fault::BareCr);
    }
    let rest = match line.split_first_chunk::<9>() {
        Some((b"HTTP/1.1 " | b"HTTP/1.0 ", rest)) => rest,
        Some((version, _)) if is_version(&version[..8]) && version[8] == b' ' => {
            return Some(Fault::UnsupportedVersion);
        }
        _ => return Some(Fault::InvalidStatusLine),
    };
    let (code, reason) = match rest.split_first_chunk::<3>() {
        Some((code, [])) => (code, &[][..]),
        Some((code, [b' ', reason @ ..])) => (code, reason),
        _ => return Some(Fault::InvalidStatusCode),
    };
    if !code.iter().all(u8::is_ascii_digit) || code[0] == b'0' {
        return Some(Fault::InvalidStatusCode);
    }
    if is_field_value(reason) { None } else { Some(Fault::InvalidReason) }
}

/// What is wrong with the first bad one of some field lines (RFC 9112 §5).
fn field_lines(mut lines: &[u8]) -> Option<Fault> {
    let mut first = true;
    while !lines.is_empty() && lines != b"\r\n" {
        let (line, rest) = split_line(lines);
        if let Some(fault) = field_line(line.strip_suffix(b"\r\n").unwrap_or(line), first) {
            return Some(fault);
        }
        first = false;
        lines = rest;
    }
    None
}

fn field_line(line: &[u8], first: bool) -> Option<Fault> {
    if line.contains(&b'\r') {
        return Some(Fault::BareCr);
    }
    if let [b' ' | b'\t', ..] = line {
        return Some(if first { Fault::SpaceBeforeFirstField } else { Fault::ObsoleteFold });
    }
    let Some(colon) = line.iter().position(|&b| b == b':') else {
        return Some(Fault::MissingColon);
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    match name {
        [.., b' ' | b'\t'] => Some(Fault::SpaceBeforeColon),
        _ if !is_token(name) => Some(Fault::InvalidFieldName),
        _ if !is_field_value(value) => Some(Fault::InvalidFieldValue),
        _ => None,
    }
}

/// `HTTP/` digit `.` digit (RFC 9112 §2.3).
fn is_version(text: &[u8]) -> bool {
    matches!(text, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// The first line with its line end, and the rest.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1);
    bytes.split_at(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines of bytes that matter to somebody, each ended by CR LF, and the empty line.
    fn head(start_line: &'static str) -> impl Strategy<Value = Vec<u8>> {
        let byte = prop::sample::select(&b"aZ0:: \t\r\0\x01\x7f\x80/*()HTP.,;\"-"[..]);
        let line = prop::collection::vec(byte, 1..12);
        let lines = prop::collection::vec(line, 0..4);
        (any::<bool>(), lines).prop_map(move |(well_begun, lines)| {
            let mut head =
                if well_begun { format!("{start_line}\r\n").into_bytes() } else { vec![] };
            for line in lines {
                head.extend_from_slice(&line);
                head.extend_from_slice(b"\r\n");
            }
            head.extend_from_slice(b"\r\n");
            head
        })
    }

    proptest! {
        #[test]
        fn whatever_httparse_refuses_of_a_request_has_a_name(head in head("GET / HTTP/1.1")) {
            let mut fields = [httparse::EMPTY_HEADER; 8];
            if httparse::Request::new(&mut fields).parse(&head).is_err() {
                let (line, fields) = split_line(&head);
                prop_assert!(request_line(line).or_else(|| field_lines(fields)).is_some());
            }
        }

        #[test]
        fn whatever_httparse_refuses_of_a_response_has_a_name(head in head("HTTP/1.1 200 OK")) {
            let mut fields = [httparse::EMPTY_HEADER; 8];
            if httparse::Response::new(&mut fields).parse(&head).is_err() {
                let (line, fields) = split_line(&head);
                prop_assert!(status_line(line).or_else(|| field_lines(fields)).is_some());
            }
        }
    }
}
