//! A core's life: it opens its share of the listeners, serves by one snapshot after the other,
//! drains, ends.
//!
//! One per thread; nothing in it is shared but what `control` hands in. Not here: requests.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use config::Snapshot;
use config::snapshot::Limits;
use control::{BoundSocket, CoreBoot, CoreOrder, Reports};
use policy::breaker;
use policy::random::Rng;
use rt::CoreId;
use signals::{Event, Gauges, Generation, ListenerAt, ListenerEvent, Outcome};
use signals::{Tally, UpstreamAt, UpstreamEvent};

use crate::access_log::{self, AccessLog};
use crate::date::DateClock;
use crate::downstream::{self, Acceptor, Listener, Registry};
use crate::exchange::Workspace;
use crate::upstream::Pools;
use crate::view::{Room, View};

/// Workspaces that a core keeps for its next requests.
const WORKSPACES_KEPT_MAX: usize = 256;

/// What all tasks of a core share.
pub(crate) struct Core {
    id: CoreId,
    cores: usize,
    view: RefCell<Rc<View>>,
    pub(crate) pools: Pools,
    pub(crate) workspaces: rt::Pool<Workspace>,
    pub(crate) connections: Registry,
    pub(crate) gauges: Arc<Gauges>,
    tally: RefCell<Box<Tally>>,
    random: RefCell<Rng>,
    date: DateClock,
    pub(crate) access_log: AccessLog,
    draining: Cell<bool>,
    /// By the listener's name.
    acceptors: RefCell<HashMap<Arc<str>, Acceptor>>,
    /// Acceptors that have not ended, those that are closing included.
    accepting: Cell<usize>,
    reports: Rc<Reports>,
}

/// Runs a core until it is ordered to stop.
pub(crate) async fn run(boot: CoreBoot) {
    let CoreBoot { core: id, cores, generation, snapshot, sockets, mut orders, .. } = boot;
    let reports = Rc::new(boot.reports);
    let room = Room { cores, descriptors: boot.descriptors };
    let first = View::first(snapshot, generation, room, &reports);
    let core = Rc::new(Core {
        id,
        cores,
        view: RefCell::new(Rc::new(first)),
        pools: Pools::new(&boot.gauges),
        workspaces: rt::Pool::new(WORKSPACES_KEPT_MAX, Workspace::default, Workspace::clear),
        connections: Registry::default(),
        gauges: boot.gauges,
        tally: RefCell::new(boot.tally),
        random: RefCell::new(Rng::new(boot.seed)),
        date: DateClock::default(),
        access_log: AccessLog::new(boot.lines),
        draining: Cell::default(),
        acceptors: RefCell::default(),
        accepting: Cell::default(),
        reports,
    });
    rt::spawn(access_log::send_in_time(Rc::clone(&core)));
    core.open(sockets);
    core.reports.serving(generation);
    while let Some(order) = orders.recv().await {
        match order {
            CoreOrder::Publish { generation, snapshot, sockets } => {
                core.publish(snapshot, generation, sockets);
                core.reports.serving(generation);
            }
            CoreOrder::Collect { empty } => core.reports.collected(core.hand_over(empty)),
            CoreOrder::Drain => core.drain(),
            CoreOrder::Stop => break,
        }
    }
    core.pools.clear();
}

impl Core {
    /// Takes a new snapshot into service. Requests in flight keep the one they began with.
    fn publish(
        self: &Rc<Self>,
        snapshot: Arc<Snapshot>,
        generation: Generation,
        sockets: Vec<BoundSocket>,
    ) {
        let old = self.view();
        let new = Rc::new(old.next(snapshot, generation));
        let place_of = |name: &str| new.snapshot.listeners.iter().position(|l| *l.name == *name);
        self.acceptors.borrow_mut().retain(|name, acceptor| match place_of(name) {
            Some(place) => {
                acceptor.listener.move_to(place);
                true
            }
            None => {
                acceptor.listener.retire(&old);
                self.connections.drain(Some(&acceptor.listener));
                acceptor.close();
                false
            }
        });
        self.view.replace(new);
        self.open(sockets);
    }

