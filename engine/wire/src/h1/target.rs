//! The four forms of a request target (RFC 9112 §3.2). It says which one it is and where its parts
//! stand; what a path means is `policy`'s.

use super::{Fault, authority};

/// Which form a target has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `/path?query`, or `*` of `OPTIONS`.
    Origin,
    /// `host:port` of `CONNECT`.
    Authority,
    /// `http://host/path?query`: where the host stands, and where it ends.
    Absolute { host_start: usize, host_end: usize },
}

/// Tells the form of a target that holds no control byte and no space.
pub(super) fn form(method: &[u8], target: &[u8]) -> Result<Form, Fault> {
    if !target.is_ascii() {
        return Err(Fault::NonAsciiTarget);
    }
    if memchr::memchr(b'#', target).is_some() {
        return Err(Fault::TargetFragment);
    }
    match (method, target) {
        (b"CONNECT", _) => match authority::check(target) {
            Ok(Some(_)) => Ok(Form::Authority),
            Ok(None) | Err(_) => Err(Fault::AuthorityForm),
        },
        (_, [b'/', ..]) | (b"OPTIONS", b"*") => Ok(Form::Origin),
        (_, b"*") => Err(Fault::AsteriskForm),
        _ => absolute(target),
    }
}

fn absolute(target: &[u8]) -> Result<Form, Fault> {
    let Some(scheme_len) = memchr::memmem::find(target, b"://") else {
        let is_authority = matches!(authority::check(target), Ok(Some(_)));
        return Err(if is_authority { Fault::AuthorityForm } else { Fault::InvalidTarget });
    };
    let scheme = &target[..scheme_len];
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        let is_scheme = scheme.iter().all(|&b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        return Err(if is_scheme { Fault::UnsupportedScheme } else { Fault::InvalidTarget });
    }
    let host_start = scheme_len + "://".len();
    let rest = &target[host_start..];
    let host_end = host_start + memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    authority::check(&target[host_start..host_end])?;
    Ok(Form::Absolute { host_start, host_end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let absolute = |host_start, host_end| Form::Absolute { host_start, host_end };
        assert_eq!(form(b"GET", b"/a?b=*://"), Ok(Form::Origin));
        assert_eq!(form(b"GET", b"//a"), Ok(Form::Origin));
        assert_eq!(form(b"OPTIONS", b"*"), Ok(Form::Origin));
        assert_eq!(form(b"CONNECT", b"a:443"), Ok(Form::Authority));
        assert_eq!(form(b"GET", b"http://a:1/b"), Ok(absolute(7, 10)));
        assert_eq!(form(b"GET", b"HTTPS://a?b"), Ok(absolute(8, 9)));
        assert_eq!(form(b"GET", b"http://a"), Ok(absolute(7, 8)));
    }

    #[test]
    fn each_wrong_form_has_its_fault() {
        let cases: [(&[u8], &[u8], Fault); 17] = [
            (b"GET", b"*", Fault::AsteriskForm),
            (b"options", b"*", Fault::AsteriskForm),
            (b"OPTIONS", b"**", Fault::InvalidTarget),
            (b"GET", b"a:80", Fault::AuthorityForm),
            (b"CONNECT", b"/", Fault::AuthorityForm),
            (b"CONNECT", b"a", Fault::AuthorityForm),
            (b"CONNECT", b"http://a/", Fault::AuthorityForm),
            (b"GET", b"index.html", Fault::InvalidTarget),
            (b"GET", b"\\a", Fault::InvalidTarget),
            (b"GET", b"a/://b", Fault::InvalidTarget),
            (b"GET", b"ftp://a/", Fault::UnsupportedScheme),
            (b"GET", b"http:/a", Fault::InvalidTarget),
            (b"GET", b"http:///a", Fault::InvalidHost),
            (b"GET", b"http://u@a/", Fault::InvalidHost),
            (b"GET", b"http://a\\b/", Fault::InvalidHost),
            (b"GET", b"/a#b", Fault::TargetFragment),
            (b"GET", b"/\xc3\xa9", Fault::NonAsciiTarget),
        ];
        for (method, target, fault) in cases {
            assert_eq!(form(method, target), Err(fault), "{}", target.escape_ascii());
        }
    }
}
