//! Executing the rest of a command line under a seccomp filter that denies some system calls: the
//! body of the launchers in `bin/`, which whole-proxy tests start a proxy under.

use std::os::unix::process::CommandExt;
use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// Never returns: becomes the program that the command line names, to which these calls answer
/// with this error.
pub fn execute_without(calls: &[i64], errno: u32) -> ! {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().expect("usage: deny_… PROGRAM ARGUMENT…");
    apply_filter(&filter(calls, errno)).expect("an unprivileged process may restrict itself");
    let error = Command::new(&program).args(arguments).exec();
    panic!("{}: {error}", program.display());
}

fn filter(calls: &[i64], errno: u32) -> BpfProgram {
    let rules = calls.iter().map(|&call| (call, Vec::new()));
    let machine = std::env::consts::ARCH.try_into().expect("seccompiler knows this machine");
    let (others, denied) = (SeccompAction::Allow, SeccompAction::Errno(errno));
    let filter = SeccompFilter::new(rules.collect(), others, denied, machine);
    filter.expect("the rules are well-formed").try_into().expect("a few rules fit a program")
}
