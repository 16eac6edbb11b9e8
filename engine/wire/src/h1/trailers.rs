//! Trailer sections (RFC 9112 §7.1.2): which of their fields may be passed on.

use super::{FIELDS_CEILING, Fault, diagnose};
use crate::message::{Field, Fields, Known, Span};

/// Names that mean something before the body comes, and nothing, or mischief, behind it
/// (RFC 9110 §6.5.1), beside those that [`Known`] has.
const FORBIDDEN: [&[u8]; 22] = [
    b"accept-encoding",
    b"age",
    b"cache-control",
    b"content-encoding",
    b"content-range",
    b"expires",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"location",
    b"max-forwards",
    b"pragma",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"range",
    b"retry-after",
    b"traceparent",
    b"tracestate",
    b"vary",
    b"www-authenticate",
];

/// Reads the complete section that `trailers` holds the bytes of, and drops the forbidden fields.
pub(super) fn parse(trailers: &mut Fields) -> Result<(), Fault> {
    let (bytes, index) = trailers.parts();
    let mut storage = [httparse::EMPTY_HEADER; FIELDS_CEILING];
    let fields = match httparse::parse_headers(bytes, &mut storage) {
        Ok(httparse::Status::Complete((len, fields))) if len == bytes.len() => fields,
        _ => return Err(diagnose::trailers(bytes)),
    };
    for field in fields {
        let name = field.name.as_bytes();
        let known = Known::of(name);
        if known == Known::Other && !is_forbidden(name) {
            let (name, value) = (Span::within(bytes, name), Span::within(bytes, field.value));
            index.push(Field { name, value, known, hop_by_hop: false });
        }
    }
    Ok(())
}

/// `content-length`, `host` and all others that [`Known`] lists are refused with it.
fn is_forbidden(name: &[u8]) -> bool {
    FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden))
}
