//! The path that the upstream sees, where the route asks for another than the client's.
//!
//! Not the query, which stays, nor the host. `engine` calls [`path`] before it writes the request's
//! head; `redirect` calls it for `Location`.

use config::pattern::{PathMatch, PathRewrite};

use crate::path::{PathFault, check_segments};

/// Appends `path`, rewritten, to `out`.
///
/// `path` is [`crate::path::Normalised::path`]; `matched` is the pattern that chose the route. As
/// in Envoy's `prefix_rewrite`, what a prefix matched is replaced byte for byte: rewriting `/a` to
/// `/` turns `/a/b` into `//b`, so prefixes should end in `/` on both sides or on none. A segment
/// pattern knows where its segments end, and gives `/b`. The path parameters of what matched go
/// with it, but for those at the path's very end (`;jsessionid=`). The result begins with `/`.
///
/// The result is never a way up: when pattern, rewrite and path together make a dot segment, as
/// the prefix `/static` rewritten to `/files/` does of `/static../x`, the request is refused.
///
/// Allocates only if `out` is too small, or for a regex whose substitution names groups.
pub fn path(
    rewrite: &PathRewrite,
    matched: &PathMatch,
    path: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), PathFault> {
    if path == b"*" {
        out.push(b'*');
        return Ok(());
    }
    let start = out.len();
    match rewrite {
        PathRewrite::Full(full) => absolute(out, full.as_bytes()),
        PathRewrite::Prefix(prefix) => replace_prefix(prefix.as_bytes(), matched, path, out),
        PathRewrite::Regex { pattern, substitution } => {
            replace_all(&pattern.0, substitution.as_bytes(), path, out);
            if out.get(start) != Some(&b'/') {
                out.insert(start, b'/');
            }
        }
    }
    check_segments(&out[start..])
}

/// Appends `text`, after a `/` if it does not begin with one.
fn absolute(out: &mut Vec<u8>, text: &[u8]) {
    if text.first() != Some(&b'/') {
        out.push(b'/');
    }
    out.extend_from_slice(text);
}

fn replace_prefix(prefix: &[u8], matched: &PathMatch, path: &[u8], out: &mut Vec<u8>) {
    let (pattern, whole_segments) = match matched {
        PathMatch::Exact(pattern) | PathMatch::Prefix(pattern) => (pattern, false),
        PathMatch::Segment(pattern) => (pattern, true),
        // `check` refuses this pair; the path stays as it is.
        PathMatch::Regex(_) => return out.extend_from_slice(path),
    };
    let rest = &path[matched_len(path, pattern.len())..];
    let prefix = match rest.first() {
        Some(b'/') if whole_segments => prefix.strip_suffix(b"/").unwrap_or(prefix),
        _ => prefix,
    };
    match prefix.is_empty() && rest.first() == Some(&b'/') {
        true => out.extend_from_slice(rest),
        false => {
            absolute(out, prefix);
            out.extend_from_slice(rest);
        }
    }
}

/// How many bytes of `path` hold the `bare_len` bytes that matched, which are without parameters.
fn matched_len(path: &[u8], bare_len: usize) -> usize {
    let mut inside = false;
    let mut bare = 0;
    for (at, &byte) in path.iter().enumerate() {
        if bare == bare_len {
            let slash = path[at..].iter().position(|&byte| byte == b'/');
            return if byte == b';' { at + slash.unwrap_or(0) } else { at };
        }
        inside = byte != b'/' && (inside || byte == b';');
        bare += usize::from(!inside);
    }
    path.len()
}

