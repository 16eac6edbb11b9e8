//! Idle connections, kept per core and address for the next request.
//!
//! Keyed by address, not by upstream: two upstreams that name one address share its connections,
//! and an address that no file names can have a pool too. A connection that has seen its end, or
//! bytes that nobody asked for, is never handed out (RFC 9112 §9.3, §9.5).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::snapshot::Address;
use rt::Stream;
use signals::Gauges;

use super::usage::OpenConnection;
use crate::core::Core;

/// How often idle connections are looked at while there are any.
const SWEEP_INTERVAL: Duration = Duration::from_millis(500);

/// All pools of a core.
pub(crate) struct Pools {
    by_address: RefCell<HashMap<Address, Rc<EndpointPool>>>,
    /// Its level of idle connections is kept here.
    gauges: Arc<Gauges>,
    sweeping: Cell<bool>,
}

/// The idle connections to one address.
pub(crate) struct EndpointPool {
    pub(crate) address: rt::Address,
    idle: RefCell<Vec<Idle>>,
    gauges: Arc<Gauges>,
}

/// A connection between two requests.
pub(crate) struct Idle {
    pub(crate) stream: Stream,
    pub(crate) open: OpenConnection,
    /// Requests that it has carried.
    pub(crate) requests: u64,
    /// When it is too old to be trusted (Envoy's `idle_timeout`, or the peer's `Keep-Alive`).
    pub(crate) expires: Instant,
}

impl Pools {
    pub(crate) fn new(gauges: &Arc<Gauges>) -> Self {
        Self {
            by_address: RefCell::default(),
            gauges: Arc::clone(gauges),
            sweeping: Cell::default(),
        }
    }

    /// The pool of an address, made at first use.
    pub(crate) fn of(&self, address: &Address) -> Rc<EndpointPool> {
        let mut pools = self.by_address.borrow_mut();
        if let Some(pool) = pools.get(address) {
            return Rc::clone(pool);
        }
        let pool = Rc::new(EndpointPool {
            address: match address {
                Address::Inet(address) => rt::Address::Inet(*address),
                Address::Unix(path) => rt::Address::Unix(path.to_path_buf()),
            },
            idle: RefCell::default(),
            gauges: Arc::clone(&self.gauges),
        });
        pools.insert(address.clone(), Rc::clone(&pool));
        pool
    }

    /// Closes what is expired or ended, and forgets pools that nobody uses.
    fn sweep(&self, now: Instant) {
        self.by_address.borrow_mut().retain(|_, pool| {
            pool.sweep(now);
            Rc::strong_count(pool) > 1 || !pool.idle.borrow().is_empty()
        });
    }

    /// Closes every idle connection: the process is about to end.
    pub(crate) fn clear(&self) {
        self.by_address.borrow_mut().clear();
    }
}

/// Sees to it that idle connections are swept for as long as there are any; an idle proxy with
/// none makes no wake-ups.
pub(crate) fn keep_swept(core: &Rc<Core>) {
    if core.pools.sweeping.replace(true) {
        return;
    }
    let core = Rc::clone(core);
    rt::spawn(async move {
        while core.gauges.idle_connections.value() > 0 {
            rt::sleep(SWEEP_INTERVAL).await;
            core.pools.sweep(rt::now());
        }
        core.pools.sweeping.set(false);
    });
}

impl EndpointPool {
    /// The connection used last, which is the likeliest to be alive.
    pub(crate) fn take(&self, now: Instant) -> Option<Idle> {
        loop {
            let idle = self.idle.borrow_mut().pop()?;
            self.gauges.idle_connections.sub(1);
            if idle.is_reusable(now) {
                return Some(idle);
            }
        }
    }

    /// Keeps a connection for the next request, if there are fewer than `idle_max`.
    pub(crate) fn put(&self, connection: Idle, idle_max: usize) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < idle_max {
            idle.push(connection);
            self.gauges.idle_connections.add(1);
        }
    }

    /// Closes the connection idle for longest. False if there is none.
    pub(crate) fn close_oldest(&self) -> bool {
        let mut idle = self.idle.borrow_mut();
        if idle.is_empty() {
            return false;
        }
        let oldest = idle.remove(0);
        self.gauges.idle_connections.sub(1);
        drop(idle);
        drop(oldest);
        true
    }

    fn sweep(&self, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        let ended: Vec<Idle> = idle.extract_if(.., |idle| !idle.is_reusable(now)).collect();
        drop(idle);
        self.gauges.idle_connections.sub(ended.len() as u64);
        // Dropped outside the borrow: a connection that closes calls a waiting request.
        drop(ended);
    }
}

impl Idle {
    fn is_reusable(&self, now: Instant) -> bool {
        now < self.expires && self.stream.is_quiet()
    }
}

impl Drop for EndpointPool {
    fn drop(&mut self) {
        self.gauges.idle_connections.sub(self.idle.get_mut().len() as u64);
    }
}
