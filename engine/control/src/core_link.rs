//! What the control thread and a core say to each other: orders by a core's mailbox, reports by one
//! bounded channel. Nothing else passes between them but gauges.
//!
//! The engine sees [`CoreBoot`], [`CoreOrder`] and [`Reports`]; `CoreLink` stays on the control
//! side.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::SystemTime;

use config::Snapshot;
use rt::{CoreGauges, CoreId, MailSender};
use signals::{Gauges, Generation, Tally};
use tokio::sync::mpsc;

use crate::access_log::LineSender;

/// Orders that wait in a core's mailbox at most. Few are ever there: one of each kind and a reload.
pub(crate) const ORDERS_MAX: usize = 64;

/// Answers to one order at most: a publication is answered, and retires the snapshot before it.
pub(crate) const REPORTS_PER_ORDER: usize = 2;

/// All that a core needs to begin. Made by `control::run`, consumed by the engine's `core::run`.
#[derive(Debug)]
pub struct CoreBoot {
    /// Which core.
    pub core: CoreId,
    /// How many cores there are, this one included.
    pub cores: usize,
    /// The number of `snapshot`.
    pub generation: Generation,
    /// The configuration to begin with.
    pub snapshot: Arc<Snapshot>,
    /// One for each listener of the snapshot.
    pub sockets: Vec<BoundSocket>,
    /// Read between turns.
    pub orders: rt::Inbox<CoreOrder>,
    /// Where the core answers. Its drop tells that the core has ended: keep it to the end.
    pub reports: Reports,
    /// The core's levels, which the core alone writes.
    pub gauges: Arc<Gauges>,
    /// Seeds the core's random choices; another one for each core.
    pub seed: u64,
    /// The process's limit of descriptors (RLIMIT_NOFILE).
    pub descriptors: u64,
    /// Where its lines of the access log go.
    pub lines: LineSender,
    /// What the core counts in until the first [`CoreOrder::Collect`].
    pub tally: Box<Tally>,
}

/// A socket that is bound and listening, non-blocking, for one core.
#[derive(Debug)]
pub struct BoundSocket {
    /// The listener's name.
    pub listener: Arc<str>,
    /// The socket. With `SO_REUSEPORT` each core has one of its own; a Unix socket is one queue,
    /// and each core has a duplicate of it.
    pub fd: OwnedFd,
}

/// What a core is told.
#[derive(Debug)]
pub enum CoreOrder {
    /// Serve by this snapshot from the next request on; answer `serving`. Requests in flight keep
    /// the old one; when the last of them has ended, send it home with `retired`.
    Publish {
        /// The number of `snapshot`.
        generation: Generation,
        /// The new configuration.
        snapshot: Arc<Snapshot>,
        /// A socket replaces the one of its listener's name. A listener that had a socket and is
        /// not in the snapshot, or whose socket is replaced, accepts until its queue is empty and
        /// closes.
        sockets: Vec<BoundSocket>,
    },
    /// Hand over the tally and go on with `empty`; answer `collected`.
    Collect {
        /// Without counts; its memory is reused.
        empty: Box<Tally>,
    },
    /// Close idle connections, end each other one with its current request (`Connection: close`),
    /// go on accepting; answer `drained` when no request is left. [`CoreOrder::Stop`] follows.
    Drain,
    /// End the core's main future now.
    Stop,
}

/// What a core tells.
#[derive(Debug)]
pub(crate) enum CoreReport {
    Serving { core: CoreId, serving: Serving },
    Collected { core: CoreId, tally: Box<Tally> },
    Drained { core: CoreId },
    Retired { generation: Generation, snapshot: Arc<Snapshot> },
    Ended { core: CoreId },
}

/// What a core serves by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serving {
    pub(crate) generation: Generation,
    /// By the core's own clock: a busy control thread reads the report later.
    pub(crate) since: SystemTime,
}

/// The control side of one core.
#[derive(Debug)]
pub(crate) struct CoreLink {
    pub(crate) id: CoreId,
    pub(crate) orders: MailSender<CoreOrder>,
    pub(crate) levels: Arc<Gauges>,
    pub(crate) runtime: Arc<CoreGauges>,
    /// Until it reports that it has ended.
    pub(crate) alive: Cell<bool>,
    /// As it last reported; `None` before its first report.
    pub(crate) serving: Cell<Option<Serving>>,
}

/// A core's voice. Every call returns at once and allocates nothing.
///
/// The channel has room for all answers to [`ORDERS_MAX`] orders per core, so none is lost; should
/// a core say more than it was asked, the surplus is dropped.
#[derive(Debug)]
pub struct Reports {
    core: CoreId,
    sender: mpsc::Sender<CoreReport>,
}

impl Reports {
    pub(crate) fn new(core: CoreId, sender: mpsc::Sender<CoreReport>) -> Self {
        Self { core, sender }
    }

    /// The core listens on all sockets and uses the snapshot of this number. `/ready` waits for the
    /// first of these from every core.
    pub fn serving(&self, generation: Generation) {
        let serving = Serving { generation, since: SystemTime::now() };
        self.say(CoreReport::Serving { core: self.core, serving });
    }

    /// The counts since the last collection.
    pub fn collected(&self, tally: Box<Tally>) {
        self.say(CoreReport::Collected { core: self.core, tally });
    }

    /// A drain was ordered and no request is left.
    pub fn drained(&self) {
        self.say(CoreReport::Drained { core: self.core });
    }

    /// No request of this core uses that snapshot any more. Its last reference is dropped off the
    /// core; all counts made against `generation` are in the tally by now.
    pub fn retired(&self, generation: Generation, snapshot: Arc<Snapshot>) {
        self.say(CoreReport::Retired { generation, snapshot });
    }

    fn say(&self, report: CoreReport) {
        let _ = self.sender.try_send(report);
    }
}

impl Drop for Reports {
    /// The main future ended, or its thread unwinds.
    fn drop(&mut self) {
        self.say(CoreReport::Ended { core: self.core });
    }
}
