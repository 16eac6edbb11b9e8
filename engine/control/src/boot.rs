//! From a checked configuration to a running process, and to its end: probe, bind, start the cores,
//! supervise. All of it in the order in which it may fail: nothing serves before everything is had.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use config::Snapshot;
use config::snapshot::{Address, IoEngine, Pin, Process};
use policy::descriptors;
use rt::{CoreId, CoreSpec, CoreThread, EngineChoice, Probed, StartError, Workers};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signals::{Gauges, Tally};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::task::{LocalSet, spawn_local};

use crate::access_log::{self, AccessLog, LineSender};
use crate::admin;
use crate::collector::{Collector, Note};
use crate::commands::{COMMANDS_MAX, Command, Commands, Signals};
use crate::core_link::{
    BoundSocket, CoreBoot, CoreLink, CoreReport, ORDERS_MAX, REPORTS_PER_ORDER, Reports,
};
use crate::life::{Ending, Life};
use crate::metrics::About;
use crate::reload::{Asked, Reloader};
use crate::shared::{Admin, ConfigState, FIRST_GENERATION, ProgramLog, Shared};
use crate::sockets::{self, BindError, Held, HeldListener};
use crate::supervisor::Supervisor;

/// Threads for merging and rendering, which live as long as there is something to do, or so.
const BLOCKING_THREADS_MAX: usize = 4;
const BLOCKING_THREAD_IDLE: Duration = Duration::from_secs(1);

/// A limit of descriptors that most services do with.
const DESCRIPTORS_GOOD: u64 = 65_536;

/// What `run` is given.
pub struct Setup {
    /// What the snapshot was read from, and is read from again; `None` if it is built in.
    pub file: Option<PathBuf>,
    /// The checked configuration.
    pub snapshot: Arc<Snapshot>,
    /// The program's version.
    pub version: &'static str,
    /// The program's own log, if it has one.
    pub log: Option<ProgramLog>,
    /// Called once on the control thread, when all cores serve.
    pub when_ready: Option<WhenReady>,
}

/// Told of the running process.
pub type WhenReady = Box<dyn FnOnce(&Running)>;

/// A process that serves.
#[derive(Debug, Clone)]
pub struct Running {
    /// Tells it what a signal would.
    pub commands: Commands,
    /// Every listener by name, the admin listener as `admin`, with the address it is bound to.
    pub listeners: Vec<(Arc<str>, Address)>,
}

/// Why the process did not start.
#[derive(Debug)]
pub enum StartFailure {
    /// No engine, or no core.
    Core(StartError),
    /// A listener's address cannot be had.
    Bind(BindError),
    /// Too few descriptors even without a connection.
    Descriptors {
        /// RLIMIT_NOFILE.
        limit: u64,
        /// What a start takes.
        bare: u64,
    },
    /// The control thread's own runtime, signals or mailboxes.
    Control(io::Error),
}

/// Runs the process until it ends. `start` starts one core: `rt::start_core` with the engine's
/// code.
pub fn run(
    setup: Setup,
    start: impl FnMut(CoreSpec, CoreBoot) -> Result<CoreThread, StartError>,
) -> Result<Ending, StartFailure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_THREAD_IDLE)
        .build()
        .map_err(StartFailure::Control)?;
    let ending = start_and_serve(&runtime, setup, start);
    // Whatever still runs, a core that hangs or a page for nobody, must not keep the process.
    runtime.shutdown_background();
    ending
}

fn start_and_serve(
    runtime: &Runtime,
    setup: Setup,
    start: impl FnMut(CoreSpec, CoreBoot) -> Result<CoreThread, StartError>,
) -> Result<Ending, StartFailure> {
    let _inside = runtime.enter();
    let signals = Signals::catch().map_err(StartFailure::Control)?;
    let process = &setup.snapshot.process;
    let placement = Placement::new(process, &rt::workers_available());
    let descriptors = raise_descriptors(&setup.snapshot, placement.workers)?;
    let probed = rt::probe(choice(process.io_engine)).map_err(StartFailure::Core)?;
    let mut bound = Bound::new(&setup.snapshot, placement.workers)?;
    announce(setup.version, &probed, &placement, &bound.addresses());

    let per_core = std::mem::take(&mut bound.per_core);
    let (access_log, lines) =
        access_log::start(placement.workers).map_err(StartFailure::Control)?;
    let resources = Resources { sockets: per_core, lines, descriptors };
    let cores = Cores::start(&placement, &probed, &setup.snapshot, resources, start)?;
    let serving = serve(setup, probed, bound, cores, signals, access_log);
    Ok(LocalSet::new().block_on(runtime, serving))
}

