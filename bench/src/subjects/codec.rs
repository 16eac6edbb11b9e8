//! The HTTP/1.1 codec: heads and bodies in, heads out.

use std::hint::black_box;

use wire::h1::{
    self, BodyDecoder, HeadLimits, Progress, RequestDecoder, ResponseDecoder, TrailerLimits,
};
use wire::message::{Framing, RequestHead, ResponseHead};

use super::Subject;

pub(super) const SUBJECTS: &[Subject] = &[
    Subject { name: "codec/request-head", prepare: request_head },
    Subject { name: "codec/request-head-browser", prepare: browser_head },
    Subject { name: "codec/request-head-in-pieces", prepare: request_in_pieces },
    Subject { name: "codec/response-head", prepare: response_head },
    Subject { name: "codec/chunked-16k", prepare: chunked },
    Subject { name: "codec/encode-request", prepare: encode_request },
];

const REQUEST: &[u8] = b"GET /api/cart/42?expand=items HTTP/1.1\r\n\
    Host: checkout.shop.svc:8080\r\n\
    User-Agent: client/1.0\r\n\
    Accept: application/json\r\n\
    \r\n";

const BROWSER: &[u8] = b"GET /catalogue/shoes?colour=red&size=42 HTTP/1.1\r\n\
    Host: shop.example\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
    Cookie: session=5f2c0a9b8d7e6f5a4b3c2d1e0f; theme=dark; consent=all\r\n\
    X-Request-Id: 7d9f0c6a-1b2e-4c3d-8e4f-5a6b7c8d9e0f\r\n\
    X-Forwarded-For: 203.0.113.7\r\n\
    \r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Server: origin\r\n\
    Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 128\r\n\
    \r\n";

const LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 60 * 1024, fields_max: 100, target_bytes_max: 8 * 1024 };

fn request_head() -> Box<dyn FnMut()> {
    decode_request(REQUEST, REQUEST.len())
}

fn browser_head() -> Box<dyn FnMut()> {
    decode_request(BROWSER, BROWSER.len())
}

fn request_in_pieces() -> Box<dyn FnMut()> {
    decode_request(BROWSER, 16)
}

fn decode_request(bytes: &'static [u8], piece: usize) -> Box<dyn FnMut()> {
    let mut decoder = RequestDecoder::new();
    let mut head = RequestHead::default();
    Box::new(move || {
        let mut progress = Progress::NeedMore;
        for piece in black_box(bytes).chunks(piece) {
            progress = decoder.feed(piece, &LIMITS, &mut head).expect("a valid head");
        }
        assert!(matches!(progress, Progress::Done { .. }), "a whole head");
        black_box(&head);
    })
}

fn response_head() -> Box<dyn FnMut()> {
    let mut decoder = ResponseDecoder::new();
    let mut head = ResponseHead::default();
    Box::new(move || {
        let progress = decoder.feed(black_box(RESPONSE), &LIMITS, b"GET", &mut head);
        assert!(matches!(progress, Ok(Progress::Done { .. })), "a whole head");
        black_box(&head);
    })
}

/// Four chunks of 4 KiB, decoded in place.
fn chunked() -> Box<dyn FnMut()> {
    let mut body = Vec::new();
    for _ in 0..4 {
        h1::chunk_head(&mut body, 4096);
        body.resize(body.len() + 4096, b'x');
        body.extend_from_slice(h1::CHUNK_END);
    }
    body.extend_from_slice(h1::LAST_CHUNK);
    let limits = TrailerLimits { bytes_max: 8 * 1024, fields_max: 100 };
    let mut decoder = BodyDecoder::new(Framing::Chunked, limits);
    let mut buffer = body.clone();
    Box::new(move || {
        buffer.copy_from_slice(&body);
        decoder.restart(Framing::Chunked);
        let decoded = decoder.decode(black_box(&mut buffer)).expect("a valid body");
        assert!(decoded.done && decoded.payload == 4 * 4096, "a whole body");
    })
}

fn encode_request() -> Box<dyn FnMut()> {
    let mut head = RequestHead::default();
    RequestDecoder::new().feed(REQUEST, &LIMITS, &mut head).expect("a valid head");
    let mut out = Vec::with_capacity(1024);
    Box::new(move || {
        out.clear();
        h1::request_line(&mut out, head.method(), head.target());
        for field in black_box(&head).fields.iter() {
            h1::field(&mut out, field.name, field.value);
        }
        h1::end_of_head(&mut out);
        black_box(&out);
    })
}
