//! The two I/O engines, and how a test runs on both.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};

/// `process.io_engine`, as a test asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// io_uring or nothing: a machine without it fails the test.
    Uring,
    /// epoll.
    Epoll,
    /// What the program finds.
    Auto,
}

impl fmt::Display for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Engine::Uring => "uring",
            Engine::Epoll => "epoll",
            Engine::Auto => "auto",
        })
    }
}

/// Runs a test once on each engine, and says which one it failed on.
pub fn on_both_engines(test: impl Fn(Engine)) {
    for engine in [Engine::Uring, Engine::Epoll] {
        let result = panic::catch_unwind(AssertUnwindSafe(|| test(engine)));
        if let Err(panic) = result {
            eprintln!("failed on io_engine = \"{engine}\"");
            panic::resume_unwind(panic);
        }
    }
}
