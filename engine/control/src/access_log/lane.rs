//! From one core to the writer: a bounded queue of batches one way, their empty buffers back.
//!
//! Lock-free, and touched once a batch, not once a line. When the queue is full the core drops its
//! batch and counts the lines: it never waits.

use std::path::Path;
use std::sync::Arc;
use std::thread::Thread;

use crossbeam::queue::ArrayQueue;
use signals::Gauge;

use super::{Figures, Trouble};

/// Batches that wait at most, for each core: 4 MiB of lines.
pub(crate) const QUEUE_MAX: usize = 128;

/// A batch of this size is sent.
pub const BATCH_BYTES: usize = 32 << 10;

/// Batches that wait before the writer is woken for them: waking costs more than writing one.
const WAKE_AT: usize = 4;

/// Empty buffers that are kept for a core. More are about only after the writer was held up.
const FREE_MAX: usize = 2 * WAKE_AT;

/// A buffer that one enormous line has made larger is not kept.
const FREE_BYTES_MAX: usize = 2 * BATCH_BYTES;

/// Lines for one file.
#[derive(Debug)]
pub struct Batch {
    /// The file of the configuration that these requests began with.
    pub path: Arc<Path>,
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// How many.
    pub lines: u64,
}

/// What a core and the writer share.
#[derive(Debug)]
pub(crate) struct Lane {
    full: ArrayQueue<Batch>,
    empty: ArrayQueue<Vec<u8>>,
    /// Lines dropped, by the trouble that the writer was in. Written by the core alone.
    dropped: [Gauge; Trouble::ALL.len()],
}

impl Lane {
    pub(crate) fn new() -> Self {
        Self {
            full: ArrayQueue::new(QUEUE_MAX),
            empty: ArrayQueue::new(FREE_MAX),
            dropped: Default::default(),
        }
    }

    /// The batch that has waited longest.
    pub(super) fn take(&self) -> Option<Batch> {
        self.full.pop()
    }

    /// The buffer of a batch goes back to the core.
    pub(super) fn give_back(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        if bytes.capacity() <= FREE_BYTES_MAX {
            // One too many is freed, here and not on the core.
            drop(self.empty.push(bytes));
        }
    }

    /// Batches that wait.
    pub(crate) fn queued(&self) -> usize {
        self.full.len()
    }

    /// Lines dropped while the writer was in this trouble.
    pub(crate) fn dropped(&self, trouble: Trouble) -> u64 {
        self.dropped[trouble as usize].value()
    }
}

/// A core's end of its lane.
#[derive(Debug)]
pub struct LineSender {
    pub(super) lane: Arc<Lane>,
    pub(super) figures: Arc<Figures>,
    pub(super) writer: Thread,
}

impl LineSender {
    /// An empty buffer: one that came back, if one has.
    pub fn buffer(&self) -> Vec<u8> {
        self.lane.empty.pop().unwrap_or_else(|| Vec::with_capacity(BATCH_BYTES))
    }

    /// Sends a batch, or drops it if too many wait already. Returns at once. The writer may not
    /// look before `wake`.
    pub fn send(&self, batch: Batch) {
        match self.lane.full.push(batch) {
            Ok(()) if self.lane.queued() >= WAKE_AT => self.wake(),
            Ok(()) => {}
            Err(batch) => {
                let dropped = &self.lane.dropped[self.figures.trouble() as usize];
                dropped.add(batch.lines);
                self.lane.give_back(batch.bytes);
            }
        }
    }

    /// Has the writer look at what was sent.
    pub fn wake(&self) {
        self.writer.unpark();
    }
}
