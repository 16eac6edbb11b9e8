//! The process's life as a state machine: starting, serving, draining, stopped. What `/ready` says
//! follows from it.
//!
//! Pure: facts and `now` go in, a [`Step`] to carry out comes out. No clock, no signal, no core.
//! After each fact the caller carries out `step`; at `deadline` it asks `step` again.

use std::fmt;
use std::time::{Duration, Instant};

use rt::CoreId;

/// The whole process, as seen from outside.
#[derive(Debug)]
pub(crate) struct Life {
    phase: Phase,
    cores: Vec<Core>,
    /// A core died: the process ends, and not well.
    failed: bool,
    /// SIGTERM or SIGINT came.
    signalled: bool,
}

/// What the process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Some core does not listen yet.
    Starting,
    /// All cores listen.
    Serving,
    /// `/ready` is red, all else is as before, so that callers learn to go elsewhere.
    PreDrain { ends: Instant, drain_timeout: Duration },
    /// Cores finish what is in flight.
    Draining { ends: Instant },
    /// Cores are told to end.
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Core {
    Starting,
    Serving,
    Drained,
    Ended,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Wait,
    /// Order all cores to drain; they are stopped after `close_after` in any case.
    Drain { close_after: Duration },
    /// Order all cores to end, and end the process.
    Stop(Ending),
}

/// How the process ended; its exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All requests were finished. Exit code 0.
    Drained,
    /// `drain_timeout` passed with requests still in flight. Exit code 0: it was configured so.
    TimedOut,
    /// A second SIGTERM or SIGINT cut the drain short. Exit code 1.
    Forced,
    /// A core died. Exit code 1.
    CoreDied,
}

/// Why `/ready` is red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotReady {
    Starting(CoreId),
    Draining,
    CoreDied(CoreId),
}

impl Life {
    /// `cores` cores have been started.
    pub(crate) fn new(cores: usize) -> Self {
        Self {
            phase: Phase::Starting,
            cores: vec![Core::Starting; cores],
            failed: false,
            signalled: false,
        }
    }

    /// A core listens. True if it was the last one that `/ready` waited for.
    pub(crate) fn serving(&mut self, core: CoreId) -> bool {
        if let state @ Core::Starting = self.core(core) {
            *state = Core::Serving;
        }
        let complete = self.cores.iter().all(|core| *core == Core::Serving);
        let begins = self.phase == Phase::Starting && complete;
        if begins {
            self.phase = Phase::Serving;
        }
        begins
    }

    /// A core has no request left.
    pub(crate) fn drained(&mut self, core: CoreId) {
        if let state @ (Core::Starting | Core::Serving) = self.core(core) {
            *state = Core::Drained;
        }
    }

    /// A core's thread has ended. True if nobody told it to: the others then finish their work.
    pub(crate) fn ended(&mut self, core: CoreId, now: Instant, patience: Patience) -> bool {
        if std::mem::replace(self.core(core), Core::Ended) == Core::Ended {
            return false;
        }
        if self.phase == Phase::Stopped {
            return false;
        }
        self.failed = true;
        self.begin_end(now, patience);
        true
    }

    /// SIGTERM or SIGINT. The second one ends the process at once; one after `POST /drain`, as a
    /// `preStop` hook makes it, does not.
    pub(crate) fn terminate(&mut self, now: Instant, patience: Patience) -> Step {
        let again = std::mem::replace(&mut self.signalled, true);
        if again && self.phase != Phase::Stopped {
            return self.stop(Ending::Forced);
        }
        self.drain(now, patience)
    }

    /// `POST /drain`: the same end, any number of times.
    pub(crate) fn drain(&mut self, now: Instant, patience: Patience) -> Step {
        self.begin_end(now, patience);
        self.step(now)
    }

