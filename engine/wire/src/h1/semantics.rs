//! What the fields of a head say about the connection and the body (RFC 9112 §6, §9;
//! RFC 9110 §7.6.1, §7.8, §10.1): read in one pass while the index is filled, then resolved once.

use super::Fault;
use crate::bytes::{is_word, list};
use crate::message::{Field, Known, Span, Version};

/// `Connection` options of one head beyond which something is wrong: each is compared to each
/// field.
const OPTIONS_MAX: usize = 32;

/// Fields that `Connection` cannot hide from the next hop, beside those that [`protects`] knows by
/// class: without them the message would mean something else there.
const PROTECTED: [&[u8]; 9] = [
    b"cache-control",
    b"content-encoding",
    b"content-range",
    b"proxy-authorization",
    b"range",
    b"traceparent",
    b"tracestate",
    b"trailer",
    b"vary",
];

/// What one head's fields claim.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    /// How many `Host` fields there are, and where the last of them stands in the index.
    pub(super) hosts: usize,
    pub(super) host: usize,
    /// Whether `Expect` is there, and whether one says something other than `100-continue`.
    pub(super) expects: bool,
    pub(super) expects_unknown: bool,
    /// `Upgrade`, and the option that makes it valid: known after [`Claims::settle`].
    pub(super) upgrade: bool,
    upgrade_field: bool,
    /// Whether `Connection` names fields that are not hop-by-hop of themselves.
    nominates: bool,
    options: usize,
}

