//! The `Location` of a redirect (Envoy's `RedirectAction`).

use config::pattern::PathMatch;
use config::snapshot::Redirect;

use crate::path::PathFault;
use crate::rewrite;
use crate::template::push_visible;

/// The scheme that the client used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plaintext.
    Http,
    /// TLS.
    Https,
}

/// What a redirect keeps of the request where the route does not say otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// As the client connected.
    pub scheme: Scheme,
    /// The request's authority with its port; empty if there was none.
    pub host: &'a [u8],
    /// [`crate::path::Normalised::path`].
    pub path: &'a [u8],
    /// Without the `?`.
    pub query: Option<&'a [u8]>,
}

/// Appends the `Location` to `out`.
///
/// As in Envoy: an absolute URL; `:80` is dropped when the scheme changes from `http`, `:443` when
/// it changes from `https`; a `?` in the new path overrides the request's query. A request without
/// a host gets a reference that is relative to the host, unless the route names one.
pub fn location(
    redirect: &Redirect,
    matched: &PathMatch,
    origin: &Origin<'_>,
    out: &mut Vec<u8>,
) -> Result<(), PathFault> {
    let host = match &redirect.host {
        Some(host) => host.as_bytes(),
        None => host_for(redirect, origin),
    };
    if !host.is_empty() {
        let scheme = redirect.scheme.as_deref().unwrap_or(origin.scheme.as_str());
        out.extend_from_slice(scheme.as_bytes());
        out.extend_from_slice(b"://");
        push_visible(out, host);
    }
    let start = out.len();
    match &redirect.path {
        Some(path) => rewrite::path(path, matched, origin.path, out)?,
        None => push_visible(out, origin.path),
    }
    if host.is_empty() {
        // `//evil.example` alone would be read as a host (RFC 3986 §4.2).
        let slashes = out[start..].iter().take_while(|&&byte| byte == b'/').count();
        out.drain(start..start + slashes.saturating_sub(1));
    }
    if let Some(query) = origin.query
        && !redirect.strip_query
        && !out[start..].contains(&b'?')
    {
        out.push(b'?');
        push_visible(out, query);
    }
    Ok(())
}

/// The request's host, less a port that belonged to the scheme it leaves.
fn host_for<'a>(redirect: &Redirect, origin: &Origin<'a>) -> &'a [u8] {
    let leaves = redirect.scheme.as_deref().is_some_and(|to| to != origin.scheme.as_str());
    let port: &[u8] = match origin.scheme {
        Scheme::Http => b":80",
        Scheme::Https => b":443",
    };
    match origin.host.strip_suffix(port) {
        Some(host) if leaves => host,
        _ => origin.host,
    }
}

impl Scheme {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}