    /// What is due at `now`.
    pub(crate) fn step(&mut self, now: Instant) -> Step {
        match self.phase {
            _ if self.all_ended() && self.phase != Phase::Stopped => self.stop(Ending::Drained),
            Phase::PreDrain { ends, drain_timeout } if now >= ends => {
                self.phase = Phase::Draining { ends: now + drain_timeout };
                Step::Drain { close_after: drain_timeout }
            }
            Phase::Draining { .. } if self.all_drained() => self.stop(Ending::Drained),
            Phase::Draining { ends } if now >= ends => self.stop(Ending::TimedOut),
            _ => Step::Wait,
        }
    }

    /// When `step` must be asked again, if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::PreDrain { ends, .. } | Phase::Draining { ends } => Some(ends),
            Phase::Starting | Phase::Serving | Phase::Stopped => None,
        }
    }

    /// What `/ready` answers.
    pub(crate) fn readiness(&self) -> Result<(), NotReady> {
        let first = |state| self.cores.iter().position(|core| *core == state).map(id);
        match (self.phase, first(Core::Ended), first(Core::Starting)) {
            (Phase::Starting | Phase::Serving, None, None) => Ok(()),
            (Phase::Stopped, _, _) if !self.failed => Err(NotReady::Draining),
            (_, Some(dead), _) => Err(NotReady::CoreDied(dead)),
            (Phase::Starting, None, Some(core)) => Err(NotReady::Starting(core)),
            _ => Err(NotReady::Draining),
        }
    }

    /// For `/server_info`.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    fn begin_end(&mut self, now: Instant, patience: Patience) {
        if matches!(self.phase, Phase::Starting | Phase::Serving) {
            let Patience { pre_drain, drain_timeout } = patience;
            self.phase = Phase::PreDrain { ends: now + pre_drain, drain_timeout };
        }
    }

    fn stop(&mut self, ending: Ending) -> Step {
        self.phase = Phase::Stopped;
        Step::Stop(if self.failed { Ending::CoreDied } else { ending })
    }

    fn all_drained(&self) -> bool {
        self.cores.iter().all(|core| matches!(core, Core::Drained | Core::Ended))
    }

    fn all_ended(&self) -> bool {
        self.cores.iter().all(|core| *core == Core::Ended)
    }

    fn core(&mut self, core: CoreId) -> &mut Core {
        &mut self.cores[usize::from(core.0)]
    }
}

/// How long an end may take: `[process]` of the snapshot in force when it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) pre_drain: Duration,
    pub(crate) drain_timeout: Duration,
}

impl Phase {
    /// One word, for `/server_info`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::PreDrain { .. } => "pre-drain",
            Self::Draining { .. } => "draining",
            Self::Stopped => "stopped",
        }
    }
}

impl Ending {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Drained | Self::TimedOut => 0,
            Self::Forced | Self::CoreDied => 1,
        }
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting(core) => write!(out, "starting: core {} does not listen yet", core.0),
            Self::Draining => write!(out, "draining"),
            Self::CoreDied(core) => write!(out, "core {} died", core.0),
        }
    }
}

