//! Executes the rest of its command line under a seccomp filter that denies io_uring, as the
//! default profiles of Docker Engine and containerd do: `deny_io_uring PROGRAM ARGUMENT…`.

use tests::deny::execute_without;

/// io_uring_setup, io_uring_enter and io_uring_register, the same on every architecture.
const IO_URING_CALLS: [i64; 3] = [425, 426, 427];

/// What containers' profiles answer: "no such call".
const ENOSYS: u32 = 38;

fn main() {
    execute_without(&IO_URING_CALLS, ENOSYS);
}
