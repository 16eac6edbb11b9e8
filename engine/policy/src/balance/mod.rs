//! Which endpoint of an upstream gets the next request or connection.
//!
//! Not which endpoints are healthy, nor their load: `engine` owns one [`Balancer`] per core and
//! upstream, and passes the load that its core has put on each endpoint. A new policy is one file
//! and one line in each `match` here.

mod least_request;
mod random;
mod round_robin;
mod shares;
#[cfg(test)]
mod tests;

use config::snapshot::{Balance, Upstream};

use crate::EndpointIx;
use least_request::LeastRequest;
use random::Random;
use round_robin::RoundRobin;

/// One upstream's balancing policy, with this core's state.
#[derive(Debug)]
pub struct Balancer(Policy);

#[derive(Debug)]
enum Policy {
    RoundRobin(RoundRobin),
    LeastRequest(LeastRequest),
    Random(Random),
}

impl Balancer {
    /// `seed` should differ from core to core, so that they do not call on the endpoints in step.
    /// Endpoints beyond the 65,536th are never picked; `check` refuses them.
    pub fn new(upstream: &Upstream, seed: u64) -> Self {
        let weights: Vec<u32> =
            upstream.endpoints.iter().take(1 << 16).map(|endpoint| endpoint.weight).collect();
        Self(match upstream.balance {
            Balance::RoundRobin => Policy::RoundRobin(RoundRobin::new(&weights, seed)),
            Balance::LeastRequest => Policy::LeastRequest(LeastRequest::new(&weights)),
            Balance::Random => Policy::Random(Random::new(&weights)),
        })
    }

    /// The endpoint for the next request; `None` only if the upstream has none.
    ///
    /// `load[i]` is the number of requests that this core has in flight at endpoint `i` (a missing
    /// entry counts as 0), `random` is uniform. `avoid` is not picked (a retry names the endpoint
    /// that just failed), unless there is no other.
    pub fn pick(
        &mut self,
        load: &[u32],
        random: u64,
        avoid: Option<EndpointIx>,
    ) -> Option<EndpointIx> {
        let avoid = avoid.map(EndpointIx::index);
        let picked = match &mut self.0 {
            Policy::RoundRobin(policy) => policy.pick(avoid),
            Policy::LeastRequest(policy) => policy.pick(load, random, avoid),
            Policy::Random(policy) => policy.pick(random, avoid),
        };
        picked.map(|at| EndpointIx(u16::try_from(at).expect("new() takes 65,536 at most")))
    }
}