fn id(place: usize) -> CoreId {
    CoreId(u16::try_from(place).expect("there are fewer than 65,536 cores"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { pre_drain: Duration::from_secs(5), drain_timeout: Duration::from_secs(20) };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Two cores that serve.
    fn serving() -> (Life, Instant) {
        let mut life = Life::new(2);
        assert!(!life.serving(CoreId(0)));
        assert!(life.serving(CoreId(1)));
        (life, Instant::now())
    }

    #[test]
    fn ready_only_when_every_core_listens() {
        let mut life = Life::new(2);
        assert_eq!(life.readiness(), Err(NotReady::Starting(CoreId(0))));
        life.serving(CoreId(0));
        assert_eq!(life.readiness(), Err(NotReady::Starting(CoreId(1))));
        life.serving(CoreId(1));
        assert_eq!(life.readiness(), Ok(()));
    }

    #[test]
    fn a_later_report_of_serving_begins_nothing_again() {
        let (mut life, _) = serving();
        assert!(!life.serving(CoreId(1)));
    }

    #[test]
    fn termination_is_red_at_once_and_drains_after_pre_drain() {
        let (mut life, now) = serving();
        assert_eq!(life.terminate(now, PATIENCE), Step::Wait);
        assert_eq!(life.readiness(), Err(NotReady::Draining));
        assert_eq!(life.deadline(), Some(now + seconds(5)));
        assert_eq!(life.step(now + seconds(4)), Step::Wait);
        assert_eq!(life.step(now + seconds(5)), Step::Drain { close_after: seconds(20) });
        assert_eq!(life.step(now + seconds(6)), Step::Wait);
    }

    #[test]
    fn the_process_stops_when_every_core_has_drained() {
        let (mut life, now) = serving();
        life.terminate(now, PATIENCE);
        life.step(now + seconds(5));
        life.drained(CoreId(1));
        assert_eq!(life.step(now + seconds(6)), Step::Wait);
        life.drained(CoreId(0));
        assert_eq!(life.step(now + seconds(6)), Step::Stop(Ending::Drained));
        assert_eq!(life.step(now + seconds(99)), Step::Wait);
    }

    #[test]
    fn the_process_stops_at_drain_timeout_with_requests_in_flight() {
        let (mut life, now) = serving();
        life.terminate(now, PATIENCE);
        life.step(now + seconds(5));
        life.drained(CoreId(0));
        assert_eq!(life.step(now + seconds(24)), Step::Wait);
        assert_eq!(life.step(now + seconds(25)), Step::Stop(Ending::TimedOut));
    }

    #[test]
    fn without_pre_drain_the_drain_begins_at_once() {
        let (mut life, now) = serving();
        let patience = Patience { pre_drain: Duration::ZERO, ..PATIENCE };
        assert_eq!(life.terminate(now, patience), Step::Drain { close_after: seconds(20) });
    }

    #[test]
    fn a_second_termination_stops_at_once() {
        for wait in [0, 5, 10] {
            let (mut life, now) = serving();
            life.terminate(now, PATIENCE);
            life.step(now + seconds(wait));
            let step = life.terminate(now + seconds(wait), PATIENCE);
            assert_eq!(step, Step::Stop(Ending::Forced), "after {wait} s");
            assert_eq!(life.terminate(now, PATIENCE), Step::Wait);
        }
    }

    #[test]
    fn a_drain_hook_before_the_signal_cuts_nothing_short() {
        let (mut life, now) = serving();
        assert_eq!(life.drain(now, PATIENCE), Step::Wait);
        assert_eq!(life.drain(now, PATIENCE), Step::Wait);
        assert_eq!(life.terminate(now, PATIENCE), Step::Wait);
        assert_eq!(life.deadline(), Some(now + seconds(5)));
    }

    #[test]
    fn termination_works_while_starting() {
        let mut life = Life::new(1);
        let now = Instant::now();
        assert_eq!(life.terminate(now, PATIENCE), Step::Wait);
        assert!(!life.serving(CoreId(0)));
        assert_eq!(life.readiness(), Err(NotReady::Draining));
    }

    #[test]
    fn a_core_that_dies_turns_ready_red_and_the_others_drain() {
        let (mut life, now) = serving();
        assert!(life.ended(CoreId(0), now, PATIENCE));
        assert_eq!(life.readiness(), Err(NotReady::CoreDied(CoreId(0))));
        assert!(matches!(life.step(now + seconds(5)), Step::Drain { .. }));
        life.drained(CoreId(1));
        assert_eq!(life.step(now + seconds(6)), Step::Stop(Ending::CoreDied));
    }

    #[test]
    fn the_last_core_s_death_stops_the_process_at_once() {
        let (mut life, now) = serving();
        life.ended(CoreId(0), now, PATIENCE);
        assert_eq!(life.step(now), Step::Wait);
        life.ended(CoreId(1), now, PATIENCE);
        assert_eq!(life.step(now), Step::Stop(Ending::CoreDied));
    }

    #[test]
    fn a_core_that_ends_after_the_stop_was_told_to() {
        let (mut life, now) = serving();
        life.terminate(now, PATIENCE);
        life.terminate(now, PATIENCE);
        assert!(!life.ended(CoreId(0), now, PATIENCE));
        assert_eq!(life.readiness(), Err(NotReady::Draining));
    }
}
