//! What to do when no descriptor is left: tell one waiting client so, through a descriptor kept in
//! reserve.
//!
//! Without this the client would hang in the queue, and a listener that is always ready would spin.
//! Used by the listeners of both engines.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::{gauges, now, sleep_until, socket, sys};

/// At most one refusal per listener in this time; between them, closing connections may free
/// descriptors.
const GAP: Duration = Duration::from_millis(10);
/// How much of what a refused client has sent is read, so that the words arrive: closing over
/// unread bytes resets.
const DISCARD_BYTES_MAX: usize = 64 << 10;

/// A listener's reserve descriptor, its words of refusal, and the bound on their rate.
#[derive(Debug)]
pub(crate) struct Refusal {
    words: &'static [u8],
    reserve: RefCell<Option<OwnedFd>>,
    next_at: Cell<Instant>,
}

/// What an accept failed for want of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// The process's or the system's descriptors (EMFILE, ENFILE).
    Descriptors,
    /// The kernel's memory (ENOMEM, ENOBUFS).
    Memory,
}

impl Shortage {
    /// What `error` says is short; `None` if it says something else.
    pub fn of(error: &io::Error) -> Option<Self> {
        match error.raw_os_error()? {
            libc::EMFILE | libc::ENFILE => Some(Self::Descriptors),
            libc::ENOMEM | libc::ENOBUFS => Some(Self::Memory),
            _ => None,
        }
    }
}

impl Refusal {
    /// Takes the reserve descriptor. `words` are written to each refused client.
    pub(crate) fn new(words: &'static [u8]) -> io::Result<Self> {
        let reserve = RefCell::new(Some(sys::eventfd()?));
        Ok(Self { words, reserve, next_at: Cell::new(now()) })
    }

    /// Whether `error`, from an accept, means that descriptors or memory have run out.
    pub(crate) fn is_due(error: &io::Error) -> bool {
        Shortage::of(error).is_some()
    }

    /// Accepts one waiting client of `listener` through the reserve, tells it the words and closes;
    /// waits first if the last refusal was just now. Never blocks, whether or not the listener
    /// does: for the moment of the accept the listener is made non-blocking, which other holders of
    /// the same socket see (cores that share a Unix listener).
    ///
    /// False if nobody was waiting: an accept fails for want of a descriptor before it looks at the
    /// queue, so wait for readiness before the next one.
    pub(crate) async fn refuse_one(&self, listener: BorrowedFd<'_>) -> bool {
        if now() < self.next_at.get() {
            sleep_until(self.next_at.get()).await;
        }
        self.next_at.set(now() + GAP);
        drop(self.reserve.take());
        let accepted = accept_at_once(listener);
        let waited =
            !accepted.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if let Ok(client) = accepted {
            refuse(client.as_fd(), self.words);
            gauges::here(|gauges| gauges.refused.add(1));
        }
        // Another thread may have been faster: then the next refusal has no reserve, and tries
        // again.
        *self.reserve.borrow_mut() = sys::eventfd().ok();
        waited
    }
}

fn accept_at_once(listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let socket = SockRef::from(&listener);
    let was_nonblocking = socket.nonblocking()?;
    socket.set_nonblocking(true)?;
    let accepted = socket::accept(listener);
    socket.set_nonblocking(was_nonblocking)?;
    Ok(accepted?.0)
}

/// Best effort: a client that has gone needs no answer.
fn refuse(client: BorrowedFd<'_>, words: &[u8]) {
    let client = SockRef::from(&client);
    let _ = client.send_with_flags(words, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    let _ = client.shutdown(std::net::Shutdown::Write);
    let mut discarded = [MaybeUninit::uninit(); 4 << 10];
    for _ in 0..DISCARD_BYTES_MAX / discarded.len() {
        let received = client.recv_with_flags(&mut discarded, libc::MSG_DONTWAIT);
        if received.is_err() || received.is_ok_and(|bytes| bytes == 0) {
            break;
        }
    }
}
