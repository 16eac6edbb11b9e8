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
/// pattern knows where its segments end, and gives `/b`. Path parameters inside of what matched are
/// dropped, those behind it stay. The result always begins with `/`.
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
            return at;
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
