//! Shares, fairness, and what a retry avoids; for every policy alike where it fits.

use config::snapshot::Balance;
use proptest::prelude::*;

use super::Balancer;
use crate::EndpointIx;
use crate::fixture::upstream;
use crate::random::Rng;

const ALL: [Balance; 3] = [Balance::RoundRobin, Balance::LeastRequest, Balance::Random];

/// Endpoints picked in turn, with nothing in flight.
fn picks(balance: Balance, weights: &[u32], seed: u64, count: usize) -> Vec<u16> {
    let mut balancer = Balancer::new(&upstream(balance, weights), seed);
    let mut rng = Rng::new(seed);
    let load = vec![0; weights.len()];
    (0..count).map(|_| balancer.pick(&load, rng.draw(), None).unwrap().0).collect()
}

fn hits(picks: &[u16], endpoints: usize) -> Vec<u32> {
    let mut hits = vec![0; endpoints];
    for &pick in picks {
        hits[usize::from(pick)] += 1;
    }
    hits
}

/// Every request lasts until the next `requests_in_flight` have been sent, at every endpoint alike.
fn peak_load(balance: Balance, weights: &[u32], in_flight: usize, seed: u64) -> Vec<u32> {
    let mut balancer = Balancer::new(&upstream(balance, weights), seed);
    let mut rng = Rng::new(seed);
    let mut load = vec![0u32; weights.len()];
    let mut peak = load.clone();
    let mut running: Vec<usize> = Vec::new();
    for _ in 0..20 * in_flight {
        if running.len() == in_flight {
            let done =
                running.swap_remove(crate::random::below(rng.draw(), in_flight as u64) as usize);
            load[done] -= 1;
        }
        let at = balancer.pick(&load, rng.draw(), None).unwrap().index();
        running.push(at);
        load[at] += 1;
        peak[at] = peak[at].max(load[at]);
    }
    peak
}

#[test]
fn an_upstream_without_endpoints_has_nothing_to_pick() {
    for balance in ALL {
        let mut balancer = Balancer::new(&upstream(balance, &[]), 1);
        assert_eq!(balancer.pick(&[], 7, None), None, "{balance:?}");
        assert_eq!(balancer.pick(&[], 7, Some(EndpointIx(0))), None, "{balance:?}");
    }
}

#[test]
fn a_single_endpoint_is_picked_even_if_it_should_be_avoided() {
    for balance in ALL {
        let mut balancer = Balancer::new(&upstream(balance, &[3]), 5);
        for avoid in [None, Some(EndpointIx(0)), Some(EndpointIx(9))] {
            assert_eq!(balancer.pick(&[4], 7, avoid), Some(EndpointIx(0)), "{balance:?}");
        }
    }
}

#[test]
fn a_missing_load_counts_as_none() {
    let mut balancer = Balancer::new(&upstream(Balance::LeastRequest, &[1, 1]), 0);
    assert_eq!(balancer.pick(&[9], 0, None), Some(EndpointIx(1)));
}

#[test]
fn round_robin_is_smooth() {
    // nginx's own example.
    assert_eq!(picks(Balance::RoundRobin, &[5, 1, 1], 0, 7), [0, 0, 1, 0, 2, 0, 0]);
    assert_eq!(picks(Balance::RoundRobin, &[1, 1, 1], 0, 5), [0, 1, 2, 0, 1]);
}

#[test]
fn cores_with_different_seeds_are_out_of_step() {
    for weights in [[1, 1, 1, 1], [4, 3, 2, 1]] {
        let first: Vec<u16> =
            (0..4).flat_map(|seed| picks(Balance::RoundRobin, &weights, seed, 1)).collect();
        assert!(first.iter().any(|&pick| pick != first[0]), "{weights:?}: {first:?}");
    }
}

#[test]
fn least_request_prefers_the_less_loaded_of_two() {
    let mut balancer = Balancer::new(&upstream(Balance::LeastRequest, &[1, 1]), 0);
    let mut rng = Rng::new(3);
    for _ in 0..100 {
        assert_eq!(balancer.pick(&[7, 6], rng.draw(), None), Some(EndpointIx(1)));
        assert_eq!(balancer.pick(&[0, 1], rng.draw(), None), Some(EndpointIx(0)));
    }
}

#[test]
fn least_request_weighs_load_against_weight() {
    let mut balancer = Balancer::new(&upstream(Balance::LeastRequest, &[3, 1]), 0);
    let mut rng = Rng::new(3);
    for _ in 0..100 {
        assert_eq!(balancer.pick(&[5, 2], rng.draw(), None), Some(EndpointIx(0)), "5/3 < 2/1");
        assert_eq!(balancer.pick(&[7, 2], rng.draw(), None), Some(EndpointIx(1)), "7/3 > 2/1");
    }
}

