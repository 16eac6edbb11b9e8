//! The routes that may serve a host. Letter case, a port that no pattern names and one trailing
//! dot (`shop.example.` is `shop.example`) do not matter; nothing is allocated to ignore them.

use std::collections::HashMap;

use config::snapshot::{HostIndex, RouteIx};

/// The longest host, in bytes, that an exact pattern can match: a DNS name (RFC 1035 §2.3.4), its
/// trailing dot, and a port.
const HOST_BYTES_MAX: usize = 254 + 6;

/// The routes of the most specific pattern: exact, the longest `*.suffix`, the longest `prefix.*`,
/// `*`. A `*` stands for at least one byte, as in Envoy.
pub(super) fn candidates<'t>(hosts: &'t HostIndex, host: &[u8]) -> &'t [RouteIx] {
    let bare = without_dot(without_port(host));
    exact(&hosts.exact, host, bare)
        .or_else(|| longest(&hosts.suffixes, |suffix| ends(host, suffix) || ends(bare, suffix)))
        .or_else(|| longest(&hosts.prefixes, |prefix| begins(bare, prefix)))
        .unwrap_or(&hosts.any)
}

/// A pattern with a port is more specific than one without.
fn exact<'t>(
    exact: &'t HashMap<Box<str>, Vec<RouteIx>>,
    host: &[u8],
    bare: &[u8],
) -> Option<&'t [RouteIx]> {
    if exact.is_empty() {
        return None;
    }
    let mut buffer = [0; HOST_BYTES_MAX];
    let lower = buffer.get_mut(..host.len())?;
    lower.copy_from_slice(host);
    lower.make_ascii_lowercase();
    let lower = std::str::from_utf8(lower).ok()?;
    let routes = exact.get(lower).or_else(|| exact.get(lower.get(..bare.len())?))?;
    Some(routes)
}

fn longest(
    longest_first: &[(Box<str>, Vec<RouteIx>)],
    holds: impl Fn(&[u8]) -> bool,
) -> Option<&[RouteIx]> {
    let found = longest_first.iter().find(|(pattern, _)| holds(pattern.as_bytes()));
    found.map(|(_, routes)| routes.as_slice())
}

fn ends(host: &[u8], suffix: &[u8]) -> bool {
    host.len() > suffix.len() && host[host.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
}

fn begins(host: &[u8], prefix: &[u8]) -> bool {
    host.len() > prefix.len() && host[..prefix.len()].eq_ignore_ascii_case(prefix)
}

/// `host` less `:port`; the colons inside an IPv6 literal's brackets are none of it.
pub(crate) fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|&byte| !byte.is_ascii_digit()) {
        Some(colon) if host[colon] == b':' => &host[..colon],
        _ => host,
    }
}

fn without_dot(host: &[u8]) -> &[u8] {
    host.strip_suffix(b".").unwrap_or(host)
}
