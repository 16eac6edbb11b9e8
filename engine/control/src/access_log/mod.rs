//! The access log behind the cores: one thread of low priority that writes what they render.
//!
//! Not what a line says (`engine::access_log`). A core hands over batches by its `lane`; the
//! `writer` takes them from all lanes in turn and puts them into a `sink`. However stuck the file
//! may be, no core, no page and no signal waits for it, and the end of the process at most
//! [`FLUSH_MAX`].

mod lane;
mod sink;
mod writer;

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, Thread};
use std::time::Duration;

use config::Snapshot;
use signals::Gauge;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub(crate) use lane::Lane;
pub use lane::{BATCH_BYTES, Batch, LineSender};
pub(crate) use sink::inherited;
use writer::Writer;

/// How long the last lines of a process may take.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// Orders that wait at most. One more would say what one of them says already.
const ORDERS_MAX: usize = 16;

/// It needs little, and the default is megabytes.
const STACK_BYTES: usize = 256 << 10;

/// What the writer is told. The end of the channel tells it to write what is left, and to end.
#[derive(Debug)]
enum Order {
    /// The file of the configuration in force; `None`: there is no log.
    Use(Option<Arc<Path>>),
    /// Open the file again: the old one may have been renamed.
    Reopen,
}

/// The control thread's hand on the writer.
pub(crate) struct AccessLog {
    /// `None` once it is to end.
    orders: Cell<Option<SyncSender<Order>>>,
    writer: Thread,
    ended: Cell<Option<oneshot::Receiver<()>>>,
    figures: Arc<Figures>,
}

/// What the writer and its lanes tell, readable at any time.
#[derive(Debug)]
pub(crate) struct Figures {
    /// By core.
    pub(crate) lanes: Vec<Arc<Lane>>,
    /// Written by the writer alone, as are all below.
    pub(crate) lines: Gauge,
    pub(crate) bytes: Gauge,
    /// Failed attempts to write or to open.
    pub(crate) errors: Gauge,
    pub(crate) opens: Gauge,
    pub(crate) is_open: Gauge,
    /// Lines of a file that could not be written before the configuration named another, by
    /// trouble.
    given_up: [Gauge; Trouble::ALL.len()],
    trouble: Gauge,
    /// The `errno` of the trouble.
    errno: Gauge,
}

/// What keeps the writer from writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing but its work.
    None,
    /// The file cannot be opened; a named pipe has no reader.
    NotOpen,
    /// A pipe is full, as nobody reads it.
    NotRead,
    /// The file takes no more: the disk is full, or broken.
    Failing,
}

/// Starts the writer, with a lane for each of so many cores.
pub(crate) fn start(cores: usize) -> io::Result<(AccessLog, Vec<LineSender>)> {
    let figures = Arc::new(Figures::new(cores));
    let (orders, ordered) = sync_channel(ORDERS_MAX);
    let (tell, ended) = oneshot::channel();
    let writer = Writer::new(figures.clone(), ordered);
    let thread = thread::Builder::new().name("access-log".into()).stack_size(STACK_BYTES).spawn(
        move || {
            writer.run();
            // Nobody may wait for it any more.
            let _ = tell.send(());
        },
    )?;
    let writer = thread.thread().clone();
    let sender = |lane: &Arc<Lane>| LineSender {
        lane: lane.clone(),
        figures: figures.clone(),
        writer: writer.clone(),
    };
    let senders = figures.lanes.iter().map(sender).collect();
    let (orders, ended) = (Cell::new(Some(orders)), Cell::new(Some(ended)));
    Ok((AccessLog { orders, writer, ended, figures }, senders))
}

impl AccessLog {
    /// A new configuration is in force. Lines know their file by themselves; this opens it before
    /// the first line, and closes the last one.
    pub(crate) fn follow(&self, snapshot: &Snapshot) {
        self.order(Order::Use(snapshot.access_log.as_ref().map(|log| log.path.clone())));
    }

    /// Opens the file again.
    pub(crate) fn reopen(&self) {
        self.order(Order::Reopen);
    }

