//! The end of every exchange: its account is closed while all that it is about is still here.
//!
//! A drop, so that nothing can go round it: also the task that is dropped or panics comes by.

use super::Exchange;

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.ledger.settle();
    }
}
