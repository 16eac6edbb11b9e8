//! Putting a checked snapshot in force: sockets first, then all cores, or nothing at all.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::Snapshot;
use config::snapshot::Process;
use rt::Shortage;
use signals::Generation;
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::changes;
use crate::admin;
use crate::collector::Note;
use crate::core_link::CoreOrder;
use crate::shared::{Admin, Shared};
use crate::sockets::{self, BindError};

/// How long the cores may take to report that they use a snapshot.
const TAKE_UP_WITHIN: Duration = Duration::from_secs(5);

/// Why nothing has changed.
#[derive(Debug)]
pub(super) enum NotApplied {
    /// It cannot be done.
    Refused(String),
    /// It cannot be done now: descriptors or memory are short.
    Short(String),
}

/// Publishes `snapshot`, or changes nothing. Beside the generation: what it changed, in short.
pub(super) async fn apply(
    shared: &Rc<Shared>,
    snapshot: Snapshot,
) -> Result<(Generation, String), NotApplied> {
    let before = shared.config.borrow().generation;
    if !taken_up(shared, before).await {
        let why = "a core has not taken up the change before this one";
        return Err(NotApplied::Refused(why.to_owned()));
    }
    let admin = new_admin(shared, &snapshot)?;
    let new = shared.held.borrow().bind(&snapshot.listeners, shared.cores.len())?;

    // From here on nothing can fail.
    let snapshot = Arc::new(snapshot);
    let generation = Generation(before.0 + 1);
    let (per_core, held) = new.split();
    // Before any core can count against it.
    let begun = Note::Begun(generation, snapshot.clone());
    let _ = shared.notes.send(begun).await;
    for (core, sockets) in shared.cores.iter().zip(per_core) {
        let snapshot = snapshot.clone();
        let order = CoreOrder::Publish { generation, snapshot, sockets };
        if core.orders.send(order).is_err() && core.alive.get() {
            tracing::error!(core = core.id.0, "a core's mailbox is full: it serves by an old file");
        }
    }
    shared.access_log.follow(&snapshot);
    shared.held.borrow_mut().adopt(&snapshot.listeners, held);
    if let Some(admin) = admin {
        admin.put_in_force(shared);
    }
    let mut config = shared.config.borrow_mut();
    config.needs_restart = needs_restart(shared, &snapshot);
    let changes = changes::between(&config.snapshot, &snapshot);
    config.snapshot = snapshot;
    config.generation = generation;
    config.applied = SystemTime::now();
    config.reloads.applied += 1;
    config.rejection = None;
    Ok((generation, changes))
}

/// Waits until every core that lives uses this generation; false if one does not in time.
pub(super) async fn taken_up(shared: &Shared, generation: Generation) -> bool {
    let all = async {
        while shared.behind(generation).is_some() {
            shared.served.notified().await;
        }
    };
    timeout(TAKE_UP_WITHIN, all).await.is_ok()
}

/// The admin listener that a snapshot wants, if it is another one.
enum NewAdmin {
    Off,
    At(admin::Listener, sockets::HeldListener),
}

fn new_admin(shared: &Shared, snapshot: &Snapshot) -> Result<Option<NewAdmin>, NotApplied> {
    let wanted = &snapshot.admin.listen;
    if *wanted == shared.config.borrow().snapshot.admin.listen {
        return Ok(None);
    }
    let Some(address) = wanted else { return Ok(Some(NewAdmin::Off)) };
    let (socket, held) = sockets::bind_admin(address)?;
    let listener = admin::Listener::new(socket)
        .map_err(|error| NotApplied::because(&error, error.to_string()))?;
    Ok(Some(NewAdmin::At(listener, held)))
}

impl NotApplied {
    fn because(error: &io::Error, text: String) -> Self {
        match Shortage::of(error) {
            Some(_) => Self::Short(text),
            None => Self::Refused(text),
        }
    }
}

impl From<BindError> for NotApplied {
    fn from(refusal: BindError) -> Self {
        Self::because(&refusal.error, refusal.to_string())
    }
}

impl NewAdmin {
    /// Requests under way on the old listener, such as the one that ordered this, are answered.
    fn put_in_force(self, shared: &Rc<Shared>) {
        let new = match self {
            Self::Off => None,
            Self::At(listener, held) => {
                let task = spawn_local(admin::serve(listener, shared.clone()));
                Some(Admin { held, task })
            }
        };
        if let Some(old) = shared.admin.replace(new) {
            old.task.abort();
        }
    }
}

/// What differs from the settings that the process started with and cannot change while it lives.
fn needs_restart(shared: &Shared, snapshot: &Snapshot) -> Vec<String> {
    let mut all = process_settings(&shared.about.process, &snapshot.process);
    for listener in &snapshot.listeners {
        let bound = shared.held.borrow().backlog_of(&listener.name);
        if bound.is_some_and(|bound| bound != listener.backlog) {
            all.push(format!("listeners.{}.backlog", listener.name));
        }
    }
    all
}

fn process_settings(now: &Process, then: &Process) -> Vec<String> {
    let settings = [
        ("process.workers", now.workers != then.workers),
        ("process.io_engine", now.io_engine != then.io_engine),
        ("process.pin", now.pin != then.pin),
    ];
    settings.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::snapshot::{IoEngine, Pin};

    fn process() -> Process {
        Process {
            workers: None,
            io_engine: IoEngine::Auto,
            pin: Pin::Auto,
            max_connections: 1,
            pre_drain: Duration::ZERO,
            drain_timeout: Duration::ZERO,
        }
    }

    #[test]
    fn threads_and_engine_need_a_restart() {
        let then =
            Process { workers: Some(2), io_engine: IoEngine::Epoll, pin: Pin::Never, ..process() };
        let all = ["process.workers", "process.io_engine", "process.pin"];
        assert_eq!(process_settings(&process(), &then), all);
    }

    #[test]
    fn limits_and_timeouts_take_effect_at_once() {
        let second = Duration::from_secs(1);
        let then =
            Process { max_connections: 9, pre_drain: second, drain_timeout: second, ..process() };
        assert!(process_settings(&process(), &then).is_empty());
    }
}
