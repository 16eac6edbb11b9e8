//! The committed counts: `NAME COUNT` lines. Pure.

use std::collections::BTreeMap;
use std::fmt;

const HEAD: &str = "\
# Instructions of one repetition of each subject, counted under valgrind (callgrind) in a release
# build. Compared by `bench instructions`; written by `bench instructions --update`.
";

/// The counts by name.
#[derive(Debug, Default)]
pub(super) struct Baseline(BTreeMap<String, u64>);

/// A count beside its baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    /// The baseline does not know the subject.
    New,
    /// Percent, within the tolerance.
    Within(f64),
    /// Percent, beyond it.
    Beyond(f64),
}

impl Change {
    /// Whether the gate must fail.
    pub(super) fn is_beyond(self) -> bool {
        !matches!(self, Self::Within(_))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => write!(f, "not in the baseline"),
            Self::Within(percent) => write!(f, "{percent:+.1} %"),
            Self::Beyond(percent) => write!(f, "{percent:+.1} %  CHANGED"),
        }
    }
}

impl Baseline {
    /// Lines that are no `NAME COUNT` are comments.
    pub(super) fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.trim().parse().ok()?))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    /// Puts `count` beside the baseline's; `tolerance` in percent.
    pub(super) fn compare(&self, name: &str, count: u64, tolerance: f64) -> Change {
        let Some(&before) = self.0.get(name) else { return Change::New };
        let percent = (count as f64 / before.max(1) as f64 - 1.0) * 100.0;
        if percent.abs() <= tolerance { Change::Within(percent) } else { Change::Beyond(percent) }
    }

    /// Takes a count in.
    pub(super) fn set(&mut self, name: &str, count: u64) {
        self.0.insert(name.to_owned(), count);
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        self.0.iter().try_for_each(|(name, count)| writeln!(f, "{name} {count}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_reads_back_what_it_writes() {
        let mut baseline = Baseline::default();
        baseline.set("codec/request-head", 1500);
        baseline.set("balancing/random-10", 40);
        let again = Baseline::parse(&baseline.to_string());
        assert_eq!(again.0, baseline.0);
    }

    #[test]
    fn a_change_beyond_the_tolerance_fails_in_both_directions() {
        let baseline = Baseline::parse("a 1000\n");
        assert!(!baseline.compare("a", 1029, 3.0).is_beyond());
        assert!(!baseline.compare("a", 1000, 0.0).is_beyond());
        assert!(baseline.compare("a", 1031, 3.0).is_beyond());
        assert!(baseline.compare("a", 969, 3.0).is_beyond());
        assert!(baseline.compare("b", 1, 3.0).is_beyond());
    }
}
