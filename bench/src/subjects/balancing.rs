//! Balancing: the next endpoint of an upstream, for each policy.

use std::hint::black_box;

use policy::balance::Balancer;
use policy::random::Rng;

use super::{Subject, snapshot};

pub(super) const SUBJECTS: &[Subject] = &[
    Subject { name: "balancing/least-request-10", prepare: || pick("least-request", 10) },
    Subject { name: "balancing/least-request-1000", prepare: || pick("least-request", 1000) },
    Subject { name: "balancing/round-robin-10", prepare: || pick("round-robin", 10) },
    Subject { name: "balancing/round-robin-1000", prepare: || pick("round-robin", 1000) },
    Subject { name: "balancing/random-10", prepare: || pick("random", 10) },
    Subject { name: "balancing/random-1000", prepare: || pick("random", 1000) },
];

/// Picks among endpoints of weights 1, 2 and 3 that carry a little load each.
fn pick(policy: &str, endpoints: u32) -> Box<dyn FnMut()> {
    let list: Vec<String> = (0..endpoints)
        .map(|at| {
            let (high, low, weight) = (at / 250, at % 250 + 1, at % 3 + 1);
            format!("{{ address = \"10.0.{high}.{low}:80\", weight = {weight} }}")
        })
        .collect();
    let snapshot = snapshot(&format!(
        "[[listeners]]\nname = \"l\"\nlisten = \"127.0.0.1:8080\"\nroutes = \"t\"\n\
         [[routes.t]]\nupstream = \"app\"\n\
         [upstreams.app]\nbalance = \"{policy}\"\nendpoints = [{}]\n",
        list.join(", ")
    ));
    let upstream = snapshot.upstreams.iter().flatten().next().expect("there is one upstream");
    let mut balancer = Balancer::new(upstream, 7);
    let load: Vec<u32> = (0..endpoints).map(|at| at % 5).collect();
    let mut random = Rng::new(7);
    Box::new(move || {
        let picked = balancer.pick(black_box(&load), random.draw(), None);
        black_box(picked.expect("there are endpoints"));
    })
}