    /// Accepts from new sockets: those of new listeners, and those that replace an old one.
    fn open(self: &Rc<Self>, sockets: Vec<BoundSocket>) {
        let view = self.view();
        for BoundSocket { listener: name, fd } in sockets {
            let place = view.snapshot.listeners.iter().position(|listener| listener.name == name);
            let Some(place) = place else { continue };
            let replaced = self.acceptors.borrow_mut().remove(&name);
            let listener = match replaced {
                Some(replaced) => {
                    replaced.close();
                    replaced.listener
                }
                None => Rc::new(Listener::new(place)),
            };
            if let Some(acceptor) = downstream::accept(fd, self, listener) {
                self.acceptors.borrow_mut().insert(name, acceptor);
            }
        }
    }

    /// The tally so far, and what is in use at upstreams now; counting goes on in `empty`.
    fn hand_over(&self, empty: Box<Tally>) -> Box<Tally> {
        let mut tally = self.tally.replace(empty);
        for upstream in self.view().used() {
            tally.note(upstream.at.get(), upstream.levels());
        }
        tally
    }

    /// The view that a request beginning now is served by.
    pub(crate) fn view(&self) -> Rc<View> {
        Rc::clone(&self.view.borrow())
    }

    /// Uniform, of no use where an enemy must not guess it.
    pub(crate) fn random(&self) -> u64 {
        self.random.borrow_mut().draw()
    }

    pub(crate) fn random_128(&self) -> u128 {
        u128::from(self.random()) << 64 | u128::from(self.random())
    }

    /// The `Date` of a message made now.
    pub(crate) fn date(&self) -> [u8; 29] {
        self.date.text()
    }

    /// This core's part of an upstream's limits, which are the process's.
    pub(crate) fn share_of(&self, limits: &Limits) -> Limits {
        breaker::share(limits, u32::from(self.id.0), self.cores_u32())
    }

    /// This core's part of a limit of connections.
    pub(crate) fn share_of_connections(&self, connections_max: usize) -> usize {
        connections_max.div_ceil(self.cores)
    }

    fn cores_u32(&self) -> u32 {
        u32::try_from(self.cores).expect("a core's id has 16 bits")
    }

    /// True once the process is to end: every answer closes its connection.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    fn drain(&self) {
        self.draining.set(true);
        self.connections.drain(None);
        self.drain_on();
    }

    /// Goes on with a drain. New clients are accepted until, for a moment, there is none; then the
    /// sockets close, and what was queued on them is served to its end.
    fn drain_on(&self) {
        if !self.is_draining() || !self.connections.is_empty() {
            return;
        }
        if self.accepting.get() == 0 {
            self.reports.drained();
        }
        for (_, acceptor) in self.acceptors.borrow_mut().drain() {
            acceptor.close();
        }
    }

    pub(crate) fn acceptor_began(&self) {
        self.accepting.set(self.accepting.get() + 1);
    }

    pub(crate) fn acceptor_ended(&self) {
        self.accepting.set(self.accepting.get() - 1);
        self.drain_on();
    }

    pub(crate) fn record(&self, outcome: &Outcome) {
        self.tally.borrow_mut().record(outcome);
    }

    pub(crate) fn count_upstream(&self, at: UpstreamAt, event: UpstreamEvent) {
        self.tally.borrow_mut().count(Event::Upstream(at, event));
    }

    /// A request waited so long for an upstream's connection to become free.
    pub(crate) fn count_wait(&self, at: UpstreamAt, waited: Duration) {
        let us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        let mut tally = self.tally.borrow_mut();
        tally.count(Event::Upstream(at, UpstreamEvent::Waited));
        tally.add(Event::Upstream(at, UpstreamEvent::WaitedUs), us);
    }

    pub(crate) fn count_listener(&self, at: ListenerAt, event: ListenerEvent) {
        self.tally.borrow_mut().count(Event::Listener(at, event));
    }

    pub(crate) fn connection_closed(&self) {
        self.gauges.downstream_connections.sub(1);
        self.drain_on();
    }
}
