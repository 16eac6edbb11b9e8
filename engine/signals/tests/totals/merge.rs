//! Cores count by index; totals must come out by name, whatever was reloaded, dropped or late.

use crate::world::{names, outcome, requests, snapshot, upstream};
use config::snapshot::{RouteIx, UpstreamIx};
use policy::{Cause, Flag};
use proptest::prelude::*;
use signals::{Event, Generation, ListenerAt, ListenerEvent, Measure, Outcome, SERIES_MAX, Tally};
use signals::{Totals, UpstreamAt, UpstreamEvent};

fn merged(tallies: &mut [Tally], names: &signals::Generations) -> Totals {
    let mut totals = Totals::new(SERIES_MAX);
    for tally in tallies {
        totals.merge(tally, names, 0);
    }
    totals
}

#[test]
fn requests_are_counted_by_name_status_and_flag() {
    let snapshot = snapshot(["first", "second"], ["a", "b"]);
    let b = upstream(&snapshot, "b");
    let mut tally = Tally::new(SERIES_MAX);
    tally.record(&outcome());
    tally.record(&outcome());
    tally.record(&Outcome { status: 404, route: None, flag: Some(Flag::NoRoute), ..outcome() });
    tally.record(&Outcome { route: Some(RouteIx(1)), upstream: Some(b), ..outcome() });
    let totals = merged(&mut [tally], &names(&snapshot));
    assert_eq!(requests(&totals), [" ->  404 NR: 1", "first ->  200 : 2", "second -> b 200 : 1"]);
}

#[test]
fn what_a_listener_is_follows_from_the_snapshot() {
    let mut tally = Tally::new(SERIES_MAX);
    tally.record(&outcome());
    let totals = merged(&mut [tally], &names(&snapshot(["first", "second"], ["a", "b"])));
    let (key, traffic) = totals.traffic().next().expect("one series");
    assert_eq!((&*key.listener, key.direction), ("in", "inbound"));
    assert_eq!((traffic.bytes_in, traffic.bytes_out, traffic.retries), (10, 100, 0));
}

#[test]
fn a_series_goes_on_over_a_reload_that_moves_its_route() {
    let before = snapshot(["first", "second"], ["a", "b"]);
    let after = snapshot(["second", "first"], ["b", "a"]);
    let mut names = names(&before);
    names.begin(Generation(2), after);
    let mut tally = Tally::new(SERIES_MAX);
    tally.record(&outcome());
    let moved = Outcome { generation: Generation(2), route: Some(RouteIx(1)), ..outcome() };
    tally.record(&moved);
    let totals = merged(&mut [tally], &names);
    assert_eq!(requests(&totals), ["first ->  200 : 2"]);
}

#[test]
fn counts_of_a_forgotten_generation_are_kept_under_other() {
    let mut names = names(&snapshot(["first", "second"], ["a", "b"]));
    assert!(names.end(Generation(1)).is_some());
    let mut tally = Tally::new(SERIES_MAX);
    tally.record(&outcome());
    let at = UpstreamAt { generation: Generation(1), upstream: UpstreamIx(0) };
    tally.count(Event::Upstream(at, UpstreamEvent::PoolHit));
    let totals = merged(&mut [tally], &names);
    assert_eq!(requests(&totals), ["(other) -> (other) 200 : 1"]);
    let events: Vec<_> = totals.upstream_events().collect();
    assert_eq!(events, [("(other)", UpstreamEvent::PoolHit, 1)]);
}

#[test]
fn events_of_several_cores_add_up() {
    let snapshot = snapshot(["first", "second"], ["a", "b"]);
    let listener = ListenerAt { generation: Generation(1), listener: 0 };
    let at = UpstreamAt { generation: Generation(1), upstream: upstream(&snapshot, "a") };
    let mut tallies = [Tally::new(SERIES_MAX), Tally::new(SERIES_MAX)];
    for tally in &mut tallies {
        tally.count(Event::Listener(listener, ListenerEvent::Opened));
        tally.count(Event::Upstream(at, UpstreamEvent::failed(Cause::ConnectRefused)));
        tally.count(Event::Upstream(at, UpstreamEvent::failed(Cause::ConnectRefused)));
    }
    let totals = merged(&mut tallies, &names(&snapshot));
    let listeners: Vec<_> = totals.listener_events().collect();
    assert_eq!(listeners, [("in", ListenerEvent::Opened, 2)]);
    let upstreams: Vec<_> = totals.upstream_events().collect();
    assert_eq!(upstreams, [("a", UpstreamEvent::Failed("connect_refused"), 4)]);
}

