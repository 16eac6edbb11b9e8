//! Hosts: patterns that routes match, and the hosts that redirects and rewrites name.

use std::net::Ipv6Addr;
use std::sync::Arc;

use super::quote;
use crate::document::Wrong;

/// A pattern, lower case: `shop.example`, `shop.example:8080`, `*.example`, `shop.*`, `*`.
pub(crate) fn host(text: &str) -> Result<Box<str>, Wrong> {
    let lower = text.to_ascii_lowercase();
    let wrong = || Wrong::new(format!("{} is not a host pattern", quote(text)));
    if lower == "*" {
        return Ok(lower.into());
    }
    let (literal, wild) = match (lower.strip_prefix("*."), lower.strip_suffix(".*")) {
        (Some(_), Some(_)) => {
            return Err(wrong().help("`*` stands at one end: \"*.example\" or \"shop.*\""));
        }
        (Some(rest), None) | (None, Some(rest)) => (rest, true),
        (None, None) => (lower.as_str(), false),
    };
    if literal.contains('*') {
        return Err(wrong().help("`*` stands for whole labels at one end: \"*.example\""));
    }
    let (name, port) = split_port(literal);
    if wild && port.is_some() {
        return Err(wrong().help("a port goes with an exact host only; patterns ignore it"));
    }
    check_name(name, port, text)?;
    Ok(lower.into())
}

/// A host that a redirect or a rewrite names, with a port if one is wanted.
pub(crate) fn target_host(text: &str) -> Result<Arc<str>, Wrong> {
    let (name, port) = split_port(text);
    check_name(name, port, text)?;
    Ok(text.into())
}

/// Name and port; the colons of `[::1]` are not a port's.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (text, None),
    }
}

/// `reg-name` without percent-encoding, IPv4 or bracketed IPv6 (RFC 3986 §3.2.2), and a port.
fn check_name(name: &str, port: Option<&str>, text: &str) -> Result<(), Wrong> {
    let wrong = Wrong::new(format!("{} is not a host", quote(text)));
    if text.contains("://") || text.contains('/') {
        return Err(wrong.help("only the host, without scheme and path"));
    }
    if port.is_some_and(|port| port.starts_with('+') || port.parse::<u16>().is_err()) {
        return Err(wrong.help("a port is a number from 0 to 65535"));
    }
    if let Some(inner) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return match inner.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(wrong.help("in brackets stands an IPv6 address: \"[::1]\"")),
        };
    }
    if name.starts_with('.') {
        return Err(wrong.help(format!("for all hosts below it write \"*{name}\"")));
    }
    if !text.is_ascii() {
        return Err(wrong.help("write the name in its ASCII form, \"xn--…\""));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!$&'()+,;=".contains(&byte);
    match !name.is_empty() && name.len() <= 255 && name.bytes().all(fits) {
        true => Ok(()),
        false => Err(wrong.help("write \"shop.example\", \"shop.example:8080\" or \"[::1]:80\"")),
    }
}
