//! What holds for all inputs: any cut of the same bytes causes the same events, what is encoded
//! decodes to itself, and nothing panics.

mod events;

use events::{LIMITS, Log, Side, TRAILER_LIMITS, play};
use proptest::prelude::*;
use proptest::sample::select;
use wire::h1::{self, BodyDecoder, Progress, RequestDecoder, ResponseDecoder};
use wire::message::{Fields, Framing, RequestHead, ResponseHead};

/// Words of HTTP's grammar and of its enemies.
const WORDS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: a\r\n",
    b"POST http://b/c HTTP/1.1\r\nHost: a\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close, x\r\n",
    b"x: y\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"5\r\nhello\r\n",
    b"5;a=\"b\"\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\nTrailer-1: a\r\n\r\n",
    b"hello",
    b" ",
    b":",
    b"\0",
    b"\xff",
];

/// Pieces of the sizes given, over and over.
fn cut(side: Side<'_>, input: &[u8], sizes: &[usize]) -> Log {
    let mut sizes = sizes.iter().copied().cycle();
    play(side, input, || sizes.next().unwrap_or(usize::MAX))
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1..4usize, 1..200usize], 1..8)
}

/// Bytes that look like HTTP, or nearly.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(select(WORDS), 0..12).prop_map(|words| words.concat())
}

fn token() -> impl Strategy<Value = Vec<u8>> {
    "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}".prop_map(String::into_bytes)
}

/// Fields that no rule but the grammar concerns.
fn plain_fields() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let name = token().prop_map(|token| [b"x-", &token[..]].concat());
    let inner = prop_oneof![Just(b'\t'), 0x20..0x7fu8, 0x80..=0xffu8];
    let value = prop::collection::vec(inner, 0..40)
        .prop_map(|value| value.trim_ascii_start().trim_ascii_end().to_vec());
    prop::collection::vec((name, value), 0..10)
}

fn pairs(fields: &Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect()
}

proptest! {
    #[test]
    fn any_cut_of_any_bytes_causes_the_same_events(input in soup(), sizes in sizes()) {
        for side in [Side::Requests, Side::Responses(&[]), Side::Chunked] {
            let (whole, cut) = (cut(side, &input, &[]), cut(side, &input, &sizes));
            prop_assert_eq!(&cut.lines, &whole.lines);
            prop_assert!(cut.unfinished.starts_with(&whole.unfinished));
        }
    }

    #[test]
    fn arbitrary_bytes_panic_nowhere(input in prop::collection::vec(any::<u8>(), 0..200)) {
        for side in [Side::Requests, Side::Responses(&[]), Side::Chunked] {
            play(side, &input, || 3);
        }
    }

    #[test]
    fn an_encoded_request_decodes_to_itself(
        method in token(), target in "/[!-\"$-~]{0,40}", fields in plain_fields(),
        framing in prop_oneof![
            Just(Framing::None),
            Just(Framing::Chunked),
            (0..=i64::MAX as u64).prop_map(Framing::Length),
        ],
        sizes in sizes(),
    ) {
        prop_assume!(method != b"CONNECT");
        let mut out = Vec::new();
        h1::request_line(&mut out, &method, target.as_bytes());
        h1::field(&mut out, b"Host", b"shop.example:8080");
        for (name, value) in &fields {
            h1::field(&mut out, name, value);
        }
        h1::framing_fields(&mut out, framing);
        h1::end_of_head(&mut out);

        let mut head = RequestHead::default();
        let mut decoder = RequestDecoder::new();
        let (mut at, mut sizes) = (0, sizes.into_iter().cycle());
        while at < out.len() {
            let end = out.len().min(at + sizes.next().unwrap_or(1));
            let progress = decoder.feed(&out[at..end], &LIMITS, &mut head);
            let done = Progress::Done { consumed: end - at };
            prop_assert_eq!(progress, Ok(if end < out.len() { Progress::NeedMore } else { done }));
            at = end;
        }
        prop_assert_eq!((head.method(), head.target()), (&method[..], target.as_bytes()));
        prop_assert_eq!(head.authority(), Some(&b"shop.example:8080"[..]));
        prop_assert_eq!(head.framing, framing);
        prop_assert_eq!(&pairs(&head.fields)[1..=fields.len()], &fields[..]);
    }

    #[test]
    fn an_encoded_response_decodes_to_itself(
        status in 200..=999u16, reason in "[\t -~]{0,20}", fields in plain_fields(),
        length in 0..=i64::MAX as u64,
    ) {
        prop_assume!(status != 204 && status != 304);
        let mut out = Vec::new();
        h1::status_line(&mut out, status, reason.as_bytes());
        for (name, value) in &fields {
            h1::field(&mut out, name, value);
        }
        h1::framing_fields(&mut out, Framing::Length(length));
        h1::end_of_head(&mut out);

        let mut head = ResponseHead::default();
        let progress = ResponseDecoder::new().feed(&out, &LIMITS, b"GET", &mut head);
        prop_assert_eq!(progress, Ok(Progress::Done { consumed: out.len() }));
        prop_assert_eq!((head.status, head.reason()), (status, reason.as_bytes()));
        prop_assert_eq!(head.framing, Framing::Length(length));
        prop_assert_eq!(&pairs(&head.fields)[..fields.len()], &fields[..]);
    }

    #[test]
    fn an_encoded_body_decodes_to_itself(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..6),
        trailers in plain_fields(), surplus in prop::collection::vec(any::<u8>(), 0..20),
        sizes in sizes(),
    ) {
        let mut sent = Fields::default();
        let ours = |name: &[u8]| name.starts_with(b"x-forwarded-") || name.starts_with(b"x-envoy-");
        for (name, value) in trailers.iter().filter(|(name, _)| !ours(name)) {
            sent.push(name, value).expect("made to be fields");
        }
        let mut out = Vec::new();
        for chunk in &chunks {
            h1::chunk_head(&mut out, chunk.len());
            out.extend_from_slice(chunk);
            out.extend_from_slice(h1::CHUNK_END);
        }
        h1::last_chunk_with_trailers(&mut out, &sent);
        let end = out.len();
        out.extend_from_slice(&surplus);

        let mut body = BodyDecoder::new(Framing::Chunked, TRAILER_LIMITS);
        let (mut at, mut payload, mut sizes) = (0, Vec::new(), sizes.into_iter().cycle());
        while !body.is_done() {
            let piece_end = out.len().min(at + sizes.next().unwrap_or(1));
            let piece = &mut out[at..piece_end];
            let decoded = body.decode(piece).expect("a good body");
            payload.extend_from_slice(&piece[..decoded.payload]);
            at += decoded.consumed;
        }
        prop_assert_eq!((payload, at), (chunks.concat(), end));
        prop_assert_eq!(body.trailers().map(pairs).unwrap_or_default(), pairs(&sent));
    }
}
