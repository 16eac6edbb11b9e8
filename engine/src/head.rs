//! The heads that the proxy writes: what of a received head goes on to the next hop, and what is
//! added (RFC 9110 §7.6).
//!
//! Order and letter case of the fields are kept. Not here: which route's edits apply (`exchange`).

use config::snapshot::{HeaderEdits, HttpOptions};
use policy::headers::is_dropped_from_untrusted;
use policy::template::{self, TemplateSource};
use rt::{HeadBuf, Peer};
use wire::h1;
use wire::message::{FieldRef, Framing, Known, RequestHead, ResponseHead, Version};

use crate::facts::write_ip;

/// What the request's head becomes on its way to the upstream.
pub(crate) struct RequestPlan<'a> {
    /// Normalised and perhaps rewritten, query included.
    pub(crate) target: &'a [u8],
    pub(crate) host: &'a [u8],
    pub(crate) http: &'a HttpOptions,
    /// The branch's edits, then the route's.
    pub(crate) edits: [&'a HeaderEdits; 2],
    pub(crate) facts: &'a dyn TemplateSource,
    pub(crate) peer: &'a Peer,
    pub(crate) random: u128,
}

/// Writes a request head for the upstream.
pub(crate) fn request(out: &mut HeadBuf, head: &RequestHead, plan: &RequestPlan<'_>) {
    h1::request_line(out, head.method(), plan.target);
    let mut accepts_trailers = false;
    let mut has_host = false;
    for field in head.fields.iter() {
        if field.known == Known::Host {
            has_host = true;
            h1::field(out, field.name, plan.host);
        } else if passes_on(&field, plan) && !is_edited(&plan.edits, field.name) {
            accepts_trailers |= field.known == Known::Te;
            h1::field(out, field.name, field.value);
        }
    }
    if head.framing == Framing::Chunked {
        h1::framing_fields(out, Framing::Chunked);
    }
    if !has_host {
        h1::field(out, b"Host", plan.host);
    }
    if accepts_trailers {
        h1::field(out, b"Connection", b"TE");
    }
    forwarding_fields(out, head, plan);
    apply(out, &plan.edits, plan.facts);
    h1::end_of_head(out);
}

/// True for a field that goes on as it came.
fn passes_on(field: &FieldRef<'_>, plan: &RequestPlan<'_>) -> bool {
    match field.known {
        Known::TransferEncoding => false,
        // Via is continued below; the peer's word on the rest counts only if it is trusted.
        Known::Via => plan.http.via.is_none(),
        Known::XForwardedFor => plan.http.trust_peer && !is_appended(plan),
        _ if field.hop_by_hop => false,
        _ => plan.http.trust_peer || !is_dropped_from_untrusted(field.name),
    }
}

/// True if `X-Forwarded-For` is written anew, with the peer at its end.
fn is_appended(plan: &RequestPlan<'_>) -> bool {
    plan.http.forwarded && matches!(plan.peer, Peer::Inet(_))
}

/// `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Request-Id` and `Via`, as the listener has them.
fn forwarding_fields(out: &mut HeadBuf, head: &RequestHead, plan: &RequestPlan<'_>) {
    let http = plan.http;
    let ours = |name: &[u8]| !is_edited(&plan.edits, name);
    if http.forwarded {
        // A peer on a Unix socket has no address to append.
        if let Peer::Inet(peer) = plan.peer
            && ours(b"X-Forwarded-For")
        {
            out.extend_from_slice(b"X-Forwarded-For: ");
            if http.trust_peer {
                for hop in head.fields.all("x-forwarded-for") {
                    out.extend_from_slice(hop);
                    out.extend_from_slice(b", ");
                }
            }
            write_ip(out, peer.ip());
            out.extend_from_slice(b"\r\n");
        }
        let said = http.trust_peer && head.fields.first(Known::XForwardedProto).is_some();
        if !said && ours(b"X-Forwarded-Proto") {
            h1::field(out, b"X-Forwarded-Proto", b"http");
        }
    }
    if makes_request_id(head, http) && ours(b"X-Request-Id") {
        out.extend_from_slice(b"X-Request-Id: ");
        uuid(out, plan.random);
        out.extend_from_slice(b"\r\n");
    }
    if let Some(pseudonym) = &http.via
        && ours(b"Via")
    {
        via(out, head.fields.all("via"), head.version, pseudonym);
    }
}

/// True for a request that gets an id from us, as it brings none that counts.
pub(crate) fn makes_request_id(head: &RequestHead, http: &HttpOptions) -> bool {
    let named = http.trust_peer && head.fields.first(Known::XRequestId).is_some();
    http.request_id && !named
}

/// What the response's head becomes on its way to the peer.
pub(crate) struct ResponsePlan<'a> {
    /// How the body is delimited towards the peer.
    pub(crate) framing: Framing,
    /// Whether the peer's connection stays open, and what its version expects to be told.
    pub(crate) keep_alive: bool,
    pub(crate) peer_version: Version,
    pub(crate) http: &'a HttpOptions,
    /// The branch's edits, then the route's.
    pub(crate) edits: [&'a HeaderEdits; 2],
    pub(crate) facts: &'a dyn TemplateSource,
    /// For a response without `Date` (RFC 9110 §6.6.1).
    pub(crate) date: &'a [u8],
}

