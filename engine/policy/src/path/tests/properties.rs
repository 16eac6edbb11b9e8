//! What holds for every target, made of the pieces that bypasses are made of.

use config::snapshot::EscapedSlashes;
use proptest::prelude::*;

use crate::path::{PathOptions, normalise, rewrite};

/// Targets of up to 12 dangerous or harmless pieces.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "/", "/", "/", "//", "\\", ".", "..", "...", "%2e", "%2E", "%2f", "%5C", "%5c", "%25", "%",
        "2e", "2f", ";", ";x=1", "%3b", "%3B", "a", "%61", "%c3%bc", "%00", "%zz", "?", "#", " ",
        "*", "ü", "\u{7f}",
    ]);
    let bytes = prop::collection::vec(piece, 0..12)
        .prop_map(|pieces| [b"/".as_slice(), pieces.concat().as_bytes()].concat());
    prop_oneof![9 => bytes, 1 => prop::collection::vec(any::<u8>(), 0..24)]
}

fn options() -> impl Strategy<Value = PathOptions> {
    let slashes = prop::sample::select(vec![
        EscapedSlashes::Keep,
        EscapedSlashes::Reject,
        EscapedSlashes::Unescape,
    ]);
    (any::<bool>(), slashes)
        .prop_map(|(merge_slashes, escaped_slashes)| PathOptions { merge_slashes, escaped_slashes })
}

/// What the most permissive application makes of a path: parameters cut off, everything decoded.
fn permissive_segments(path: &[u8]) -> Vec<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    let cut = |segment: &[u8]| segment.split(|&byte| byte == b';').next().unwrap().to_vec();
    decoded.split(|&byte| byte == b'/' || byte == b'\\').map(cut).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn normalising_twice_changes_nothing(target in target(), options in options()) {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        if let Ok(parts) = normalise(&target, options, &mut once) {
            let again = normalise(parts.target(&once), options, &mut twice);
            prop_assert_eq!(again, Ok(parts));
            prop_assert_eq!(&once, &twice);
        }
    }

    #[test]
    fn no_reader_finds_a_dot_segment(target in target(), options in options()) {
        let mut out = Vec::new();
        if let Ok(parts) = normalise(&target, options, &mut out) {
            for path in [parts.path(&out), parts.routing_path(&out)] {
                for segment in permissive_segments(path) {
                    prop_assert!(segment != b"." && segment != b"..", "{:?}", path.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn the_routed_path_is_the_forwarded_one(target in target(), options in options()) {
        let mut out = Vec::new();
        if let Ok(parts) = normalise(&target, options, &mut out) {
            let mut forwarded = Vec::new();
            for (at, segment) in parts.path(&out).split(|&byte| byte == b'/').enumerate() {
                forwarded.extend_from_slice(if at > 0 { b"/" } else { b"" });
                forwarded.extend(segment.iter().take_while(|&&byte| byte != b';'));
            }
            prop_assert_eq!(parts.routing_path(&out), forwarded, "but for parameters");
        }
    }

    #[test]
    fn the_query_is_never_touched(target in target(), options in options()) {
        let mut out = Vec::new();
        if let Ok(parts) = normalise(&target, options, &mut out) {
            let query = target.iter().position(|&byte| byte == b'?').map(|at| &target[at + 1..]);
            prop_assert_eq!(parts.query(&out), query);
        }
    }

    #[test]
    fn the_short_cut_for_normal_targets_gives_what_the_long_way_gives(
        target in target(),
        options in options(),
    ) {
        let (mut short, mut long) = (Vec::new(), Vec::new());
        let path = target.split(|&byte| byte == b'?').next().unwrap();
        if let Ok(parts) = normalise(&target, options, &mut short)
            && path != b"*"
        {
            prop_assert_eq!(rewrite(path, options, &mut long), Ok(()));
            prop_assert_eq!(parts.path(&short), long);
        }
    }

    #[test]
    fn merged_paths_have_no_empty_segment(target in target(), slashes in options()) {
        let options = PathOptions { merge_slashes: true, ..slashes };
        let mut out = Vec::new();
        if let Ok(parts) = normalise(&target, options, &mut out) {
            for path in [parts.path(&out), parts.routing_path(&out)] {
                prop_assert!(!path.windows(2).any(|pair| pair == b"//"));
            }
        }
    }
}
