//! The peer we call: one core's view of an upstream, and connections to its endpoints.
//!
//! Not here: which upstream a request goes to (`policy::route`), or whether to try again
//! (`exchange`). Everything in this room belongs to one core; nothing is shared.

mod connection;
mod pool;
mod queue;
mod usage;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use config::snapshot::Upstream as UpstreamConfig;
use policy::balance::Balancer;
use policy::{Cause, EndpointIx, Failure};
use signals::{Levels, UpstreamAt};

pub(crate) use connection::Connection;
pub(crate) use pool::{EndpointPool, Pools};
use usage::Usage;

use crate::core::Core;

/// One core's state of an upstream. Carried over a reload for as long as its configuration is the
/// same; requests in flight keep it alive when it is not.
pub(crate) struct Upstream {
    pub(crate) config: Arc<UpstreamConfig>,
    /// What signals call it: the newest generation that has it.
    pub(crate) at: Cell<UpstreamAt>,
    balancer: RefCell<Balancer>,
    /// Requests in flight by endpoint: what the balancer weighs.
    active: RefCell<Vec<u32>>,
    endpoints: Vec<Endpoint>,
    usage: Rc<Usage>,
}

/// One address of an upstream.
pub(crate) struct Endpoint {
    /// As logs and metrics show it.
    pub(crate) name: Box<str>,
    pub(crate) pool: Rc<EndpointPool>,
}

impl Upstream {
    pub(crate) fn new(config: &Arc<UpstreamConfig>, at: UpstreamAt, core: &Core) -> Self {
        let endpoints = config.endpoints.iter().map(|endpoint| Endpoint {
            name: endpoint.address.to_string().into(),
            pool: core.pools.of(&endpoint.address),
        });
        Self {
            balancer: RefCell::new(Balancer::new(config, core.random())),
            active: RefCell::new(vec![0; config.endpoints.len()]),
            endpoints: endpoints.collect(),
            usage: Usage::new(core.share_of(&config.limits), &core.gauges),
            at: Cell::new(at),
            config: Arc::clone(config),
        }
    }

    /// Chooses an endpoint, if possible another than `avoid`.
    pub(crate) fn pick(
        self: &Rc<Self>,
        random: u64,
        avoid: Option<EndpointIx>,
    ) -> Result<Picked, Failure> {
        let mut active = self.active.borrow_mut();
        let ix = self
            .balancer
            .borrow_mut()
            .pick(&active, random, avoid)
            .ok_or(Failure::from(Cause::NoEndpoint))?;
        active[ix.index()] += 1;
        Ok(Picked { upstream: Rc::clone(self), ix })
    }

    /// What this core has in use of it.
    pub(crate) fn levels(&self) -> Levels {
        self.usage.levels()
    }

    pub(crate) fn endpoint(&self, ix: EndpointIx) -> &Endpoint {
        &self.endpoints[ix.index()]
    }

    /// Makes room for a connection to one endpoint by closing an idle one to another. False if
    /// there is none.
    fn close_an_idle_connection(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.pool.close_oldest())
    }
}

/// A chosen endpoint with a request on it; dropping it takes the request off its load.
pub(crate) struct Picked {
    upstream: Rc<Upstream>,
    pub(crate) ix: EndpointIx,
}

impl Picked {
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.upstream.endpoint(self.ix)
    }

    pub(crate) fn upstream(&self) -> &Rc<Upstream> {
        &self.upstream
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        self.upstream.active.borrow_mut()[self.ix.index()] -= 1;
    }
}
