//! The weighted split of a route over its branches (Envoy's `weighted_clusters`).

use config::snapshot::Forward;

use crate::random;

/// The index in `forward.split` that a uniform `random` falls on; each branch gets its weight's
/// share of [`Forward::total_weight`].
pub fn pick_branch(forward: &Forward, random: u64) -> usize {
    if forward.split.len() == 1 {
        return 0;
    }
    let mut left = random::below(random, u64::from(forward.total_weight));
    for (at, branch) in forward.split.iter().enumerate() {
        let weight = u64::from(branch.weight);
        if left < weight {
            return at;
        }
        left -= weight;
    }
    // Not reached while total_weight is the sum, which `check` computes.
    0
}
