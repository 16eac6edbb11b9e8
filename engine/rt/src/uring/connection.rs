//! What the core keeps of one connected stream: small, as an idle connection holds this and nothing
//! more. Changed by `recv`, `send` and `connect`.

use std::task::Waker;

use socket2::SockAddr;

use super::recv::Receive;
use super::send::Outbox;

/// The state of one stream.
#[derive(Default)]
pub(super) struct Connection {
    pub(super) receive: Receive,
    /// Waits for bytes.
    pub(super) reader: Option<Waker>,
    pub(super) outgoing: Outgoing,
    /// The errno of a failed send or connect; 0 if there was none. Every later send answers it.
    pub(super) send_error: i32,
    /// Somebody had to wait for the last batch: the next may take its time, too.
    pub(super) is_slow: bool,
    /// Waits for `outgoing` to become `Nothing`.
    pub(super) writer: Option<Waker>,
}

/// What the kernel reads from us for this stream: one thing at a time, and ours no more until its
/// completion.
#[derive(Default)]
pub(super) enum Outgoing {
    #[default]
    Nothing,
    Batch(Box<Outbox>),
    /// Read by the kernel alone.
    Address(#[allow(dead_code, reason = "kept, not read")] Box<SockAddr>),
}

/// Keeps `waker` in `place`; a task that waits again costs nothing. (A waker replaced is dropped
/// here, which on this engine's executor runs nobody's code.)
pub(super) fn wait(place: &mut Option<Waker>, waker: &Waker) {
    match place {
        Some(waiting) if waiting.will_wake(waker) => {}
        _ => *place = Some(waker.clone()),
    }
}
