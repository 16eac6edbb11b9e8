//! When a file that changes may be read: once it has stood still.
//!
//! A half-written file is often valid TOML with routes missing, so a change is not enough. Pure:
//! the file's stamps and `now` go in, a [`Look`] comes out. After `changed`, the caller looks at
//! the file whenever `look_at` has come, and tells what it saw.

use std::time::{Duration, Instant};

/// How long the stamp must stand still. It debounces too: many changes in a row are one reload.
pub(crate) const STILL_FOR: Duration = Duration::from_millis(50);

/// Where one file after the other takes the path, one is read after so long anyway: it is whole. If
/// another follows while it is read, all begins anew.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(1);

/// A file that is written in place all the while may be half of what it will be, and is read only
/// after so long.
pub(crate) const WRITING_MAX: Duration = Duration::from_secs(10);

/// What tells one state of a file from another, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified_ns: i128,
}

/// What to do after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Look again at `look_at`.
    Again,
    /// Read it now; it counts only if it bears this stamp before and after.
    Read(Stamp),
    /// There is no such file, and there has been none for [`WAIT_MAX`].
    Missing,
}

/// The wait for one file to stand still.
#[derive(Debug, Default)]
pub(crate) struct Settle {
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    began: Instant,
    look_at: Instant,
    /// What was seen last, and since when; `None` before the first look.
    seen: Option<(Option<Stamp>, Instant)>,
}

impl Settle {
    /// The file may have changed.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.waiting.get_or_insert(Waiting { began: now, look_at: now, seen: None });
    }

    /// When to look at the file; `None` if nothing is expected.
    pub(crate) fn look_at(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.look_at)
    }

    /// The file bears this stamp at `now`; `None`: there is no file.
    pub(crate) fn look(&mut self, now: Instant, stamp: Option<Stamp>) -> Look {
        let Some(waiting) = &mut self.waiting else { return Look::Again };
        let since = match waiting.seen {
            Some((seen, since)) if seen == stamp => since,
            _ => now,
        };
        let writing = waiting.seen.is_some_and(|(seen, _)| is_written(seen, stamp));
        waiting.seen = Some((stamp, since));
        let given_up = now >= waiting.began + if writing { WRITING_MAX } else { WAIT_MAX };
        let verdict = match stamp {
            Some(stamp) if given_up || now >= since + STILL_FOR => Look::Read(stamp),
            None if given_up => Look::Missing,
            _ => Look::Again,
        };
        match verdict {
            Look::Again => waiting.look_at = now + STILL_FOR,
            Look::Read(_) | Look::Missing => self.waiting = None,
        }
        verdict
    }
}

/// True if it is the same file, with other content.
fn is_written(before: Option<Stamp>, now: Option<Stamp>) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return false };
    (before.device, before.inode) == (now.device, now.inode) && before != now
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one file that is written.
    fn stamp(number: u64) -> Option<Stamp> {
        Some(Stamp { device: 1, inode: 2, size: number, modified_ns: 3 })
    }

    /// Of one file after the other.
    fn other(number: u64) -> Option<Stamp> {
        Some(Stamp { device: 1, inode: number, size: 2, modified_ns: 3 })
    }

    /// Looks whenever it is time to, and says after how many milliseconds there was a verdict.
    fn follow(
        settle: &mut Settle,
        began: Instant,
        file: impl Fn(u64) -> Option<Stamp>,
    ) -> (u64, Look) {
        for _ in 0..1_000 {
            let at = settle.look_at().expect("a change is waited for");
            let ms = u64::try_from((at - began).as_millis()).expect("small");
            match settle.look(at, file(ms)) {
                Look::Again => {}
                verdict => return (ms, verdict),
            }
        }
        panic!("no verdict after 1,000 looks");
    }

    fn after_a_change(file: impl Fn(u64) -> Option<Stamp>) -> (u64, Look) {
        let (mut settle, now) = (Settle::default(), Instant::now());
        settle.changed(now);
        follow(&mut settle, now, file)
    }

    fn read(number: u64) -> Look {
        Look::Read(stamp(number).expect("a stamp"))
    }

    #[test]
    fn nothing_is_looked_at_before_a_change() {
        assert_eq!(Settle::default().look_at(), None);
    }

    #[test]
    fn a_file_that_stands_still_is_read_after_fifty_milliseconds() {
        assert_eq!(after_a_change(|_| stamp(1)), (50, read(1)));
    }

    #[test]
    fn a_file_that_grows_is_read_fifty_milliseconds_after_its_last_change() {
        assert_eq!(after_a_change(|ms| stamp(ms.min(170))), (250, read(170)));
    }

    #[test]
    fn one_of_files_that_follow_each_other_without_end_is_read_after_a_second() {
        let whole = Look::Read(other(1_000).expect("a stamp"));
        assert_eq!(after_a_change(other), (1_000, whole));
    }

    #[test]
    fn a_file_that_is_written_for_long_is_not_read_before_its_end() {
        assert_eq!(after_a_change(|ms| stamp(ms.min(4_000))), (4_050, read(4_000)));
    }

    #[test]
    fn a_file_that_is_written_without_end_is_read_after_ten_seconds() {
        assert_eq!(after_a_change(stamp), (10_000, read(10_000)));
    }

    #[test]
    fn a_file_that_is_away_for_a_moment_is_waited_for() {
        let file = |ms| if ms < 300 { None } else { stamp(1) };
        assert_eq!(after_a_change(file), (350, read(1)));
    }

    #[test]
    fn a_file_that_stays_away_is_missing_after_a_second() {
        assert_eq!(after_a_change(|_| None), (1_000, Look::Missing));
    }

    #[test]
    fn changes_while_waiting_prolong_nothing_by_themselves() {
        let (mut settle, now) = (Settle::default(), Instant::now());
        settle.changed(now);
        assert_eq!(settle.look(now, stamp(1)), Look::Again);
        settle.changed(now + Duration::from_millis(30));
        assert_eq!(settle.look_at(), Some(now + STILL_FOR));
    }

    #[test]
    fn the_next_change_begins_anew() {
        let (mut settle, now) = (Settle::default(), Instant::now());
        settle.changed(now);
        follow(&mut settle, now, |_| stamp(1));
        assert_eq!(settle.look_at(), None);
        let later = now + Duration::from_secs(9);
        settle.changed(later);
        assert_eq!(follow(&mut settle, later, |_| stamp(2)), (50, read(2)));
    }
}
