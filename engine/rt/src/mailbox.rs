//! Mail to a core from any thread: a bounded queue and an eventfd. The only way to wake a core from outside.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossbeam::queue::ArrayQueue;

use crate::sys;

/// A mailbox for at most `capacity` messages. The inbox is read on one core; senders may be anywhere.
///
/// # Panics
/// When no descriptor is left for the eventfd: make mailboxes at start.
pub fn mailbox<T: Send>(capacity: usize) -> (MailSender<T>, Inbox<T>) {
    let bell = sys::eventfd().expect("mailboxes are made at start, when descriptors are left");
    let queue = ArrayQueue::new(capacity.max(1));
    let mail = Arc::new(Mail { queue, bell, rung: AtomicBool::new(false) });
    (MailSender { mail: mail.clone() }, Inbox { mail })
}

#[derive(Debug)]
struct Mail<T> {
    queue: ArrayQueue<T>,
    bell: OwnedFd,
    rung: AtomicBool,
}

/// The sending end; clones share the mailbox.
#[derive(Debug)]
pub struct MailSender<T> {
    mail: Arc<Mail<T>>,
}

impl<T> Clone for MailSender<T> {
    fn clone(&self) -> Self {
        Self { mail: self.mail.clone() }
    }
}

impl<T: Send> MailSender<T> {
    /// Queues `message` and wakes the core if it may sleep. Gives it back when the box is full or its inbox gone.
    pub fn send(&self, message: T) -> Result<(), T> {
        self.mail.queue.push(message)
    }
}

/// The receiving end; lives on a core once first read.
#[derive(Debug)]
pub struct Inbox<T> {
    mail: Arc<Mail<T>>,
}

impl<T: Send> Inbox<T> {
    /// The next message, in the order of sending; `None` when every sender is gone and the box is empty. Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Option<T> {
        loop {
            if let Some(message) = self.mail.queue.pop() {
                return Some(message);
            }
            let _ = &self.mail.rung;
            crate::uring::readable(self.mail.bell.as_fd()).await.ok()?;
        }
    }
}