/// Writes a response head for the peer.
pub(crate) fn response(out: &mut HeadBuf, head: &ResponseHead, plan: &ResponsePlan<'_>) {
    h1::status_line(out, head.status, head.reason());
    let mut has_date = false;
    for field in head.fields.iter() {
        has_date |= field.known == Known::Date;
        let passes_on = match field.known {
            Known::TransferEncoding => false,
            Known::Via => plan.http.via.is_none(),
            // What a HEAD or 304 would have had is kept; else the framing is ours to state.
            Known::ContentLength => plan.framing != Framing::Chunked,
            _ => !field.hop_by_hop,
        };
        if passes_on && !is_edited(&plan.edits, field.name) {
            h1::field(out, field.name, field.value);
        }
    }
    if plan.framing == Framing::Chunked {
        h1::framing_fields(out, Framing::Chunked);
    }
    if !has_date && !is_edited(&plan.edits, b"Date") {
        h1::field(out, b"Date", plan.date);
    }
    if let Some(pseudonym) = &plan.http.via
        && !is_edited(&plan.edits, b"Via")
    {
        via(out, head.fields.all("via"), head.version, pseudonym);
    }
    connection(out, plan.keep_alive, plan.peer_version);
    apply(out, &plan.edits, plan.facts);
    h1::end_of_head(out);
}

/// Writes an interim response (1xx) as it came, less its hop-by-hop fields.
pub(crate) fn interim(out: &mut HeadBuf, head: &ResponseHead) {
    h1::status_line(out, head.status, head.reason());
    for field in head.fields.iter().filter(|field| !field.hop_by_hop) {
        h1::field(out, field.name, field.value);
    }
    h1::end_of_head(out);
}

/// `Connection`: said where the peer's version would assume the opposite, and before every close
/// (RFC 9112 §9.3, §9.6).
pub(crate) fn connection(out: &mut Vec<u8>, keep_alive: bool, peer_version: Version) {
    match (keep_alive, peer_version) {
        (false, _) => h1::field(out, b"Connection", b"close"),
        (true, Version::Http10) => h1::field(out, b"Connection", b"keep-alive"),
        (true, Version::Http11) => {}
    }
}

/// True for a field that an edit removes or replaces.
pub(crate) fn is_edited(edits: &[&HeaderEdits], name: &[u8]) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    edits.iter().any(|edits| {
        edits.remove.iter().any(|removed| is(removed)) || edits.set.iter().any(|(set, _)| is(set))
    })
}

