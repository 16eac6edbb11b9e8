//! Replays `corpus/`: smuggling and malformed cases of our own and of others' advisories, each with
//! the events that it must cause, whole and byte by byte.
//!
//! A case is a text: `#` comments, a line that names the side, the input, `=>`, the events. In the
//! input line ends of the file mean nothing; `\r`, `\n`, `\t`, `\0`, `\\`, `\xHH` mean what they mean
//! in Rust, and `\{N*TEXT}` is N times TEXT.

mod case;
mod events;

use std::path::Path;

use case::Case;
use events::play;

#[test]
fn every_case_causes_its_events_however_it_is_cut() {
    let cases = Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"));
    assert!(cases.len() >= 120, "only {} cases were found", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        let whole = play(case.side(), &case.input, || usize::MAX);
        if whole.lines != case.events {
            let seen = whole.lines.join("\n");
            wrong += &format!("\n{}:\n{seen}\nexpected:\n{}\n", case.name, case.events.join("\n"));
        }
        for size in [1, 2, 3, 7, 64, 1000] {
            let cut = play(case.side(), &case.input, || size);
            assert_eq!(cut.lines, whole.lines, "{} in pieces of {size}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
