//! The writer's thread: batches of all cores in turn, into the file that each of them names.
//!
//! One rule for all troubles: what cannot be written is kept and tried again, so that lines
//! survive a reader's restart or a full disk for as long as the queues have room; what the cores
//! then drop, they count. A batch that was cut is finished before the next one, and what a new file
//! gets begins with a whole line: no line is torn.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use super::lane::Batch;
use super::sink::Sink;
use super::{FLUSH_MAX, Figures, Order, Trouble};

/// How often what failed is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How often the path is compared with the open file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a full pipe is waited for before orders are looked at.
const PIPE_WAIT: Duration = Duration::from_millis(100);

/// How often the same error of the same path is logged.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Errors that are kept in mind for that.
const TOLD_MAX: usize = 16;

/// Below the cores, which have work that somebody waits for.
const NICE: i32 = 10;

/// The thread's state.
pub(super) struct Writer {
    figures: Arc<Figures>,
    orders: Receiver<Order>,
    sink: Option<Sink>,
    pending: Option<Pending>,
    /// The lane that is asked next.
    turn: usize,
    /// The file of the configuration in force.
    in_force: Option<Arc<Path>>,
    reopen: bool,
    retry_at: Option<Instant>,
    /// The last attempt failed, and not for want of patience.
    stuck: bool,
    looked_at: Instant,
    told: Told,
    /// Its end is to be logged.
    tell_end: bool,
}

/// What was logged of late: path, error and when.
#[derive(Default)]
struct Told(VecDeque<(Arc<Path>, String, Instant)>);

/// A batch on its way.
struct Pending {
    batch: Batch,
    lane: usize,
    /// Bytes written.
    written: usize,
}

/// What comes next.
enum Next {
    /// There is more to do.
    Work,
    /// Nothing until somebody calls.
    Idle,
    /// Nothing until then, unless somebody calls.
    At(Instant),
}

impl Writer {
    pub(super) fn new(figures: Arc<Figures>, orders: Receiver<Order>) -> Self {
        Self {
            figures,
            orders,
            sink: None,
            pending: None,
            turn: 0,
            in_force: None,
            reopen: false,
            retry_at: None,
            stuck: false,
            looked_at: Instant::now(),
            told: Told::default(),
            tell_end: false,
        }
    }

