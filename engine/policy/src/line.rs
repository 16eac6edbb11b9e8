//! A line of the access log: which requests have one, and how it is written so that no value can
//! break it.
//!
//! Not where values come from: `engine` implements [`TemplateSource`] on a request that is over.
//! Nothing here allocates but what `out` needs to grow.

use std::time::Duration;

use config::access_log::{LineFilter, LineFormat};
use config::template::{Operator, OutcomeOperator, Piece, Template};

use crate::template::TemplateSource;

/// A longer value is cut.
pub const VALUE_BYTES_MAX: usize = 8 << 10;

/// Whether a request has a line. `random` is uniform, and asked only if a sample decides.
pub fn passes(
    filter: &LineFilter,
    status: u16,
    duration: Duration,
    flagged: bool,
    random: impl FnOnce() -> u64,
) -> bool {
    /// An `f64` holds so many bits exactly.
    const BITS: u32 = 53;
    if filter.is_open() {
        return true;
    }
    filter.status_min.is_some_and(|least| status >= least)
        || filter.duration_min.is_some_and(|least| duration >= least)
        || (filter.flags && flagged)
        || filter.sample.is_some_and(|share| {
            let drawn = (random() >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64;
            drawn < share
        })
}

/// Appends the line and its line feed.
///
/// A source's type is known here, and so nothing is called by way of a table: a line has twenty
/// values.
pub fn render(format: &LineFormat, source: &impl TemplateSource, out: &mut Vec<u8>) {
    match format {
        LineFormat::Text { template, .. } => text(template, source, out),
        LineFormat::Json(members) => {
            for member in members {
                out.extend_from_slice(&member.lead);
                json(&member.value, source, out);
            }
            out.push(b'}');
        }
    }
    out.push(b'\n');
}

/// With `-` for every operator that has no value, as in Envoy's log.
fn text(template: &Template, source: &impl TemplateSource, out: &mut Vec<u8>) {
    for piece in &template.pieces {
        match piece {
            Piece::Literal(text) => out.extend_from_slice(text),
            Piece::Operator(operator) => {
                let start = write_value(operator, source, out);
                match out.len() == start {
                    true => out.push(b'-'),
                    false if is_clean(operator) => {}
                    false => escape_text(out, start),
                }
            }
        }
    }
}

/// One operator alone is a number, a string or `null`; all else is a string. The quote before a
/// string is there already.
fn json(template: &Template, source: &impl TemplateSource, out: &mut Vec<u8>) {
    if let [Piece::Operator(operator)] = template.pieces.as_slice() {
        let start = write_value(operator, source, out);
        match (out.len() == start, operator.is_number()) {
            (true, true) => out.extend_from_slice(b"null"),
            (true, false) => {
                out.pop();
                out.extend_from_slice(b"null");
            }
            (false, true) => {}
            (false, false) => {
                if !is_clean(operator) {
                    escape_json(out, start);
                }
                out.push(b'"');
            }
        }
        return;
    }
    for piece in &template.pieces {
        let start = match piece {
            Piece::Literal(text) => {
                out.extend_from_slice(text);
                out.len() - text.len()
            }
            Piece::Operator(operator) => {
                let start = write_value(operator, source, out);
                if out.len() == start {
                    out.push(b'-');
                }
                start
            }
        };
        escape_json(out, start);
    }
    out.push(b'"');
}

/// Appends the value as it is, cut if need be; where it begins.
fn write_value(operator: &Operator, source: &impl TemplateSource, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    source.write(operator, out);
    out.truncate(start + VALUE_BYTES_MAX);
    start
}

/// True if the value is our own, and of letters, digits and marks that stand anywhere.
fn is_clean(operator: &Operator) -> bool {
    match operator {
        Operator::Request(_) | Operator::Outcome(OutcomeOperator::Response(_)) => false,
        // The path of a Unix socket may be among them.
        Operator::UpstreamHost
        | Operator::DownstreamLocalAddress
        | Operator::DownstreamRemoteAddress => false,
        Operator::DownstreamRemoteAddressWithoutPort
        | Operator::Protocol
        | Operator::RouteName
        | Operator::UpstreamCluster
        | Operator::Outcome(_) => true,
    }
}

/// Appends a number in decimal.
pub fn push_number(out: &mut Vec<u8>, number: u64) {
    if number < 10 {
        return out.push(b'0' + number as u8);
    }
    if number >= 100 {
        push_number(out, number / 100);
    }
    out.extend_from_slice(&PAIRS[(number % 100) as usize]);
}

/// The numbers below 100 in two digits.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Control bytes, quotes and backslashes from `start` on become `\x0A` and the like, as in nginx's
/// log: neither the line nor a quoted part of it ends early, and nothing is lost.
fn escape_text(out: &mut Vec<u8>, start: usize) {
    if is_harmless(out, start) {
        return;
    }
    rewrite(out, start, |out, at, _| {
        match out[at] {
            byte @ (..b' ' | 0x7f | b'"' | b'\\') => {
                push_hex(out, b"\\x", byte, b"0123456789ABCDEF");
            }
            byte => out.push(byte),
        }
        at + 1
    });
}

/// What cannot stand in a JSON string is escaped from `start` on (RFC 8259 §7); what is not UTF-8
/// becomes U+FFFD.
fn escape_json(out: &mut Vec<u8>, start: usize) {
    if is_harmless(out, start) {
        return;
    }
    rewrite(out, start, |out, at, end| match out[at] {
        byte @ (b'"' | b'\\') => {
            out.extend_from_slice(&[b'\\', byte]);
            at + 1
        }
        byte @ (..b' ' | 0x7f) => {
            push_hex(out, b"\\u00", byte, b"0123456789abcdef");
            at + 1
        }
        byte @ b' '..=b'~' => {
            out.push(byte);
            at + 1
        }
        _ => push_character(out, at, end),
    });
}

/// True if all from `start` on is ASCII, and no control byte, quote or backslash. Sixteen bytes at
/// a time, which is one register: nearly every value is harmless, and all have to be looked
/// through.
fn is_harmless(out: &mut Vec<u8>, start: usize) -> bool {
    let end = out.len();
    // The last block is filled up.
    out.extend_from_slice(&[b' '; 16]);
    let (blocks, _) = out[start..].as_chunks::<16>();
    let harmless = blocks.iter().all(|block| {
        let harm = block.map(|byte| {
            let special = !matches!(byte, b' '..=b'~');
            u8::from(special) | u8::from(byte == b'"') | u8::from(byte == b'\\')
        });
        u128::from_ne_bytes(harm) == 0
    });
    out.truncate(end);
    harmless
}

/// Writes what lies from `start` on anew: `push` is given a place and
/// where the old text ends, appends what stands for that place, and says which one comes next.
fn rewrite(out: &mut Vec<u8>, start: usize, push: impl Fn(&mut Vec<u8>, usize, usize) -> usize) {
    let end = out.len();
    let mut at = start;
    while at < end {
        at = push(out, at, end);
    }
    out.copy_within(end.., start);
    out.truncate(out.len() - (end - start));
}

/// Appends the UTF-8 character at `at`, or U+FFFD in its place; where the next one begins.
fn push_character(out: &mut Vec<u8>, at: usize, end: usize) -> usize {
    let length = match out[at] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let next = (at + length).min(end);
    if std::str::from_utf8(&out[at..next]).is_ok() {
        out.extend_from_within(at..next);
        return next;
    }
    out.extend_from_slice("\u{fffd}".as_bytes());
    at + 1
}

fn push_hex(out: &mut Vec<u8>, lead: &[u8], byte: u8, digits: &[u8; 16]) {
    out.extend_from_slice(lead);
    out.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 0xf)]]);
}

