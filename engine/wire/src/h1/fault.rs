//! What can be wrong with bytes that claim to be HTTP/1.1: one variant per violated rule.
//!
//! Whoever holds the connection answers (`status`), counts and logs (`as_str`), and closes.

use std::fmt;

/// A violated rule. The section numbers are RFC 9112's unless another RFC is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// More empty lines before a request line than the few that §2.2 tolerates.
    EmptyLines,
    /// A line that ends in LF alone. §2.2 lets a recipient take it; peers that do and peers that do
    /// not disagree about where a message ends, so it is refused.
    BareLf,
    /// CR without LF behind it (§2.2).
    BareCr,
    /// The request's method is no token (§3.1).
    InvalidMethod,
    /// The method is longer than any in use (§3: 501).
    MethodTooLong,
    /// White space in the request line beyond the two single spaces (§3).
    RequestLineSpace,
    /// A request line without version: HTTP/0.9, or no HTTP at all (§3).
    MissingVersion,
    /// The version is not `HTTP/` digit `.` digit (§2.3).
    InvalidVersion,
    /// A version other than 1.0 and 1.1 (RFC 9110 §15.6.6: 505).
    UnsupportedVersion,
    /// HTTP/2's connection preface (RFC 9113 §3.4) where HTTP/1.1 is spoken.
    Http2Preface,
    /// The request target is longer than the limit (§3: 414).
    TargetTooLong,
    /// The target is none of the four forms, or holds a control byte (§3.2).
    InvalidTarget,
    /// The target holds a byte above 0x7f (RFC 3986 §2).
    NonAsciiTarget,
    /// The target holds `#`: fragments are never sent (§3.2.1, RFC 3986 §3.5).
    TargetFragment,
    /// The target's scheme is neither `http` nor `https` (§3.2.2).
    UnsupportedScheme,
    /// `*` with a method other than `OPTIONS` (§3.2.4).
    AsteriskForm,
    /// `CONNECT` without `host:port`, or `host:port` without `CONNECT` (§3.2.3).
    AuthorityForm,
    /// The head is larger than the limit (RFC 6585 §5: 431).
    HeadTooLarge,
    /// More fields than the limit (RFC 6585 §5: 431).
    TooManyFields,
    /// White space between the start line and the first field (§2.2).
    SpaceBeforeFirstField,
    /// A field line that continues on the next line (§5.2).
    ObsoleteFold,
    /// White space between a field name and its colon (§5.1).
    SpaceBeforeColon,
    /// A field line without colon (§5).
    MissingColon,
    /// A field name that is empty or no token (§5, RFC 9110 §5.1).
    InvalidFieldName,
    /// A control byte in a field value, NUL among them (RFC 9110 §5.5).
    InvalidFieldValue,
    /// More options in `Connection` than the few that make sense (RFC 9110 §7.6.1: 431).
    TooManyConnectionOptions,
    /// HTTP/1.1 without `Host` (§3.2).
    MissingHost,
    /// More than one `Host` (§3.2).
    RepeatedHost,
    /// A host or port with bytes that neither can have, userinfo among them (§3.2, RFC 9110 §4.2).
    InvalidHost,
    /// `Content-Length` beside `Transfer-Encoding` (§6.1, §6.3).
    ContentLengthWithTransferEncoding,
    /// `Content-Length` twice, or a list of lengths, be they the same (§6.3).
    RepeatedContentLength,
    /// `Content-Length` with anything but digits (RFC 9110 §8.6).
    InvalidContentLength,
    /// `Content-Length` that does not fit 63 bits (RFC 9110 §8.6).
    ContentLengthOverflow,
    /// `Transfer-Encoding` twice, or `chunked` twice (§6.1).
    RepeatedTransferEncoding,
    /// `Transfer-Encoding` that is not exactly `chunked` (§6.1, §7).
    InvalidTransferEncoding,
    /// Registered codings before `chunked`, which the proxy does not undo (§6.1: 501).
    UnsupportedTransferEncoding,
    /// `Transfer-Encoding` in HTTP/1.0 (§6.1).
    TransferEncodingInHttp10,
    /// `Expect` with anything but `100-continue` (RFC 9110 §10.1.1: 417).
    UnknownExpectation,
    /// A response that does not begin `HTTP/1.x NNN` (§4).
    InvalidStatusLine,
    /// A status code that is not three digits from 100 up (§4, RFC 9110 §15).
    InvalidStatusCode,
    /// A control byte in the reason phrase (§4).
    InvalidReason,
    /// `Content-Length` or `Transfer-Encoding` on 1xx or 204 (§6.1, RFC 9110 §8.6).
    FramingWithoutBody,
    /// A chunk size with anything but hexadecimal digits, or with white space (§7.1).
    InvalidChunkSize,
    /// A chunk size of more than 16 digits (§7.1: "MUST anticipate ... large").
    ChunkSizeTooLong,
    /// A chunk extension that does not follow the grammar (§7.1.1).
    InvalidChunkExtension,
    /// Chunk extensions larger than the limit (§7.1.1: "ought to limit").
    ChunkExtensionTooLarge,
    /// Something other than CR LF behind a chunk's data (§7.1).
    ChunkDataTooLong,
    /// The trailer section is larger than the limit (§7.1.2, RFC 6585 §5: 431).
    TrailersTooLarge,
    /// The connection ended inside a message (§8).
    Truncated,
}

