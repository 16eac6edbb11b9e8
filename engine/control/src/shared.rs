//! What the tasks of the control thread share. One thread: plain cells, no lock.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use config::Snapshot;
use rt::CoreId;
use signals::Generation;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::access_log::AccessLog;
use crate::collector::Note;
use crate::commands::{Command, Reloaded};
use crate::core_link::CoreLink;
use crate::life::{Life, Patience};
use crate::metrics::{About, ConfigFigures};
use crate::reload::Asked;
use crate::sockets::{Held, HeldListener};

/// What the control thread has to do with the program's own log.
pub struct ProgramLog {
    /// Shows or changes the filter.
    pub filter: LogFilter,
    /// Lines that were dropped, as nobody took them.
    pub dropped: Arc<AtomicU64>,
}

/// Puts a filter in force, if one is given, and says which one is; `Err` says why that cannot be.
pub type LogFilter = Box<dyn Fn(Option<&str>) -> Result<String, String>>;

/// Of the configuration that the process starts with.
pub(crate) const FIRST_GENERATION: Generation = Generation(1);

/// The control thread's state.
pub(crate) struct Shared {
    pub(crate) about: Arc<About>,
    pub(crate) cores: Vec<CoreLink>,
    pub(crate) life: RefCell<Life>,
    pub(crate) config: RefCell<ConfigState>,
    pub(crate) held: RefCell<Held>,
    /// The admin listener, which is no listener of the snapshot.
    pub(crate) admin: RefCell<Option<Admin>>,
    /// Told whenever a core begins to use a snapshot, or ends.
    pub(crate) served: Notify,
    pub(crate) notes: mpsc::Sender<Note>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) reloads: mpsc::Sender<Asked>,
    pub(crate) log_filter: Option<LogFilter>,
    pub(crate) access_log: AccessLog,
}

/// The admin listener, served.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) held: HeldListener,
    pub(crate) task: JoinHandle<()>,
}

/// The configuration in force, and what became of the file since.
#[derive(Debug)]
pub(crate) struct ConfigState {
    /// Absolute; `None`: the configuration is built in, nothing is read again.
    pub(crate) file: Option<PathBuf>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) generation: Generation,
    pub(crate) applied: SystemTime,
    pub(crate) reloads: Reloads,
    /// Why the file as last read is not in force.
    pub(crate) rejection: Option<Rejection>,
    /// Why the file could not be dealt with, though nothing may be wrong with it.
    pub(crate) postponed: Option<Postponed>,
    /// Settings of the file that take effect with the next start.
    pub(crate) needs_restart: Vec<String>,
}

/// A change that is tried again, as descriptors or memory were short.
#[derive(Debug, Clone)]
pub(crate) struct Postponed {
    /// When that was found first.
    pub(crate) since: SystemTime,
    pub(crate) text: String,
}

/// How often the file was read again, by result.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reloads {
    pub(crate) applied: u64,
    pub(crate) rejected: u64,
    pub(crate) unchanged: u64,
}

/// A file that changed nothing, and why.
#[derive(Debug, Clone)]
pub(crate) struct Rejection {
    pub(crate) at: SystemTime,
    /// For people: every problem, drawn.
    pub(crate) text: String,
    /// The same for programs, where the file itself is at fault.
    pub(crate) problems: Option<serde_json::Value>,
}

impl Shared {
    pub(crate) fn core(&self, core: CoreId) -> &CoreLink {
        &self.cores[usize::from(core.0)]
    }

    /// SIGHUP or `POST /reload`. What cannot be done is told at once.
    pub(crate) fn ask_for_reload(&self, asked: Asked) {
        // Whoever rotates the log asks in this way, whatever becomes of the file.
        self.access_log.reopen();
        let refused = match self.reloads.try_send(asked) {
            Ok(()) => return,
            Err(TrySendError::Full(asked)) => (asked, "too many reloads wait already"),
            Err(TrySendError::Closed(asked)) => (asked, "the configuration is built in, not read"),
        };
        let (asked, why) = refused;
        tracing::warn!("no reload: {why}");
        if let Some(asked) = asked {
            let _ = asked.send(Reloaded::Rejected(why.to_owned()));
        }
    }

    /// The first core that lives and does not use this generation yet.
    pub(crate) fn behind(&self, generation: Generation) -> Option<CoreId> {
        let serves = |core: &CoreLink| core.serving.get().map(|serving| serving.generation);
        let behind = |core: &&CoreLink| core.alive.get() && serves(core) < Some(generation);
        self.cores.iter().find(behind).map(|core| core.id)
    }

    /// How long an end may take by the configuration in force.
    pub(crate) fn patience(&self) -> Patience {
        let process = &self.config.borrow().snapshot.process;
        Patience { pre_drain: process.pre_drain, drain_timeout: process.drain_timeout }
    }
}

impl ConfigState {
    /// The first configuration of a process.
    pub(crate) fn first(file: Option<PathBuf>, snapshot: Arc<Snapshot>) -> Self {
        let file = file.map(|file| std::path::absolute(&file).unwrap_or(file));
        Self {
            file,
            snapshot,
            generation: FIRST_GENERATION,
            applied: SystemTime::now(),
            reloads: Reloads::default(),
            rejection: None,
            postponed: None,
            needs_restart: Vec::new(),
        }
    }

    pub(crate) fn figures(&self) -> ConfigFigures {
        ConfigFigures {
            hash: self.snapshot.hash.clone(),
            generation: self.generation.0,
            applied: self.applied,
            reloads: self.reloads,
            rejected: self.rejection.is_some(),
            needs_restart: !self.needs_restart.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_absolute_however_it_was_typed() {
        let text = "[[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:0\"\nroutes = \"t\"\n\
            [[routes.t]]\nrespond = { status = 200 }\n";
        let loaded = config::load("test.toml", text.as_bytes(), None);
        let snapshot = loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot;
        let config = ConfigState::first(Some("sidecar.toml".into()), Arc::new(snapshot));
        let file = config.file.expect("it was given");
        assert!(file.is_absolute() && file.ends_with("sidecar.toml"), "{}", file.display());
    }
}
