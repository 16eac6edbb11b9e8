//! Whole connections, pipelined and cut at will: any cut of the same bytes causes the same events.
//!
//! The first byte chooses the side, the next three the sizes of the pieces; the rest is what the
//! peer sends.

use crate::events::{Side, play};

/// Plays `data` whole and in pieces.
pub fn run(data: &[u8]) {
    let Some(([choice, sizes @ ..], data)) = data.split_first_chunk::<4>() else { return };
    match choice {
        b'A' => assert_same(Side::Responses(&[]), data, sizes),
        b'H' => assert_same(Side::Responses(&[b"HEAD".to_vec()]), data, sizes),
        _ => assert_same(Side::Requests, data, sizes),
    }
}

/// Asserts that `data` in pieces of the sizes given, over and over, causes what it causes whole.
/// Payload of a message that turns out faulty may be seen in part before.
pub(crate) fn assert_same(side: Side<'_>, data: &[u8], sizes: &[u8]) {
    let whole = play(side, data, || usize::MAX);
    let mut sizes = sizes.iter().cycle();
    let cut = play(side, data, || usize::from(*sizes.next().unwrap_or(&1)));
    assert_eq!(cut.lines, whole.lines);
    assert!(cut.unfinished.starts_with(&whole.unfinished));
}
