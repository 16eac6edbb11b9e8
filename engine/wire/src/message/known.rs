//! The field names that the proxy acts upon, recognised once, when a field is stored. Everything
//! else is [`Known::Other`] and is found by name where a route asks for it.

use crate::bytes::is_word;

/// Which of the names that the proxy acts upon a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Known {
    /// None of them.
    Other,
    /// `Authorization`
    Authorization,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Content-Type`
    ContentType,
    /// `Cookie`
    Cookie,
    /// `Date`
    Date,
    /// `Expect`
    Expect,
    /// `Forwarded`
    Forwarded,
    /// `Host`
    Host,
    /// `Keep-Alive`
    KeepAlive,
    /// `Proxy-Connection`, which no standard has, but clients do
    ProxyConnection,
    /// `Server`
    Server,
    /// `Set-Cookie`
    SetCookie,
    /// `TE`
    Te,
    /// `Trailer`
    Trailer,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `User-Agent`
    UserAgent,
    /// `Via`
    Via,
    /// `X-Envoy-…`: any name that begins so
    XEnvoy,
    /// `X-Forwarded-…`: any name that begins so and has no variant of its own
    XForwarded,
    /// `X-Forwarded-Client-Cert`
    XForwardedClientCert,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `X-Forwarded-Host`
    XForwardedHost,
    /// `X-Forwarded-Proto`
    XForwardedProto,
    /// `X-Request-Id`
    XRequestId,
}

impl Known {
    /// Classifies a name, which is a token, whatever its letter case.
    pub fn of(name: &[u8]) -> Known {
        let Some(first) = name.first() else { return Known::Other };
        let (known, text) = match (name.len(), first | 0x20) {
            (2, b't') => (Known::Te, "te"),
            (3, b'v') => (Known::Via, "via"),
            (4, b'd') => (Known::Date, "date"),
            (4, b'h') => (Known::Host, "host"),
            (6, b'c') => (Known::Cookie, "cookie"),
            (6, b'e') => (Known::Expect, "expect"),
            (6, b's') => (Known::Server, "server"),
            (7, b't') => (Known::Trailer, "trailer"),
            (7, b'u') => (Known::Upgrade, "upgrade"),
            (9, b'f') => (Known::Forwarded, "forwarded"),
            (10, b'c') => (Known::Connection, "connection"),
            (10, b'k') => (Known::KeepAlive, "keep-alive"),
            (10, b's') => (Known::SetCookie, "set-cookie"),
            (10, b'u') => (Known::UserAgent, "user-agent"),
            (12, b'c') => (Known::ContentType, "content-type"),
            (13, b'a') => (Known::Authorization, "authorization"),
            (14, b'c') => (Known::ContentLength, "content-length"),
            (16, b'p') => (Known::ProxyConnection, "proxy-connection"),
            (17, b't') => (Known::TransferEncoding, "transfer-encoding"),
            (8.., b'x') => return Known::of_extension(name),
            _ => return Known::Other,
        };
        if is_word(name, text) { known } else { Known::Other }
    }

    /// Whether fields of this name are for the next hop only (RFC 9110 §7.6.1), `Connection`
    /// listing them or not.
    pub fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Known::Connection
                | Known::KeepAlive
                | Known::ProxyConnection
                | Known::Te
                | Known::TransferEncoding
                | Known::Upgrade
        )
    }

    fn of_extension(name: &[u8]) -> Known {
        if is_word(name, "x-request-id") {
            return Known::XRequestId;
        }
        let begins =
            |prefix: &str| name.len() > prefix.len() && is_word(&name[..prefix.len()], prefix);
        if begins("x-envoy-") {
            return Known::XEnvoy;
        }
        if !begins("x-forwarded-") {
            return Known::Other;
        }
        let rest = &name["x-forwarded-".len()..];
        let is = |text: &str| is_word(rest, text);
        match rest.len() {
            3 if is("for") => Known::XForwardedFor,
            4 if is("host") => Known::XForwardedHost,
            5 if is("proto") => Known::XForwardedProto,
            11 if is("client-cert") => Known::XForwardedClientCert,
            _ => Known::XForwarded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_letter_case_and_only_whole() {
        let cases = [
            ("Host", Known::Host),
            ("hOST", Known::Host),
            ("hosts", Known::Other),
            ("Hos", Known::Other),
            ("CONTENT-LENGTH", Known::ContentLength),
            ("Content_Length", Known::Other),
            ("transfer-encoding", Known::TransferEncoding),
            ("Transfer-Encodin\u{31}", Known::Other),
            ("te", Known::Te),
            ("", Known::Other),
        ];
        for (name, known) in cases {
            assert_eq!(Known::of(name.as_bytes()), known, "{name}");
        }
    }

    #[test]
    fn extensions_are_known_by_prefix() {
        let cases = [
            ("X-Forwarded-For", Known::XForwardedFor),
            ("x-forwarded-proto", Known::XForwardedProto),
            ("x-forwarded-host", Known::XForwardedHost),
            ("X-Forwarded-Client-Cert", Known::XForwardedClientCert),
            ("x-forwarded-port", Known::XForwarded),
            ("x-forwarded-", Known::Other),
            ("x-envoy-retry-on", Known::XEnvoy),
            ("x-envoy-", Known::Other),
            ("X-Request-ID", Known::XRequestId),
            ("x-request-idd", Known::Other),
        ];
        for (name, known) in cases {
            assert_eq!(Known::of(name.as_bytes()), known, "{name}");
        }
    }
}
