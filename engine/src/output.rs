//! What the commands print: every word on standard output and standard error goes through here.
//!
//! Not the log of a process that serves, which waits for nobody (`log`).

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Prints `text`, the whole answer of a command, which would end with `code`.
///
/// A reader that went away has read enough (`outrigger doctor | head -3`). Any other error of
/// standard output is told on standard error, and the command fails.
pub(crate) fn answer(text: impl Display, code: ExitCode) -> ExitCode {
    match print(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            fail(format_args!("cannot write to standard output: {error}"))
        }
        _ => code,
    }
}

/// Prints `text` on standard output, at once.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.to_string().as_bytes())?;
    out.flush()
}

/// Prints `text` on standard error. Where it cannot be told the exit code says it.
pub(crate) fn complain(text: impl Display) {
    let _ = io::stderr().lock().write_all(text.to_string().as_bytes());
}

/// Says why a command failed.
pub(crate) fn fail(error: impl Display) -> ExitCode {
    complain(format_args!("outrigger: {}\n", error.to_string().trim_end()));
    ExitCode::FAILURE
}