/// Writes the fields that the edits set or add. A later edit removes and replaces what an earlier
/// one wrote, too.
pub(crate) fn apply(out: &mut HeadBuf, edits: &[&HeaderEdits], facts: &dyn TemplateSource) {
    for (at, layer) in edits.iter().enumerate() {
        for (name, value) in layer.set.iter().chain(&layer.add) {
            if is_edited(&edits[at + 1..], name.as_bytes()) {
                continue;
            }
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            template::render(value, facts, out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// `Via`, continued with one more hop (RFC 9110 §7.6.3).
fn via<'v>(
    out: &mut HeadBuf,
    earlier: impl Iterator<Item = &'v [u8]>,
    received: Version,
    pseudonym: &str,
) {
    out.extend_from_slice(b"Via: ");
    for hop in earlier {
        out.extend_from_slice(hop);
        out.extend_from_slice(b", ");
    }
    out.extend_from_slice(match received {
        Version::Http10 => b"1.0 ",
        Version::Http11 => b"1.1 ",
    });
    out.extend_from_slice(pseudonym.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A random UUID (RFC 9562 §5.4) in its usual spelling.
pub(crate) fn uuid(out: &mut Vec<u8>, random: u128) {
    const VERSION_4: u128 = 0x4 << 76;
    const VARIANT: u128 = 0x2 << 62;
    let bits = random & !(0xf << 76) & !(0x3 << 62) | VERSION_4 | VARIANT;
    const AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut text = [b'-'; 36];
    for (at, byte) in AT.into_iter().zip(bits.to_be_bytes()) {
        [text[at], text[at + 1]] = HEX[usize::from(byte)];
    }
    out.extend_from_slice(&text);
}

/// Every byte in two digits.
static HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0xf]];
        byte += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use config::snapshot::EscapedSlashes;
    use config::template::Operator;
    use std::time::Duration;
    use wire::h1::{HeadLimits, RequestDecoder, ResponseDecoder};

    use super::*;

    struct NoFacts;

    impl TemplateSource for NoFacts {
        fn write(&self, _: &Operator, _: &mut Vec<u8>) {}
    }

    fn http() -> HttpOptions {
        HttpOptions {
            head_bytes_max: 4096,
            fields_max: 100,
            target_bytes_max: 1024,
            head_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
            stream_idle_timeout: Duration::ZERO,
            merge_slashes: false,
            escaped_slashes: EscapedSlashes::Keep,
            via: None,
            trust_peer: false,
            request_id: false,
            forwarded: false,
        }
    }

    const LIMITS: HeadLimits =
        HeadLimits { head_bytes_max: 4096, fields_max: 100, target_bytes_max: 1024 };

    /// What goes on to the upstream of a request that came as `text`.
    fn forwarded(text: &str, http: &HttpOptions, edits: &HeaderEdits) -> String {
        let mut head = RequestHead::default();
        RequestDecoder::new().feed(text.as_bytes(), &LIMITS, &mut head).unwrap();
        let plan = RequestPlan {
            target: head.target(),
            host: head.authority().unwrap_or(b"endpoint"),
            http,
            edits: [&HeaderEdits::default(), edits],
            facts: &NoFacts,
            peer: &Peer::Inet("9.8.7.6:5".parse().unwrap()),
            random: 0,
        };
        let mut out = HeadBuf::take();
        request(&mut out, &head, &plan);
        String::from_utf8(out.to_vec()).unwrap()
    }

    fn as_it_is(text: &str) -> String {
        forwarded(text, &http(), &HeaderEdits::default())
    }

    #[test]
    fn order_and_letter_case_are_kept() {
        let text = "GET /a?b HTTP/1.1\r\nX-B: 1\r\nHOST: h\r\nx-a: 2\r\nX-b: 3\r\n\r\n";
        assert_eq!(as_it_is(text), text);
    }

    #[test]
    fn what_was_meant_for_this_hop_stays_here() {
        let text = "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\
                    Keep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Connection: x\r\n\r\n";
        assert_eq!(as_it_is(text), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    }

    #[test]
    fn a_client_of_http10_without_host_is_given_one() {
        let forwarded = as_it_is("GET / HTTP/1.0\r\nA: b\r\n\r\n");
        assert_eq!(forwarded, "GET / HTTP/1.1\r\nA: b\r\nHost: endpoint\r\n\r\n");
    }

    #[test]
    fn trailers_are_asked_for_again() {
        let forwarded =
            as_it_is("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nTE: trailers\r\n\r\n");
        assert!(forwarded.ends_with("TE: trailers\r\nConnection: TE\r\n\r\n"), "{forwarded}");
    }

    #[test]
    fn an_untrusted_peer_does_not_speak_for_those_before_it() {
        let text = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\n\
                    X_Forwarded_Proto: https\r\nX-Request-Id: mine\r\n\r\n";
        let options = HttpOptions { forwarded: true, ..http() };
        assert_eq!(
            forwarded(text, &options, &HeaderEdits::default()),
            "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.8.7.6\r\n\
             X-Forwarded-Proto: http\r\n\r\n"
        );
    }

    #[test]
    fn a_trusted_peer_is_appended_to_those_before_it() {
        let text = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\n\
                    X-Forwarded-Proto: https\r\n\r\n";
        let options = HttpOptions { forwarded: true, trust_peer: true, ..http() };
        assert_eq!(
            forwarded(text, &options, &HeaderEdits::default()),
            "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-For: 1.1.1.1, 9.8.7.6\r\n\r\n"
        );
    }

    #[test]
    fn a_set_field_replaces_all_of_its_name_and_a_removed_one_goes() {
        let value = |text: &str| config::template::Template {
            pieces: vec![config::template::Piece::Literal(text.as_bytes().into())],
        };
        let edits = HeaderEdits {
            remove: vec!["cookie".into()],
            set: vec![("X-A".into(), value("new"))],
            add: vec![("X-B".into(), value("more"))],
        };
        let text = "GET / HTTP/1.1\r\nHost: h\r\nx-a: 1\r\nX-a: 2\r\nCookie: c\r\nx-b: 1\r\n\r\n";
        assert_eq!(
            forwarded(text, &http(), &edits),
            "GET / HTTP/1.1\r\nHost: h\r\nx-b: 1\r\nX-A: new\r\nX-B: more\r\n\r\n"
        );
    }

    #[test]
    fn a_response_is_framed_anew_and_dated() {
        let mut head = ResponseHead::default();
        let text = b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        ResponseDecoder::new().feed(text, &LIMITS, b"GET", &mut head).unwrap();
        let plan = ResponsePlan {
            framing: Framing::UntilClose,
            keep_alive: false,
            peer_version: Version::Http10,
            http: &http(),
            edits: [&HeaderEdits::default(), &HeaderEdits::default()],
            facts: &NoFacts,
            date: b"now",
        };
        let mut out = HeadBuf::take();
        response(&mut out, &head, &plan);
        assert_eq!(
            String::from_utf8(out.to_vec()).unwrap(),
            "HTTP/1.1 200 Fine\r\nX-A: 1\r\nDate: now\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn a_uuid_tells_its_version_and_variant() {
        let mut out = Vec::new();
        uuid(&mut out, u128::MAX);
        assert_eq!(out, b"ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
