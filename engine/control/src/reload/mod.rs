//! Changing the configuration while the process lives: on a change of the file, on SIGHUP, on
//! `POST /reload`.
//!
//! `watch` and a slow poll tell that the file may have changed, `settle` when it may be read,
//! `file` reads and checks it aside, `apply` puts it in force. One reload at a time; whoever asks
//! during one gets the next.

mod apply;
mod changes;
mod file;
mod postponed;
mod settle;
mod watch;

use std::future::pending;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use config::{Loaded, Problems};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::commands::Reloaded;
use crate::shared::{self, Rejection, Shared};
use apply::NotApplied;
use file::Reading;
use postponed::Postponed;
use settle::{Look, Settle, Stamp};
use watch::Watch;
pub(crate) use watch::try_watch;

/// How often the file is looked at, for what no watch tells.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Whoever asked for a reload and waits for its result.
pub(crate) type Asked = Option<oneshot::Sender<Reloaded>>;

/// Reloads one file.
pub(crate) struct Reloader {
    shared: Rc<Shared>,
    file: PathBuf,
    settle: Settle,
    /// Of the file that was last dealt with, whatever came of it; `None` if that one is not known.
    handled: Option<Stamp>,
    postponed: Postponed,
    /// Waiting for the next result.
    asked: Vec<oneshot::Sender<Reloaded>>,
}

impl Reloader {
    /// `file` is what the configuration in force was read from.
    pub(crate) fn new(shared: Rc<Shared>, file: PathBuf) -> Self {
        let (settle, postponed) = (Settle::default(), Postponed::default());
        Self { shared, file, settle, handled: None, postponed, asked: Vec::new() }
    }

    /// Runs for as long as the process serves.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Asked>) {
        let (mut watch, mut changes) = Watch::new(&self.file);
        // It may have changed since it was read for the start.
        self.settle.changed(Instant::now());
        let mut poll = interval(POLL_EVERY);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (look_at, again_at) = (self.settle.look_at(), self.postponed.again_at());
            tokio::select! {
                Some(()) = changes.recv() => drop(self.may_have_changed()),
                Some(asked) = commands.recv() => {
                    self.asked.extend(asked);
                    self.settle.changed(Instant::now());
                }
                () = at(look_at) => self.look().await,
                () = at(again_at) => {
                    self.postponed.tried();
                    self.settle.changed(Instant::now());
                }
                _ = poll.tick() => if self.may_have_changed() {
                    // Nobody told: the watch may be on a directory that is gone.
                    watch.renew();
                }
            }
        }
    }

    /// True if the file is not the one that was dealt with, and nothing was known of it yet.
    fn may_have_changed(&mut self) -> bool {
        let news = self.settle.look_at().is_none() && file::stamp(&self.file) != self.handled;
        if news {
            self.settle.changed(Instant::now());
        }
        news
    }

    async fn look(&mut self) {
        match self.settle.look(Instant::now(), file::stamp(&self.file)) {
            Look::Again => {}
            Look::Missing => {
                self.handled = None;
                self.conclude(Conclusion::Rejected(format!("{} is not there", self.name()), None));
            }
            Look::Read(stamp) => self.read(stamp).await,
        }
    }

    async fn read(&mut self, stamp: Stamp) {
        let current = self.shared.config.borrow().snapshot.clone();
        let reading = file::read_aside(self.file.clone(), stamp, current).await;
        let conclusion = match reading {
            Some(Reading::Moving) => return self.settle.changed(Instant::now()),
            Some(Reading::Same) => {
                let is_start = self.handled.is_none() && self.asked.is_empty();
                if is_start && self.shared.config.borrow().rejection.is_none() {
                    self.handled = Some(stamp);
                    return;
                }
                Conclusion::Unchanged
            }
            Some(Reading::Unreadable(error)) => {
                Conclusion::Rejected(format!("cannot read {}: {error}", self.name()), None)
            }
            Some(Reading::Short(error)) => {
                Conclusion::Postponed(format!("cannot read {}: {error}", self.name()))
            }
            Some(Reading::Wrong(problems)) => {
                Conclusion::Rejected(problems.to_string(), Some(problems))
            }
            Some(Reading::Good(loaded)) => self.apply(*loaded).await,
            None => Conclusion::Rejected("the check did not come to an end".to_owned(), None),
        };
        self.handled = Some(stamp);
        self.conclude(conclusion);
    }

    async fn apply(&mut self, loaded: Loaded) -> Conclusion {
        let Loaded { snapshot, warnings } = loaded;
        if !warnings.is_empty() {
            tracing::warn!("the new configuration may not be what is meant:\n{warnings}");
        }
        let (generation, changes) = match apply::apply(&self.shared, snapshot).await {
            Ok(applied) => applied,
            Err(NotApplied::Refused(why)) => return Conclusion::Rejected(why, None),
            Err(NotApplied::Short(why)) => return Conclusion::Postponed(why),
        };
        if !apply::taken_up(&self.shared, generation).await {
            tracing::error!(generation = generation.0, "a core does not take up the new file");
        }
        Conclusion::Applied(generation.0, changes)
    }

    /// Counts, logs, and answers whoever waits.
    fn conclude(&mut self, conclusion: Conclusion) {
        let mut config = self.shared.config.borrow_mut();
        let postponed = config.postponed.take();
        if !matches!(conclusion, Conclusion::Postponed(_)) {
            self.postponed.over();
        }
        let result = match conclusion {
            Conclusion::Applied(generation, changes) => {
                let hash = &config.snapshot.hash;
                tracing::info!(generation, %hash, "new configuration in force: {changes}");
                let needs_restart = config.needs_restart.clone();
                if !needs_restart.is_empty() {
                    let keys = needs_restart.join(", ");
                    tracing::warn!("this takes effect with the next start: {keys}");
                }
                Reloaded::Applied { generation, needs_restart }
            }
            Conclusion::Unchanged => {
                config.reloads.unchanged += 1;
                if config.rejection.take().is_some() || postponed.is_some() {
                    tracing::info!("the file is good again, nothing to change");
                }
                Reloaded::Unchanged { needs_restart: config.needs_restart.clone() }
            }
            Conclusion::Rejected(text, problems) => {
                config.reloads.rejected += 1;
                tracing::error!("the new configuration is refused and changes nothing:\n{text}");
                let problems = problems.map(|problems| problems.to_json());
                let at = SystemTime::now();
                config.rejection = Some(Rejection { at, text: text.clone(), problems });
                Reloaded::Rejected(text)
            }
            Conclusion::Postponed(text) => {
                self.postponed.put_off(Instant::now());
                if postponed.is_none() {
                    tracing::warn!("a change of the configuration is put off, to be tried: {text}");
                }
                let since = postponed.map_or_else(SystemTime::now, |before| before.since);
                config.postponed = Some(shared::Postponed { since, text: text.clone() });
                Reloaded::Postponed(text)
            }
        };
        for asked in self.asked.drain(..) {
            // Whoever asked may have gone.
            let _ = asked.send(result.clone());
        }
    }

    fn name(&self) -> impl std::fmt::Display {
        Path::display(&self.file)
    }
}

/// What a reload came to.
enum Conclusion {
    /// The generation, and what it changed.
    Applied(u32, String),
    Unchanged,
    Rejected(String, Option<Problems>),
    /// It is tried again.
    Postponed(String),
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant.into()).await,
        None => pending().await,
    }
}
