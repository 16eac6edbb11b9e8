//! One run under valgrind's callgrind, and the total that it counted.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::scratch::Scratch;

/// Runs `program` to its end; tells the instructions that it executed.
///
/// Errors: `NotFound` if there is no valgrind; anything else says what the run printed last.
pub(super) fn count(program: &Path, arguments: &[&str]) -> io::Result<u64> {
    let scratch = Scratch::new()?;
    let file = scratch.path().join("callgrind.out");
    let line = wrapper(&file);
    let output = Command::new(&line[0]).args(&line[1..]).arg(program).args(arguments).output()?;
    if output.status.success() {
        return read(&file);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().last().unwrap_or("it printed nothing");
    Err(io::Error::other(format!("{}: {last}", output.status)))
}

/// What stands before a program's name, so that its instructions are counted into `file`.
pub(super) fn wrapper(file: &Path) -> [OsString; 3] {
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(file);
    ["valgrind".into(), "--tool=callgrind".into(), out]
}

/// The total of a run that has ended.
pub(super) fn read(file: &Path) -> io::Result<u64> {
    total(&fs::read_to_string(file)?)
        .ok_or_else(|| io::Error::other("valgrind wrote a file without a total"))
}

/// The line `totals: N` (or `summary: N`) of a callgrind file, its only event being `Ir`.
fn total(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found_in_a_callgrind_file() {
        let text =
            "# callgrind format\nversion: 1\nevents: Ir\n\nfn=(1) main\n3 12\n\ntotals: 3178\n";
        assert_eq!(total(text), Some(3178));
        assert_eq!(total("events: Ir\n"), None);
    }
}