/// Starts the control thread's tasks, and supervises until the end.
async fn serve(
    setup: Setup,
    probed: Probed,
    bound: Bound,
    cores: Cores,
    signals: Signals,
    access_log: AccessLog,
) -> Ending {
    let Setup { file, snapshot, version, log, when_ready } = setup;
    let (notes, noted) = mpsc::channel::<Note>(cores.links.len() * ORDERS_MAX);
    let (sender, commands) = mpsc::channel::<Command>(COMMANDS_MAX);
    let running = Running { commands: Commands::new(sender.clone()), listeners: bound.addresses() };
    let (reloads, reload_asked) = mpsc::channel::<Asked>(COMMANDS_MAX);
    let process = snapshot.process.clone();
    access_log.follow(&snapshot);
    let config = ConfigState::first(file.clone(), snapshot.clone());
    let first = Note::Begun(config.generation, snapshot);
    notes.try_send(first).expect("the channel is new and has room");
    let (engine, engine_fallback) = (probed.kind.as_str(), probed.fallback);
    let (started, began) = (SystemTime::now(), Instant::now());
    let (log_filter, log_dropped) = log.map(|log| (log.filter, log.dropped)).unzip();
    let log_dropped = log_dropped.unwrap_or_default();
    let shared = Rc::new(Shared {
        about: Arc::new(About {
            version,
            engine,
            engine_fallback,
            started,
            began,
            process,
            log_dropped,
        }),
        life: Life::new(cores.links.len()).into(),
        cores: cores.links,
        config: config.into(),
        held: bound.held.into(),
        admin: None.into(),
        served: Notify::new(),
        notes,
        commands: sender,
        reloads,
        log_filter,
        access_log,
    });
    spawn_local(signals.forward(running.commands.clone()));
    spawn_local(Collector::new(shared.clone()).run(noted));
    if let Some((listener, held)) = bound.admin {
        let task = spawn_local(admin::serve(listener, shared.clone()));
        shared.admin.replace(Some(Admin { held, task }));
    }
    match file {
        Some(file) => drop(spawn_local(Reloader::new(shared.clone(), file).run(reload_asked))),
        // Whoever asks is told that there is nobody.
        None => drop(reload_asked),
    }
    let tell = |tell: WhenReady| -> Box<dyn FnOnce()> { Box::new(move || tell(&running)) };
    let (reports, threads) = (cores.reports, cores.threads);
    let when_ready = when_ready.map(tell);
    Supervisor { shared, reports, commands, threads, when_ready }.run().await
}

/// Everything that the snapshot listens on.
struct Bound {
    per_core: Vec<Vec<BoundSocket>>,
    held: Held,
    admin: Option<(admin::Listener, HeldListener)>,
}

impl Bound {
    /// Needs a tokio runtime around it.
    fn new(snapshot: &Snapshot, cores: usize) -> Result<Self, StartFailure> {
        let mut held = Held::default();
        let (per_core, new) = held.bind(&snapshot.listeners, cores)?.split();
        held.adopt(&snapshot.listeners, new);
        let admin = match &snapshot.admin.listen {
            None => None,
            Some(address) => {
                let (socket, held) = sockets::bind_admin(address)?;
                Some((admin::Listener::new(socket).map_err(StartFailure::Control)?, held))
            }
        };
        Ok(Self { per_core, held, admin })
    }

    fn addresses(&self) -> Vec<(Arc<str>, Address)> {
        let all = self.held.iter().chain(self.admin.as_ref().map(|(_, held)| held));
        all.map(|held| (held.name.clone(), held.local.clone())).collect()
    }
}

/// How many cores there are to be, and where.
#[derive(Debug, PartialEq, Eq)]
struct Placement {
    workers: usize,
    /// The processors to pin to, in turn; empty: not pinned.
    cpus: Vec<usize>,
}

impl Placement {
    fn new(process: &Process, available: &Workers) -> Self {
        let workers = workers_of(process.workers, available);
        let pin = match process.pin {
            // Every pod of a node would sit on CPU 0 if fewer workers than processors were pinned.
            Pin::Auto => workers == available.cpus.len(),
            Pin::Always => true,
            Pin::Never => false,
        };
        Self { workers, cpus: if pin { available.cpus.clone() } else { Vec::new() } }
    }

    fn cpu(&self, core: usize) -> Option<usize> {
        self.cpus.get(core % self.cpus.len().max(1)).copied()
    }
}

/// How many cores a start makes, of `process.workers` and of what there is.
pub(crate) fn workers_of(wanted: Option<usize>, available: &Workers) -> usize {
    wanted.unwrap_or(available.limit).clamp(1, usize::from(u16::MAX))
}

/// The cores, started.
struct Cores {
    links: Vec<CoreLink>,
    threads: Vec<Option<CoreThread>>,
    reports: mpsc::Receiver<CoreReport>,
}

/// What the cores share out among themselves.
struct Resources {
    /// For each core.
    sockets: Vec<Vec<BoundSocket>>,
    /// For each core.
    lines: Vec<LineSender>,
    /// The limit of the process.
    descriptors: u64,
}

