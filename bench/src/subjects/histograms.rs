//! Signals: one request counted on its core, and a core's counts merged off it.

use std::hint::black_box;
use std::sync::Arc;

use config::snapshot::{RouteIx, UpstreamIx};
use policy::random::Rng;
use signals::{Generation, Generations, Outcome, SERIES_MAX, Tally, Totals};

use super::{Subject, snapshot};

pub(super) const SUBJECTS: &[Subject] = &[
    Subject { name: "histograms/record", prepare: record },
    Subject { name: "histograms/merge", prepare: merge },
];

const GENERATION: Generation = Generation(1);

fn record() -> Box<dyn FnMut()> {
    let mut tally = Tally::new(SERIES_MAX);
    let mut random = Rng::new(7);
    Box::new(move || tally.record(black_box(&outcome(&mut random))))
}

/// A collection: what one core counted in 100 requests goes into the totals.
fn merge() -> Box<dyn FnMut()> {
    let snapshot = snapshot(
        "[[listeners]]\nname = \"l\"\nlisten = \"127.0.0.1:8080\"\nroutes = \"t\"\n\
         [[routes.t]]\nupstream = \"app\"\n[upstreams.app]\nendpoints = [\"127.0.0.1:9000\"]\n",
    );
    let mut generations = Generations::default();
    generations.begin(GENERATION, Arc::new(snapshot));
    let mut totals = Totals::new(SERIES_MAX);
    let mut tally = Tally::new(SERIES_MAX);
    let mut random = Rng::new(7);
    Box::new(move || {
        for _ in 0..100 {
            tally.record(&outcome(&mut random));
        }
        totals.merge(black_box(&mut tally), &generations, 1);
    })
}

fn outcome(random: &mut Rng) -> Outcome {
    let took_us = 100 + random.draw() % 10_000;
    Outcome {
        generation: GENERATION,
        listener: 0,
        route: Some(RouteIx(0)),
        upstream: Some(UpstreamIx(0)),
        status: 200,
        flag: None,
        bytes_in: 0,
        bytes_out: 128,
        duration_us: took_us,
        own_us: took_us / 10,
        upstream_us: Some(took_us * 9 / 10),
        retries: 0,
    }
}
