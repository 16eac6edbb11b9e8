//! When an open-loop load sends: at fixed instants that no answer can delay.
//!
//! The latency of a request counts from the instant it was due, not from the instant it was sent: a
//! proxy that stalls makes later requests late, and their waiting is counted (Tene's "coordinated
//! omission"). Pure: times are nanoseconds since the schedule's start.

use std::time::Duration;

/// A constant rate.
#[derive(Debug, Clone)]
pub struct Schedule {
    per_second: u32,
    /// Requests handed out so far.
    taken: u64,
}

impl Schedule {
    /// `per_second` evenly spaced requests a second, at least 1.
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), taken: 0 }
    }

    /// When the next request is due.
    pub fn next_due(&self) -> Duration {
        self.due(self.taken)
    }

    /// Takes the next request if it is due at `now`; tells when it was due.
    pub fn take(&mut self, now: Duration) -> Option<Duration> {
        let due = self.next_due();
        (due <= now).then(|| {
            self.taken += 1;
            due
        })
    }

    /// The ages, at `now`, of the requests that are due and were not taken.
    pub fn overdue(&self, now: Duration) -> impl Iterator<Item = Duration> {
        (self.taken..)
            .map(|request| self.due(request))
            .take_while(move |&due| due <= now)
            .map(move |due| now - due)
    }

    fn due(&self, request: u64) -> Duration {
        let nanos = u128::from(request) * 1_000_000_000 / u128::from(self.per_second);
        Duration::from_nanos(u64::try_from(nanos).expect("the schedule ends within 584 years"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_exactly_the_rate_and_no_rounding_accumulates() {
        let mut schedule = Schedule::new(3);
        let mut last = Duration::ZERO;
        let until = Duration::from_secs(1000) - Duration::from_nanos(1);
        let mut requests = 0;
        while let Some(due) = schedule.take(until) {
            assert!(due >= last);
            last = due;
            requests += 1;
        }
        assert_eq!(requests, 3000);
    }

    #[test]
    fn a_stall_of_the_sender_does_not_move_what_is_due() {
        let mut schedule = Schedule::new(1000);
        assert_eq!(schedule.take(Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(schedule.take(Duration::from_micros(999)), None);
        let late = Duration::from_millis(10);
        assert_eq!(schedule.take(late), Some(Duration::from_millis(1)));
        assert_eq!(schedule.take(late), Some(Duration::from_millis(2)));
    }

    #[test]
    fn what_was_never_sent_is_told_with_its_age() {
        let mut schedule = Schedule::new(1000);
        let now = Duration::from_millis(4);
        schedule.take(now);
        schedule.take(now);
        let ages: Vec<_> = schedule.overdue(now).collect();
        assert_eq!(ages, [2, 1, 0].map(Duration::from_millis));
    }
}
