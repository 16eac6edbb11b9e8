//! `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2), as `Host`, absolute-form and
//! authority-form carry it. It checks; it neither compares nor resolves.

use core::net::Ipv6Addr;

use super::Fault;
use crate::bytes::is_host_byte;

/// Checks a host that may have a port, and returns the port.
///
/// # Errors
/// [`Fault::InvalidHost`]: no host, a byte that no host has (userinfo's `@` among them), or a port
/// that is not one to five digits up to 65535.
pub(super) fn check(text: &[u8]) -> Result<Option<u16>, Fault> {
    let host_len = match text {
        [b'[', rest @ ..] => literal_len(rest)? + 1,
        _ => text.iter().position(|&b| !is_host_byte(b)).unwrap_or(text.len()),
    };
    match &text[host_len..] {
        _ if host_len == 0 => Err(Fault::InvalidHost),
        [] => Ok(None),
        [b':', digits @ ..] => port(digits).map(Some),
        _ => Err(Fault::InvalidHost),
    }
}

/// The length of `IPv6address "]"`.
fn literal_len(text: &[u8]) -> Result<usize, Fault> {
    let end = text.iter().position(|&b| b == b']').ok_or(Fault::InvalidHost)?;
    let literal = str::from_utf8(&text[..end]).map_err(|_| Fault::InvalidHost)?;
    literal.parse::<Ipv6Addr>().map_err(|_| Fault::InvalidHost)?;
    Ok(end + 1)
}

fn port(digits: &[u8]) -> Result<u16, Fault> {
    if digits.is_empty() || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::InvalidHost);
    }
    let value = digits.iter().fold(0, |sum, &d| sum * 10 + u32::from(d - b'0'));
    u16::try_from(value).map_err(|_| Fault::InvalidHost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_port() {
        let good: [(&[u8], Option<u16>); 8] = [
            (b"a", None),
            (b"shop.example", None),
            (b"shop_1.example:80", Some(80)),
            (b"10.0.0.1:65535", Some(65535)),
            (b"[::1]", None),
            (b"[fe80::1]:8080", Some(8080)),
            (b"a:0", Some(0)),
            (b"trailing.dot.", None),
        ];
        for (text, port) in good {
            assert_eq!(check(text), Ok(port), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_host() {
        let bad: [&[u8]; 26] = [
            b"",
            b":80",
            b"a:",
            b"a:80:80",
            b"a:65536",
            b"a:000080",
            b"a:8o",
            b"a:-1",
            b"a:+1",
            b"a b",
            b"a,b",
            b"user@a",
            b"user:pw@a",
            b"a/b",
            b"a?b",
            b"a#b",
            b"a%2eb",
            b"a\\b",
            b"[::1",
            b"[::1]x",
            b"[]",
            b"[::1%25eth0]",
            b"[1.2.3.4]",
            b"a\x80",
            b"a\tb",
            b"http://a",
        ];
        for text in bad {
            assert_eq!(check(text), Err(Fault::InvalidHost), "{}", text.escape_ascii());
        }
    }
}
