//! Snapshots and outcomes for the tests.

use std::sync::Arc;

use config::Snapshot;
use config::snapshot::{RouteIx, UpstreamIx};
use signals::{Generation, Generations, Outcome, Totals};

/// One listener `in` with routes `first` and `second`, upstreams `a` and `b`, in the order given.
pub(crate) fn snapshot(routes: [&str; 2], upstreams: [&str; 2]) -> Arc<Snapshot> {
    let mut text =
        "[[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:0\"\nroutes = \"t\"\n".to_owned();
    for (name, upstream) in routes.iter().zip(upstreams) {
        text += &format!(
            "[[routes.t]]\nname = \"{name}\"\nmatch = {{ path = \"/{name}\" }}\n\
             upstream = \"{upstream}\"\n"
        );
    }
    for name in upstreams {
        text += &format!("[upstreams.{name}]\nendpoints = [\"127.0.0.1:1\"]\n");
    }
    let loaded = config::load("test.toml", text.as_bytes(), None);
    Arc::new(loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot)
}

/// A snapshot's upstream by name.
pub(crate) fn upstream(snapshot: &Snapshot, name: &str) -> UpstreamIx {
    let named = |slot: &Option<Arc<config::snapshot::Upstream>>| {
        slot.as_ref().is_some_and(|upstream| &*upstream.name == name)
    };
    let place = snapshot.upstreams.iter().position(named).expect("the snapshot has it");
    UpstreamIx(u32::try_from(place).expect("small"))
}

/// `snapshot` as generation 1.
pub(crate) fn names(snapshot: &Arc<Snapshot>) -> Generations {
    let mut names = Generations::default();
    names.begin(Generation(1), snapshot.clone());
    names
}

/// A good request by the first route, generation 1, without an upstream.
pub(crate) fn outcome() -> Outcome {
    Outcome {
        generation: Generation(1),
        listener: 0,
        route: Some(RouteIx(0)),
        upstream: None,
        status: 200,
        flag: None,
        bytes_in: 10,
        bytes_out: 100,
        duration_us: 1_000,
        own_us: 40,
        upstream_us: None,
        retries: 0,
    }
}

/// `route -> upstream status flag: requests` for each series.
pub(crate) fn requests(totals: &Totals) -> Vec<String> {
    let mut all = Vec::new();
    for (key, traffic) in totals.traffic() {
        for ((status, flag), requests) in &traffic.requests {
            all.push(format!("{} -> {} {status} {flag}: {requests}", key.route, key.upstream));
        }
    }
    all
}
