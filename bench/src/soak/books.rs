//! The judgement at the end of a soak. Pure.

use std::fmt;

use super::scene::Tally;

/// Bytes that resident memory may grow by from act to act.
const DRIFT_MAX: i64 = 1 << 20;

/// The proxy at rest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct State {
    /// Requests with an outcome since the start.
    pub(super) requests: f64,
    /// Connections of clients.
    pub(super) downstream: f64,
    /// Connections to origins.
    pub(super) upstream: f64,
    /// Requests begun and not ended.
    pub(super) active: f64,
    /// Receive buffers that hold bytes.
    pub(super) buffers: f64,
    /// Memory of all receive buffers.
    pub(super) buffer_bytes: f64,
    /// Connections that a panic ended, since the start.
    pub(super) panics: f64,
    /// Open descriptors.
    pub(super) descriptors: usize,
    /// Resident bytes.
    pub(super) resident: u64,
}

impl State {
    /// Whether nothing is in flight.
    pub(super) fn is_quiet(&self) -> bool {
        self.downstream + self.upstream + self.active + self.buffers == 0.0
    }

    /// Outcomes recorded from one state to a later one.
    pub(super) fn requests_between(earlier: &Self, later: &Self) -> f64 {
        later.requests - earlier.requests
    }
}

/// Everything that the judgement rests on.
#[derive(Debug)]
pub(super) struct Books {
    /// What the clients saw.
    pub(super) tally: Tally,
    /// How many outcomes the proxy recorded.
    pub(super) requests: f64,
    /// After the first act.
    pub(super) middle: State,
    /// After the second.
    pub(super) closing: State,
    /// What honest clients saw without trouble.
    pub(super) encore: Tally,
    /// How many outcomes the proxy recorded of that.
    pub(super) recorded: f64,
    /// Files that took effect.
    pub(super) reloads: u64,
}

impl Books {
    /// Whether all is well.
    pub(super) fn balance(&self) -> bool {
        self.checks().iter().all(|(_, _, is_well)| *is_well)
    }

    /// Name, value in words, verdict.
    fn checks(&self) -> Vec<(&'static str, String, bool)> {
        let Self { tally, requests, middle, closing, encore, recorded, reloads } = self;
        let (least, most) = (tally.certain as f64, (tally.certain + tally.maybe) as f64);
        let leaked = closing.descriptors.saturating_sub(middle.descriptors);
        let resident = |state: &State| i64::try_from(state.resident).unwrap_or(i64::MAX);
        let drift = resident(closing) - resident(middle);
        let buffers = (closing.buffer_bytes - middle.buffer_bytes) / 1024.0;
        let episodes =
            format!("{} well, {} excused, {} failed", tally.well, tally.excused, tally.failed);
        vec![
            ("episodes", episodes, tally.failed == 0 && tally.well > 0),
            (
                "outcomes",
                format!("{requests} recorded, {least} to {most} expected"),
                (least..=most).contains(requests),
            ),
            (
                "without trouble",
                format!(
                    "{recorded} recorded, {} answered, {} episodes failed",
                    encore.certain, encore.failed
                ),
                encore.failed == 0 && *recorded == encore.certain as f64,
            ),
            (
                "left over",
                format!(
                    "{} client connections, {} origin connections, {} requests, {} buffers",
                    closing.downstream, closing.upstream, closing.active, closing.buffers
                ),
                closing.is_quiet(),
            ),
            ("descriptors leaked", leaked.to_string(), leaked == 0),
            (
                "RSS drift",
                format!("{} KiB, receive buffers {buffers:+.0} KiB of it", drift / 1024),
                drift <= DRIFT_MAX,
            ),
            ("panics", closing.panics.to_string(), closing.panics == 0.0),
            ("reloads", reloads.to_string(), *reloads > 0),
        ]
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value, is_well) in self.checks() {
            writeln!(f, "  {:<20}{value}{}", name, if is_well { "" } else { "   BAD" })?;
        }
        let mut failures = self.tally.failures.iter().chain(&self.encore.failures);
        failures.try_for_each(|(why, times)| writeln!(f, "  failed {times} times: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Books {
        let tally = Tally { certain: 100, maybe: 10, well: 50, ..Tally::default() };
        let state = State { descriptors: 20, resident: 8 << 20, ..State::default() };
        Books {
            tally,
            requests: 105.0,
            middle: state,
            closing: state,
            encore: Tally { certain: 9, ..Tally::default() },
            recorded: 9.0,
            reloads: 3,
        }
    }

    #[test]
    fn good_books_balance() {
        assert!(good().balance(), "{}", good());
    }

    #[test]
    fn each_defect_alone_unbalances_them() {
        let defects: [fn(&mut Books); 12] = [
            |books| books.tally.failed = 1,
            |books| books.requests = 99.0,
            |books| books.requests = 111.0,
            |books| books.recorded = 8.0,
            |books| books.recorded = 10.0,
            |books| books.encore.failed = 1,
            |books| books.closing.downstream = 1.0,
            |books| books.closing.buffers = 1.0,
            |books| books.closing.descriptors += 1,
            |books| books.closing.resident += (1 << 20) + 1,
            |books| books.closing.panics = 1.0,
            |books| books.reloads = 0,
        ];
        for (index, defect) in defects.iter().enumerate() {
            let mut books = good();
            defect(&mut books);
            assert!(!books.balance(), "defect {index}: {books}");
        }
    }
}
