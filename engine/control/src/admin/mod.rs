//! The admin listener: HTTP/1.1 on the control thread, for operators, probes and scrapers.
//!
//! It must answer `/ready` whatever else goes on, so a client cannot hurt it: one request per
//! connection, bounded time for its head and for the whole, and a bounded number of connections, of
//! which the oldest goes when a new one comes.

mod answer;
mod server_info;

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Socket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::shared::Shared;

/// Connections at once; the oldest is closed for a newer one.
pub(crate) const CONNECTIONS_MAX: usize = 32;

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

    async fn accept(&self, shared: &Rc<Shared>) -> io::Result<JoinHandle<()>> {
        let shared = shared.clone();
        Ok(match self {
            Self::Tcp(listener) => spawn_local(serve_one(listener.accept().await?.0, shared)),
            Self::Unix(listener) => spawn_local(serve_one(listener.accept().await?.0, shared)),
        })
    }
}

/// Serves until it is aborted.
pub(crate) async fn serve(listener: Listener, shared: Rc<Shared>) {
    let mut open: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        match listener.accept(&shared).await {
            Ok(connection) => open.push_back(connection),
            Err(error) => {
                tracing::warn!(%error, "the admin listener cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
        open.retain(|connection| !connection.is_finished());
        while open.len() > CONNECTIONS_MAX {
            open.pop_front().expect("more than the maximum").abort();
        }
    }
}

async fn serve_one(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Rc<Shared>) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, std::convert::Infallible>(answer::answer(request, &shared).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks the protocol, leaves or never reads: there is nobody to tell.
    let _ = timeout(WHOLE_WITHIN, connection).await;
}
