//! Executes the rest of its command line under a seccomp filter that denies io_uring, as the
//! default profiles of Docker Engine and containerd do: `deny_io_uring PROGRAM ARGUMENT…`.

use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// io_uring_setup, io_uring_enter and io_uring_register, the same on every architecture.
const IO_URING_CALLS: [i64; 3] = [425, 426, 427];

/// What containers' profiles answer: "no such call".
const ENOSYS: u32 = 38;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().expect("usage: deny_io_uring PROGRAM ARGUMENT…");
    apply_filter(&filter()).expect("an unprivileged process may restrict itself");
    let error = Command::new(&program).args(arguments).exec();
    panic!("{}: {error}", program.display());
}

fn filter() -> BpfProgram {
    let rules = IO_URING_CALLS.map(|call| (call, Vec::new()));
    let machine = std::env::consts::ARCH.try_into().expect("seccompiler knows this machine");
    let (others, denied) = (SeccompAction::Allow, SeccompAction::Errno(ENOSYS));
    let filter = SeccompFilter::new(rules.into_iter().collect(), others, denied, machine);
    filter.expect("the rules are well-formed").try_into().expect("three rules fit a program")
}
