//! Where a rule does not hold, and why. This list may only shrink.

use super::Finding;

/// One file in which one rule does not hold.
#[derive(Debug)]
pub struct Exception {
    /// From the workspace's root.
    pub file: &'static str,
    /// The rule's name.
    pub rule: &'static str,
    /// Why it is right as it is.
    pub reason: &'static str,
}

/// All of them.
pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        file: "tests/src/wait.rs",
        rule: "sleep",
        reason: "the one pause between two questions; every test waits through it",
    },
    Exception {
        file: "engine/rt/tests/refusal_idle.rs",
        rule: "sleep",
        reason: "measures what an idle core does in a second",
    },
    Exception {
        file: "engine/rt/tests/uring_end.rs",
        rule: "sleep",
        reason: "asks again for the descriptors of a thread that tells nobody of its end",
    },
    Exception {
        file: "engine/rt/tests/uring_flow.rs",
        rule: "sleep",
        reason: "samples a core's gauges, which give no signal, while traffic goes on",
    },
    Exception {
        file: "engine/rt/tests/uring_life.rs",
        rule: "sleep",
        reason: "measures what an idle core does in a second",
    },
    Exception {
        file: "engine/rt/tests/timers.rs",
        rule: "sleep",
        reason: "measures what an idle core does in a second",
    },
    Exception {
        file: "engine/src/demo/client.rs",
        rule: "sleep",
        reason: "paces the demo's own traffic, for people to watch",
    },
];

impl Exception {
    /// True if this exception is about that finding.
    pub fn covers(&self, finding: &Finding) -> bool {
        self.file == finding.file && self.rule == finding.rule
    }
}
