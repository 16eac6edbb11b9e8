//! Which fields a request loses because of who sent it.
//!
//! Not the hop-by-hop fields: `wire` marks those while it parses. Asked by `engine` for each field
//! of a request whose listener does not trust its peer.

/// Prefixes, in lower case, of names that only a proxy of ours may set.
/// `x-forwarded-client-cert` is covered by `x-forwarded-`.
const OURS: [&[u8]; 3] = [b"x-forwarded-", b"x-envoy-", b"x-outrigger-"];

/// Whether an untrusted peer's field of this name (in any letter case) is dropped: proxies and
/// applications believe it, so the peer must not write it.
///
/// `_` counts as `-`: CGI, WSGI and PHP give both the same variable, so `X_Forwarded_For` would
/// speak for `X-Forwarded-For`.
pub fn is_dropped_from_untrusted(name: &[u8]) -> bool {
    // Most names end here.
    if !matches!(name, [b'x' | b'X', b'-' | b'_', ..]) {
        return false;
    }
    OURS.iter().any(|prefix| begins(name, prefix))
        || (name.len() == b"x-request-id".len() && begins(name, b"x-request-id"))
}

fn begins(name: &[u8], prefix: &[u8]) -> bool {
    let fold = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.len() >= prefix.len() && name.iter().map(fold).zip(prefix).all(|(a, b)| a == *b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_speak_for_a_proxy_are_dropped() {
        for name in [
            "x-forwarded-for",
            "X-Forwarded-Proto",
            "X-FORWARDED-HOST",
            "x-forwarded-client-cert",
            "x-forwarded-",
            "X_Forwarded_For",
            "x-envoy-internal",
            "X-Envoy-Attempt-Count",
            "x-outrigger-reason",
            "x-request-id",
            "X_REQUEST-ID",
        ] {
            assert!(is_dropped_from_untrusted(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn other_names_stay() {
        for name in [
            "",
            "x",
            "x-",
            "host",
            "forwarded",
            "x-forwarded",
            "x-real-ip",
            "x-request-id-2",
            "x-request-i",
            "xx-envoy-internal",
            "y-envoy-internal",
            "x-envoyinternal",
        ] {
            assert!(!is_dropped_from_untrusted(name.as_bytes()), "{name}");
        }
    }
}
