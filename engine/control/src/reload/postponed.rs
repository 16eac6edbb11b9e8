//! When a change is tried again that could not be dealt with for want of descriptors or memory.
//! Nothing is wrong with the file then, and nobody has to mend it. Pure: `now` goes in.

use std::time::{Duration, Instant};

/// Until the second try; twice as long each time, up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A change that waits for better times.
#[derive(Debug, Default)]
pub(super) struct Postponed {
    again_at: Option<Instant>,
    /// How long the last wait was.
    pause: Duration,
}

impl Postponed {
    /// It could not be dealt with at `now`.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.pause = (self.pause * 2).clamp(PAUSE_FIRST, PAUSE_MAX);
        self.again_at = Some(now + self.pause);
    }

    /// When to try again; `None` if nothing waits.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.again_at
    }

    /// It is being tried.
    pub(super) fn tried(&mut self) {
        self.again_at = None;
    }

    /// It was dealt with, whatever came of it.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute_and_begin_anew_once_it_is_over() {
        let (mut postponed, now) = (Postponed::default(), Instant::now());
        let pause_s = |postponed: &mut Postponed| {
            postponed.put_off(now);
            let at = postponed.again_at().expect("it waits");
            postponed.tried();
            assert_eq!(postponed.again_at(), None);
            (at - now).as_secs()
        };
        let pauses: Vec<_> = (0..7).map(|_| pause_s(&mut postponed)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        postponed.over();
        assert_eq!(pause_s(&mut postponed), 1);
    }
}
