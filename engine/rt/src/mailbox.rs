//! Mail to a core from any thread: a bounded queue and an eventfd. The only way to wake a core from
//! outside.
//!
//! Not for the request path. The bell is rung only if the inbox may sleep: a burst of mail costs
//! one wake.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use crossbeam::queue::ArrayQueue;

use crate::{EngineKind, core, epoll, sys, uring};

/// A mailbox for at most `capacity` messages. The inbox is read on one core; senders may be
/// anywhere.
///
/// # Panics
/// When no descriptor is left for the eventfd: make mailboxes at start.
pub fn mailbox<T: Send>(capacity: usize) -> (MailSender<T>, Inbox<T>) {
    let mail = Arc::new(Mail {
        queue: ArrayQueue::new(capacity.max(1)),
        bell: sys::eventfd().expect("mailboxes are made at start, when descriptors are left"),
        rung: AtomicBool::new(false),
        senders: AtomicUsize::new(1),
        closed: AtomicBool::new(false),
    });
    (MailSender { mail: mail.clone() }, Inbox { mail })
}

#[derive(Debug)]
struct Mail<T> {
    queue: ArrayQueue<T>,
    bell: OwnedFd,
    /// Whether the bell was rung since the inbox last looked.
    rung: AtomicBool,
    senders: AtomicUsize,
    /// Whether the inbox is gone.
    closed: AtomicBool,
}

impl<T> Mail<T> {
    /// Called after a change that the inbox must see.
    fn ring(&self) {
        // Ordering: pairs with the swap in `look_again`. If this swap finds `true`, then either the
        // inbox has not looked yet and its swap will read from ours (or a later one), seeing the
        // change; or another sender rang, and the bell still sounds.
        if !self.rung.swap(true, AcqRel) {
            sys::ring_bell(self.bell.as_fd());
        }
    }

    /// Called by the inbox before it looks a last time and sleeps: changes from now on ring the
    /// bell.
    fn look_again(&self) {
        sys::hush_bell(self.bell.as_fd());
        self.rung.swap(false, AcqRel);
    }
}

/// The sending end; clones share the mailbox.
#[derive(Debug)]
pub struct MailSender<T> {
    mail: Arc<Mail<T>>,
}

impl<T: Send> MailSender<T> {
    /// Queues `message` and wakes the core if it may sleep. Gives it back when the box is full or
    /// its inbox gone.
    pub fn send(&self, message: T) -> Result<(), T> {
        if self.mail.closed.load(Acquire) {
            return Err(message);
        }
        self.mail.queue.push(message)?;
        self.mail.ring();
        Ok(())
    }
}

impl<T> Clone for MailSender<T> {
    fn clone(&self) -> Self {
        self.mail.senders.fetch_add(1, Relaxed);
        Self { mail: self.mail.clone() }
    }
}

impl<T> Drop for MailSender<T> {
    fn drop(&mut self) {
        if self.mail.senders.fetch_sub(1, Release) == 1 {
            self.mail.ring();
        }
    }
}

/// The receiving end; stays on the core that first reads it.
#[derive(Debug)]
pub struct Inbox<T> {
    mail: Arc<Mail<T>>,
}

impl<T: Send> Inbox<T> {
    /// The next message, those of one sender in its order; `None` when every sender is gone and the
    /// box is empty. Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Option<T> {
        loop {
            if let Some(message) = self.mail.queue.pop() {
                return Some(message);
            }
            self.mail.look_again();
            let last = self.mail.senders.load(Acquire) == 0;
            if let Some(message) = self.mail.queue.pop() {
                return Some(message);
            }
            if last {
                return None;
            }
            self.sleep().await;
        }
    }

    async fn sleep(&self) {
        let bell = self.mail.bell.as_fd();
        let woken = match core::engine() {
            EngineKind::Uring => uring::readable(bell).await,
            EngineKind::Epoll => epoll::readable(bell).await,
        };
        if woken.is_err() {
            // The engine cannot watch the bell for want of memory: look again soon rather than
            // never.
            crate::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        self.mail.closed.store(true, Release);
        // What is queued may hold descriptors and memory: it goes now, not with the last sender.
        while self.mail.queue.pop().is_some() {}
    }
}
