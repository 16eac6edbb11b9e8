//! The statistics over rounds: median, spread, paired ratio. Pure.

/// A spread above this share of the median is marked in every table.
pub const SPREAD_MAX: f64 = 0.15;

/// The median and how far the rounds lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The middle value; of an even number of values, the mean of the two in the middle.
    pub median: f64,
    /// (largest − smallest) ÷ median; 0 of a single value.
    pub spread: f64,
    /// How many values.
    pub rounds: usize,
}

impl Summary {
    /// Of the values of all rounds; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let median = median(values)?;
        let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let spread = if median == 0.0 { 0.0 } else { (largest - smallest) / median.abs() };
        Some(Self { median, spread, rounds: values.len() })
    }

    /// Whether the rounds disagree too much for the median to be believed to the last digit.
    pub fn is_wide(&self) -> bool {
        self.spread > SPREAD_MAX
    }
}

/// The ratio of two series, as a summary of the ratios of the rounds that have both: rounds are
/// interleaved, so what slows a whole round cancels out.
pub fn paired_ratio(ours: &[(usize, f64)], theirs: &[(usize, f64)]) -> Option<Summary> {
    let ratios: Vec<f64> = ours
        .iter()
        .filter_map(|&(round, our)| {
            let &(_, their) = theirs.iter().find(|&&(other, _)| other == round)?;
            (their != 0.0).then(|| our / their)
        })
        .collect();
    Summary::of(&ratios)
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_spread_is_relative_to_it() {
        let of = |values: &[f64]| Summary::of(values).unwrap();
        assert_eq!(of(&[3.0, 1.0, 2.0]), Summary { median: 2.0, spread: 1.0, rounds: 3 });
        assert_eq!(of(&[1.0, 2.0, 3.0, 10.0]).median, 2.5);
        assert_eq!(of(&[7.0]), Summary { median: 7.0, spread: 0.0, rounds: 1 });
        assert_eq!(of(&[0.0, 0.0]).spread, 0.0);
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn a_spread_is_wide_above_fifteen_percent() {
        assert!(!Summary::of(&[100.0, 110.0, 114.9]).unwrap().is_wide());
        assert!(Summary::of(&[100.0, 110.0, 117.0]).unwrap().is_wide());
    }

    #[test]
    fn a_ratio_pairs_the_values_of_the_same_round() {
        // The machine was twice as slow in round 1: the ratio does not see it.
        let ours = [(0, 10.0), (1, 20.0), (2, 10.0)];
        let theirs = [(0, 20.0), (1, 40.0), (3, 1.0)];
        let ratio = paired_ratio(&ours, &theirs).unwrap();
        assert_eq!((ratio.median, ratio.spread, ratio.rounds), (0.5, 0.0, 2));
        assert_eq!(paired_ratio(&ours, &[]), None);
        assert_eq!(paired_ratio(&ours, &[(0, 0.0)]), None);
    }
}
