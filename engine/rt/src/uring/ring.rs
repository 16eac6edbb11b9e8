//! The core's one io_uring instance: queueing submissions, the single system call of a turn, and
//! reading completions.
//!
//! It knows nothing of sockets; what an entry means is `ops`'. Called by `state` and, for the wait,
//! by `driver`.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::Duration;

use io_uring::{IoUring, cqueue, squeue, types};

/// The ring's two queues.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth {
    /// Submissions that fit into one system call; more are submitted in between.
    pub(super) submissions: u32,
    /// Completions that fit; the kernel keeps further ones aside (counted as overflow).
    pub(super) completions: u32,
}

impl Default for Depth {
    fn default() -> Self {
        Self { submissions: 256, completions: 4096 }
    }
}

/// How long a wait may be wrong in what it took to be over at once. Long beside the pauses of a
/// core that is not idle: at its end the core wakes, though there may be nothing to do.
const PROMPT_MAX: Duration = Duration::from_millis(4);

/// How long a turn may wait for a completion.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    /// Submit only: there are tasks to run.
    No,
    /// At most so long.
    AtMost(Duration),
    /// Nothing is due.
    Forever,
}

/// One completion, as the kernel wrote it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Completion {
    pub(super) user_data: u64,
    /// Bytes, a descriptor, or a negated errno.
    pub(super) result: i32,
    flags: u32,
}

impl Completion {
    /// The last completion of an operation that failed.
    #[cfg(test)]
    pub(super) fn failed(errno: i32) -> Self {
        Self { user_data: 0, result: -errno, flags: 0 }
    }

    /// Whether the operation goes on: this is not its last completion.
    pub(super) fn more(&self) -> bool {
        cqueue::more(self.flags)
    }

    /// The provided buffer that the operation took.
    pub(super) fn buffer(&self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }

    /// The connection that an accept brought.
    pub(super) fn accepted(&self) -> Option<OwnedFd> {
        // SAFETY: an accept's result is a descriptor made for us, of which nobody else knows.
        (self.result >= 0).then(|| unsafe { OwnedFd::from_raw_fd(self.result) })
    }

    /// Whether the socket had more to read when this receive ended.
    pub(super) fn socket_has_more(&self) -> bool {
        cqueue::sock_nonempty(self.flags)
    }
}

pub(super) struct Ring {
    uring: IoUring,
    /// Entries that found the submission queue full, in order.
    backlog: VecDeque<squeue::Entry>,
    /// Entries queued whose completions come with their submission and concern nobody.
    prompt: usize,
    /// Somebody waits for the completion of one of them after all.
    awaited: bool,
    /// The kernel can wait for several completions with a bound on how long (Linux 6.12).
    waits_for_several: bool,
}

impl Ring {
    /// A ring that this thread alone may use.
    pub(super) fn new(depth: Depth) -> io::Result<Self> {
        let uring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_clamp()
            .setup_cqsize(depth.completions)
            .dontfork()
            .build(depth.submissions)?;
        let waits_for_several = uring.params().is_feature_min_timeout();
        Ok(Self { uring, backlog: VecDeque::new(), prompt: 0, awaited: false, waits_for_several })
    }

    /// Registers `entries` (a power of two) buffer descriptions at `address` as the provided-buffer
    /// group `group`.
    ///
    /// # Safety
    /// `address` is that of `entries` zeroed, page-aligned descriptions, which outlive the ring.
    pub(super) unsafe fn register_buffers(
        &self,
        address: u64,
        entries: u16,
        group: u16,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { self.uring.submitter().register_buf_ring_with_flags(address, entries, group, 0) }
    }

    /// Queues an entry for the next `enter`.
    ///
    /// # Safety
    /// Whatever the entry points to stays valid, and untouched where the kernel writes, until the
    /// operation's last completion was read.
    pub(super) unsafe fn push(&mut self, entry: squeue::Entry) {
        if self.backlog.is_empty() {
            // SAFETY: the caller's promise is the one asked for.
            if unsafe { self.uring.submission().push(&entry) }.is_ok() {
                return;
            }
            // Full: hand over what there is. If the kernel takes none now (EAGAIN, EBUSY), the
            // backlog keeps the order.
            let _ = self.uring.submit();
            // Their completions may be read before the next wait, which then must not expect them.
            self.prompt = 0;
            // SAFETY: as above.
            if unsafe { self.uring.submission().push(&entry) }.is_ok() {
                return;
            }
        }
        self.backlog.push_back(entry);
    }

    /// Whether `enter` can pass over completions that concern nobody.
    #[cfg(test)]
    pub(super) fn waits_for_several(&self) -> bool {
        self.waits_for_several
    }

    /// One of the entries queued for the next `enter` will complete in it, and nobody waits for
    /// that: its completion shall not end the wait.
    pub(super) fn expect_prompt(&mut self) {
        self.prompt += 1;
    }

    /// Somebody waits for what was thought to concern nobody: the next wait ends with any
    /// completion.
    pub(super) fn await_any(&mut self) {
        self.awaited = true;
    }

    /// Submits everything queued, and waits until there is a completion to read (beyond those that
    /// come with the submission and concern nobody) or the time is over. The one system call of a
    /// turn.
    pub(super) fn enter(&mut self, wait: Wait) -> io::Result<()> {
        let wait = if self.refill() { wait } else { Wait::No };
        let prompt = std::mem::take(&mut self.prompt);
        let awaited = std::mem::take(&mut self.awaited);
        let has_time = !matches!(wait, Wait::AtMost(time) if time <= PROMPT_MAX);
        let (wanted, patience) = if prompt > 0 && !awaited && has_time && self.waits_for_several {
            (1 + prompt, PROMPT_MAX.as_micros() as u32)
        } else {
            (1, 0)
        };
        let arguments = types::SubmitArgs::new().min_wait_usec(patience);
        let submitter = self.uring.submitter();
        let entered = match wait {
            Wait::No => submitter.submit_and_wait(0),
            Wait::Forever => submitter.submit_with_args(wanted, &arguments),
            Wait::AtMost(time) => {
                let time = types::Timespec::from(time);
                submitter.submit_with_args(wanted, &arguments.timespec(&time))
            }
        };
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // Time is over; a signal; or the kernel wants completions read, or memory freed,
                // before it takes more.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Moves the backlog into the submission queue; false when not all of it fits.
    fn refill(&mut self) -> bool {
        let mut submission = self.uring.submission();
        while let Some(entry) = self.backlog.front() {
            // SAFETY: the promise made to `push` for this entry still holds, as it was not
            // submitted yet.
            if unsafe { submission.push(entry) }.is_err() {
                return false;
            }
            self.backlog.pop_front();
        }
        true
    }

    /// Whether the kernel keeps completions aside that did not fit.
    pub(super) fn overflowed(&mut self) -> bool {
        self.uring.submission().cq_overflow()
    }

    /// The next completion that is here already.
    pub(super) fn next_completion(&mut self) -> Option<Completion> {
        self.uring.completion().next().map(|entry| Completion {
            user_data: entry.user_data(),
            result: entry.result(),
            flags: entry.flags(),
        })
    }
}
