//! The programs that these tests need, and running them.

use std::ffi::OsStr;
use std::process::Command;

use tests::program::{Ended, Program};

/// Debian's packages, and the program looked for.
pub(crate) const REQUIRED: &[(&str, &str)] = &[
    ("curl", "curl"),
    ("nginx-light", "/usr/sbin/nginx"),
    ("prometheus", "prometheus"),
    ("prometheus", "promtool"),
    ("wrk", "wrk"),
];

/// A command, or a failure that says what to install.
#[track_caller]
pub(crate) fn command(program: &str) -> Command {
    let known = REQUIRED.iter().find(|(_, name)| name.ends_with(program));
    let (package, path) = known.unwrap_or_else(|| panic!("{program} is not in the list"));
    let found = Command::new(path).arg("--help").output().is_ok();
    assert!(found, "{program} is not installed: apt-get install {package}");
    Command::new(path)
}

/// Runs a program and expects it to succeed; its output.
#[track_caller]
pub(crate) fn run<I: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = I>,
) -> String {
    let mut command = command(program);
    command.args(arguments);
    let Ended { code, output } = Program::run(&mut command);
    assert_eq!(code, Some(0), "{command:?}:\n{output}");
    output
}
