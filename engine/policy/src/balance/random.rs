//! `balance = "random"`: an endpoint by weight, whatever its load (Envoy's `RANDOM`).

use super::shares::Shares;

#[derive(Debug)]
pub(super) struct Random(Shares);

impl Random {
    pub(super) fn new(weights: &[u32]) -> Self {
        Self(Shares::new(weights))
    }

    pub(super) fn pick(&self, random: u64, avoid: Option<usize>) -> Option<usize> {
        self.0.draw(random, avoid).or_else(|| self.0.draw(random, None))
    }
}
