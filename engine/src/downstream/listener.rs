//! One core's share of a listener: its socket, and the connections that came through it.
//!
//! Caller: `core`, which opens and retires listeners as snapshots come and go.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use config::snapshot::Listener as ListenerConfig;
use rt::{Either, Shortage, Stream};
use signals::{ListenerAt, ListenerEvent, Refusal};

use super::connection::{self, Open};
use crate::core::Core;
use crate::local;
use crate::view::View;

/// After an accept that failed: descriptors and memory come back when something else ends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Connections that are told why they are refused, at once; beyond, they are just closed.
const REFUSALS_MAX: usize = 16;

/// One core's state of a listener; its connections keep it alive.
pub(crate) struct Listener {
    /// Its place in the snapshot of [`Self::view`]: of use together with it alone, in one turn.
    place: Cell<usize>,
    /// The last view that had this listener, once a newer one has not.
    retired: RefCell<Option<Rc<View>>>,
    open: Cell<usize>,
    refusing: Cell<usize>,
}

impl Listener {
    pub(crate) fn new(place: usize) -> Self {
        Self {
            place: Cell::new(place),
            retired: RefCell::default(),
            open: Cell::default(),
            refusing: Cell::default(),
        }
    }

    /// A newer snapshot has it at `place`.
    pub(crate) fn move_to(&self, place: usize) {
        self.place.set(place);
    }

    /// Its place in the view that [`Self::view`] gives in this turn.
    pub(crate) fn place(&self) -> usize {
        self.place.get()
    }

    /// The view that a request beginning now is served by.
    pub(crate) fn view(&self, core: &Core) -> Rc<View> {
        self.retired.borrow().as_ref().map_or_else(|| core.view(), Rc::clone)
    }

    /// Its configuration in `view`, which must come from [`Self::view`] in the same turn.
    fn config<'v>(&self, view: &'v View) -> &'v ListenerConfig {
        &view.snapshot.listeners[self.place.get()]
    }

    /// Takes the listener out of service: what it accepted is served to its end by `last`.
    pub(crate) fn retire(&self, last: &Rc<View>) {
        self.retired.replace(Some(Rc::clone(last)));
    }

    /// True once the configuration has it no more: its connections end with their next answer.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired.borrow().is_some()
    }

    pub(crate) fn idle_timeout(&self, core: &Core) -> Duration {
        self.config(&self.view(core)).http.idle_timeout
    }

    /// What signals call it.
    fn at(&self, view: &View) -> ListenerAt {
        let listener = u16::try_from(self.place.get()).expect("check bounds the listeners");
        ListenerAt { generation: view.generation, listener }
    }

    fn count(&self, core: &Core, event: ListenerEvent) {
        core.count_listener(self.at(&self.view(core)), event);
    }

    pub(crate) fn opened(&self, core: &Core) {
        self.open.set(self.open.get() + 1);
        self.count(core, ListenerEvent::Opened);
    }

    pub(crate) fn closed(&self, core: &Core) {
        self.open.set(self.open.get() - 1);
        self.count(core, ListenerEvent::Closed);
    }
}

/// The task that accepts from one socket.
pub(crate) struct Acceptor {
    pub(crate) listener: Rc<Listener>,
    closing: Rc<Closing>,
}

impl Acceptor {
    /// Accepts what is queued already, so that nobody is reset, and then closes the socket.
    pub(crate) fn close(&self) {
        self.closing.ordered.set(true);
        if let Some(waker) = self.closing.waker.take() {
            waker.wake();
        }
    }
}

#[derive(Default)]
struct Closing {
    ordered: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Closing {
    async fn ordered(&self) {
        poll_fn(|cx| {
            if self.ordered.get() {
                return Poll::Ready(());
            }
            self.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

/// Starts to accept from a socket that is bound and listens. `None` if this core cannot.
pub(crate) fn accept(fd: OwnedFd, core: &Rc<Core>, listener: Rc<Listener>) -> Option<Acceptor> {
    let socket = match rt::Listener::new(fd, local::REFUSAL) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "a listening socket cannot be used by this core");
            return None;
        }
    };
    let closing = Rc::new(Closing::default());
    core.acceptor_began();
    let acceptor = Acceptor { listener: Rc::clone(&listener), closing: Rc::clone(&closing) };
    rt::spawn(accept_until_closed(socket, closing, Rc::clone(core), listener));
    Some(acceptor)
}

async fn accept_until_closed(
    socket: rt::Listener,
    closing: Rc<Closing>,
    core: Rc<Core>,
    listener: Rc<Listener>,
) {
    loop {
        match rt::either(socket.accept(), closing.ordered()).await {
            Either::Left(Ok(stream)) => admit(stream, &core, &listener),
            Either::Left(Err(error)) => {
                let refusal = match Shortage::of(&error) {
                    Some(Shortage::Descriptors) => Refusal::Descriptors,
                    Some(Shortage::Memory) => Refusal::Memory,
                    None => Refusal::Error,
                };
                listener.count(&core, ListenerEvent::Refused(refusal));
                rt::sleep(ACCEPT_PAUSE).await;
            }
            Either::Right(()) => break,
        }
    }
    // Closing resets what is queued.
    while let Ok(Some(stream)) = socket.drain().await {
        admit(stream, &core, &listener);
    }
    core.acceptor_ended();
}

/// Starts to serve a connection, unless there are too many.
fn admit(stream: Stream, core: &Rc<Core>, listener: &Rc<Listener>) {
    let view = listener.view(core);
    let listener_max = core.share_of_connections(listener.config(&view).max_connections);
    let process_max = core.share_of_connections(view.connections_max);
    let refusal = match () {
        () if listener.open.get() >= listener_max => Refusal::Listener,
        () if core.connections.len() < process_max => {
            // Counted here and not in its task, which runs after the next accept.
            return rt::spawn(connection::serve(stream, Open::new(core, listener)));
        }
        () if view.connections_max < view.snapshot.process.max_connections => Refusal::Descriptors,
        () => Refusal::Process,
    };
    listener.count(core, ListenerEvent::Refused(refusal));
    if listener.refusing.get() < REFUSALS_MAX {
        listener.refusing.set(listener.refusing.get() + 1);
        let listener = Rc::clone(listener);
        rt::spawn(async move {
            local::refuse(stream).await;
            listener.refusing.set(listener.refusing.get() - 1);
        });
    }
}
