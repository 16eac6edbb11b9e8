//! The shares that a split's branches get.

use proptest::prelude::*;

use crate::fixture::split;
use crate::random::Rng;
use crate::route::pick_branch;

fn hits(weights: &[u32], picks: u32, seed: u64) -> Vec<u32> {
    let forward = split(weights);
    let mut rng = Rng::new(seed);
    let mut hits = vec![0; weights.len()];
    for _ in 0..picks {
        hits[pick_branch(&forward, rng.draw())] += 1;
    }
    hits
}

#[test]
fn ninety_to_ten_is_held_within_half_a_percent_over_100_000_picks() {
    for seed in 0..10 {
        let hits = hits(&[90, 10], 100_000, seed);
        assert!((89_500..=90_500).contains(&hits[0]), "seed {seed}: {hits:?}");
    }
}

#[test]
fn a_single_branch_takes_all() {
    assert_eq!(hits(&[1], 100, 1), [100]);
}

#[test]
fn the_ends_of_the_random_range_fall_on_the_outer_branches() {
    let forward = split(&[1, 5, 1]);
    assert_eq!(pick_branch(&forward, 0), 0);
    assert_eq!(pick_branch(&forward, u64::MAX), 2);
    let huge = split(&[u32::MAX - 1, 1]);
    assert_eq!(pick_branch(&huge, u64::MAX), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_branch_gets_its_share_and_weight_0_gets_none(
        weights in prop::collection::vec(0u32..1000, 1..6),
        seed: u64,
    ) {
        let total: u32 = weights.iter().sum();
        prop_assume!(total > 0 && weights.len() > 1);
        for (hits, weight) in hits(&weights, 20_000, seed).into_iter().zip(weights) {
            let share = f64::from(hits) / 20_000.0;
            let wanted = f64::from(weight) / f64::from(total);
            // Five standard deviations at most: sqrt(0.25 / 20,000) × 5 = 0.018.
            prop_assert!((share - wanted).abs() < 0.018, "{share} instead of {wanted}");
            prop_assert!(weight > 0 || hits == 0);
        }
    }
}
