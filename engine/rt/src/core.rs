//! A core: one thread that runs one engine until its main future ends.

use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::task::{Caught, Panic};
use crate::{CoreGauges, EngineKind, StartError, epoll, gauges, sys, task, trim, uring};

/// Which core, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoreId(pub u16);

/// How to start a core.
#[derive(Debug, Clone)]
pub struct CoreSpec {
    /// Names the thread: `core-0`.
    pub id: CoreId,
    /// From `probe`.
    pub engine: EngineKind,
    /// Pin the thread to this processor.
    pub cpu: Option<usize>,
}

/// Starts a core and returns when its engine runs. `main` is called on the core, which ends when
/// the future does: tasks that still run are dropped.
pub fn start_core<F>(
    spec: CoreSpec,
    main: impl FnOnce() -> F + Send + 'static,
) -> Result<CoreThread, StartError>
where
    F: Future<Output = ()> + 'static,
{
    let gauges = Arc::new(CoreGauges::default());
    let shared = CoreShared { id: spec.id, gauges: gauges.clone() };
    let (tell, told) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name(format!("core-{}", spec.id.0))
        .spawn(move || live(&spec, &shared, main, &tell))
        .map_err(StartError::Thread)?;
    let core = CoreThread { thread, gauges };
    match told.recv() {
        Ok(started) => started.map(|()| core),
        Err(_) => Err(StartError::Died(core.join().err().unwrap_or_default())),
    }
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

/// What an engine is told about the core that it runs.
pub(crate) struct CoreShared {
    #[allow(dead_code, reason = "for an engine's own messages")]
    pub(crate) id: CoreId,
    pub(crate) gauges: Arc<CoreGauges>,
}

/// A core's main future, made on the core; never panics when polled.
pub(crate) type Main = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    static ENGINE: OnceCell<EngineKind> = const { OnceCell::new() };
}

/// The engine of this core.
pub(crate) fn engine() -> EngineKind {
    ENGINE.with(|engine| *engine.get().expect("called on a core"))
}

/// The life of a core's thread. Ends in a panic if the main future does, when the engine has been
/// taken down in order.
fn live<F: Future<Output = ()> + 'static>(
    spec: &CoreSpec,
    shared: &CoreShared,
    main: impl FnOnce() -> F + 'static,
    tell: &SyncSender<Result<(), StartError>>,
) {
    if let Some(Err(error)) = spec.cpu.map(sys::pin_to) {
        let _ = tell.send(Err(StartError::Pin(spec.cpu.unwrap_or(0), error)));
        return;
    }
    ENGINE.with(|engine| engine.set(spec.engine)).expect("a thread becomes a core once");
    gauges::enter(shared.gauges.clone());
    let running = tell.clone();
    let died: Rc<RefCell<Option<Panic>>> = Rc::default();
    let death = died.clone();
    let main: Main = Box::pin(async move {
        let _ = running.send(Ok(()));
        task::spawn(trim::run());
        if let Err(panic) = Caught::new(async move { main().await }).await {
            *death.borrow_mut() = Some(panic);
        }
    });
    let ended = match spec.engine {
        EngineKind::Uring => uring::run_core(main, shared).map_err(StartError::Uring),
        EngineKind::Epoll => epoll::run_core(main, shared).map_err(StartError::Epoll),
    };
    if let Err(error) = ended {
        let _ = tell.send(Err(error));
    }
    if let Some(panic) = died.take() {
        std::panic::resume_unwind(panic);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
