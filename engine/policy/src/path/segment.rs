//! Segments of a path: resolved as they are written, and judged by every reading of them.
//!
//! Called by [`super::normalise`] byte by byte, and by `rewrite` on a finished path.

use super::PathFault;

/// Writes a path into `out`, resolving each segment when it ends.
pub(super) struct Resolver<'o> {
    out: &'o mut Vec<u8>,
    /// Where the current segment begins; the byte before it is a `/`.
    segment: usize,
    merge_slashes: bool,
}

/// What ended a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    /// A slash, so another segment follows.
    Follows,
    /// The end of the path.
    None,
}

impl<'o> Resolver<'o> {
    /// `out` must be empty; it receives the root's `/`.
    pub(super) fn new(out: &'o mut Vec<u8>, merge_slashes: bool) -> Self {
        out.push(b'/');
        Self { segment: out.len(), out, merge_slashes }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Appends `byte` as an escape, in upper case.
    pub(super) fn escape(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
        self.out.extend_from_slice(&[b'%', high, low]);
    }

    /// Ends the current segment.
    pub(super) fn slash(&mut self, slash: Slash) -> Result<(), PathFault> {
        let follows = slash == Slash::Follows;
        match &self.out[self.segment..] {
            b"." => self.out.truncate(self.segment),
            b".." => self.drop_parent(),
            b"" if self.merge_slashes => {}
            segment => {
                if is_ambiguous(segment) || (follows && is_only_parameters(segment)) {
                    return Err(PathFault::Ambiguous);
                }
                if follows {
                    self.out.push(b'/');
                    self.segment = self.out.len();
                }
            }
        }
        Ok(())
    }

    /// Removes the `..` just written and the segment before it, if there is one.
    fn drop_parent(&mut self) {
        self.out.truncate(self.segment);
        let parent = &self.out[..self.segment - 1];
        if let Some(slash) = parent.iter().rposition(|&byte| byte == b'/') {
            self.segment = slash + 1;
            self.out.truncate(self.segment);
        }
    }
}

/// Refuses a path in which any reader may find a dot segment. For paths that a route's rewrite put
/// together: a prefix `/static` rewritten to `/files/` must not turn `/static../x` into a way up.
/// A query that the rewrite brought along is not looked at.
pub(crate) fn check_segments(target: &[u8]) -> Result<(), PathFault> {
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    match path.split(|&byte| byte == b'/' || byte == b'\\').any(is_ambiguous) {
        true => Err(PathFault::RewriteEscapes),
        false => Ok(()),
    }
}

/// Whether a reader that decodes escaped slashes or cuts parameters off finds a dot segment.
fn is_ambiguous(segment: &[u8]) -> bool {
    let mut rest = segment;
    loop {
        let end = find_escape(rest, is_slash).unwrap_or(rest.len());
        if is_dots(name(&rest[..end])) {
            return true;
        }
        match rest.get(end + 3..) {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

/// `;x`: parameters without a name. Readers that cut them off are left with an empty segment.
fn is_only_parameters(segment: &[u8]) -> bool {
    !segment.is_empty() && name(segment).is_empty()
}

/// A segment without its parameters, by the reading that lets an escaped `;` begin them too.
fn name(segment: &[u8]) -> &[u8] {
    let raw = segment.iter().position(|&byte| byte == b';').unwrap_or(segment.len());
    let end = find_escape(&segment[..raw], |digits| digits == b"3B").unwrap_or(raw);
    &segment[..end]
}

/// Where the first escape stands whose digits, in upper case, `wanted` accepts.
fn find_escape(text: &[u8], wanted: fn(&[u8]) -> bool) -> Option<usize> {
    text.windows(3).position(|window| {
        window[0] == b'%'
            && wanted(&[window[1].to_ascii_uppercase(), window[2].to_ascii_uppercase()])
    })
}

fn is_slash(digits: &[u8]) -> bool {
    digits == b"2F" || digits == b"5C"
}

/// `.` or `..`, each dot raw or escaped.
fn is_dots(name: &[u8]) -> bool {
    let mut rest = name;
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', after @ ..] | [b'%', b'2', b'e' | b'E', after @ ..] => after,
            _ => return false,
        };
        dots += 1;
    }
    dots == 1 || dots == 2
}