#[cfg(test)]
mod tests {
    use config::access_log::{AccessLog, LineFilter};
    use proptest::prelude::*;

    use super::*;

    /// Answers `%REQ(A)%` with its bytes, `%DURATION%` with 42, all else with nothing.
    struct Value<'a>(&'a [u8]);

    impl TemplateSource for Value<'_> {
        fn write(&self, operator: &Operator, out: &mut Vec<u8>) {
            match operator {
                Operator::Request(_) => out.extend_from_slice(self.0),
                operator if operator.is_number() => push_number(out, 42),
                _ => {}
            }
        }
    }

    /// The log of a file with these keys.
    fn log(keys: &str) -> AccessLog {
        let text = format!(
            "[access_log]\npath = '/l'\n{keys}\n\
             [[listeners]]\nname = 'a'\nlisten = '127.0.0.1:0'\nroutes = 'r'\n\
             [[routes.r]]\nrespond = {{ status = 200 }}\n"
        );
        let loaded = config::load("x", text.as_bytes(), None);
        let snapshot = loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot;
        AccessLog::clone(&snapshot.access_log.unwrap())
    }

    fn line(keys: &str, value: &[u8]) -> Vec<u8> {
        let mut out = b"before\n".to_vec();
        render(&log(keys).format, &Value(value), &mut out);
        out.strip_prefix(b"before\n").unwrap().to_vec()
    }

    fn text(value: &[u8]) -> Vec<u8> {
        line("format = '<%REQ(A)%|%DURATION%|%ROUTE_NAME%>'", value)
    }

    fn json(value: &[u8]) -> Vec<u8> {
        line(
            "json_fields = { 'a\"b' = '%REQ(A)%', ms = '%DURATION%', route = '%ROUTE_NAME%', \
             more = 'in %REQ(A)%\"%ROUTE_NAME%' }",
            value,
        )
    }

    #[test]
    fn a_text_has_a_dash_for_what_is_missing() {
        assert_eq!(text(b"HTTP/1.1"), b"<HTTP/1.1|42|->\n");
        assert_eq!(text(b""), b"<-|42|->\n");
    }

    #[test]
    fn json_has_numbers_and_null() {
        assert_eq!(
            String::from_utf8(json(b"h")).unwrap(),
            "{\"a\\\"b\":\"h\",\"ms\":42,\"route\":null,\"more\":\"in h\\\"-\"}\n"
        );
    }

    #[test]
    fn what_could_end_a_line_or_a_quote_is_escaped() {
        assert_eq!(text(b"a\"b\\c\r\nd\x7f"), b"<a\\x22b\\x5Cc\\x0D\\x0Ad\\x7F|42|->\n");
        let text = String::from_utf8(json(b"a\"\\\n\xc3\xa9\xff")).unwrap();
        assert!(text.contains(":\"a\\\"\\\\\\u000aé\u{fffd}\","), "{text}");
    }

    #[test]
    fn every_byte_is_harmless_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let special = !matches!(byte, b' '..=b'~') || byte == b'"' || byte == b'\\';
            for len in 1..40 {
                for at in 0..len {
                    let mut value = vec![b'x'; len];
                    value[at] = byte;
                    let harmless = is_harmless(&mut [b"\n", &*value].concat(), 1);
                    assert_eq!(harmless, !special, "{byte} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = [b'x'; VALUE_BYTES_MAX + 1];
        assert_eq!(text(&long).len(), VALUE_BYTES_MAX + b"<|42|->\n".len());
        assert_eq!(text(&[b'\n'; VALUE_BYTES_MAX + 1]).len(), 4 * VALUE_BYTES_MAX + 8);
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            let mut out = b"n".to_vec();
            push_number(&mut out, number);
            assert_eq!(out, format!("n{number}").as_bytes());
        }
    }

    #[test]
    fn any_filter_lets_a_request_through() {
        let filter = LineFilter {
            status_min: Some(500),
            duration_min: Some(Duration::from_secs(1)),
            flags: true,
            sample: None,
        };
        let through =
            |status, ms, flagged| passes(&filter, status, Duration::from_millis(ms), flagged, || 0);
        assert!(through(500, 0, false) && through(200, 1000, false) && through(0, 0, true));
        assert!(!through(499, 999, false));
        assert!(passes(&LineFilter::default(), 200, Duration::ZERO, false, || 0));
    }

    #[test]
    fn a_sample_takes_its_share() {
        let taken = |share: f64| {
            let filter = LineFilter { sample: Some(share), ..LineFilter::default() };
            let mut random = crate::random::Rng::new(7);
            let mut take = || passes(&filter, 200, Duration::ZERO, false, || random.draw());
            (0..10_000).filter(|_| take()).count()
        };
        assert_eq!((taken(0.0), taken(1.0)), (0, 10_000));
        assert!((800..1200).contains(&taken(0.1)), "{}", taken(0.1));
    }

    proptest! {
        #[test]
        fn a_text_is_one_line_whatever_a_value_holds(
            value in prop::collection::vec(any::<u8>(), 0..60)
        ) {
            let line = text(&value);
            let (last, rest) = line.split_last().unwrap();
            prop_assert!(*last == b'\n' && !rest.iter().any(u8::is_ascii_control));
            prop_assert!(!rest.contains(&b'"'));
        }

        #[test]
        fn json_parses_whatever_a_value_holds_and_gives_text_back(
            value in prop::collection::vec(any::<u8>(), 1..60),
            text in "\\PC{1,20}[\\x00-\\x7f]{0,10}",
        ) {
            for value in [&value, text.as_bytes()] {
                let line = json(value);
                prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                let object: serde_json::Value = serde_json::from_slice(&line).unwrap();
                let back = object["a\"b"].as_str().unwrap();
                if let Ok(text) = std::str::from_utf8(value) {
                    prop_assert_eq!(back, text);
                }
                prop_assert_eq!(&object["ms"], 42);
            }
        }
    }
}
