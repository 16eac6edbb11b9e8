//! One normalised path: what is forwarded is what was routed and authorised, byte for byte.
//!
//! Not a URL parser: `wire` has cut the request line and taken the authority away. `engine` calls
//! [`normalise`] once per request, routes on [`Normalised::routing_path`] and forwards
//! [`Normalised::target`]. The rules, in the order in which they apply:
//!
//! 1. The path must begin with `/`; an empty one means `/` (RFC 9112 §3.2.1), a lone `*` stays.
//! 2. Control bytes, space, DEL and a raw `#` are refused, in the query too. The query is
//!    otherwise untouched.
//! 3. Every `%` must begin a valid escape; `%00` is refused. Escaped unreserved characters
//!    (letters, digits, `-._~`) are decoded, and the hex digits of all other escapes become upper
//!    case (RFC 3986 §6.2.2.1, §6.2.2.2). Escapes are decoded once: `%252e` is the text `%2e`.
//!    Bytes from 0x80 on, escaped or not, are not interpreted: no UTF-8 is decoded.
//! 4. A raw `\` is a `/`, as in Envoy and in browsers. `%2F` and `%5C` follow [`EscapedSlashes`].
//! 5. `//` is one `/` where `merge_slashes` asks for it, before dot segments are resolved.
//! 6. `.` and `..` are resolved, and never leave the root (RFC 3986 §5.2.4).
//! 7. Path parameters (`;` to the next `/`) are the application's: forwarded, never matched. A
//!    route for `/admin` therefore sees `/admin;x=1`, which is `/admin` to most applications.
//! 8. What only *some* readers take for a dot segment is refused, as no honest client sends it: a
//!    segment that would be one once its parameters are cut off (`..;x`, `..%3Bx`) or its escaped
//!    slashes decoded (`..%2Fx`), and parameters of nothing (`/;x/`, but for the last segment).
//!
//! Envoy (`normalize_path`, `merge_slashes`, `path_with_escaped_slashes_action`) differs in three
//! points: it keeps the case of escapes (rule 3), merges slashes after resolving dots (rule 5), and
//! lets rule 8's paths pass.

mod fault;
mod segment;
#[cfg(test)]
mod tests;

use config::snapshot::EscapedSlashes;

pub use fault::PathFault;
pub(crate) use segment::check_segments;
use segment::{Resolver, Slash};

/// The two rules that a listener may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathOptions {
    /// Rule 5.
    pub merge_slashes: bool,
    /// Rule 4.
    pub escaped_slashes: EscapedSlashes,
}

/// Where the parts of a normalised target stand in the buffer that [`normalise`] filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalised {
    /// The path's length in bytes. If the target is longer, a `?` and the query follow.
    pub path_len: usize,
    /// The length in bytes of path, `?` and query.
    pub target_len: usize,
    /// Where the path without parameters begins and ends, if it is another than the path.
    bare: Option<(usize, usize)>,
}

impl Normalised {
    /// The path to forward.
    pub fn path<'o>(&self, out: &'o [u8]) -> &'o [u8] {
        &out[..self.path_len]
    }

    /// Path and query: the target to forward.
    pub fn target<'o>(&self, out: &'o [u8]) -> &'o [u8] {
        &out[..self.target_len]
    }

    /// What follows the `?`, if there is one.
    pub fn query<'o>(&self, out: &'o [u8]) -> Option<&'o [u8]> {
        (self.target_len > self.path_len).then(|| &out[self.path_len + 1..self.target_len])
    }

    /// The path that routes and policies match: [`Normalised::path`] without path parameters.
    pub fn routing_path<'o>(&self, out: &'o [u8]) -> &'o [u8] {
        self.bare.map_or(self.path(out), |(start, end)| &out[start..end])
    }
}