    fn order(&self, order: Order) {
        let orders = self.orders.take();
        if let Some(orders) = &orders {
            // A queue that is full holds an order to the same effect, or lines will bring it about.
            let _ = orders.try_send(order);
            self.writer.unpark();
        }
        self.orders.set(orders);
    }

    /// Writes what is left, within bounds. All cores have ended, or will not.
    pub(crate) async fn finish(&self) {
        drop(self.orders.take());
        self.writer.unpark();
        if let Some(ended) = self.ended.take() {
            // The writer keeps to its own limit, unless the kernel holds it.
            let _ = timeout(FLUSH_MAX + FLUSH_MAX / 10, ended).await;
        }
    }

    pub(crate) fn figures(&self) -> &Arc<Figures> {
        &self.figures
    }
}

impl Figures {
    /// Of so many cores, nothing written yet.
    pub(crate) fn new(cores: usize) -> Self {
        Self {
            lanes: (0..cores).map(|_| Arc::new(Lane::new())).collect(),
            lines: Gauge::default(),
            bytes: Gauge::default(),
            errors: Gauge::default(),
            opens: Gauge::default(),
            is_open: Gauge::default(),
            given_up: Default::default(),
            trouble: Gauge::default(),
            errno: Gauge::default(),
        }
    }

    /// Lines dropped while the writer was in this trouble, by whomever.
    pub(crate) fn dropped(&self, trouble: Trouble) -> u64 {
        let by_cores: u64 = self.lanes.iter().map(|lane| lane.dropped(trouble)).sum();
        by_cores + self.given_up[trouble as usize].value()
    }

    pub(crate) fn trouble(&self) -> Trouble {
        let at = usize::try_from(self.trouble.value()).unwrap_or_default();
        Trouble::ALL.get(at).copied().unwrap_or(Trouble::None)
    }

    /// What the kernel said last, if the writer is in trouble.
    pub(crate) fn error(&self) -> Option<String> {
        let errno = i32::try_from(self.errno.value()).unwrap_or_default();
        match self.trouble() {
            Trouble::None => None,
            Trouble::NotRead => Some("the pipe is full: nobody reads it".to_owned()),
            Trouble::NotOpen | Trouble::Failing => {
                Some(io::Error::from_raw_os_error(errno).to_string())
            }
        }
    }
}

impl Trouble {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::NotOpen, Self::NotRead, Self::Failing];

    /// Why a line was dropped: a label's value.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "slow",
            Self::NotOpen => "not_open",
            Self::NotRead => "not_read",
            Self::Failing => "write_error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lane::QUEUE_MAX;

    /// A sender whose writer never comes.
    fn sender(figures: &Arc<Figures>) -> LineSender {
        let (lane, writer) = (figures.lanes[0].clone(), thread::current());
        LineSender { lane, figures: figures.clone(), writer }
    }

    fn batch(sender: &LineSender, lines: u64) -> Batch {
        Batch { path: Path::new("/a").into(), bytes: sender.buffer(), lines }
    }

    #[test]
    fn a_full_queue_drops_and_counts_lines_by_the_writers_trouble() {
        let figures = Arc::new(Figures::new(1));
        let sender = sender(&figures);
        for _ in 0..QUEUE_MAX {
            sender.send(batch(&sender, 1));
        }
        assert_eq!(figures.lanes[0].queued(), QUEUE_MAX);
        sender.send(batch(&sender, 3));
        figures.trouble.set(Trouble::NotRead as u64);
        sender.send(batch(&sender, 5));
        let dropped = Trouble::ALL.map(|trouble| figures.dropped(trouble));
        assert_eq!(dropped, [3, 0, 5, 0]);
    }

    #[test]
    fn buffers_come_back_and_enormous_ones_do_not() {
        let figures = Arc::new(Figures::new(1));
        let sender = sender(&figures);
        let mut bytes = sender.buffer();
        bytes.extend_from_slice(b"line\n");
        let place = bytes.as_ptr();
        figures.lanes[0].give_back(bytes);
        let again = sender.buffer();
        assert!(again.is_empty() && again.as_ptr() == place);
        figures.lanes[0].give_back(Vec::with_capacity(1 << 20));
        assert!(sender.buffer().capacity() < 1 << 20);
    }
}
