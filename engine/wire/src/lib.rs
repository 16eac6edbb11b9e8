//! Protocols as machines: bytes go in, events and bytes come out.
//!
//! Nothing here owns a socket, reads a clock or starts a task; whoever holds the connection feeds
//! what arrived and acts on what comes back. [`message`] is the neutral form in which a request or
//! a response crosses the proxy, whatever protocol carried it; [`h1`] is HTTP/1.1 (RFC 9112).
//!
//! The order of calls for one HTTP/1.1 connection, seen from the side that receives:
//!
//! 1. [`h1::RequestDecoder::feed`] (or [`h1::ResponseDecoder::feed`]) with each piece that arrives,
//!    until it answers [`h1::Progress::Done`]; what it did not consume belongs to the body.
//! 2. [`h1::BodyDecoder::new`] with the head's framing, and [`h1::BodyDecoder::decode`] on each
//!    piece until it is done; what it did not consume belongs to the next message.
//! 3. Back to 1, with the same decoder and the same head: their memory is used again.
//!
//! Any [`h1::Fault`] ends this: after it the position of the next message is not known, so the
//! connection is answered and closed, and nothing of the faulty message is forwarded.

#![forbid(unsafe_code)]

mod bytes;
pub mod h1;
pub mod message;