/// Normalises the request target `target` (origin-form, or `*`) into `out`, which is cleared first.
///
/// Allocates only if `out` is too small. A fault is the client's: 400.
pub fn normalise(
    target: &[u8],
    options: PathOptions,
    out: &mut Vec<u8>,
) -> Result<Normalised, PathFault> {
    out.clear();
    let (path_in, normal) = survey(target, options.merge_slashes)?;
    let (path, query) = target.split_at(path_in);
    if query.iter().any(|&byte| CLASS[usize::from(byte)] == Class::Forbidden) {
        return Err(forbidden(query));
    }
    if normal || target == b"*" {
        out.extend_from_slice(target);
        return Ok(Normalised { path_len: path_in, target_len: target.len(), bare: None });
    }
    rewrite(path, options, out)?;
    let path_len = out.len();
    out.extend_from_slice(query);
    let target_len = out.len();
    let bare = out[..path_len].contains(&b';').then(|| append_bare(path_len, out));
    Ok(Normalised { path_len, target_len, bare })
}

/// The path's length, and whether it surely is normal already, as most are.
fn survey(target: &[u8], merge_slashes: bool) -> Result<(usize, bool), PathFault> {
    let mut normal = target.first() == Some(&b'/');
    let mut after_slash = false;
    for (at, &byte) in target.iter().enumerate() {
        match CLASS[usize::from(byte)] {
            Class::Plain => after_slash = false,
            Class::Dot => normal &= !after_slash,
            Class::Slash => {
                normal &= !(after_slash && merge_slashes);
                after_slash = true;
            }
            Class::Query => return Ok((at, normal)),
            Class::Rewritten => normal = false,
            Class::Forbidden => return Err(forbidden(target)),
        }
    }
    Ok((target.len(), normal))
}

/// What a byte means to [`survey`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Dot,
    Slash,
    Query,
    Rewritten,
    Forbidden,
}

static CLASS: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'.' => Class::Dot,
            b'/' => Class::Slash,
            b'?' => Class::Query,
            b'%' | b'\\' | b';' => Class::Rewritten,
            other if is_forbidden(other) => Class::Forbidden,
            _ => Class::Plain,
        };
        byte += 1;
    }
    classes
};

/// Rules 1 and 3 to 8, for a path that [`survey`] did not find normal.
fn rewrite(path: &[u8], options: PathOptions, out: &mut Vec<u8>) -> Result<(), PathFault> {
    let mut rest = match path {
        [] => b"",
        [b'/', rest @ ..] => rest,
        _ => return Err(PathFault::NotAbsolute),
    };
    let mut resolver = Resolver::new(out, options.merge_slashes);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'/' | b'\\' => resolver.slash(Slash::Follows)?,
            b'%' => {
                let (decoded, after) = unescape(rest)?;
                rest = after;
                match decoded {
                    b'/' | b'\\' => match options.escaped_slashes {
                        EscapedSlashes::Keep => resolver.escape(decoded),
                        EscapedSlashes::Reject => return Err(PathFault::EscapedSlash),
                        EscapedSlashes::Unescape => resolver.slash(Slash::Follows)?,
                    },
                    0 => return Err(PathFault::Nul),
                    _ if is_unreserved(decoded) => resolver.byte(decoded),
                    _ => resolver.escape(decoded),
                }
            }
            _ => resolver.byte(byte),
        }
    }
    resolver.slash(Slash::None)
}

/// The byte that the two hex digits at the start of `rest` stand for, and what follows them.
fn unescape(rest: &[u8]) -> Result<(u8, &[u8]), PathFault> {
    let [high, low, after @ ..] = rest else { return Err(PathFault::BadEscape) };
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(PathFault::BadEscape);
    let value = digit(*high)? * 16 + digit(*low)?;
    Ok((u8::try_from(value).expect("two hex digits are at most 255"), after))
}

/// Appends the first `path_len` bytes of `out` without their parameters; returns where they are.
fn append_bare(path_len: usize, out: &mut Vec<u8>) -> (usize, usize) {
    let start = out.len();
    let mut inside = false;
    for at in 0..path_len {
        let byte = out[at];
        inside = byte != b'/' && (inside || byte == b';');
        if !inside {
            out.push(byte);
        }
    }
    (start, out.len())
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

const fn is_forbidden(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || byte == b'#'
}

/// The fault of the first forbidden byte in `text`.
fn forbidden(text: &[u8]) -> PathFault {
    match text.iter().find(|&&byte| is_forbidden(byte)) {
        Some(b'#') => PathFault::Fragment,
        _ => PathFault::Control,
    }
}
