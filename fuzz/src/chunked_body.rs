//! Chunked bodies: any cut of the same bytes yields the same payload, trailers and surplus, and
//! what was decoded decodes to itself once encoded again.
//!
//! The first two bytes are the sizes of the pieces; the rest is the body and what follows it.

use wire::h1::{self, BodyDecoder};
use wire::message::Framing;

use crate::events::{Side, TRAILER_LIMITS, play};
use crate::h1_connection::assert_same;
use crate::request_head::check_field;

/// Decodes `data` whole and in pieces, encodes what came out, and decodes that.
pub fn run(data: &[u8]) {
    let Some((sizes, data)) = data.split_first_chunk::<2>() else { return };
    assert_same(Side::Chunked, data, sizes);

    let mut buf = data.to_vec();
    let mut body = BodyDecoder::new(Framing::Chunked, TRAILER_LIMITS);
    let Ok(decoded) = body.decode(&mut buf) else { return };
    if !decoded.done {
        return;
    }
    let payload = &buf[..decoded.payload];
    let mut encoded = Vec::new();
    if !payload.is_empty() {
        h1::chunk_head(&mut encoded, payload.len());
        encoded.extend_from_slice(payload);
        encoded.extend_from_slice(h1::CHUNK_END);
    }
    match body.trailers() {
        Some(trailers) => {
            trailers.iter().for_each(check_field);
            h1::last_chunk_with_trailers(&mut encoded, trailers);
        }
        None => encoded.extend_from_slice(h1::LAST_CHUNK),
    }
    let (first, second) = (play(Side::Chunked, &data[..decoded.consumed], || usize::MAX), &encoded);
    assert_eq!(play(Side::Chunked, second, || usize::MAX), first);
}