impl Cores {
    fn start(
        placement: &Placement,
        probed: &Probed,
        snapshot: &Arc<Snapshot>,
        resources: Resources,
        mut start: impl FnMut(CoreSpec, CoreBoot) -> Result<CoreThread, StartError>,
    ) -> Result<Self, StartFailure> {
        let cores = placement.workers;
        let (sender, reports) = mpsc::channel(cores * ORDERS_MAX * REPORTS_PER_ORDER);
        let mut all = Self { links: Vec::new(), threads: Vec::new(), reports };
        let Resources { sockets, lines, descriptors } = resources;
        for (place, (sockets, lines)) in sockets.into_iter().zip(lines).enumerate() {
            let core = CoreId(u16::try_from(place).expect("Placement bounds the workers"));
            let (orders, inbox) = rt::mailbox(ORDERS_MAX);
            let levels = Arc::new(Gauges::default());
            let boot = CoreBoot {
                core,
                cores,
                generation: FIRST_GENERATION,
                snapshot: snapshot.clone(),
                sockets,
                orders: inbox,
                reports: Reports::new(core, sender.clone()),
                gauges: levels.clone(),
                lines,
                descriptors,
                seed: RandomState::new().build_hasher().finish(),
                tally: Box::new(Tally::new(snapshot.metrics.series_max)),
            };
            let spec = CoreSpec { id: core, engine: probed.kind, cpu: placement.cpu(place) };
            let thread = start(spec, boot).map_err(StartFailure::Core)?;
            let runtime = thread.gauges().clone();
            let (alive, serving) = (Cell::new(true), Cell::new(None));
            all.links.push(CoreLink { id: core, orders, levels, runtime, alive, serving });
            all.threads.push(Some(thread));
        }
        Ok(all)
    }
}

/// Raises the limit of descriptors as far as it goes, and says what it is.
fn raise_descriptors(snapshot: &Snapshot, workers: usize) -> Result<u64, StartFailure> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that is forbidden, the limit stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let bare = descriptors::bare(workers as u64, snapshot.listeners.len() as u64);
    if limit < bare { Err(StartFailure::Descriptors { limit, bare }) } else { Ok(limit) }
}

/// The first log line: what runs, on what, where.
fn announce(
    version: &str,
    probed: &Probed,
    placement: &Placement,
    listeners: &[(Arc<str>, Address)],
) {
    let listen = |(name, address): &(Arc<str>, Address)| format!("{name}={address}");
    let listeners = listeners.iter().map(listen).collect::<Vec<_>>().join(" ");
    let Placement { workers, cpus } = placement;
    let pinned = if cpus.is_empty() { "no" } else { "yes" };
    let engine = probed.kind.as_str();
    let line = format!(
        "outrigger {version}: engine={engine} workers={workers} pinned={pinned} {listeners}"
    );
    match &probed.fallback {
        None => tracing::info!("{line}"),
        Some(why) => tracing::warn!(
            "{line} (epoll, as io_uring cannot be used: {why}; \
             `outrigger doctor` tells more)"
        ),
    }
}

fn choice(engine: IoEngine) -> EngineChoice {
    match engine {
        IoEngine::Auto => EngineChoice::Auto,
        IoEngine::Uring => EngineChoice::Uring,
        IoEngine::Epoll => EngineChoice::Epoll,
    }
}

impl From<BindError> for StartFailure {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(error) => write!(out, "no core can be started: {error}"),
            Self::Bind(error) => error.fmt(out),
            Self::Descriptors { limit, bare } => write!(
                out,
                "RLIMIT_NOFILE is {limit}, and a start with this file takes {bare}; remedy: \
                 ulimit -n {DESCRIPTORS_GOOD}, LimitNOFILE={DESCRIPTORS_GOOD} (systemd), or fewer \
                 workers"
            ),
            Self::Control(error) => write!(out, "the control thread cannot be started: {error}"),
        }
    }
}

impl std::error::Error for StartFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(workers: Option<usize>, pin: Pin) -> Process {
        Process {
            workers,
            io_engine: IoEngine::Auto,
            pin,
            max_connections: 1,
            pre_drain: Duration::ZERO,
            drain_timeout: Duration::ZERO,
        }
    }

    fn place(workers: Option<usize>, pin: Pin) -> Placement {
        Placement::new(&process(workers, pin), &Workers { cpus: vec![2, 5], limit: 1 })
    }

    #[test]
    fn workers_are_what_the_limit_allows_unless_written() {
        assert_eq!(place(None, Pin::Auto).workers, 1);
        assert_eq!(place(Some(3), Pin::Auto).workers, 3);
    }

    #[test]
    fn auto_pins_only_when_the_workers_fill_the_mask() {
        assert!(place(Some(1), Pin::Auto).cpus.is_empty());
        assert_eq!(place(Some(2), Pin::Auto).cpus, [2, 5]);
        assert!(place(Some(3), Pin::Auto).cpus.is_empty());
    }

    #[test]
    fn forced_pinning_goes_round_the_mask() {
        let placement = place(Some(3), Pin::Always);
        let cpus: Vec<_> = (0..3).map(|core| placement.cpu(core)).collect();
        assert_eq!(cpus, [Some(2), Some(5), Some(2)]);
        assert_eq!(place(Some(2), Pin::Never).cpu(0), None);
    }
}
