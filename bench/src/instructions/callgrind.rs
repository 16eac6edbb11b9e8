//! One run under valgrind's callgrind, and the total that it counted.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{self, Command};

/// Runs `program` to its end; tells the instructions that it executed.
///
/// Errors: `NotFound` if there is no valgrind; anything else says what the run printed last.
pub(super) fn count(program: &Path, arguments: &[&str]) -> io::Result<u64> {
    let file = std::env::temp_dir().join(format!("outrigger-callgrind-{}", process::id()));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(arguments)
        .output()?;
    let text = fs::read_to_string(&file).unwrap_or_default();
    // A file that is not there was not written; a leftover in the temporary directory hurts nobody.
    let _ = fs::remove_file(&file);
    match total(&text) {
        Some(total) if output.status.success() => Ok(total),
        _ => {
            let words = String::from_utf8_lossy(&output.stderr);
            let last = words.lines().last().unwrap_or("it printed nothing");
            Err(io::Error::other(format!("{}: {last}", output.status)))
        }
    }
}

/// The line `totals: N` (or `summary: N`) of a callgrind file, its only event being `Ir`.
pub(super) fn total(text: &str) -> Option<u64> {
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
