//! The steady state allocates nothing: a decoder, a head, a body and an output buffer that have
//! served one exchange serve the next from the memory they have.

use wire::h1::{self, BodyDecoder, HeadLimits, RequestDecoder, ResponseDecoder, TrailerLimits};
use wire::message::{Fields, RequestHead, ResponseHead};

const LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 60 * 1024, fields_max: 100, target_bytes_max: 8 * 1024 };
const TRAILER_LIMITS: TrailerLimits = TrailerLimits { bytes_max: 8 * 1024, fields_max: 16 };

const REQUEST: &[u8] = b"POST http://shop.example/cart?item=1 HTTP/1.1\r\n\
    Host: shop.example\r\n\
    User-Agent: curl/8.5.0\r\n\
    Accept: */*\r\n\
    Connection: keep-alive, X-Hop\r\n\
    X-Hop: 1\r\n\
    TE: trailers\r\n\
    Cookie: session=0123456789abcdef\r\n\
    Transfer-Encoding: chunked\r\n\r\n";
const BODY: &[u8] = b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Checksum: 1\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n";

/// What one connection keeps from exchange to exchange.
struct Connection {
    requests: RequestDecoder,
    responses: ResponseDecoder,
    request: RequestHead,
    response: ResponseHead,
    body: BodyDecoder,
    out: Vec<u8>,
}

impl Connection {
    /// A whole exchange, its input in pieces of `size` bytes, relayed to `out`.
    fn exchange(&mut self, size: usize, scratch: &mut [u8]) {
        self.out.clear();
        for piece in REQUEST.chunks(size) {
            self.requests.feed(piece, &LIMITS, &mut self.request).expect("a good request");
        }
        h1::request_line(&mut self.out, self.request.method(), self.request.target());
        relay_fields(&mut self.out, &self.request.fields);
        h1::framing_fields(&mut self.out, self.request.framing);
        h1::end_of_head(&mut self.out);

        self.body.restart(self.request.framing);
        for piece in BODY.chunks(size) {
            let buf = &mut scratch[..piece.len()];
            buf.copy_from_slice(piece);
            let decoded = self.body.decode(buf).expect("a good body");
            if decoded.payload > 0 {
                h1::chunk_head(&mut self.out, decoded.payload);
                self.out.extend_from_slice(&buf[..decoded.payload]);
                self.out.extend_from_slice(h1::CHUNK_END);
            }
        }
        let trailers = self.body.trailers().expect("the body has a trailer");
        h1::last_chunk_with_trailers(&mut self.out, trailers);

        for piece in RESPONSE.chunks(size) {
            let head = &mut self.response;
            self.responses.feed(piece, &LIMITS, b"POST", head).expect("a good response");
        }
        h1::status_line(&mut self.out, self.response.status, self.response.reason());
        relay_fields(&mut self.out, &self.response.fields);
        h1::end_of_head(&mut self.out);
    }
}

fn relay_fields(out: &mut Vec<u8>, fields: &Fields) {
    for field in fields.iter().filter(|field| !field.hop_by_hop) {
        h1::field(out, field.name, field.value);
    }
}

#[test]
fn the_second_exchange_of_a_connection_allocates_nothing() {
    for size in [1, 7, 64, 4096] {
        let mut scratch = vec![0; 4096];
        let mut connection = Connection {
            requests: RequestDecoder::new(),
            responses: ResponseDecoder::new(),
            request: RequestHead::default(),
            response: ResponseHead::default(),
            body: BodyDecoder::new(wire::message::Framing::None, TRAILER_LIMITS),
            out: Vec::new(),
        };
        let first = allocation_counter::measure(|| connection.exchange(size, &mut scratch));
        assert!(first.count_total > 0, "the counter counts");
        let second = allocation_counter::measure(|| connection.exchange(size, &mut scratch));
        assert_eq!(second.count_total, 0, "in pieces of {size}: {second:?}");
    }
}
