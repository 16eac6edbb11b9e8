//! Waiting for something that gives no signal of its own: asking again until a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// How long any wait of a test may take before it fails.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How long nothing must change to be called still.
const STILL: Duration = Duration::from_millis(300);

/// Asks until the answer is `Some`; panics after [`DEADLINE`] with what was waited for.
#[track_caller]
pub fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(DEADLINE, what, ask)
}

/// Likewise, with another deadline.
#[track_caller]
pub fn until_within<T>(deadline: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < deadline, "{what}: not so after {deadline:?}");
        pause();
    }
}

/// Asks until the answer has been the same for a while: for what goes on until something is full.
#[track_caller]
pub fn until_still(what: &str, mut ask: impl FnMut() -> usize) -> usize {
    let mut last = (ask(), Instant::now());
    until(what, || {
        let now = ask();
        if now != last.0 {
            last = (now, Instant::now());
        }
        (last.1.elapsed() > STILL).then_some(now)
    })
}

/// Checks again and again until `end`: for what must hold all the while.
#[track_caller]
pub fn while_until(end: Instant, mut check: impl FnMut()) {
    while Instant::now() < end {
        check();
        pause();
    }
}

/// The one pause of the harness: between two questions, never instead of one.
fn pause() {
    thread::sleep(Duration::from_millis(2));
}
