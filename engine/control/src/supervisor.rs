//! The control thread's main loop: reports from the cores, commands from outside, time.
//!
//! It decides nothing by itself: the facts go to `life`, whose steps it carries out.

use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rt::{CoreId, CoreThread};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use crate::collector::Note;
use crate::commands::Command;
use crate::core_link::{CoreOrder, CoreReport};
use crate::life::{Ending, Step};
use crate::shared::Shared;

/// How long a core may take to end once it is told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// How often a core's thread is looked at, beside what it reports itself.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The main loop's state.
pub(crate) struct Supervisor {
    pub(crate) shared: Rc<Shared>,
    pub(crate) reports: mpsc::Receiver<CoreReport>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// By core; taken when its end is looked into.
    pub(crate) threads: Vec<Option<CoreThread>>,
    /// Called once, when all cores serve.
    pub(crate) when_ready: Option<Box<dyn FnOnce()>>,
}

impl Supervisor {
    /// Runs until the process is to end.
    pub(crate) async fn run(mut self) -> Ending {
        let mut check = interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let deadline = self.shared.life.borrow().deadline();
            let mut due = pin!(sleep_until(deadline.unwrap_or_else(Instant::now).into()));
            tokio::select! {
                Some(report) = self.reports.recv() => self.report(report).await,
                Some(command) = self.commands.recv() => {
                    let step = self.command(command);
                    if let Some(ending) = self.carry_out(step) {
                        return self.stop(ending).await;
                    }
                }
                () = &mut due, if deadline.is_some() => {}
                _ = check.tick() => self.check_threads(),
            }
            let step = self.shared.life.borrow_mut().step(Instant::now());
            if let Some(ending) = self.carry_out(step) {
                return self.stop(ending).await;
            }
        }
    }

    async fn report(&mut self, report: CoreReport) {
        match report {
            CoreReport::Serving { core, serving } => {
                self.shared.core(core).serving.set(Some(serving));
                self.shared.served.notify_one();
                if self.shared.life.borrow_mut().serving(core) {
                    tracing::info!("ready");
                    if let Some(tell) = self.when_ready.take() {
                        tell();
                    }
                }
            }
            CoreReport::Collected { core, tally } => self.note(Note::Collected(core, tally)).await,
            CoreReport::Drained { core } => self.shared.life.borrow_mut().drained(core),
            CoreReport::Retired { generation, snapshot } => {
                // The collector holds the last reference, and frees it off this thread.
                drop(snapshot);
                self.note(Note::Retired(generation)).await;
            }
            CoreReport::Ended { core } => self.core_ended(core),
        }
    }

    fn command(&mut self, command: Command) -> Step {
        let (now, patience) = (Instant::now(), self.shared.patience());
        let mut life = self.shared.life.borrow_mut();
        match command {
            Command::Terminate => {
                let step = life.terminate(now, patience);
                match step {
                    Step::Stop(_) => tracing::info!("told to end again: at once"),
                    _ => tracing::info!(pre_drain = ?patience.pre_drain, "told to end"),
                }
                step
            }
            Command::Drain => {
                tracing::info!(pre_drain = ?patience.pre_drain, "told to drain");
                life.drain(now, patience)
            }
            Command::Reload(reply) => {
                self.shared.ask_for_reload(reply);
                Step::Wait
            }
        }
    }

    /// `Some` if the process is to end.
    fn carry_out(&self, step: Step) -> Option<Ending> {
        match step {
            Step::Wait => None,
            Step::Drain { close_after } => {
                tracing::info!(drain_timeout = ?close_after, "draining");
                for core in &self.shared.cores {
                    // A core that does not read its mail is stopped at the timeout like any other.
                    let _ = core.orders.send(CoreOrder::Drain);
                }
                None
            }
            Step::Stop(ending) => Some(ending),
        }
    }

    /// Tells all cores to end and waits for them a little.
    async fn stop(mut self, ending: Ending) -> Ending {
        let in_flight = |core: &crate::core_link::CoreLink| core.levels.active_requests.value();
        let cut: u64 = self.shared.cores.iter().map(in_flight).sum();
        match cut {
            0 => tracing::info!(?ending, requests_cut = cut, "stopping"),
            _ => tracing::warn!(?ending, requests_cut = cut, "stopping"),
        }
        for core in &self.shared.cores {
            let _ = core.orders.send(CoreOrder::Stop);
        }
        let all_ended = async {
            while self.shared.cores.iter().any(|core| core.alive.get()) {
                let Some(report) = self.reports.recv().await else { break };
                self.report(report).await;
            }
        };
        if timeout(STOP_WITHIN, all_ended).await.is_err() {
            tracing::warn!("a core does not stop; the process ends without it");
        }
        self.shared.access_log.finish().await;
        ending
    }

    fn core_ended(&mut self, core: CoreId) {
        self.shared.core(core).alive.set(false);
        self.shared.served.notify_one();
        let patience = self.shared.patience();
        if self.shared.life.borrow_mut().ended(core, Instant::now(), patience) {
            tracing::error!(core = core.0, "a core died; the process drains and ends");
            if let Some(thread) = self.threads[usize::from(core.0)].take() {
                spawn_blocking(move || match thread.join() {
                    Err(panic) => tracing::error!(core = core.0, panic, "why the core died"),
                    Ok(()) => tracing::error!(core = core.0, "the core ended by itself"),
                });
            }
        }
    }

    /// For a core that ended without a word.
    fn check_threads(&mut self) {
        let shared = self.shared.clone();
        for (place, core) in shared.cores.iter().enumerate().filter(|(_, core)| core.alive.get()) {
            if self.threads[place].as_ref().is_some_and(CoreThread::is_finished) {
                self.core_ended(core.id);
            }
        }
    }

    async fn note(&self, note: Note) {
        // The collector lives as long as this loop does.
        let _ = self.shared.notes.send(note).await;
    }
}
