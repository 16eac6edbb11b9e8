//! What is counted is bounded, and what is bounded says what it left out; a known series costs no
//! allocation.

use std::hint::black_box;

use crate::world::{names, outcome, requests, snapshot, upstream};
use config::snapshot::RouteIx;
use signals::{Dropped, Event, Expired, Generation, ListenerAt, ListenerEvent, Outcome};
use signals::{OWN_BOUNDS_US, REQUEST_BOUNDS_US, SERIES_MAX, Tally, Totals};

const FAULTS: [&str; 3] = ["bare_cr", "bare_lf", "nul"];

fn fault(fault: &'static str) -> Event {
    let at = ListenerAt { generation: Generation(1), listener: 0 };
    Event::Listener(at, ListenerEvent::Fault(fault))
}

#[test]
fn a_core_s_tally_is_bounded_and_says_what_it_dropped() {
    let mut tally = Tally::new(2);
    for status in 200..210 {
        tally.record(&Outcome { status, ..outcome() });
    }
    for name in FAULTS {
        tally.count(fault(name));
    }
    let mut totals = Totals::new(SERIES_MAX);
    totals.merge(&mut tally, &names(&snapshot(["first", "second"], ["a", "b"])), 0);
    // Two series found room; no histogram did (three are wanted by each), and no event.
    assert_eq!(totals.dropped(), Dropped { requests: 8, histograms: 6, events: 3, levels: 0 });
    let counted = ["first ->  200 : 1", "first ->  201 : 1", "(other) -> (other) 0 : 8"];
    assert_eq!(requests(&totals), counted);
}

#[test]
fn totals_are_bounded_however_many_series_the_cores_bring() {
    let names = names(&snapshot(["first", "second"], ["a", "b"]));
    let mut totals = Totals::new(100);
    let mut tally = Tally::new(SERIES_MAX);
    for status in 200..600 {
        tally.record(&Outcome { status, ..outcome() });
    }
    totals.merge(&mut tally, &names, 0);
    assert!(totals.lines() <= 100, "{}", totals.lines());
    assert!(totals.dropped().requests > 300, "{:?}", totals.dropped());
}

#[test]
fn idle_series_make_room_when_half_of_it_is_taken() {
    let snapshot = snapshot(["first", "second"], ["a", "b"]);
    let names = names(&snapshot);
    let mut totals = Totals::new(141);
    let mut tally = Tally::new(SERIES_MAX);
    tally.record(&Outcome { route: Some(RouteIx(1)), ..outcome() });
    totals.merge(&mut tally, &names, 0);
    tally.record(&outcome());
    totals.merge(&mut tally, &names, 4_000);
    totals.expire(3_600, &snapshot);
    assert_eq!(totals.expired(), Expired { gone: 0, idle: 26 });
    assert_eq!(requests(&totals), ["first ->  200 : 1"]);
    let room_before = totals.lines();
    totals.merge(&mut tally, &names, 8_000);
    totals.expire(3_600, &snapshot);
    assert_eq!(totals.lines(), room_before, "less than half is taken: nothing is forgotten");
}

#[test]
fn what_the_configuration_has_no_more_is_forgotten_once_idle_and_nothing_else_is() {
    let before = snapshot(["first", "second"], ["a", "b"]);
    let names = names(&before);
    let (mut totals, mut tally) = (Totals::new(SERIES_MAX), Tally::new(SERIES_MAX));
    for route in [0, 1] {
        let upstream = Some(upstream(&before, "a"));
        tally.record(&Outcome { route: Some(RouteIx(route)), upstream, ..outcome() });
    }
    tally.count(fault("nul"));
    totals.merge(&mut tally, &names, 0);
    totals.merge(&mut tally, &names, 4_000);
    totals.expire(3_600, &before);
    assert_eq!((requests(&totals).len(), totals.expired()), (2, Expired::default()));

    let after = snapshot(["first", "third"], ["a", "b"]);
    totals.expire(4_000, &after);
    assert_eq!(requests(&totals).len(), 2, "it is not idle for so long yet");
    let room_before = totals.lines();
    totals.expire(3_600, &after);
    assert_eq!(requests(&totals), ["first -> a 200 : 1"]);
    let gone = totals.expired().gone;
    assert_eq!(gone, 4 + 22, "three sums and a code, and a histogram");
    assert_eq!(room_before - totals.lines(), 26);
}

#[test]
fn a_smaller_limit_forgets_nothing_and_lets_nothing_in() {
    let names = names(&snapshot(["first", "second"], ["a", "b"]));
    let (mut totals, mut tally) = (Totals::new(SERIES_MAX), Tally::new(SERIES_MAX));
    tally.record(&outcome());
    totals.merge(&mut tally, &names, 0);
    totals.limit(1);
    tally.record(&outcome());
    tally.record(&Outcome { route: Some(RouteIx(1)), ..outcome() });
    totals.merge(&mut tally, &names, 0);
    assert_eq!(requests(&totals), ["first ->  200 : 2", "(other) -> (other) 0 : 1"]);
}

#[test]
fn a_known_series_is_recorded_without_allocation_also_after_a_collection() {
    let names = names(&snapshot(["first", "second"], ["a", "b"]));
    let (mut totals, mut tally) = (Totals::new(SERIES_MAX), Tally::new(SERIES_MAX));
    let count = |tally: &mut Tally| {
        for duration_us in [1, 70, 5_000, 90_000_000] {
            tally.record(black_box(&Outcome { duration_us, ..outcome() }));
        }
        for name in FAULTS {
            tally.count(fault(name));
        }
    };
    count(&mut tally);
    totals.merge(&mut tally, &names, 0);
    let again = allocation_counter::measure(|| count(&mut tally));
    assert_eq!(again.count_total, 0);
}

#[test]
fn a_time_falls_into_the_bucket_of_its_bound() {
    let names = names(&snapshot(["first", "second"], ["a", "b"]));
    for bound_us in REQUEST_BOUNDS_US {
        let (mut totals, mut tally) = (Totals::new(SERIES_MAX), Tally::new(SERIES_MAX));
        tally.record(&Outcome { duration_us: bound_us, own_us: OWN_BOUNDS_US[0], ..outcome() });
        totals.merge(&mut tally, &names, 0);
        for (key, times) in totals.distributions() {
            let below: Vec<_> = times.cumulative().collect();
            let at = if key.measure == signals::Measure::Own { OWN_BOUNDS_US[0] } else { bound_us };
            for (bound, count) in below {
                assert_eq!(count, u64::from(bound >= at), "{:?}: {at} in {bound}", key.measure);
            }
        }
    }
}

#[test]
fn percentiles_are_exact_to_the_digits_kept() {
    let names = names(&snapshot(["first", "second"], ["a", "b"]));
    let (mut totals, mut tally) = (Totals::new(SERIES_MAX), Tally::new(SERIES_MAX));
    for duration_us in 1..=10_000 {
        tally.record(&Outcome { duration_us, ..outcome() });
    }
    totals.merge(&mut tally, &names, 0);
    for (key, times) in totals.distributions() {
        let error = match key.measure {
            signals::Measure::Own => continue,
            signals::Measure::Request => 0.001,
            signals::Measure::Route | signals::Measure::Upstream => 0.01,
        };
        for (quantile, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0)] {
            let found = times.quantile_us(quantile) as f64;
            assert!((found - exact).abs() <= exact * error, "{key:?} p{quantile}: {found}");
        }
    }
}
