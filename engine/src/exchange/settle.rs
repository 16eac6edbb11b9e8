//! The end of every exchange: its account is closed while all that it is about is still here.
//!
//! A drop, so that nothing can go round it: also the task that is dropped or panics comes by.

use policy::{Cause, Failure};

use super::Exchange;

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let panics = std::thread::panicking();
            let cause = if panics { Cause::Internal } else { Cause::Draining };
            self.ledger.failed(&Failure::from(cause));
        }
        self.ledger.settle();
    }
}