#[test]
fn ties_of_least_request_are_broken_at_random() {
    let picks = picks(Balance::LeastRequest, &[1; 4], 1, 40_000);
    for hits in hits(&picks, 4) {
        assert!((9_600..=10_400).contains(&hits), "{hits} of 10,000");
    }
}

#[test]
fn two_choices_keep_the_fullest_endpoint_closer_to_the_mean_than_one() {
    for seed in 0..5 {
        let two = peak_load(Balance::LeastRequest, &[1; 20], 200, seed);
        let one = peak_load(Balance::Random, &[1; 20], 200, seed);
        let (two, one) = (two.iter().max().unwrap(), one.iter().max().unwrap());
        assert!(*two <= 15 && two < one, "seed {seed}: {two} and {one}, mean 10");
    }
}

#[test]
fn least_request_shares_the_load_by_weight() {
    let peak = peak_load(Balance::LeastRequest, &[1, 2, 4], 140, 1);
    for (peak, share) in peak.into_iter().zip([20, 40, 80]) {
        assert!(peak.abs_diff(share) <= share / 5 + 3, "{peak} instead of {share}");
    }
}

#[test]
fn a_slow_endpoint_is_spared_by_least_request() {
    // Endpoint 0 never finishes anything.
    let mut balancer = Balancer::new(&upstream(Balance::LeastRequest, &[1; 10]), 0);
    let mut rng = Rng::new(9);
    let mut load = [0u32; 10];
    for _ in 0..10_000 {
        let at = balancer.pick(&load, rng.draw(), None).unwrap().index();
        load[at] += u32::from(at == 0);
    }
    assert!(load[0] <= 1, "{} requests sit at the endpoint that never answers", load[0]);
}

fn weights() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        prop::collection::vec(1u32..=20, 1..8),
        (1usize..8, 1u32..=3).prop_map(|(count, weight)| vec![weight; count]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_round_of_round_robin_gives_everyone_their_weight(weights in weights(), seed: u64) {
        let round = weights.iter().sum::<u32>() as usize;
        let picks = picks(Balance::RoundRobin, &weights, seed, 3 * round);
        for start in [0, 1, round / 2, round] {
            let hits = hits(&picks[start..start + round], weights.len());
            prop_assert_eq!(hits, weights.clone(), "from pick {}", start);
        }
    }

    #[test]
    fn random_shares_at_rest_are_the_weights(weights in weights(), seed: u64) {
        let total: u32 = weights.iter().sum();
        for balance in [Balance::Random, Balance::LeastRequest] {
            let hits = hits(&picks(balance, &weights, seed, 20_000), weights.len());
            for (hits, weight) in hits.into_iter().zip(&weights) {
                let (share, wanted) =
                    (f64::from(hits) / 20_000.0, f64::from(*weight) / f64::from(total));
                // Five standard deviations at most.
                prop_assert!((share - wanted).abs() < 0.018, "{:?} {} {}", balance, share, wanted);
            }
        }
    }

    #[test]
    fn a_retry_never_meets_the_endpoint_it_avoids(
        weights in prop::collection::vec(1u32..=20, 2..8),
        loads in prop::collection::vec(0u32..9, 8),
        avoid in 0usize..8,
        seed: u64,
    ) {
        let avoid = EndpointIx((avoid % weights.len()) as u16);
        let mut rng = Rng::new(seed);
        for balance in ALL {
            let mut balancer = Balancer::new(&upstream(balance, &weights), seed);
            for _ in 0..50 {
                let picked = balancer.pick(&loads[..weights.len()], rng.draw(), Some(avoid));
                prop_assert!(picked.is_some_and(|at| at != avoid && at.index() < weights.len()));
            }
        }
    }

    #[test]
    fn avoiding_one_leaves_the_others_their_shares(
        weights in prop::collection::vec(1u32..=20, 3..6),
        seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let total: u32 = weights[1..].iter().sum();
        for balance in ALL {
            let mut balancer = Balancer::new(&upstream(balance, &weights), seed);
            let mut hits = vec![0u32; weights.len()];
            let load = vec![0; weights.len()];
            for _ in 0..20_000 {
                let at = balancer.pick(&load, rng.draw(), Some(EndpointIx(0))).unwrap();
                hits[at.index()] += 1;
            }
            for (hits, weight) in hits.into_iter().zip(&weights).skip(1) {
                let (share, wanted) =
                    (f64::from(hits) / 20_000.0, f64::from(*weight) / f64::from(total));
                prop_assert!((share - wanted).abs() < 0.018, "{:?} {} {}", balance, share, wanted);
            }
        }
    }
}
