//! A core without a data plane: it answers orders as a [`Script`] says, on the epoll engine.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};

use config::snapshot::RouteIx;
use control::{CoreBoot, CoreOrder};
use rt::{CoreSpec, CoreThread, EngineKind, StartError};
use signals::{Generation, Outcome};

/// How cores behave; `Some(core)` names the one that does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// Never says that it serves.
    pub(crate) never_serves: Option<u16>,
    /// Hangs when it is asked for its tally, until the gate opens.
    pub(crate) hangs: Option<(u16, Gate)>,
    /// Panics when it is asked for its tally.
    pub(crate) dies: Option<u16>,
    /// Never says that it has drained.
    pub(crate) never_drains: Option<u16>,
    /// Requests that every core counts before each collection.
    pub(crate) requests: u64,
}

/// What a core tells the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It runs; by then every socket is bound.
    Started(u16),
    /// It was asked for its tally.
    Collect(u16),
    /// It was told of a new snapshot, with so many new sockets.
    Publish { core: u16, generation: u32, sockets: usize },
    /// It was told to drain.
    Drain(u16),
    /// It was told to stop.
    Stop(u16),
}

/// Starts one.
pub(crate) fn start(
    CoreSpec { id, .. }: CoreSpec,
    boot: CoreBoot,
    script: Script,
    told: Sender<Told>,
) -> Result<CoreThread, StartError> {
    let spec = CoreSpec { id, engine: EngineKind::Epoll, cpu: None };
    rt::start_core(spec, move || run(boot, script, told))
}

async fn run(boot: CoreBoot, script: Script, told: Sender<Told>) {
    let CoreBoot { core, mut orders, reports, mut tally, mut generation, mut snapshot, .. } = boot;
    let mut sockets = boot.sockets;
    let is = |who: Option<u16>| who == Some(core.0);
    // The test may be over: nobody listens then.
    let tell = |what| {
        let _ = told.send(what);
    };
    tell(Told::Started(core.0));
    if !is(script.never_serves) {
        reports.serving(generation);
    }
    while let Some(order) = orders.recv().await {
        match order {
            CoreOrder::Collect { empty } => {
                tell(Told::Collect(core.0));
                assert!(!is(script.dies), "this core dies, as the test wants it to");
                match &script.hangs {
                    Some((who, gate)) if *who == core.0 => gate.pass(),
                    _ => {}
                }
                (0..script.requests).for_each(|_| tally.record(&outcome(generation)));
                reports.collected(std::mem::replace(&mut tally, empty));
            }
            CoreOrder::Publish { generation: new, snapshot: next, sockets: opened } => {
                tell(Told::Publish { core: core.0, generation: new.0, sockets: opened.len() });
                sockets.retain(|one| next.listeners.iter().any(|kept| kept.name == one.listener));
                sockets.extend(opened);
                reports.serving(new);
                reports.retired(
                    std::mem::replace(&mut generation, new),
                    std::mem::replace(&mut snapshot, next),
                );
            }
            CoreOrder::Drain => {
                tell(Told::Drain(core.0));
                if !is(script.never_drains) {
                    reports.drained();
                }
            }
            CoreOrder::Stop => {
                tell(Told::Stop(core.0));
                break;
            }
        }
    }
}

/// Closed until it is opened; clones are the same gate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().expect("no holder panics") = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let is_open = self.0.0.lock().expect("no holder panics");
        drop(self.0.1.wait_while(is_open, |is_open| !*is_open).expect("no holder panics"));
    }
}

fn outcome(generation: Generation) -> Outcome {
    Outcome {
        generation,
        listener: 0,
        route: Some(RouteIx(0)),
        upstream: None,
        status: 200,
        flag: None,
        bytes_in: 0,
        bytes_out: 5,
        duration_us: 900,
        own_us: 30,
        upstream_us: None,
        retries: 0,
    }
}
