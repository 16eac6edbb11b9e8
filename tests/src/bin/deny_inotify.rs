//! Executes the rest of its command line where every inotify instance is taken, as on a node with
//! many pods: `deny_inotify PROGRAM ARGUMENT…`.

use tests::deny::execute_without;

/// inotify_init1.
const CALL: i64 = if cfg!(target_arch = "aarch64") { 26 } else { 294 };

/// What the kernel answers at `fs.inotify.max_user_instances`: "too many open files".
const EMFILE: u32 = 24;

fn main() {
    execute_without(&[CALL], EMFILE);
}
