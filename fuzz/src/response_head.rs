//! Response heads: what is accepted is clean, and means the same to the next hop.
//!
//! The first byte chooses the method that the response answers; the rest is the response.

use wire::h1::{self, HeadLimits, Progress, ResponseDecoder};
use wire::message::{Framing, ResponseHead};

use crate::events::LIMITS;
use crate::request_head::{check_field, relay_fields};

/// Decodes `data` whole and byte by byte, relays what came out, and decodes that.
pub fn run(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let method: &[u8] = match choice {
        b'C' => b"CONNECT",
        b'H' => b"HEAD",
        _ => b"GET",
    };
    let mut head = ResponseHead::default();
    let whole = ResponseDecoder::new().feed(data, &LIMITS, method, &mut head);
    assert_eq!(drip(data, method), whole);
    let Ok(Progress::Done { .. }) = whole else { return };
    assert!((100..=999).contains(&head.status));
    assert!(!head.keep_alive || head.framing != Framing::UntilClose);
    head.fields.iter().for_each(check_field);

    let relayed = relay(&head);
    let mut again = ResponseHead::default();
    let limits = HeadLimits { head_bytes_max: usize::MAX, ..LIMITS };
    let progress = ResponseDecoder::new().feed(&relayed, &limits, method, &mut again);
    let text = relayed.escape_ascii();
    assert_eq!(progress, Ok(Progress::Done { consumed: relayed.len() }), "{text}");
    assert_eq!((again.status, again.framing), (head.status, head.framing), "{text}");
    assert_eq!(again.reason(), head.reason(), "{text}");
}

/// What feeding byte by byte comes to, as if it had come whole.
fn drip(data: &[u8], method: &[u8]) -> Result<Progress, h1::Fault> {
    let mut decoder = ResponseDecoder::new();
    let mut head = ResponseHead::default();
    for (at, byte) in data.iter().enumerate() {
        let piece = std::slice::from_ref(byte);
        if decoder.feed(piece, &LIMITS, method, &mut head)? == (Progress::Done { consumed: 1 }) {
            return Ok(Progress::Done { consumed: at + 1 });
        }
    }
    Ok(Progress::NeedMore)
}

/// As the proxy does, less what it adds of its own.
fn relay(head: &ResponseHead) -> Vec<u8> {
    let mut out = Vec::new();
    h1::status_line(&mut out, head.status, head.reason());
    relay_fields(&head.fields, head.framing, &mut out);
    out
}