impl Fault {
    /// Every one, in the order of declaration: for metrics that show a series before its first
    /// event.
    pub const ALL: [Fault; 49] = [
        Fault::EmptyLines,
        Fault::BareLf,
        Fault::BareCr,
        Fault::InvalidMethod,
        Fault::MethodTooLong,
        Fault::RequestLineSpace,
        Fault::MissingVersion,
        Fault::InvalidVersion,
        Fault::UnsupportedVersion,
        Fault::Http2Preface,
        Fault::TargetTooLong,
        Fault::InvalidTarget,
        Fault::NonAsciiTarget,
        Fault::TargetFragment,
        Fault::UnsupportedScheme,
        Fault::AsteriskForm,
        Fault::AuthorityForm,
        Fault::HeadTooLarge,
        Fault::TooManyFields,
        Fault::SpaceBeforeFirstField,
        Fault::ObsoleteFold,
        Fault::SpaceBeforeColon,
        Fault::MissingColon,
        Fault::InvalidFieldName,
        Fault::InvalidFieldValue,
        Fault::TooManyConnectionOptions,
        Fault::MissingHost,
        Fault::RepeatedHost,
        Fault::InvalidHost,
        Fault::ContentLengthWithTransferEncoding,
        Fault::RepeatedContentLength,
        Fault::InvalidContentLength,
        Fault::ContentLengthOverflow,
        Fault::RepeatedTransferEncoding,
        Fault::InvalidTransferEncoding,
        Fault::UnsupportedTransferEncoding,
        Fault::TransferEncodingInHttp10,
        Fault::UnknownExpectation,
        Fault::InvalidStatusLine,
        Fault::InvalidStatusCode,
        Fault::InvalidReason,
        Fault::FramingWithoutBody,
        Fault::InvalidChunkSize,
        Fault::ChunkSizeTooLong,
        Fault::InvalidChunkExtension,
        Fault::ChunkExtensionTooLarge,
        Fault::ChunkDataTooLong,
        Fault::TrailersTooLarge,
        Fault::Truncated,
    ];

    /// The status that answers a request with this fault (RFC 9110 §15.5, §15.6). For a response
    /// the proxy answers 502 in its place.
    pub const fn status(self) -> u16 {
        match self {
            Fault::TargetTooLong => 414,
            Fault::UnknownExpectation => 417,
            Fault::HeadTooLarge
            | Fault::TooManyFields
            | Fault::TooManyConnectionOptions
            | Fault::TrailersTooLarge => 431,
            Fault::MethodTooLong | Fault::UnsupportedTransferEncoding => 501,
            Fault::UnsupportedVersion | Fault::Http2Preface => 505,
            _ => 400,
        }
    }

