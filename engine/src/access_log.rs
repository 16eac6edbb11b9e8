//! A core's part of the access log: lines are collected into batches, and the batches sent to the
//! control thread's writer.
//!
//! Not which requests have a line, nor what it says (`exchange::settle`). Nothing here waits.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use control::{BATCH_BYTES, Batch, LineSender};
use policy::utc;
use rt::Timer;

use crate::core::Core;

/// No line waits longer than this for its batch to fill.
const BATCH_AGE_MAX: Duration = Duration::from_millis(200);

/// A batch of so many bytes is sent before a further line, most probably, makes its buffer grow.
const SEND_AT_BYTES: usize = BATCH_BYTES - 2048;

/// How long the task that sends waits while there is nothing to send.
const LONG: Duration = Duration::from_secs(3600);

/// How long the distance of the two clocks is believed.
const WALL_CLOCK_AGE_MAX: Duration = Duration::from_secs(1);

/// The lines of one core.
pub(crate) struct AccessLog {
    sender: LineSender,
    /// The lines that were not sent yet; `None` without a line.
    batch: RefCell<Option<Batch>>,
    /// When the writer is to be told of the oldest line, its batch full or not.
    due: Timer,
    /// `due` is set for a line.
    is_due: Cell<bool>,
    pub(crate) wall: WallClock,
}

impl AccessLog {
    pub(crate) fn new(sender: LineSender) -> Self {
        let (batch, due, is_due) = (RefCell::default(), Timer::new(), Cell::default());
        Self { sender, batch, due, is_due, wall: WallClock::default() }
    }

    /// Adds the line that `render` appends to what it is given.
    pub(crate) fn line(&self, path: &Arc<Path>, render: impl FnOnce(&mut Vec<u8>)) {
        let mut open = self.batch.borrow_mut();
        // A request that began before a reload may name another file.
        if open.as_ref().is_some_and(|batch| !Arc::ptr_eq(&batch.path, path)) {
            self.send(open.take());
        }
        let batch = open.get_or_insert_with(|| {
            if !self.is_due.replace(true) {
                self.due.set(rt::now() + BATCH_AGE_MAX);
            }
            Batch { path: Arc::clone(path), bytes: self.sender.buffer(), lines: 0 }
        });
        render(&mut batch.bytes);
        batch.lines += 1;
        if batch.bytes.len() >= SEND_AT_BYTES {
            self.send(open.take());
        }
    }

    fn send(&self, batch: Option<Batch>) {
        if let Some(batch) = batch {
            self.sender.send(batch);
        }
    }
}

impl Drop for AccessLog {
    /// The core has ended, and so has every request of it.
    fn drop(&mut self) {
        let batch = self.batch.take();
        self.send(batch);
        self.sender.wake();
    }
}

/// Sends what has waited long enough, for as long as the core lives.
pub(crate) async fn send_in_time(core: Rc<Core>) {
    let log = &core.access_log;
    loop {
        // A line moves it nearer.
        if !log.is_due.get() {
            log.due.set(rt::now() + LONG);
        }
        let _ = log.due.race(pending::<()>()).await;
        let batch = log.batch.take();
        log.send(batch);
        log.sender.wake();
        log.is_due.set(false);
    }
}

/// The wall's clock at moments of the core's own.
#[derive(Default)]
pub(crate) struct WallClock {
    /// A moment on both clocks: microseconds since 1970.
    read: Cell<Option<(Instant, u64)>>,
    /// The second last written.
    second: Cell<Option<(u64, utc::Text)>>,
}

impl WallClock {
    /// Appends `2016-04-15T20:17:00.310Z`. A wall clock that jumps is followed within a second.
    pub(crate) fn write(&self, at: Instant, out: &mut Vec<u8>) {
        let millis = self.unix_us(at) / 1000;
        let unix_s = millis / 1000;
        let mut text = match self.second.get() {
            Some((second, text)) if second == unix_s => text,
            _ => {
                let text = utc::second(unix_s);
                self.second.set(Some((unix_s, text)));
                text
            }
        };
        utc::put_millis(&mut text, millis % 1000);
        out.extend_from_slice(&text);
    }

    fn unix_us(&self, at: Instant) -> u64 {
        let now = rt::now();
        let (read, unix_us) = match self.read.get() {
            Some((read, unix_us)) if now < read + WALL_CLOCK_AGE_MAX => (read, unix_us),
            _ => {
                let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let both = (rt::stamp(), micros(wall));
                self.read.set(Some(both));
                both
            }
        };
        match at.checked_duration_since(read) {
            Some(after) => unix_us + micros(after),
            None => unix_us.saturating_sub(micros(read.saturating_duration_since(at))),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_before_and_after_the_clocks_were_read_is_right() {
        let clock = WallClock::default();
        let read = Instant::now();
        clock.read.set(Some((read, 1_460_751_420_310_000)));
        let written = |at| {
            let mut out = Vec::new();
            clock.write(at, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(read), "2016-04-15T20:17:00.310Z");
        assert_eq!(written(read - Duration::from_millis(311)), "2016-04-15T20:16:59.999Z");
        assert_eq!(written(read + Duration::from_millis(690)), "2016-04-15T20:17:01.000Z");
    }
}
