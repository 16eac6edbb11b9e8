//! Replays `corpus/`: smuggling and malformed cases of our own and of others' advisories, each with
//! the events that it must cause, whole and byte by byte.
//!
//! A case is a text: `#` comments, a line that names the side, the input, `=>`, the events. In the
//! input line ends of the file mean nothing; `\r`, `\n`, `\t`, `\0`, `\\`, `\xHH` mean what they
//! mean in Rust, and `\{N*TEXT}` is N times TEXT.

mod case;
mod events;

use std::path::Path;
use std::sync::LazyLock;

use case::Case;
use events::{Side, play};
use proptest::prelude::*;
use proptest::sample::Index;

static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")));

fn side(case: &Case) -> Side<'_> {
    match case.kind.as_str() {
        "requests" => Side::Requests,
        "responses" => Side::Responses(&case.methods),
        "chunked" => Side::Chunked,
        other => panic!("{}: no side is called {other}", case.name),
    }
}

#[test]
fn every_case_causes_its_events_however_it_is_cut() {
    assert!(CASES.len() >= 120, "only {} cases were found", CASES.len());
    let mut wrong = String::new();
    for case in CASES.iter() {
        let whole = play(side(case), &case.input, || usize::MAX);
        if whole.lines != case.events {
            let seen = whole.lines.join("\n");
            wrong += &format!("\n{}:\n{seen}\nexpected:\n{}\n", case.name, case.events.join("\n"));
        }
        for size in [1, 2, 3, 7, 64, 1000] {
            let cut = play(side(case), &case.input, || size);
            assert_eq!(cut.lines, whole.lines, "{} in pieces of {size}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

proptest! {
    #[test]
    fn a_case_with_one_byte_changed_means_one_thing_however_it_is_cut(
        case in any::<Index>(), place in any::<Index>(), byte in any::<u8>(),
        sizes in prop::collection::vec(1..200usize, 1..8),
    ) {
        let case = case.get(&CASES);
        let mut input = case.input.clone();
        *place.get_mut(&mut input) = byte;
        let whole = play(side(case), &input, || usize::MAX);
        let mut sizes = sizes.into_iter().cycle();
        let cut = play(side(case), &input, || sizes.next().unwrap_or(1));
        prop_assert_eq!(cut.lines, whole.lines);
    }
}
