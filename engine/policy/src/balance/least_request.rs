//! `balance = "least-request"`: the less loaded of two random choices (Mitzenmacher, "The Power of
//! Two Choices in Randomized Load Balancing", 2001; Envoy's `LEAST_REQUEST`).
//!
//! Weights: both choices are drawn by weight, and compared by requests in flight per weight. At
//! rest, when all are tied at 0, the shares are the weights'; under load, so are the requests in
//! flight. Envoy schedules by `weight / (active + 1)` there, with the same two properties, at the
//! price of a heap per core.

use super::shares::Shares;

#[derive(Debug)]
pub(super) struct LeastRequest(Shares);

impl LeastRequest {
    pub(super) fn new(weights: &[u32]) -> Self {
        Self(Shares::new(weights))
    }

    pub(super) fn pick(&self, load: &[u32], random: u64, avoid: Option<usize>) -> Option<usize> {
        let shares = &self.0;
        let avoid = avoid.filter(|_| shares.count() > 1);
        // Two independent draws of one number: a draw is decided by its number's upper half. The
        // second is another endpoint, except in a retry, where one gap is taken already.
        let first = shares.draw(random, avoid)?;
        let second = shares.draw(random.rotate_left(32), avoid.or(Some(first))).unwrap_or(first);
        let load_of = |at: usize| u64::from(load.get(at).copied().unwrap_or(0));
        // a/w(a) <= b/w(b), multiplied out. The first is random: so is the winner of a tie.
        let first_is_lighter =
            load_of(first) * shares.weight(second) <= load_of(second) * shares.weight(first);
        Some(if first_is_lighter { first } else { second })
    }
}
