//! Endpoints drawn at random, each with its weight's share. Shared by `random` and `least_request`.

use crate::random::below;

/// The cumulated weights of some endpoints.
#[derive(Debug)]
pub(super) struct Shares {
    count: usize,
    /// `ends[i]`: the weights of endpoints 0 to `i`, summed. Empty if all weights are equal, which
    /// most are: an upstream then costs no memory and a draw no search.
    ends: Box<[u64]>,
}

impl Shares {
    pub(super) fn new(weights: &[u32]) -> Self {
        let equal = weights.windows(2).all(|pair| pair[0] == pair[1]);
        let mut sum = 0;
        let cumulate = |weight: &u32| {
            sum += u64::from(*weight);
            sum
        };
        let ends = if equal { Box::default() } else { weights.iter().map(cumulate).collect() };
        Self { count: weights.len(), ends }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The weight of endpoint `at`; only its ratio to the others' means anything.
    pub(super) fn weight(&self, at: usize) -> u64 {
        if self.ends.is_empty() { 1 } else { self.ends[at] - self.begin(at) }
    }

    /// An endpoint by weight, as if `avoid` did not exist; `None` if nothing is left.
    pub(super) fn draw(&self, random: u64, avoid: Option<usize>) -> Option<usize> {
        let avoid = avoid.filter(|&at| at < self.count);
        let (gap_at, gap) = avoid.map_or((u64::MAX, 0), |at| (self.begin(at), self.weight(at)));
        let total = self.begin(self.count) - gap;
        if total == 0 {
            return None;
        }
        let spot = below(random, total);
        let spot = if spot >= gap_at { spot + gap } else { spot };
        Some(match self.ends.is_empty() {
            true => spot as usize,
            false => self.ends.partition_point(|&end| end <= spot),
        })
    }

    /// The weights before endpoint `at`, summed.
    fn begin(&self, at: usize) -> u64 {
        match (self.ends.is_empty(), at) {
            (true, _) => at as u64,
            (false, 0) => 0,
            (false, _) => self.ends[at - 1],
        }
    }
}