fn replace_all(pattern: &regex::bytes::Regex, with: &[u8], path: &[u8], out: &mut Vec<u8>) {
    let mut copied = 0;
    if with.contains(&b'$') {
        for groups in pattern.captures_iter(path) {
            let all = groups.get(0).expect("group 0 is the match itself");
            out.extend_from_slice(&path[copied..all.start()]);
            groups.expand(with, out);
            copied = all.end();
        }
    } else {
        for found in pattern.find_iter(path) {
            out.extend_from_slice(&path[copied..found.start()]);
            out.extend_from_slice(with);
            copied = found.end();
        }
    }
    out.extend_from_slice(&path[copied..]);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use config::pattern::Pattern;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{exact, prefix, segment};
    use crate::path::{PathOptions, normalise};

    fn rewritten(
        rewrite: &PathRewrite,
        matched: &PathMatch,
        from: &str,
    ) -> Result<String, PathFault> {
        let mut out = b"before ".to_vec();
        path(rewrite, matched, from.as_bytes(), &mut out)?;
        let text = String::from_utf8(out).unwrap();
        Ok(text.strip_prefix("before ").expect("what was there stays").to_owned())
    }

    fn by_prefix(to: &str) -> PathRewrite {
        PathRewrite::Prefix(Arc::from(to))
    }

    fn by_regex(pattern: &str, substitution: &str) -> PathRewrite {
        let pattern = Pattern(regex::bytes::Regex::new(pattern).unwrap());
        PathRewrite::Regex { pattern, substitution: Arc::from(substitution) }
    }

    /// Rows of: rewrite, path, result.
    #[track_caller]
    fn check(matched: &PathMatch, cases: &[(&str, &str, &str)]) {
        for (to, from, result) in cases {
            let got = rewritten(&by_prefix(to), matched, from);
            assert_eq!(got.as_deref(), Ok(*result), "{from} with {matched:?} to {to:?}");
        }
    }

    #[test]
    fn a_prefix_is_replaced_byte_for_byte() {
        check(
            &prefix("/old"),
            &[
                ("/new", "/old", "/new"),
                ("/new", "/old/x", "/new/x"),
                ("/new", "/older", "/newer"),
                ("/new/", "/old/x", "/new//x"),
                ("/", "/old", "/"),
                // Envoy's documented pitfall.
                ("/", "/old/x", "//x"),
                ("", "/old/x", "/x"),
                ("", "/old", "/"),
                ("", "/older", "/er"),
                ("new", "/old/x", "/new/x"),
            ],
        );
        check(
            &prefix("/old/"),
            &[("/", "/old/x", "/x"), ("/new/", "/old/x", "/new/x"), ("/new", "/old/x", "/newx")],
        );
        check(&prefix("/"), &[("/v1/", "/x", "/v1/x"), ("/v1", "/x", "/v1x")]);
    }

    #[test]
    fn a_segment_is_replaced_as_whole_segments() {
        check(
            &segment("/old"),
            &[
                ("/new", "/old", "/new"),
                ("/new", "/old/", "/new/"),
                ("/new", "/old/x", "/new/x"),
                ("/new/", "/old/x", "/new/x"),
                ("/new/", "/old", "/new/"),
                ("/", "/old", "/"),
                ("/", "/old/", "/"),
                ("/", "/old/x", "/x"),
                ("", "/old", "/"),
                ("", "/old/x", "/x"),
            ],
        );
        check(&segment("/"), &[("/v1", "/x", "/v1/x"), ("/v1/", "/", "/v1/"), ("/", "/x", "/x")]);
    }

    #[test]
    fn an_exact_path_is_replaced_as_its_own_prefix() {
        check(&exact("/old"), &[("/new", "/old", "/new"), ("/", "/old", "/")]);
    }

    #[test]
    fn parameters_go_with_what_matched_unless_they_end_the_path() {
        check(
            &segment("/a/b"),
            &[
                ("/new", "/a;x=1/b", "/new"),
                ("/new", "/a;x=1/b/c", "/new/c"),
                ("/new", "/a/b;y=2/c", "/new/c"),
                ("/", "/a/b;y=2/c", "/c"),
                ("/new", "/a/b;y=2", "/new;y=2"),
                ("/new", "/a/b/c;z", "/new/c;z"),
            ],
        );
    }

    #[test]
    fn a_full_rewrite_forgets_the_path() {
        for from in ["/a", "/a/b;c", "/"] {
            let full = PathRewrite::Full(Arc::from("/all"));
            assert_eq!(rewritten(&full, &prefix("/"), from).as_deref(), Ok("/all"));
        }
    }

    #[test]
    fn every_match_of_a_regex_is_replaced() {
        let any = prefix("/");
        let cases = [
            // Envoy's own examples of `regex_rewrite`.
            (
                r"^/service/([^/]+)(/.*)$",
                "${2}/instance/${1}",
                "/service/foo/v1/api",
                "/v1/api/instance/foo",
            ),
            ("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"),
            ("^(.*?)one(.*)$", "${1}two${2}", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/one/zzz"),
            ("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"),
            ("none", "x", "/a/b", "/a/b"),
            ("^/a", "", "/a/b", "/b"),
            ("^/a/", "", "/a/b", "/b"),
            ("/.*", "", "/a", "/"),
        ];
        for (pattern, with, from, result) in cases {
            let got = rewritten(&by_regex(pattern, with), &any, from);
            assert_eq!(got.as_deref(), Ok(result), "{pattern}");
        }
    }

    #[test]
    fn the_asterisk_of_options_is_never_rewritten() {
        for rewrite in [by_prefix("/x"), PathRewrite::Full(Arc::from("/x")), by_regex(".", "x")] {
            assert_eq!(rewritten(&rewrite, &prefix("/"), "*").as_deref(), Ok("*"));
        }
    }

    #[test]
    fn no_rewrite_makes_a_way_up() {
        // nginx's alias traversal: `location /static { alias /files/; }` and `/static../secret`.
        let cases = [
            (by_prefix("/files/"), prefix("/static"), "/static../secret"),
            (by_prefix("/files/"), prefix("/static"), "/static.."),
            (by_prefix("/files/"), prefix("/static"), "/static./x"),
            (by_prefix("/files/"), prefix("/static"), "/static..;x/secret"),
            (by_prefix("/files/"), prefix("/static"), "/static..%2Fsecret"),
            (by_prefix("/files/."), prefix("/static"), "/static./secret"),
            (by_regex("x", ""), prefix("/"), "/a/.x./b"),
            (by_regex("x", "/"), prefix("/"), "/ax..xb"),
            (by_regex("x", "%2e"), prefix("/"), "/a/xx/b"),
            (by_regex("x", "\\"), prefix("/"), "/ax..xb"),
        ];
        for (rewrite, matched, from) in cases {
            let got = rewritten(&rewrite, &matched, from);
            assert_eq!(got, Err(PathFault::RewriteEscapes), "{from} by {rewrite:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

        #[test]
        fn what_is_forwarded_is_absolute_and_normal(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["/", "a", "static", ".", "..", ";x", "%2f", "%2e", "x"]),
                0..10,
            ),
            to in prop::sample::select(vec!["", "/", "/files", "/files/", "/f."]),
            whole_segments: bool,
        ) {
            let matched = if whole_segments { segment("/static") } else { prefix("/static") };
            let target = format!("/static{}", pieces.concat());
            let options = PathOptions { merge_slashes: true, ..PathOptions::default() };
            let (mut normal, mut out, mut again) = (Vec::new(), Vec::new(), Vec::new());
            let Ok(parts) = normalise(target.as_bytes(), options, &mut normal) else {
                return Ok(());
            };
            let routed = parts.routing_path(&normal);
            let rest = routed.strip_prefix(b"/static");
            let stop = |rest: &[u8]| rest.is_empty() || rest[0] == b'/';
            if rest.is_none_or(|rest| whole_segments && !stop(rest)) {
                return Ok(());
            }
            if path(&by_prefix(to), &matched, parts.path(&normal), &mut out).is_ok() {
                prop_assert_eq!(out.first(), Some(&b'/'));
                // It may make `//`, as Envoy's does; nothing else is left to normalise.
                let parts = normalise(&out, PathOptions::default(), &mut again);
                prop_assert_eq!(parts.map(|parts| parts.target(&again)), Ok(&*out));
            }
        }
    }
}
