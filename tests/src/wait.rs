//! Waiting for something that gives no signal of its own: asking again until a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// How long any wait of a test may take before it fails.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Asks until the answer is `Some`; panics after [`DEADLINE`] with what was waited for.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < DEADLINE, "{what}: not so after {DEADLINE:?}");
        pause();
    }
}

/// The one pause of the harness: between two questions, never instead of one.
fn pause() {
    thread::sleep(Duration::from_millis(2));
}