#[test]
fn a_merged_tally_is_empty_and_counts_afresh() {
    let names = names(&snapshot(["first", "second"], ["a", "b"]));
    let (mut totals, mut tally) = (Totals::new(SERIES_MAX), Tally::new(SERIES_MAX));
    for round in 1..=3 {
        tally.record(&outcome());
        assert!(!tally.is_empty());
        totals.merge(&mut tally, &names, 0);
        assert!(tally.is_empty());
        assert_eq!(requests(&totals), [format!("first ->  200 : {round}")]);
        let counts: Vec<_> = totals.distributions().map(|(_, times)| times.count()).collect();
        assert_eq!(counts, [round, round, round]);
    }
}

#[test]
fn each_time_goes_to_its_own_distributions() {
    let snapshot = snapshot(["first", "second"], ["a", "b"]);
    let mut tally = Tally::new(SERIES_MAX);
    let upstream = Some(upstream(&snapshot, "a"));
    tally.record(&Outcome { upstream, upstream_us: Some(900), ..outcome() });
    tally.record(&Outcome { upstream, upstream_us: None, ..outcome() });
    let totals = merged(&mut [tally], &names(&snapshot));
    let all: Vec<_> = totals
        .distributions()
        .map(|(key, times)| (key.measure, &*key.name, times.count(), times.sum_us()))
        .collect();
    assert_eq!(
        all,
        [
            (Measure::Request, "in", 2, 2_000),
            (Measure::Own, "in", 2, 80),
            (Measure::Route, "first", 2, 2_000),
            (Measure::Upstream, "a", 1, 900),
        ]
    );
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let status = prop_oneof![Just(200_u16), Just(503), 200..600_u16];
    let route = proptest::option::of(0..2_u32);
    let times = (0..u64::from(u32::MAX), 0..200_u64);
    (status, route, times, 0..3_u8).prop_map(|(status, route, (duration_us, own_us), retries)| {
        let route = route.map(RouteIx);
        Outcome { status, route, duration_us, own_us, retries, ..outcome() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However the requests are spread over cores and rounds, and however little room there is,
    /// every one is counted once, and buckets never exceed the count.
    #[test]
    fn no_request_is_lost_or_counted_twice(
        all in proptest::collection::vec((outcomes(), 0..3_usize, proptest::bool::ANY), 0..60),
        series_max in prop_oneof![Just(0), Just(5), Just(60), Just(SERIES_MAX)],
    ) {
        let names = names(&snapshot(["first", "second"], ["a", "b"]));
        let mut totals = Totals::new(series_max);
        let mut tallies: Vec<_> = (0..3).map(|_| Tally::new(series_max)).collect();
        for (outcome, core, collect) in &all {
            tallies[*core].record(outcome);
            if *collect {
                totals.merge(&mut tallies[*core], &names, 0);
            }
        }
        for tally in &mut tallies {
            totals.merge(tally, &names, 0);
        }
        let codes = totals.traffic().flat_map(|(_, traffic)| traffic.requests.values());
        let counted: u64 = codes.sum();
        prop_assert_eq!(counted, all.len() as u64);
        let bytes: u64 = totals.traffic().map(|(_, traffic)| traffic.bytes_out).sum();
        prop_assert_eq!(bytes, 100 * all.len() as u64);
        let retries: u64 = totals.traffic().map(|(_, traffic)| traffic.retries).sum();
        prop_assert_eq!(retries, all.iter().map(|(one, ..)| u64::from(one.retries)).sum::<u64>());
        for (_, times) in totals.distributions() {
            let mut below = 0;
            for (_, cumulative) in times.cumulative() {
                prop_assert!(below <= cumulative && cumulative <= times.count());
                below = cumulative;
            }
        }
    }
}