    /// Runs until the orders end.
    pub(super) fn run(mut self) {
        // Without the right to it, it does without.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
        loop {
            match self.orders.try_recv() {
                Ok(order) => self.obey(order),
                Err(TryRecvError::Disconnected) => return self.finish(),
                Err(TryRecvError::Empty) => match self.step() {
                    Next::Work => {}
                    Next::Idle => thread::park(),
                    Next::At(then) => {
                        thread::park_timeout(then.saturating_duration_since(Instant::now()));
                    }
                },
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Use(path) => {
                self.in_force = path;
                self.retry_at = None;
                if let Some(path) = self.in_force.clone()
                    && self.pending.is_none()
                {
                    self.open(&path);
                }
            }
            Order::Reopen => {
                self.reopen = true;
                self.retry_at = None;
            }
        }
    }

    /// Writes what is left, for a bounded time.
    fn finish(mut self) {
        let end = Instant::now() + FLUSH_MAX;
        while Instant::now() < end {
            match self.step() {
                Next::Work => {}
                Next::Idle => return,
                Next::At(then) => {
                    thread::park_timeout(then.min(end).saturating_duration_since(Instant::now()));
                }
            }
        }
        let lanes = self.figures.lanes.iter();
        let queued = lanes.flat_map(|lane| std::iter::from_fn(|| lane.take()));
        let left: u64 =
            self.pending.iter().map(|pending| &pending.batch).map(|batch| batch.lines).sum::<u64>()
                + queued.map(|batch| batch.lines).sum::<u64>();
        if left > 0 {
            tracing::warn!(lines = left, "the access log took too long: lines are lost");
        }
    }

    /// One step: open, or write once.
    fn step(&mut self) -> Next {
        if !self.take() {
            if self.in_force.is_none() {
                self.close();
            }
            if self.reopen {
                self.reopen = false;
                self.close();
                if let Some(path) = self.in_force.clone() {
                    self.open(&path);
                }
            }
            return Next::Idle;
        }
        if self.give_up() {
            return Next::Work;
        }
        let now = Instant::now();
        if let Some(at) = self.retry_at.filter(|at| now < *at) {
            return Next::At(at);
        }
        self.change_file(now);
        match self.write() {
            true => Next::Work,
            // `trouble` has set when to try again.
            false => self.retry_at.map_or(Next::Idle, Next::At),
        }
    }

    /// Drops a batch that cannot be written if the configuration names another file by now: what is
    /// for that one must not wait behind it.
    fn give_up(&mut self) -> bool {
        let in_force = self.in_force.as_ref();
        let is_old = |pending: &mut Pending| Some(&pending.batch.path) != in_force;
        let old = self.pending.take_if(|pending| self.stuck && is_old(pending));
        if let Some(Pending { batch, lane, .. }) = old {
            let trouble = self.figures.trouble();
            self.figures.given_up[trouble as usize].add(batch.lines);
            self.figures.lanes[lane].give_back(batch.bytes);
            self.close();
            return true;
        }
        false
    }

    /// Takes the next batch, unless one is on its way.
    fn take(&mut self) -> bool {
        if self.pending.is_some() {
            return true;
        }
        let lanes = &self.figures.lanes;
        for _ in 0..lanes.len() {
            let lane = self.turn % lanes.len();
            self.turn = lane + 1;
            if let Some(batch) = lanes[lane].take() {
                self.pending = Some(Pending { batch, lane, written: 0 });
                return true;
            }
        }
        false
    }

    /// Closes a file that is not, or no longer, the one to write to.
    fn change_file(&mut self, now: Instant) {
        let (Some(sink), Some(pending)) = (&self.sink, &mut self.pending) else { return };
        let mut leave = *sink.path != *pending.batch.path;
        // A line that was begun ends where it began, unless that file takes no more.
        if pending.is_between_lines() || self.figures.trouble() == Trouble::Failing {
            leave |= std::mem::take(&mut self.reopen);
            if now >= self.looked_at + LOOK_EVERY {
                self.looked_at = now;
                leave |= !sink.is_current();
            }
        }
        if leave {
            pending.back_to_the_line();
            self.close();
        }
    }

    /// One write; false if it is to be tried again later.
    fn write(&mut self) -> bool {
        let Some(path) = self.pending.as_ref().map(|pending| pending.batch.path.clone()) else {
            return false;
        };
        if self.sink.is_none() {
            self.open(&path);
        }
        let (Some(sink), Some(pending)) = (&mut self.sink, &mut self.pending) else {
            return false;
        };
        match sink.write(&pending.batch.bytes[pending.written..]) {
            Ok(0) => {
                self.trouble(&path, Trouble::Failing, &io::ErrorKind::WriteZero.into());
                false
            }
            Ok(count) => {
                pending.written += count;
                self.figures.bytes.add(count as u64);
                self.recovered();
                self.settle();
                true
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.figures.trouble.set(Trouble::NotRead as u64);
                self.stuck = !sink.wait(PIPE_WAIT);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // The next reader begins with a whole line.
                pending.back_to_the_line();
                self.close();
                self.trouble(&path, Trouble::NotOpen, &error);
                false
            }
            Err(error) => {
                self.trouble(&path, Trouble::Failing, &error);
                false
            }
        }
    }

    /// A batch that is written goes back.
    fn settle(&mut self) {
        let done = |pending: &mut Pending| pending.written == pending.batch.bytes.len();
        if let Some(Pending { batch, lane, .. }) = self.pending.take_if(done) {
            self.figures.lines.add(batch.lines);
            self.figures.lanes[lane].give_back(batch.bytes);
        }
    }

    fn open(&mut self, path: &Arc<Path>) {
        if self.sink.as_ref().is_some_and(|sink| sink.path == *path) {
            return;
        }
        self.close();
        match Sink::open(path) {
            Ok(sink) => {
                self.sink = Some(sink);
                self.looked_at = Instant::now();
                self.figures.opens.add(1);
                self.figures.is_open.set(1);
                if self.figures.trouble() == Trouble::NotOpen {
                    self.recovered();
                }
            }
            Err(error) => self.trouble(path, Trouble::NotOpen, &error),
        }
    }

    fn close(&mut self) {
        self.sink = None;
        self.figures.is_open.set(0);
    }

    fn trouble(&mut self, path: &Arc<Path>, trouble: Trouble, error: &io::Error) {
        let now = Instant::now();
        self.stuck = true;
        self.retry_at = Some(now + RETRY_EVERY);
        self.figures.errors.add(1);
        let errno = error.raw_os_error().and_then(|errno| u64::try_from(errno).ok());
        self.figures.errno.set(errno.unwrap_or_default());
        self.figures.trouble.set(trouble as u64);
        if self.told.is_news(path, error.to_string(), now) {
            self.tell_end = true;
            let path = path.display();
            tracing::warn!(%path, %error, "the access log is not written: lines wait, then drop");
        }
    }

    fn recovered(&mut self) {
        if self.figures.trouble() != Trouble::None {
            self.figures.trouble.set(Trouble::None as u64);
            self.stuck = false;
            self.retry_at = None;
            if std::mem::take(&mut self.tell_end) {
                let path = self.sink.as_ref().map(|sink| sink.path.display().to_string());
                let path = path.unwrap_or_default();
                tracing::info!(%path, "the access log is written again");
            }
        }
    }
}

impl Told {
    fn is_news(&mut self, path: &Arc<Path>, error: String, now: Instant) -> bool {
        self.0.retain(|(.., at)| now < *at + TELL_EVERY);
        if self.0.iter().any(|(of, what, _)| of == path && *what == error) {
            return false;
        }
        if self.0.len() == TOLD_MAX {
            self.0.pop_front();
        }
        self.0.push_back((path.clone(), error, now));
        true
    }
}

impl Pending {
    fn is_between_lines(&self) -> bool {
        self.written == 0 || self.batch.bytes[self.written - 1] == b'\n'
    }

