//! HTTP/1.1 (RFC 9112) as machines over bytes: strict decoders, and the few functions that encode.
//!
//! Strict, as request smuggling lives where two recipients read the same bytes in two ways: what
//! the RFC lets a recipient repair is refused here, and only one reading is ever forwarded. Who
//! calls: `engine`'s downstream side decodes requests and encodes responses, its upstream side the
//! reverse.
//!
//! Choices beyond the RFC's letter:
//! - a repeated or listed `Content-Length` is refused though its values agree (§6.3 allows either);
//! - host names are letters, digits and `-._~`: no `%`, no sub-delims, no empty port; an IPv6
//!   literal has no zone (RFC 3986 §3.2.2 allows more; nobody's router treats it alike);
//! - a `Connection` option hides a field from the next hop, but not one that carries framing,
//!   routing, identity or credentials ([`Known`](crate::message::Known) lists most): RFC 9110
//!   §7.6.1 forbids a sender to name those, and naming them is an attack on whoever relies on them
//!   further on;
//! - chunk extensions are checked against the grammar without its optional white space, and
//!   dropped.

mod authority;
mod body;
mod chunked;
mod diagnose;
mod encode;
mod fault;
mod reason;
mod request;
mod response;
mod scan;
mod semantics;
mod target;
mod trailers;

pub use body::{BodyDecoder, Decoded, TrailerLimits};
pub use encode::{
    CHUNK_END, LAST_CHUNK, chunk_head, end_of_head, field, framing_fields,
    last_chunk_with_trailers, request_line, status_line,
};
pub use fault::Fault;
pub use reason::reason;
pub use request::RequestDecoder;
pub use response::ResponseDecoder;

/// The most fields that a head can have, whatever [`HeadLimits::fields_max`] says.
pub const FIELDS_CEILING: usize = 256;

/// What a decoder does not let a head exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Start line, fields and the empty line, in bytes.
    pub head_bytes_max: usize,
    /// Field lines; at most [`FIELDS_CEILING`] of it count.
    pub fields_max: usize,
    /// Bytes of the request target as sent. Of no meaning for responses.
    pub target_bytes_max: usize,
}

/// How far a head has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All of the input was consumed, and the head is not complete.
    NeedMore,
    /// The head is complete.
    Done {
        /// Bytes of the input that belong to it; what follows is not looked at.
        consumed: usize,
    },
}
