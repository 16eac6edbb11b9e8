//! The admin listener: HTTP/1.1 on the control thread, for operators, probes and scrapers.
//!
//! It must answer `/ready` whatever else goes on, so a client cannot hurt it: one request per
//! connection, bounded time for its head and for the whole, and a bounded number of connections, of
//! which the oldest goes when a new one comes. Who has asked and waits for us goes last.

mod answer;
mod outgoing;
mod server_info;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Socket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::{sleep, timeout};

use crate::shared::Shared;
use outgoing::{Outgoing, UnderWay};

/// Connections that wait for their client, to send or to read, at once; the oldest is closed for a
/// newer one.
pub(crate) const CONNECTIONS_MAX: usize = 32;

/// Likewise, and those that wait for their answer.
const CONNECTIONS_AND_OWED_MAX: usize = 128;

/// First to last byte of a request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(5);

/// Accept to the last byte of the answer, which a client that does not read never takes.
const WHOLE_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// After a failed accept: no descriptor is free, and there will be none at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound admin socket, ready to accept.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Needs a tokio runtime around it.
    pub(crate) fn new(socket: Socket) -> io::Result<Self> {
        if socket.domain()? == Domain::UNIX {
            UnixListener::from_std(socket.into()).map(Self::Unix)
        } else {
            TcpListener::from_std(socket.into()).map(Self::Tcp)
        }
    }

    async fn accept(&self, shared: &Rc<Shared>, outgoing: &Rc<Outgoing>) -> io::Result<Connection> {
        let owed = Rc::new(Cell::new(false));
        let client = Client {
            shared: shared.clone(),
            outgoing: outgoing.clone(),
            owed: owed.clone(),
            cut: Rc::default(),
            under_way: RefCell::default(),
        };
        let task = match self {
            Self::Tcp(listener) => spawn_local(client.serve(listener.accept().await?.0)),
            Self::Unix(listener) => spawn_local(client.serve(listener.accept().await?.0)),
        };
        Ok(Connection { task, owed })
    }
}

/// One client.
struct Connection {
    task: JoinHandle<()>,
    /// It has asked, and the answer is being made.
    owed: Rc<Cell<bool>>,
}

/// Serves until it is aborted.
pub(crate) async fn serve(listener: Listener, shared: Rc<Shared>) {
    let mut open: VecDeque<Connection> = VecDeque::new();
    let outgoing = Rc::default();
    loop {
        match listener.accept(&shared, &outgoing).await {
            Ok(connection) => open.push_back(connection),
            Err(error) => {
                tracing::warn!(%error, "the admin listener cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
        if open.len() > CONNECTIONS_MAX {
            // Those that came just now have their turn: what they ask may be here already.
            yield_now().await;
        }
        open.retain(|connection| !connection.task.is_finished());
        while let Some(place) = too_many(&open) {
            open.remove(place).expect("it was just found").task.abort();
        }
    }
}

/// The connection to close, if there are too many.
fn too_many(open: &VecDeque<Connection>) -> Option<usize> {
    if open.len() > CONNECTIONS_AND_OWED_MAX {
        return Some(0);
    }
    let mut idle = open.iter().enumerate().filter(|(_, connection)| !connection.owed.get());
    let oldest = idle.next().map(|(place, _)| place);
    oldest.filter(|_| idle.count() >= CONNECTIONS_MAX)
}

/// What the connection of one client shares with its request.
struct Client {
    shared: Rc<Shared>,
    outgoing: Rc<Outgoing>,
    owed: Rc<Cell<bool>>,
    /// Told when its answer must make room for others.
    cut: Rc<Notify>,
    under_way: RefCell<Option<UnderWay>>,
}

impl Client {
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let client = &self;
        let service = service_fn(async |request| {
            client.owed.set(true);
            let answer = answer::answer(request, &client.shared).await;
            client.owed.set(false);
            let bytes = answer.body().size_hint().exact().unwrap_or(0);
            let bytes = usize::try_from(bytes).expect("it lies in memory");
            client.under_way.replace(Some(client.outgoing.begin(bytes, &client.cut)));
            Ok::<_, std::convert::Infallible>(answer)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_BYTES_MAX)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        // A client that breaks the protocol, leaves or never reads: there is nobody to tell.
        tokio::select! {
            _ = timeout(WHOLE_WITHIN, connection) => {}
            () = client.cut.notified() => {}
        }
    }
}