impl Claims {
    /// Fills `index` from the fields that httparse found in `bytes`, reading each on the way.
    pub(super) fn read(
        bytes: &[u8],
        fields: &[httparse::Header<'_>],
        index: &mut Vec<Field>,
    ) -> Result<Claims, Fault> {
        let mut claims = Claims::default();
        index.clear();
        for field in fields {
            let name = field.name.as_bytes();
            let known = Known::of(name);
            let mut entry = Field {
                name: Span::within(bytes, name),
                value: Span::within(bytes, field.value),
                known,
                hop_by_hop: known.is_hop_by_hop(),
            };
            if known != Known::Other {
                claims.claim(&mut entry, field.value, index.len())?;
            }
            index.push(entry);
        }
        claims.settle(bytes, index);
        Ok(claims)
    }

    fn claim(&mut self, field: &mut Field, value: &[u8], at: usize) -> Result<(), Fault> {
        match field.known {
            Known::Host => {
                self.hosts += 1;
                self.host = at;
            }
            Known::Expect => {
                self.expects = true;
                self.expects_unknown |= !is_word(value, "100-continue");
            }
            Known::ContentLength => {
                self.content_length(value)?;
                field.value = field.value.narrowed(without_leading_zeros(value));
            }
            Known::TransferEncoding => self.transfer_encoding(value)?,
            Known::Connection => self.connection(value)?,
            Known::Upgrade => self.upgrade_field = true,
            Known::Te => keep_trailers_only(field, value),
            _ => {}
        }
        Ok(())
    }

    /// Marks the fields that `Connection` names, now that all are known.
    fn settle(&mut self, bytes: &[u8], index: &mut [Field]) {
        self.upgrade &= self.upgrade_field;
        if !self.nominates {
            return;
        }
        for connection in 0..index.len() {
            if index[connection].known != Known::Connection {
                continue;
            }
            for option in list(index[connection].value.of(bytes)) {
                for field in index.iter_mut().filter(|field| !protects(field.known)) {
                    let name = field.name.of(bytes);
                    if name.eq_ignore_ascii_case(option) && !is_protected(name) {
                        field.hop_by_hop = true;
                    }
                }
            }
        }
    }

    /// Whether the connection outlives the exchange (RFC 9112 §9.3).
    pub(super) fn persists(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    /// Refuses what no message may claim (RFC 9112 §6.1).
    pub(super) fn check_framing(&self, version: Version) -> Result<(), Fault> {
        match (self.chunked, version) {
            (true, Version::Http10) => Err(Fault::TransferEncodingInHttp10),
            (true, _) if self.content_length.is_some() => {
                Err(Fault::ContentLengthWithTransferEncoding)
            }
            _ => Ok(()),
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.content_length.is_some() {
            return Err(Fault::RepeatedContentLength);
        }
        self.content_length = Some(parse_length(value)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.chunked {
            return Err(Fault::RepeatedTransferEncoding);
        }
        if !is_word(value, "chunked") {
            return Err(transfer_encoding_fault(value));
        }
        self.chunked = true;
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) -> Result<(), Fault> {
        for option in list(value) {
            self.options += 1;
            if self.options > OPTIONS_MAX {
                return Err(Fault::TooManyConnectionOptions);
            }
            let is = |text: &str| is_word(option, text);
            match option.len() {
                2 if is("te") => {}
                5 if is("close") => self.close = true,
                7 if is("upgrade") => self.upgrade = true,
                10 if is("keep-alive") => self.keep_alive = true,
                _ => self.nominates = true,
            }
        }
        Ok(())
    }
}

/// `Content-Length = 1*DIGIT` (RFC 9110 §8.6); 63 bits, as enough recipients use signed numbers.
fn parse_length(value: &[u8]) -> Result<u64, Fault> {
    if value.contains(&b',') {
        return Err(Fault::RepeatedContentLength);
    }
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Fault::InvalidContentLength);
    }
    if value.len() > 19 {
        return Err(Fault::ContentLengthOverflow);
    }
    let length = value.iter().fold(0, |sum: u64, &d| sum * 10 + u64::from(d - b'0'));
    if length > i64::MAX as u64 { Err(Fault::ContentLengthOverflow) } else { Ok(length) }
}

/// The next hop shall not take `010` for octal.
fn without_leading_zeros(digits: &[u8]) -> Span {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count().min(digits.len() - 1);
    Span::new(zeros, digits.len() - zeros)
}

/// Which rule a `Transfer-Encoding` that is not `chunked` violates.
#[cold]
fn transfer_encoding_fault(value: &[u8]) -> Fault {
    const CODINGS: [&[u8]; 5] = [b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"];
    let is_chunked = |coding: &[u8]| is_word(coding, "chunked");
    let codings: Vec<&[u8]> = list(value).take(8).collect();
    if codings.iter().filter(|coding| is_chunked(coding)).count() > 1 {
        return Fault::RepeatedTransferEncoding;
    }
    match codings.as_slice() {
        [others @ .., last]
            if is_chunked(last)
                && !others.is_empty()
                && others
                    .iter()
                    .all(|c| CODINGS.iter().any(|known| c.eq_ignore_ascii_case(known))) =>
        {
            Fault::UnsupportedTransferEncoding
        }
        _ => Fault::InvalidTransferEncoding,
    }
}

/// `TE: trailers` is the one transfer coding preference that outlives a hop (RFC 9110 §10.1.4): the
/// field shows that much of itself, or nothing.
fn keep_trailers_only(field: &mut Field, value: &[u8]) {
    if let Some(trailers) = list(value).find(|coding| is_word(coding, "trailers")) {
        field.value = field.value.narrowed(Span::within(value, trailers));
        field.hop_by_hop = false;
    }
}

fn protects(known: Known) -> bool {
    !matches!(
        known,
        Known::Other
            | Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::Server
            | Known::UserAgent
    )
}

fn is_protected(name: &[u8]) -> bool {
    PROTECTED.iter().any(|protected| name.eq_ignore_ascii_case(protected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_digits_of_63_bits() {
        let cases: [(&[u8], Result<u64, Fault>); 11] = [
            (b"0", Ok(0)),
            (b"00042", Ok(42)),
            (b"9223372036854775807", Ok(i64::MAX as u64)),
            (b"9223372036854775808", Err(Fault::ContentLengthOverflow)),
            (b"9999999999999999999", Err(Fault::ContentLengthOverflow)),
            (b"00000000000000000001", Err(Fault::ContentLengthOverflow)),
            (b"", Err(Fault::InvalidContentLength)),
            (b"+1", Err(Fault::InvalidContentLength)),
            (b"1 ", Err(Fault::InvalidContentLength)),
            (b"1,1", Err(Fault::RepeatedContentLength)),
            (b",", Err(Fault::RepeatedContentLength)),
        ];
        for (value, length) in cases {
            assert_eq!(parse_length(value), length, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn leading_zeros_are_left_out_but_never_the_last_digit() {
        for (value, shown) in
            [(&b"0"[..], &b"0"[..]), (b"000", b"0"), (b"010", b"10"), (b"7", b"7")]
        {
            assert_eq!(without_leading_zeros(value).of(value), shown);
        }
    }

    #[test]
    fn only_registered_codings_before_one_chunked_are_merely_unsupported() {
        let cases: [(&[u8], Fault); 6] = [
            (b"gzip, chunked", Fault::UnsupportedTransferEncoding),
            (b"Deflate ,\tx-gzip,CHUNKED", Fault::UnsupportedTransferEncoding),
            (b"chunked, chunked", Fault::RepeatedTransferEncoding),
            (b"chunked, gzip", Fault::InvalidTransferEncoding),
            (b"br, chunked", Fault::InvalidTransferEncoding),
            (b"", Fault::InvalidTransferEncoding),
        ];
        for (value, fault) in cases {
            assert_eq!(transfer_encoding_fault(value), fault, "{}", value.escape_ascii());
        }
    }
}
