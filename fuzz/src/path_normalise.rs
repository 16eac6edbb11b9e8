//! Request paths: the normal form is its own normal form, and leads nowhere up.
//!
//! The first byte sets the listener's options; the rest is the request target.

use config::snapshot::EscapedSlashes;
use policy::path::{PathOptions, normalise};

/// Normalises `data`, and the result.
pub fn run(data: &[u8]) {
    let Some((&choice, target)) = data.split_first() else { return };
    let escaped_slashes = match choice % 3 {
        0 => EscapedSlashes::Keep,
        1 => EscapedSlashes::Reject,
        _ => EscapedSlashes::Unescape,
    };
    let options = PathOptions { merge_slashes: choice & 0x80 != 0, escaped_slashes };
    let mut out = Vec::new();
    let Ok(normal) = normalise(target, options, &mut out) else { return };
    let path = normal.path(&out);
    assert!(path.first() == Some(&b'/') || path == b"*", "{}", path.escape_ascii());
    for path in [path, normal.routing_path(&out)] {
        for segment in path.split(|&byte| byte == b'/') {
            assert!(segment != b"." && segment != b"..", "{}", path.escape_ascii());
        }
        assert!(!(options.merge_slashes && path.windows(2).any(|pair| pair == b"//")));
        assert!(path.iter().all(|&byte| byte > b' ' && byte != 0x7f && byte != b'#'));
    }
    let query = target.iter().position(|&byte| byte == b'?').map(|at| &target[at + 1..]);
    assert_eq!(normal.query(&out), query, "the query stays as it came");

    let mut again = Vec::new();
    let twice = normalise(normal.target(&out), options, &mut again).unwrap_or_else(|fault| {
        panic!("{fault:?} of a normal {}", normal.target(&out).escape_ascii())
    });
    assert_eq!(twice.target(&again), normal.target(&out), "{}", target.escape_ascii());
    assert_eq!(twice.routing_path(&again), normal.routing_path(&out));
}
