//! Request heads: what is accepted is clean, and means the same to the next hop.

use wire::h1::{self, HeadLimits, Progress, RequestDecoder};
use wire::message::{FieldRef, Fields, Framing, RequestHead};

use crate::events::LIMITS;

/// Decodes `data` whole and byte by byte, relays what came out, and decodes that.
pub fn run(data: &[u8]) {
    let mut head = RequestHead::default();
    let whole = RequestDecoder::new().feed(data, &LIMITS, &mut head);
    assert_eq!(drip(data), whole.map(|progress| length(progress, data)));
    let Ok(Progress::Done { .. }) = whole else { return };
    check(&head);

    let relayed = relay(&head);
    let mut again = RequestHead::default();
    // A `Host` of our own may have made a head that was at its limits longer.
    let limits = HeadLimits { head_bytes_max: usize::MAX, fields_max: usize::MAX, ..LIMITS };
    let progress = RequestDecoder::new().feed(&relayed, &limits, &mut again);
    let text = relayed.escape_ascii();
    assert_eq!(progress, Ok(Progress::Done { consumed: relayed.len() }), "{text}");
    assert_eq!(again.method(), head.method(), "{text}");
    assert_eq!(again.target(), head.target(), "{text}");
    assert_eq!(again.framing, head.framing, "{text}");
    assert_eq!(
        again.authority().unwrap_or_default(),
        head.authority().unwrap_or_default(),
        "{text}"
    );
    let passed_on = |head: &RequestHead| {
        let fields = head.fields.iter().filter(|field| !field.hop_by_hop);
        fields.map(|field| (field.name.to_vec(), field.value.to_vec())).collect::<Vec<_>>()
    };
    let (sent, received) = (passed_on(&head), passed_on(&again));
    assert!(received.ends_with(&sent), "{text}: {sent:?}, {received:?}");
}

/// The head's length, or 0 where it is not complete, fed byte by byte.
fn drip(data: &[u8]) -> Result<usize, h1::Fault> {
    let mut decoder = RequestDecoder::new();
    let mut head = RequestHead::default();
    for (at, byte) in data.iter().enumerate() {
        if let Progress::Done { consumed } =
            decoder.feed(std::slice::from_ref(byte), &LIMITS, &mut head)?
        {
            assert_eq!(consumed, 1, "a head of one piece ends with its last byte");
            return Ok(at + 1);
        }
    }
    Ok(0)
}

fn length(progress: Progress, data: &[u8]) -> usize {
    match progress {
        Progress::NeedMore => 0,
        Progress::Done { consumed } => {
            assert!(consumed <= data.len());
            consumed
        }
    }
}

fn check(head: &RequestHead) {
    assert!(head.framing != Framing::UntilClose, "requests end before the connection does");
    assert!(head.target().iter().all(u8::is_ascii_graphic));
    assert!(!head.target().contains(&b'#'));
    let slash = head.target().starts_with(b"/");
    assert!(slash || matches!(head.method(), b"OPTIONS" | b"CONNECT"));
    for byte in head.authority().unwrap_or_default() {
        assert!(byte.is_ascii_alphanumeric() || b"-._~:[]".contains(byte), "{byte}");
    }
    head.fields.iter().for_each(check_field);
}

/// No byte in a field can end a line, nor a name.
pub(crate) fn check_field(field: FieldRef<'_>) {
    assert!(!field.name.is_empty());
    assert!(
        field.name.iter().all(|&b| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&b))
    );
    assert!(field.value.iter().all(|&b| b == b'\t' || !b.is_ascii_control()));
    assert_eq!(field.value.trim_ascii(), field.value);
}

/// As the proxy does, less what it adds of its own.
fn relay(head: &RequestHead) -> Vec<u8> {
    let mut out = Vec::new();
    h1::request_line(&mut out, head.method(), head.target());
    if head.authority().is_none() {
        h1::field(&mut out, b"Host", b"");
    }
    relay_fields(&head.fields, head.framing, &mut out);
    out
}

/// What a relayed head has behind its first line, and its end.
pub(crate) fn relay_fields(fields: &Fields, framing: Framing, out: &mut Vec<u8>) {
    if framing == Framing::Chunked {
        h1::framing_fields(out, framing);
    }
    for field in fields.iter().filter(|field| !field.hop_by_hop) {
        h1::field(out, field.name, field.value);
    }
    h1::end_of_head(out);
}