    /// For logs and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::EmptyLines => "empty_lines",
            Fault::BareLf => "bare_lf",
            Fault::BareCr => "bare_cr",
            Fault::InvalidMethod => "invalid_method",
            Fault::MethodTooLong => "method_too_long",
            Fault::RequestLineSpace => "request_line_space",
            Fault::MissingVersion => "missing_version",
            Fault::InvalidVersion => "invalid_version",
            Fault::UnsupportedVersion => "unsupported_version",
            Fault::Http2Preface => "http2_preface",
            Fault::TargetTooLong => "target_too_long",
            Fault::InvalidTarget => "invalid_target",
            Fault::NonAsciiTarget => "non_ascii_target",
            Fault::TargetFragment => "target_fragment",
            Fault::UnsupportedScheme => "unsupported_scheme",
            Fault::AsteriskForm => "asterisk_form",
            Fault::AuthorityForm => "authority_form",
            Fault::HeadTooLarge => "head_too_large",
            Fault::TooManyFields => "too_many_fields",
            Fault::SpaceBeforeFirstField => "space_before_first_field",
            Fault::ObsoleteFold => "obsolete_fold",
            Fault::SpaceBeforeColon => "space_before_colon",
            Fault::MissingColon => "missing_colon",
            Fault::InvalidFieldName => "invalid_field_name",
            Fault::InvalidFieldValue => "invalid_field_value",
            Fault::TooManyConnectionOptions => "too_many_connection_options",
            Fault::MissingHost => "missing_host",
            Fault::RepeatedHost => "repeated_host",
            Fault::InvalidHost => "invalid_host",
            Fault::ContentLengthWithTransferEncoding => "content_length_with_transfer_encoding",
            Fault::RepeatedContentLength => "repeated_content_length",
            Fault::InvalidContentLength => "invalid_content_length",
            Fault::ContentLengthOverflow => "content_length_overflow",
            Fault::RepeatedTransferEncoding => "repeated_transfer_encoding",
            Fault::InvalidTransferEncoding => "invalid_transfer_encoding",
            Fault::UnsupportedTransferEncoding => "unsupported_transfer_encoding",
            Fault::TransferEncodingInHttp10 => "transfer_encoding_in_http10",
            Fault::UnknownExpectation => "unknown_expectation",
            Fault::InvalidStatusLine => "invalid_status_line",
            Fault::InvalidStatusCode => "invalid_status_code",
            Fault::InvalidReason => "invalid_reason",
            Fault::FramingWithoutBody => "framing_without_body",
            Fault::InvalidChunkSize => "invalid_chunk_size",
            Fault::ChunkSizeTooLong => "chunk_size_too_long",
            Fault::InvalidChunkExtension => "invalid_chunk_extension",
            Fault::ChunkExtensionTooLarge => "chunk_extension_too_large",
            Fault::ChunkDataTooLong => "chunk_data_too_long",
            Fault::TrailersTooLarge => "trailers_too_large",
            Fault::Truncated => "truncated",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_a_metric_label() {
        let names: std::collections::HashSet<_> = Fault::ALL.iter().map(|f| f.as_str()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        for name in names {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
        }
    }

    #[test]
    fn the_list_holds_every_variant_at_its_own_place() {
        for (place, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place, "{fault}");
        }
        assert_eq!(Fault::ALL.len(), Fault::Truncated as usize + 1);
    }

    #[test]
    fn statuses_are_those_of_the_rfcs() {
        for fault in Fault::ALL {
            assert!([400, 414, 417, 431, 501, 505].contains(&fault.status()), "{fault}");
        }
    }
}
