//! `balance = "round-robin"`: in turn, by weight, heavy endpoints spread over the round.
//!
//! nginx's smooth weighted round-robin (commit 52327e0627f4): every turn, each endpoint earns its
//! weight; the richest is picked and pays the sum of all weights. Weights 5, 1, 1 give aabacaa.
//! A pick costs one step if all weights are equal, and one per endpoint if they are not.

/// Picks that a core makes in advance, at most, to be out of step with the others.
const HEAD_START_MAX: u64 = 64;

#[derive(Debug)]
pub(super) struct RoundRobin {
    turn: Turn,
}

#[derive(Debug)]
enum Turn {
    /// All weights are equal: the next one's place, of `count`.
    Equal { next: usize, count: usize },
    /// What each endpoint has earned.
    Weighted { purses: Box<[Purse]> },
}

#[derive(Debug, Clone, Copy)]
struct Purse {
    weight: i64,
    earned: i64,
}

impl RoundRobin {
    pub(super) fn new(weights: &[u32], seed: u64) -> Self {
        if weights.windows(2).all(|pair| pair[0] == pair[1]) {
            let next = seed.checked_rem(weights.len() as u64).unwrap_or(0) as usize;
            return Self { turn: Turn::Equal { next, count: weights.len() } };
        }
        let purse = |weight: &u32| Purse { weight: i64::from(*weight), earned: 0 };
        let purses = weights.iter().map(purse).collect();
        let mut policy = Self { turn: Turn::Weighted { purses } };
        for _ in 0..seed % HEAD_START_MAX {
            policy.pick(None);
        }
        policy
    }

    pub(super) fn pick(&mut self, avoid: Option<usize>) -> Option<usize> {
        match &mut self.turn {
            Turn::Equal { count: 0, .. } => None,
            Turn::Equal { next, count } => {
                let skip = avoid == Some(*next) && *count > 1;
                let picked = if skip { (*next + 1) % *count } else { *next };
                *next = (picked + 1) % *count;
                Some(picked)
            }
            Turn::Weighted { purses } => richest(purses, avoid),
        }
    }
}

/// One turn. The endpoint to `avoid` earns nothing and is not picked, as nginx has it of a failed
/// peer, so that it does not make up for the turn later.
fn richest(purses: &mut [Purse], avoid: Option<usize>) -> Option<usize> {
    let mut best: Option<usize> = None;
    let mut total = 0;
    for at in 0..purses.len() {
        if avoid == Some(at) {
            continue;
        }
        purses[at].earned += purses[at].weight;
        total += purses[at].weight;
        if best.is_none_or(|best| purses[at].earned > purses[best].earned) {
            best = Some(at);
        }
    }
    purses[best?].earned -= total;
    best
}