    /// Another file gets a line from its beginning.
    fn back_to_the_line(&mut self) {
        let written = &self.batch.bytes[..self.written];
        self.written = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(text: &str, written: usize) -> Pending {
        let batch = Batch { path: Path::new("/a").into(), bytes: text.into(), lines: 2 };
        Pending { batch, lane: 0, written }
    }

    #[test]
    fn each_error_of_each_path_is_told_once_a_while() {
        let (mut told, now) = (Told::default(), Instant::now());
        let (one, other): (Arc<Path>, Arc<Path>) = (Path::new("/a").into(), Path::new("/b").into());
        assert!(told.is_news(&one, "full".into(), now));
        assert!(!told.is_news(&one, "full".into(), now + TELL_EVERY / 2));
        assert!(told.is_news(&one, "gone".into(), now));
        assert!(told.is_news(&other, "full".into(), now));
        assert!(told.is_news(&one, "full".into(), now + TELL_EVERY));
        for number in 0..2 * TOLD_MAX {
            assert!(told.is_news(&one, number.to_string(), now + TELL_EVERY));
        }
        assert_eq!(told.0.len(), TOLD_MAX);
    }

    #[test]
    fn another_file_gets_a_line_from_its_beginning() {
        for (written, from) in [(0, 0), (2, 0), (4, 4), (6, 4), (8, 8)] {
            let mut pending = pending("abc\ndef\n", written);
            assert_eq!(pending.is_between_lines(), written == from);
            pending.back_to_the_line();
            assert_eq!(pending.written, from);
        }
    }
}
