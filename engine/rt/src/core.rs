//! A core: one thread that runs one engine until its main future ends.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use std::cell::OnceCell;

use crate::{CoreGauges, EngineKind, StartError, epoll, gauges, uring};

/// Which core, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoreId(pub u16);

/// How to start a core.
#[derive(Debug, Clone)]
pub struct CoreSpec {
    /// Names the thread.
    pub id: CoreId,
    /// From `probe`.
    pub engine: EngineKind,
    /// Pin the thread to this processor.
    pub cpu: Option<usize>,
}

/// What an engine is told about the core that it runs.
pub(crate) struct CoreShared {
    pub(crate) id: CoreId,
    pub(crate) gauges: Arc<CoreGauges>,
}

/// A core's main future, made on the core; never panics when polled.
pub(crate) type Main = Pin<Box<dyn Future<Output = ()>>>;

/// Starts a core and returns when its engine runs. `main` is called on the core; the core ends when the future does.
pub fn start_core<F>(
    spec: CoreSpec,
    main: impl FnOnce() -> F + Send + 'static,
) -> Result<CoreThread, StartError>
where
    F: Future<Output = ()> + 'static,
{
    let gauges = Arc::new(CoreGauges::default());
    let shared = CoreShared { id: spec.id, gauges: gauges.clone() };
    let (ready, started) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name(format!("core-{}", spec.id.0))
        .spawn(move || {
            ENGINE.with(|engine| engine.set(spec.engine)).expect("a fresh thread");
            gauges::enter(shared.gauges.clone());
            let running = ready.clone();
            let main: Main = Box::pin(async move {
                let _ = running.send(Ok(()));
                main().await;
            });
            let ended = match spec.engine {
                EngineKind::Uring => uring::run_core(main, &shared).map_err(StartError::Uring),
                EngineKind::Epoll => epoll::run_core(main, &shared).map_err(StartError::Epoll),
            };
            if let Err(error) = ended {
                let _ = ready.send(Err(error));
            }
        })
        .map_err(StartError::Thread)?;
    started.recv().expect("the thread answers before it ends")?;
    Ok(CoreThread { thread, gauges })
}

/// A running core.
#[derive(Debug)]
pub struct CoreThread {
    thread: JoinHandle<()>,
    gauges: Arc<CoreGauges>,
}

impl CoreThread {
    /// Waits for the core's end; the text of the panic if it died of one.
    pub fn join(self) -> Result<(), String> {
        self.thread.join().map_err(|panic| panic_text(&*panic))
    }

    /// Whether the core has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// The core's gauges.
    pub fn gauges(&self) -> &Arc<CoreGauges> {
        &self.gauges
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

thread_local! {
    static ENGINE: OnceCell<EngineKind> = const { OnceCell::new() };
}

/// The engine of this core.
pub(crate) fn engine() -> EngineKind {
    ENGINE.with(|engine| *engine.get().expect("called on a core"))
}
