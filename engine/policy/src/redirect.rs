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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use config::pattern::PathRewrite;

    use super::*;
    use crate::fixture::{prefix, segment};

    const KEEP: Redirect =
        Redirect { status: 301, scheme: None, host: None, path: None, strip_query: false };
    const REQUEST: Origin<'static> =
        Origin { scheme: Scheme::Http, host: b"a.example:81", path: b"/x/y", query: Some(b"q=1") };

    fn at(redirect: &Redirect, matched: &PathMatch, origin: &Origin<'_>) -> String {
        let mut out = Vec::new();
        location(redirect, matched, origin, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn to(redirect: &Redirect, origin: &Origin<'_>) -> String {
        at(redirect, &prefix("/"), origin)
    }

    fn scheme(scheme: &str) -> Redirect {
        Redirect { scheme: Some(Arc::from(scheme)), ..KEEP }
    }

    fn path(path: PathRewrite) -> Redirect {
        Redirect { path: Some(path), ..KEEP }
    }

    #[test]
    fn what_the_route_does_not_name_stays() {
        assert_eq!(to(&KEEP, &REQUEST), "http://a.example:81/x/y?q=1");
        assert_eq!(to(&scheme("https"), &REQUEST), "https://a.example:81/x/y?q=1");
        let host = Redirect { host: Some(Arc::from("b.example:8443")), ..scheme("https") };
        assert_eq!(to(&host, &REQUEST), "https://b.example:8443/x/y?q=1");
    }

    #[test]
    fn the_old_schemes_default_port_goes_with_the_scheme() {
        let plain = Origin { host: b"a:80", ..REQUEST };
        assert_eq!(to(&scheme("https"), &plain), "https://a/x/y?q=1");
        assert_eq!(to(&scheme("http"), &plain), "http://a:80/x/y?q=1");
        assert_eq!(to(&KEEP, &plain), "http://a:80/x/y?q=1");
        let tls = Origin { scheme: Scheme::Https, host: b"[::1]:443", ..REQUEST };
        assert_eq!(to(&scheme("http"), &tls), "http://[::1]/x/y?q=1");
        assert_eq!(to(&scheme("https"), &tls), "https://[::1]:443/x/y?q=1");
        let other = Origin { host: b"a:8080", ..REQUEST };
        assert_eq!(to(&scheme("https"), &other), "https://a:8080/x/y?q=1");
    }

    #[test]
    fn the_path_follows_the_rules_of_rewrites() {
        let full = path(PathRewrite::Full(Arc::from("/new")));
        assert_eq!(to(&full, &REQUEST), "http://a.example:81/new?q=1");
        let start = path(PathRewrite::Prefix(Arc::from("/z")));
        assert_eq!(at(&start, &segment("/x"), &REQUEST), "http://a.example:81/z/y?q=1");
        let mut out = Vec::new();
        let up = Origin { path: b"/x../y", ..REQUEST };
        let start = path(PathRewrite::Prefix(Arc::from("/z/")));
        let refused = location(&start, &prefix("/x"), &up, &mut out);
        assert_eq!(refused, Err(PathFault::RewriteEscapes));
    }

    #[test]
    fn a_query_in_the_new_path_overrides_the_requests() {
        let full = path(PathRewrite::Full(Arc::from("/new?r=2")));
        assert_eq!(to(&full, &REQUEST), "http://a.example:81/new?r=2");
        let strip = Redirect { strip_query: true, ..full };
        assert_eq!(to(&strip, &REQUEST), "http://a.example:81/new?r=2");
    }

    #[test]
    fn the_query_is_dropped_where_the_route_says_so() {
        let strip = Redirect { strip_query: true, ..KEEP };
        assert_eq!(to(&strip, &REQUEST), "http://a.example:81/x/y");
        assert_eq!(to(&KEEP, &Origin { query: None, ..REQUEST }), "http://a.example:81/x/y");
        assert_eq!(to(&KEEP, &Origin { query: Some(b""), ..REQUEST }), "http://a.example:81/x/y?");
    }

    #[test]
    fn without_a_host_the_reference_stays_on_this_one() {
        let nowhere = Origin { host: b"", ..REQUEST };
        assert_eq!(to(&KEEP, &nowhere), "/x/y?q=1");
        assert_eq!(to(&scheme("https"), &nowhere), "/x/y?q=1");
        assert_eq!(
            to(&KEEP, &Origin { path: b"//evil.example/", ..nowhere }),
            "/evil.example/?q=1"
        );
    }

    #[test]
    fn a_location_is_one_line() {
        let evil = Origin { host: b"a\r\nx: y", path: b"/\r\n", query: Some(b"\0"), ..REQUEST };
        assert_eq!(to(&KEEP, &evil), "http://a__x: y/__?_");
    }
}
