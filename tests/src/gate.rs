//! A gate between threads of a test: one side waits until the other has opened it.

use std::sync::{Arc, Condvar, Mutex};

use crate::wait::DEADLINE;

/// Closed when made; once open it stays open. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Lets everyone through, now and later.
    pub fn open(&self) {
        let (is_open, changed) = &*self.shared;
        *is_open.lock().expect("no holder panics") = true;
        changed.notify_all();
    }

    /// Waits until the gate is open; panics at the deadline.
    #[track_caller]
    pub fn wait(&self) {
        let (is_open, changed) = &*self.shared;
        let guard = is_open.lock().expect("no holder panics");
        let (is_open, _) = changed
            .wait_timeout_while(guard, DEADLINE, |is_open| !*is_open)
            .expect("no holder panics");
        let opened = *is_open;
        drop(is_open); // a panic would poison it
        assert!(opened, "the gate did not open within {DEADLINE:?}");
    }
}
